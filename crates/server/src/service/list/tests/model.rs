//! Records and filters as plain values, and what they mean, written without a look at how
//! the server does it.

use std::collections::BTreeMap;

use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::operation::samples::{at, record, status};
use crate::operation::{Execution, Holder, Outcome, Record, State, StateName};
use crate::service::filter::tests::{done, payload};

/// All of a record that the filters here look at.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) id: usize,
    second: i64,
    state: StateName,
    code: i32,
    method: &'static str,
    labels: BTreeMap<&'static str, &'static str>,
    metadata: Metadata,
}

#[derive(Clone, Debug)]
enum Metadata {
    None,
    All {
        small: i32,
        text: &'static str,
        tags: Vec<&'static str>,
        maybe: Option<i32>,
        inner: Option<i32>,
    },
    Struct {
        small: Option<&'static str>,
        text: Option<i32>,
    },
}

const TEXTS: [&str; 5] = ["", "a", "ab", "b*", "ü"];

fn text() -> impl Strategy<Value = &'static str> {
    select(&TEXTS[..])
}

fn metadata() -> impl Strategy<Value = Metadata> {
    let tags = subsequence(TEXTS.to_vec(), 0..3);
    let all = (-2..3, text(), tags, option::of(-1..2), option::of(-1..2)).prop_map(
        |(small, text, tags, maybe, inner)| Metadata::All { small, text, tags, maybe, inner },
    );
    let fields = (option::of(text()), option::of(-2..3))
        .prop_map(|(small, text)| Metadata::Struct { small, text });
    prop_oneof![1 => Just(Metadata::None), 4 => all, 2 => fields]
}

fn model() -> impl Strategy<Value = Model> {
    let methods = vec!["", "s.S/A", "s.S/B", "t.S/A"];
    let labels = (option::of(text()), option::of(text()));
    (0..8_i64, select(StateName::ALL.to_vec()), 2..4, select(methods), labels, metadata()).prop_map(
        |(second, state, code, method, (env, tier), metadata)| Model {
            id: 0,
            second,
            state,
            code: if state == StateName::Cancelled { 1 } else { code },
            method,
            labels: [("env", env), ("tier", tier)]
                .into_iter()
                .filter_map(|(key, value)| Some((key, value?)))
                .collect(),
            metadata,
        },
    )
}

pub(super) fn models(count: usize) -> impl Strategy<Value = Vec<Model>> {
    proptest::collection::vec(model(), count).prop_map(|mut models| {
        for (id, model) in models.iter_mut().enumerate() {
            model.id = id;
        }
        models
    })
}

impl Model {
    /// Ids are not in the order of time.
    pub(super) fn name(&self) -> String {
        format!("operations/r{:02}", self.id * 37 % 100)
    }

    pub(super) fn place(&self) -> (i64, String) {
        (self.second, self.name())
    }

    pub(super) fn record(&self) -> Record {
        let state = match self.state {
            StateName::Pending => State::Pending { delayed_until: None },
            StateName::Running => State::Running(Holder::Service),
            StateName::Succeeded => {
                let json = format!("{{\"count\": {}}}", self.code);
                done(Outcome::Response(payload("t.v1.Inner", &json)))
            }
            StateName::Failed | StateName::Cancelled => {
                done(Outcome::Error(status(self.code, self.method)))
            }
        };
        let json = match &self.metadata {
            Metadata::None => None,
            Metadata::All { small, text, tags, maybe, inner } => {
                let maybe = maybe.map(|maybe| format!(",\"maybe\":{maybe}")).unwrap_or_default();
                let inner = inner.map(|count| format!(",\"inner\":{{\"count\":{count}}}"));
                let inner = inner.unwrap_or_default();
                let json = format!(
                    "{{\"small\":{small},\"text\":{text:?},\"tags\":{tags:?}{maybe}{inner}}}"
                );
                Some(("t.v1.All", json))
            }
            Metadata::Struct { small, text } => {
                let small = small.map(|small| format!("\"small\":{small:?}"));
                let text = text.map(|text| format!("\"text\":{text}"));
                let both: Vec<String> = [small, text].into_iter().flatten().collect();
                Some(("google.protobuf.Struct", format!("{{{}}}", both.join(","))))
            }
        };
        let pair = |(key, value): (&&str, &&str)| ((*key).to_owned(), (*value).to_owned());
        let own = self.state == StateName::Running;
        Record {
            state,
            execution: if own { Execution::Service } else { Execution::Leased },
            method: self.method.to_owned(),
            labels: self.labels.iter().map(pair).collect(),
            metadata: json.map(|(name, json)| payload(name, &json)),
            ..record(self.name().strip_prefix("operations/").unwrap(), at(self.second))
        }
    }
}

/// A filter; the flags choose among ways of writing.
#[derive(Clone, Debug)]
pub(super) enum Wish {
    And(bool, Vec<Wish>),
    Or(Vec<Wish>),
    Not(bool, Box<Wish>),
    Leaf(Leaf),
}

#[derive(Clone, Debug)]
pub(super) enum Leaf {
    Done(bool, bool),
    States(bool, Vec<StateName>),
    Name(&'static str, usize),
    Method(&'static str, &'static str),
    Begins(&'static str, &'static str),
    Created(&'static str, i64),
    Finished(&'static str, i64),
    Label(&'static str, &'static str, &'static str),
    Labelled(&'static str),
    Described,
    Kind(bool, &'static str),
    Small(&'static str, i32),
    Text(&'static str, &'static str),
    Tagged(&'static str),
    Maybe(&'static str, i32),
    Count(&'static str, i32),
    Failed,
    Code(&'static str, i32),
    Response(&'static str, i32),
}

fn operator() -> impl Strategy<Value = &'static str> {
    select(vec!["=", "!=", "<", "<=", ">", ">="])
}

fn leaf() -> impl Strategy<Value = Leaf> {
    use Leaf::*;
    let states = subsequence(StateName::ALL.to_vec(), 1..4);
    prop_oneof![
        any::<(bool, bool)>().prop_map(|(equal, value)| Done(equal, value)),
        (any::<bool>(), states).prop_map(|(equal, states)| States(equal, states)),
        (operator(), 0..60_usize).prop_map(|(operator, id)| Name(operator, id)),
        (operator(), select(vec!["s.S/A", "s.S/B", "x"])).prop_map(|(o, value)| Method(o, value)),
        (
            select(vec!["method", "name", "labels.env"]),
            select(vec!["s.S/", "operations/r1", "a", "ü", "t.S/A"])
        )
            .prop_map(|(field, start)| Begins(field, start)),
        (operator(), 0..8_i64).prop_map(|(operator, second)| Created(operator, second)),
        (operator(), 4..7_i64).prop_map(|(operator, second)| Finished(operator, second)),
        (select(vec!["env", "tier", "none"]), operator(), text())
            .prop_map(|(k, o, v)| Label(k, o, v)),
        select(vec!["env", "tier", "none"]).prop_map(Labelled),
        Just(Described),
        (any::<bool>(), select(vec!["t.v1.All", "google.protobuf.Struct"]))
            .prop_map(|(e, k)| Kind(e, k)),
        (operator(), -2..3).prop_map(|(operator, value)| Small(operator, value)),
        (operator(), text()).prop_map(|(operator, value)| Text(operator, value)),
        text().prop_map(Tagged),
        (operator(), -1..2).prop_map(|(operator, value)| Maybe(operator, value)),
        (operator(), -1..2).prop_map(|(operator, value)| Count(operator, value)),
        Just(Failed),
        (operator(), 0..5).prop_map(|(operator, code)| Code(operator, code)),
        (operator(), 0..5).prop_map(|(operator, code)| Response(operator, code)),
    ]
}

pub(super) fn wish() -> impl Strategy<Value = Wish> {
    leaf().prop_map(Wish::Leaf).prop_recursive(4, 16, 3, |inner| {
        let several = || proptest::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            (any::<bool>(), several()).prop_map(|(written, parts)| Wish::And(written, parts)),
            several().prop_map(Wish::Or),
            (any::<bool>(), inner.clone()).prop_map(|(word, part)| Wish::Not(word, Box::new(part))),
        ]
    })
}

fn stands<T: PartialOrd>(left: T, operator: &str, right: T) -> bool {
    match operator {
        "=" => left == right,
        "!=" => left != right,
        "<" => left < right,
        "<=" => left <= right,
        ">" => left > right,
        _ => left >= right,
    }
}

impl Wish {
    /// As it is written where only a term may stand.
    fn term(&self) -> String {
        match self {
            Self::Leaf(leaf) => leaf.text(),
            Self::And(..) | Self::Or(_) => format!("({})", self.text()),
            Self::Not(..) => self.text(),
        }
    }

    pub(super) fn text(&self) -> String {
        let joined = |parts: &[Self], between: &str, each: fn(&Self) -> String| {
            parts.iter().map(each).collect::<Vec<_>>().join(between)
        };
        match self {
            // OR binds tighter, so that it needs no parentheses here.
            Self::And(written, parts) => {
                let between = if *written { " AND " } else { " " };
                joined(parts, between, |part| match part {
                    Self::Or(_) => part.text(),
                    _ => part.term(),
                })
            }
            Self::Or(parts) => joined(parts, " OR ", Self::term),
            Self::Not(word, inner) => {
                let inner = match **inner {
                    Self::Not(..) => format!("({})", inner.text()),
                    _ => inner.term(),
                };
                format!("{}{inner}", if *word { "NOT " } else { "-" })
            }
            Self::Leaf(leaf) => leaf.text(),
        }
    }

    pub(super) fn holds(&self, model: &Model) -> bool {
        match self {
            Self::And(_, parts) => parts.iter().all(|part| part.holds(model)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(model)),
            Self::Not(_, inner) => !inner.holds(model),
            Self::Leaf(leaf) => leaf.holds(model),
        }
    }
}

impl Leaf {
    fn text(&self) -> String {
        let is = |equal: &bool| if *equal { "=" } else { "!=" };
        let time = |second: i64| format!("2023-11-14T22:13:{:02}Z", 20 + second);
        // A star is to be a star.
        let quoted = |text: &str| format!("\"{}\"", text.replace('*', "\\*"));
        match self {
            Self::Done(equal, value) => format!("done{}{value}", is(equal)),
            Self::States(equal, states) => {
                let names: Vec<&str> = states.iter().map(|state| state.as_str()).collect();
                format!("state{}({})", is(equal), names.join(" OR "))
            }
            Self::Name(operator, id) => format!("name{operator}operations/r{id:02}"),
            Self::Method(operator, method) => format!("method {operator} {method}"),
            Self::Begins(field, start) => format!("{field}=\"{start}*\""),
            Self::Created(operator, second) => format!("create_time{operator}{}", time(*second)),
            Self::Finished(operator, second) => {
                format!("finish_time{operator}\"{}\"", time(*second))
            }
            Self::Label(key, operator, value) => format!("labels.{key}{operator}{}", quoted(value)),
            Self::Labelled(key) => format!("labels:{key}"),
            Self::Described => "metadata:*".to_owned(),
            Self::Kind(equal, kind) => format!("metadata.@type{}{kind}", is(equal)),
            Self::Small(operator, value) => format!("metadata.small{operator}{value}"),
            Self::Text(operator, value) => format!("metadata.text {operator} {}", quoted(value)),
            Self::Tagged(value) => format!("metadata.tags:{}", quoted(value)),
            Self::Maybe(operator, value) => format!("metadata.maybe{operator}{value}.0"),
            Self::Count(operator, value) => format!("metadata.inner.count{operator}{value}"),
            Self::Failed => "error:*".to_owned(),
            Self::Code(operator, code) => format!("error.code{operator}{code}"),
            Self::Response(operator, code) => format!("response.count{operator}{code}"),
        }
    }

    fn holds(&self, model: &Model) -> bool {
        let failed = matches!(model.state, StateName::Failed | StateName::Cancelled);
        let done = failed || model.state == StateName::Succeeded;
        let all = match &model.metadata {
            Metadata::All { small, text, tags, maybe, inner } => {
                Some((small, text, tags, maybe, inner))
            }
            _ => None,
        };
        match self {
            Self::Done(equal, value) => (done == *value) == *equal,
            Self::States(equal, states) => states.contains(&model.state) == *equal,
            Self::Name(operator, id) => {
                stands(model.name(), operator, format!("operations/r{id:02}"))
            }
            Self::Method(operator, method) => stands(model.method, operator, method),
            Self::Begins("method", start) => model.method.starts_with(start),
            Self::Begins("name", start) => model.name().starts_with(start),
            Self::Begins(_, start) => {
                model.labels.get("env").is_some_and(|value| value.starts_with(start))
            }
            Self::Created(operator, second) => stands(model.second, operator, *second),
            Self::Finished(operator, second) => done && stands(5, operator, *second),
            Self::Label(key, operator, value) => {
                model.labels.get(key).is_some_and(|found| stands(found, operator, value))
            }
            Self::Labelled(key) => model.labels.contains_key(key),
            Self::Described => !matches!(model.metadata, Metadata::None),
            Self::Kind(equal, kind) => match model.metadata {
                Metadata::None => false,
                Metadata::All { .. } => (*kind == "t.v1.All") == *equal,
                Metadata::Struct { .. } => (*kind == "google.protobuf.Struct") == *equal,
            },
            // In a Struct it is a text, and compares as one.
            Self::Small(operator, value) => match &model.metadata {
                Metadata::All { small, .. } => stands(*small, operator, *value),
                Metadata::Struct { small: Some(small), .. } => {
                    stands(*small, operator, value.to_string().as_str())
                }
                _ => false,
            },
            // In a Struct it is a number, which none of these texts is.
            Self::Text(operator, value) => {
                all.is_some_and(|(_, text, ..)| stands(text, operator, value))
            }
            Self::Tagged(value) => all.is_some_and(|(_, _, tags, ..)| tags.contains(value)),
            Self::Maybe(operator, value) => all
                .and_then(|(_, _, _, maybe, _)| *maybe)
                .is_some_and(|maybe| stands(maybe, operator, *value)),
            Self::Count(operator, value) => all
                .and_then(|(.., inner)| *inner)
                .is_some_and(|count| stands(count, operator, *value)),
            Self::Failed => failed,
            Self::Code(operator, code) => failed && stands(model.code, operator, *code),
            Self::Response(operator, code) => {
                model.state == StateName::Succeeded && stands(model.code, operator, *code)
            }
        }
    }
}
