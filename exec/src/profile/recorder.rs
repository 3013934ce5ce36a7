//! What is added up over the calls of a function, from any number of threads.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use damo_graph::{Graph, Source};

use super::description::{Description, is_same_line};
use super::limits::Limits;
use super::meter::Stopwatch;
use super::trace::Events;
use super::{LineProfile, MOST_PLANS, Measure, Memory, Phases, PlanProfile, Profile, StepProfile};
use crate::executable::{Engine, Options, lock};
use crate::layout::Layout;
use crate::plan::Plan;

/// What is known of calls that are measured.
#[derive(Default)]
pub(crate) struct Recorder(Mutex<Record>);

#[derive(Clone, Default)]
struct Record {
    calls: u64,
    failed_calls: u64,
    plans_made: u64,
    phases: Phases,
    plans: Vec<PlanRecord>,
    unlisted_calls: u64,
    events: Events,
}

#[derive(Clone)]
struct PlanRecord {
    /// By these a plan is known: for the same graph and layouts it is the same.
    layouts: Vec<Layout>,
    lengths: Vec<(String, i64)>,
    memory: Memory,
    calls: u64,
    made: u64,
    making: Duration,
    time: Duration,
    steps: Vec<StepRecord>,
}

#[derive(Clone)]
struct StepRecord {
    description: Description,
    nanoseconds: u64,
    fastest: u64,
    parts: Vec<StepRecord>,
}

impl Recorder {
    /// A call is over, at that time if it has succeeded.
    pub fn add(&self, watch: &Stopwatch, over: Option<u64>, plan: Option<&Plan>, graph: &Graph) {
        let mut record = lock(&self.0);
        let Some(over) = over else {
            record.failed_calls += 1;
            return;
        };
        let phases = phases(watch, over);
        record.calls += 1;
        record.plans_made += u64::from(watch.made_plan);
        record.phases += phases;
        let at = plan.and_then(|plan| record.place(plan, graph));
        if let Some(at) = at {
            record.plans[at].add(watch, over, phases.making);
        } else if plan.is_some() {
            record.unlisted_calls += 1;
        }
        record.events.add(watch, over, at);
    }

    /// Forgets all.
    pub fn reset(&self) {
        *lock(&self.0) = Record::default();
    }

    /// What is known so far.
    pub fn report(&self, options: &Options) -> Profile {
        let Record { calls, failed_calls, plans_made, phases, plans, unlisted_calls, events } = lock(&self.0).clone();
        let limits = Limits::on(options.threads);
        let engine = match (options.engine, options.machine_code()) {
            (Engine::Native, Some(set)) if set.is_available() => format!("native engine, {set}"),
            (Engine::Native | Engine::Portable, _) => "portable engine".to_owned(),
            (Engine::Reference, _) => "reference engine, which has no steps".to_owned(),
        };
        Profile {
            source: None,
            engine,
            threads: options.threads,
            calls,
            failed_calls,
            plans_found: if options.engine == Engine::Reference { 0 } else { calls - plans_made },
            plans_made,
            time: phases.named().iter().map(|(_, time)| *time).sum(),
            phases,
            passes: Vec::new(),
            lines: lines(&plans, &limits),
            plans: plans.iter().map(|plan| plan.report(&limits)).collect(),
            unlisted_calls,
            untraced_calls: events.dropped(),
            limits,
            events,
        }
    }
}

fn phases(watch: &Stopwatch, over: u64) -> Phases {
    let between = |from: u64, to: u64| Duration::from_nanos(to.saturating_sub(from));
    let planning = between(watch.entered, watch.planned);
    let (finding, making) = if watch.made_plan { (Duration::ZERO, planning) } else { (planning, Duration::ZERO) };
    Phases {
        waiting: between(watch.begun, watch.entered),
        finding,
        making,
        preparing: between(watch.planned, watch.ready),
        steps: between(watch.ready, watch.last()),
        finishing: between(watch.last(), over),
    }
}

impl Record {
    /// The place of a plan among those that are listed, if there is room for it.
    fn place(&mut self, plan: &Plan, graph: &Graph) -> Option<usize> {
        let known = self.plans.iter().position(|known| known.layouts == plan.layouts);
        if known.is_none() && self.plans.len() < MOST_PLANS {
            self.plans.push(PlanRecord::new(plan, graph));
            return Some(self.plans.len() - 1);
        }
        known
    }
}

impl PlanRecord {
    fn new(plan: &Plan, graph: &Graph) -> PlanRecord {
        let steps = plan.steps().iter().map(|planned| {
            let parts = Description::of_parts(planned, plan, graph).into_iter().map(|part| StepRecord::new(part, Vec::new()));
            StepRecord::new(Description::of(planned, plan, graph), parts.collect())
        });
        let results = plan.outputs.iter().map(|(dtype, shape)| dtype.size() * shape.iter().product::<usize>());
        PlanRecord {
            layouts: plan.layouts.clone(),
            lengths: plan.sizes.iter().map(|(symbol, length)| (symbol.to_string(), length)).collect(),
            memory: Memory { arena: plan.arena_bytes(), arena_bound: plan.lower_bound_bytes(), scratch: plan.scratch_bytes, results: results.sum() },
            calls: 0,
            made: 0,
            making: Duration::ZERO,
            time: Duration::ZERO,
            steps: steps.collect(),
        }
    }

    fn add(&mut self, watch: &Stopwatch, over: u64, making: Duration) {
        self.calls += 1;
        self.time += Duration::from_nanos(over.saturating_sub(watch.begun));
        self.made += u64::from(watch.made_plan);
        self.making += making;
        let mut last = watch.ready;
        for (at, (step, &done)) in self.steps.iter_mut().zip(&watch.done).enumerate() {
            let nanoseconds = done.saturating_sub(last);
            step.add(nanoseconds);
            // The nests' times are those of all threads together; the step's is divided likewise.
            let sum: u64 = watch.nanoseconds(at).sum();
            for (part, own) in step.parts.iter_mut().zip(watch.nanoseconds(at)) {
                part.add((u128::from(nanoseconds) * u128::from(own) / u128::from(sum.max(1))) as u64);
            }
            last = done;
        }
    }

    fn report(&self, limits: &Limits) -> PlanProfile {
        let PlanRecord { lengths, memory, calls, made, making, time, steps, .. } = self.clone();
        PlanProfile { lengths, calls, made, making, time, memory, steps: steps.iter().map(|step| step.report(calls, limits)).collect() }
    }
}

impl StepRecord {
    const fn new(description: Description, parts: Vec<StepRecord>) -> StepRecord {
        StepRecord { description, nanoseconds: 0, fastest: u64::MAX, parts }
    }

    const fn add(&mut self, nanoseconds: u64) {
        self.nanoseconds += nanoseconds;
        if nanoseconds < self.fastest {
            self.fastest = nanoseconds;
        }
    }

    fn measure(&self, calls: u64, limits: &Limits) -> Measure {
        let (work, count) = (self.description.work, calls as f64);
        let bytes = work.bytes_read + work.bytes_written;
        Measure {
            calls,
            time: Duration::from_nanos(self.nanoseconds),
            bytes_read: work.bytes_read * count,
            bytes_written: work.bytes_written * count,
            flops: work.flops * count,
            copy_seconds: bytes / limits.bandwidth(bytes) * count,
            peak_seconds: work.flops / limits.flops(work.is_double) * count,
        }
    }

    fn report(&self, calls: u64, limits: &Limits) -> StepProfile {
        let Description { kind, shape, ops, lines, .. } = self.description.clone();
        StepProfile {
            kind,
            shape,
            ops,
            sources: lines.iter().filter_map(|line| line.source).collect(),
            measure: self.measure(calls, limits),
            fastest: Duration::from_nanos(if calls == 0 { 0 } else { self.fastest }),
            parts: self.parts.iter().map(|part| part.report(calls, limits)).collect(),
        }
    }

    /// What of the step each line is: its nests by their times, and these by what their nodes cost.
    fn shares(&self) -> Vec<(Option<Source>, f64, &[&'static str])> {
        let sum: u64 = self.parts.iter().map(|part| part.nanoseconds).sum();
        if sum == 0 {
            return self.description.shares(1.0).collect();
        }
        self.parts.iter().flat_map(|part| part.description.shares(part.nanoseconds as f64 / sum as f64)).collect()
    }
}

/// What each of the user's lines costs, the most expensive first.
fn lines(plans: &[PlanRecord], limits: &Limits) -> Vec<LineProfile> {
    let mut lines: Vec<LineProfile> = Vec::new();
    for plan in plans {
        let mut seen: BTreeSet<usize> = BTreeSet::new();
        for step in &plan.steps {
            let whole = step.measure(plan.calls, limits);
            let mut of_step: BTreeSet<usize> = BTreeSet::new();
            for (source, share, ops) in step.shares() {
                let place = lines.iter().position(|line| is_same_line(line.source, source)).unwrap_or_else(|| {
                    lines.push(LineProfile { source, ops: Vec::new(), steps: 0, measure: Measure::default() });
                    lines.len() - 1
                });
                let line = &mut lines[place];
                line.measure.add(&whole.share(share));
                line.measure.calls += if seen.insert(place) { plan.calls } else { 0 };
                line.steps += usize::from(of_step.insert(place));
                line.ops.extend(ops.iter().filter(|op| !line.ops.contains(op)).copied().collect::<Vec<_>>());
            }
        }
    }
    lines.sort_by_key(|line| std::cmp::Reverse(line.measure.time));
    lines
}
