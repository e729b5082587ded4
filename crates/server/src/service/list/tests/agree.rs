use std::cell::Cell;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Runtime;

use super::model::{Model, models, wish};
use super::{Shelf, list};
use crate::service::Limits;

/// The same every time.
fn some(count: usize) -> Vec<Model> {
    models(count).new_tree(&mut TestRunner::deterministic()).unwrap().current()
}

/// What the store answers, what is left, and how they are put together in pages come to
/// what the filter means.
#[test]
fn pages_are_what_a_naive_reading_of_the_filter_lets_through() {
    let runtime = Runtime::new().unwrap();
    let shelf = Shelf::new();
    let mut models = some(60);
    runtime.block_on(shelf.put(models.iter().map(Model::record).collect()));
    models.sort_by_key(Model::place);

    let passed = Cell::new(0);
    let config = Config { cases: 400, failure_persistence: None, ..Config::default() };
    let strategy = (wish(), 1..30, prop_oneof![1..20_usize, Just(10_000)]);
    TestRunner::new(config)
        .run(&strategy, |(wish, size, list_scan_max)| {
            let text = wish.text();
            let limits = Limits { list_scan_max, ..Limits::USUAL };
            let (mut found, mut token) = (vec![], String::new());
            for pages in 0.. {
                let page = runtime.block_on(shelf.page(limits, &list(&text, size), &token));
                let (ids, next) =
                    page.map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
                prop_assert!(ids.len() <= size as usize);
                found.extend(ids.into_iter().map(|id| format!("operations/{id}")));
                token = next;
                if token.is_empty() {
                    break;
                }
                prop_assert!(pages < 121, "every page gets further");
            }
            let expected: Vec<String> =
                models.iter().filter(|model| wish.holds(model)).map(Model::name).collect();
            passed.set(passed.get() + expected.len());
            prop_assert_eq!(found, expected, "{}", text);
            Ok(())
        })
        .unwrap();
    // Filters that let everything through, or nothing, would show nothing.
    let share = passed.get() as f64 / (400.0 * 60.0);
    assert!((0.1..0.9).contains(&share), "{share}");
}
