//! One watch over a real store, with time that the test moves.

use futures::FutureExt as _;

use super::*;
use crate::catalog::Sources;
use crate::operation::samples::{at, name, payload, record};
use crate::operation::{Record, Span};
use crate::store::conformance::{ManualClock, remove, touch};
use crate::store::embedded::{EmbeddedOptions, EmbeddedStore};
use crate::store::{Apply, Birth};

const HEARTBEAT: Duration = Duration::from_secs(15);

struct Place {
    _dir: tempfile::TempDir,
    clock: Arc<ManualClock>,
    store: Arc<EmbeddedStore>,
    live: Arc<Live>,
    stop: sync::watch::Sender<bool>,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(at(0)));
        let live = Arc::new(Live::new(1 << 20));
        let options = EmbeddedOptions::default();
        let store = EmbeddedStore::open(dir.path(), clock.clone(), live.clone(), options).unwrap();
        let (stop, _) = sync::watch::channel(false);
        Self { _dir: dir, clock, store: Arc::new(store), live, stop }
    }

    fn watch(&self, filter: &str) -> Watch {
        let now = self.store.now();
        Watch {
            store: self.store.clone(),
            live: self.live.clone(),
            draining: self.stop.subscribe(),
            service: Some("s".to_owned()),
            bytes_max: 1 << 20,
            filter: (!filter.is_empty()).then(|| Condition::parse(filter).unwrap()),
            catalog: Arc::new(Catalog::load(&Sources::default()).unwrap()),
            slots: Slots::new(1),
            slot: None,
            told: Told::since(now),
            place: ResumeToken { sequence: 0, time: now, horizon: now },
            messages: VecDeque::new(),
            kept: vec![],
            heartbeat: HEARTBEAT,
            heartbeat_at: Instant::now() + HEARTBEAT,
            ends_at: None,
            failed: false,
        }
    }

    async fn make(&self, records: Vec<Record>) {
        let born = |record: Record| Box::new(move |_| record.clone()) as Birth;
        for answer in self.store.create(records.into_iter().map(born).collect()).await {
            answer.unwrap();
        }
    }

    async fn change(&self, id: &str, apply: Apply) {
        self.store.update(vec![(name(id), apply)]).await.remove(0).unwrap();
    }

    async fn label(&self, id: &str, value: &'static str) {
        let apply = move |record: &Record, now| {
            let labels = [("env".to_owned(), value.to_owned())].into();
            touch(&Record { labels, ..record.clone() }, now)
        };
        self.change(id, Box::new(apply)).await;
    }
}

/// `id@etag`, `-id` or a dot for a heartbeat.
fn told(message: &WatchRecordsResponse) -> String {
    let id = |name: &str| name.rsplit('/').next().unwrap().to_owned();
    match &message.record {
        Some(record) => format!("{}@{}", id(&record.name), record.etag.trim_matches('"')),
        None if message.removed => format!("-{}", id(&message.name)),
        None => ".".to_owned(),
    }
}

async fn next(watch: &mut Watch) -> WatchRecordsResponse {
    watch.message().await.unwrap().expect("the stream goes on")
}

/// Everything that can be told without waiting for a commit or a heartbeat.
async fn all(watch: &mut Watch) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        // A heartbeat comes behind each batch; the first empty batch is the end.
        watch.heartbeat_at = Instant::now();
        let before = seen.len();
        loop {
            let message = next(watch).await;
            if message.record.is_none() && !message.removed {
                break;
            }
            seen.push(told(&message));
        }
        if seen.len() == before {
            return seen;
        }
    }
}

fn token(message: &WatchRecordsResponse) -> ResumeToken {
    ResumeToken::decode(&message.resume_token).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_quiet_watch_beats_every_fifteen_seconds_with_a_fresh_token() {
    let place = Place::new();
    let mut watch = place.watch("");
    let start = Instant::now();
    watch.begin().await.unwrap();
    assert_eq!(told(&next(&mut watch).await), ".");
    assert_eq!(start.elapsed(), Duration::ZERO, "the first message is there at once");
    for beat in 1..4_i64 {
        place.clock.set(at(15 * beat));
        let message = next(&mut watch).await;
        assert_eq!(told(&message), ".");
        assert_eq!(start.elapsed().as_secs(), 15 * beat.unsigned_abs());
        assert_eq!(token(&message).time, at(15 * beat));
    }
}

/// Large messages only: whoever tells a little leaves the slot to others.
#[tokio::test(start_paused = true)]
async fn it_has_a_slot_while_it_holds_large_messages() {
    let place = Place::new();
    let (mut first, mut second, mut small) = (place.watch(""), place.watch(""), place.watch(""));
    (second.slots, small.slots) = (first.slots.clone(), first.slots.clone());
    for watch in [&mut first, &mut second, &mut small] {
        watch.begin().await.unwrap();
        next(watch).await;
    }
    place.make(vec![record("a", at(0)), record("b", at(0))]).await;
    assert_eq!(told(&next(&mut small).await), "a@1");
    for watch in [&mut first, &mut second] {
        assert_eq!(told(&next(watch).await), "a@1");
        assert_eq!(told(&next(watch).await), "b@1");
    }
    let large = |id: &str| Record {
        request: Some(payload("test.Request", &[0; 50_000])),
        ..record(id, at(0))
    };
    place.make(vec![large("c"), large("d")]).await;
    assert_eq!(told(&next(&mut first).await), "c@1");
    // The second reads only once the first has told what it read; it says that it is there.
    let start = Instant::now();
    let heartbeat = next(&mut second).await;
    assert_eq!((told(&heartbeat).as_str(), start.elapsed().as_secs()), (".", 15));
    let mut told_second = Box::pin(next(&mut second));
    assert!((&mut told_second).now_or_never().is_none());
    assert_eq!(told(&next(&mut first).await), "d@1");
    assert_eq!(told(&next(&mut first).await), ".", "its own heartbeat is due, too");
    assert_eq!(told(&told_second.await), "c@1");
}

#[tokio::test(start_paused = true)]
async fn a_commit_wakes_it_and_a_renewal_does_not() {
    let place = Place::new();
    place.make(vec![record("a", at(0))]).await;
    let mut watch = place.watch("");
    watch.begin().await.unwrap();
    next(&mut watch).await;
    // Its read is a blocking task: it waits for a commit once that is done.
    let mut waiting = Box::pin(async move {
        let message = next(&mut watch).await;
        (message, watch)
    });
    assert!((&mut waiting).now_or_never().is_none());
    place.change("a", Box::new(touch)).await;
    let (message, mut watch) = waiting.await;
    assert_eq!(told(&message), "a@2");

    let before = watch.place;
    let renew = |record: &Record, _| {
        Ok(crate::operation::Change::Put(Box::new(Record { attempt: 2, ..record.clone() })))
    };
    place.change("a", Box::new(renew)).await;
    assert_eq!(all(&mut watch).await, Vec::<String>::new());
    assert_eq!(watch.place.sequence, before.sequence);
}

#[tokio::test(start_paused = true)]
async fn what_leaves_the_filter_is_told_once_and_what_never_passed_is_not() {
    let place = Place::new();
    place.make(vec![record("old", at(0)), record("other", at(0))]).await;
    place.label("other", "prod").await;
    let mut watch = place.watch("labels.env=prod");
    watch.begin().await.unwrap();
    next(&mut watch).await;
    place.clock.set(at(1));
    place.make(vec![record("new", at(1))]).await;
    assert_eq!(all(&mut watch).await, Vec::<String>::new(), "a new one that doesn't pass");
    place.label("new", "prod").await;
    assert_eq!(all(&mut watch).await, ["new@2"]);
    place.label("new", "test").await;
    place.label("old", "test").await;
    assert_eq!(all(&mut watch).await, ["-new", "-old"], "the reader may know the old one");
    place.label("new", "test").await;
    place.label("old", "dev").await;
    place.change("new", Box::new(remove)).await;
    assert_eq!(all(&mut watch).await, Vec::<String>::new(), "once is enough");
    place.label("old", "prod").await;
    assert_eq!(all(&mut watch).await, ["old@4"]);
    place.change("old", Box::new(remove)).await;
    place.change("other", Box::new(remove)).await;
    assert_eq!(all(&mut watch).await, ["-old", "-other"]);
}

/// Whichever message is the last that a reader saw, going on behind it misses nothing: not
/// even that a record left the filter which the reader has had.
#[tokio::test(start_paused = true)]
async fn every_message_says_where_to_go_on() {
    let place = Place::new();
    let mut first = place.watch("labels.env=old");
    first.begin().await.unwrap();
    let start = token(&next(&mut first).await);
    place.clock.set(at(10));
    place.make((0..250).map(|index| record(&format!("r{index}"), at(10))).collect()).await;
    place.clock.set(at(20));
    for cut in [0, 1, 99, 100, 101, 249] {
        let mut watch = place.watch("labels.env=old");
        (watch.place, watch.told) = (start, Told::since(start.horizon));
        let mut last = None;
        for _ in 0..=cut {
            last = Some(next(&mut watch).await);
        }
        let last = token(&last.unwrap());
        assert!(last.time <= at(10) || cut == 249, "what lies behind it may be that old");
        let id = format!("r{}", cut.min(5));
        let mut resumed = place.watch("labels.env=old");
        (resumed.place, resumed.told) = (last, Told::since(last.horizon));
        place.label(&id, "other").await;
        let seen = all(&mut resumed).await;
        assert!(seen.contains(&format!("-{id}")), "{cut}: {seen:?}");
        assert!(seen.len() >= 249 - cut, "{cut}: the rest comes too");
        place.label(&id, "old").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_holds_a_batch_at_most() {
    let place = Place::new();
    place.make((0..1000).map(|index| record(&format!("r{index}"), at(0))).collect()).await;
    let mut watch = place.watch("");
    let mut seen = 0;
    while seen < 1000 {
        next(&mut watch).await;
        seen += 1;
        assert!(watch.messages.len() < BATCH);
    }
    // By bytes, too: one record is always let through.
    let mut watch = Watch { bytes_max: 1, ..place.watch("") };
    next(&mut watch).await;
    assert!(watch.messages.is_empty());
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_the_server_and_with_the_call() {
    let place = Place::new();
    let mut watch = place.watch("");
    watch.ends_at = Some(Instant::now() + Duration::from_secs(4));
    let start = Instant::now();
    assert!(watch.message().await.unwrap().is_none());
    assert_eq!(start.elapsed().as_secs(), 4);

    let mut watch = place.watch("");
    watch.begin().await.unwrap();
    let mut stream = futures::stream::unfold(watch, Watch::next).boxed();
    assert!(stream.next().await.unwrap().is_ok());
    let waiting = stream.next();
    tokio::pin!(waiting);
    assert!((&mut waiting).now_or_never().is_none());
    place.stop.send(true).unwrap();
    assert!(waiting.await.is_none());
    assert_eq!(start.elapsed().as_secs(), 4, "at once");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_left_behind_ends_with_an_error() {
    let place = Place::new();
    let mut watch = place.watch("");
    place.clock.set(at(24 * 3600));
    watch.read().await.unwrap();
    place.clock.advance(Span::seconds(24 * 3600 + 1));
    let mut stream = futures::stream::unfold(watch, Watch::next).boxed();
    let error = stream.next().await.unwrap().unwrap_err();
    assert!(matches!(error.kind, Kind::ResumeTokenExpired));
    assert_eq!(error.domain.as_deref(), Some("s"));
    assert!(stream.next().await.is_none(), "an error is the last item");

    let mut watch = place.watch("");
    watch.place.time = place.store.now();
    watch.place.sequence = 7;
    let error = watch.read().await.unwrap_err();
    assert!(matches!(error.kind, Kind::ResumeTokenExpired), "a place that this feed doesn't have");
}
