//! `[limits]`.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use longrun_transcoding::DEPTH_MAX;
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};

use super::text;
use crate::operation::filter::FILTER_BYTES_MAX;

/// What the server bears. Every field is a key of `[limits]`; its comment ends in the
/// default.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Requests a second that each principal may make on average. `None`: any number.
    pub requests_per_second: Option<NonZeroU32>,
    /// Requests that a principal may make at once before the average counts. `None`: as many
    /// as `requests_per_second`.
    pub burst: Option<NonZeroU32>,
    /// Bytes of one request: its body, or its gRPC message. 1 MiB.
    #[serde(deserialize_with = "count")]
    pub request_bytes_max: usize,
    /// Bytes of request bodies in memory at once, of all requests that are not answered; a
    /// request beyond is `UNAVAILABLE`. 256 MiB.
    #[serde(deserialize_with = "count")]
    pub bodies_bytes_max: usize,
    /// Bytes of an operation's response, metadata and error together. 1 MiB.
    #[serde(deserialize_with = "count")]
    pub operation_bytes_max: usize,
    /// Bytes at which list, lease and watch messages are cut: below the 4 MiB at which gRPC
    /// clients stop. 3 MiB.
    #[serde(deserialize_with = "count")]
    pub message_bytes_max: usize,
    /// Bytes of an error's gRPC trailers, as they are sent; details beyond are dropped. 8 KiB.
    #[serde(deserialize_with = "count")]
    pub error_details_bytes_max: usize,
    /// Bytes of a request's headers, with its method, path and query. 32 KiB.
    #[serde(deserialize_with = "count")]
    pub header_bytes_max: usize,
    /// Headers of a request. 100.
    #[serde(deserialize_with = "count")]
    pub headers_max: usize,
    /// Bytes of a request's path and query. 16 KiB.
    #[serde(deserialize_with = "count")]
    pub uri_bytes_max: usize,
    /// Levels of nesting of a JSON body; at most the 100 that protobuf libraries read. 100.
    #[serde(deserialize_with = "depth")]
    pub json_depth_max: usize,
    /// Bytes of a filter; at most the 4 KiB that any may have. 4 KiB.
    #[serde(deserialize_with = "filter")]
    pub filter_bytes_max: usize,
    /// Rows of one page. 1,000.
    #[serde(deserialize_with = "count")]
    pub page_size_max: usize,
    /// Rows that one page looks at for what of its filter no store answers. 10,000.
    #[serde(deserialize_with = "count")]
    pub list_scan_max: usize,
    /// Rows that the store looks at for one page, whether its filter lets them through or not.
    /// 100,000.
    #[serde(deserialize_with = "count")]
    pub store_rows_max: usize,
    /// Large answers (pages, leases, what a watch has read ahead) of one connection that are
    /// made or have not left; further ones wait. 8.
    #[serde(deserialize_with = "count")]
    pub answers_max: usize,
    /// Bytes of operations kept in memory for reading. 256 MiB.
    #[serde(deserialize_with = "count")]
    pub hot_bytes_max: usize,
    /// Connections open at once, over all addresses. One more is told so (503) and closed.
    /// 10,000.
    #[serde(deserialize_with = "count")]
    pub connections_max: usize,
    /// Concurrent streams of one HTTP/2 connection. 256.
    #[serde(deserialize_with = "streams")]
    pub streams_max: u32,
    /// Bytes of records and of what is kept about them, above which no more operations are
    /// created. `None`: any number.
    #[serde(deserialize_with = "bytes")]
    pub store_bytes_max: Option<u64>,
    /// Streams of one HTTP/2 connection that the client may have reset before the server
    /// looked at them; one more ends the connection. 20.
    #[serde(deserialize_with = "count")]
    pub resets_max: usize,
    /// How long a client may take from connecting, or from its next request's first byte, to
    /// the end of the request's headers; in HTTP/2, to the end of the connection's preface.
    /// `"10s"`.
    #[serde(deserialize_with = "duration", serialize_with = "text::write_duration")]
    pub header_timeout: Duration,
    /// How long a client may take to send a request's body. `"60s"`.
    #[serde(deserialize_with = "duration", serialize_with = "text::write_duration")]
    pub body_timeout: Duration,
    /// How long a client may take no byte of what is being sent to it. `"60s"`.
    #[serde(deserialize_with = "duration", serialize_with = "text::write_duration")]
    pub write_timeout: Duration,
    /// How long a connection may be without an open request. The default is longer than the
    /// 600 s for which load balancers of Google keep theirs. `"620s"`.
    #[serde(deserialize_with = "duration", serialize_with = "text::write_duration")]
    pub idle_timeout: Duration,
    /// How long open requests have to end once the server stops. `"5s"`.
    #[serde(deserialize_with = "duration", serialize_with = "text::write_duration")]
    pub drain_timeout: Duration,
}

impl Limits {
    /// Whether `[limits]` could say the same.
    ///
    /// # Errors
    /// What it would be told.
    pub fn check(&self) -> Result<(), String> {
        let table = toml::to_string(self).map_err(|error| error.to_string())?;
        toml::from_str::<Self>(&table).map(drop).map_err(|error| error.to_string())
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_second: None,
            burst: None,
            request_bytes_max: 1 << 20,
            bodies_bytes_max: 256 << 20,
            operation_bytes_max: 1 << 20,
            message_bytes_max: 3 << 20,
            error_details_bytes_max: 8 << 10,
            header_bytes_max: 32 << 10,
            headers_max: 100,
            uri_bytes_max: 16 << 10,
            json_depth_max: DEPTH_MAX,
            filter_bytes_max: FILTER_BYTES_MAX,
            page_size_max: 1_000,
            list_scan_max: 10_000,
            store_rows_max: 100_000,
            answers_max: 8,
            hot_bytes_max: 256 << 20,
            connections_max: 10_000,
            streams_max: 256,
            store_bytes_max: None,
            resets_max: 20,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(620),
            drain_timeout: Duration::from_secs(5),
        }
    }
}

fn count<'de, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    NonZeroU32::deserialize(from).map(|count| count.get() as usize)
}

fn bytes<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    NonZeroU64::deserialize(from).map(|bytes| Some(bytes.get()))
}

fn streams<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    NonZeroU32::deserialize(from).map(NonZeroU32::get)
}

fn depth<'de, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    at_most(DEPTH_MAX, count(from)?)
}

fn filter<'de, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    at_most(FILTER_BYTES_MAX, count(from)?)
}

fn at_most<E: Error>(max: usize, given: usize) -> Result<usize, E> {
    if given > max {
        return Err(E::custom(format!("expected a number from 1 to {max}")));
    }
    Ok(given)
}

fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    // Only an absent key has no value, and that has its default already.
    text::positive_duration(from).map(Option::unwrap_or_default)
}
