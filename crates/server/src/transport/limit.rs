//! How often one principal may call.

use std::num::NonZeroU32;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::error::{Error, Kind, Result};
use crate::operation::Principal;

/// Calls per second and principal; none: no limit.
pub(crate) struct RateLimit {
    limiter: Option<DefaultKeyedRateLimiter<String>>,
    clock: DefaultClock,
}

impl RateLimit {
    /// `per_second` calls, after `burst` (by default as many) at once.
    pub(crate) fn new(per_second: Option<NonZeroU32>, burst: Option<NonZeroU32>) -> Self {
        let quota =
            per_second.map(|rate| Quota::per_second(rate).allow_burst(burst.unwrap_or(rate)));
        Self { limiter: quota.map(RateLimiter::keyed), clock: DefaultClock::default() }
    }

    /// Counts a call.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED` when it is one too many.
    pub(crate) fn check(&self, principal: &Principal) -> Result<()> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        let Err(early) = limiter.check_key(&principal.as_str().to_owned()) else { return Ok(()) };
        let wait = early.wait_time_from(self.clock.now());
        let retry_seconds = u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX);
        let kind = Kind::RateLimitExceeded {
            subject: principal.to_string(),
            retry_seconds: retry_seconds.max(1),
        };
        Err(Error::new(kind, "Too many requests from this principal."))
    }

    /// Forgets principals that have been silent.
    pub(crate) fn forget_idle(&self) {
        if let Some(limiter) = &self.limiter {
            limiter.retain_recent();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_principal_has_a_limit_of_its_own() {
        let alice = Principal::parse("static:alice").unwrap();
        let bob = Principal::parse("static:bob").unwrap();
        let limit = RateLimit::new(NonZeroU32::new(1), NonZeroU32::new(2));
        assert!(limit.check(&alice).is_ok());
        assert!(limit.check(&alice).is_ok());
        let refused = limit.check(&alice).unwrap_err();
        assert!(matches!(refused.kind, Kind::RateLimitExceeded { retry_seconds: 1, .. }));
        assert!(limit.check(&bob).is_ok());
        assert!((0..1000).all(|_| RateLimit::new(None, None).check(&alice).is_ok()));
    }
}
