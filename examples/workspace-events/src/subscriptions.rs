//! All subscriptions, and what each method makes of them. Pure: the time is an argument.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use longrun_client::Code;
use prost_types::Timestamp;

use crate::call::Call;
use crate::refusal::{Refusal, violation};
use crate::v1::subscription::{ErrorType, Expiration, State};
use crate::v1::{
    CreateSubscriptionRequest, DeleteSubscriptionRequest, ReactivateSubscriptionRequest,
    Subscription, UpdateSubscriptionRequest,
};
use crate::wanted::{Target, expire_time, topic, violations};

/// There is no Pub/Sub here to refuse an event, so this topic's id says it: a subscription to it
/// is suspended from the start.
const CLOSED: &str = "/topics/closed";

/// How long an operation is remembered that has been carried out: no attempt comes after its
/// deadline, a day.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

/// As they are kept: the state, and what has led to it.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Subscriptions {
    /// In the order in which they were made.
    #[prost(message, repeated, tag = "1")]
    pub(crate) list: Vec<Subscription>,
    /// Updates and deletes that were carried out, by their operations' ids, and when. A worker
    /// may die before it says so: then the next attempt recognises its work.
    #[prost(btree_map = "string, message", tag = "2")]
    done: BTreeMap<String, Timestamp>,
}

impl Subscriptions {
    /// One for each caller and target. Its name comes from the operation's: so a second attempt
    /// finds what the first one made.
    pub(crate) fn create(
        &mut self,
        call: &Call,
        request: CreateSubscriptionRequest,
    ) -> Result<Subscription, Refusal> {
        self.expire(call.now);
        let wanted = request.subscription.unwrap_or_default();
        let mut wrong = violations(&wanted);
        let include_resource = includes_resource(&wanted);
        let expires = expire_time(wanted.expiration, include_resource, call.now);
        let expires = expires.map_err(|violation| wrong.push(violation));
        let (Ok(expires), Some(target), true) =
            (expires, Target::parse(&wanted.target_resource), wrong.is_empty())
        else {
            return Err(Refusal::invalid(wrong));
        };
        let uid = format!("{}-{}", target.collection, call.operation);
        let name = format!("subscriptions/{uid}");
        let twin = |one: &&Subscription| {
            one.target_resource == wanted.target_resource && one.authority == call.authority
        };
        match self.list.iter().find(twin) {
            Some(made) if made.name == name => return Ok(made.clone()),
            Some(twin) => {
                let message = format!("{} watches {} already.", twin.name, twin.target_resource);
                let reason = "SUBSCRIPTION_ALREADY_EXISTS";
                return Err(Refusal::new(Code::AlreadyExists, reason, message));
            }
            None => {}
        }
        let mut made = Subscription {
            name,
            uid,
            target_resource: wanted.target_resource,
            event_types: wanted.event_types,
            payload_options: wanted.payload_options,
            notification_endpoint: wanted.notification_endpoint,
            state: State::Active.into(),
            authority: call.authority.clone(),
            create_time: Some(call.now.into()),
            expiration: Some(Expiration::ExpireTime(expires)),
            ..Subscription::default()
        };
        if topic(&made).is_some_and(|topic| topic.ends_with(CLOSED)) {
            made.state = State::Suspended.into();
            made.suspension_reason = ErrorType::EndpointPermissionDenied.into();
        }
        touch(&mut made, call.now);
        if !request.validate_only {
            self.list.push(made.clone());
        }
        Ok(made)
    }

    /// Changes when it ends: all else is fixed.
    pub(crate) fn update(
        &mut self,
        call: &Call,
        request: UpdateSubscriptionRequest,
    ) -> Result<Subscription, Refusal> {
        self.expire(call.now);
        let wanted = request.subscription.unwrap_or_default();
        let place = self.find(&wanted.name, call)?;
        if self.done.contains_key(&call.operation) {
            return Ok(self.list[place].clone());
        }
        check_etag(&self.list[place], &wanted.etag)?;
        let mask = request.update_mask.unwrap_or_default();
        let fixed = mask.paths.iter().filter(|path| !matches!(&***path, "expire_time" | "ttl"));
        let wrong: Vec<_> = fixed
            .map(|path| violation("update_mask", format!("`{path}` can't be changed.")))
            .collect();
        if !wrong.is_empty() {
            return Err(Refusal::invalid(wrong));
        }
        let mut changed = self.list[place].clone();
        // Without a mask, what is set is what is meant (AIP-134).
        if !mask.paths.is_empty() || wanted.expiration.is_some() {
            let expires = expire_time(wanted.expiration, includes_resource(&changed), call.now)
                .map_err(|violation| Refusal::invalid(vec![violation]))?;
            changed.expiration = Some(Expiration::ExpireTime(expires));
            touch(&mut changed, call.now);
        }
        if !request.validate_only {
            self.list[place] = changed.clone();
            self.carried_out(call);
        }
        Ok(changed)
    }

    pub(crate) fn delete(
        &mut self,
        call: &Call,
        request: DeleteSubscriptionRequest,
    ) -> Result<(), Refusal> {
        self.expire(call.now);
        if self.done.contains_key(&call.operation) {
            return Ok(());
        }
        let place = match self.find(&request.name, call) {
            Err(_) if request.allow_missing => return Ok(()),
            found => found?,
        };
        check_etag(&self.list[place], &request.etag)?;
        if !request.validate_only {
            self.list.remove(place);
            self.carried_out(call);
        }
        Ok(())
    }

    /// Takes the caller's word that what had suspended it is mended. One that isn't suspended
    /// stays as it is.
    pub(crate) fn reactivate(
        &mut self,
        call: &Call,
        request: ReactivateSubscriptionRequest,
    ) -> Result<Subscription, Refusal> {
        self.expire(call.now);
        let place = self.find(&request.name, call)?;
        let found = &mut self.list[place];
        if found.state() == State::Suspended {
            found.state = State::Active.into();
            found.suspension_reason = ErrorType::Unspecified.into();
            touch(found, call.now);
        }
        Ok(found.clone())
    }

    fn carried_out(&mut self, call: &Call) {
        self.done.insert(call.operation.clone(), call.now.into());
    }

    /// Those whose time is over are gone.
    fn expire(&mut self, now: SystemTime) {
        let forgotten = Timestamp::from(now - REMEMBERED);
        self.done.retain(|_, time| time.seconds > forgotten.seconds);
        let now = Timestamp::from(now);
        self.list.retain(|one| match &one.expiration {
            Some(Expiration::ExpireTime(time)) => {
                (time.seconds, time.nanos) > (now.seconds, now.nanos)
            }
            _ => true,
        });
    }

    /// Where the caller's subscription of this name is.
    fn find(&self, name: &str, call: &Call) -> Result<usize, Refusal> {
        let theirs = |one: &Subscription| one.name == name && one.authority == call.authority;
        self.list.iter().position(theirs).ok_or_else(|| Refusal::not_found(name))
    }
}

fn includes_resource(subscription: &Subscription) -> bool {
    subscription.payload_options.as_ref().is_some_and(|options| options.include_resource)
}

/// It has changed: the time says when, the etag that.
fn touch(subscription: &mut Subscription, now: SystemTime) {
    let now = Timestamp::from(now);
    subscription.etag =
        format!("\"{:x}\"", i128::from(now.seconds) * 1_000_000_000 + i128::from(now.nanos));
    subscription.update_time = Some(now);
}

/// An etag is checked if one is sent (AIP-154).
fn check_etag(subscription: &Subscription, sent: &str) -> Result<(), Refusal> {
    if sent.is_empty() || sent == subscription.etag {
        return Ok(());
    }
    let message = format!(
        "{} has changed since: its etag is {}, not {sent}.",
        subscription.name, subscription.etag
    );
    Err(Refusal::new(Code::Aborted, "ETAG_MISMATCH", message))
}

#[cfg(test)]
mod tests;
