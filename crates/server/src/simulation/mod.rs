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
}

/// One run; answers the digest of all that happened.
fn run(seed: u64, steps: usize) -> u64 {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(tokio::task::unconstrained(async {
        let mut world = World::new(seed);
        while world.trace.step < steps {
            world.step().await;
        }
        world.end().await;
        eprintln!("{:#?}", world.trace.counts());
        world.trace.digest()
    }))
}

/// Steps of one run in the suite.
const STEPS: usize = 20_000;

/// The number in an environment variable.
fn given(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{variable}={text}: {error}")))
}

/// 10⁵ steps: four seeds that stay, and a fresh one, or the one that is given.
#[test]
fn whatever_happens_the_promises_are_kept() {
    let steps = given("LONGRUN_SIM_STEPS").map_or(STEPS, |steps| steps as usize);
    if let Some(seed) = given("LONGRUN_SIM_SEED") {
        run(seed, steps);
        return;
    }
    let fresh = u64::from(std::process::id()) << 32 | u64::from(std::time::UNIX_EPOCH.elapsed().unwrap().subsec_nanos());
    for seed in [1, 2, 3, 4, fresh] {
        eprintln!("simulation: seed {seed}, {steps} steps");
        run(seed, steps);
    }
}

#[test]
fn a_seed_decides_everything() {
    assert_eq!(run(5, 2_000), run(5, 2_000));
    assert_ne!(run(5, 200), run(6, 200));
}
