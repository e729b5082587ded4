//! The loop over a server that isn't one, in time that passes only while all wait.

mod fake;

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use longrun_api::google::rpc;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, sleep};
use tonic::Code;

use self::fake::{Call, Fake, failure, gone, unavailable};
use super::{Retry, WorkError};
use crate::{Failure, Payload, pack};

const SECOND: Duration = Duration::from_secs(1);

fn response(text: &str) -> Payload {
    pack(&text.to_owned()).into()
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_renewed_at_a_third() {
    let fake = Fake::new(["a"], 30 * SECOND);
    let worker = fake.worker(|_| async {
        sleep(25 * SECOND).await;
        Ok(response("done"))
    });
    worker.until(fake.told("a")).await.unwrap();
    let expected = [(10, Call::Renew("a")), (20, Call::Renew("a")), (25, Call::Finish("a"))];
    assert_eq!(fake.calls_of(["a"]), expected);
    assert_eq!(fake.finished("a").unwrap(), Ok(response("done")));
}

#[tokio::test(start_paused = true)]
async fn a_renewal_tells_of_a_cancel() {
    let fake = Fake::new(["a"], 30 * SECOND);
    fake.cancel("a");
    let worker = fake.worker(|context| async move {
        assert!(!context.is_cancelled());
        context.cancelled().await;
        assert!(context.is_cancelled());
        Err::<Payload, _>(WorkError::cancelled("as you wish"))
    });
    worker.until(fake.told("a")).await.unwrap();
    assert_eq!(fake.finished("a").unwrap(), Err(failure(Code::Cancelled, "as you wish")));
    assert_eq!(fake.calls_of(["a"]), [(10, Call::Renew("a")), (10, Call::Finish("a"))]);
}

/// Says so when it is dropped.
struct Dropped(Option<oneshot::Sender<Instant>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.take().expect("it is dropped once").send(Instant::now()).expect("the test waits");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_lease_stops_the_handler() {
    for error in [
        failure_of(Code::Aborted, Some("LEASE_LOST")),
        failure_of(Code::FailedPrecondition, Some("OPERATION_DONE")),
        gone(),
    ] {
        let fake = Fake::new(["a"], 30 * SECOND);
        fake.refuse_renewals(error, 1);
        let (sender, dropped) = oneshot::channel();
        let sender = std::sync::Mutex::new(Some(Dropped(Some(sender))));
        let began = Instant::now();
        let worker = fake.worker(move |_| {
            let guard = sender.lock().unwrap().take();
            async move {
                pending::<()>().await;
                drop(guard);
                Ok(response("never"))
            }
        });
        let stopped = async { dropped.await.expect("the guard was dropped") };
        let (sent, when) = oneshot::channel();
        worker.until(async { sent.send(stopped.await).unwrap() }).await.unwrap();
        assert_eq!(when.await.unwrap() - began, 10 * SECOND);
        assert!(fake.finished("a").is_none() && fake.released("a").is_none());
    }
}

fn failure_of(code: Code, reason: Option<&str>) -> crate::ClientError {
    crate::ClientError { code, message: "no".to_owned(), reason: reason.map(str::to_owned) }
}

#[tokio::test(start_paused = true)]
async fn renewals_go_on_after_one_that_failed() {
    let fake = Fake::new(["a"], 30 * SECOND);
    fake.refuse_renewals(unavailable(), 2);
    let worker = fake.worker(|_| async {
        sleep(20 * SECOND).await;
        Ok(response("done"))
    });
    worker.until(fake.told("a")).await.unwrap();
    let renewals: Vec<_> =
        fake.calls_of(["a"]).into_iter().filter(|(_, call)| *call == Call::Renew("a")).collect();
    // At 10 s, then again after a quarter of that, until it goes well.
    assert_eq!(renewals.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [10, 12, 15]);
    assert_eq!(fake.finished("a").unwrap(), Ok(response("done")));
}

#[tokio::test(start_paused = true)]
async fn a_finish_is_repeated_while_the_server_is_away() {
    let fake = Fake::new(["a"], 30 * SECOND);
    fake.refuse_finishes(unavailable(), 20);
    let worker = fake.worker(|_| async { Ok(response("done")) });
    worker.until(fake.told("a")).await.unwrap();
    assert_eq!(fake.finished("a").unwrap(), Ok(response("done")));
    let calls = fake.calls_of(["a"]);
    assert_eq!(calls.iter().filter(|(_, call)| *call == Call::Finish("a")).count(), 21);
    // Longer than a lease, which is kept meanwhile.
    assert!(calls.iter().filter(|(_, call)| *call == Call::Renew("a")).count() > 5, "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn a_refused_response_fails_the_operation() {
    let fake = Fake::new(["a"], 30 * SECOND);
    fake.refuse_finishes(failure_of(Code::InvalidArgument, None), 1);
    let worker = fake.worker(|_| async { Ok(response("of the wrong type")) });
    worker.until(fake.told("a")).await.unwrap();
    let what = "the server refused what the worker said: no";
    assert_eq!(fake.finished("a").unwrap(), Err(failure(Code::Internal, what)));
}

#[tokio::test(start_paused = true)]
async fn errors_finish_and_retries_release() {
    let status = rpc::Status { code: 5, message: "no book".into(), details: vec![pack(&1_u32)] };
    let fake = Fake::new(["fails", "rests", "panics", "calls"], 30 * SECOND);
    let sent = status.clone();
    let worker = fake.worker(move |context| {
        let status = sent.clone();
        async move {
            match context.name() {
                "fails" => Err::<Payload, WorkError>(status.into()),
                "rests" => Err(Retry::new(Code::Unavailable, "later").after(SECOND).into()),
                "calls" => Err(unavailable().into()),
                _ => panic!("out of {}", "luck"),
            }
        }
    });
    let all = async {
        for name in ["fails", "rests", "panics", "calls"] {
            fake.told(name).await;
        }
    };
    worker.until(all).await.unwrap();
    assert_eq!(fake.finished("fails").unwrap(), Err(Failure::Status(status)));
    let rests = (Some(failure(Code::Unavailable, "later")), SECOND);
    assert_eq!(fake.released("rests"), Some(rests));
    let what = "the worker panicked: out of luck";
    let panics = (Some(failure(Code::Internal, what)), Duration::ZERO);
    assert_eq!(fake.released("panics"), Some(panics));
    let calls = (Some(failure(Code::Unavailable, "away")), Duration::ZERO);
    assert_eq!(fake.released("calls"), Some(calls));
}

#[tokio::test(start_paused = true)]
async fn a_held_call_is_rejected_and_an_operation_fails() {
    let fake = Fake::new(["held", "admitted"], 30 * SECOND);
    fake.hold("held");
    let worker = fake.worker(|_| async {
        Err::<Payload, _>(WorkError::rejected(Code::FailedPrecondition, "closed"))
    });
    let all = async {
        fake.told("held").await;
        fake.told("admitted").await;
    };
    worker.until(all).await.unwrap();
    let closed = failure(Code::FailedPrecondition, "closed");
    assert_eq!((fake.rejected("held"), fake.finished("held")), (Some(closed.clone()), None));
    assert_eq!(fake.finished("admitted"), Some(Err(closed)));
    let calls = [(0, Call::Reject("admitted")), (0, Call::Finish("admitted"))];
    assert_eq!(fake.calls_of(["admitted"]), calls);
}

#[tokio::test(start_paused = true)]
async fn no_more_is_leased_than_there_are_hands() {
    let names: Vec<String> = (0..20).map(|index| format!("r{index}")).collect();
    let fake = Fake::new(names.iter().map(String::as_str), 30 * SECOND);
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counted, seen) = (now.clone(), most.clone());
    let worker = fake.worker(move |context| {
        let (now, most) = (counted.clone(), seen.clone());
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            sleep(SECOND + Duration::from_millis(context.sequence())).await;
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(response("done"))
        }
    });
    let all = async {
        for name in &names {
            fake.told(name).await;
        }
    };
    worker.concurrency(3).until(all).await.unwrap();
    assert_eq!(most.load(Ordering::SeqCst), 3);
    assert!(fake.leases().iter().all(|(_, count)| (1..=3).contains(count)), "{:?}", fake.leases());
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_running_work_finish() {
    let fake = Fake::new(["short", "long"], 300 * SECOND);
    let worker = fake.worker(|context| async move {
        let seconds = if context.name() == "short" { 5 } else { 500 };
        sleep(SECOND * seconds).await;
        Ok(response("done"))
    });
    let began = Instant::now();
    worker.drain_timeout(20 * SECOND).until(sleep(SECOND)).await.unwrap();
    assert_eq!(began.elapsed(), 21 * SECOND);
    assert_eq!(fake.finished("short").unwrap(), Ok(response("done")));
    // Given back without an error: the attempt doesn't count.
    assert_eq!(fake.released("long"), Some((None, Duration::ZERO)));
    assert_eq!(fake.leases().len(), 2, "it leases no more after the stop");
}

#[tokio::test(start_paused = true)]
async fn an_unfit_worker_gives_back_and_ends() {
    let fake = Fake::new(["unfit", "too", "well"], 30 * SECOND);
    let worker = fake.worker(|context| async move {
        if context.name() == "well" {
            sleep(5 * SECOND).await;
            return Ok(response("done"));
        }
        sleep(SECOND).await;
        Err(WorkError::Unfit(format!("{} lacks a tool", context.name())))
    });
    let ended = worker.until(pending()).await;
    let expected = (Code::FailedPrecondition, "unfit lacks a tool".to_owned());
    assert_eq!(ended.map_err(|error| (error.code, error.message)), Err(expected));
    for name in ["unfit", "too"] {
        // Without an error: the attempt doesn't count.
        assert_eq!(fake.released(name), Some((None, Duration::ZERO)), "{name}");
    }
    assert_eq!(fake.finished("well").unwrap(), Ok(response("done")));
    assert_eq!(fake.leases().len(), 2, "it leases no more");
}

#[tokio::test(start_paused = true)]
async fn an_idle_worker_stops_at_once_and_lets_the_server_hold_its_call() {
    let fake = Fake::new([], 30 * SECOND);
    let worker = fake.worker(|_| async { Ok(response("never")) });
    let began = Instant::now();
    worker.until(sleep(95 * SECOND)).await.unwrap();
    assert_eq!(began.elapsed(), 95 * SECOND);
    // One each 30 s, which is how long the server may hold it.
    assert_eq!(fake.leases().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_away_is_asked_again_and_one_that_refuses_is_not() {
    let fake = Fake::new(["a"], 30 * SECOND);
    fake.refuse_leases(unavailable(), 3);
    let worker = fake.worker(|_| async { Ok(response("done")) });
    worker.until(fake.told("a")).await.unwrap();
    assert_eq!(fake.leases()[..4], [(0, 8), (1, 8), (3, 8), (7, 8)]);

    let fake = Fake::new(["a"], 30 * SECOND);
    fake.refuse_leases(failure_of(Code::PermissionDenied, None), 1);
    let worker = fake.worker(|_| async { Ok(response("done")) });
    let ended = worker.until(pending()).await;
    assert_eq!(ended.map_err(|error| error.code), Err(Code::PermissionDenied));
}

#[tokio::test(start_paused = true)]
async fn a_second_stop_gives_all_back_at_once() {
    let fake = Fake::new(["a"], 30 * SECOND);
    let started = Arc::new(Semaphore::new(0));
    let signal = started.clone();
    let worker = fake.worker(move |_| {
        signal.add_permits(1);
        pending()
    });
    let began = Instant::now();
    let started = async { started.acquire().await.unwrap().forget() };
    worker.until_twice(started, sleep(3 * SECOND)).await.unwrap();
    assert_eq!(began.elapsed(), 3 * SECOND);
    assert_eq!(fake.released("a"), Some((None, Duration::ZERO)));
}
