//! WatchRecords: the change feed as a stream of messages, woken by commits.

mod told;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use longrun_api::longrun::v1::{WatchRecordsRequest, WatchRecordsResponse};
use prost::Message as _;
use tokio::sync;
use tokio::time::{Instant, sleep_until};

use self::told::{Tell, Told};
use super::{service, service_name};
use crate::catalog::Catalog;
use crate::error::{Error, Kind, Result};
use crate::live::Live;
use crate::operation::filter::Condition;
use crate::operation::{Digest, ResumeError, ResumeToken, Timestamp};
use crate::service::caller::backend_reads;
use crate::service::filter::{self, Asked};
use crate::service::{Api, Body, Call, Kept, Reply, Slot, Slots, Streamed};
use crate::store::{Changed, Changes, ChangesQuery, Sequence, Store};
use crate::wire;

/// Changes that are read at once.
const BATCH: usize = 100;

pub(super) async fn watch(api: &Api, call: &Call, request: WatchRecordsRequest) -> Result<Reply> {
    let scope = service_name(&request.parent)?;
    backend_reads(&call.caller, scope)?;
    if scope != "-" {
        service(api, scope)?;
    }
    let filter = filter::parse(&request.filter, api.limits.filter_bytes_max)?;
    let resumed = match request.resume_token.as_str() {
        "" => None,
        text => Some(ResumeToken::decode(text).map_err(refused)?),
    };
    let now = api.store.now();
    let mut watch = Watch {
        store: api.store.clone(),
        live: api.live.clone(),
        draining: api.draining.clone(),
        service: (scope != "-").then(|| scope.to_owned()),
        bytes_max: api.limits.message_bytes_max,
        slots: call.slots.clone(),
        slot: Some(call.slot(api).await?),
        filter: (!request.filter.trim().is_empty()).then_some(filter),
        catalog: api.catalog.clone(),
        told: Told::since(resumed.map_or(now, |token| token.horizon)),
        place: resumed.unwrap_or(ResumeToken { sequence: 0, time: now, horizon: now }),
        messages: VecDeque::new(),
        kept: vec![],
        heartbeat: api.limits.heartbeat,
        heartbeat_at: Instant::now() + api.limits.heartbeat,
        ends_at: call.deadline,
        failed: false,
    };
    // What is wrong with the token is an answer of its own, not the end of a stream.
    if resumed.is_some() {
        watch.read().await?;
    } else {
        watch.begin().await?;
    }
    let stream = futures::stream::unfold(watch, Watch::next).boxed();
    let body = Body::Stream(stream);
    Ok(Reply { body, retry_seconds: None, kept: Kept::None, waited: None, slot: None })
}

/// One watch. It holds a batch of messages at most: the next is read when they are gone.
struct Watch {
    store: Arc<dyn Store>,
    live: Arc<Live>,
    draining: sync::watch::Receiver<bool>,
    /// `None` is all.
    service: Option<String>,
    bytes_max: usize,
    /// `None` lets everything through.
    filter: Option<Condition>,
    /// Whose descriptors read what is asked of payloads.
    catalog: Arc<Catalog>,
    slots: Slots,
    /// That of the batch.
    slot: Option<Slot>,
    told: Told,
    /// How far the feed has been read.
    place: ResumeToken,
    messages: VecDeque<(WatchRecordsResponse, Vec<Digest>)>,
    /// The descriptors of the last message's record.
    kept: Vec<Digest>,
    heartbeat: Duration,
    heartbeat_at: Instant,
    ends_at: Option<Instant>,
    failed: bool,
}

impl Watch {
    async fn next(mut self) -> Option<(Result<Streamed>, Self)> {
        match self.message().await {
            Ok(Some(message)) => {
                let kept = Kept::One(std::mem::take(&mut self.kept));
                let message = message.encode_to_vec().into();
                Some((Ok(Streamed { message, kept }), self))
            }
            Ok(None) => None,
            Err(error) => {
                self.failed = true;
                let error = match &self.service {
                    Some(service) => error.in_domain(service),
                    None => error,
                };
                Some((Err(error), self))
            }
        }
    }

    /// The next message; `None` once the stream is over.
    async fn message(&mut self) -> Result<Option<WatchRecordsResponse>> {
        loop {
            let over = self.ends_at.is_some_and(|end| end <= Instant::now());
            if self.failed || over || *self.draining.borrow() {
                return Ok(None);
            }
            if let Some((message, kept)) = self.messages.pop_front() {
                self.kept = kept;
                return Ok(Some(message));
            }
            // The batch is gone; others on the connection may have been waiting for its slot.
            self.slot = None;
            let wake_at = self.ends_at.map_or(self.heartbeat_at, |end| end.min(self.heartbeat_at));
            self.slot = tokio::select! {
                biased;
                slot = self.slots.take() => Some(slot),
                // An error means that the server is gone, which is stopping too.
                _ = self.draining.wait_for(|stop| *stop) => None,
                () = sleep_until(wake_at) => None,
            };
            if self.slot.is_none() {
                self.beat();
                continue;
            }
            // Registered before the read, so that no commit falls between the two.
            let live = self.live.clone();
            let mut signal = live.watch_feed(self.service.as_deref());
            let more = self.read().await?;
            self.beat();
            if more || !self.messages.is_empty() {
                continue;
            }
            self.slot = None;
            tokio::select! {
                () = signal.wait() => {}
                // An error means that the server is gone, which is stopping too.
                _ = self.draining.wait_for(|stop| *stop) => {}
                () = sleep_until(wake_at) => {}
            }
        }
    }

    /// Says that nothing is new, if it is time to.
    fn beat(&mut self) {
        if self.heartbeat_at <= Instant::now() {
            self.messages.push_back((heartbeat(&self.place), vec![]));
            self.heartbeat_at = Instant::now() + self.heartbeat;
        }
    }

    /// Begins at the end of the feed.
    async fn begin(&mut self) -> Result<()> {
        let (read, time) = self.changes(None).await?;
        self.move_to(read.through, time);
        self.told = Told::since(self.place.horizon);
        self.messages.push_back((heartbeat(&self.place), vec![]));
        Ok(())
    }

    /// Reads on, and says whether there is more already.
    async fn read(&mut self) -> Result<bool> {
        self.place.check(self.store.now()).map_err(refused)?;
        let from = Sequence(self.place.sequence);
        let (read, time) = self.changes(Some(from)).await?;
        if read.through < from {
            // Another store's place, or one of days that were lost to a restored copy.
            return Err(refused(ResumeError::Expired));
        }
        // In the middle of the feed, what lies behind is as old as what lay behind before.
        let time = if read.more { self.place.time } else { time };
        let mut token = ResumeToken { horizon: self.store.now(), ..self.place };
        let last = read.changes.len().checked_sub(1);
        for (index, (place, changed)) in read.changes.into_iter().enumerate() {
            token.sequence = place.0;
            if Some(index) == last {
                token = ResumeToken { sequence: read.through.0, time, ..token };
            }
            self.take(changed, &token);
        }
        self.move_to(read.through, time);
        let bytes = self.messages.iter().map(|(message, _)| message.encoded_len()).sum();
        self.slot = self.slot.take().and_then(|slot| slot.worth(bytes));
        Ok(read.more)
    }

    /// A part of the feed, and a time when nothing behind it had happened yet.
    async fn changes(&self, after: Option<Sequence>) -> Result<(Changes, Timestamp)> {
        let time = self.store.now();
        let query = ChangesQuery {
            service: self.service.clone(),
            after,
            limit: BATCH,
            bytes_max: self.bytes_max,
        };
        let read = self.store.changes(query).await;
        Ok((read.map_err(|error| Error::unavailable(Box::new(error)))?, time))
    }

    fn move_to(&mut self, through: Sequence, time: Timestamp) {
        self.place = ResumeToken { sequence: through.0, time, horizon: self.store.now() };
    }

    /// Makes a message of a change, if it is one to tell.
    fn take(&mut self, changed: Changed, token: &ResumeToken) {
        let (name, record) = match &changed {
            Changed::Put(record) => (&record.name, Some(record)),
            Changed::Removed(name) => (name, None),
        };
        let tell = match (&self.filter, record) {
            (None, Some(_)) => Tell::Record,
            (None, None) => Tell::Removed,
            (Some(filter), record) => {
                let passes = record.is_some_and(|record| {
                    Asked::new(record, self.catalog.pool_of(&record.name.service)).is(filter)
                });
                self.told.decide(name, record.map(|record| record.create_time), passes)
            }
        };
        if record.is_none() {
            self.told.forget(name);
        }
        self.told.bound(token.horizon);
        let resume_token = token.encode();
        let message = match (tell, record) {
            (Tell::Nothing, _) => return,
            (Tell::Record, Some(record)) => WatchRecordsResponse {
                record: Some(wire::record(record, None)),
                resume_token,
                ..Default::default()
            },
            (Tell::Removed | Tell::Record, _) => WatchRecordsResponse {
                removed: true,
                name: name.to_string(),
                resume_token,
                ..Default::default()
            },
        };
        let kept = record.map(|record| record.descriptors.clone()).unwrap_or_default();
        self.messages.push_back((message, kept));
    }
}

fn heartbeat(place: &ResumeToken) -> WatchRecordsResponse {
    WatchRecordsResponse { resume_token: place.encode(), ..Default::default() }
}

fn refused(error: ResumeError) -> Error {
    match error {
        ResumeError::Token => Error::invalid("resume_token", error.to_string()),
        ResumeError::Expired => Error::new(Kind::ResumeTokenExpired, error.to_string()),
    }
}

#[cfg(test)]
mod tests;
