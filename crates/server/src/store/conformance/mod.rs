//! What every store has to do, seen through [`Store`] alone. A store's own tests call
//! [`run`] with a way to open it over a fresh place; the store takes its time from the clock
//! that it is opened with.
//!
//! [`Store`]: crate::store::Store

mod bench;
mod changes;
mod claims;
mod create;
mod descriptors;
mod feed;
mod holds;
mod lease;
mod list;
mod observe;
mod tombstones;

use futures::future::BoxFuture;

pub use bench::{Bench, Log, Open};
pub(crate) use bench::{as_it_is, everything, remove, touch, work};

pub use crate::clock::ManualClock;

/// One test: its name and what it does to a fresh store.
type Case = (&'static str, fn(Bench) -> BoxFuture<'static, ()>);

macro_rules! cases {
    ($($module:ident :: $case:ident),* $(,)?) => {
        &[$((
            concat!(stringify!($module), "::", stringify!($case)),
            |bench| Box::pin($module::$case(bench)),
        )),*]
    };
}

/// The suite.
const CASES: &[Case] = cases![
    create::a_record_comes_back_as_it_was_answered,
    create::answers_stand_in_the_order_of_what_was_asked,
    create::every_field_comes_back,
    create::a_taken_name_is_refused_and_nothing_else,
    create::names_differ_by_service_parent_and_id,
    create::one_of_many_takes_a_name,
    create::a_birth_is_told_the_stores_time,
    changes::a_change_is_kept_put_or_removed,
    changes::one_refusal_does_not_touch_its_neighbours,
    changes::changes_of_one_record_in_a_batch_follow_each_other,
    changes::concurrent_changes_are_applied_one_after_another,
    changes::every_form_of_a_record_replaces_every_other,
    changes::time_does_not_go_back_though_the_clock_does,
    changes::a_change_is_told_no_time_before_the_records_last,
    claims::a_repeated_request_answers_the_first_ones_record,
    claims::a_request_id_outlives_its_record,
    claims::an_exclusive_key_is_free_once_its_record_is_done,
    claims::a_record_that_is_not_made_claims_nothing,
    claims::one_of_many_has_the_claim,
    claims::a_store_that_dies_leaves_one_record_or_none,
    descriptors::descriptors_in_use_are_kept,
    holds::a_held_record_is_the_workers_alone,
    holds::a_held_record_is_due_when_its_time_is_over,
    holds::a_repeat_finds_the_held_record,
    holds::a_rejected_record_was_never_there,
    holds::many_rejections_are_forgotten_in_batches,
    holds::a_store_that_dies_keeps_a_held_record_or_none,
    holds::a_store_that_dies_has_rejected_all_of_a_record_or_nothing,
    list::filters_let_through_what_they_say,
    list::a_list_is_of_a_service_a_parent_an_owner,
    list::deleted_ones_are_listed_when_asked_for,
    list::records_of_one_time_are_ordered_by_name,
    list::pages_are_a_partition_while_rows_come_and_go,
    list::pages_of_all_services_are_a_partition,
    list::a_part_ends_by_its_records_bytes_or_rows,
    lease::the_oldest_are_leased_first,
    lease::only_the_methods_asked_for_are_leased,
    lease::only_what_is_pending_and_not_delayed_is_leased,
    lease::a_deleted_record_is_leased_too,
    lease::payloads_together_stay_below_the_limit,
    lease::what_the_change_refuses_is_not_leased,
    lease::no_record_is_leased_twice,
    lease::what_waits_is_counted_by_method,
    lease::what_is_due_comes_with_the_longest_due_first,
    feed::it_tells_the_latest_version_of_whatever_changed,
    feed::a_bare_renewal_is_not_told,
    feed::it_is_of_a_service_or_of_all,
    feed::it_is_read_in_parts,
    feed::nothing_comes_behind_its_end,
    feed::removals_are_forgotten_when_they_are_old,
    feed::whoever_follows_it_has_what_the_store_has,
    observe::commits_are_told_before_their_callers,
    observe::what_changes_nothing_is_not_told,
    observe::commits_are_told_in_order,
    observe::a_store_that_opens_tells_nothing,
    observe::a_store_that_can_be_written_is_ready,
    tombstones::a_removed_record_leaves_a_tombstone,
    tombstones::a_tombstones_name_is_taken_until_it_is_forgotten,
    tombstones::many_are_forgotten_in_batches,
];

/// Runs the suite: each test once straight through, and once with the store closed and
/// opened again wherever the test pauses.
///
/// # Panics
/// With the names of the tests that failed.
pub async fn run(make: impl Fn() -> Open) {
    let mut failed = Vec::new();
    for (name, case) in CASES {
        for reopens in [false, true] {
            let bench = Bench::new(make(), reopens).await;
            if tokio::spawn(case(bench)).await.is_err() {
                failed.push(format!("{name}{}", if reopens { ", reopened" } else { "" }));
            }
        }
    }
    assert!(failed.is_empty(), "failed: {failed:#?}");
}
