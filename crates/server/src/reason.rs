//! Why the server says no: the one list of reasons (`google.rpc.ErrorInfo.reason`).
//!
//! docs/errors.md is made from it, and a test keeps the two alike.

use longrun_api::google::rpc::Code;

/// One line a reason: when it comes, its name, its code, and what to do about it.
macro_rules! reasons {
    ($(
        $(#[doc = $when:literal])+
        $variant:ident $name:literal $code:ident: $mend:literal,
    )+) => {
        /// What an `ErrorInfo` of the server gives as its reason.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Reason {
            $($(#[doc = $when])+ $variant,)+
        }

        impl Reason {
            /// Every reason, in the order of docs/errors.md.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// As it is sent: `UPPER_SNAKE`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The canonical code that it comes with.
            #[must_use]
            pub const fn code(self) -> Code {
                match self { $(Self::$variant => Code::$code),+ }
            }

            /// When it comes, in Markdown.
            #[must_use]
            pub fn when(self) -> &'static str {
                match self { $(Self::$variant => concat!($($when),+)),+ }.trim_start()
            }

            /// What to do about it, in Markdown.
            #[must_use]
            pub const fn mend(self) -> &'static str {
                match self { $(Self::$variant => $mend),+ }
            }
        }
    };
}

reasons! {
    /// No rule of the service reads the path.
    RouteNotFound "ROUTE_NOT_FOUND" NotFound:
        "Compare verb and path with what `longrun check` prints. With several services on one \
         port, send the right host.",
    /// A rule reads the path, but with another verb; `Allow` names those that would do.
    MethodNotAllowed "METHOD_NOT_ALLOWED" Unimplemented:
        "Use a verb of `Allow`.",
    /// The service doesn't serve the RPC, or not with what was asked of it.
    MethodUnimplemented "METHOD_UNIMPLEMENTED" Unimplemented:
        "`longrun check` prints what is served. An RPC of `google.longrunning.Operations` needs \
         an http or an authentication rule in the service config, if that has one for any of \
         them.",
    /// The request could be meant for several services; the message names their hosts.
    ServiceAmbiguous "SERVICE_AMBIGUOUS" NotFound:
        "Send one of the hosts as `Host` or `:authority`.",
    /// No service of the name in `services/{service}` is loaded.
    ServiceNotFound "SERVICE_NOT_FOUND" NotFound:
        "Take the `name` of a loaded service config, or `longrun.local` if none was given.",

    /// No credential was sent, or an API key alone.
    CredentialsMissing "CREDENTIALS_MISSING" Unauthenticated:
        "Send `Authorization: Bearer TOKEN`.",
    /// The server gave out no such token.
    AccessTokenInvalid "ACCESS_TOKEN_INVALID" Unauthenticated:
        "Compare the token's SHA-256 with `[[auth.tokens]]`, or read the data folder's `token` \
         again.",
    /// The token's time is over (tokens of `longrun.toml` have none).
    AccessTokenExpired "ACCESS_TOKEN_EXPIRED" Unauthenticated:
        "Get a fresh token.",
    /// Two different credentials came with one request.
    OverloadedCredentials "OVERLOADED_CREDENTIALS" InvalidArgument:
        "Send one: the header or the query parameter.",
    /// The token has none of the scopes that the method takes; `scopes` lists them. If there
    /// are none, nobody may call it.
    AccessTokenScopeInsufficient "ACCESS_TOKEN_SCOPE_INSUFFICIENT" PermissionDenied:
        "Get a token with one of `scopes`. For a method without scopes: give it some in the \
         service config, or `allow_unscoped = true`.",
    /// A server without authentication was called by a host that isn't loopback or a service's.
    HostNotAllowed "HOST_NOT_ALLOWED" PermissionDenied:
        "Call it by 127.0.0.1 or localhost, or add the host to the service's `hosts`.",
    /// A page of another site called a server without authentication.
    OriginNotAllowed "ORIGIN_NOT_ALLOWED" PermissionDenied:
        "Configure tokens, or serve the page from the server's own origin.",

    /// The request itself is wrong; the `BadRequest` names each field and what is wrong with it.
    InvalidArgument "INVALID_ARGUMENT" InvalidArgument:
        "Mend the fields that `fieldViolations` names. Don't send it again as it is.",
    /// The request is larger than `limit_bytes`, or has more than `limit_headers` headers.
    RequestTooLarge "REQUEST_TOO_LARGE" InvalidArgument:
        "Send less, or raise the limit that the message names: docs/limits.md.",
    /// The request's body didn't come within `body_timeout`. Nothing was changed.
    RequestTimeout "REQUEST_TIMEOUT" DeadlineExceeded:
        "Send the body at once, or raise `body_timeout`.",
    /// A gRPC message is compressed.
    CompressionUnsupported "COMPRESSION_UNSUPPORTED" Unimplemented:
        "Send messages as they are (`grpc-encoding: identity`).",
    /// A list asked for partial success, which one collection can't have.
    PartialSuccessUnsupported "PARTIAL_SUCCESS_UNSUPPORTED" Unimplemented:
        "Leave `return_partial_success` out.",

    /// No operation of that name is there for this caller: it never was, or is somebody else's.
    OperationNotFound "OPERATION_NOT_FOUND" NotFound:
        "Compare the name, the service and the token with those of the call that made it.",
    /// The operation was deleted. Only who could see it is told so, for `tombstone_retention`.
    OperationDeleted "OPERATION_DELETED" NotFound:
        "Nothing brings it back. Call the method again, with a new request id.",
    /// The operation was done and its retention is over. Only who could see it is told so, for
    /// `tombstone_retention`.
    OperationExpired "OPERATION_EXPIRED" NotFound:
        "Nothing brings it back. Read results sooner, or raise the method's `retention`.",
    /// The `operationId` is taken, be it by an operation that is gone.
    OperationAlreadyExists "OPERATION_ALREADY_EXISTS" AlreadyExists:
        "Take another id, or leave it out.",
    /// The request id came before, with another request.
    RequestIdReused "REQUEST_ID_REUSED" AlreadyExists:
        "Take a fresh id for each request; repeat one only with the same request.",
    /// An open operation has the exclusive key. `name` says which, to those who may read it.
    ExclusiveKeyHeld "EXCLUSIVE_KEY_HELD" Aborted:
        "Wait until that operation is done, or cancel it; then try again.",

    /// The operation is done, and a done operation doesn't change.
    OperationDone "OPERATION_DONE" FailedPrecondition:
        "Read its outcome. A worker drops its work and takes the next.",
    /// A leased record was to be changed without a lease token.
    LeaseRequired "LEASE_REQUIRED" Aborted:
        "Lease the record and send `leaseToken`.",
    /// The lease token isn't the record's, or no longer: the lease ran out or was given back.
    LeaseLost "LEASE_LOST" Aborted:
        "Stop the work: somebody else may have it. Renew sooner, or ask for longer leases.",
    /// A SELF record was to be renewed, released or rejected, and has no lease.
    ExecutionSelf "EXECUTION_SELF" FailedPrecondition:
        "Update or finish it, without a token.",
    /// A call was to be rejected that is not held for admission, or no longer: its operation is
    /// there for its clients.
    OperationAdmitted "OPERATION_ADMITTED" FailedPrecondition:
        "Finish the operation with the error. Raise the method's `admit_timeout` if workers need \
         longer to decide.",
    /// The record has changed since its `etag` was read; `etag` is the present one.
    EtagMismatch "ETAG_MISMATCH" Aborted:
        "Read the record, decide again, send its new etag.",
    /// The watch broke off longer ago than removals are kept: a day.
    ResumeTokenExpired "RESUME_TOKEN_EXPIRED" OutOfRange:
        "List the records, then watch without a token.",

    /// The principal calls more often than `requests_per_second` and `burst` allow.
    RateLimitExceeded "RATE_LIMIT_EXCEEDED" ResourceExhausted:
        "Wait as long as `Retry-After` says.",
    /// `limit` has run out: `store_bytes_max`, or the disk's last 5 %. Only creates are refused.
    StoreFull "STORE_FULL" ResourceExhausted:
        "Delete operations that are done, shorten `retention`, or make room; try again later.",
    /// There is no room for another connection (`connections_max`), for the request's body
    /// (`bodies_bytes_max`), or for another answer that its connection does not take
    /// (`answers_max`). Nothing was changed.
    ServerBusy "SERVER_BUSY" Unavailable:
        "Try again, over connections that are open already. Operators raise the limit.",
    /// The store can't be reached or written to. Nothing was changed.
    StoreUnavailable "STORE_UNAVAILABLE" Unavailable:
        "Try again. Operators find the cause in the log.",
    /// A call with `validate_only` was held for 10 s, or until its caller or the server had to
    /// stop, and no worker has answered it.
    ValidationUnanswered "VALIDATION_UNANSWERED" Unavailable:
        "Try again; see that workers lease the method.",
    /// A bug, or a broken machine.
    Internal "INTERNAL" Internal:
        "Look in the server's log for the trace id of the answer's `x-trace-id`, and \
         report it.",

    /// The operation was cancelled before it was done.
    OperationCancelled "OPERATION_CANCELLED" Cancelled:
        "Nothing: somebody asked for it.",
    /// The operation was still open at its deadline.
    OperationDeadlineExceeded "OPERATION_DEADLINE_EXCEEDED" DeadlineExceeded:
        "See that workers lease the method; raise its `deadline` if the work takes longer.",
    /// The last of `max_attempts` ended without a word from its worker; the metadata says which
    /// one it was and when it last renewed.
    WorkerLost "WORKER_LOST" Unavailable:
        "Look why the worker died. Then call the method again.",
}

impl Reason {
    /// Whether it is found in an operation's `error`, rather than in that of a call.
    #[must_use]
    pub const fn ends_operation(self) -> bool {
        matches!(
            self,
            Self::OperationCancelled | Self::OperationDeadlineExceeded | Self::WorkerLost
        )
    }

    /// The HTTP status of a call that fails with it: the code's own, but 405 for a wrong verb.
    #[must_use]
    pub const fn http_status(self) -> u16 {
        match self {
            Self::MethodNotAllowed => 405,
            _ => http_status(self.code()),
        }
    }
}

/// A code's HTTP status, as `google/rpc/code.proto` gives it.
pub(crate) const fn http_status(code: Code) -> u16 {
    match code {
        Code::Ok => 200,
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => 400,
        Code::Unauthenticated => 401,
        Code::PermissionDenied => 403,
        Code::NotFound => 404,
        Code::Aborted | Code::AlreadyExists => 409,
        Code::ResourceExhausted => 429,
        Code::Cancelled => 499,
        Code::Unknown | Code::Internal | Code::DataLoss => 500,
        Code::Unimplemented => 501,
        Code::Unavailable => 503,
        Code::DeadlineExceeded => 504,
    }
}
