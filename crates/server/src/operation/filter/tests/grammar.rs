use super::{show, told};
use crate::operation::filter::parse::parse;

#[test]
fn filters_are_read_as_aip_160_says() {
    let table = [
        ("", "()"),
        ("  \t\n", "()"),
        ("a=1", "a=1"),
        ("  a  =  1  ", "a=1"),
        // OR binds tighter than AND, and white space is AND.
        ("a=1 AND b=2", "(and a=1 b=2)"),
        ("a=1 b=2", "(and a=1 b=2)"),
        ("a=1 OR b=2", "(or a=1 b=2)"),
        ("a=1 AND b=2 OR c=3", "(and a=1 (or b=2 c=3))"),
        ("a=1 OR b=2 AND c=3", "(and (or a=1 b=2) c=3)"),
        ("a=1 b=2 OR c=3 d=4", "(and a=1 (or b=2 c=3) d=4)"),
        ("a=1 b=2 AND c=3 AND d=4", "(and a=1 b=2 c=3 d=4)"),
        ("a=1 OR b=2 OR c=3", "(or a=1 b=2 c=3)"),
        ("(a=1 AND b=2) OR c=3", "(or (and a=1 b=2) c=3)"),
        ("((a=1))", "a=1"),
        ("(a=1)(b=2)AND(c=3)OR(d=4)", "(and a=1 b=2 (or c=3 d=4))"),
        // Negations.
        ("NOT a=1", "(not a=1)"),
        ("-a=1", "(not a=1)"),
        ("NOT (a=1 OR b=2)", "(not (or a=1 b=2))"),
        ("NOT(a=1)", "(not a=1)"),
        ("-(a=1 b=2)", "(not (and a=1 b=2))"),
        ("a=1 -b=2", "(and a=1 (not b=2))"),
        ("NOT a=1 OR -b=2 AND c=3", "(and (or (not a=1) (not b=2)) c=3)"),
        ("NOT (NOT a=1)", "(not (not a=1))"),
        // Comparisons.
        ("a=1 b!=2 c<3 d<=4 e>5 f>=6 g:7 h:*", "(and a=1 b!=2 c<3 d<=4 e>5 f>=6 g:7 h:*)"),
        ("a:1:2", "a:1:2"),
        ("a=b.c/d@e-f_*", "a=b.c/d@e-f_*"),
        ("a = 2012-04-21T11:30:00.5-04:00", "a=2012-04-21T11:30:00.5-04:00"),
        ("a=-5 b=-1.5e-9 c=1.2s", "(and a=-5 b=-1.5e-9 c=1.2s)"),
        // Paths; a keyword may be a field, an operator none.
        ("a.b.c=1", "a/b/c=1"),
        ("a.\"b.c\".'d e'=1", "a/b.c/d e=1"),
        ("\"a\"=1", "a=1"),
        ("a.AND.OR.NOT=1", "a/AND/OR/NOT=1"),
        ("\"AND\"=1", "AND=1"),
        ("a.@type=t", "a/@type=t"),
        ("a.b-c.1=x", "a/b-c/1=x"),
        ("ANDY=1 ORB=2 NOTE=3", "(and ANDY=1 ORB=2 NOTE=3)"),
        // Quoted values.
        (r#"a="x y" b='x "y"'"#, r#"(and a=x y b=x "y")"#),
        (r#"a="\"\\\*'" b=''"#, r#"(and a="\*' b=)"#),
        ("a=\"AND\" b='('", "(and a=AND b=()"),
        ("a=ü AND ü=1", "(and a=ü ü=1)"),
        // Values in parentheses stand each for a comparison.
        ("a=(1 OR 2)", "(or a=1 a=2)"),
        ("a:(1 2 AND 'x y')", "(and a:1 a:2 a:x y)"),
        ("a=(1 OR (2 AND NOT 3)) b=4", "(and (or a=1 (and a=2 (not a=3))) b=4)"),
        ("a=(-1 OR OR-x OR 1:2)", "(or a=-1 a=OR-x a=1:2)"),
        ("a!=(1 OR 2 3)", "(or (and a!=1 a!=2) a!=3)"),
        ("a=(1)", "a=1"),
    ];
    for (text, shown) in table {
        assert_eq!(
            parse(text).map(|syntax| show(&syntax)).map_err(told),
            Ok(shown.into()),
            "{text}"
        );
    }
}

#[test]
fn what_is_no_filter_is_refused_with_its_place() {
    let parentheses = |depth: usize| format!("{}a=1{}", "(".repeat(depth), ")".repeat(depth));
    let path = |names: usize| format!("{}=1", vec!["a"; names].join("."));
    let many = |count: usize| "a=1 ".repeat(count);
    assert!(
        parse(&parentheses(50)).is_ok() && parse(&path(50)).is_ok() && parse(&many(100)).is_ok()
    );
    let (deep, winding, long) = (parentheses(51), path(51), "x".repeat(5000));
    let values = format!("a=({})", vec!["1"; 101].join(" "));
    let wide = "ü".repeat(2049);
    let table = [
        // Bare values, AIP-160's global restrictions, and functions.
        ("done", 1, "\"done\" stands alone: compare a field"),
        ("a=1 prod", 5, "\"prod\" stands alone"),
        ("a=1 \"prod x\"", 5, "\"prod x\" stands alone"),
        ("-30", 2, "\"30\" stands alone"),
        ("a.b", 1, "\"a\" stands alone"),
        ("(a) b=1", 2, "\"a\" stands alone"),
        ("a=1 and b=2", 5, "\"and\" is no operator: AND, OR and NOT are written in capitals"),
        ("a=1 Or b=2", 5, "\"Or\" is no operator"),
        ("regex(a, 'b')", 1, "there are no functions"),
        ("a=1 math.mem('30mb')", 5, "there are no functions"),
        ("a=now()", 3, "there are no functions"),
        ("a=(now())", 4, "there are no functions"),
        // What is missing.
        ("= 1", 1, "expected a field, not '='"),
        ("()", 2, "expected a field, not ')'"),
        ("a=1 AND", 8, "expected a field, but the filter ends"),
        ("a=1 OR ", 8, "expected a field, but the filter ends"),
        ("NOT", 4, "expected a field, but the filter ends"),
        ("a=", 3, "expected a value for \"a\", but the filter ends"),
        ("a.b= )", 6, "expected a value for \"a.b\", not ')'"),
        ("a==1", 3, "expected a value for \"a\", not '='"),
        ("a=()", 4, "expected a value for \"a\", not ')'"),
        ("a=,", 3, "expected a value for \"a\", not ','"),
        (".a=1", 1, "expected a field, not '.'"),
        ("a.=1", 3, "expected a field, not '='"),
        ("a..b=1", 3, "expected a field, not '.'"),
        ("a. b=1", 3, "expected a field, not ' '"),
        // Operators where they can't be.
        ("AND a=1", 1, "expected a field, not AND"),
        ("a=1 AND AND b=2", 9, "expected a field, not AND"),
        ("a=1 OR AND b=2", 8, "expected a field, not AND"),
        ("NOT NOT a=1", 5, "expected a field, not NOT"),
        ("a=AND", 3, "expected a value, not AND"),
        ("a=NOT b=1", 3, "expected a value, not NOT"),
        ("a=(1 OR OR)", 9, "expected a value, not OR"),
        ("a!1", 2, "'!' is not expected here"),
        ("a, b", 2, "',' is not expected here"),
        ("a=1, b=2", 4, "expected a field, not ','"),
        ("a=b=c", 4, "expected a field, not '='"),
        ("a=\"b\".c", 6, "expected a field, not '.'"),
        // What has no end, or no beginning.
        ("(a=1", 1, "there is no \")\" for this \"(\""),
        ("a=1 (b=2 (c=3)", 5, "there is no \")\" for this \"(\""),
        ("a=(1 OR 2", 3, "there is no \")\" for this \"(\""),
        ("a=1)", 4, "there is no \"(\" for this \")\""),
        ("a='b", 3, "the quoted text has no end"),
        ("a='b\\'", 3, "the quoted text has no end"),
        ("a='b\\", 3, "the quoted text has no end"),
        ("a.\"b=1", 3, "the quoted text has no end"),
        // Columns count characters.
        ("ü='ü' x", 7, "\"x\" stands alone"),
        // Limits.
        (&long, 1, "5000 bytes; a filter has at most 4096"),
        (&wide, 1, "4098 bytes; a filter has at most 4096"),
        (&deep, 51, "more than 50 parentheses within each other"),
        (&winding, 101, "more than 50 names in one path"),
        (&values, 1, "more than 100 comparisons"),
    ];
    for (text, column, message) in table {
        let (at, told) = told(parse(text).expect_err(text));
        assert_eq!(at, column, "{text}: {told}");
        assert!(told.starts_with(message), "{text}: {told}");
    }
    let (column, _) = told(parse(&many(101)).unwrap_err());
    assert_eq!(column, 401);
    let (_, message) = told(parse(&"x".repeat(100)).unwrap_err());
    assert!(message.starts_with(&format!("\"{}…\"", "x".repeat(64))), "{message}");
}
