use std::cmp::Ordering;

use crate::operation::filter::parse::{Syntax, parse};
use crate::operation::filter::{Compare, Literal};

/// The value, as it is read from a filter.
fn literal(text: &str) -> Literal {
    match parse(&format!("a={text}")) {
        Ok(Syntax::Restriction(restriction)) => restriction.value,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn stars_stand_for_any_text() {
    let table = [
        ("a*", "a ab abc", "b ba '' A"),
        ("*a", "a ba ''a", "ab b"),
        ("*", "a '' *", ""),
        ("a*b", "ab axb aabb", "a b ba xab abx"),
        ("a*a", "aa aba", "a ab"),
        ("*ab*", "ab xab abx aab", "a b ba aXb"),
        ("*ab*ab*", "abab xabxabx", "ab aba"),
        ("a*b*c", "abc aXbXc abbcc abcbc", "ac acb abcx"),
        ("**", "a ab", ""),
        ("'a*'", "a ab", "b"),
        (r"'a\*'", "a*", "a ab"),
        (r"'a\**'", "a* a*b", "a ab"),
        ("ü*", "ü üx", "u"),
        ("a", "a", "ab A *"),
    ];
    for (text, fitting, others) in table {
        let literal = literal(text);
        for (found, fits) in fitting
            .split(' ')
            .map(|one| (one, true))
            .chain(others.split(' ').map(|one| (one, false)))
        {
            if others.is_empty() && !fits {
                continue;
            }
            let found = if found == "''" { "" } else { found };
            assert_eq!(literal.compares(Compare::Equal, found), fits, "{text} {found:?}");
            assert_eq!(literal.compares(Compare::NotEqual, found), !fits, "{text} {found:?}");
        }
    }
    // To the others a star is a character.
    assert!(literal("b*").compares(Compare::Less, "b"));
    assert!(literal("b*").compares(Compare::GreaterOrEqual, "b+"));
}

#[test]
fn long_texts_with_many_stars_take_no_time() {
    let pattern = literal(&"*a".repeat(1000));
    let text = "a".repeat(1 << 20);
    assert!(pattern.compares(Compare::Equal, &text));
    let pattern = literal(&format!("{}b", "*a".repeat(1000)));
    assert!(!pattern.compares(Compare::Equal, &text));
}

#[test]
fn times_are_rfc_3339() {
    let table = [
        ("1970-01-01T00:00:00Z", Some(0)),
        ("1970-01-01T00:00:01.5Z", Some(1_500_000_000)),
        ("1970-01-01T00:00:00.000000001Z", Some(1)),
        ("1969-12-31T23:59:59.999999999Z", Some(-1)),
        ("1970-01-01t02:00:00+02:00", Some(0)),
        ("1969-12-31T19:30:00-04:30", Some(0)),
        ("\"2012-04-21T11:30:00-04:00\"", Some(1_335_022_200_000_000_000)),
        ("9999-12-31T23:59:59.999999999Z", Some(253_402_300_799_999_999_999)),
        ("0001-01-01T00:00:00z", Some(-62_135_596_800_000_000_000)),
        ("1970-01-01", None),
        ("1970-01-01T00:00:00", None),
        ("1970-01-01T00:00Z", None),
        ("'1970-01-01 00:00:00Z'", None),
        ("1970-01-01T00:00:00+2", None),
        ("1970-01-01T00:00:00+0200", None),
        ("1970-01-01T00:00:00+24:00", None),
        ("1970-01-01T00:00:00+00:60", None),
        ("1970-01-01T00:00:60Z", None),
        ("1970-02-30T00:00:00Z", None),
        ("1970-01-01T00:00:00.Z", None),
        ("1970-01-01T00:00:00.0000000001Z", None),
        ("ü970-01-01T00:00:00Z", None),
        ("1970-01-01T00:00:00ü00:00", None),
        ("1970-01-01T00:00:00+üü:0", None),
        ("yesterday", None),
        ("Z", None),
    ];
    for (text, nanos) in table {
        assert_eq!(literal(text).timestamp(), nanos, "{text}");
    }
}

#[test]
fn durations_are_seconds() {
    let table = [
        ("20s", Some(20_000_000_000)),
        ("1.2s", Some(1_200_000_000)),
        ("-0.000000001s", Some(-1)),
        ("0s", Some(0)),
        ("9223372036854775807s", Some(9_223_372_036_854_775_807_000_000_000)),
        ("9223372036854775808s", None),
        ("20", None),
        ("s", None),
        ("1m", None),
        ("1.s", None),
        (".5s", None),
        ("--1s", None),
        ("1.0000000001s", None),
    ];
    for (text, nanos) in table {
        assert_eq!(literal(text).duration(), nanos, "{text}");
    }
}

#[test]
fn whole_numbers_compare_with_any_number() {
    use Ordering::{Equal, Greater, Less};
    let (largest, huge) = (i128::from(u64::MAX), format!("1{}", "0".repeat(60)));
    let table = [
        (5, "5", Some(Equal)),
        (5, "+5", Some(Equal)),
        (5, "5.0", Some(Equal)),
        (5, "5e0", Some(Equal)),
        (5, "5.5", Some(Less)),
        (6, "5.5", Some(Greater)),
        (-5, "-5.5", Some(Greater)),
        (-6, "-5.5", Some(Less)),
        (0, "-0.5", Some(Greater)),
        (largest, "18446744073709551615", Some(Equal)),
        (largest, "18446744073709551616", Some(Less)),
        (largest, "1e300", Some(Less)),
        (largest, "1e999", Some(Less)),
        (largest, &huge, Some(Less)),
        (-largest, "-1e999", Some(Greater)),
        (5, "five", None),
        (5, "'5 '", None),
        (5, "0x5", None),
        (5, "5s", None),
        (5, "''", None),
        (5, "-", None),
        (5, "e5", None),
        (5, "1e", None),
        (5, "inf", None),
        (5, "NaN", None),
        (5, "Infinity", None),
        (5, "5*", None),
    ];
    for (found, text, order) in table {
        assert_eq!(literal(text).order_integer(found), order, "{found} {text}");
    }
}

#[test]
fn fractions_have_infinities_and_what_is_no_number() {
    let float = |text: &str| literal(text).float::<f64>();
    assert_eq!(float("2.997e9"), Some(2.997e9));
    assert_eq!(float("-.5"), Some(-0.5));
    assert_eq!(float("Infinity"), Some(f64::INFINITY));
    assert_eq!(float("-Infinity"), Some(f64::NEG_INFINITY));
    assert!(float("NaN").is_some_and(f64::is_nan));
    assert_eq!((float("inf"), float("nan"), float("1_000")), (None, None, None));
    assert_eq!(literal("0.1").float(), Some(0.1_f32));
    let nan = f64::NAN;
    assert!(!Compare::Equal.holds(&nan, &nan) && Compare::NotEqual.holds(&nan, &nan));
    assert!(!Compare::LessOrEqual.holds(&nan, &1.0) && !Compare::Greater.holds(&nan, &1.0));
}
