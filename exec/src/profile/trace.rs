//! The moments of calls, kept for a trace, and the trace: what Perfetto and Chrome's `about:tracing` show over time.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use super::json::Json;
use super::meter::Stopwatch;
use super::{Profile, StepProfile};

/// So many events are kept for the trace of a function, of whole calls, from the first on.
pub const MOST_EVENTS: usize = 1 << 16;

/// The moments of calls.
#[derive(Clone, Debug, Default)]
pub(super) struct Events {
    calls: Vec<Call>,
    /// For each call when it begins, enters, has its plan, is ready, when each step is done, and when the call is over.
    moments: Vec<u64>,
    /// The names of threads that have one.
    threads: BTreeMap<u32, String>,
    dropped: u64,
}

#[derive(Clone, Copy, Debug)]
struct Call {
    thread: u32,
    /// Its place among the plans.
    plan: Option<u32>,
    made_plan: bool,
    /// How many moments it has.
    moments: u32,
}

impl Events {
    /// Adds a call, if there is room for it.
    pub fn add(&mut self, watch: &Stopwatch, over: u64, plan: Option<usize>) {
        let count = watch.done.len() + 5;
        // After one that is left out none is kept: a trace has no holes.
        if self.dropped > 0 || self.moments.len() + count > MOST_EVENTS {
            self.dropped += 1;
            return;
        }
        let thread = number_of_thread();
        if let Some(name) = std::thread::current().name() {
            self.threads.entry(thread).or_insert_with(|| name.to_owned());
        }
        self.calls.push(Call { thread, plan: plan.map(|plan| plan as u32), made_plan: watch.made_plan, moments: count as u32 });
        self.moments.extend([watch.begun, watch.entered, watch.planned, watch.ready]);
        self.moments.extend_from_slice(&watch.done);
        self.moments.push(over);
    }

    /// How many calls were left out.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// A small number for this thread, which no other has.
fn number_of_thread() -> u32 {
    static THREADS: AtomicU32 = AtomicU32::new(1);
    thread_local! { static NUMBER: OnceCell<u32> = const { OnceCell::new() } }
    NUMBER.with(|number| *number.get_or_init(|| THREADS.fetch_add(1, Ordering::Relaxed)))
}

impl Profile {
    /// The calls over time as a trace of JSON events, for <https://ui.perfetto.dev> or Chrome's `about:tracing`.
    ///
    /// A call is an event on the thread that made it, and holds an event for each of its phases and steps; what other threads do for a step
    /// is within it. Times are counted from the first reading of the clock in this process, so that events of several functions fit together.
    /// At most [`MOST_EVENTS`] events are kept, of whole calls, from the first on; [`Profile::untraced_calls`] tells how many calls came later.
    /// To see others, reset the profile before them.
    pub fn to_chrome_trace(&self) -> String {
        let mut events = Vec::new();
        for (&thread, name) in &self.events.threads {
            let arguments = Json::Record(vec![("name", Json::text(name))]);
            events.push(event("thread_name", "M", thread, vec![("args", arguments)]));
        }
        let mut moments = &self.events.moments[..];
        let function = self.source.map_or_else(|| "call".to_owned(), |source| format!("call of {source}"));
        for call in &self.events.calls {
            let (own, others) = moments.split_at(call.moments as usize);
            moments = others;
            let [begun, entered, planned, ready, .., over] = own else { continue };
            let done = &own[4..own.len() - 1];
            let plan = call.plan.and_then(|plan| self.plans.get(plan as usize));
            let lengths = plan.map_or_else(Vec::new, |plan| plan.lengths.clone());
            let arguments = Json::Map(lengths.into_iter().map(|(name, length)| (name, Json::Number(length as f64))).collect());
            let mut add = |name: &str, from: u64, to: u64, arguments: Json| {
                let [from, to] = [from, to.max(from)].map(|nanoseconds| nanoseconds as f64 / 1e3);
                let fields = vec![("ts", Json::Number(from)), ("dur", Json::Number(to - from)), ("args", arguments)];
                events.push(event(name, "X", call.thread, fields));
            };
            let nothing = || Json::Record(Vec::new());
            add(&function, *begun, *over, arguments);
            if entered > begun {
                add("waiting", *begun, *entered, nothing());
            }
            add(if call.made_plan { "making a plan" } else { "finding the plan" }, *entered, *planned, nothing());
            add("preparing", *planned, *ready, nothing());
            let mut last = *ready;
            for (place, &moment) in done.iter().enumerate() {
                match plan.and_then(|plan| plan.steps.get(place)) {
                    Some(step) => add(&step.title(), last, moment, step_arguments(place, step)),
                    None => add("steps", last, moment, nothing()),
                }
                last = moment;
            }
            add("finishing", last, *over, nothing());
        }
        let json = Json::Record(vec![
            ("traceEvents", Json::List(events)),
            ("displayTimeUnit", Json::text("ns")),
            ("otherData", Json::Record(vec![("untraced_calls", Json::Count(self.untraced_calls))])),
        ]);
        json.to_string()
    }
}

fn event(name: &str, phase: &str, thread: u32, more: Vec<(&'static str, Json)>) -> Json {
    let mut fields = vec![
        ("name", Json::text(name)),
        ("ph", Json::text(phase)),
        ("pid", Json::Count(u64::from(std::process::id()))),
        ("tid", Json::Count(u64::from(thread))),
    ];
    fields.extend(more);
    Json::Record(fields)
}

fn step_arguments(place: usize, step: &StepProfile) -> Json {
    Json::Record(vec![
        ("step", Json::Count(place as u64)),
        ("kind", Json::text(step.kind)),
        ("shape", Json::text(&step.shape)),
        ("sources", Json::texts(&step.sources)),
    ])
}
