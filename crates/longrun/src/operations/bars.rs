//! How far operations are, on a terminal's stderr.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use serde_json::Value;

use super::progress::Progress;
use super::seen::{Seen, text};

/// As many at once as leave something of a small terminal.
const BARS_MAX: usize = 10;
/// How often what moves by itself is drawn.
const TICK: Duration = Duration::from_millis(100);
/// How finely a bar tells a fraction.
const LENGTH: u64 = 1_000;

/// A line for each open operation. Where stderr is no terminal there are none.
pub(super) struct Bars {
    all: MultiProgress,
    by_name: RefCell<HashMap<String, ProgressBar>>,
}

impl Bars {
    pub(super) fn new() -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        Self { all, by_name: RefCell::default() }
    }

    /// Shows how an operation is now; one that is done or gone is shown no more.
    pub(super) fn show(&self, value: &Value) {
        if self.all.is_hidden() {
            return;
        }
        let seen = Seen(value);
        let mut bars = self.by_name.borrow_mut();
        if seen.is_done() || value["removed"] == true {
            if let Some(bar) = bars.remove(seen.name()) {
                bar.finish_and_clear();
                self.all.remove(&bar);
            }
            return;
        }
        if !bars.contains_key(seen.name()) && bars.len() == BARS_MAX {
            return;
        }
        let bar = bars.entry(seen.name().to_owned()).or_insert_with(|| {
            let bar = self.all.add(ProgressBar::new(LENGTH).with_elapsed(age(seen)));
            bar.set_prefix(text(&seen.short_name().into()));
            bar.enable_steady_tick(TICK);
            bar
        });
        let progress = seen.progress();
        bar.set_style(style(progress));
        bar.set_message(message(seen, progress));
        bar.set_position(
            progress.map_or(0, |progress| (progress.fraction() * LENGTH as f64) as u64),
        );
    }

    /// Writes something else, above the bars.
    pub(super) fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        self.all.suspend(write)
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        for bar in self.by_name.borrow().values() {
            bar.finish_and_clear();
        }
    }
}

/// How long it has been at it, as far as that is known.
fn age(seen: Seen<'_>) -> Duration {
    let began = seen.time("startTime").or_else(|| seen.time("createTime"));
    let age = began.map(|began| Timestamp::now().duration_since(began));
    age.and_then(|age| age.try_into().ok()).unwrap_or_default()
}

fn style(progress: Option<Progress>) -> ProgressStyle {
    let template = match progress {
        Some(_) => "{prefix} [{wide_bar}] {msg} {elapsed}",
        None => "{spinner} {prefix} {msg} {elapsed}",
    };
    let style = ProgressStyle::with_template(template);
    style.expect("the template is ours").progress_chars("=> ").tick_chars("|/-\\ ")
}

fn message(seen: Seen<'_>, progress: Option<Progress>) -> String {
    let state = text(&seen.state().into());
    match progress {
        Some(progress) => format!("{progress} {state}"),
        None => state,
    }
}
