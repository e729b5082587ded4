//! How far the work is, where the metadata say it in one of the usual ways.

use std::fmt;

use serde_json::{Map, Value};

/// How far the work is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Progress {
    /// Of a hundred.
    Percent(f64),
    /// Of so many.
    Count { done: u64, total: u64 },
}

/// Fields with a percentage.
const PERCENT: [&str; 7] = [
    "progressPercent",
    "progressPercentage",
    "percentComplete",
    "percentCompleted",
    "percentDone",
    "percent",
    "progress",
];

/// Fields with what is done, and those with how much there is.
const COUNTS: [(&str, &str); 10] = [
    ("completedWork", "estimatedWork"),
    ("workCompleted", "workEstimated"),
    ("completedUnits", "totalUnits"),
    ("completedCount", "totalCount"),
    ("processedCount", "totalCount"),
    ("doneCount", "totalCount"),
    ("bytesDone", "bytesTotal"),
    ("completed", "total"),
    ("processed", "total"),
    ("done", "total"),
];

impl Progress {
    /// Reads metadata: their own fields, then those of a message `progress` in them.
    pub(super) fn of(metadata: &Value) -> Option<Self> {
        // A Struct, and whatever else has a JSON form of its own, is in `value`.
        let fields = metadata["value"].as_object().or(metadata.as_object())?;
        Self::in_fields(fields).or_else(|| Self::in_fields(fields.get("progress")?.as_object()?))
    }

    fn in_fields(fields: &Map<String, Value>) -> Option<Self> {
        let number = |name: &str| {
            let found = fields.get(name).or_else(|| fields.get(&snake_case(name)))?;
            // 64 bits are text in JSON.
            let number = found.as_f64().or_else(|| found.as_str()?.parse().ok())?;
            (number.is_finite() && number >= 0.0).then_some(number)
        };
        let percent = PERCENT.iter().find_map(|name| number(name)).filter(|n| *n <= 100.0);
        let counts = || {
            COUNTS.iter().find_map(|(done, total)| {
                let (done, total) = (number(done)? as u64, number(total)? as u64);
                (total > 0).then_some(Self::Count { done: done.min(total), total })
            })
        };
        percent.map(Self::Percent).or_else(counts)
    }

    /// From 0 to 1.
    pub(super) fn fraction(self) -> f64 {
        match self {
            Self::Percent(percent) => percent / 100.0,
            Self::Count { done, total } => done as f64 / total as f64,
        }
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Down, so that 100 % is the end.
            Self::Percent(percent) => write!(f, "{}%", percent.floor()),
            Self::Count { done, total } => write!(f, "{done}/{total}"),
        }
    }
}

fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_usual_ways_to_say_it() {
        let table = [
            (json!({"@type": "t", "progressPercent": 42}), "42%"),
            (json!({"progress_percent": 42.9}), "42%"),
            (json!({"progressPercent": "7"}), "7%"),
            (json!({"progress": 0}), "0%"),
            (json!({"progress": {"progressPercent": 12, "startTime": "x"}}), "12%"),
            (json!({"@type": "Struct", "value": {"percent": 50}}), "50%"),
            (json!({"completedWork": "3", "estimatedWork": "10"}), "3/10"),
            (json!({"done": 3, "total": 4}), "3/4"),
            (json!({"processed_count": 9, "total_count": 4}), "4/4"),
            (json!({"progress": {"completedUnits": "1", "totalUnits": "2"}}), "1/2"),
            // A percentage says more than counts beside it.
            (json!({"percentDone": 5, "done": 1, "total": 2}), "5%"),
        ];
        for (metadata, expected) in table {
            let found = Progress::of(&metadata).map(|progress| progress.to_string());
            assert_eq!(found.as_deref(), Some(expected), "{metadata}");
        }
        for metadata in [
            json!(null),
            json!({}),
            json!({"progressPercent": 101}),
            json!({"progressPercent": -1}),
            json!({"progressPercent": "NaN"}),
            json!({"progress": "half"}),
            json!({"done": true, "total": 2}),
            json!({"done": 0, "total": 0}),
            json!({"@type": "google.protobuf.StringValue", "value": "50"}),
        ] {
            assert_eq!(Progress::of(&metadata), None, "{metadata}");
        }
    }

    #[test]
    fn fractions() {
        assert_eq!(Progress::Percent(25.0).fraction(), 0.25);
        assert_eq!(Progress::Count { done: 1, total: 4 }.fraction(), 0.25);
        assert_eq!(Progress::Percent(99.9).to_string(), "99%");
    }
}
