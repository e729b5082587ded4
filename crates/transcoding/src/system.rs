//! System parameters: what a query may hold besides the request's own fields.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::router::bad_escape;
use crate::violation::short;
use crate::{FieldMask, Violation};

/// In which form the answer is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alt {
    /// JSON.
    Json {
        /// Enums as numbers.
        enums_as_ints: bool,
    },
    /// `application/x-protobuf`.
    Proto,
    /// Server-sent events, for streams.
    Sse,
}

/// What the system parameters say.
#[derive(Clone, Debug)]
pub struct SystemParameters {
    /// `alt`.
    pub alt: Alt,
    /// `prettyPrint`.
    pub pretty: bool,
    /// `fields`, or the header `X-Goog-FieldMask`.
    pub fields: Option<FieldMask>,
    /// `access_token` and `oauth_token`, as often as they came.
    pub access_tokens: Vec<String>,
    /// `key`, or the header `X-Goog-Api-Key`.
    pub key: Option<String>,
    /// `$.xgafv`: 1 asks for the older error format; 2 otherwise.
    pub xgafv: u8,
}

/// Taken and not looked at. Only a `$` keeps the last ones apart from a request's fields.
const IGNORED: [&str; 9] = [
    "quotaUser",
    "$quotaUser",
    "uploadType",
    "upload_protocol",
    "$ct",
    "$unique",
    "$userProject",
    "$apiVersion",
    "$httpMethod",
];

/// Splits a raw query into system parameters and the rest, decoded; headers stand in for
/// parameters that didn't come.
///
/// # Errors
/// A bad `alt` or `fields`, `callback`, or a query that isn't UTF-8.
pub fn split_query(
    raw: &str,
    header: &dyn Fn(&str) -> Option<String>,
) -> Result<(SystemParameters, Vec<(String, String)>), Violation> {
    let mut system = SystemParameters {
        alt: Alt::Json { enums_as_ints: false },
        pretty: true,
        fields: None,
        access_tokens: vec![],
        key: header("x-goog-api-key").filter(|key| !key.is_empty()),
        xgafv: 2,
    };
    let mut fields = header("x-goog-fieldmask");
    let mut rest = Vec::new();
    for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name)?, decode(value)?);
        match &*name {
            // Some clients send every parameter that they know: without a value it says nothing.
            "access_token" | "oauth_token" | "key" | "$key" if value.is_empty() => {}
            "alt" | "$alt" => system.alt = alt(&value)?,
            "prettyPrint" | "$prettyPrint" => system.pretty = !matches!(&*value, "false" | "0"),
            "fields" | "$fields" => fields = Some(value.into_owned()),
            "access_token" | "oauth_token" => system.access_tokens.push(value.into_owned()),
            "key" | "$key" => system.key = Some(value.into_owned()),
            "$.xgafv" => system.xgafv = if value == "1" { 1 } else { 2 },
            "callback" | "$callback" if !value.is_empty() => {
                return Err(Violation::invalid("callback", "JSONP is not supported."));
            }
            "callback" | "$callback" => {}
            plain if IGNORED.contains(&plain) => {}
            _ => rest.push((name.into_owned(), value.into_owned())),
        }
    }
    system.fields =
        fields.filter(|text| !text.is_empty()).map(|text| FieldMask::parse(&text)).transpose()?;
    Ok((system, rest))
}

fn alt(value: &str) -> Result<Alt, Violation> {
    match value {
        "" | "json" => Ok(Alt::Json { enums_as_ints: false }),
        "json;enum-encoding=int" => Ok(Alt::Json { enums_as_ints: true }),
        "proto" => Ok(Alt::Proto),
        "sse" => Ok(Alt::Sse),
        other => {
            let description = format!(
                "Invalid value at 'alt', \"{}\": expected json, json;enum-encoding=int, proto or sse.",
                short(other, 64)
            );
            Err(Violation::new("alt", description))
        }
    }
}

fn decode(text: &str) -> Result<Cow<'_, str>, Violation> {
    if !text.contains(['%', '+']) {
        return Ok(text.into());
    }
    if bad_escape(text).is_some() {
        return Err(Violation::new("", "The query has a bad percent-encoding."));
    }
    // `%2B` is a plus: spaces go in before anything is decoded.
    match percent_decode_str(&text.replace('+', " ")).decode_utf8() {
        Ok(decoded) => Ok(decoded.into_owned().into()),
        Err(_) => Err(Violation::new("", "The query is not valid UTF-8 once decoded.")),
    }
}

/// The HTTP verb that counts, and whether the query comes from a form in the body: a POST
/// may say in `X-HTTP-Method-Override` or `$httpMethod` that it means something else.
#[must_use]
pub fn effective_method<'r>(
    method: &'r str,
    header: Option<&'r str>,
    query: Option<&'r str>,
    content_type: Option<&str>,
) -> (Cow<'r, str>, bool) {
    let from_query = || {
        query.unwrap_or_default().split('&').find_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            matches!(name, "$httpMethod" | "%24httpMethod").then_some(value)
        })
    };
    let wanted = header.or_else(from_query).filter(|verb| !verb.is_empty());
    let Some(wanted) = wanted.filter(|_| method == "POST") else {
        return (method.into(), false);
    };
    let lower = wanted.bytes().any(|c| c.is_ascii_lowercase());
    let wanted = if lower { wanted.to_ascii_uppercase().into() } else { Cow::Borrowed(wanted) };
    let is_form = content_type.is_some_and(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
    });
    let form = wanted == "GET" && is_form;
    (wanted, form)
}
