use super::told;
use crate::operation::filter::{Compare, Condition, Filter, Term};
use crate::operation::{StateName, Timestamp};

fn split(text: &str) -> (Vec<Term>, Condition) {
    let (filter, rest) =
        Condition::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).split();
    (filter.0, rest)
}

#[test]
fn the_store_is_told_what_it_can_answer() {
    use StateName::{Cancelled, Failed, Pending, Running, Succeeded};
    let time = Timestamp::from_micros(1_616_943_000_000_000);
    let state = |states: &[StateName]| vec![Term::State(states.to_vec())];
    let range = |from: &str, to: &str, term: fn(Compare, String) -> Term| {
        vec![term(Compare::GreaterOrEqual, from.into()), term(Compare::Less, to.into())]
    };
    let label = |compare, value: &str| Term::Label("env".into(), compare, value.into());
    let (done, open) = (vec![Term::Done(true)], vec![Term::Done(false)]);
    let never = vec![Term::Done(true), Term::Done(false)];
    let table = [
        ("", vec![]),
        ("done:true", done.clone()),
        ("done = \"false\"", open.clone()),
        ("done != true", open.clone()),
        ("NOT done:true", open.clone()),
        ("-done:true", open),
        ("done:*", done.clone()),
        // Whatever is said of states is one term.
        ("state=RUNNING", state(&[Running])),
        ("state!=\"PENDING\"", state(&StateName::ALL[1..])),
        ("state=FAILED OR state=PENDING", state(&[Pending, Failed])),
        ("state=(FAILED OR PENDING)", state(&[Pending, Failed])),
        ("state!=(FAILED OR PENDING)", state(&[Running, Succeeded, Cancelled])),
        ("NOT (state=FAILED OR state=PENDING)", state(&[Running, Succeeded, Cancelled])),
        ("state!=FAILED state!=PENDING", state(&[Running, Succeeded, Cancelled])),
        ("done=true state!=FAILED", state(&[Succeeded, Cancelled])),
        ("done=false OR state=FAILED", state(&[Pending, Running, Failed])),
        ("state=SUCCEEDED OR state=FAILED OR state=CANCELLED", done.clone()),
        ("done=true OR done=false", vec![]),
        ("state:*", vec![]),
        ("state=FAILED state=RUNNING", never.clone()),
        ("NOT name:*", never.clone()),
        ("error:*", state(&[Failed, Cancelled])),
        ("NOT error:*", state(&[Pending, Running, Succeeded])),
        ("response:*", state(&[Succeeded])),
        ("error:* OR response:*", done.clone()),
        // Texts.
        ("method = pkg.S/M", vec![Term::Method(Compare::Equal, "pkg.S/M".into())]),
        ("NOT method = pkg.S/M", vec![Term::Method(Compare::NotEqual, "pkg.S/M".into())]),
        ("-method < a", vec![Term::Method(Compare::GreaterOrEqual, "a".into())]),
        ("method:*", vec![Term::Method(Compare::NotEqual, String::new())]),
        ("method = pkg.S/*", range("pkg.S/", "pkg.S0", Term::Method)),
        ("name = 'operations/ü*'", range("operations/ü", "operations/ý", Term::Name)),
        ("name=\u{d7ff}*", range("\u{d7ff}", "\u{e000}", Term::Name)),
        ("name=a\u{10ffff}*", range("a\u{10ffff}", "b", Term::Name)),
        ("name < a*", vec![Term::Name(Compare::Less, "a*".into())]),
        (r#"name = "a\*""#, vec![Term::Name(Compare::Equal, "a*".into())]),
        // Times.
        (
            "create_time>=2021-03-28T14:50:00Z",
            vec![Term::CreateTime(Compare::GreaterOrEqual, time)],
        ),
        (
            "NOT createTime<2021-03-28T14:50:00Z",
            vec![Term::CreateTime(Compare::GreaterOrEqual, time)],
        ),
        (
            "finish_time < \"2021-03-28T16:50:00+02:00\"",
            vec![Term::FinishTime(Compare::Less, time)],
        ),
        ("finishTime:*", done.clone()),
        ("create_time:*", vec![]),
        // Records have whole microseconds.
        (
            "create_time<2021-03-28T14:50:00.0000001Z",
            vec![Term::CreateTime(Compare::LessOrEqual, time)],
        ),
        (
            "create_time>=2021-03-28T14:50:00.0000001Z",
            vec![Term::CreateTime(Compare::Greater, time)],
        ),
        (
            "create_time>2021-03-28T14:50:00.0000001Z",
            vec![Term::CreateTime(Compare::Greater, time)],
        ),
        (
            "create_time<=2021-03-28T14:50:00.0000001Z",
            vec![Term::CreateTime(Compare::LessOrEqual, time)],
        ),
        ("create_time=2021-03-28T14:50:00.0000001Z", never),
        ("create_time!=2021-03-28T14:50:00.0000001Z", vec![]),
        ("finish_time!=2021-03-28T14:50:00.0000001Z", done),
        // Labels.
        ("labels.env:'a \\'b'", vec![label(Compare::Equal, "a 'b")]),
        ("labels.\"env\" > b", vec![label(Compare::Greater, "b")]),
        ("labels.env:*", vec![label(Compare::GreaterOrEqual, "")]),
        ("labels:env", vec![label(Compare::GreaterOrEqual, "")]),
        ("labels.env = a*", vec![label(Compare::GreaterOrEqual, "a"), label(Compare::Less, "b")]),
        (
            "name=b (method=m AND labels.env=x)",
            vec![
                Term::Name(Compare::Equal, "b".into()),
                Term::Method(Compare::Equal, "m".into()),
                label(Compare::Equal, "x"),
            ],
        ),
    ];
    for (text, terms) in table {
        assert_eq!(split(text), (terms.clone(), Condition::always()), "{text}");
        assert_eq!(Filter::parse(text), Ok(Filter(terms)), "{text}");
    }
}

#[test]
fn what_is_left_is_as_little_as_can_be() {
    let state = |states: &[StateName]| vec![Term::State(states.to_vec())];
    let name = Term::Name(Compare::Equal, "a".into());
    let table = [
        ("name=a OR name=b", vec![], "name=a OR name=b"),
        ("name=a name=b OR method=c", vec![name.clone()], "name=b OR method=c"),
        ("name=a*b", vec![], "name=a*b"),
        ("name!=a*", vec![], "NOT name=a*"),
        ("NOT labels.env=x", vec![], "NOT labels.env=x"),
        ("NOT finish_time>2021-03-28T14:50:00Z", vec![], "NOT finish_time>2021-03-28T14:50:00Z"),
        ("labels:e*", vec![], "labels:e*"),
        ("metadata:*", vec![], "metadata:*"),
        ("metadata.x=1 name=a", vec![name], "metadata.x=1"),
        // Only what is done has a response, only what failed has an error.
        ("response.x=1", state(&[StateName::Succeeded]), "response.x=1"),
        ("NOT response.x=1", vec![], "NOT response.x=1"),
        ("error.code=5", state(&[StateName::Failed, StateName::Cancelled]), "error.code=5"),
        (
            "error.code=5 OR state=PENDING",
            state(&[StateName::Pending, StateName::Failed, StateName::Cancelled]),
            "error.code=5 OR state=PENDING",
        ),
        (
            "done=true (metadata.x=1 OR done=false)",
            vec![Term::Done(true)],
            "metadata.x=1 OR done=false",
        ),
    ];
    for (text, terms, rest) in table {
        let expected = Condition::parse(rest).unwrap();
        assert_eq!(split(text), (terms, expected), "{text}");
    }
}

#[test]
fn what_no_record_can_have_is_refused_with_its_place() {
    let table = [
        ("color=red", 1, "no filter on \"color\"; expected done, state, method, name,"),
        ("a=1 OR x.y=1", 1, "no filter on \"a\""),
        ("name=a OR x.y=1", 11, "no filter on \"x\""),
        ("state=LOST", 7, "\"LOST\" is no state; expected one of PENDING, RUNNING,"),
        ("state=running", 7, "\"running\" is no state"),
        ("state=2", 7, "\"2\" is no state"),
        ("state=RUN*", 7, "\"RUN*\" is no state"),
        ("state=(FAILED OR LOST)", 18, "\"LOST\" is no state"),
        ("NOT state<RUNNING", 5, "\"state\" takes only =, : and !="),
        ("state.x=RUNNING", 7, "\"state\" has no fields"),
        ("done=maybe", 6, "\"maybe\" is neither true nor false"),
        ("done=5", 6, "\"5\" is neither true nor false"),
        ("done=*", 6, "\"*\" is neither true nor false"),
        ("done>true", 1, "\"done\" takes only =, : and !="),
        ("create_time>yesterday", 13, "\"yesterday\" is no RFC 3339 time"),
        ("create_time > \"abc\"", 15, "\"abc\" is no RFC 3339 time"),
        ("finish_time=*", 13, "\"*\" is no RFC 3339 time"),
        ("name.x=a", 6, "\"name\" has no fields"),
        ("labels=x", 1, "\"labels\" takes only :; labels.KEY"),
        ("labels.a.b=x", 10, "a label has no fields"),
        ("metadata=x", 1, "\"metadata\" takes only :"),
        ("response!=x", 1, "\"response\" takes only :"),
        ("metadata.@type<x", 1, "\"metadata.@type\" takes only =, : and !="),
        ("metadata.@type.x=y", 16, "\"@type\" has no fields"),
        ("error=5", 1, "\"error\" takes only :*"),
        ("error:code", 1, "\"error\" takes only :*"),
        ("error.@type=x", 7, "an error has code, message and details, but no \"@type\""),
        ("error.code=NOT_FOUND", 12, "\"NOT_FOUND\" is no number"),
        ("error.code.x=5", 12, "\"error.code\" has no fields"),
        ("error.details=x", 7, "\"error.details\" is a list"),
        ("error.details.reason=x", 7, "\"error.details\" is a list"),
    ];
    for (text, column, message) in table {
        let (at, told) = told(Condition::parse(text).expect_err(text));
        assert_eq!(at, column, "{text}: {told}");
        assert!(told.starts_with(message), "{text}: {told}");
    }
}
