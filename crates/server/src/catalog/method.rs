//! The RPCs of a service.

use std::sync::{Arc, OnceLock};

use longrun_transcoding::Rule;
use prost_reflect::MessageDescriptor;

use super::request_path::check_path;
use super::{MethodSettings, ParentTemplate, RequestFacts};

/// The scopes that a method takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scopes {
    /// Any valid token will do.
    Any,
    /// Any one of these will do.
    AnyOf(Vec<String>),
    /// None are declared, so only a caller with all scopes gets in.
    None,
}

/// What a long-running method's operations hold.
#[derive(Clone, Debug)]
pub struct Lro {
    /// The response's type; `None`: not declared, so any.
    pub response: Option<MessageDescriptor>,
    /// The metadata's type; `None`: not declared, so any.
    pub metadata: Option<MessageDescriptor>,
    /// Where its operations are, if the configuration says so.
    pub parent: Option<ParentTemplate>,
    pub(super) facts: OnceLock<RequestFacts>,
}

/// One way by which HTTP reaches a method.
#[derive(Clone, Debug)]
pub struct Binding {
    /// Verb, path and body.
    pub rule: Rule,
    /// The scopes for those who come this way.
    pub scopes: Scopes,
}

/// An RPC.
#[derive(Clone, Debug)]
pub struct Method {
    /// `pkg.Service/Method`.
    pub name: String,
    /// The request's type.
    pub input: MessageDescriptor,
    /// The response's type.
    pub output: MessageDescriptor,
    /// Set if it returns an Operation.
    pub lro: Option<Lro>,
    /// The scopes for those who come over gRPC.
    pub scopes: Scopes,
    /// How HTTP reaches it; none: over gRPC alone.
    pub bindings: Vec<Arc<Binding>>,
    /// What the configuration says of it.
    pub settings: MethodSettings,
}

/// What a path leads to.
#[derive(Debug)]
pub struct Route<'a> {
    /// The method.
    pub method: &'a Arc<Method>,
    /// The binding that read the path.
    pub binding: &'a Arc<Binding>,
    /// Field paths and the values that the path gives them.
    pub captures: Vec<(String, String)>,
}

impl Lro {
    /// What the options of the fields say; `input` is the method's.
    #[must_use]
    pub fn request_facts(&self, input: &MessageDescriptor) -> &RequestFacts {
        self.facts.get_or_init(|| RequestFacts::read(input))
    }
}

impl Method {
    /// The service's and the RPC's own name.
    #[must_use]
    pub fn names(&self) -> (&str, &str) {
        self.name.split_once('/').unwrap_or((&self.name, ""))
    }

    /// Reads the settings that point into the request, and refuses those that count for nothing.
    ///
    /// # Errors
    /// Says which setting is wrong, and what is.
    pub(super) fn read_settings(&mut self) -> Result<(), String> {
        let MethodSettings { operation_parent, exclusive, allow_unscoped, .. } = &self.settings;
        let Some(lro) = &mut self.lro else {
            // Whatever else can be set is about the method's operations.
            let of_any = MethodSettings { allow_unscoped: *allow_unscoped, ..Default::default() };
            return match self.settings == of_any {
                true => Ok(()),
                false => Err("only allow_unscoped takes effect on a method that doesn't return a google.longrunning.Operation".to_owned()),
            };
        };
        if let Some(source) = operation_parent {
            let parsed = ParentTemplate::parse(&self.input, source);
            lro.parent = Some(parsed.map_err(|what| format!("operation_parent: {what}"))?);
        }
        match exclusive {
            Some(path) => {
                check_path(&self.input, path).map_err(|what| format!("exclusive: {what}"))
            }
            None => Ok(()),
        }
    }
}

impl Scopes {
    /// Both together: whoever passes one passes the whole.
    pub(super) fn or(self, other: &Self) -> Self {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => Self::Any,
            (scopes, Self::None) => scopes,
            (Self::None, scopes) => scopes.clone(),
            (Self::AnyOf(mut scopes), Self::AnyOf(more)) => {
                for scope in more {
                    if !scopes.contains(scope) {
                        scopes.push(scope.clone());
                    }
                }
                Self::AnyOf(scopes)
            }
        }
    }

    /// Any token will do where none are declared, if that is allowed.
    pub(super) fn or_open(self, allowed: bool) -> Self {
        if allowed && self == Self::None { Self::Any } else { self }
    }

    pub(super) fn from_list(scopes: Vec<String>) -> Self {
        if scopes.is_empty() { Self::None } else { Self::AnyOf(scopes) }
    }
}
