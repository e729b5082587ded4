//! HTTP rules: a verb, a template, and where the body goes.

use prost_reflect::{DynamicMessage, Value};

use crate::{Template, TemplateError};

/// What the HTTP body holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Nothing: there must be none.
    None,
    /// The whole request, besides what the path binds.
    All,
    /// This field of the request.
    Field(String),
}

/// One binding of an RPC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// `GET`, `POST`, … in capitals, or a custom kind, of which `*` is any verb.
    pub verb: String,
    /// Which paths it reads.
    pub template: Template,
    /// What the body holds.
    pub body: Body,
    /// The response field that is the HTTP body; `None` is the whole response.
    pub response_body: Option<String>,
}

impl Rule {
    /// A rule from its parts, as a service config writes them.
    ///
    /// # Errors
    /// When the path is no template.
    pub fn new(
        verb: &str,
        path: &str,
        body: &str,
        response_body: &str,
    ) -> Result<Self, TemplateError> {
        Ok(Self {
            verb: verb.to_ascii_uppercase(),
            template: Template::parse(path)?,
            body: match body {
                "" => Body::None,
                "*" => Body::All,
                field => Body::Field(field.to_owned()),
            },
            response_body: (!response_body.is_empty()).then(|| response_body.to_owned()),
        })
    }

    /// The rules of a `google.api.HttpRule`: itself, then its additional bindings.
    ///
    /// # Errors
    /// When one of the paths is no template.
    pub fn from_annotation(rule: &DynamicMessage) -> Result<Vec<Self>, TemplateError> {
        let text = |message: &DynamicMessage, field: &str| {
            let value = message.get_field_by_name(field);
            value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
        };
        let (body, response_body) = (text(rule, "body"), text(rule, "response_body"));
        let mut rules = Vec::new();
        for verb in ["get", "put", "post", "delete", "patch"] {
            if rule.has_field_by_name(verb) {
                rules.push(Self::new(verb, &text(rule, verb), &body, &response_body)?);
            }
        }
        if rule.has_field_by_name("custom")
            && let Some(Value::Message(custom)) = rule.get_field_by_name("custom").as_deref()
        {
            let (kind, path) = (text(custom, "kind"), text(custom, "path"));
            rules.push(Self::new(&kind, &path, &body, &response_body)?);
        }
        if let Some(Value::List(additional)) =
            rule.get_field_by_name("additional_bindings").as_deref()
        {
            for inner in additional.iter().filter_map(Value::as_message) {
                rules.extend(Self::from_annotation(inner)?);
            }
        }
        Ok(rules)
    }
}
