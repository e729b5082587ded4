//! Every state × every event, and what becomes of it, written out.
//!
//! A cell is `=` (nothing changes), a refusal in capitals, or what changed: the new state if
//! there is one (`pend`, `wait` for a delay, `run`, `ok`, `fail`, `canc`), then a letter for
//! each change: `a` one attempt more, `A` one less, `s` start time, `r` lease renewed, `e`
//! lease only made to last, `c` cancel request, `d` delete time, `m` metadata, `l` labels,
//! `x` expire time, `t` deadline, and `v` if version and update time moved. `gone`: removed as
//! deleted, `exp`: as expired.
//!
//! An event is told who writes (`-` without a token, `A` the holder's, `B` another's) and
//! what; a `!` marks a wrong type. `tick` is told when, in seconds from now; `gap`: no server
//! could take renewals up to now.

use super::*;
use crate::operation::samples::{at, expected, payload, record, status, token};

const OPEN: &str = "
                      pending  retried  delayed  self    self-c  leased   last     leased-c over     over-last over-c
cancel                canc:cv  canc:cv  canc:cv  cv      =       cv       cv       =        cv       cv        =
delete                dv       dv       dv       dv      dv      dv       dv       dv       dv       dv        dv
lease                 run:asv  run:av   =        =       =       =        =        =        =        =         =
lease(60s)            run:asv  run:av   =        =       =       =        =        =        =        =         =

renew(-)              REQUIRED REQUIRED REQUIRED SELF    SELF    REQUIRED REQUIRED REQUIRED REQUIRED REQUIRED  REQUIRED
renew(A)              LOST     LOST     LOST     SELF    SELF    r        r        r        r        r         r
renew(B)              LOST     LOST     LOST     SELF    SELF    LOST     LOST     LOST     LOST     LOST      LOST
renew(A,60s)          LOST     LOST     LOST     SELF    SELF    r        r        r        r        r         r
renew(A,m)            LOST     LOST     LOST     SELF    SELF    rmv      rmv      rmv      rmv      rmv       rmv
renew(A,same)         LOST     LOST     LOST     SELF    SELF    r        r        r        r        r         r
renew(A,m!)           LOST     LOST     LOST     SELF    SELF    TYPE     TYPE     TYPE     TYPE     TYPE      TYPE
renew(B,m!)           LOST     LOST     LOST     SELF    SELF    LOST     LOST     LOST     LOST     LOST      LOST

release(-)            REQUIRED REQUIRED REQUIRED SELF    SELF    REQUIRED REQUIRED REQUIRED REQUIRED REQUIRED  REQUIRED
release(A)            LOST     LOST     LOST     SELF    SELF    pend:Av  pend:Av  canc:v   pend:Av  pend:Av   canc:v
release(A,10s)        LOST     LOST     LOST     SELF    SELF    wait:Av  wait:Av  canc:v   wait:Av  wait:Av   canc:v
release(A,err)        LOST     LOST     LOST     SELF    SELF    pend:v   fail:v   canc:v   pend:v   fail:v    canc:v
release(A,err,10s)    LOST     LOST     LOST     SELF    SELF    wait:v   fail:v   canc:v   wait:v   fail:v    canc:v
release(A,stop)       LOST     LOST     LOST     SELF    SELF    pend:v   canc:v   canc:v   pend:v   canc:v    canc:v
release(B,err)        LOST     LOST     LOST     SELF    SELF    LOST     LOST     LOST     LOST     LOST      LOST

finish(-,ok)          REQUIRED REQUIRED REQUIRED ok:v    ok:v    REQUIRED REQUIRED REQUIRED REQUIRED REQUIRED  REQUIRED
finish(-,err)         REQUIRED REQUIRED REQUIRED fail:v  fail:v  REQUIRED REQUIRED REQUIRED REQUIRED REQUIRED  REQUIRED
finish(-,stop)        REQUIRED REQUIRED REQUIRED canc:v  canc:v  REQUIRED REQUIRED REQUIRED REQUIRED REQUIRED  REQUIRED
finish(-,ok,m)        REQUIRED REQUIRED REQUIRED ok:mv   ok:mv   REQUIRED REQUIRED REQUIRED REQUIRED REQUIRED  REQUIRED
finish(-,ok!)         REQUIRED REQUIRED REQUIRED TYPE    TYPE    REQUIRED REQUIRED REQUIRED REQUIRED REQUIRED  REQUIRED
finish(-,ok,m!)       REQUIRED REQUIRED REQUIRED TYPE    TYPE    REQUIRED REQUIRED REQUIRED REQUIRED REQUIRED  REQUIRED
finish(A,ok)          LOST     LOST     LOST     TOKEN   TOKEN   ok:v     ok:v     ok:v     ok:v     ok:v      ok:v
finish(A,err)         LOST     LOST     LOST     TOKEN   TOKEN   fail:v   fail:v   fail:v   fail:v   fail:v    fail:v
finish(A,stop)        LOST     LOST     LOST     TOKEN   TOKEN   canc:v   canc:v   canc:v   canc:v   canc:v    canc:v
finish(A,ok,m)        LOST     LOST     LOST     TOKEN   TOKEN   ok:mv    ok:mv    ok:mv    ok:mv    ok:mv     ok:mv
finish(A,err,m)       LOST     LOST     LOST     TOKEN   TOKEN   fail:mv  fail:mv  fail:mv  fail:mv  fail:mv   fail:mv
finish(A,ok!)         LOST     LOST     LOST     TOKEN   TOKEN   TYPE     TYPE     TYPE     TYPE     TYPE      TYPE
finish(A,err,m!)      LOST     LOST     LOST     TOKEN   TOKEN   TYPE     TYPE     TYPE     TYPE     TYPE      TYPE
finish(B,ok)          LOST     LOST     LOST     TOKEN   TOKEN   LOST     LOST     LOST     LOST     LOST      LOST
finish(B,ok!)         LOST     LOST     LOST     TOKEN   TOKEN   LOST     LOST     LOST     LOST     LOST      LOST

update                =        =        =        =       =       =        =        =        =        =         =
update(stale)         ETAG     ETAG     ETAG     ETAG    ETAG    ETAG     ETAG     ETAG     ETAG     ETAG      ETAG
update(l)             lv       lv       lv       lv      lv      lv       lv       lv       lv       lv        lv
update(l=)            =        =        =        =       =       =        =        =        =        =         =
update(l,etag)        lv       lv       lv       lv      lv      lv       lv       lv       lv       lv        lv
update(l,stale)       ETAG     ETAG     ETAG     ETAG    ETAG    ETAG     ETAG     ETAG     ETAG     ETAG      ETAG
update(l,A)           lv       lv       lv       TOKEN   TOKEN   lv       lv       lv       lv       lv        lv
update(x)             xv       xv       xv       xv      xv      xv       xv       xv       xv       xv        xv
update(x-past)        xv       xv       xv       xv      xv      xv       xv       xv       xv       xv        xv
update(t)             tv       tv       tv       tv      tv      tv       tv       tv       tv       tv        tv
update(t-past)        tv       tv       tv       tv      tv      tv       tv       tv       tv       tv        tv
update(t,A)           tv       tv       tv       TOKEN   TOKEN   tv       tv       tv       tv       tv        tv
update(m)             REQUIRED REQUIRED REQUIRED mv      mv      REQUIRED REQUIRED REQUIRED REQUIRED REQUIRED  REQUIRED
update(m,A)           LOST     LOST     LOST     TOKEN   TOKEN   mv       mv       mv       mv       mv        mv
update(m,B)           LOST     LOST     LOST     TOKEN   TOKEN   LOST     LOST     LOST     LOST     LOST      LOST
update(no-m,A)        LOST     LOST     LOST     TOKEN   TOKEN   mv       mv       mv       mv       mv        mv
update(m,l,x,t,A)     LOST     LOST     LOST     TOKEN   TOKEN   mlxtv    mlxtv    mlxtv    mlxtv    mlxtv     mlxtv
update(m!)            REQUIRED REQUIRED REQUIRED TYPE    TYPE    REQUIRED REQUIRED REQUIRED REQUIRED REQUIRED  REQUIRED
update(m!,A)          LOST     LOST     LOST     TOKEN   TOKEN   TYPE     TYPE     TYPE     TYPE     TYPE      TYPE
update(m,stale)       REQUIRED REQUIRED REQUIRED ETAG    ETAG    REQUIRED REQUIRED REQUIRED REQUIRED REQUIRED  REQUIRED
update(m,B,stale)     LOST     LOST     LOST     TOKEN   TOKEN   LOST     LOST     LOST     LOST     LOST      LOST
update(m!,A,stale)    LOST     LOST     LOST     TOKEN   TOKEN   ETAG     ETAG     ETAG     ETAG     ETAG      ETAG
update(m!,stale)      REQUIRED REQUIRED REQUIRED ETAG    ETAG    REQUIRED REQUIRED REQUIRED REQUIRED REQUIRED  REQUIRED

tick(0)               =        =        =        =       =       =        =        =        pend:v   fail:v    canc:v
tick(9)               =        =        =        =       =       =        =        =        pend:v   fail:v    canc:v
tick(10)              =        =        pend     =       =       =        =        =        pend:v   fail:v    canc:v
tick(15)              =        =        pend     =       =       pend:v   fail:v   canc:v   pend:v   fail:v    canc:v
tick(999)             =        =        pend     =       =       pend:v   fail:v   canc:v   pend:v   fail:v    canc:v
tick(1000)            fail:v   fail:v   fail:v   fail:v  fail:v  fail:v   fail:v   fail:v   fail:v   fail:v    fail:v
tick(0,gap)           =        =        =        =       =       e        e        e        e        e         e
tick(10,gap)          =        =        pend     =       =       e        e        e        e        e         e
tick(19,gap)          =        =        pend     =       =       e        e        e        e        e         e
tick(20,gap)          =        =        pend     =       =       pend:v   fail:v   canc:v   pend:v   fail:v    canc:v
tick(1000,gap)        fail:v   fail:v   fail:v   fail:v  fail:v  fail:v   fail:v   fail:v   fail:v   fail:v    fail:v
";

/// Who finished and how: `w` the worker with token A, `s` the service itself, `x` Longrun (a
/// cancel, a lost worker; `xs` the deadline of a SELF record).
const DONE: &str = "
                      w-ok     w-err    w-stop   s-ok    s-err   s-stop   x-stop   x-err    xs-err
cancel                =        =        =        =       =       =        =        =        =
delete                gone     gone     gone     gone    gone    gone     gone     gone     gone
lease                 =        =        =        =       =       =        =        =        =

renew(-)              DONE     DONE     DONE     DONE    DONE    DONE     DONE     DONE     DONE
renew(A)              DONE     DONE     DONE     DONE    DONE    DONE     DONE     DONE     DONE
renew(B)              DONE     DONE     DONE     DONE    DONE    DONE     DONE     DONE     DONE
renew(A,m!)           DONE     DONE     DONE     DONE    DONE    DONE     DONE     DONE     DONE
release(-)            DONE     DONE     DONE     DONE    DONE    DONE     DONE     DONE     DONE
release(A)            DONE     DONE     DONE     DONE    DONE    DONE     DONE     DONE     DONE
release(A,err)        DONE     DONE     DONE     DONE    DONE    DONE     DONE     DONE     DONE

finish(A,ok)          =        DONE     DONE     DONE    DONE    DONE     DONE     DONE     DONE
finish(A,err)         DONE     =        DONE     DONE    DONE    DONE     DONE     DONE     DONE
finish(A,stop)        DONE     DONE     =        DONE    DONE    DONE     DONE     DONE     DONE
finish(A,ok,m)        =        DONE     DONE     DONE    DONE    DONE     DONE     DONE     DONE
finish(A,ok,m!)       =        DONE     DONE     DONE    DONE    DONE     DONE     DONE     DONE
finish(A,ok2)         DONE     DONE     DONE     DONE    DONE    DONE     DONE     DONE     DONE
finish(A,ok!)         DONE     DONE     DONE     DONE    DONE    DONE     DONE     DONE     DONE
finish(A,err2)        DONE     DONE     DONE     DONE    DONE    DONE     DONE     DONE     DONE
finish(B,ok)          DONE     DONE     DONE     DONE    DONE    DONE     DONE     DONE     DONE
finish(B,err)         DONE     DONE     DONE     DONE    DONE    DONE     DONE     DONE     DONE
finish(-,ok)          DONE     DONE     DONE     =       DONE    DONE     DONE     DONE     DONE
finish(-,err)         DONE     DONE     DONE     DONE    =       DONE     DONE     DONE     DONE
finish(-,stop)        DONE     DONE     DONE     DONE    DONE    =        DONE     DONE     DONE
finish(-,ok2)         DONE     DONE     DONE     DONE    DONE    DONE     DONE     DONE     DONE

update                =        =        =        =       =       =        =        =        =
update(l)             lv       lv       lv       lv      lv      lv       lv       lv       lv
update(l=)            =        =        =        =       =       =        =        =        =
update(l,etag)        lv       lv       lv       lv      lv      lv       lv       lv       lv
update(l,stale)       ETAG     ETAG     ETAG     ETAG    ETAG    ETAG     ETAG     ETAG     ETAG
update(l,A)           lv       lv       lv       TOKEN   TOKEN   TOKEN    lv       lv       TOKEN
update(x)             xv       xv       xv       xv      xv      xv       xv       xv       xv
update(x-past)        xv       xv       xv       xv      xv      xv       xv       xv       xv
update(l,x)           lxv      lxv      lxv      lxv     lxv     lxv      lxv      lxv      lxv
update(t)             DONE     DONE     DONE     DONE    DONE    DONE     DONE     DONE     DONE
update(l,t)           DONE     DONE     DONE     DONE    DONE    DONE     DONE     DONE     DONE
update(m)             DONE     DONE     DONE     DONE    DONE    DONE     DONE     DONE     DONE
update(m,A)           DONE     DONE     DONE     DONE    DONE    DONE     DONE     DONE     DONE
update(m,B,stale)     DONE     DONE     DONE     DONE    DONE    DONE     DONE     DONE     DONE
update(no-m,A)        DONE     DONE     DONE     DONE    DONE    DONE     DONE     DONE     DONE

tick(0)               =        =        =        =       =       =        =        =        =
tick(489)             =        =        =        =       =       =        =        =        =
tick(490)             exp      exp      exp      exp     exp     exp      exp      exp      exp
tick(490,gap)         exp      exp      exp      exp     exp     exp      exp      exp      exp
";

/// The record in a state: made 100 s ago, finished 10 s ago if it is done.
fn state(name: &str) -> Record {
    let mut record = record("x", at(-100));
    record.deadline = at(1000);
    record.update_time = at(-10);
    record.version = 7;
    let mut lease = |attempt, renew_time: Timestamp| {
        let duration = Span::seconds(20);
        record.attempt = attempt;
        record.start_time = Some(at(-90));
        record.state = State::Running(Holder::Worker(Lease {
            worker_id: "w".to_owned(),
            token: token("A").hash(),
            renew_time,
            duration,
            expire_time: renew_time.plus(duration),
        }));
    };
    match name.trim_end_matches("-c") {
        "leased" => lease(1, at(-5)),
        "last" => lease(3, at(-5)),
        "over" => lease(1, at(-21)),
        "over-last" => lease(3, at(-21)),
        _ => {}
    }
    if name.ends_with("-c") {
        record.cancel_request_time = Some(at(-10));
    }
    if name.starts_with('s') || name.starts_with("xs") {
        record.execution = Execution::Service;
        record.state = State::Running(Holder::Service);
        record.start_time = Some(at(-100));
    }
    if matches!(name, "retried" | "delayed") {
        (record.attempt, record.start_time) = (1, Some(at(-90)));
        let delayed_until = (name == "delayed").then(|| at(10));
        record.state = State::Pending { delayed_until };
    }
    if let Some((finisher, end)) = name.split_once('-').filter(|_| DONE.contains(name)) {
        let finisher = match finisher {
            "w" => Finisher::Worker(token("A").hash()),
            "s" => Finisher::Service,
            _ => Finisher::Server,
        };
        let (finish_time, expire_time) = (at(-10), at(490));
        let outcome = outcome(&[end]).unwrap();
        record.state = State::Done(Done { outcome, finish_time, finisher, expire_time });
    }
    record
}

fn outcome(words: &[&str]) -> Option<Outcome> {
    words.iter().find_map(|word| {
        Some(match *word {
            "ok" => Outcome::Response(payload("test.Response", b"1")),
            "ok2" => Outcome::Response(payload("test.Response", b"2")),
            "ok!" => Outcome::Response(payload("test.Other", b"1")),
            "err" => Outcome::Error(status(9, "1")),
            "err2" => Outcome::Error(status(9, "2")),
            "stop" => Outcome::Error(status(1, "1")),
            _ => return None,
        })
    })
}

fn metadata(words: &[&str]) -> Option<Payload> {
    words.iter().find_map(|word| {
        Some(match *word {
            "m" => payload("test.Metadata", b"new"),
            "same" => payload("test.Metadata", b"old"),
            "m!" => payload("test.Other", b"new"),
            _ => return None,
        })
    })
}

/// The event that is called so, applied to a record.
fn apply(event: &str, record: &Record) -> Decision {
    let (event, words) = event.split_once('(').unwrap_or((event, ""));
    let words: Vec<&str> = words.trim_end_matches(')').split(',').collect();
    let has = |word: &str| words.contains(&word);
    let token = ["A", "B"].into_iter().find(|name| has(name)).map(token);
    let seconds = words.iter().find_map(|word| word.strip_suffix('s')?.parse().ok());
    let span = seconds.map(Span::seconds);
    let (now, metadata, outcome) = (at(0), metadata(&words), outcome(&words));
    match event {
        "cancel" => cancel(record, now),
        "delete" => delete(record, now),
        "lease" => {
            let hash = self::token("C").hash();
            lease(record, &Grant { worker_id: "w2".to_owned(), token: hash, duration: span }, now)
        }
        "renew" => renew(record, &Renewal { token, duration: span, metadata }, &expected(), now),
        "release" => {
            let error = outcome.map(|outcome| match outcome {
                Outcome::Error(status) => status,
                Outcome::Response(_) => panic!("an attempt fails with an error"),
            });
            let retry_delay = span.unwrap_or_default();
            release(record, &Release { token, error, retry_delay }, now)
        }
        "finish" => {
            let outcome = outcome.expect("a finish has an outcome");
            finish(record, &Finish { token, outcome, metadata }, &expected(), &by_bytes, now)
        }
        "update" => {
            let label = |value: &str| Labels::from([("env".to_owned(), value.to_owned())]);
            let written = Update {
                metadata: metadata.map(Some).or(has("no-m").then_some(None)),
                labels: has("l").then(|| label("new")).or(has("l=").then(|| label("old"))),
                expire_time: has("x").then(|| at(700)).or(has("x-past").then(|| at(-50))),
                deadline: has("t").then(|| at(800)).or(has("t-past").then(|| at(-50))),
                etag: has("etag")
                    .then(|| "\"7\"".to_owned())
                    .or(has("stale").then(|| "\"6\"".to_owned())),
                token,
            };
            update(record, &written, &expected(), now)
        }
        "tick" => {
            let now = at(words[0].parse().expect("a tick has a time"));
            tick(record, now, if has("gap") { at(0) } else { at(-100) })
        }
        _ => panic!("no event is called {event}"),
    }
}

/// What the decision made of the record, as a cell says it.
fn told(before: &Record, decision: Decision) -> String {
    match decision {
        Err(Refusal::NotFound | Refusal::Gone(_)) => "NOT-FOUND".to_owned(),
        Err(Refusal::Done) => "DONE".to_owned(),
        Err(Refusal::LeaseRequired) => "REQUIRED".to_owned(),
        Err(Refusal::LeaseLost) => "LOST".to_owned(),
        Err(Refusal::TokenOnSelf) => "TOKEN".to_owned(),
        Err(Refusal::ExecutionSelf) => "SELF".to_owned(),
        Err(Refusal::EtagMismatch { current }) if current == "\"7\"" => "ETAG".to_owned(),
        Err(Refusal::EtagMismatch { current }) => format!("ETAG {current}?"),
        Err(Refusal::WrongType { .. }) => "TYPE".to_owned(),
        // The service says so, of a decision that was made.
        Err(Refusal::TooLarge { .. }) => "LARGE".to_owned(),
        Ok(Change::Keep) => "=".to_owned(),
        Ok(Change::Put(next)) => changes(before, &next),
        Ok(Change::Remove(last, Gone::Expired)) if *last == *before => "exp".to_owned(),
        Ok(Change::Remove(_, Gone::Expired)) => "exp?".to_owned(),
        Ok(Change::Remove(last, Gone::Deleted)) if *last == *before => "gone".to_owned(),
        Ok(Change::Remove(last, Gone::Deleted)) => format!("gone:{}", changes(before, &last)),
    }
}

fn changes(before: &Record, next: &Record) -> String {
    let state = |record: &Record| match &record.state {
        State::Pending { delayed_until: None } => "pend",
        State::Pending { delayed_until: Some(_) } => "wait",
        State::Running(_) => "run",
        State::Done(done) => match &done.outcome {
            Outcome::Response(_) => "ok",
            Outcome::Error(status) if status.code == 1 => "canc",
            Outcome::Error(_) => "fail",
        },
    };
    let token = |record: &Record| record.lease().map(|lease| lease.token);
    let renewed = |record: &Record| record.lease().map(|lease| lease.renew_time);
    let lease_end = |record: &Record| record.lease().map(|lease| lease.expire_time);
    let expire_time = |record: &Record| record.done().map(|done| done.expire_time);
    let same_state = state(before) == state(next) && token(before) == token(next);
    let expires = next.expire_time != before.expire_time
        || same_state && expire_time(next) != expire_time(before);
    let letters: String = [
        ('a', next.attempt == before.attempt + 1),
        ('A', next.attempt + 1 == before.attempt),
        ('s', next.start_time != before.start_time),
        ('r', same_state && renewed(next) != renewed(before)),
        (
            'e',
            same_state && renewed(next) == renewed(before) && lease_end(next) != lease_end(before),
        ),
        ('c', next.cancel_request_time != before.cancel_request_time),
        ('d', next.delete_time != before.delete_time),
        ('m', next.metadata != before.metadata),
        ('l', next.labels != before.labels),
        ('x', expires),
        ('t', next.deadline != before.deadline),
        ('v', next.version == before.version + 1 && next.update_time > before.update_time),
    ]
    .into_iter()
    .filter_map(|(letter, changed)| changed.then_some(letter))
    .collect();
    assert_eq!(next.version == before.version, next.update_time == before.update_time);
    match (same_state, letters.as_str()) {
        (true, _) => letters,
        (false, "") => state(next).to_owned(),
        (false, _) => format!("{}:{letters}", state(next)),
    }
}

/// The cells of a table: event, state, what is expected.
fn cells(table: &'static str) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let mut lines = table.lines().filter(|line| !line.is_empty());
    let states: Vec<&str> = lines.next().expect("a table has a head").split_whitespace().collect();
    lines.flat_map(move |line| {
        let (event, cells) = line.split_once(' ').expect("an event has cells");
        let cells: Vec<&str> = cells.split_whitespace().collect();
        assert_eq!(cells.len(), states.len(), "{event}");
        states.clone().into_iter().zip(cells).map(move |(state, cell)| (event, state, cell))
    })
}

#[test]
fn every_event_does_to_every_state_what_the_table_says() {
    let mut wrong = Vec::new();
    for (event, name, expected) in cells(OPEN).chain(cells(DONE)) {
        let before = state(name);
        let found = told(&before, apply(event, &before));
        if found != expected {
            wrong.push(format!("{event} on {name}: expected {expected}, found {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A deleted record is worked on as any other, but goes with its finish.
#[test]
fn a_deleted_record_goes_once_it_is_finished() {
    let mut wrong = Vec::new();
    for (event, name, cell) in cells(OPEN) {
        let mut before = state(name);
        before.delete_time = Some(at(-10));
        let expected = match cell.split(':').next() {
            _ if event == "delete" => "=".to_owned(),
            Some("ok" | "fail" | "canc") => format!("gone:{cell}"),
            _ => cell.to_owned(),
        };
        let found = told(&before, apply(event, &before));
        if found != expected {
            wrong.push(format!("{event} on {name}: expected {expected}, found {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
