//! Many messages as one REST response: a JSON array, lines, events, or protobuf.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::unfold;
use http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use http_body::Frame;
use longrun_transcoding::{Alt, SystemParameters};
use prost_reflect::{DynamicMessage, Kind, MessageDescriptor};

use super::answer::{self, Style};
use super::log;
use crate::catalog::Binding;
use crate::error::{Error, Result};
use crate::service::{Api, Messages, Streamed};
use crate::transport::body::Body;
use crate::transport::trace::TraceId;

/// In which form a stream leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A JSON array.
    Array,
    /// A JSON object a line (NDJSON).
    Lines,
    /// Server-sent events.
    Events,
    /// A `google.rpc.StreamBody`, whose messages are its field 1 and whose status is field 2.
    Proto,
}

impl Form {
    /// As `alt` says, else as `Accept` would best have it.
    pub(super) fn of(system: &SystemParameters, headers: &HeaderMap) -> Self {
        match system.alt {
            Alt::Sse => Self::Events,
            Alt::Proto => Self::Proto,
            Alt::Json { .. } => {
                let texts = headers.get_all(header::ACCEPT).into_iter();
                accepted(texts.filter_map(|value| value.to_str().ok()))
            }
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Array => "application/json; charset=UTF-8",
            Self::Lines => "application/x-ndjson",
            Self::Events => "text/event-stream",
            Self::Proto => "application/x-protobuf",
        }
    }
}

/// The form of the media range with the greatest weight; of several, the first.
fn accepted<'a>(texts: impl Iterator<Item = &'a str>) -> Form {
    let mut best = (Form::Array, 0.0);
    for range in texts.flat_map(|text| text.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let form = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "application/x-ndjson" | "application/ndjson" => Form::Lines,
            "text/event-stream" => Form::Events,
            "application/json" | "application/*" | "*/*" => Form::Array,
            _ => continue,
        };
        let weight = |part: &str| {
            let (name, value) = part.split_once('=')?;
            name.trim().eq_ignore_ascii_case("q").then(|| value.trim().parse().unwrap_or(0.0))
        };
        let weight: f32 = parts.find_map(weight).unwrap_or(1.0);
        if weight > best.1 {
            best = (form, weight);
        }
    }
    best.0
}

/// What stands around the messages.
struct Punctuation {
    form: Form,
    pretty: bool,
    first: bool,
}

impl Punctuation {
    /// A message; `id` is where an event says to go on.
    fn element(&mut self, printed: &[u8], id: Option<&str>) -> Bytes {
        let printed = if self.form == Form::Proto { printed } else { printed.trim_ascii_end() };
        let mut bytes = Vec::with_capacity(printed.len() + 16);
        match self.form {
            Form::Array => bytes.extend_from_slice(if self.first { b"[" } else { b",\n" }),
            Form::Lines => {}
            Form::Events => {
                if let Some(id) = id {
                    bytes.extend_from_slice(format!("id: {id}\n").as_bytes());
                }
                bytes.extend_from_slice(b"data: ");
            }
            Form::Proto => prost::encoding::encode_varint(1 << 3 | 2, &mut bytes),
        }
        if self.form == Form::Proto {
            prost::encoding::encode_varint(printed.len() as u64, &mut bytes);
        }
        bytes.extend_from_slice(printed);
        match self.form {
            Form::Lines => bytes.push(b'\n'),
            Form::Events => bytes.extend_from_slice(b"\n\n"),
            Form::Array | Form::Proto => {}
        }
        self.first = false;
        bytes.into()
    }

    /// What comes last.
    fn end(&self) -> Bytes {
        Bytes::from_static(match (self.form, self.first, self.pretty) {
            (Form::Array, true, true) => b"[]\n",
            (Form::Array, true, false) => b"[]",
            (Form::Array, false, true) => b"]\n",
            (Form::Array, false, false) => b"]",
            _ => b"",
        })
    }
}

/// What a stream's messages need to leave.
pub(super) struct Printer {
    pub(super) form: Form,
    pub(super) style: Style,
    pub(super) output: MessageDescriptor,
    pub(super) binding: Arc<Binding>,
    pub(super) domain: String,
    pub(super) rpc: String,
    pub(super) trace_id: TraceId,
    pub(super) api: Arc<Api>,
}

impl Printer {
    async fn element(&self, punctuation: &mut Punctuation, item: &Streamed) -> Result<Bytes> {
        let message = &item.message;
        let kept = self.api.pools.load(&item.kept).await?;
        let (rule, style) = (&self.binding.rule, &self.style);
        if self.form == Form::Proto {
            let bytes = answer::proto(message, &self.output, style, kept.fallback())?;
            return Ok(punctuation.element(&bytes, None));
        }
        let printed = answer::json(message, &self.output, rule, style, kept.fallback())?;
        let id = if self.form == Form::Events { self.id(message) } else { None };
        Ok(punctuation.element(&printed, id.as_deref()))
    }

    /// The message's resume token, if its type has one.
    fn id(&self, message: &Bytes) -> Option<String> {
        let field = self.output.get_field_by_name(RESUME_TOKEN)?;
        let message = DynamicMessage::decode(self.output.clone(), message.clone()).ok()?;
        let id = message.get_field(&field).as_str()?.to_owned();
        (!id.is_empty() && !id.contains(char::is_control)).then_some(id)
    }

    fn error(&self, punctuation: &mut Punctuation, error: &Error) -> Bytes {
        if self.form == Form::Proto {
            return answer::stream_status(error, &self.domain, &self.rpc);
        }
        let printed = answer::error_bytes(error, None, &self.domain, Some(&self.rpc), &self.style);
        punctuation.element(&printed, None)
    }
}

const RESUME_TOKEN: &str = "resume_token";

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What a reader of events says of where it was.
pub(super) fn last_event_id(
    form: Form,
    input: &MessageDescriptor,
    headers: &HeaderMap,
    query: &[(String, String)],
) -> Option<(String, String)> {
    let id = super::text(headers, LAST_EVENT_ID).filter(|_| form == Form::Events)?;
    let field = input.get_field_by_name(RESUME_TOKEN)?;
    let given = |(name, _): &(String, String)| name == field.json_name() || name == RESUME_TOKEN;
    let takes = field.kind() == Kind::String && !id.is_empty() && !query.iter().any(given);
    takes.then(|| (field.json_name().to_owned(), id.to_owned()))
}

/// A response whose parts leave as they come.
pub(super) fn response(messages: Messages, mut printer: Printer) -> Response<Body> {
    let form = printer.form;
    // A line or an event is one line.
    printer.style.set_pretty(form == Form::Array);
    let pretty = printer.style.pretty();
    let punctuation = Punctuation { form, pretty, first: true };
    let state = Some((Some(messages), printer, punctuation));
    let frames = unfold(state, |state| async {
        let (messages, printer, mut punctuation) = state?;
        let Some(mut messages) = messages else {
            return Some((Frame::data(punctuation.end()), None));
        };
        let item = match messages.next().await {
            Some(Ok(item)) => Some(printer.element(&mut punctuation, &item).await),
            Some(Err(error)) => Some(Err(error)),
            None => None,
        };
        Some(match item {
            Some(Ok(bytes)) => (Frame::data(bytes), Some((Some(messages), printer, punctuation))),
            Some(Err(error)) => {
                let bytes = printer.error(&mut punctuation, &error);
                log(printer.trace_id, "rest", &printer.rpc, &Err(error));
                (Frame::data(bytes), Some((None, printer, punctuation)))
            }
            None => (Frame::data(punctuation.end()), None),
        })
    });
    let mut response = Response::new(Body::stream(frames.boxed()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(form.content_type()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // A proxy that collects the answer before it passes it on would hold it for ever.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_what_is_accepted_best() {
        let table: [(&[&str], Form); 11] = [
            (&[], Form::Array),
            (&["*/*"], Form::Array),
            (&["application/x-ndjson"], Form::Lines),
            (&["text/event-stream"], Form::Events),
            (&["Text/Event-Stream; charset=utf-8"], Form::Events),
            (&["application/json, application/x-ndjson"], Form::Array),
            (&["application/json;q=0.5, application/x-ndjson"], Form::Lines),
            (&["text/event-stream;q=0.2", "application/x-ndjson;q=0.9, */*;q=0.1"], Form::Lines),
            (&["application/x-ndjson;q=0"], Form::Array),
            (&["text/html, text/event-stream"], Form::Events),
            (&["application/x-ndjson;q=nonsense"], Form::Array),
        ];
        for (texts, form) in table {
            assert_eq!(accepted(texts.iter().copied()), form, "{texts:?}");
        }
    }

    #[test]
    fn what_stands_around_the_messages() {
        let table: [(Form, bool, &[&str], &str); 9] = [
            (Form::Array, true, &[], "[]\n"),
            (Form::Array, false, &[], "[]"),
            (Form::Array, true, &["{\n}\n", "{}\n"], "[{\n},\n{}]\n"),
            (Form::Array, false, &["{}", "{}"], "[{},\n{}]"),
            (Form::Lines, false, &[], ""),
            (Form::Lines, false, &["{}", "{}"], "{}\n{}\n"),
            (Form::Events, false, &["{}", "{}"], "id: 7\ndata: {}\n\nid: 7\ndata: {}\n\n"),
            (Form::Proto, false, &["ab", ""], "\n\u{2}ab\n\u{0}"),
            (Form::Proto, false, &[], ""),
        ];
        for (form, pretty, messages, expected) in table {
            let mut punctuation = Punctuation { form, pretty, first: true };
            let mut all = Vec::new();
            for message in messages {
                all.extend_from_slice(&punctuation.element(message.as_bytes(), Some("7")));
            }
            all.extend_from_slice(&punctuation.end());
            assert_eq!(String::from_utf8(all).unwrap(), expected, "{form:?}");
        }
    }
}
