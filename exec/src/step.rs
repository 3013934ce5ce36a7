//! What a plan does, one step after another, on numbered buffers.
//!
//! A run gives every buffer a region of memory and a base in it: of an array given from outside the address of its element `[0, 0, ..]`
//! (its strides may be negative), of everything else its first byte. All offsets and strides of steps are counted from there, in elements.
//! Truth values are one byte, 0 or 1.

use std::fmt;

use damo_graph::op::Op;
use damo_graph::{DType, Value};
use smallvec::SmallVec;

use crate::bands::Bands;
use crate::layout::{Layout, Shape, Strides};
use crate::loops::same_places;
use crate::nest::{Access, BufferId, Nest};
use crate::sliding::{Convolution, Pooling};

/// A piece of memory a plan works with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// Its element type.
    pub dtype: DType,
    /// How much memory it takes.
    pub bytes: usize,
    /// Where it is.
    pub place: Place,
}

/// Where a buffer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The array given for that input of the graph, as it is given: read only.
    Input(usize),
    /// A literal array of the plan, by its place among them: read only.
    Constant(usize),
    /// That output, in row-major order.
    Output(usize),
    /// The call's arena, so many bytes from its start.
    Arena {
        /// Bytes from the start of the arena, a multiple of [`ALIGNMENT`].
        offset: usize,
    },
    /// It has no elements, or no step needs it any more.
    Nowhere,
}

/// Every buffer in the arena starts at a multiple of so many bytes: a cache line, and the widest vector.
pub const ALIGNMENT: usize = 64;

/// One step of a plan.
#[expect(clippy::large_enum_variant, reason = "a plan has few steps, and every call reads them all")]
#[derive(Clone, Debug)]
pub enum Step {
    /// A fused loop nest.
    Nest(Nest),
    /// Loop nests that run band by band.
    Bands(Bands),
    /// A product of matrices.
    Contract(Contraction),
    /// A function of whole rows.
    Row(Row),
    /// Rows picked by index.
    Pick(Pick),
    /// Rows added up by index.
    ScatterAdd(Pick),
    /// Filters that slide over arrays.
    Convolve(Convolution),
    /// Windows that become one element.
    Pool(Pooling),
    /// Falls back to the reference: the op's own meaning.
    Reference(Reference),
}

impl Step {
    /// The buffers it reads; one may be named twice.
    pub fn reads(&self) -> SmallVec<[BufferId; 4]> {
        match self {
            Step::Nest(nest) => nest.operands.iter().map(|operand| operand.buffer).collect(),
            Step::Bands(bands) => bands.reads(),
            Step::Contract(product) => {
                [product.left.buffer, product.right.buffer].into_iter().chain(product.addend.map(|addend| addend.matrix.buffer)).collect()
            }
            Step::Row(row) => [row.input.buffer].into_iter().collect(),
            Step::Pick(pick) | Step::ScatterAdd(pick) => [pick.data.buffer, pick.indices.buffer].into_iter().collect(),
            Step::Convolve(convolution) => [convolution.input.buffer, convolution.filter.buffer].into_iter().collect(),
            Step::Pool(pooling) => std::iter::once(&pooling.input).chain(&pooling.given).map(|view| view.buffer).collect(),
            Step::Reference(reference) => reference.inputs.iter().map(|view| view.buffer).collect(),
        }
    }

    /// The buffers it writes; one may be named twice.
    pub fn writes(&self) -> SmallVec<[BufferId; 2]> {
        match self {
            Step::Nest(nest) => nest.written().map(|access| access.buffer).collect(),
            Step::Bands(bands) => bands.writes(),
            Step::Contract(contraction) => [contraction.out.buffer].into_iter().collect(),
            Step::Row(row) => [row.out.buffer].into_iter().collect(),
            Step::Pick(pick) | Step::ScatterAdd(pick) => [pick.out.buffer].into_iter().collect(),
            Step::Convolve(convolution) => [convolution.out.buffer].into_iter().collect(),
            Step::Pool(pooling) => [pooling.out.buffer].into_iter().collect(),
            Step::Reference(reference) => reference.outputs.iter().map(|view| view.buffer).collect(),
        }
    }

    /// What it is, in a word or few.
    pub const fn kind(&self) -> &'static str {
        match self {
            Step::Nest(_) => "nest",
            Step::Bands(_) => "bands of nests",
            Step::Contract(_) => "product",
            Step::Row(_) => "rows",
            Step::Pick(_) => "pick",
            Step::ScatterAdd(_) => "scatter add",
            Step::Convolve(_) => "convolution",
            Step::Pool(_) => "pooling",
            Step::Reference(_) => "falls back to the reference",
        }
    }

    /// The nest it is, if it is one.
    pub const fn as_nest(&self) -> Option<&Nest> {
        if let Step::Nest(nest) = self { Some(nest) } else { None }
    }

    /// The same, to be changed.
    pub const fn as_nest_mut(&mut self) -> Option<&mut Nest> {
        if let Step::Nest(nest) = self { Some(nest) } else { None }
    }

    /// The product it is, if it is one.
    pub const fn as_product(&self) -> Option<&Contraction> {
        if let Step::Contract(product) = self { Some(product) } else { None }
    }

    /// The nests it runs.
    pub fn nests(&self) -> impl Iterator<Item = &Nest> {
        let (one, members) = match self {
            Step::Nest(nest) => (Some(nest), &[][..]),
            Step::Bands(bands) => (None, &bands.nests[..]),
            Step::Contract(_) | Step::Row(_) | Step::Pick(_) | Step::ScatterAdd(_) | Step::Convolve(_) | Step::Pool(_) | Step::Reference(_) => {
                (None, &[][..])
            }
        };
        one.into_iter().chain(members.iter().map(|member| &member.nest))
    }

    /// Whether it may fail for some contents of its buffers, so that what it writes must not be the caller's before all is done.
    pub const fn may_fail(&self) -> bool {
        match self {
            Step::Nest(_) | Step::Bands(_) | Step::Contract(_) | Step::Row(_) | Step::Convolve(_) | Step::Pool(_) => false,
            Step::Pick(_) | Step::ScatterAdd(_) | Step::Reference(_) => true,
        }
    }
}

/// A view of a buffer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct View {
    /// The buffer.
    pub buffer: BufferId,
    /// Its element type.
    pub dtype: DType,
    /// Which of its elements.
    pub layout: Layout,
}

/// Products of matrices, for each index of `batch`: `out = alpha · left · right + beta · addend`.
///
/// `left: [m, k], right: [k, n], addend: [m, n] -> out: [m, n]`. A vector is a matrix with `m` or `n` of 1; a scalar product has both. With
/// `k` of 0 the product is 0. An engine chooses the kernel (tiles, matrix-vector, dot) by these lengths and strides. The result overlaps
/// neither factor; the addend may be the very elements of the result (in place), or else does not overlap it.
#[derive(Clone, Debug, PartialEq)]
pub struct Contraction {
    /// The element type of all four: `f32` or `f64`.
    pub dtype: DType,
    /// Loops around the product: batch axes, and free axes that could not be joined to one. Strides are 0 where an operand has none.
    pub batch: SmallVec<[BatchAxis; 2]>,
    /// Rows of the left, the addend and the result.
    pub m: usize,
    /// Columns of the left, rows of the right.
    pub k: usize,
    /// Columns of the right, the addend and the result.
    pub n: usize,
    /// The left operand.
    pub left: Matrix,
    /// The right operand.
    pub right: Matrix,
    /// What the product is multiplied by: a number of the dtype, finite and not 0.
    pub alpha: f64,
    /// What is added to it.
    pub addend: Option<Addend>,
    /// The result.
    pub out: Matrix,
}

/// What is added to a product.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Addend {
    /// Its elements; strides may be 0, where it is stretched.
    pub matrix: Matrix,
    /// What they are multiplied by: a number of the dtype, finite and not 0.
    pub beta: f64,
}

/// A loop around a matrix product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchAxis {
    /// How many products.
    pub length: usize,
    /// From one left matrix to the next.
    pub left: isize,
    /// From one right matrix to the next.
    pub right: isize,
    /// From one addend to the next; 0 if there is none.
    pub addend: isize,
    /// From one result to the next.
    pub out: isize,
}

impl Contraction {
    /// The loops over the elements of the result: those around it, rows, columns.
    pub fn shape(&self) -> Shape {
        self.batch.iter().map(|axis| axis.length).chain([self.m, self.n]).collect()
    }

    /// Where the loops over the result lead in it.
    pub fn out_access(&self) -> Access {
        self.access(&self.out, |axis| axis.out)
    }

    /// Where the loops over the result lead in the addend.
    pub fn addend_access(&self) -> Option<Access> {
        self.addend.map(|addend| self.access(&addend.matrix, |axis| axis.addend))
    }

    /// Whether the addend lies in memory of that size just as the result does, and nothing else of this step is read there.
    pub fn may_replace(&self, old: BufferId) -> bool {
        let Some(addend) = self.addend_access().filter(|addend| addend.buffer == old) else { return false };
        let there = Access { buffer: old, ..self.out_access() };
        self.left.buffer != old && self.right.buffer != old && same_places(&self.shape(), &addend, &there)
    }

    fn access(&self, matrix: &Matrix, along: fn(&BatchAxis) -> isize) -> Access {
        let strides = self.batch.iter().map(along).chain([matrix.rows, matrix.columns]).collect();
        Access { buffer: matrix.buffer, dtype: self.dtype, offset: matrix.offset, strides }
    }
}

/// A matrix in a buffer: element `[i, j]` lies at `offset + i * rows + j * columns`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matrix {
    /// The buffer.
    pub buffer: BufferId,
    /// Where element `[0, 0]` of the first matrix lies.
    pub offset: isize,
    /// From one row to the next.
    pub rows: isize,
    /// From one column to the next.
    pub columns: isize,
}

/// A function of whole rows, such as the norm: for each index of `outer`, over a row of that length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Which function.
    pub function: RowFunction,
    /// The element type of the input (and of the result, but for the arg-extremes' `i64`).
    pub dtype: DType,
    /// The lengths of the loops around.
    pub outer: Shape,
    /// How many elements a row has.
    pub length: usize,
    /// The input.
    pub input: RowAccess,
    /// The result, one per element or one per row. With one per element it may equal the input.
    pub out: RowAccess,
}

/// Where the rows of a [`Row`] lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowAccess {
    /// The buffer.
    pub buffer: BufferId,
    /// Where the first element of the first row lies.
    pub offset: isize,
    /// The step along each of the loops around.
    pub strides: Strides,
    /// The step along the row; of results that are one per row 0.
    pub step: isize,
}

impl Row {
    /// Where each row of the input, and its result, begins.
    pub fn starts(&self) -> impl Iterator<Item = (isize, isize)> + '_ {
        let layout = |access: &RowAccess| Layout { shape: self.outer.clone(), strides: access.strides.clone(), offset: access.offset };
        let (input, out) = (layout(&self.input), layout(&self.out));
        (0..input.count()).map(move |row| (input.place(row), out.place(row)))
    }
}

/// The functions of whole rows. The rows are floats, but for `ArgMax` and `ArgMin` and `ProductOfOthers`, which take any real dtype.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RowFunction {
    /// `sqrt sum x^2`, without overflow: one result per row; 0 for an empty row.
    Norm,
    /// The index of the first largest element, `i64`: one result per row, never empty; NaN wins.
    ArgMax,
    /// The index of the first smallest element, `i64`: one result per row, never empty; NaN wins.
    ArgMin,
    /// The product of floats, in order and rounded once in the end, so that it overflows only where its meaning does: one result per row.
    Product,
    /// The product of the other elements: one result per element.
    ProductOfOthers,
}

impl RowFunction {
    /// Whether there is one result per element, rather than one per row.
    pub const fn keeps_row(self) -> bool {
        matches!(self, RowFunction::ProductOfOthers)
    }
}

/// Rows picked, or added up, by index along one axis.
///
/// Picking: `out[.., i.., ..] = data[.., indices[i..], ..]`. Adding up: `out[.., indices[i..], ..] += data[.., i.., ..]`, from zeros.
/// A negative index counts from the end; an index out of range is an execution error, found before anything is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pick {
    /// The axis of the longer side (of `data` when picking, of `out` when adding up) that the indices point into.
    pub axis: usize,
    /// What is picked from, or added up.
    pub data: View,
    /// The indices, of any integer dtype.
    pub indices: View,
    /// The result, in row-major order.
    pub out: View,
}

/// An op computed by its own meaning.
#[derive(Clone, Debug)]
pub struct Reference {
    /// The op.
    pub op: Op,
    /// What it reads, in the graph: for error messages.
    pub values: SmallVec<[Value; 3]>,
    /// What it reads.
    pub inputs: SmallVec<[View; 3]>,
    /// What it writes.
    pub outputs: SmallVec<[View; 1]>,
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}{}", self.buffer, self.dtype, self.layout)
    }
}

impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.buffer)?;
        if self.offset != 0 {
            write!(f, " at {}", self.offset)?;
        }
        write!(f, " by [{}, {}]", self.rows, self.columns)
    }
}
