//! Every state × every event, and what becomes of it, written out.
//!
//! A cell is `=` (nothing changes), a refusal in capitals, or what changed: the new state if
//! there is one (`pend`, `wait` for a delay, `run`, `ok`, `fail`, `canc`), then a letter for
//! each change: `a` one attempt more, `A` one less, `s` start time, `r` lease renewed, `e`
//! lease only made to last, `h` the hold ended, `c` cancel request, `d` delete time, `m` metadata, `l` labels,
//! `x` expire time, `t` deadline, and `v` if version and update time moved. `gone`: removed as
//! deleted, `exp`: as expired; `no`: rejected by a worker, `void`: by nobody's answer.
//!
//! An event is told who writes (`-` without a token, `A` the holder's, `B` another's) and
//! what; a `!` marks a wrong type. `tick` is told when, in seconds from now; `gap`: no server
//! could take renewals up to now.

mod words;

use super::*;
use crate::operation::samples::at;
use words::{apply, cells, state, told};

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

reject(-)             REQUIRED REQUIRED REQUIRED SELF    SELF    REQUIRED REQUIRED REQUIRED REQUIRED REQUIRED  REQUIRED
reject(A)             LOST     LOST     LOST     SELF    SELF    ADMITTED ADMITTED ADMITTED ADMITTED ADMITTED  ADMITTED
reject(B)             LOST     LOST     LOST     SELF    SELF    LOST     LOST     LOST     LOST     LOST      LOST
admit                 =        =        =        =       =       =        =        =        =        =         =

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

reject(-)             DONE     DONE     DONE     DONE     DONE    DONE     DONE     DONE     DONE
reject(A)             DONE     DONE     DONE     DONE     DONE    DONE     DONE     DONE     DONE
reject(B)             DONE     DONE     DONE     DONE     DONE    DONE     DONE     DONE     DONE
admit                 =        =        =        =        =       =        =        =        =

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

/// Held calls: what ends a hold, and what becomes of it then. All else does to a held record
/// what it does to any ([`a_held_record_is_worked_on_as_any_other`]).
const HELD: &str = "
                      held-pending  held-delayed  held-leased  held-last  held-leased-c  held-over  asked-pending  asked-leased  asked-over
reject(-)             REQUIRED      REQUIRED      REQUIRED     REQUIRED   REQUIRED       REQUIRED   REQUIRED       REQUIRED      REQUIRED
reject(A)             LOST          LOST          no           no         no             no         LOST           no            no
reject(B)             LOST          LOST          LOST         LOST       LOST           LOST       LOST           LOST          LOST
admit                 hv            hv            hv           hv         hv             hv         void           void          void

cancel                canc:hcv      canc:hcv      cv           cv         =              cv         canc:hcv       cv            cv
delete                dv            dv            dv           dv         dv             dv         dv             dv            dv
lease                 run:asv       =             =            =          =              =          run:asv        =             =
renew(A)              LOST          LOST          r            r          r              r          LOST           r             r
release(A)            LOST          LOST          pend:Av      pend:Av    canc:hv        pend:Av    LOST           pend:Av       pend:Av
release(A,err)        LOST          LOST          pend:v       fail:hv    canc:hv        pend:v     LOST           pend:v        pend:v
finish(-,ok)          REQUIRED      REQUIRED      REQUIRED     REQUIRED   REQUIRED       REQUIRED   REQUIRED       REQUIRED      REQUIRED
finish(A,ok)          LOST          LOST          ok:hv        ok:hv      ok:hv          ok:hv      LOST           ok:hv         ok:hv
finish(A,err)         LOST          LOST          fail:hv      fail:hv    fail:hv        fail:hv    LOST           fail:hv       fail:hv
finish(A,ok!)         LOST          LOST          TYPE         TYPE       TYPE           TYPE       LOST           TYPE          TYPE
finish(B,ok)          LOST          LOST          LOST         LOST       LOST           LOST       LOST           LOST          LOST

tick(0)               =             =             =            =          =              pend:v     =              =             pend:v
tick(10)              =             pend          =            =          =              pend:v     =              =             pend:v
tick(15)              =             pend          pend:v       fail:hv    canc:hv        pend:v     =              pend:v        pend:v
tick(499)             =             pend          pend:v       fail:hv    canc:hv        pend:v     =              pend:v        pend:v
tick(500)             hv            pend:hv       pend:hv      fail:hv    canc:hv        pend:hv    void           void          void
tick(500,gap)         hv            pend:hv       pend:hv      fail:hv    canc:hv        pend:hv    void           void          void
tick(1000)            fail:hv       fail:hv       fail:hv      fail:hv    fail:hv        fail:hv    void           void          void
";

#[test]
fn every_event_does_to_every_state_what_the_table_says() {
    let mut wrong = Vec::new();
    for (event, name, expected) in cells(OPEN).chain(cells(DONE)).chain(cells(HELD)) {
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

/// A held record is worked on as any other: nothing but a reject tells the difference, and its
/// finish ends the hold.
#[test]
fn a_held_record_is_worked_on_as_any_other() {
    let mut wrong = Vec::new();
    let told_of_holds = |event: &str| event.starts_with("reject") || event == "admit";
    for (event, name, cell) in cells(OPEN) {
        let mut before = state(name);
        if before.execution == Execution::Service || told_of_holds(event) {
            continue;
        }
        // It outlasts every tick.
        before.hold = Some(at(2000));
        let expected = match cell.split_once(':') {
            Some((end @ ("ok" | "fail" | "canc"), letters)) => format!("{end}:h{letters}"),
            _ => cell.to_owned(),
        };
        let found = told(&before, apply(event, &before));
        if found != expected {
            wrong.push(format!("{event} on {name}: expected {expected}, found {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Its deadline has passed: nobody's write can change how it ended, though no tick has said so
/// yet.
#[test]
fn a_record_past_its_deadline_is_as_good_as_done() {
    let mut wrong = Vec::new();
    for (event, name, cell) in cells(OPEN) {
        let mut before = state(name);
        before.deadline = at(0);
        let (kind, words) = event.split_once('(').unwrap_or((event, ""));
        let open_only = words
            .trim_end_matches(')')
            .split(',')
            .any(|word| word.starts_with('m') || word.starts_with('t') || word.starts_with("no-m"));
        let expected = match kind {
            "cancel" | "lease" => "=",
            "renew" | "release" | "reject" | "finish" => "DONE",
            "update" if open_only => "DONE",
            "tick" => "fail:v",
            _ => cell,
        };
        let found = told(&before, apply(event, &before));
        if found != expected {
            wrong.push(format!("{event} on {name}: expected {expected}, found {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
