//! Exit codes, failures, and stdout.

use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

use longrun_client::{ClientError, Code};

/// What `--help` says of them.
pub(crate) const EXIT_CODES: &str = "Exit codes: 0 ok, 1 error, 2 usage, 3 operation failed, \
4 not found, 5 not authenticated or not permitted, 6 operation cancelled, 7 server unavailable, \
124 wait timed out, 130 interrupted. Of several names the one counts of which the least is known: \
1, 7, 5, 124, 4, 3, 6, 0.";

/// How the program ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Exit {
    #[default]
    Ok = 0,
    Error = 1,
    Usage = 2,
    OperationFailed = 3,
    NotFound = 4,
    Auth = 5,
    OperationCancelled = 6,
    Unavailable = 7,
    TimedOut = 124,
    Interrupted = 130,
}

impl Exit {
    /// The worse of two: the one that knows less of its operation.
    pub(crate) fn worse(self, other: Self) -> Self {
        let rank = |exit| match exit {
            Self::Ok => 0,
            Self::OperationCancelled => 1,
            Self::OperationFailed => 2,
            Self::NotFound => 3,
            Self::TimedOut => 4,
            Self::Auth => 5,
            Self::Unavailable => 6,
            Self::Error => 7,
            Self::Usage => 8,
            Self::Interrupted => 9,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command came to nothing; with an empty message there is nothing to say about it.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) message: String,
}

impl Failure {
    /// A plain error.
    pub(crate) fn new(message: impl fmt::Display) -> Self {
        Self { exit: Exit::Error, message: message.to_string() }
    }

    /// What the user asked for can't be asked for.
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self { exit: Exit::Usage, message: message.to_string() }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let exit = match error.code {
            Code::NotFound => Exit::NotFound,
            Code::Unauthenticated | Code::PermissionDenied => Exit::Auth,
            Code::Unavailable => Exit::Unavailable,
            _ => Exit::Error,
        };
        Self { exit, message: error.to_string() }
    }
}

/// Writes to stdout. A reader that has gone, such as `head`, is no error.
///
/// # Errors
/// When stdout takes no more for any other reason.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    match print_to_reader(text) {
        Err(Failure { exit: Exit::Ok, .. }) => Ok(()),
        printed => printed,
    }
}

/// As [`print()`], for a command that does nothing but that.
///
/// # Errors
/// When stdout takes no more. A reader that has gone has all that it wants: that ends the command,
/// silently and well.
pub(crate) fn print_to_reader(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(|error| {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure { exit: Exit::Ok, message: String::new() },
            _ => Failure::new(format!("stdout: {error}")),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_errors_have_exit_codes() {
        let table = [
            (Code::NotFound, Exit::NotFound),
            (Code::Unauthenticated, Exit::Auth),
            (Code::PermissionDenied, Exit::Auth),
            (Code::Unavailable, Exit::Unavailable),
            (Code::InvalidArgument, Exit::Error),
            (Code::Internal, Exit::Error),
        ];
        for (code, exit) in table {
            let error = ClientError { code, message: "m".to_owned(), reason: None };
            assert_eq!(Failure::from(error).exit, exit, "{code:?}");
        }
    }
    #[test]
    fn the_worst_is_what_knows_least() {
        use Exit::*;
        let order = [
            Ok,
            OperationCancelled,
            OperationFailed,
            NotFound,
            TimedOut,
            Auth,
            Unavailable,
            Error,
            Usage,
            Interrupted,
        ];
        for (index, one) in order.into_iter().enumerate() {
            for other in &order[index..] {
                assert_eq!((one.worse(*other), other.worse(one)), (*other, *other));
            }
        }
    }
}
