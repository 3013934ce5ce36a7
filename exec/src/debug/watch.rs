//! A call under watch: the real plan on memory of the debugger's own, every step checked when it has run.

use std::collections::{BTreeMap, BTreeSet};

use damo_graph::{AnyArray, DType, ErrorKind, Graph, Problem, Result, Value};

use super::bounds::Against;
use super::finding::{Difference, Finding, Place, Repetition};
use super::memory::{Changed, Memory};
use super::reproducer::Case;
use super::step::{Meanings, place_of};
use crate::layout::Layout;
use crate::run::{Call, read};
use crate::step::{Place as Spot, Step, View};

/// Runs a plan and looks at everything it does. Gives the results, and what was found.
///
/// # Errors
///
/// Those of an op, as in any call.
pub(crate) fn watch(call: &Call<'_>, layouts: &[Layout], cuts_down: bool) -> Result<(Vec<AnyArray>, Vec<Finding>)> {
    let lost = |problem: Problem| problem.titled("a call under watch failed");
    let mut memory = Memory::new(call.plan, call.inputs, layouts).map_err(lost)?;
    let mut watch = Watch::new(call, cuts_down);
    for at in 0..call.plan.steps().len() {
        watch.before(at, &memory);
        {
            let (regions, scratch) = memory.regions(call.plan).map_err(lost)?;
            let step = &call.plan.steps()[at];
            call.step(at, &regions, scratch, None).map_err(|problem| call.blame(step, problem))?;
        }
        #[cfg(feature = "faults")]
        call.hooks.writes(at, call.plan).into_iter().for_each(|write| memory.write(call.plan, write));
        watch.after(at, &mut memory)?;
    }
    let mut results = Vec::with_capacity(call.plan.outputs.len());
    for (place, (dtype, shape)) in call.plan.outputs.iter().enumerate() {
        let layout = Layout::contiguous(shape);
        let region = memory.output(place).ok_or_else(|| damo_graph::Error::new(ErrorKind::Execution, "an output has no memory"))?;
        let view = View { buffer: crate::nest::BufferId(0), dtype: *dtype, layout };
        results.push(read(&view, &[region]).map_err(lost)?);
        if memory.output_has_poison(place, *dtype) {
            let at = call.graph.outputs().get(place).map_or_else(Place::default, |&value| place_of(call.graph, value, None));
            watch.findings.push(Finding::UnwrittenRead { place: at, what: format!("output {place}") });
        }
    }
    Ok((results, watch.findings))
}

struct Watch<'a> {
    call: &'a Call<'a>,
    graph: &'a Graph,
    /// The engine's own values, as steps gave them.
    known: BTreeMap<Value, AnyArray>,
    /// The steps at which each buffer is used first and last.
    lives: Vec<Option<(usize, usize)>>,
    /// The step that completes each buffer.
    completed_at: Vec<Option<usize>>,
    cuts_down: bool,
    findings: Vec<Finding>,
}

impl<'a> Watch<'a> {
    fn new(call: &'a Call<'a>, cuts_down: bool) -> Self {
        let graph = call.graph;
        let mut known = BTreeMap::new();
        for (&node, array) in graph.inputs().iter().zip(call.inputs.iter()) {
            known.insert(Value::from(node), array.to_any());
        }
        let mut completed_at = vec![None; call.plan.buffers().len()];
        for (at, step) in call.plan.steps().iter().enumerate() {
            step.step.writes().iter().for_each(|buffer| completed_at[buffer.index()] = Some(at));
        }
        Watch { call, graph, known, lives: call.plan.lives(), completed_at, cuts_down, findings: Vec::new() }
    }

    fn place(&self, at: usize) -> Place {
        let step = &self.call.plan.steps()[at];
        step.nodes.last().map_or_else(|| Place { step: Some(at), ..Place::default() }, |&node| place_of(self.graph, node.into(), Some(at)))
    }

    fn before(&mut self, at: usize, memory: &Memory) {
        let plan = self.call.plan;
        let mut read: Vec<usize> = plan.steps()[at].step.reads().iter().map(|buffer| buffer.index()).collect();
        read.sort_unstable();
        read.dedup();
        for buffer in read {
            if matches!(plan.buffers()[buffer].place, Spot::Arena { .. } | Spot::Output(_)) && memory.has_poison(plan, buffer) {
                let what = self.value_in(buffer).map_or_else(|| format!("buffer %{buffer}"), |value| format!("`{}`", self.graph.formula(value)));
                self.findings.push(Finding::UnwrittenRead { place: self.place(at), what });
            }
        }
    }

    /// A value that lies in a buffer.
    fn value_in(&self, buffer: usize) -> Option<Value> {
        self.call.plan.values.iter().find(|(_, view)| view.buffer.index() == buffer).map(|(value, _)| *value)
    }

    fn after(&mut self, at: usize, memory: &mut Memory) -> Result<()> {
        let plan = self.call.plan;
        let written: Vec<usize> = plan.steps()[at].step.writes().iter().map(|buffer| buffer.index()).collect();
        // What later steps read as it is, or as an earlier step has left it.
        let needed: Vec<usize> = (0..self.lives.len())
            .filter(|id| self.lives[*id].is_some_and(|(first, last)| first < at && last > at) && !written.contains(id))
            .collect();
        if let Some((changed, byte)) = memory.changed_outside(plan, &written, &needed) {
            let victim = self.victim(memory, changed, byte, at);
            self.findings.push(Finding::MemoryChanged { place: self.place(at), victim });
        }
        self.check_values(at, &written, memory)?;
        self.give_up(at, memory);
        Ok(())
    }

    /// Whose memory a byte is.
    fn victim(&self, memory: &Memory, changed: Changed, byte: isize, at: usize) -> String {
        let is_inside = memory.is_inside(changed, byte);
        let whole = |what: String| if is_inside { what } else { format!("memory beside {what}") };
        match changed {
            Changed::Input(input) => {
                let name = self.graph.inputs().get(input).and_then(|&node| self.graph.input(node)).map_or("?", |input| input.name.as_str());
                whole(format!("the input `{name}`"))
            }
            Changed::Constant(constant) => whole(match self.value_at(Spot::Constant(constant)) {
                Some(value) => format!("the constant `{}`", self.graph.formula(value)),
                None => "a constant".into(),
            }),
            Changed::Output(output) => match self.graph.outputs().get(output) {
                Some(&value) => whole(format!("output {output}, `{}`", self.graph.formula(value))),
                None => whole(format!("output {output}")),
            },
            Changed::Arena => {
                let mut distance = usize::MAX;
                let (mut owner, mut neighbour) = (None, None);
                for (id, buffer) in self.call.plan.buffers().iter().enumerate() {
                    let Spot::Arena { offset } = buffer.place else { continue };
                    let (start, end) = (offset as isize, (offset + buffer.bytes) as isize);
                    let is_alive = self.lives[id].is_some_and(|(first, last)| first <= at && at <= last);
                    if is_alive && (start..end).contains(&byte) {
                        owner = owner.or(Some(id));
                    } else if byte >= end && byte.abs_diff(end) < distance {
                        (distance, neighbour) = (byte.abs_diff(end), Some(id));
                    }
                }
                let formula =
                    |id: usize| self.value_in(id).map_or_else(|| format!("buffer %{id}"), |value| format!("`{}`", self.graph.formula(value)));
                match (owner, neighbour) {
                    (Some(owner), _) => format!("the value {}, which is still needed", formula(owner)),
                    (None, Some(neighbour)) => format!("memory behind {}, which belongs to nobody", formula(neighbour)),
                    (None, None) => "memory that belongs to nobody".into(),
                }
            }
        }
    }

    /// A value that lies in memory of that place.
    fn value_at(&self, place: Spot) -> Option<Value> {
        self.call.plan.buffers().iter().position(|buffer| buffer.place == place).and_then(|buffer| self.value_in(buffer))
    }

    /// Compares the values that a step completed with their meanings.
    fn check_values(&mut self, at: usize, written: &[usize], memory: &mut Memory) -> Result<()> {
        let plan = self.call.plan;
        let written: BTreeSet<usize> = written.iter().copied().filter(|&buffer| self.completed_at[buffer] == Some(at)).collect();
        let nodes: BTreeSet<damo_graph::NodeId> = plan
            .steps()
            .iter()
            .filter(|step| step.step.writes().iter().any(|buffer| written.contains(&buffer.index())))
            .flat_map(|step| step.nodes.iter().copied())
            .collect();
        let views: Vec<(Value, View)> =
            plan.values.iter().filter(|(value, view)| written.contains(&view.buffer.index()) && nodes.contains(&value.node)).cloned().collect();
        if views.is_empty() {
            return Ok(());
        }
        let mut found: Vec<(Value, AnyArray)> = Vec::with_capacity(views.len());
        {
            let (regions, _) = memory.regions(plan).map_err(|problem| problem.titled("a call under watch failed"))?;
            for (value, view) in views {
                if view.dtype == DType::Bool {
                    let bytes =
                        read(&View { dtype: DType::U8, ..view.clone() }, &regions).map_err(|problem| self.graph.blame_node(value.node, problem))?;
                    if bytes.to_integers().iter().any(|&byte| byte > 1) {
                        self.findings.push(Finding::NotAnElement { place: place_of(self.graph, value, Some(at)) });
                        found.push((value, bytes.cast(DType::Bool)));
                        continue;
                    }
                }
                found.push((value, read(&view, &regions).map_err(|problem| self.graph.blame_node(value.node, problem))?));
            }
        }
        let mut wrong = Vec::new();
        {
            let mut meanings = Meanings::new(self.graph, &plan.sizes, &self.known, Against::Engine);
            for (value, array) in &found {
                if let Some(difference) = meanings.difference(*value, array).map_err(|problem| self.graph.blame_node(value.node, problem))? {
                    wrong.push((*value, difference));
                }
            }
        }
        for (value, difference) in wrong {
            let reproducer = if self.cuts_down { self.reproducer(value) } else { None };
            if matches!(self.graph.op(value), damo_graph::Op::Custom(_)) && matches!(plan.steps()[at].step, Step::Reference(_)) {
                // The step is the op's own meaning, so that only the op can have changed its mind.
                let place = place_of(self.graph, value, Some(at));
                self.findings.push(Finding::NotRepeatable { what: Repetition::Op, place, how: first_lines(&difference) });
                continue;
            }
            let step = plan.steps()[at].step.kind();
            self.findings.push(Finding::WrongValue { place: place_of(self.graph, value, Some(at)), step, difference, reproducer });
        }
        self.known.extend(found);
        Ok(())
    }

    /// The case of a wrong value, cut down.
    fn reproducer(&self, value: Value) -> Option<Box<super::reproducer::Reproducer>> {
        let case = Case::of(self.graph, &self.call.plan.sizes, &self.known, &[value])?;
        let shows = |case: &Case| super::shows_wrong_value(case, self.call.hooks);
        if !shows(&case) {
            return None;
        }
        Some(Box::new(case.cut_down(&shows).reproducer()))
    }

    /// Poisons what no later step needs.
    fn give_up(&self, at: usize, memory: &mut Memory) {
        let plan = self.call.plan;
        let needed: Vec<usize> = (0..self.lives.len()).filter(|&id| self.lives[id].is_some_and(|(first, last)| first <= at && last > at)).collect();
        for id in 0..self.lives.len() {
            let dies = self.lives[id].is_some_and(|(_, last)| last == at);
            if dies && matches!(plan.buffers()[id].place, Spot::Arena { .. }) {
                memory.give_up(plan, id, &needed);
            }
        }
    }
}

/// The worst element, without a verdict.
fn first_lines(difference: &Difference) -> String {
    let Difference { element, expected, found, count, .. } = difference;
    format!("element {element:?} is {found:?} and then {expected:?}; {count} elements differ")
}
