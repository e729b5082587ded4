//! Workers and pollers against a real server: what one side does, the other sees.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

mod harness;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use longrun_api::longrun::v1::operation_record::State;
use longrun_client::{Code, OperationError, Payload, Retry, WorkError, pack, unpack};
use longrun_server::operation::Span;
use serde_json::json;
use tokio::sync::{Notify, mpsc, oneshot};

use harness::{METHOD, Server};

/// After so long, whatever a test waits for isn't coming.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_typed_handler_serves_a_typed_poller() {
    let server = Server::start().await;
    server.create("one", Some(pack(&"Ada".to_owned()))).await;
    let (seen, mut progress) = mpsc::unbounded_channel();
    let (reported, report) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (says, looked) = (reported.clone(), report.clone());
    let worker = server.worker("w").handle(METHOD, move |ctx, name: String| {
        let (says, looked) = (says.clone(), looked.clone());
        async move {
            assert_eq!(ctx.attempt(), 1);
            ctx.progress(&10_u32).await?;
            says.notify_one();
            looked.notified().await;
            ctx.progress(&90_u32).await?;
            Ok(format!("Hello, {name}!"))
        }
    });
    let polled = async {
        reported.notified().await;
        let poller = server.client.poll("operations/one").on_progress(move |percent: u32| {
            seen.send(percent).unwrap();
        });
        let polled = tokio::spawn(poller.result::<String>());
        assert_eq!(progress.recv().await, Some(10));
        report.notify_one();
        assert_eq!(polled.await.unwrap().as_deref(), Ok("Hello, Ada!"));
        assert_eq!(progress.recv().await, Some(90));
    };
    worker.run_until(polled).await.unwrap();
}

#[tokio::test]
async fn an_operation_that_fails_is_no_poll_that_does() {
    let server = Server::start().await;
    server.create("one", None).await;
    let worker = server.worker("w").handle(METHOD, |_, name: String| async move {
        assert_eq!(name, "", "a record without a request has an empty one");
        Err::<(), _>(WorkError::failed(Code::NotFound, "no such book"))
    });
    let polled = async {
        let failed = server.client.poll("operations/one").result::<()>().await;
        match failed {
            Err(OperationError::Failed(status)) => {
                assert_eq!((status.code, &*status.message), (5, "no such book"));
            }
            other => panic!("{other:?}"),
        }
        let unknown = server.client.poll("operations/two").result::<()>().await;
        match unknown {
            Err(OperationError::Poll(error)) => assert_eq!(error.code, Code::NotFound),
            other => panic!("{other:?}"),
        }
    };
    worker.run_until(polled).await.unwrap();
}

#[tokio::test]
async fn a_request_of_another_type_fails_the_operation() {
    let server = Server::start().await;
    server.create("one", Some(pack(&1_u32))).await;
    let worker = server.worker("w").handle(METHOD, |_, name: String| async { Ok(name) });
    worker.run_until(server.done("one")).await.unwrap();
    let status = server.error("one").await;
    assert_eq!(status.code, Code::Internal as i32);
    assert!(status.message.contains("a `google.protobuf.UInt32Value`"), "{}", status.message);
}

#[tokio::test]
async fn a_cancel_reaches_the_handler() {
    let server = Server::start().await;
    server.create("one", None).await;
    let (started, start) = oneshot::channel();
    let started = Mutex::new(Some(started));
    // The shortest lease: the next renewal is a third of a second away.
    let worker = server.worker("w").lease_duration(Duration::from_secs(1));
    let worker = worker.handle(METHOD, move |ctx, (): ()| {
        let started = started.lock().unwrap().take();
        async move {
            started.expect("one attempt").send(()).unwrap();
            ctx.cancelled().await;
            Err::<(), _>(WorkError::cancelled("stopped"))
        }
    });
    let cancel = async {
        start.await.unwrap();
        server.client.cancel_operation("operations/one").await.unwrap();
        server.done("one").await;
    };
    worker.run_until(cancel).await.unwrap();
    assert_eq!(server.record("one").await.state(), State::Cancelled);
    assert_eq!(server.error("one").await.message, "stopped");
}

/// Says so when it is dropped.
struct Dropped(mpsc::UnboundedSender<()>);

impl Drop for Dropped {
    fn drop(&mut self) {
        // The test may be over.
        let _ = self.0.send(());
    }
}

#[tokio::test]
async fn a_lost_lease_stops_the_handler_and_another_gets_the_record() {
    let server = Server::start().await;
    server.create("one", None).await;
    let (sender, mut dropped) = mpsc::unbounded_channel();
    let (started, start) = oneshot::channel();
    let (hung, hang) = std::sync::mpsc::channel::<()>();
    let first = Mutex::new(Some((Dropped(sender), started, hang)));
    // With one hand, so that it has no call open that the record would go to.
    let slow = server.worker("slow").concurrency(1).lease_duration(Duration::from_secs(3));
    let slow = slow.handle(METHOD, move |_, (): ()| {
        let (guard, started, hang) = first.lock().unwrap().take().expect("one attempt");
        async move {
            let _guard = guard;
            started.send(()).unwrap();
            // Its thread stands still, so nothing is renewed meanwhile.
            assert!(hang.recv().is_err());
            std::future::pending::<Result<(), _>>().await
        }
    });
    let (stop, stopped) = oneshot::channel::<()>();
    let slow = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(slow.run_until(async { drop(stopped.await) }))
    });
    let lose = async {
        start.await.unwrap();
        // Beyond the lease; not so far that the server takes it for a gap.
        server.clock.advance(Span::seconds(4));
        let other = server.worker("other").handle(METHOD, |_, (): ()| async { Ok(()) });
        other.run_until(server.done("one")).await.unwrap();
        drop(hung);
        dropped.recv().await.unwrap();
    };
    tokio::time::timeout(PATIENCE, lose).await.expect("the lease runs out, the handler stops");
    drop(stop);
    assert_eq!(slow.join().unwrap(), Ok(()));
    let record = server.record("one").await;
    assert_eq!((record.state(), record.attempt), (State::Succeeded, 2));
}

#[tokio::test]
async fn retries_and_panics_are_attempts_that_failed() {
    let server = Server::start().await;
    server.create("one", None).await;
    let worker = server.worker("w").handle(METHOD, |ctx, (): ()| async move {
        match ctx.attempt() {
            1 => Err(Retry::new(Code::Unavailable, "the disk is full").into()),
            2 => panic!("a bug"),
            attempt => Ok(i64::from(attempt)),
        }
    });
    worker.run_until(server.done("one")).await.unwrap();
    let response = server.response("one").await;
    assert_eq!(unpack::<i64>(&response), Ok(3));

    // The last attempt's error is the operation's.
    server.create("two", None).await;
    let worker = server.worker("w").handle(METHOD, |ctx, (): ()| async move {
        match ctx.attempt() {
            5 => panic!("a bug"),
            _ => Err::<(), _>(Retry::new(Code::Unavailable, "not yet").into()),
        }
    });
    worker.run_until(server.done("two")).await.unwrap();
    let status = server.error("two").await;
    assert_eq!((status.code, &*status.message), (13, "the worker panicked: a bug"));
}

#[tokio::test]
async fn what_is_given_back_on_a_stop_has_lost_no_attempt() {
    let server = Server::start().await;
    server.create("one", None).await;
    let (started, start) = oneshot::channel();
    let started = Mutex::new(Some(started));
    let worker = server.worker("w").drain_timeout(Duration::ZERO);
    let worker = worker.handle(METHOD, move |_, (): ()| {
        let started = started.lock().unwrap().take();
        async move {
            started.expect("one attempt").send(()).unwrap();
            std::future::pending::<Result<(), _>>().await
        }
    });
    worker.run_until(async { start.await.unwrap() }).await.unwrap();
    let record = server.record("one").await;
    assert_eq!((record.state(), record.attempt, record.lease), (State::Pending, 0, None));
}

#[tokio::test]
async fn two_workers_never_hold_one_record() {
    let server = Server::start().await;
    for index in 0..40 {
        server.create(&format!("r{index}"), None).await;
    }
    let held = Arc::new(Mutex::new(BTreeSet::new()));
    let (sender, mut finished) = mpsc::unbounded_channel();
    let worker = |id| {
        let (held, sender) = (held.clone(), sender.clone());
        server.worker(id).concurrency(3).handle(METHOD, move |ctx, (): ()| {
            let (held, sender) = (held.clone(), sender.clone());
            async move {
                let name = ctx.name().to_owned();
                assert!(held.lock().unwrap().insert(name.clone()), "{name} is held twice");
                ctx.progress(&1_u32).await?;
                held.lock().unwrap().remove(&name);
                sender.send(name).unwrap();
                Ok(())
            }
        })
    };
    let (one, other) = (worker("one"), worker("other"));
    let (stop, stopped) = oneshot::channel();
    let all = async {
        let mut names = BTreeSet::new();
        for _ in 0..40 {
            assert!(names.insert(finished.recv().await.unwrap()), "one attempt each");
        }
        stop.send(()).unwrap();
    };
    let (one, other) =
        tokio::join!(one.run_until(all), other.run_until(async { stopped.await.unwrap() }),);
    assert_eq!((one, other), (Ok(()), Ok(())));
    for index in 0..40 {
        assert_eq!(server.record(&format!("r{index}")).await.state(), State::Succeeded);
    }
}

#[tokio::test]
async fn json_goes_where_no_descriptors_are() {
    let server = Server::start().await;
    server.create("one", None).await;
    server.create("two", None).await;
    server.create("three", None).await;
    let worker = server.worker("w").concurrency(1).handle_any(METHOD, |ctx, request| async move {
        assert_eq!(request, None);
        let text = |text| json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": text});
        ctx.progress_any(text("half")).await?;
        let status = json!({"code": 5, "message": "none", "details": [text("detail")]});
        match ctx.name().rsplit('/').next() {
            Some("one") => Ok(Payload::from(text("whole"))),
            Some("two") => Err(WorkError::Failed(longrun_client::Failure::Json(status))),
            _ if ctx.attempt() == 1 => {
                let failure = longrun_client::Failure::Json(status);
                Err(Retry { failure, delay: Duration::ZERO }.into())
            }
            // A type that the server doesn't know is refused, which ends the work too.
            _ => Ok(json!({"@type": "type.googleapis.com/no.such.Type"}).into()),
        }
    });
    let all = async {
        for name in ["one", "two", "three"] {
            server.done(name).await;
        }
    };
    worker.run_until(all).await.unwrap();
    assert_eq!(unpack::<String>(&server.response("one").await).as_deref(), Ok("whole"));
    let metadata = server.operation("one").await.metadata.unwrap();
    assert_eq!(unpack::<String>(&metadata).as_deref(), Ok("half"));
    let status = server.error("two").await;
    assert_eq!((status.code, &*status.message, status.details.len()), (5, "none", 1));
    let refused = server.error("three").await;
    assert_eq!(refused.code, Code::Internal as i32);
    assert!(refused.message.contains("no.such.Type"), "{}", refused.message);
    assert_eq!(server.record("three").await.attempt, 2);
}

#[tokio::test]
async fn an_unknown_service_ends_the_worker() {
    let server = Server::start().await;
    let worker = longrun_client::Worker::new(server.client.clone(), "no.such.example.com");
    let worker = worker.handle(METHOD, |_, (): ()| async { Ok(()) });
    let ended = worker.run_until(std::future::pending()).await;
    assert_eq!(ended.map_err(|error| error.code), Err(Code::NotFound));
}
