//! How long a connection may take for what it does, and how it ends.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use hyper_util::server::graceful::GracefulConnection;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::config::Limits;

/// How long an idle connection has to take its leave (HTTP/2 says so and waits for an echo).
const LEAVE_MAX: Duration = Duration::from_secs(5);

/// What a connection is at, as its socket and its requests tell.
pub(super) struct Activity {
    born: Instant,
    /// Requests taken up so far.
    requests: AtomicU64,
    /// Requests without an answer, and answers that are streams.
    open: AtomicUsize,
    /// Nanoseconds from `born` to when there was nothing open any more.
    idle_since: AtomicU64,
    /// Whether a head has begun to come that no request has been made of yet.
    reading: AtomicBool,
    /// Bytes that the peer's side has taken, and whether it takes no more.
    written: AtomicU64,
    blocked: AtomicBool,
    /// Whether the peer may still be sending a body that nobody reads.
    unread: AtomicBool,
    /// Whether nothing more will be said.
    closing: AtomicBool,
}

impl Activity {
    /// A connection that was just accepted: its first head is waited for.
    pub(super) fn new() -> Self {
        Self {
            born: Instant::now(),
            requests: AtomicU64::new(0),
            open: AtomicUsize::new(0),
            idle_since: AtomicU64::new(0),
            reading: AtomicBool::new(true),
            written: AtomicU64::new(0),
            blocked: AtomicBool::new(false),
            unread: AtomicBool::new(false),
            closing: AtomicBool::new(false),
        }
    }

    /// A request has come; it is open until the answer drops.
    pub(super) fn enter(self: &Arc<Self>) -> Open {
        self.open.fetch_add(1, Ordering::AcqRel);
        self.reading.store(false, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        Open(self.clone())
    }

    /// Bytes of HTTP/1 have come: of a head, unless a request is open.
    pub(super) fn read(&self) {
        if self.open.load(Ordering::Relaxed) == 0 {
            self.reading.store(true, Ordering::Relaxed);
        }
    }

    /// HTTP/2 has been agreed on. From now on bytes may be no request's at all.
    pub(super) fn greeted(&self) {
        self.rest();
        self.reading.store(false, Ordering::Relaxed);
    }

    /// The peer has taken bytes, or (`None`) can't.
    pub(super) fn wrote(&self, bytes: Option<usize>) {
        self.blocked.store(bytes.is_none(), Ordering::Relaxed);
        if let Some(bytes) = bytes {
            self.written.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }

    /// An answer leaves, perhaps before its request's body was read to the end.
    pub(super) fn leave_unread(&self) {
        self.unread.store(true, Ordering::Relaxed);
    }

    /// All is said. Whether to listen for what the peer still says.
    pub(super) fn close(&self) -> bool {
        self.closing.store(true, Ordering::Relaxed);
        self.unread.load(Ordering::Relaxed)
    }

    fn rest(&self) {
        let nanos = u64::try_from(self.born.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.idle_since.store(nanos, Ordering::Relaxed);
    }
}

/// A request under way.
pub(super) struct Open(Arc<Activity>);

impl Open {
    /// As [`Activity::leave_unread`].
    pub(super) fn leave_unread(&self) {
        self.0.leave_unread();
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.rest();
        self.0.open.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Serves a connection until it ends by itself, takes too long, or the server stops. One
/// that is `full` is there to be told so, once.
pub(super) async fn drive<C: GracefulConnection>(
    mut connection: Pin<&mut C>,
    activity: Arc<Activity>,
    limits: &Limits,
    full: bool,
    mut draining: watch::Receiver<bool>,
) -> Result<(), C::Error> {
    let mut watch = Watch::new(activity, limits, full);
    let mut alarm = pin!(sleep_until(watch.activity.born + limits.header_timeout));
    // An error means that the server is gone, which is stopping too.
    let mut stop = pin!(async { drop(draining.wait_for(|stop| *stop).await) });
    let (mut stopping, mut stood_back) = (false, false);
    loop {
        let event = poll_fn(|context| {
            // Each answer wakes the connection: once the others that are due have been given
            // as well, they leave in one write.
            stood_back = !stood_back && watch.activity.open.load(Ordering::Relaxed) > 1;
            if stood_back {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            // Before the connection, so that its last answer says that it is the last.
            if !stopping && stop.as_mut().poll(context).is_ready() {
                return Poll::Ready(Event::Stop);
            }
            if let Poll::Ready(ended) = connection.as_mut().poll(context) {
                return Poll::Ready(Event::Ended(ended));
            }
            // Set only when it has to ring earlier; when it rings, it is set anew.
            if let Some((at, _)) = watch.due().filter(|(at, _)| *at < alarm.deadline()) {
                alarm.as_mut().reset(at);
            }
            alarm.as_mut().poll(context).map(|()| Event::Alarm)
        });
        match event.await {
            Event::Ended(ended) => return ended,
            Event::Stop => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
                let end = Instant::now() + limits.drain_timeout;
                watch.end = Some(watch.end.map_or(end, |sooner| sooner.min(end)));
            }
            Event::Alarm => match watch.due() {
                Some((at, _)) if at > Instant::now() => alarm.as_mut().reset(at),
                Some((_, Leave::Cut)) => return Ok(()),
                Some((_, Leave::Politely)) => {
                    connection.as_mut().graceful_shutdown();
                    watch.leave = Some(Instant::now() + LEAVE_MAX);
                    alarm.as_mut().reset(Instant::now() + LEAVE_MAX);
                }
                // Whatever is open now, nothing is due before that.
                None => alarm.as_mut().reset(Instant::now() + limits.idle_timeout),
            },
        }
    }
}

enum Event<E> {
    Ended(Result<(), E>),
    Stop,
    Alarm,
}

/// How a connection that takes too long ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leave {
    Politely,
    Cut,
}

/// Since when a connection is at what it is at.
struct Watch<'a> {
    activity: Arc<Activity>,
    limits: &'a Limits,
    full: bool,
    /// With the number of the request that is coming.
    reading: Option<(u64, Instant)>,
    /// With the bytes that had been written.
    blocked: Option<(u64, Instant)>,
    closing: Option<Instant>,
    /// By when it leaves for idleness, unless a request came just then.
    leave: Option<Instant>,
    /// By when it ends, whatever is open.
    end: Option<Instant>,
}

impl<'a> Watch<'a> {
    fn new(activity: Arc<Activity>, limits: &'a Limits, full: bool) -> Self {
        let reading = Some((0, activity.born));
        let end = full.then(|| activity.born + limits.header_timeout);
        let (blocked, closing, leave) = (None, None, None);
        Self { activity, limits, full, reading, blocked, closing, leave, end }
    }

    /// When the connection has taken too long, as things are, and how it then ends.
    fn due(&mut self) -> Option<(Instant, Leave)> {
        let Self { activity, limits, .. } = self;
        let set = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        let blocked = set(&activity.blocked)
            .then(|| since(&mut self.blocked, &activity.written) + limits.write_timeout);
        let closing = set(&activity.closing)
            .then(|| *self.closing.get_or_insert_with(Instant::now) + limits.header_timeout);
        let quiet = closing.is_none() && activity.open.load(Ordering::Acquire) == 0;
        let head = (quiet && set(&activity.reading))
            .then(|| since(&mut self.reading, &activity.requests) + limits.header_timeout);
        let leave = self.leave.filter(|_| quiet);
        let cut = [self.end, leave, blocked, closing, head].into_iter().flatten().min();

        let told = activity.requests.load(Ordering::Relaxed) > 0;
        let sent = blocked.is_none() && head.is_none();
        let idle = (quiet && sent && self.leave.is_none() && (told || !self.full)).then(|| {
            let since = Duration::from_nanos(activity.idle_since.load(Ordering::Relaxed));
            let patience = if self.full { Duration::ZERO } else { limits.idle_timeout };
            activity.born + since + patience
        });
        match (cut, idle) {
            (Some(cut), idle) if idle.is_none_or(|idle| cut <= idle) => Some((cut, Leave::Cut)),
            (_, idle) => idle.map(|idle| (idle, Leave::Politely)),
        }
    }
}

/// When what goes on began; it begins anew whenever the count moves.
fn since(seen: &mut Option<(u64, Instant)>, count: &AtomicU64) -> Instant {
    let count = count.load(Ordering::Relaxed);
    match seen {
        Some((at, since)) if *at == count => *since,
        _ => seen.insert((count, Instant::now())).1,
    }
}
