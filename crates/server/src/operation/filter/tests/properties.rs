use proptest::prelude::*;
use proptest::sample::select;

use crate::operation::filter::condition::{Part, Question};
use crate::operation::filter::{Condition, Test};
use crate::operation::samples::any_record;
use crate::operation::{Record, StateName};

/// Texts that look like filters, and some that are.
fn soup() -> impl Strategy<Value = String> {
    let words = vec![
        "AND",
        "OR",
        "NOT",
        "-",
        "(",
        ")",
        "=",
        "!=",
        "<",
        "<=",
        ":",
        "!",
        ",",
        ".",
        "*",
        "\"",
        "'",
        "\\",
        " ",
        "done",
        "state",
        "name",
        "labels",
        "metadata",
        "error",
        "@type",
        "code",
        "true",
        "FAILED",
        "a*",
        "1.5e3",
        "2021-03-28T14:50:00Z",
        "ü",
        "\u{0}",
        "\u{2003}",
    ];
    proptest::collection::vec(select(words), 0..40).prop_map(|words| words.concat())
}

/// Filters that are right, of all kinds of comparisons.
fn filter() -> impl Strategy<Value = String> {
    let comparison = prop_oneof![
        select(vec![
            "done=true",
            "done!=true",
            "done:*",
            "state=FAILED",
            "state!=RUNNING",
            "error:*",
            "response:*",
            "finish_time:*",
            "name:*",
            "labels:a*",
            "labels.a:*",
            "labels.b=a",
            "metadata:*",
            "metadata.x=1",
            "response.x=1",
            "error.code=5",
            "error.message!=x",
        ])
        .prop_map(str::to_owned),
        (
            select(vec!["name", "method", "labels.a", "labels.b"]),
            operator(),
            "[a-c*p]{1,3}|operations/\\*|pkg\\.Service/[A-C]\\*?"
        )
            .prop_map(|(field, operator, value)| format!("{field}{operator}{value}")),
        (select(vec!["create_time", "finish_time"]), operator(), 1970..2040, 0..10_u32).prop_map(
            |(field, operator, year, nanos)| format!(
                "{field}{operator}{year}-01-01T00:00:00.00000000{nanos}Z"
            )
        ),
    ];
    comparison.prop_recursive(4, 20, 4, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} AND {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} {b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) OR ({b})")),
            inner.prop_map(|a| format!("NOT ({a})")),
        ]
    })
}

fn operator() -> impl Strategy<Value = &'static str> {
    select(vec!["=", ":", "!=", "<", "<=", ">", ">="])
}

/// Some answer, that differs by record and question; of what isn't there it is no.
fn answer(record: &Record, question: &Question) -> bool {
    let there = match question.part {
        Part::Metadata => record.metadata.is_some(),
        Part::Response => record.state_name() == StateName::Succeeded,
        Part::Error => matches!(record.state_name(), StateName::Failed | StateName::Cancelled),
    };
    there && (record.version.wrapping_add(question.path.len() as u64)).is_multiple_of(2)
}

fn depth(condition: &Condition) -> usize {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => {
            1 + parts.iter().map(depth).max().unwrap_or_default()
        }
        Condition::Is(_) | Condition::Not(_) => 1,
    }
}

proptest! {
    #[test]
    fn any_text_is_a_filter_or_refused_at_a_place_in_it(text in prop_oneof![soup(), "\\PC{0,80}"]) {
        match Condition::parse(&text) {
            Ok(condition) => prop_assert!(depth(&condition) <= 102),
            Err(error) => {
                prop_assert!((1..=text.chars().count() + 1).contains(&error.column), "{:?}", error);
                prop_assert!(!error.message.is_empty());
            }
        }
    }

    #[test]
    fn what_the_store_answers_and_what_is_left_are_the_filter(
        text in filter(),
        records in proptest::collection::vec(any_record(), 8),
    ) {
        let condition = Condition::parse(&text).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        let (filter, rest) = condition.clone().split();
        for record in records {
            let mut ask = |question: &Question| answer(&record, question);
            let whole = condition.holds(&record, &mut ask);
            let both = filter.matches(&record) && rest.holds(&record, &mut ask);
            prop_assert_eq!(whole, both, "{} is {:?} and {:?}", text, filter, rest);
        }
    }

    #[test]
    fn a_negation_is_the_opposite(text in filter(), record in any_record()) {
        let holds = |text: &str| {
            let condition = Condition::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            condition.holds(&record, &mut |question| answer(&record, question))
        };
        prop_assert_eq!(holds(&format!("NOT ({text})")), !holds(&text));
    }
}

/// Work that grows with the square of a text would show at many times this length too, but
/// these are the longest that are read.
#[test]
fn the_longest_and_deepest_texts_are_read() {
    let fill = |text: &str| text.repeat(4096 / text.len());
    let texts = [
        "(",
        ")",
        "-",
        "NOT ",
        "AND ",
        "a",
        "a.",
        "a=",
        "'",
        "\"",
        "\\",
        "*",
        "a OR ",
        "NOT(",
        "-(",
        "a=(",
        "a=1 ",
        "a=*",
        "done=true OR ",
        "ü",
        "a=(1 ",
    ];
    for text in texts {
        let filled = fill(text);
        assert!(Condition::parse(&filled).is_err(), "{text}");
    }
    let negations = format!("{}done=true{}", "NOT (".repeat(50), ")".repeat(50));
    let expected = Condition::parse("done=true").unwrap();
    assert_eq!(Condition::parse(&negations), Ok(expected));
    let most = vec!["metadata.a=1"; 100].join(" OR ");
    let Ok(Condition::Any(parts)) = Condition::parse(&most) else { panic!("a choice") };
    assert!(parts.iter().all(|part| matches!(part, Condition::Is(Test::Payload(_)))));
}
