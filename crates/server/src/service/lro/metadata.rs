//! The fields of an operation's metadata that the server sets, at birth and again whenever
//! the record changes: whatever a worker writes there is replaced.
//!
//! They are those of `google.cloud.common.OperationMetadata`, as many of them as the type has
//! with the expected kind: `create_time`, `end_time`, `target`, `verb`, `api_version`, and
//! `cancel_requested` or `requested_cancellation`.

use bytes::Bytes;
use prost::Message as _;
use prost_reflect::{DynamicMessage, Kind, MessageDescriptor};

use super::parent::target;
use super::resource::first_word;
use super::wire::{Field, replace, text_of};
use crate::catalog::{Method, Service};
use crate::operation::{Change, Payload, Record, Timestamp};

/// The metadata that a call's operation begins with: a message of the declared type. What is
/// of no type in particular has none.
pub(super) fn initial(method: &Method) -> Option<Payload> {
    let declared = method.lro.as_ref()?.metadata.as_ref()?.full_name();
    let open = ["google.protobuf.Any", "google.protobuf.Struct"].contains(&declared);
    let type_url = format!("type.googleapis.com/{declared}");
    (!open).then(|| Payload { type_url, value: Bytes::new() })
}

/// A change with the server's fields set in the record's metadata. What is no other than the
/// record was by then, but for its lease, is no change.
pub(crate) fn stamp_change(service: Option<&Service>, before: &Record, change: Change) -> Change {
    let Some(service) = service else { return change };
    match change {
        // Nobody sees a bare renewal, or the end of a delay.
        Change::Put(next) if next.version == before.version => Change::Put(next),
        Change::Put(next) => {
            let written = next.metadata.clone();
            let next = stamp(service, Some(before), *next);
            if next.metadata == written { Change::Put(Box::new(next)) } else { put(before, next) }
        }
        Change::Remove(next, gone) if next.version == before.version => Change::Remove(next, gone),
        Change::Remove(next, gone) => {
            Change::Remove(Box::new(stamp(service, Some(before), *next)), gone)
        }
        other @ (Change::Keep | Change::Reject(..)) => other,
    }
}

/// A new record with the server's fields set in its metadata, if it has any.
pub(crate) fn stamp_birth(service: &Service, record: Record) -> Record {
    stamp(service, None, record)
}

fn put(before: &Record, next: Record) -> Change {
    let (version, update_time) = (before.version, before.update_time);
    let unstamped = Record { version, update_time, ..next.clone() };
    let unleased = Record { state: before.state.clone(), ..unstamped.clone() };
    let still_held = match (before.lease(), next.lease()) {
        (Some(one), Some(other)) => one.token == other.token,
        _ => before.state == next.state,
    };
    if !still_held || unleased != *before {
        return Change::Put(Box::new(next));
    }
    if unstamped == *before { Change::Keep } else { Change::Put(Box::new(unstamped)) }
}

fn stamp(service: &Service, before: Option<&Record>, record: Record) -> Record {
    // What was cleared still has the server's fields.
    let emptied = |known: &Payload| Payload { value: Bytes::new(), ..known.clone() };
    let known = before.and_then(|before| before.metadata.as_ref());
    let Some(metadata) = record.metadata.clone().or_else(|| known.map(emptied)) else {
        return record;
    };
    let Some(method) = service.method(&record.method) else { return record };
    let declared = method.lro.as_ref().and_then(|lro| lro.metadata.as_ref());
    let name = full_name(&metadata);
    let Some(descriptor) = declared.filter(|declared| declared.full_name() == name) else {
        return record;
    };
    let own = Own::of(descriptor);
    let mut fields = Vec::new();
    let mut time = |number: Option<u32>, time: Option<Timestamp>| {
        let time = time.map(|time| time.to_proto().encode_to_vec());
        fields.extend(number.map(|number| (number, time.map(Field::Bytes))));
    };
    time(own.create_time, Some(record.create_time));
    time(own.end_time, record.done().map(|done| done.finish_time));
    let mut text = |number: Option<u32>, text: String| {
        let text = (!text.is_empty()).then(|| Field::Bytes(text.into_bytes()));
        fields.extend(number.map(|number| (number, text)));
    };
    let (api, rpc) = method.names();
    text(own.verb, first_word(rpc).to_lowercase());
    text(own.api_version, version(api).unwrap_or_default().to_owned());
    if let Some(number) = own.target {
        // The request is read once; after that the metadata knows.
        let known = known.filter(|known| full_name(known) == name);
        let known = known.and_then(|known| text_of(&known.value, number));
        let target = known.or_else(|| target_of(method, &record));
        if let Some(target) = target.filter(|target| !target.is_empty()) {
            fields.push((number, Some(Field::Bytes(target.into_bytes()))));
        }
    }
    let cancelled = record.cancel_request_time.is_some();
    fields.extend(own.cancel.iter().map(|number| (*number, cancelled.then_some(Field::True))));
    let Some(value) = replace(&metadata.value, &fields) else { return record };
    let metadata = Payload { value: value.into(), ..metadata };
    Record { metadata: Some(metadata), ..record }
}

fn target_of(method: &Method, record: &Record) -> Option<String> {
    let request =
        record.request.as_ref().filter(|any| full_name(any) == method.input.full_name())?;
    let request = DynamicMessage::decode(method.input.clone(), request.value.clone()).ok()?;
    Some(target(method, &request))
}

fn full_name(payload: &Payload) -> &str {
    payload.type_url.rsplit('/').next().unwrap_or_default()
}

/// `v1beta` of `pkg.v1beta.Service`: the last segment of the package that is a version.
fn version(api: &str) -> Option<&str> {
    let (package, _) = api.rsplit_once('.')?;
    package.rsplit('.').find(|segment| {
        let digits = segment.strip_prefix('v');
        digits.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    })
}

/// The numbers of the server's own fields in a metadata type.
struct Own {
    create_time: Option<u32>,
    end_time: Option<u32>,
    target: Option<u32>,
    verb: Option<u32>,
    api_version: Option<u32>,
    cancel: Vec<u32>,
}

impl Own {
    fn of(descriptor: &MessageDescriptor) -> Self {
        let number = |name: &str, fits: fn(&Kind) -> bool| {
            let field = descriptor.get_field_by_name(name)?;
            (!field.is_list() && fits(&field.kind())).then(|| field.number())
        };
        let time = |name| {
            number(
                name,
                |kind| matches!(kind, Kind::Message(of) if of.full_name() == "google.protobuf.Timestamp"),
            )
        };
        let text = |name| number(name, |kind| *kind == Kind::String);
        let flag = |name| number(name, |kind| *kind == Kind::Bool);
        Self {
            create_time: time("create_time"),
            end_time: time("end_time"),
            target: text("target"),
            verb: text("verb"),
            api_version: text("api_version"),
            cancel: ["cancel_requested", "requested_cancellation"]
                .into_iter()
                .filter_map(flag)
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn the_last_version_of_a_package_counts() {
        let table = [
            ("google.apps.events.subscriptions.v1.SubscriptionsService", Some("v1")),
            ("google.ads.googleads.v17.services.Campaigns", Some("v17")),
            ("google.cloud.vision.v1p1beta1.ImageAnnotator", Some("v1p1beta1")),
            ("a.v1.b.v2.C", Some("v2")),
            ("library.Service", None),
            ("library.video.Service", None),
            ("Service", None),
        ];
        for (api, expected) in table {
            assert_eq!(version(api), expected, "{api}");
        }
    }
}
