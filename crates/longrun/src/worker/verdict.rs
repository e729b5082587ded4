//! What an exit code, stdout and stderr say of the work.

use std::time::Duration;

use longrun_client::{Code, Failure, Payload, Retry, WorkError, pack};
use serde_json::Value;

use super::process::{Ended, How, STDOUT_BYTES_MAX};

/// Of a message that comes from stderr.
const MESSAGE_BYTES_MAX: usize = 4 << 10;

/// `EX_TEMPFAIL` of sysexits.h.
const TRY_AGAIN: i32 = 75;
/// Next to what sysexits.h has: no program says it by chance.
const REJECT: i32 = 79;
/// What a shell says of a command that it can't run, or find: so it will be with every operation.
const NOT_RUN: [i32; 2] = [126, 127];

/// The outcome of a run; `cancelled` if somebody had asked for that.
pub(super) fn verdict(
    ended: &Ended,
    cancelled: bool,
    retry_delay: Duration,
) -> Result<Payload, WorkError> {
    if ended.how == How::Exit(0) {
        return response(&ended.stdout);
    }
    let failure = |code| match status(&ended.stderr) {
        Some(status) => Failure::Json(status),
        None => Failure::new(code, message(ended)),
    };
    let again = |code| WorkError::from(Retry { failure: failure(code), delay: retry_delay });
    Err(match ended.how {
        _ if cancelled => WorkError::Failed(failure(Code::Cancelled)),
        How::Signal(_) => again(Code::Internal),
        How::Exit(code) if NOT_RUN.contains(&code) => {
            let what = format!("the command couldn't be run, {}: {}", ended.how, message(ended));
            WorkError::Unfit(what)
        }
        How::Exit(TRY_AGAIN) => again(Code::Unavailable),
        How::Exit(REJECT) => WorkError::Rejected(failure(Code::FailedPrecondition)),
        How::Exit(code) => WorkError::Failed(failure(code_of(code))),
    })
}

/// As sysexits.h has them.
fn code_of(exit: i32) -> Code {
    match exit {
        64 | 65 => Code::InvalidArgument,
        66 => Code::NotFound,
        69 => Code::Unavailable,
        70 => Code::Internal,
        77 => Code::PermissionDenied,
        _ => Code::Unknown,
    }
}

fn response(stdout: &[u8]) -> Result<Payload, WorkError> {
    let refuse = |what: String| Err(WorkError::failed(Code::Internal, what));
    if stdout.len() > STDOUT_BYTES_MAX {
        return refuse(format!("the command's stdout is over {STDOUT_BYTES_MAX} bytes"));
    }
    if stdout.trim_ascii().is_empty() {
        return Ok(pack(&()).into());
    }
    match serde_json::from_slice::<Value>(stdout) {
        Ok(response) if response["@type"].is_string() => Ok(response.into()),
        Ok(_) => refuse("the command's stdout is no JSON object with @type".to_owned()),
        Err(error) => refuse(format!("the command's stdout is no JSON: {error}")),
    }
}

/// The last line of stderr, if it is a `google.rpc.Status` of an error.
fn status(stderr: &[u8]) -> Option<Value> {
    let line = stderr.trim_ascii_end().rsplit(|byte| *byte == b'\n').next()?;
    let status: Value = serde_json::from_slice(line).ok()?;
    let known = |key: &String| matches!(key.as_str(), "code" | "message" | "details");
    let whole = status.as_object()?.keys().all(known);
    let code = status["code"].as_i64().filter(|code| (1..=16).contains(code));
    (whole && code.is_some()).then_some(status)
}

/// The end of stderr, or at least how the command ended.
fn message(ended: &Ended) -> String {
    let text = ended.stderr.trim_ascii();
    let start = text.len().saturating_sub(MESSAGE_BYTES_MAX);
    // A character that the cut went through is left out.
    let inside = |byte: &&u8| **byte & 0b1100_0000 == 0b1000_0000;
    let skip = if start == 0 { 0 } else { text[start..].iter().take(3).take_while(inside).count() };
    match &*String::from_utf8_lossy(&text[start + skip..]) {
        "" => ended.how.to_string(),
        text => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const DELAY: Duration = Duration::from_secs(5);

    fn of(how: How, stdout: &str, stderr: &str, cancelled: bool) -> Result<Payload, WorkError> {
        let ended = Ended { how, stdout: stdout.into(), stderr: stderr.into() };
        verdict(&ended, cancelled, DELAY)
    }

    fn failed(code: Code, message: &str) -> Result<Payload, WorkError> {
        Err(WorkError::failed(code, message))
    }

    fn again(code: Code, message: &str) -> Result<Payload, WorkError> {
        Err(Retry::new(code, message).after(DELAY).into())
    }

    #[test]
    fn ends() {
        let text = json!({"@type": "t/x", "value": 1});
        let table = [
            (How::Exit(0), " \n", "log", false, Ok(pack(&()).into())),
            (How::Exit(0), &*text.to_string(), "", true, Ok(text.clone().into())),
            (
                How::Exit(0),
                "{}",
                "",
                false,
                failed(Code::Internal, "the command's stdout is no JSON object with @type"),
            ),
            (How::Exit(1), "out", "bad\n", false, failed(Code::Unknown, "bad")),
            (How::Exit(1), "", "", false, failed(Code::Unknown, "exit status 1")),
            (How::Exit(64), "", "what", false, failed(Code::InvalidArgument, "what")),
            (How::Exit(66), "", "what", false, failed(Code::NotFound, "what")),
            (How::Exit(75), "", "later", false, again(Code::Unavailable, "later")),
            (
                How::Exit(79),
                "",
                "closed",
                false,
                Err(WorkError::rejected(Code::FailedPrecondition, "closed")),
            ),
            (How::Exit(79), "", "bye", true, failed(Code::Cancelled, "bye")),
            (
                How::Exit(127),
                "",
                "no such",
                false,
                Err(WorkError::Unfit(
                    "the command couldn't be run, exit status 127: no such".to_owned(),
                )),
            ),
            (How::Signal(9), "", "", false, again(Code::Internal, "killed by signal 9")),
            (How::Signal(15), "", "", true, failed(Code::Cancelled, "killed by signal 15")),
            (How::Exit(75), "", "bye", true, failed(Code::Cancelled, "bye")),
        ];
        for (how, stdout, stderr, cancelled, expected) in table {
            assert_eq!(of(how, stdout, stderr, cancelled), expected, "{how} {stderr}");
        }
    }

    #[test]
    fn a_status_is_the_last_line_alone() {
        let status = json!({"code": 9, "message": "no", "details": []});
        let failure = Failure::Json(status.clone());
        let expected = Err(WorkError::Failed(failure.clone()));
        assert_eq!(of(How::Exit(1), "", &format!("log\n{status}\n"), false), expected);
        let expected = Err(Retry { failure, delay: DELAY }.into());
        assert_eq!(of(How::Exit(75), "", &status.to_string(), false), expected);
        for other in [
            format!("{status}\nlog"),
            json!({"code": 0}).to_string(),
            json!({"code": 17}).to_string(),
            json!({"code": 5, "time": 1}).to_string(),
            "[]".to_owned(),
        ] {
            assert_eq!(of(How::Exit(1), "", &other, false), failed(Code::Unknown, &other));
        }
    }

    #[test]
    fn messages_are_cut_at_a_character() {
        let long = format!("start{}", "é".repeat(MESSAGE_BYTES_MAX));
        let cut = "é".repeat(MESSAGE_BYTES_MAX / 2);
        assert_eq!(of(How::Exit(1), "", &long, false), failed(Code::Unknown, &cut));
        let odd = format!("{long}x");
        let cut = format!("{}x", "é".repeat(MESSAGE_BYTES_MAX / 2 - 1));
        assert_eq!(of(How::Exit(1), "", &odd, false), failed(Code::Unknown, &cut));
    }
}
