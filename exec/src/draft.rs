//! A plan in the making: steps on buffers that have no place in memory yet.

use std::collections::BTreeSet;

use damo_graph::{AnyArray, DType, NodeId, Problem};
use smallvec::{SmallVec, smallvec};

use crate::layout::Layout;
use crate::nest::{Access, BufferId, Nest, Store};
use crate::step::{Step, View};

/// Where the memory of a buffer will come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The array given for that input.
    Input(usize),
    /// A literal array, by its place in [`Draft::constants`].
    Constant(usize),
    /// The array of that output.
    Output(usize),
    /// The arena.
    Temporary,
}

/// A buffer without a place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DraftBuffer {
    pub dtype: DType,
    /// How many elements.
    pub count: usize,
    pub origin: Origin,
    /// Whether several steps write it, each its own part, so that their order does not matter.
    pub in_parts: bool,
}

/// A step, and the nodes of the graph it computes.
#[derive(Clone, Debug)]
pub(crate) struct DraftStep {
    pub step: Step,
    pub nodes: SmallVec<[NodeId; 2]>,
}

/// Steps in an order that works, and the buffers they use.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft {
    pub buffers: Vec<DraftBuffer>,
    pub constants: Vec<AnyArray>,
    pub steps: Vec<DraftStep>,
}

impl Draft {
    /// A new buffer of so many elements.
    pub fn buffer(&mut self, dtype: DType, count: usize, origin: Origin) -> BufferId {
        let id = BufferId(self.buffers.len() as u32);
        self.buffers.push(DraftBuffer { dtype, count, origin, in_parts: false });
        id
    }

    /// A new array in the arena, in row-major order.
    pub fn temporary(&mut self, dtype: DType, shape: &[usize]) -> Result<View, Problem> {
        let layout = Layout::contiguous(shape);
        let buffer = self.buffer(dtype, element_count(shape, dtype)?, Origin::Temporary);
        Ok(View { buffer, dtype, layout })
    }

    /// Adds a step at the end. A step that does nothing is left out.
    pub fn push(&mut self, step: Step, nodes: &[NodeId]) {
        let idle = match &step {
            Step::Nest(nest) => nest.count() == 0 && nest.reductions.is_empty(),
            Step::Contract(product) => product.m == 0 || product.n == 0 || product.batch.iter().any(|axis| axis.length == 0),
            Step::Row(row) => row.outer.contains(&0) || row.function.keeps_row() && row.length == 0,
            Step::Pick(pick) | Step::ScatterAdd(pick) => pick.out.layout.count() == 0 && pick.indices.layout.count() == 0,
            Step::Convolve(convolution) => convolution.out.layout.count() == 0,
            Step::Pool(pooling) => pooling.out.layout.count() == 0,
            Step::Bands(_) | Step::Reference(_) => false,
        };
        if !idle {
            self.steps.push(DraftStep { step, nodes: nodes.into() });
        }
    }

    /// Adds a nest that copies one view to another of the same shape.
    pub fn copy(&mut self, from: &View, to: &View, nodes: &[NodeId]) {
        let nest = Nest {
            shape: to.layout.shape.clone(),
            operands: vec![Access::of(from.buffer, from.dtype, &from.layout)],
            body: vec![crate::nest::Instruction::Load(0)],
            stores: vec![Store { value: 0, to: Access::of(to.buffer, to.dtype, &to.layout) }],
            reductions: Vec::new(),
        };
        self.push(Step::Nest(nest), nodes);
    }
}

/// How many elements an array has; a problem if it could not be held in memory.
pub(crate) fn element_count(shape: &[usize], dtype: DType) -> Result<usize, Problem> {
    let count = shape.iter().try_fold(1usize, |count, &length| count.checked_mul(length));
    let fits = |count: &usize| count.checked_mul(dtype.size()).is_some_and(|bytes| isize::try_from(bytes).is_ok());
    // A length of 0 makes an empty array however long the others are.
    if shape.contains(&0) {
        return Ok(0);
    }
    count.filter(fits).ok_or_else(|| {
        Problem::new(damo_graph::ErrorKind::Execution, format!("an array of {dtype}{shape:?} does not fit in memory")).advise("give smaller arrays")
    })
}

/// The steps that write each buffer, and those that read it, by their places.
pub(crate) fn users(draft: &Draft) -> [Vec<BTreeSet<usize>>; 2] {
    let mut users = [(); 2].map(|()| vec![BTreeSet::new(); draft.buffers.len()]);
    for (place, step) in draft.steps.iter().enumerate() {
        for buffer in step.step.writes() {
            users[0][buffer.index()].insert(place);
        }
        for buffer in step.step.reads() {
            users[1][buffer.index()].insert(place);
        }
    }
    users
}

/// Which steps must come before which: by place, ascending and without repetition.
pub(crate) fn predecessors(draft: &Draft) -> Vec<SmallVec<[usize; 4]>> {
    let mut writers: Vec<SmallVec<[usize; 1]>> = vec![smallvec![]; draft.buffers.len()];
    let mut before: Vec<SmallVec<[usize; 4]>> = Vec::with_capacity(draft.steps.len());
    for (place, step) in draft.steps.iter().enumerate() {
        let mut needs: SmallVec<[usize; 4]> = SmallVec::new();
        for buffer in step.step.reads() {
            needs.extend(writers[buffer.index()].iter().copied());
        }
        for buffer in step.step.writes() {
            if !draft.buffers[buffer.index()].in_parts {
                needs.extend(writers[buffer.index()].iter().copied());
            }
            if writers[buffer.index()].last() != Some(&place) {
                writers[buffer.index()].push(place);
            }
        }
        needs.sort_unstable();
        needs.dedup();
        needs.retain(|needed| *needed != place);
        before.push(needs);
    }
    before
}
