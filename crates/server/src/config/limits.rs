//! `[limits]`.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::text;

/// What the server bears. Every field is a key of `[limits]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Requests a second that each principal may make on average; `None`: any number.
    pub requests_per_second: Option<NonZeroU32>,
    /// Requests that a principal may make at once before the average counts; as many as
    /// `requests_per_second` if not given.
    pub burst: Option<NonZeroU32>,
    /// Bytes of one request. 1 MiB.
    pub request_bytes_max: usize,
    /// Bytes of an operation's response, metadata and error together. 1 MiB.
    pub operation_bytes_max: usize,
    /// Bytes at which list, lease and watch messages are cut: below the 4 MiB at which gRPC
    /// clients stop. 3 MiB.
    pub message_bytes_max: usize,
    /// Bytes of `grpc-status-details-bin`; details beyond are dropped. 8 KiB.
    pub error_details_bytes_max: usize,
    /// Rows of one page. 1,000.
    pub page_size_max: usize,
    /// Rows that one page looks at for what of its filter no store answers. 10,000.
    pub list_scan_rows_max: usize,
    /// Bytes of operations kept in memory for reading. 256 MiB.
    pub hot_bytes_max: usize,
    /// Connections open at once. 10,000.
    pub connections_max: usize,
    /// Concurrent streams of one HTTP/2 connection. 256.
    pub streams_max: u32,
    /// Bytes of records and of what is kept about them, above which no more operations are
    /// created; `None`: any number.
    pub store_bytes_max: Option<u64>,
    /// How long a client may take to send its request's headers. `"10s"`.
    #[serde(serialize_with = "text::write_duration")]
    pub header_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_second: None,
            burst: None,
            request_bytes_max: 1 << 20,
            operation_bytes_max: 1 << 20,
            message_bytes_max: 3 << 20,
            error_details_bytes_max: 8 << 10,
            page_size_max: 1_000,
            list_scan_rows_max: 10_000,
            hot_bytes_max: 256 << 20,
            connections_max: 10_000,
            streams_max: 256,
            store_bytes_max: None,
            header_timeout: Duration::from_secs(10),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct LimitsTable {
    requests_per_second: Option<NonZeroU32>,
    burst: Option<NonZeroU32>,
    request_bytes_max: Option<NonZeroU32>,
    operation_bytes_max: Option<NonZeroU32>,
    message_bytes_max: Option<NonZeroU32>,
    error_details_bytes_max: Option<NonZeroU32>,
    page_size_max: Option<NonZeroU32>,
    list_scan_rows_max: Option<NonZeroU32>,
    hot_bytes_max: Option<NonZeroU32>,
    connections_max: Option<NonZeroU32>,
    streams_max: Option<NonZeroU32>,
    store_bytes_max: Option<NonZeroU64>,
    #[serde(deserialize_with = "text::positive_duration")]
    header_timeout: Option<Duration>,
}

impl From<LimitsTable> for Limits {
    fn from(table: LimitsTable) -> Self {
        let default = Self::default();
        let size = |given: Option<NonZeroU32>, default| given.map_or(default, |n| n.get() as usize);
        Self {
            requests_per_second: table.requests_per_second,
            burst: table.burst,
            request_bytes_max: size(table.request_bytes_max, default.request_bytes_max),
            operation_bytes_max: size(table.operation_bytes_max, default.operation_bytes_max),
            message_bytes_max: size(table.message_bytes_max, default.message_bytes_max),
            error_details_bytes_max: size(
                table.error_details_bytes_max,
                default.error_details_bytes_max,
            ),
            page_size_max: size(table.page_size_max, default.page_size_max),
            list_scan_rows_max: size(table.list_scan_rows_max, default.list_scan_rows_max),
            hot_bytes_max: size(table.hot_bytes_max, default.hot_bytes_max),
            connections_max: size(table.connections_max, default.connections_max),
            streams_max: table.streams_max.map_or(default.streams_max, NonZeroU32::get),
            store_bytes_max: table.store_bytes_max.map(NonZeroU64::get),
            header_timeout: table.header_timeout.unwrap_or(default.header_timeout),
        }
    }
}
