//! How much work a step is: the bytes that it must move and its operations, counted from the plan.
//!
//! A function counts as many operations as additions that it costs by its line in the table of ops; a product of matrices `2 m k n`. Bytes are
//! those of the distinct elements that a step reads and writes, whatever cache they lie in; what the nests of a band hand on to each other
//! is no work of the step.

#![expect(clippy::wildcard_enum_match_arm, reason = "few ops cost more than their elements")]

use std::collections::{BTreeMap, BTreeSet};

use damo_graph::op::Op;
use damo_graph::op::scalar::EXP;
use damo_graph::{DType, Graph, NodeId, Sizes, Type};

use crate::bands::Bands;
use crate::nest::{Access, BufferId, Instruction, Nest};
use crate::plan::{Plan, PlannedStep};
use crate::sliding::{Convolution, Pooling};
use crate::step::{BatchAxis, Contraction, Matrix, Row, RowFunction, Step, View};

/// The work of one run of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Work {
    pub bytes_read: f64,
    pub bytes_written: f64,
    pub flops: f64,
    /// Whether they are operations on numbers of 64 bits.
    pub is_double: bool,
}

impl Work {
    /// The work of a step of a plan.
    pub fn of(planned: &PlannedStep, plan: &Plan, graph: &Graph) -> Work {
        match &planned.step {
            Step::Nest(nest) => Work::of_nest(nest, plan),
            Step::Bands(bands) => of_bands(bands, plan),
            Step::Contract(product) => of_product(product),
            Step::Row(row) => of_row(row),
            Step::Pick(pick) => Work::moving(&[&pick.indices, &pick.out], &[&pick.out], 0.0),
            Step::ScatterAdd(pick) => Work::moving(&[&pick.data, &pick.indices], &[&pick.out], pick.data.layout.count() as f64),
            Step::Convolve(convolution) => of_convolution(convolution),
            Step::Pool(pooling) => of_pooling(pooling),
            Step::Reference(reference) => {
                let (inputs, outputs): (Vec<&View>, Vec<&View>) = (reference.inputs.iter().collect(), reference.outputs.iter().collect());
                Work::moving(&inputs, &outputs, planned.nodes.iter().map(|&node| cost(graph, &plan.sizes, node)).sum())
            }
        }
    }

    /// The work of a nest.
    pub fn of_nest(nest: &Nest, plan: &Plan) -> Work {
        let of_body = nest.body.iter().map(|instruction| match instruction {
            Instruction::Apply { scalar, .. } => f64::from(scalar.cost),
            Instruction::Load(_) | Instruction::Constant(..) | Instruction::Index { .. } | Instruction::Cast { .. } => 0.0,
        });
        Work {
            bytes_read: bytes(nest.operands.iter().map(|access| (access, &nest.shape[..])), plan),
            bytes_written: bytes(nest.written().map(|access| (access, &nest.shape[..])), plan),
            flops: (of_body.sum::<f64>() + nest.reductions.len() as f64) * nest.count() as f64,
            is_double: (0..nest.body.len()).any(|register| nest.dtype(register) == DType::F64),
        }
    }

    /// The work of a step on views.
    fn moving(read: &[&View], written: &[&View], flops: f64) -> Work {
        let bytes = |views: &[&View]| views.iter().map(|view| spread(&view.layout.shape, &view.layout.strides) * view.dtype.size() as f64).sum();
        let is_double = written.iter().any(|view| view.dtype == DType::F64);
        Work { bytes_read: bytes(read), bytes_written: bytes(written), flops, is_double }
    }
}

/// How many distinct elements loops of these lengths lead to, if no two steps along different loops meet.
fn spread(lengths: &[usize], strides: &[isize]) -> f64 {
    lengths.iter().zip(strides).filter(|(_, stride)| **stride != 0).map(|(&length, _)| length as f64).product()
}

/// The bytes of the elements that accesses lead to: at most those of their buffers.
fn bytes<'a>(accesses: impl Iterator<Item = (&'a Access, &'a [usize])>, plan: &Plan) -> f64 {
    let mut seen: BTreeSet<(BufferId, isize, &[isize])> = BTreeSet::new();
    let mut of_buffer: BTreeMap<BufferId, f64> = BTreeMap::new();
    for (access, shape) in accesses {
        if seen.insert((access.buffer, access.offset, &access.strides)) {
            *of_buffer.entry(access.buffer).or_default() += spread(shape, &access.strides) * access.dtype.size() as f64;
        }
    }
    let most = |buffer: BufferId| plan.buffers().get(buffer.index()).map_or(f64::INFINITY, |buffer| buffer.bytes as f64);
    of_buffer.into_iter().map(|(buffer, bytes)| bytes.min(most(buffer))).sum()
}

/// The nests together, without what they hand on to each other.
fn of_bands(bands: &Bands, plan: &Plan) -> Work {
    let (reads, writes): (BTreeSet<BufferId>, BTreeSet<BufferId>) = (bands.reads().into_iter().collect(), bands.writes().into_iter().collect());
    let accesses = || bands.nests.iter().flat_map(|member| member.nest.accesses().map(|access| (access, &member.nest.shape[..])));
    let of_nests: Vec<Work> = bands.nests.iter().map(|member| Work::of_nest(&member.nest, plan)).collect();
    Work {
        bytes_read: bytes(accesses().filter(|(access, _)| reads.contains(&access.buffer)), plan),
        bytes_written: bytes(accesses().filter(|(access, _)| writes.contains(&access.buffer)), plan),
        flops: of_nests.iter().map(|work| work.flops).sum(),
        is_double: of_nests.iter().any(|work| work.is_double),
    }
}

fn of_product(product: &Contraction) -> Work {
    let Contraction { m, k, n, .. } = *product;
    let size = product.dtype.size() as f64;
    let bytes = |matrix: &Matrix, lengths: [usize; 2], along: fn(&BatchAxis) -> isize| {
        let (mut lengths, mut strides) = (lengths.to_vec(), vec![matrix.rows, matrix.columns]);
        lengths.extend(product.batch.iter().map(|axis| axis.length));
        strides.extend(product.batch.iter().map(along));
        spread(&lengths, &strides) * size
    };
    let addend = product.addend.map_or(0.0, |addend| bytes(&addend.matrix, [m, n], |axis| axis.addend));
    let count = product.batch.iter().map(|axis| axis.length as f64).product::<f64>();
    Work {
        bytes_read: bytes(&product.left, [m, k], |axis| axis.left) + bytes(&product.right, [k, n], |axis| axis.right) + addend,
        bytes_written: bytes(&product.out, [m, n], |axis| axis.out),
        flops: 2.0 * count * m as f64 * k as f64 * n as f64,
        is_double: product.dtype == DType::F64,
    }
}

fn of_row(row: &Row) -> Work {
    let rows = row.outer.iter().map(|&length| length as f64).product::<f64>();
    let elements = rows * row.length as f64;
    let each = match row.function {
        RowFunction::ArgMax | RowFunction::ArgMin | RowFunction::Product => 1.0,
        RowFunction::Norm => 2.0,
        RowFunction::ProductOfOthers => 3.0,
    };
    let results = if row.function.keeps_row() { elements } else { rows };
    let size = row.dtype.size() as f64;
    Work { bytes_read: elements * size, bytes_written: results * size, flops: each * elements, is_double: row.dtype == DType::F64 }
}

fn of_convolution(convolution: &Convolution) -> Work {
    let sums = convolution.batch() * convolution.groups * convolution.outputs() * convolution.windows();
    let flops = 2.0 * sums as f64 * convolution.channels() as f64 * convolution.taps() as f64;
    Work::moving(&[&convolution.input, &convolution.filter], &[&convolution.out], flops)
}

fn of_pooling(pooling: &Pooling) -> Work {
    let windows: f64 = pooling.slides.iter().map(|slide| (slide.taps * slide.count) as f64).product();
    let read: Vec<&View> = std::iter::once(&pooling.input).chain(&pooling.given).collect();
    Work::moving(&read, &[&pooling.out], pooling.rows as f64 * windows)
}

/// About how much a node costs, in additions: by this the time of a step is divided among the lines that its nodes come from.
pub(crate) fn cost(graph: &Graph, sizes: &Sizes, node: NodeId) -> f64 {
    let count = |ty: &Type| sizes.shape(&ty.dims).map_or(0.0, |shape| shape.iter().map(|&length| length as f64).product());
    let node = graph.node(node);
    let made: f64 = node.types().iter().map(count).sum();
    let read: f64 = node.inputs().iter().map(|&value| count(graph.ty(value))).fold(0.0, f64::max);
    let shape_of = |input: usize| node.inputs().get(input).and_then(|&value| sizes.shape(&graph.ty(value).dims).ok()).unwrap_or_default();
    match node.op() {
        Op::Pointwise(pointwise) => made * f64::from(pointwise.0.cost.max(1)),
        Op::Dot(dot) => {
            let left = shape_of(0);
            2.0 * made * dot.contract.iter().filter_map(|&(axis, _)| left.get(axis)).map(|&length| length as f64).product::<f64>()
        }
        Op::Conv(_) => 2.0 * made * shape_of(1).iter().skip(1).map(|&length| length as f64).product::<f64>(),
        Op::LogSumExp(_) | Op::Softmax(_) | Op::LogSoftmax(_) => read * f64::from(EXP.cost),
        _ => made.max(read),
    }
}
