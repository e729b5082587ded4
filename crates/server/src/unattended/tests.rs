use std::io;
use std::sync::Arc;

use tracing_subscriber::fmt::MakeWriter;

use super::*;
use crate::operation::samples::{at, record};
use crate::store::Birth;
use crate::store::conformance::{Log, ManualClock, work};
use crate::store::embedded::{EmbeddedOptions, EmbeddedStore};

/// (what was known, whether work waits, the last lease call, what is known at 100, the news)
#[test]
fn a_minute_of_waiting_without_a_lease_call_is_said_once_a_minute() {
    use News::{Attended, Unattended};
    let wait = |quiet_since, warned: Option<i64>| {
        Some(Wait { quiet_since: at(quiet_since), warned: warned.map(at) })
    };
    let table = [
        ("nothing", None, false, None, None, None),
        ("begins", None, true, None, wait(100, None), None),
        ("begins, long after a call", None, true, Some(9), wait(100, None), None),
        ("not yet", wait(41, None), true, None, wait(41, None), None),
        ("a minute", wait(40, None), true, None, wait(40, Some(100)), Some(Unattended)),
        ("a call before", wait(40, None), true, Some(39), wait(40, Some(100)), Some(Unattended)),
        ("a call since", wait(20, None), true, Some(41), wait(41, None), None),
        ("a minute since", wait(20, None), true, Some(40), wait(40, Some(100)), Some(Unattended)),
        ("said just now", wait(0, Some(41)), true, None, wait(0, Some(41)), None),
        ("said a minute ago", wait(0, Some(40)), true, None, wait(0, Some(100)), Some(Unattended)),
        ("the call before that", wait(0, Some(90)), true, Some(9), wait(9, Some(90)), None),
        ("back, work left", wait(0, Some(90)), true, Some(90), wait(90, None), Some(Attended)),
        ("back, all leased", wait(0, Some(90)), false, Some(95), None, Some(Attended)),
        ("gone", wait(0, Some(90)), false, None, None, None),
        ("gone without a word", wait(0, None), false, Some(95), None, None),
    ];
    for (what, before, waits, called, after, news) in table {
        assert_eq!(judge(before, waits, called.map(at), at(100)), (after, news), "{what}");
    }
}

#[test]
fn lease_calls_are_remembered_by_service_and_method_and_not_without_end() {
    let calls = LeaseCalls::default();
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    calls.note("s", &names(&["A", "B"]), at(1));
    calls.note("t", &names(&["A"]), at(2));
    calls.note("s", &names(&["B"]), at(3));
    calls.note("s", &names(&["B"]), at(2));
    let last = |service, method| calls.last(service, method);
    assert_eq!((last("s", "A"), last("s", "B")), (Some(at(1)), Some(at(3))), "the latest");
    assert_eq!((last("t", "A"), last("t", "B"), last("u", "A")), (Some(at(2)), None, None));

    let many: Vec<_> = (0..CALLED_MAX).map(|index| format!("m{index}")).collect();
    calls.note("s", &many, at(4));
    assert_eq!(last("s", &many[CALLED_MAX - 4]), Some(at(4)));
    assert_eq!(last("s", &many[CALLED_MAX - 3]), None, "there is no room for it");
    calls.forget(at(4));
    assert_eq!((last("s", "B"), last("t", "A")), (None, None));
    calls.note("s", &many[CALLED_MAX - 3..], at(5));
    assert_eq!(last("s", &many[CALLED_MAX - 1]), Some(at(5)), "now there is");
}

/// What was logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut self.0.lock().unwrap())).unwrap()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn the_log_says_what_waits_and_when_a_worker_is_back() {
    let lines = Lines::default();
    let layer = tracing_subscriber::fmt().without_time().with_ansi(false);
    let subscriber = layer.with_target(false).with_writer(lines.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(at(0)));
    let (log, options) = (Arc::new(Log::default()), EmbeddedOptions::default());
    let store = EmbeddedStore::open(dir.path(), clock.clone(), log, options).unwrap();
    let (calls, mut lookout) = (LeaseCalls::default(), Lookout::default());
    let born = |id: &str| {
        let record = record(id, at(0));
        Box::new(move |_| record.clone()) as Birth
    };
    store.create(vec![born("a"), born("b")]).await;

    let mut told = String::new();
    let mut look = async |seconds: std::ops::RangeInclusive<i64>| {
        for second in seconds.step_by(10) {
            clock.set(at(second));
            lookout.look(&store, &calls).await.unwrap();
            let said = lines.take();
            if !said.is_empty() {
                told += &format!("{second}:{said}");
            }
        }
    };
    look(0..=130).await;
    calls.note("s", &work().methods, at(135));
    look(140..=200).await;
    // The machine sleeps for an hour: workers have their minute again.
    look(3600..=3660).await;
    insta::assert_snapshot!(told);
}
