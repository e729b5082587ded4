//! Operations as the rows of a table.

use comfy_table::{Cell, Color, ColumnConstraint, Row, Width, presets};
use jiff::Timestamp;
use serde_json::Value;

use crate::operations::relative::{relative, span};
use crate::operations::seen::{Seen, status_text, text};

/// A title, and what stands below it.
type Column = (&'static str, fn(Seen<'_>, Timestamp) -> String);

/// What stands where there is nothing.
const NOTHING: &str = "-";

const SERVICE: Column = ("SERVICE", |seen, _| text(&seen.service().into()));
const NAME: Column = ("NAME", |seen, _| text(&seen.short_name().into()));
const STATE: Column = ("STATE", |seen, _| state(seen));
const PROGRESS: Column = ("PROGRESS", |seen, _| {
    seen.progress().map(|progress| progress.to_string()).unwrap_or_default()
});
const METHOD: Column = ("METHOD", |seen, _| {
    let method = text(&seen.0["method"]);
    method.rsplit('.').next().unwrap_or_default().to_owned()
});
const FULL_METHOD: Column = ("METHOD", |seen, _| text(&seen.0["method"]));
const CREATED: Column = ("CREATED", |seen, now| since(seen, "createTime", now));
const UPDATED: Column = ("UPDATED", |seen, now| since(seen, "updateTime", now));
const TOOK: Column = ("TOOK", |seen, now| {
    let end = |seen: Seen<'_>| match seen.is_done() {
        true => seen.time("finishTime").or_else(|| seen.time("endTime")),
        false => Some(now),
    };
    let began = seen.time("startTime").or_else(|| seen.time("createTime"));
    let took = began.zip(end(seen)).map(|(began, end)| end.as_second() - began.as_second());
    took.and_then(|seconds| u64::try_from(seconds).ok()).map(span).unwrap_or_default()
});
const OWNER: Column = ("OWNER", |seen, _| text(&seen.0["owner"]));
const WORKER: Column = ("WORKER", |seen, _| text(&seen.0["lease"]["workerId"]));
const ATTEMPT: Column = ("ATTEMPT", |seen, _| match &seen.0["attempt"] {
    Value::Null => String::new(),
    attempt => format!("{attempt}/{}", seen.0["maxAttempts"]),
});
const LABELS: Column = ("LABELS", |seen, _| {
    let labels = seen.0["labels"].as_object().into_iter().flatten();
    labels.map(|(key, value)| format!("{key}={}", text(value))).collect::<Vec<_>>().join(",")
});
const TYPE: Column = ("TYPE", |seen, _| {
    let name = text(&seen.operation()["metadata"]["@type"]);
    name.rsplit('/').next().unwrap_or_default().to_owned()
});
const TARGET: Column = ("TARGET", |seen, _| text(&seen.operation()["metadata"]["target"]));
const ERROR: Column = ("ERROR", |seen, _| match &seen.operation()["error"] {
    Value::Null => String::new(),
    error => status_text(error),
});

/// The columns of a view.
fn columns(record: bool, services: bool, wide: bool) -> Vec<Column> {
    let narrow: &[Column] = match record {
        true => &[NAME, STATE, PROGRESS, METHOD, CREATED, TOOK],
        false => &[NAME, STATE, PROGRESS, CREATED, TOOK],
    };
    let all: &[Column] = match record {
        true => &[
            NAME,
            STATE,
            PROGRESS,
            FULL_METHOD,
            OWNER,
            CREATED,
            UPDATED,
            TOOK,
            ATTEMPT,
            WORKER,
            LABELS,
            ERROR,
        ],
        false => &[NAME, STATE, PROGRESS, TYPE, TARGET, CREATED, TOOK, ERROR],
    };
    let service = (record && services).then_some(SERVICE);
    service.into_iter().chain(if wide { all } else { narrow }.iter().copied()).collect()
}

/// The state, and what else decides how it goes on.
pub(super) fn state(seen: Seen<'_>) -> String {
    let mut state = text(&seen.state().into());
    if !seen.is_done() && !seen.0["cancelRequestTime"].is_null() {
        state.push_str(", cancel asked");
    }
    if !seen.0["deleteTime"].is_null() {
        state.push_str(", deleted");
    }
    state
}

fn since(seen: Seen<'_>, key: &str, now: Timestamp) -> String {
    seen.time(key).map(|time| relative(time, now)).unwrap_or_default()
}

/// The state's colour says nothing that its word doesn't.
fn colour(seen: Seen<'_>) -> Option<Color> {
    match seen.state() {
        "RUNNING" => Some(Color::Cyan),
        "SUCCEEDED" => Some(Color::Green),
        "FAILED" => Some(Color::Red),
        "CANCELLED" => Some(Color::Yellow),
        _ => None,
    }
}

/// Where a table is shown.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    /// A terminal's columns, which rows must fit; `None`: they are as long as they are.
    pub(super) columns: Option<u16>,
    pub(super) colours: bool,
}

/// Between two columns.
const GAP: u16 = 2;
/// What is left out where there is no room, first the first. A name that is cut can't be copied.
const DISPENSABLE: [&str; 5] = ["METHOD", "TOOK", "CREATED", "SERVICE", "PROGRESS"];
/// A method's name is still good for something when it is cut to this.
const METHOD_MIN: u16 = 10;

/// Room for any state: where rows come one by one, the next has another.
const STATE_MIN: u16 = 9;

/// The widths that columns get of a terminal; 0 is none at all.
fn fit(columns: &[(&str, u16)], room: u16) -> Vec<u16> {
    let mut widths: Vec<u16> = columns.iter().map(|(_, width)| *width).collect();
    let place = |title: &str| columns.iter().position(|(other, _)| *other == title);
    for title in DISPENSABLE {
        let shown = widths.iter().filter(|width| **width > 0);
        let all: u32 = shown.map(|width| u32::from(width + GAP)).sum();
        let over = all.saturating_sub(u32::from(room) + u32::from(GAP));
        let Some(at) = place(title).filter(|_| over > 0) else { continue };
        let left = u32::from(widths[at]).saturating_sub(over);
        let cut = title == METHOD.0 && left >= u32::from(METHOD_MIN);
        widths[at] = if cut { u16::try_from(left).unwrap_or(METHOD_MIN) } else { 0 };
    }
    widths
}

/// A table, which may come in parts: what is below keeps the columns of what is above.
#[derive(Debug)]
pub(super) struct Table {
    services: bool,
    wide: bool,
    place: Place,
    /// As wide as each column was; empty before the first part.
    widths: Vec<u16>,
}

impl Table {
    /// With a column for the service, if `services`.
    pub(super) fn new(services: bool, wide: bool, place: Place) -> Self {
        Self { services, wide, place, widths: vec![] }
    }

    /// The next part, all of one view; the first has the titles.
    pub(super) fn part(&mut self, values: &[Value], now: Timestamp) -> String {
        let Some(first) = values.first() else { return String::new() };
        let columns = columns(Seen(first).is_record(), self.services, self.wide);
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING).set_truncation_indicator("…").force_no_tty();
        if self.place.colours {
            table.enforce_styling();
        }
        if self.widths.is_empty() {
            table.set_header(columns.iter().map(|(title, _)| *title));
        }
        for value in values {
            let cells = columns.iter().map(|column| cell(column, Seen(value), now));
            let mut row: Row = cells.collect::<Vec<_>>().into();
            row.max_height(1);
            table.add_row(row);
        }
        self.widths.resize(columns.len(), 0);
        let contents = table.column_max_content_widths();
        for ((width, content), (title, _)) in self.widths.iter_mut().zip(contents).zip(&columns) {
            let least = if *title == STATE.0 { STATE_MIN } else { 0 };
            *width = content.max(*width).max(least);
        }
        let wanted: Vec<_> =
            columns.iter().map(|column| column.0).zip(self.widths.clone()).collect();
        let widths = fit(&wanted, self.place.columns.unwrap_or(u16::MAX));
        for (column, width) in table.column_iter_mut().zip(widths) {
            column.set_padding((0, GAP));
            column.set_constraint(match width {
                0 => ColumnConstraint::Hidden,
                width => ColumnConstraint::Absolute(Width::Fixed(width + GAP)),
            });
        }
        table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
    }
}

fn cell((title, show): &Column, seen: Seen<'_>, now: Timestamp) -> Cell {
    let shown = show(seen, now);
    let cell = Cell::new(if shown.is_empty() { NOTHING.to_owned() } else { shown });
    match colour(seen).filter(|_| *title == STATE.0) {
        Some(colour) => cell.fg(colour),
        None => cell,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn records() -> Vec<Value> {
        vec![
            json!({
                "name": "services/library.example.com/operations/a", "state": "RUNNING",
                "method": "library.v1.Library/Build", "owner": "static:alice",
                "createTime": "2026-01-02T03:00:00Z", "startTime": "2026-01-02T03:04:00Z",
                "updateTime": "2026-01-02T03:04:05Z", "attempt": 1, "maxAttempts": 5,
                "cancelRequestTime": "2026-01-02T03:04:05Z", "labels": {"env": "prod", "a": "b"},
                "lease": {"workerId": "host:1"},
                "operation": {"name": "operations/a", "metadata": {"progressPercent": 42}},
            }),
            json!({
                "name": "services/longrun.local/operations/b", "state": "FAILED",
                "createTime": "2026-01-01T00:00:00Z", "finishTime": "2026-01-01T00:05:00Z",
                "operation": {
                    "name": "operations/b", "done": true,
                    "error": {"code": 9, "message": "no\u{1b}[2Jpaper"},
                },
            }),
        ]
    }

    fn operations() -> Vec<Value> {
        vec![
            json!({
                "name": "projects/p/operations/a",
                "metadata": {
                    "@type": "type.googleapis.com/library.v1.BuildMetadata",
                    "createTime": "2026-01-02T03:04:00Z", "target": "shelves/1",
                    "done": "3", "total": "10",
                },
            }),
            json!({"name": "operations/b", "done": true, "response": {"@type": "t"}}),
        ]
    }

    fn now() -> Timestamp {
        "2026-01-02T03:04:05Z".parse().unwrap()
    }

    #[test]
    fn both_views() {
        let table = |values: &[Value], services, wide| {
            Table::new(services, wide, Place::default()).part(values, now())
        };
        let all = [
            ("records of a service", table(&records(), false, false)),
            ("records of all", table(&records(), true, false)),
            ("records, wide", table(&records(), true, true)),
            ("operations", table(&operations(), true, false)),
            ("operations, wide", table(&operations(), true, true)),
        ];
        let all: Vec<String> = all.map(|(what, table)| format!("{what}\n{table}")).into();
        insta::assert_snapshot!(all.join("\n"));
        assert_eq!(table(&[], true, true), "");
    }

    #[test]
    fn what_has_no_room_is_cut_or_left_out() {
        let columns = [
            ("NAME", 20),
            ("STATE", 7),
            ("PROGRESS", 8),
            ("METHOD", 15),
            ("CREATED", 7),
            ("TOOK", 4),
        ];
        let table = [
            (u16::MAX, [20, 7, 8, 15, 7, 4]),
            (71, [20, 7, 8, 15, 7, 4]),
            (70, [20, 7, 8, 14, 7, 4]),
            (66, [20, 7, 8, 10, 7, 4]),
            (65, [20, 7, 8, 0, 7, 4]),
            (53, [20, 7, 8, 0, 7, 0]),
            (40, [20, 7, 8, 0, 0, 0]),
            (30, [20, 7, 0, 0, 0, 0]),
            (10, [20, 7, 0, 0, 0, 0]),
        ];
        for (room, widths) in table {
            assert_eq!(fit(&columns, room), widths, "{room}");
        }
    }

    #[test]
    fn a_terminals_table_fits_and_has_colours() {
        let place = Place { columns: Some(50), colours: false };
        let shown = Table::new(false, false, place).part(&records(), now());
        insta::assert_snapshot!(shown);
        let coloured = Place { columns: Some(80), colours: true };
        let shown = Table::new(false, false, coloured).part(&records(), now());
        assert!(shown.contains("\u{1b}[38;5;9mFAILED"), "{shown:?}");
        assert!(shown.contains("RUNNING, cancel asked"), "{shown:?}");
    }

    #[test]
    fn parts_keep_their_columns() {
        let mut table = Table::new(false, false, Place::default());
        let (first, second) =
            (table.part(&records()[..1], now()), table.part(&records()[1..], now()));
        let whole = Table::new(false, false, Place::default()).part(&records(), now());
        assert_eq!(first + &second, whole);
    }
}
