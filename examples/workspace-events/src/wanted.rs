//! What a subscription may ask for.

use std::time::{Duration, SystemTime};

use longrun_api::google::rpc::bad_request::FieldViolation;
use prost_types::Timestamp;

use crate::refusal::violation;
use crate::v1::Subscription;
use crate::v1::notification_endpoint::Endpoint;
use crate::v1::subscription::Expiration;

/// How long a subscription lives at most, and how long if its events carry the changed resource.
const LIFETIME_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
const LIFETIME_WITH_RESOURCE_MAX: Duration = Duration::from_secs(4 * 3600);

/// Events of Google Chat.
const CHAT: [&str; 10] = [
    "google.workspace.chat.message.v1.created",
    "google.workspace.chat.message.v1.updated",
    "google.workspace.chat.message.v1.deleted",
    "google.workspace.chat.membership.v1.created",
    "google.workspace.chat.membership.v1.updated",
    "google.workspace.chat.membership.v1.deleted",
    "google.workspace.chat.reaction.v1.created",
    "google.workspace.chat.reaction.v1.deleted",
    "google.workspace.chat.space.v1.updated",
    "google.workspace.chat.space.v1.deleted",
];
/// Events of Google Meet.
const MEET: [&str; 6] = [
    "google.workspace.meet.conference.v2.started",
    "google.workspace.meet.conference.v2.ended",
    "google.workspace.meet.participant.v2.joined",
    "google.workspace.meet.participant.v2.left",
    "google.workspace.meet.recording.v2.fileGenerated",
    "google.workspace.meet.transcript.v2.fileGenerated",
];

/// A full resource name (AIP-122) that can be watched.
pub(crate) struct Target<'a> {
    /// `spaces` or `users`.
    pub(crate) collection: &'a str,
    /// Lists of the events that it has.
    events: &'static [&'static [&'static str]],
}

impl<'a> Target<'a> {
    /// `None`: nothing that can be watched.
    pub(crate) fn parse(name: &'a str) -> Option<Self> {
        let (host, path) = name.strip_prefix("//")?.split_once('/')?;
        let (collection, id) = path.split_once('/')?;
        let events: &[&[&str]] = match (host, collection) {
            ("chat.googleapis.com", "spaces") => &[&CHAT],
            ("meet.googleapis.com", "spaces") => &[&MEET],
            ("cloudidentity.googleapis.com", "users") => &[&CHAT, &MEET],
            _ => return None,
        };
        (!id.is_empty() && !id.contains('/')).then_some(Self { collection, events })
    }

    fn has(&self, event: &str) -> bool {
        self.events.iter().any(|app| app.contains(&event))
    }
}

/// Everything that is wrong with what a create asks for.
pub(crate) fn violations(wanted: &Subscription) -> Vec<FieldViolation> {
    let mut found = Vec::new();
    match Target::parse(&wanted.target_resource) {
        None => found.push(violation(
            "subscription.target_resource",
            "Expected //chat.googleapis.com/spaces/SPACE, //meet.googleapis.com/spaces/SPACE or \
             //cloudidentity.googleapis.com/users/USER.",
        )),
        Some(target) => {
            for (index, event) in wanted.event_types.iter().enumerate() {
                if !target.has(event) {
                    let path = format!("subscription.event_types[{index}]");
                    let what = format!("{} has no event `{event}`.", wanted.target_resource);
                    found.push(violation(&path, what));
                }
            }
        }
    }
    if !topic(wanted).is_some_and(is_topic) {
        found.push(violation(
            "subscription.notification_endpoint.pubsub_topic",
            "Expected projects/PROJECT/topics/TOPIC.",
        ));
    }
    found
}

/// Where events go.
pub(crate) fn topic(subscription: &Subscription) -> Option<&str> {
    let Endpoint::PubsubTopic(topic) =
        subscription.notification_endpoint.as_ref()?.endpoint.as_ref()?;
    Some(topic)
}

fn is_topic(name: &str) -> bool {
    let parts: Vec<&str> = name.split('/').collect();
    matches!(&*parts, ["projects", project, "topics", topic]
        if !project.is_empty() && !topic.is_empty())
}

/// When a subscription ends. One that asks for nothing gets all that there is.
///
/// # Errors
/// When it asks for more, or for a time that is past.
pub(crate) fn expire_time(
    wanted: Option<Expiration>,
    include_resource: bool,
    now: SystemTime,
) -> Result<Timestamp, FieldViolation> {
    let longest = if include_resource { LIFETIME_WITH_RESOURCE_MAX } else { LIFETIME_MAX };
    let (path, lifetime) = match wanted {
        None => return Ok((now + longest).into()),
        Some(Expiration::Ttl(ttl)) if ttl == prost_types::Duration::default() => {
            return Ok((now + longest).into());
        }
        Some(Expiration::Ttl(ttl)) => ("subscription.ttl", Duration::try_from(ttl).ok()),
        Some(Expiration::ExpireTime(time)) => {
            let time = SystemTime::try_from(time).ok();
            ("subscription.expire_time", time.and_then(|time| time.duration_since(now).ok()))
        }
    };
    match lifetime {
        Some(lifetime) if !lifetime.is_zero() && lifetime <= longest => Ok((now + lifetime).into()),
        _ => {
            let hours = longest.as_secs() / 3600;
            let what = format!("Expected a time to come, at most {hours} hours from now.");
            Err(violation(path, what))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_and_their_events() {
        let (message, started) = (CHAT[0], MEET[0]);
        let table: [(&str, &[&str]); 9] = [
            ("//chat.googleapis.com/spaces/AAAA", &[message]),
            ("//meet.googleapis.com/spaces/AAAA", &[started]),
            ("//cloudidentity.googleapis.com/users/1", &[message, started]),
            ("//drive.googleapis.com/files/1", &[]),
            ("//chat.googleapis.com/spaces/", &[]),
            ("//chat.googleapis.com/spaces/A/messages/1", &[]),
            ("//chat.googleapis.com/users/1", &[]),
            ("spaces/AAAA", &[]),
            ("", &[]),
        ];
        for (name, expected) in table {
            let target = Target::parse(name);
            let has = |event: &&str| target.as_ref().is_some_and(|target| target.has(event));
            let found: Vec<&str> = [message, started, "no.event"].into_iter().filter(has).collect();
            assert_eq!(found, expected, "{name}");
            assert_eq!(target.is_some(), !expected.is_empty(), "{name}");
        }
    }

    #[test]
    fn topics() {
        let table = [
            ("projects/p/topics/t", true),
            ("projects//topics/t", false),
            ("projects/p/topics/", false),
            ("projects/p/topics/t/u", false),
            ("projects/p/subscriptions/t", false),
            ("t", false),
        ];
        for (name, expected) in table {
            assert_eq!(is_topic(name), expected, "{name}");
        }
    }

    #[test]
    fn lifetimes() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let hours = |hours: i64| hours * 3600;
        let ttl = |hours| Some(Expiration::Ttl(prost_types::Duration { seconds: hours, nanos: 0 }));
        let until = |seconds| {
            Some(Expiration::ExpireTime(Timestamp { seconds: 1_000_000 + seconds, nanos: 0 }))
        };
        let table = [
            (None, false, Ok(hours(168))),
            (None, true, Ok(hours(4))),
            (ttl(0), false, Ok(hours(168))),
            (ttl(60), true, Ok(60)),
            (ttl(hours(4)), true, Ok(hours(4))),
            (ttl(hours(4) + 1), true, Err("subscription.ttl")),
            (ttl(hours(168)), false, Ok(hours(168))),
            (ttl(-1), false, Err("subscription.ttl")),
            (until(60), false, Ok(60)),
            (until(0), false, Err("subscription.expire_time")),
            (until(-60), false, Err("subscription.expire_time")),
            (until(hours(169)), false, Err("subscription.expire_time")),
        ];
        for (wanted, include_resource, expected) in table {
            let found = expire_time(wanted, include_resource, now);
            let found = match &found {
                Ok(time) => Ok(time.seconds - 1_000_000),
                Err(violation) => Err(&*violation.field),
            };
            assert_eq!(found, expected, "{wanted:?}");
        }
    }
}
