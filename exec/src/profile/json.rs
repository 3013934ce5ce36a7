//! A profile as JSON: all that is in it, in seconds, bytes and operations.

use std::fmt::{self, Write};
use std::time::Duration;

use damo_graph::Source;

use super::limits::Limits;
use super::{LineProfile, Measure, PassTime, PlanProfile, Profile, StepProfile};

/// A value of JSON.
pub(super) enum Json {
    Number(f64),
    Count(u64),
    Text(String),
    List(Vec<Json>),
    Record(Vec<(&'static str, Json)>),
    /// A record whose names are data.
    Map(Vec<(String, Json)>),
    Null,
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // JSON has no infinities.
            Json::Number(number) if number.is_finite() => write!(f, "{number:?}"),
            Json::Number(_) | Json::Null => f.write_str("null"),
            Json::Count(count) => write!(f, "{count}"),
            Json::Text(text) => quote(text, f),
            Json::List(values) => {
                f.write_char('[')?;
                for (place, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if place == 0 { "" } else { "," })?;
                }
                f.write_char(']')
            }
            Json::Record(fields) => {
                f.write_char('{')?;
                for (place, (name, value)) in fields.iter().enumerate() {
                    write!(f, "{}\"{name}\":{value}", if place == 0 { "" } else { "," })?;
                }
                f.write_char('}')
            }
            Json::Map(fields) => {
                f.write_char('{')?;
                for (place, (name, value)) in fields.iter().enumerate() {
                    f.write_str(if place == 0 { "" } else { "," })?;
                    quote(name, f)?;
                    write!(f, ":{value}")?;
                }
                f.write_char('}')
            }
        }
    }
}

fn quote(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            c if c < ' ' => write!(f, "\\u{:04x}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

impl Json {
    pub fn text(text: impl fmt::Display) -> Json {
        Json::Text(text.to_string())
    }

    pub fn seconds(time: Duration) -> Json {
        Json::Number(time.as_secs_f64())
    }

    pub fn texts(texts: &[impl fmt::Display]) -> Json {
        Json::List(texts.iter().map(Json::text).collect())
    }

    pub fn list<T>(values: &[T], of: impl Fn(&T) -> Json) -> Json {
        Json::List(values.iter().map(of).collect())
    }
}

impl Profile {
    /// All of it as JSON, in one line. Times are in seconds; bytes, operations and times are those of all calls together.
    ///
    /// | field | what it is |
    /// |---|---|
    /// | `function` | the user's line that asked for the function, or null |
    /// | `engine`, `threads` | who computed |
    /// | `calls`, `failed_calls`, `seconds` | the calls that are measured, those that failed, the time of the first |
    /// | `phases` | the parts of `seconds`: `waiting`, `finding` and `making` a plan, `preparing`, `steps`, `finishing` |
    /// | `plans_found`, `plans_made` | hits and misses of the cache of plans |
    /// | `peak_bytes` | the most memory that a call takes: arena, scratch and results |
    /// | `passes` | of freezing: `pass`, `seconds`, `nodes_before`, `nodes_after` |
    /// | `plans` | in the order in which they were first run: `lengths`, `calls`, `made`, `making_seconds`, `seconds`, `memory` (`arena`, `arena_bound`, `scratch`, `results`: bytes), `steps` |
    /// | `plans[].steps` | in order: `kind`, `shape`, `ops`, `sources`, `fastest_seconds`, `parts` (nests of bands, as steps), and the fields of a measure |
    /// | `lines` | the most expensive first: `source` or null, `ops`, `steps` (how many), and the fields of a measure |
    /// | a measure | `calls`, `seconds`, `share` of the whole, `bytes_read`, `bytes_written`, `flops`, `bytes_per_second`, `flops_per_second`, and their shares of the limits `of_copy`, `of_peak` |
    /// | `limits` | `copy`: `bytes`, `bytes_per_second`; `flops_per_second`: `f32`, `f64` |
    /// | `unlisted_calls`, `untraced_calls` | calls by more plans, or with more events, than are kept |
    pub fn to_json(&self) -> String {
        let lines = Json::list(&self.lines, |line| self.line(line));
        let json = Json::Record(vec![
            ("function", source(self.source)),
            ("engine", Json::text(&self.engine)),
            ("threads", Json::Count(self.threads as u64)),
            ("calls", Json::Count(self.calls)),
            ("failed_calls", Json::Count(self.failed_calls)),
            ("seconds", Json::seconds(self.time)),
            ("phases", Json::Record(self.phases.named().map(|(name, time)| (name, Json::seconds(time))).into())),
            ("plans_found", Json::Count(self.plans_found)),
            ("plans_made", Json::Count(self.plans_made)),
            ("peak_bytes", Json::Count(self.peak_bytes() as u64)),
            ("passes", Json::list(&self.passes, pass)),
            ("plans", Json::list(&self.plans, |plan| self.plan(plan))),
            ("lines", lines),
            ("limits", limits(&self.limits)),
            ("unlisted_calls", Json::Count(self.unlisted_calls)),
            ("untraced_calls", Json::Count(self.untraced_calls)),
        ]);
        json.to_string()
    }

    fn plan(&self, plan: &PlanProfile) -> Json {
        let memory = [
            ("arena", plan.memory.arena),
            ("arena_bound", plan.memory.arena_bound),
            ("scratch", plan.memory.scratch),
            ("results", plan.memory.results),
        ];
        Json::Record(vec![
            ("lengths", Json::Map(plan.lengths.iter().map(|(name, length)| (name.clone(), Json::Number(*length as f64))).collect())),
            ("calls", Json::Count(plan.calls)),
            ("made", Json::Count(plan.made)),
            ("making_seconds", Json::seconds(plan.making)),
            ("seconds", Json::seconds(plan.time)),
            ("memory", Json::Record(memory.map(|(name, bytes)| (name, Json::Count(bytes as u64))).into())),
            ("steps", Json::list(&plan.steps, |step| self.step(step))),
        ])
    }

    fn step(&self, step: &StepProfile) -> Json {
        let mut fields = vec![
            ("kind", Json::text(step.kind)),
            ("shape", Json::text(&step.shape)),
            ("ops", Json::texts(&step.ops)),
            ("sources", Json::texts(&step.sources)),
            ("fastest_seconds", Json::seconds(step.fastest)),
            ("parts", Json::list(&step.parts, |part| self.step(part))),
        ];
        fields.extend(self.measure(&step.measure));
        Json::Record(fields)
    }

    fn line(&self, line: &LineProfile) -> Json {
        let mut fields = vec![("source", source(line.source)), ("ops", Json::texts(&line.ops)), ("steps", Json::Count(line.steps as u64))];
        fields.extend(self.measure(&line.measure));
        Json::Record(fields)
    }

    fn measure(&self, measure: &Measure) -> [(&'static str, Json); 10] {
        [
            ("calls", Json::Count(measure.calls)),
            ("seconds", Json::seconds(measure.time)),
            ("share", Json::Number(self.share(measure.time))),
            ("bytes_read", Json::Number(measure.bytes_read)),
            ("bytes_written", Json::Number(measure.bytes_written)),
            ("flops", Json::Number(measure.flops)),
            ("bytes_per_second", Json::Number(measure.bandwidth())),
            ("flops_per_second", Json::Number(measure.flops_per_second())),
            ("of_copy", Json::Number(measure.of_copy())),
            ("of_peak", Json::Number(measure.of_peak())),
        ]
    }
}

fn source(source: Option<Source>) -> Json {
    source.map_or(Json::Null, Json::text)
}

fn pass(pass: &PassTime) -> Json {
    Json::Record(vec![
        ("pass", Json::text(pass.pass)),
        ("seconds", Json::seconds(pass.time)),
        ("nodes_before", Json::Count(pass.nodes_before as u64)),
        ("nodes_after", Json::Count(pass.nodes_after as u64)),
    ])
}

fn limits(limits: &Limits) -> Json {
    let level = |level: &super::limits::CopyLimit| {
        Json::Record(vec![("bytes", Json::Count(level.bytes as u64)), ("bytes_per_second", Json::Number(level.bandwidth))])
    };
    let flops = vec![("f32", Json::Number(limits.flops_f32)), ("f64", Json::Number(limits.flops_f64))];
    Json::Record(vec![("copy", Json::list(&limits.copy, level)), ("flops_per_second", Json::Record(flops))])
}
