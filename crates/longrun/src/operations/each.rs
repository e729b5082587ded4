//! Several names, asked for at once and answered in their order.

use futures::StreamExt as _;
use futures::stream;

use super::target::Target;
use crate::output::{Exit, Failure};

/// Names asked for at once: the streams of a connection are not endless.
const AT_ONCE: usize = 100;

/// Asks for each, and hands every answer to `take`; the exit code is the worst of all.
///
/// # Errors
/// Of `take` alone; what goes wrong with a name is said by `say`.
pub(super) async fn each<'a, T, Answer>(
    targets: &'a [Target],
    ask: impl Fn(&'a Target) -> Answer,
    mut take: impl FnMut(&'a Target, T) -> Result<Exit, Failure>,
    say: impl Fn(&str),
) -> Result<Exit, Failure>
where
    Answer: Future<Output = Result<T, Failure>>,
{
    let mut worst = Exit::Ok;
    let mut answers = stream::iter(targets.iter().map(ask)).buffered(AT_ONCE);
    for target in targets {
        let exit = match answers.next().await {
            Some(Ok(answer)) => take(target, answer)?,
            // The reader of stdout has gone.
            Some(Err(failure)) if failure.message.is_empty() => return Err(failure),
            Some(Err(failure)) => {
                say(&format!("{}: {}", target.operation, failure.message));
                failure.exit
            }
            None => Exit::Ok,
        };
        worst = worst.worse(exit);
    }
    Ok(worst)
}

/// Says something on stderr.
pub(super) fn say(what: &str) {
    eprintln!("longrun: {what}");
}
