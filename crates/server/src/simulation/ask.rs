//! What clients and workers ask.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use super::kitchen;
use crate::operation::{
    Digest, LeaseToken, Outcome, Payload, Principal, RecordName, Status, Timestamp,
};

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum By {
    Alice,
    Bob,
    /// The API's own side, and its workers.
    Backend,
}

impl By {
    pub(super) fn principal(self) -> Principal {
        let text = match self {
            Self::Alice => "static:alice",
            Self::Bob => "static:bob",
            Self::Backend => "static:backend",
        };
        Principal::parse(text).unwrap()
    }
}

/// One request, which may be sent again just as it is.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) by: By,
    pub(super) what: What,
    /// How long the caller listens.
    pub(super) listens: Option<Duration>,
}

/// A lease as its worker remembers it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Hold {
    pub(super) name: RecordName,
    pub(super) method: String,
    pub(super) token: LeaseToken,
}

/// The end of a name, which is random.
pub(super) fn short(name: &RecordName) -> &str {
    let id = name.operation.id.as_str();
    &id[id.len().saturating_sub(5)..]
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", short(&self.name), &self.token.reveal()[..4])
    }
}

/// A name that is printed short.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Name(pub(super) RecordName);

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(short(&self.0))
    }
}

/// What is asked. Times are seconds.
#[derive(Debug)]
pub(super) enum What {
    /// A method of the API.
    Start {
        rpc: &'static str,
        dish: usize,
        id: Option<usize>,
    },
    /// CreateOperation.
    Create {
        owner: Option<By>,
        id: Option<usize>,
        key: Option<usize>,
        own: bool,
        deadline: Option<Timestamp>,
    },
    Get(Name),
    /// A get with `Prefer: wait`.
    Prefer(Name, u64),
    Wait(Name, Option<i64>),
    /// Of those about one dish, or of those about none.
    List(Option<usize>),
    Cancel(Name),
    Delete(Name),
    GetRecord(Name),
    CancelRecord(Name),
    DeleteRecord(Name),
    /// Labels, if the etag is this one.
    Label(Name, usize, Option<String>),
    Deadline(Name, Timestamp),
    Expire(Name, Timestamp),
    Lease {
        methods: &'static [&'static str],
        count: i32,
        wait: i64,
        duration: Option<i64>,
    },
    Renew {
        hold: Hold,
        duration: Option<i64>,
        progress: Option<Payload>,
    },
    Progress {
        hold: Hold,
        progress: Payload,
    },
    /// SELF records are finished without a token.
    Finish {
        name: Name,
        token: Option<LeaseToken>,
        outcome: Outcome,
    },
    Release {
        hold: Hold,
        error: bool,
        delay: i64,
    },
    Reject {
        hold: Hold,
        error: Status,
    },
}

impl Ask {
    /// Until when it may be held if the server begins with it at `begun`: 200 ms or a tenth
    /// of what is left are for the way back.
    pub(super) fn until(&self, asked_at: Instant, begun: Instant) -> Instant {
        let wished = begun + self.what.held();
        let Some(listens) = self.listens else { return wished };
        let left = (asked_at + listens).saturating_duration_since(begun);
        let way_back = (left / 10).max(Duration::from_millis(200));
        wished.min(begun + left.saturating_sub(way_back))
    }

    /// The latest end of that: what is left of a call of the API is reckoned once more when its
    /// record is made.
    pub(super) fn at_the_latest(&self, asked_at: Instant, until: Instant) -> Instant {
        match (&self.what, self.listens) {
            (What::Start { .. }, Some(listens)) => {
                until.max(asked_at + listens.saturating_sub(Duration::from_millis(200)))
            }
            _ => until,
        }
    }

    /// What its request id is found by.
    pub(super) fn request_id(&self) -> Option<Digest> {
        let (method, id) = match &self.what {
            What::Start { rpc, id, .. } => (*rpc, id),
            What::Create { id, .. } => ("longrun.v1.Backend/CreateOperation", id),
            _ => return None,
        };
        let (principal, id) = (self.by.principal(), format!("id-{}", (*id)?));
        let parts = [kitchen::NAME, method, principal.as_str(), &id];
        Some(Digest::of(&parts.map(str::as_bytes)))
    }

    /// The exclusive key that it claims.
    pub(super) fn exclusive_key(&self) -> Option<String> {
        match &self.what {
            What::Start { rpc: kitchen::UPDATE, dish, .. } => Some(parent(Some(*dish))),
            What::Create { key, .. } => key.map(|key| format!("key-{key}")),
            _ => None,
        }
    }
}

/// The parent of the operations about a dish, or about none.
pub(super) fn parent(dish: Option<usize>) -> String {
    dish.map(|dish| format!("restaurants/r/dishes/{dish}")).unwrap_or_default()
}

impl What {
    /// What it is called.
    pub(super) fn kind(&self) -> String {
        let text = format!("{self:?}");
        text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
    }

    /// The record that it is about.
    pub(super) fn name(&self) -> Option<&RecordName> {
        match self {
            Self::Start { .. } | Self::Create { .. } | Self::List(_) | Self::Lease { .. } => None,
            Self::Get(name)
            | Self::Prefer(name, _)
            | Self::Wait(name, _)
            | Self::Cancel(name)
            | Self::Delete(name)
            | Self::GetRecord(name)
            | Self::CancelRecord(name)
            | Self::DeleteRecord(name)
            | Self::Label(name, ..)
            | Self::Deadline(name, _)
            | Self::Expire(name, _)
            | Self::Finish { name, .. } => Some(&name.0),
            _ => self.hold().map(|hold| &hold.name),
        }
    }

    fn hold(&self) -> Option<&Hold> {
        match self {
            Self::Renew { hold, .. }
            | Self::Progress { hold, .. }
            | Self::Release { hold, .. }
            | Self::Reject { hold, .. } => Some(hold),
            _ => None,
        }
    }

    /// The token of the lease that it is done under.
    pub(super) fn token(&self) -> Option<&LeaseToken> {
        match self {
            Self::Finish { token, .. } => token.as_ref(),
            _ => self.hold().map(|hold| &hold.token),
        }
    }

    /// What a held call fails with by it.
    pub(super) fn rejection(&self) -> Option<Status> {
        match self {
            Self::Reject { error, .. } => Some(error.clone()),
            _ => None,
        }
    }

    /// How long the server may hold the call.
    pub(super) fn held(&self) -> Duration {
        match self {
            Self::Prefer(_, seconds) => Duration::from_secs((*seconds).min(60)),
            Self::Wait(_, wish) => Duration::from_secs(wish.unwrap_or(60).clamp(0, 60) as u64),
            Self::Lease { wait, .. } => Duration::from_secs(*wait as u64),
            // As long as its record is held.
            Self::Start { .. } => Duration::from_secs(1 << 32),
            _ => Duration::ZERO,
        }
    }
}
