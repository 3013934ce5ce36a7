//! What a step is, in words: its kind, lengths and ops, and the user's lines that it computes.

use damo_graph::{Graph, NodeId, Source};

use super::work::{Work, cost};
use crate::explain::name;
use crate::nest::Nest;
use crate::plan::{Plan, PlannedStep};
use crate::step::{Contraction, Step};

/// What there is to say of a step, or of a nest of a step that runs in bands.
#[derive(Clone, Debug)]
pub(crate) struct Description {
    pub kind: &'static str,
    pub shape: String,
    pub ops: Vec<&'static str>,
    pub lines: Vec<LineShare>,
    pub work: Work,
}

/// A line's share of a step.
#[derive(Clone, Debug)]
pub(crate) struct LineShare {
    /// None stands for nodes that no line of the user's stands for.
    pub source: Option<Source>,
    pub share: f64,
    pub ops: Vec<&'static str>,
}

impl Description {
    /// A step of a plan.
    pub fn of(planned: &PlannedStep, plan: &Plan, graph: &Graph) -> Description {
        Description {
            kind: planned.step.kind(),
            shape: shape_of(&planned.step),
            ops: ops_of(graph, &planned.nodes),
            lines: lines_of(graph, plan, &planned.nodes),
            work: Work::of(planned, plan, graph),
        }
    }

    /// What of a whole each line is, if this is such a share of it.
    pub fn shares(&self, of: f64) -> impl Iterator<Item = (Option<Source>, f64, &[&'static str])> {
        self.lines.iter().map(move |line| (line.source, of * line.share, &line.ops[..]))
    }

    /// The nests of a step that runs in bands.
    pub fn of_parts(planned: &PlannedStep, plan: &Plan, graph: &Graph) -> Vec<Description> {
        let Step::Bands(bands) = &planned.step else { return Vec::new() };
        let parts = bands.nests.iter().map(|member| Description {
            kind: "nest",
            shape: shape_of_nest(&member.nest),
            ops: ops_of(graph, &member.nodes),
            lines: lines_of(graph, plan, &member.nodes),
            work: Work::of_nest(&member.nest, plan),
        });
        parts.collect()
    }
}

fn ops_of(graph: &Graph, nodes: &[NodeId]) -> Vec<&'static str> {
    let mut ops = Vec::new();
    for op in nodes.iter().map(|&node| name(graph, node)) {
        if !ops.contains(&op) {
            ops.push(op);
        }
    }
    ops
}

/// Divides nodes among the user's lines, by what they cost.
fn lines_of(graph: &Graph, plan: &Plan, nodes: &[NodeId]) -> Vec<LineShare> {
    let mut lines: Vec<LineShare> = Vec::new();
    for &node in nodes {
        let (source, weight) = (graph.node(node).provenance().source, cost(graph, &plan.sizes, node));
        let op = name(graph, node);
        match lines.iter_mut().find(|line| is_same_line(line.source, source)) {
            Some(line) => {
                line.share += weight;
                if !line.ops.contains(&op) {
                    line.ops.push(op);
                }
            }
            None => lines.push(LineShare { source, share: weight, ops: vec![op] }),
        }
    }
    let (sum, count) = (lines.iter().map(|line| line.share).sum::<f64>(), lines.len() as f64);
    for line in &mut lines {
        line.share = if sum > 0.0 { line.share / sum } else { 1.0 / count };
    }
    lines
}

/// Whether two places are on one line.
pub(crate) fn is_same_line(one: Option<Source>, other: Option<Source>) -> bool {
    one.map(|source| (source.file, source.line)) == other.map(|source| (source.file, source.line))
}

fn shape_of(step: &Step) -> String {
    match step {
        Step::Nest(nest) => shape_of_nest(nest),
        Step::Bands(bands) => format!("{} of {}", bands.count(), bands.band),
        Step::Contract(product) => shape_of_product(product),
        Step::Row(row) => format!("{:?} of {}", row.outer.as_slice(), row.length),
        Step::Pick(pick) | Step::ScatterAdd(pick) => format!("{:?}", pick.out.layout.shape.as_slice()),
        Step::Convolve(convolution) => format!("{:?} * {:?}", convolution.input.layout.shape.as_slice(), convolution.filter.layout.shape.as_slice()),
        Step::Pool(pooling) => format!("{:?}", pooling.input.layout.shape.as_slice()),
        Step::Reference(reference) => reference.outputs.first().map_or_else(String::new, |view| format!("{:?}", view.layout.shape.as_slice())),
    }
}

fn shape_of_nest(nest: &Nest) -> String {
    format!("{:?}", nest.shape.as_slice())
}

fn shape_of_product(product: &Contraction) -> String {
    let Contraction { m, k, n, .. } = product;
    let count: usize = product.batch.iter().map(|axis| axis.length).product();
    let times = if count == 1 { String::new() } else { format!("{count} of ") };
    format!("{times}[{m}, {k}] · [{k}, {n}]")
}
