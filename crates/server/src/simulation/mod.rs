//! A simulation of a whole server with clients and workers, in which one seed decides all:
//! who asks what, in which order everything between the callers and the disk goes on, what
//! gets lost, what comes late, when time passes or jumps, when a commit fails, when the
//! process is killed. A model judges every commit, every answer, and what is still there
//! after a kill.
//!
//! The doors, which only translate, are left out: calls start where both doors join.

mod answer;
mod ask;
mod chance;
mod clients;
mod duty;
mod fate;
mod kitchen;
mod model;
mod post;
mod request;
mod rules;
mod server;
mod steps;
mod tasks;
mod time;
mod trace;
mod workers;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;

use answer::Floor;
use ask::{Ask, Hold};
use chance::Chance;
use model::Model;
use post::{Arrival, Letter};
use server::{Server, Site};
use tasks::{Task, TaskId};
use trace::Trace;

use crate::error::Result;
use crate::operation::RecordName;
use crate::service::Reply;

/// All that there is.
struct World {
    // The first to be dropped: it prints itself if a check panics.
    trace: Trace,
    chance: Chance,
    site: Site,
    model: Model,
    /// The reaper and the calls.
    tasks: Vec<Task<Ended>>,
    /// What each task is about; nothing is the reaper.
    asks: Vec<Option<Arc<Ask>>>,
    /// Callers that listen.
    calls: BTreeMap<TaskId, InFlight>,
    letters: Vec<Letter>,
    arrivals: Vec<(TaskId, Arrival)>,
    server: Option<Server>,
    /// What was asked, and may be asked once more.
    again: Vec<Arc<Ask>>,
    /// Records that callers know, the latest at the end.
    names: Vec<RecordName>,
    /// Leases that workers remember, the latest at the end.
    holds: Vec<Hold>,
    /// The last number that was given to anything.
    number: usize,
    /// The last request id that was made.
    request_id: usize,
}

/// How a task ends.
enum Ended {
    Answered(Result<Reply>),
    Over,
}

/// A call whose caller listens.
struct InFlight {
    floor: Floor,
    asked_at: Instant,
    /// Until when the server may hold it, once it has begun.
    until: Option<Instant>,
    /// Whether something went wrong inside the store.
    hurt: bool,
    /// The record that it has made, or has made before.
    record: Option<RecordName>,
}

/// What a run has come to.
struct Past {
    /// Of all that happened: the same for two runs that did the same.
    digest: u64,
    /// How often what happened.
    counts: BTreeMap<String, usize>,
}

fn run(seed: u64, steps: usize) -> Past {
    eprintln!("simulation: seed {seed}, {steps} steps");
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(tokio::task::unconstrained(async {
        let mut world = World::new(seed);
        while world.trace.step < steps {
            world.step().await;
        }
        world.end().await;
        world.trace.past()
    }))
}

/// The number in an environment variable.
fn given(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{variable}={text}: {error}")))
}

/// Steps of one run.
const STEPS: u64 = 20_000;

/// 10⁵ steps: four seeds that stay and a fresh one. Or one run, with the seed or the number of
/// steps that is given.
#[test]
fn whatever_happens_the_promises_are_kept() {
    let (seed, steps) = (given("LONGRUN_SIM_SEED"), given("LONGRUN_SIM_STEPS"));
    let fresh = || std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), ());
    if seed.is_some() || steps.is_some() {
        run(seed.unwrap_or_else(fresh), steps.unwrap_or(STEPS) as usize);
        return;
    }
    let mut counts = BTreeMap::new();
    for seed in [1, 2, 3, 4, fresh()] {
        for (what, count) in run(seed, STEPS as usize).counts {
            *counts.entry(what).or_insert(0) += count;
        }
    }
    let never = |what: &&&str| !counts.contains_key(**what);
    let missing: Vec<_> = MUST_HAVE_HAPPENED.iter().filter(never).collect();
    assert!(missing.is_empty(), "never happened: {missing:?}; what did: {counts:#?}");
}

/// A simulation in which nothing happens finds nothing.
const MUST_HAVE_HAPPENED: &[&str] = &[
    "killed",
    "stopped",
    "died at Claim",
    "died at Insert",
    "died at Confirm",
    "died at Answer",
    "died at Free",
    "a gap",
    "Start: OK",
    "Start: EXCLUSIVE_KEY_HELD",
    "Start: REQUEST_ID_REUSED",
    "Start: STORE_UNAVAILABLE",
    "Start: FAILED_PRECONDITION",
    "Start: VALIDATION_UNANSWERED",
    "Create: OK",
    "Create: EXCLUSIVE_KEY_HELD",
    "Lease: OK",
    "Lease: STORE_UNAVAILABLE",
    "Renew: OK",
    "Renew: LEASE_LOST",
    "Progress: OK",
    "Release: OK",
    "Release: LEASE_LOST",
    "Reject: OK",
    "Reject: LEASE_LOST",
    "Reject: OPERATION_ADMITTED",
    "Finish: OK",
    "Finish: LEASE_LOST",
    "Finish: OPERATION_DONE",
    "Finish: STORE_UNAVAILABLE",
    "Cancel: OK",
    "Delete: OK",
    "Wait: OK",
    "Wait: OPERATION_DELETED",
    "reaped: Pending",
    "reaped: Pending, removed",
    "reaped: Failed",
    "reaped: Failed, removed",
    "reaped: Cancelled",
    "reaped: Succeeded, removed",
];

#[test]
fn a_seed_decides_everything() {
    assert_eq!(run(1, 10_000).digest, run(1, 10_000).digest);
    assert_ne!(run(5, 200).digest, run(6, 200).digest);
}
