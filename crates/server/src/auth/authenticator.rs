//! From the credentials of a request to its caller.

use std::collections::HashMap;
use std::sync::Arc;

use super::{ScopeSet, Secret, TokenDigest};
use crate::operation::Principal;

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// `{issuer alias}:{subject}`.
    pub principal: Principal,
    /// What the token was granted.
    pub scopes: ScopeSet,
}

/// A token of the configuration, kept as its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticToken {
    /// `static:{subject}`.
    pub principal: Principal,
    /// SHA-256 of the token.
    pub digest: TokenDigest,
    /// The scopes that it stands for.
    pub scopes: Vec<String>,
}

/// Everything in a request that could name its caller, percent-decoded.
#[derive(Clone, Debug, Default)]
pub struct Credentials<'a> {
    /// The values of `Authorization`, one for each header line.
    pub authorization: Vec<&'a str>,
    /// The query parameters `access_token` and `oauth_token`.
    pub access_tokens: Vec<&'a str>,
    /// Whether an API key came along, which names nobody.
    pub api_key: bool,
}

/// Why a request has no caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialError {
    /// It carries none.
    Missing,
    /// It isn't a bearer token, or not one that is known.
    Invalid,
    /// It was good once.
    Expired,
    /// Two that differ: which one counts would be a guess.
    Overloaded,
    /// An API key alone.
    ApiKeyOnly,
}

/// Decides who calls.
#[derive(Clone, Debug)]
pub struct Authenticator(Mode);

#[derive(Clone, Debug)]
enum Mode {
    /// By the SHA-256 of the token. How long a look-up takes tells at most how much of a
    /// *hash* matched, and nobody can choose a token by a prefix of its hash, so plain
    /// equality gives nothing away; the token itself is never compared.
    Tokens(HashMap<TokenDigest, Arc<Caller>>),
    Open(Arc<Caller>),
}

impl Authenticator {
    /// `--no-auth`: everybody is `local:anonymous` with all scopes, whatever they send.
    #[must_use]
    pub fn open() -> Self {
        Self(Mode::Open(local("local:anonymous")))
    }

    /// No auth configuration: one token, for `local:admin` with all scopes.
    #[must_use]
    pub fn local(token: &Secret) -> Self {
        Self(Mode::Tokens(HashMap::from([(token.digest(), local("local:admin"))])))
    }

    /// The tokens of the configuration.
    #[must_use]
    pub fn tokens(tokens: impl IntoIterator<Item = StaticToken>) -> Self {
        let caller = |token: StaticToken| {
            let scopes = ScopeSet::Some(token.scopes);
            (token.digest, Arc::new(Caller { principal: token.principal, scopes }))
        };
        Self(Mode::Tokens(tokens.into_iter().map(caller).collect()))
    }

    /// Whether everybody is let in, so that Host and Origin have to be checked instead
    /// ([`check_host`](super::check_host)).
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.0, Mode::Open(_))
    }

    /// The caller.
    ///
    /// # Errors
    /// [`CredentialError`]; never when open.
    pub fn authenticate(
        &self,
        credentials: &Credentials<'_>,
    ) -> Result<Arc<Caller>, CredentialError> {
        match &self.0 {
            Mode::Open(caller) => Ok(caller.clone()),
            Mode::Tokens(callers) => {
                let token = the_one(credentials)?;
                callers.get(&TokenDigest::of(token)).cloned().ok_or(CredentialError::Invalid)
            }
        }
    }
}

fn local(principal: &str) -> Arc<Caller> {
    let principal = Principal::parse(principal).expect("alias and subject are there");
    Arc::new(Caller { principal, scopes: ScopeSet::All })
}

/// The request's only token; sent twice, it is still one.
fn the_one<'a>(credentials: &Credentials<'a>) -> Result<&'a str, CredentialError> {
    let headers = credentials.authorization.iter().map(|value| bearer(value).ok_or(*value));
    let queries = credentials.access_tokens.iter().map(|token| well_formed(token).ok_or(*token));
    let mut sent = headers.chain(queries);
    match sent.next() {
        None if credentials.api_key => Err(CredentialError::ApiKeyOnly),
        None => Err(CredentialError::Missing),
        Some(first) if sent.any(|other| other != first) => Err(CredentialError::Overloaded),
        Some(first) => first.map_err(|_| CredentialError::Invalid),
    }
}

/// The token of an `Authorization` value (RFC 6750 §2.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.trim_matches([' ', '\t']).split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then_some(())?;
    well_formed(token.trim_start_matches(' '))
}

/// `b64token` of RFC 6750: a value with anything else in it was never a token.
fn well_formed(token: &str) -> Option<&str> {
    let body = token.trim_end_matches('=');
    let good = |c: u8| c.is_ascii_alphanumeric() || b"-._~+/".contains(&c);
    (!body.is_empty() && body.bytes().all(good)).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use CredentialError::*;

    fn configured() -> Authenticator {
        Authenticator::tokens(["alice", "bob"].map(|subject| StaticToken {
            principal: Principal::parse(&format!("static:{subject}")).unwrap(),
            digest: TokenDigest::of(&format!("{subject}-token")),
            scopes: vec![format!("{subject}.scope")],
        }))
    }

    #[test]
    fn who_calls() {
        type Row = (
            &'static [&'static str],
            &'static [&'static str],
            bool,
            Result<&'static str, CredentialError>,
        );
        let table: &[Row] = &[
            (&[], &[], false, Err(Missing)),
            (&[], &[], true, Err(ApiKeyOnly)),
            (&["Bearer alice-token"], &[], false, Ok("static:alice")),
            (&["Bearer alice-token"], &[], true, Ok("static:alice")),
            (&["bearer  bob-token "], &[], false, Ok("static:bob")),
            (&["BEARER bob-token"], &[], false, Ok("static:bob")),
            (&[], &["bob-token"], false, Ok("static:bob")),
            (&["Bearer bob-token"], &["bob-token", "bob-token"], false, Ok("static:bob")),
            (&["Bearer bob-token", "bearer bob-token"], &[], false, Ok("static:bob")),
            (&["Bearer bob-token", "Bearer alice-token"], &[], false, Err(Overloaded)),
            (&["Bearer bob-token"], &["alice-token"], false, Err(Overloaded)),
            (&["Bearer bob-token"], &[""], false, Err(Overloaded)),
            (&["Basic Ym9iOg=="], &["bob-token"], false, Err(Overloaded)),
            (&[], &["bob-token", "alice-token"], false, Err(Overloaded)),
            (&["Bearer mallory"], &[], false, Err(Invalid)),
            (&["Bearer bob-token=="], &[], false, Err(Invalid)),
            (&["Bearer"], &[], false, Err(Invalid)),
            (&["Bearer "], &[], false, Err(Invalid)),
            (&["Bearer =="], &[], false, Err(Invalid)),
            (&[""], &[], true, Err(Invalid)),
            (&["bob-token"], &[], false, Err(Invalid)),
            (&["Basic bob-token"], &[], false, Err(Invalid)),
            (&["Bearer bob-token, Bearer bob-token"], &[], false, Err(Invalid)),
            (&["Bearer bob-token x"], &[], false, Err(Invalid)),
            (&["Bearer bob\u{e9}"], &[], false, Err(Invalid)),
            (&[], &[""], false, Err(Invalid)),
        ];
        for (authorization, access_tokens, api_key, expected) in table {
            let credentials = Credentials {
                authorization: authorization.to_vec(),
                access_tokens: access_tokens.to_vec(),
                api_key: *api_key,
            };
            let found = configured().authenticate(&credentials);
            let found = found.as_ref().map(|caller| caller.principal.as_str()).map_err(|e| *e);
            assert_eq!(found, *expected, "{credentials:?}");
        }
    }

    #[test]
    fn scopes_are_the_tokens() {
        let credentials =
            Credentials { authorization: vec!["Bearer bob-token"], ..Credentials::default() };
        let caller = configured().authenticate(&credentials).unwrap();
        assert_eq!(caller.scopes, ScopeSet::Some(vec!["bob.scope".to_owned()]));
    }

    #[test]
    fn local_and_open() {
        let sent = |token| Credentials { authorization: vec![token], ..Credentials::default() };
        let local = Authenticator::local(&Secret::new("t0k3n"));
        let admin = local.authenticate(&sent("Bearer t0k3n")).unwrap();
        assert_eq!((admin.principal.as_str(), &admin.scopes), ("local:admin", &ScopeSet::All));
        assert_eq!(local.authenticate(&sent("Bearer other")), Err(Invalid));
        assert!(!local.is_open());

        let open = Authenticator::open();
        for credentials in [Credentials::default(), sent("Basic ?"), sent("Bearer other")] {
            let caller = open.authenticate(&credentials).unwrap();
            assert_eq!(
                (caller.principal.as_str(), &caller.scopes),
                ("local:anonymous", &ScopeSet::All)
            );
        }
        assert!(open.is_open());
    }
}
