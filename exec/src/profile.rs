//! Profile mode: what each step of a program costs, measured while it computes just what it computes otherwise.
//!
//! | to read about | open |
//! |---|---|
//! | the moments of one call | `profile/meter.rs` |
//! | what is added up over calls | `profile/recorder.rs` |
//! | what a step is, in words, and the lines it comes from | `profile/description.rs` |
//! | its bytes and operations | `profile/work.rs` |
//! | what the machine can do | `profile/limits.rs` |
//! | a profile as tables, JSON, a trace | `profile/table.rs`, `profile/json.rs`, `profile/trace.rs` |
//!
//! The plan is that of a call that is not measured. The clock is read once after each step, and once after each nest of each band: what a
//! reading takes, some tens of nanoseconds, counts as the next step's.

mod description;
mod json;
pub mod limits;
pub(crate) mod meter;
pub(crate) mod recorder;
mod table;
mod trace;
mod work;

use std::ops::AddAssign;
use std::time::Duration;

use damo_graph::{Error, ErrorKind, Result, Source};

use crate::debug::Watch;
use crate::executable::Executable;
use crate::frame::Frame;
use limits::Limits;
use meter::now;
use trace::Events;

pub use trace::MOST_EVENTS;

/// What the calls of a function cost since it was frozen, or since its profile was reset.
///
/// `to_string` makes tables, [`Profile::to_json`] has all that is here, and [`Profile::to_chrome_trace`] shows calls over time.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The user's line that asked for the function.
    pub source: Option<Source>,
    /// Who computes, in words.
    pub engine: String,
    /// How many threads a call may use.
    pub threads: usize,
    /// How many calls are measured here: those that succeeded.
    pub calls: u64,
    /// How many calls failed.
    pub failed_calls: u64,
    /// How many calls found a plan that was there.
    pub plans_found: u64,
    /// How many calls had to make a plan.
    pub plans_made: u64,
    /// The time of all calls.
    pub time: Duration,
    /// The parts of that time.
    pub phases: Phases,
    /// What freezing took, pass by pass.
    pub passes: Vec<PassTime>,
    /// The plans, in the order in which they were first run.
    pub plans: Vec<PlanProfile>,
    /// The user's lines, the most expensive first.
    pub lines: Vec<LineProfile>,
    /// How many calls ran plans that are not listed, after the first [`MOST_PLANS`].
    pub unlisted_calls: u64,
    /// How many calls the trace lacks, after the first [`MOST_EVENTS`] events.
    pub untraced_calls: u64,
    /// What the machine can do.
    pub limits: Limits,
    events: Events,
}

/// So many plans of a function are listed, one for each set of lengths and strides.
pub const MOST_PLANS: usize = 256;

/// What the time of calls goes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// Waiting for other calls that change the same states, and reading the states.
    pub waiting: Duration,
    /// Looking at the arguments, and finding a plan.
    pub finding: Duration,
    /// Looking at the arguments, and making a plan, where there was none.
    pub making: Duration,
    /// Making room for results and for what lives between steps.
    pub preparing: Duration,
    /// The steps.
    pub steps: Duration,
    /// Giving the results, and changing the states.
    pub finishing: Duration,
}

impl Phases {
    /// The phases in order, each with its name.
    pub const fn named(&self) -> [(&'static str, Duration); 6] {
        let Phases { waiting, finding, making, preparing, steps, finishing } = *self;
        [("waiting", waiting), ("finding", finding), ("making", making), ("preparing", preparing), ("steps", steps), ("finishing", finishing)]
    }
}

impl AddAssign for Phases {
    fn add_assign(&mut self, other: Self) {
        self.waiting += other.waiting;
        self.finding += other.finding;
        self.making += other.making;
        self.preparing += other.preparing;
        self.steps += other.steps;
        self.finishing += other.finishing;
    }
}

/// What a pass took when the function was frozen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassTime {
    /// The name of the pass.
    pub pass: &'static str,
    /// How long it took.
    pub time: Duration,
    /// How many nodes it was given.
    pub nodes_before: usize,
    /// How many nodes it left.
    pub nodes_after: usize,
}

/// What calls by one plan cost.
#[derive(Clone, Debug)]
pub struct PlanProfile {
    /// The lengths that it was made for, as `n = 60`.
    pub lengths: Vec<(String, i64)>,
    /// How many calls ran it.
    pub calls: u64,
    /// How often it was made: more than once if it was not kept.
    pub made: u64,
    /// What making it took.
    pub making: Duration,
    /// The time of the calls that ran it.
    pub time: Duration,
    /// What a call takes of memory.
    pub memory: Memory,
    /// Its steps, in the order in which they run.
    pub steps: Vec<StepProfile>,
}

/// The memory of one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The bytes of what lives between steps.
    pub arena: usize,
    /// The least that it could take in this order of the steps.
    pub arena_bound: usize,
    /// The bytes that kernels work with.
    pub scratch: usize,
    /// The bytes of results and of what states become, new or the caller's.
    pub results: usize,
}

impl Memory {
    /// All of it.
    pub const fn bytes(&self) -> usize {
        self.arena + self.scratch + self.results
    }
}

/// What a step of a plan costs.
#[derive(Clone, Debug)]
pub struct StepProfile {
    /// What it is: `nest`, `product` …
    pub kind: &'static str,
    /// Over which lengths it goes.
    pub shape: String,
    /// What it computes: ops, and functions that are made of several.
    pub ops: Vec<&'static str>,
    /// The user's lines that it computes.
    pub sources: Vec<Source>,
    /// What all its runs cost.
    pub measure: Measure,
    /// The time of its fastest run.
    pub fastest: Duration,
    /// The nests of a step that runs in bands. Their bytes are also those that they hand on to each other, in the cache.
    pub parts: Vec<StepProfile>,
}

/// What a line of the user's costs.
///
/// The time of a step that computes several lines is divided among them by what their ops cost, in additions, by the table of ops; that of
/// nests that run in bands is measured nest by nest first.
#[derive(Clone, Debug)]
pub struct LineProfile {
    /// The line, at the first column that is computed; none for what no line of the user's stands for.
    pub source: Option<Source>,
    /// What it computes.
    pub ops: Vec<&'static str>,
    /// How many steps have to do with it, of all plans.
    pub steps: usize,
    /// What it costs.
    pub measure: Measure,
}

/// Time and work of all runs of a step, or of a line's share of steps.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measure {
    /// How many calls.
    pub calls: u64,
    /// How long they took here.
    pub time: Duration,
    /// The bytes that had to be read.
    pub bytes_read: f64,
    /// The bytes that had to be written.
    pub bytes_written: f64,
    /// Operations: of a matrix product two for each product of elements; a function counts as the additions that it costs by the table of ops.
    pub flops: f64,
    /// How many seconds copying as many bytes takes on this machine; see [`Limits`].
    pub copy_seconds: f64,
    /// How many seconds as many operations take on this machine, as fused multiply-adds.
    pub peak_seconds: f64,
}

impl Measure {
    /// Bytes read and written per second.
    pub fn bandwidth(&self) -> f64 {
        per_second(self.bytes_read + self.bytes_written, self.time)
    }

    /// Operations per second.
    pub fn flops_per_second(&self) -> f64 {
        per_second(self.flops, self.time)
    }

    /// The bandwidth as a share of that of copying as much. It may be more than 1: what a cache holds is moved faster than a copy from memory.
    pub fn of_copy(&self) -> f64 {
        per_second(self.copy_seconds, self.time)
    }

    /// The operations per second as a share of the peak.
    pub fn of_peak(&self) -> f64 {
        per_second(self.peak_seconds, self.time)
    }

    /// That share of it, of all the calls.
    fn share(&self, share: f64) -> Measure {
        Measure {
            calls: self.calls,
            time: self.time.mul_f64(share),
            bytes_read: self.bytes_read * share,
            bytes_written: self.bytes_written * share,
            flops: self.flops * share,
            copy_seconds: self.copy_seconds * share,
            peak_seconds: self.peak_seconds * share,
        }
    }

    /// Adds the time and work of another, but not its calls.
    fn add(&mut self, other: &Measure) {
        self.time += other.time;
        self.bytes_read += other.bytes_read;
        self.bytes_written += other.bytes_written;
        self.flops += other.flops;
        self.copy_seconds += other.copy_seconds;
        self.peak_seconds += other.peak_seconds;
    }
}

/// 0 if no time was taken.
fn per_second(count: f64, time: Duration) -> f64 {
    if time.is_zero() { 0.0 } else { count / time.as_secs_f64() }
}

impl Profile {
    /// The most memory that one of the plans takes in a call.
    pub fn peak_bytes(&self) -> usize {
        self.plans.iter().map(|plan| plan.memory.bytes()).max().unwrap_or(0)
    }

    /// The mean time of a call.
    pub fn time_per_call(&self) -> Duration {
        per(self.time, self.calls)
    }

    /// A time as a share of that of all calls.
    pub fn share(&self, time: Duration) -> f64 {
        per_second(time.as_secs_f64(), self.time)
    }
}

impl StepProfile {
    /// What it is and what it computes, shortly: `product [60, 784] · [784, 500]: dot`.
    pub fn title(&self) -> String {
        format!("{} {}: {}", self.kind, self.shape, few(&self.ops))
    }
}

/// The first ops of several.
fn few(ops: &[&str]) -> String {
    const MOST: usize = 6;
    let more = if ops.len() > MOST { ", …" } else { "" };
    format!("{}{more}", ops[..ops.len().min(MOST)].join(", "))
}

/// A time by a count of calls.
fn per(time: Duration, calls: u64) -> Duration {
    if calls == 0 { Duration::ZERO } else { Duration::from_secs_f64(time.as_secs_f64() / calls as f64) }
}

impl Executable {
    /// A call that [`Frame::begin`] began is over, and its results are given.
    #[inline]
    pub fn finish(&self, frame: &mut Frame, has_succeeded: bool) {
        if frame.stopwatch.is_some() {
            self.record(frame, has_succeeded);
        }
    }

    fn record(&self, frame: &mut Frame, has_succeeded: bool) {
        let Frame { stopwatch: Some(stopwatch), plan, .. } = frame else { return };
        if std::mem::take(&mut stopwatch.is_running) {
            let over = has_succeeded.then(now);
            self.recorder.add(stopwatch, over, plan.as_deref(), &self.graph);
        }
    }

    /// What calls have cost so far.
    ///
    /// Measures the machine at the first question, in some hundredths of a second.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if calls are not measured.
    pub fn profile(&self) -> Result<Profile> {
        if self.options.watch != Watch::Profile {
            return Err(Error::new(ErrorKind::Config, "there is no profile of a function that is not in profile mode")
                .advise("freeze it with `Config { mode: Mode::Profile, .. }`, or run with DAMO_FLAGS=\"mode=profile\""));
        }
        Ok(self.recorder.report(&self.options))
    }

    /// Forgets what calls have cost so far.
    pub fn reset_profile(&self) {
        self.recorder.reset();
    }
}
