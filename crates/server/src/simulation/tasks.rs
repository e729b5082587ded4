//! Futures that go on one at a time, and only when they are told to.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Numbers tasks in the order of their start. 0 is the reaper of the first server.
pub(super) type TaskId = usize;

/// One future.
pub(super) struct Task<T> {
    pub(super) id: TaskId,
    woken: Arc<Woken>,
    future: Pin<Box<dyn Future<Output = T>>>,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl<T> Task<T> {
    pub(super) fn new(id: TaskId, future: impl Future<Output = T> + 'static) -> Self {
        Self { id, woken: Arc::new(Woken(AtomicBool::new(true))), future: Box::pin(future) }
    }

    /// Whether it has something to do.
    pub(super) fn is_woken(&self) -> bool {
        self.woken.0.load(Ordering::SeqCst)
    }

    /// Lets it go on until it has to wait.
    pub(super) fn go_on(&mut self) -> Poll<T> {
        self.woken.0.store(false, Ordering::SeqCst);
        let waker = Waker::from(self.woken.clone());
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }
}
