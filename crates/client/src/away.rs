//! What to do about a server that is away.

use std::time::Duration;

use tokio::time::sleep;
use tonic::Code;

use crate::ClientError;

/// Before the first call again; each pause is twice the one before.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(8);
/// Calls again, in a little over half a minute: as long as a restart may take.
const AGAIN_MAX: u32 = 10;

/// Makes a call, and again while its server is away. Only for calls that may be made twice.
///
/// # Errors
/// The call's; `UNAVAILABLE` when the server stays away for half a minute.
pub async fn patiently<T, Answer>(mut call: impl FnMut() -> Answer) -> Result<T, ClientError>
where
    // Not AsyncFnMut: what awaits this could not be spawned.
    Answer: Future<Output = Result<T, ClientError>>,
{
    let mut again = 0;
    loop {
        match call().await {
            Err(error) if error.code == Code::Unavailable && again < AGAIN_MAX => {}
            answer => return answer,
        }
        sleep((PAUSE_MIN * (1 << again)).min(PAUSE_MAX)).await;
        again += 1;
    }
}
