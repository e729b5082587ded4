//! The record: an operation with all that its service knows of it.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;

use super::{Digest, RecordName, RequestClaim, Span, Timestamp};

/// Key-value pairs that a backend attaches to a record.
pub type Labels = BTreeMap<String, String>;

/// A `google.protobuf.Any`: a type and the bytes of a message of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// `type.googleapis.com/{full name}`.
    pub type_url: String,
    /// The encoded message.
    pub value: Bytes,
}

/// A `google.rpc.Status` that says why an operation failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// A `google.rpc.Code`, never 0.
    pub code: i32,
    /// English, for developers.
    pub message: String,
    /// Standard details.
    pub details: Vec<Payload>,
}

/// How the work ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It succeeded with this.
    Response(Payload),
    /// It failed, or was cancelled (code 1), with this.
    Error(Status),
}

impl Outcome {
    /// What it comes to, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Response(response) => response.value.len(),
            Self::Error(status) => {
                let bytes = |detail: &Payload| detail.type_url.len() + detail.value.len();
                let details = status.details.iter().map(bytes);
                status.message.len() + details.sum::<usize>()
            }
        }
    }
}

/// Who a call or an operation belongs to: `{issuer alias}:{subject}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Principal(String);

impl Principal {
    /// A principal from its text.
    ///
    /// `None` unless it is `alias:subject` with both parts, at most 512 bytes and without
    /// control characters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (alias, subject) = text.split_once(':')?;
        let good = !alias.is_empty()
            && !subject.is_empty()
            && text.len() <= 512
            && !text.contains(char::is_control);
        good.then(|| Self(text.to_owned()))
    }

    /// `alias:subject`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who does the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Execution {
    /// A worker that leases it.
    Leased,
    /// The API itself, without leases.
    Service,
}

/// A lease's secret: it fences every write to a leased record. 32 lower-case hex digits.
#[derive(Clone, PartialEq, Eq)]
pub struct LeaseToken(String);

impl LeaseToken {
    /// A token from 128 fresh random bits.
    #[must_use]
    pub fn mint(random: [u8; 16]) -> Self {
        Self(format!("{:032x}", u128::from_be_bytes(random)))
    }

    /// A token that a caller sent; it may be no record's.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The secret text.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        use sha2::Digest as _;
        TokenHash(sha2::Sha256::digest(self.0.as_bytes()).into())
    }
}

impl fmt::Debug for LeaseToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LeaseToken(…)")
    }
}

/// SHA-256 of a lease token: the store never holds the secret itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenHash(pub [u8; 32]);

/// A worker's hold on a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// As the worker calls itself.
    pub worker_id: String,
    /// What its token hashes to.
    pub token: TokenHash,
    /// When it was taken or last renewed.
    pub renew_time: Timestamp,
    /// How long it lasts from then.
    pub duration: Span,
    /// When it runs out.
    pub expire_time: Timestamp,
}

/// Who is at a running record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// The API itself.
    Service,
    /// A worker.
    Worker(Lease),
}

/// Who finished a record: what a repeat of the finish has to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finisher {
    /// The API itself, which has no token.
    Service,
    /// The worker whose token hashes to this.
    Worker(TokenHash),
    /// Longrun: a cancel, a deadline, a lost worker. Nobody can repeat that.
    Server,
}

/// How and when a record was finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// How the work ended.
    pub outcome: Outcome,
    /// When.
    pub finish_time: Timestamp,
    /// By whom.
    pub finisher: Finisher,
    /// When the record is forgotten.
    pub expire_time: Timestamp,
}

/// Where the work stands. A cancel request is a time on the record, not a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Waits for a worker.
    Pending {
        /// The end of a retry delay: not leased until the reaper has lifted it.
        delayed_until: Option<Timestamp>,
    },
    /// Somebody is at it.
    Running(Holder),
    /// Finished: nothing but labels and the expire time changes again.
    Done(Done),
}

/// The states' names (AIP-216), as a store indexes them and clients filter by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StateName {
    /// Waits for a worker.
    Pending = 1,
    /// Somebody is at it.
    Running = 2,
    /// Done, with a response.
    Succeeded = 3,
    /// Done, with an error.
    Failed = 4,
    /// Done, with an error of code 1.
    Cancelled = 5,
}

impl StateName {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Running, Self::Succeeded, Self::Failed, Self::Cancelled];

    /// `PENDING`, `RUNNING`, `SUCCEEDED`, `FAILED` or `CANCELLED`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

/// An operation as its service sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Service, parent and id.
    pub name: RecordName,
    /// `pkg.Service/Method`; empty if it stands for no RPC.
    pub method: String,
    /// The principal whose operation it is; `None`: no client sees it.
    pub owner: Option<Principal>,
    /// No other open record of its service has this one.
    pub exclusive_key: Option<String>,
    /// The request id that it was made with.
    pub request_claim: Option<RequestClaim>,
    /// Who does the work.
    pub execution: Execution,
    /// Where the work stands.
    pub state: State,
    /// Until when its call is held at most, and it is no operation yet: it is open, and
    /// workers lease it.
    pub hold: Option<Timestamp>,
    /// Whether its call asked only what would come of it (AIP-163): the end of its hold
    /// removes it, where another's makes it an operation.
    pub validation: bool,
    /// The RPC's request.
    pub request: Option<Payload>,
    /// Progress and the like.
    pub metadata: Option<Payload>,
    /// The backend's own marks.
    pub labels: Labels,
    /// When it was made.
    pub create_time: Timestamp,
    /// When somebody was first at it.
    pub start_time: Option<Timestamp>,
    /// When it last changed; a bare renewal is no change.
    pub update_time: Timestamp,
    /// Set before the finish: when the record shall be forgotten.
    pub expire_time: Option<Timestamp>,
    /// When a client deleted it; the record stays until it is finished.
    pub delete_time: Option<Timestamp>,
    /// When it fails with DEADLINE_EXCEEDED if it is still open.
    pub deadline: Timestamp,
    /// When somebody first asked for it to be cancelled.
    pub cancel_request_time: Option<Timestamp>,
    /// The attempt it is at; 0 before the first.
    pub attempt: u32,
    /// How many attempts it has.
    pub max_attempts: u32,
    /// How long its leases last when the worker names no duration.
    pub lease_duration: Span,
    /// How long it is kept once it is done.
    pub retention: Span,
    /// The descriptor sets that its payloads were checked against, in the order of their use.
    pub descriptors: Vec<Digest>,
    /// Counts the changes; the etag is made of it.
    pub version: u64,
}

impl Record {
    /// The state's name.
    #[must_use]
    pub fn state_name(&self) -> StateName {
        match &self.state {
            State::Pending { .. } => StateName::Pending,
            State::Running(_) => StateName::Running,
            State::Done(done) => match &done.outcome {
                Outcome::Response(_) => StateName::Succeeded,
                Outcome::Error(status) if status.code == 1 => StateName::Cancelled,
                Outcome::Error(_) => StateName::Failed,
            },
        }
    }

    /// The outcome, once there is one.
    #[must_use]
    pub fn done(&self) -> Option<&Done> {
        match &self.state {
            State::Done(done) => Some(done),
            _ => None,
        }
    }

    /// The lease that is on it.
    #[must_use]
    pub fn lease(&self) -> Option<&Lease> {
        match &self.state {
            State::Running(Holder::Worker(lease)) => Some(lease),
            _ => None,
        }
    }

    /// The entity tag, with its quotes (AIP-154).
    #[must_use]
    pub fn etag(&self) -> String {
        format!("\"{:x}\"", self.version)
    }

    /// When time alone may next change it: a hold, a retry delay, a lease, a deadline or the
    /// retention runs out.
    #[must_use]
    pub fn due_time(&self) -> Timestamp {
        let first = match &self.state {
            State::Pending { delayed_until } => *delayed_until,
            State::Running(Holder::Service) => None,
            State::Running(Holder::Worker(lease)) => Some(lease.expire_time),
            State::Done(done) => return done.expire_time,
        };
        [first, self.hold].into_iter().flatten().fold(self.deadline, Timestamp::min)
    }

    /// What response, metadata and error come to together, in bytes.
    #[must_use]
    pub fn operation_bytes(&self) -> usize {
        let metadata = self.metadata.as_ref().map_or(0, |metadata| metadata.value.len());
        metadata + self.done().map_or(0, |done| done.outcome.bytes())
    }

    /// What all of its payloads come to: nearly all of its bytes.
    #[must_use]
    pub fn payload_bytes(&self) -> usize {
        let request = self.request.as_ref().map_or(0, |request| request.value.len());
        request + self.operation_bytes()
    }

    /// Whether clients don't see it, whosever it is: no operation yet, or one no longer.
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        self.hold.is_some() || self.delete_time.is_some()
    }
}

#[cfg(test)]
mod tests;
