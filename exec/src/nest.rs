//! A fused loop nest: the small explicit program that every engine prints in its own language.
//!
//! # What it means
//!
//! For every index of `shape` (outermost axis first) the body runs once, in order; instruction `k` makes register `k`. Then each
//! [`Store`] writes its register and each [`Accumulate`] combines its register into its result. Each instruction's result is rounded to
//! its dtype. Integers wrap.
//!
//! What an engine may rely on:
//! - A stored or accumulated place is a place of no operand, with one exception: an operand's access may *equal* a store's (in place).
//!   So an engine may work in tiles of any size, as long as it reads a tile before it writes it.
//! - No two stores or results overlap. A result of [`Accumulate`] is not read in the same nest.
//! - Distinct indices store to distinct places.
//! - All reductions of a nest that planning makes combine over the same loops (of more than one turn).
//!
//! What an engine must see to:
//! - A result that reduces no element at all gets the neutral element (0, 1, true, false; the mean of nothing is NaN, and planning refuses
//!   its extreme).
//! - Sums and means of floats lose no more than about an ulp to rounding, and do not overflow where the result does not.
//! - The order in which a reduction combines depends on the nest alone, never on the number of threads.

use std::fmt;

use damo_graph::op::reduce::Reduction;
use damo_graph::op::scalar::Scalar;
use damo_graph::{DType, Number};
use smallvec::SmallVec;

use crate::layout::{Layout, Shape, Strides};

/// A buffer of a plan, by its place among the plan's buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BufferId(pub u32);

impl BufferId {
    /// Its place among the plan's buffers.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for BufferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.0)
    }
}

/// What an instruction makes, by its place in the body.
pub type Register = usize;

/// A fused loop nest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Nest {
    /// The length of each loop, outermost first. No loops: the body runs once.
    pub shape: Shape,
    /// What it reads.
    pub operands: Vec<Access>,
    /// What it computes at each index.
    pub body: Vec<Instruction>,
    /// What it writes at each index.
    pub stores: Vec<Store>,
    /// What it sums up over indices.
    pub reductions: Vec<Accumulate>,
}

/// Where in a buffer an index of the nest reads or writes: at `offset + i * strides[0] + j * strides[1] + ..`, in elements.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Access {
    /// The buffer.
    pub buffer: BufferId,
    /// Its element type.
    pub dtype: DType,
    /// Where the first index lies, counted from the buffer's base.
    pub offset: isize,
    /// The step along each loop: 0 where the loop does not matter, negative where it runs backwards.
    pub strides: Strides,
}

impl Access {
    /// A view as the access of a nest that loops over the view's own axes.
    pub fn of(buffer: BufferId, dtype: DType, layout: &Layout) -> Self {
        Access { buffer, dtype, offset: layout.offset, strides: layout.strides.clone() }
    }
}

/// One instruction of a body.
#[derive(Clone, Debug, PartialEq)]
pub enum Instruction {
    /// The element of an operand (by its place in `operands`); it has the operand's dtype.
    Load(usize),
    /// The same number at every index.
    Constant(Number, DType),
    /// The index of a loop, as a number.
    Index {
        /// Which loop.
        axis: usize,
        /// The dtype of the number.
        dtype: DType,
    },
    /// A function of the table (or a user's) of earlier registers.
    Apply {
        /// The function.
        scalar: &'static Scalar,
        /// Its arguments.
        arguments: SmallVec<[Register; 3]>,
        /// The dtype of the result.
        dtype: DType,
    },
    /// Another element type, by `Element::from_number`.
    Cast {
        /// What to convert.
        argument: Register,
        /// The dtype to convert to.
        to: DType,
    },
}

/// Writes a register at each index.
#[derive(Clone, Debug, PartialEq)]
pub struct Store {
    /// What to write.
    pub value: Register,
    /// Where to; it has the register's dtype.
    pub to: Access,
}

/// Combines a register over loops.
#[derive(Clone, Debug, PartialEq)]
pub struct Accumulate {
    /// What to combine.
    pub value: Register,
    /// How.
    pub kind: Reduction,
    /// The loops it combines over, ascending; any of them, not only the innermost.
    pub axes: SmallVec<[usize; 4]>,
    /// Where to write the result: strides are 0 along `axes`. It has the register's dtype, or keeps a sum or mean of `f32` as `f64`.
    pub to: Access,
}

impl Accumulate {
    /// Whether the result has an element type that values of a dtype can be combined to.
    pub fn may_give(&self, dtype: DType) -> bool {
        let wide = dtype == DType::F32 && self.to.dtype == DType::F64 && matches!(self.kind, Reduction::Sum | Reduction::Mean);
        self.to.dtype == dtype || wide
    }
}

impl Nest {
    /// How often the body runs.
    pub fn count(&self) -> usize {
        self.shape.iter().fold(1, |count, &length| count.saturating_mul(length))
    }

    /// The dtype of a register.
    pub fn dtype(&self, register: Register) -> DType {
        match &self.body[register] {
            Instruction::Load(operand) => self.operands[*operand].dtype,
            Instruction::Constant(_, dtype) | Instruction::Index { dtype, .. } | Instruction::Apply { dtype, .. } => *dtype,
            Instruction::Cast { to, .. } => *to,
        }
    }

    /// Everything it reads and writes.
    pub fn accesses(&self) -> impl Iterator<Item = &Access> {
        self.operands.iter().chain(self.written())
    }

    /// Everything it writes.
    pub fn written(&self) -> impl Iterator<Item = &Access> {
        self.stores.iter().map(|store| &store.to).chain(self.reductions.iter().map(|reduction| &reduction.to))
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.buffer, self.dtype)?;
        if self.offset != 0 {
            write!(f, " at {}", self.offset)?;
        }
        if self.strides.is_empty() { Ok(()) } else { write!(f, " by {:?}", self.strides.as_slice()) }
    }
}

impl fmt::Display for Nest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "for {:?}", self.shape.as_slice())?;
        for (register, instruction) in self.body.iter().enumerate() {
            write!(f, "  r{register} = ")?;
            match instruction {
                Instruction::Load(operand) => writeln!(f, "load {}", self.operands[*operand])?,
                Instruction::Constant(number, dtype) => match number {
                    Number::Bool(value) => writeln!(f, "{value}: {dtype}")?,
                    Number::Integer(value) => writeln!(f, "{value}: {dtype}")?,
                    Number::Real(value) => writeln!(f, "{value}: {dtype}")?,
                    Number::Complex(re, im) => writeln!(f, "({re}, {im}): {dtype}")?,
                },
                Instruction::Index { axis, dtype } => writeln!(f, "index {axis}: {dtype}")?,
                Instruction::Apply { scalar, arguments, dtype } => {
                    let arguments: Vec<String> = arguments.iter().map(|argument| format!("r{argument}")).collect();
                    writeln!(f, "{}({}): {dtype}", scalar.name, arguments.join(", "))?;
                }
                Instruction::Cast { argument, to } => writeln!(f, "cast(r{argument}): {to}")?,
            }
        }
        for store in &self.stores {
            writeln!(f, "  store r{} to {}", store.value, store.to)?;
        }
        for reduction in &self.reductions {
            writeln!(f, "  {:?} r{} over {:?} to {}", reduction.kind, reduction.value, reduction.axes.as_slice(), reduction.to)?;
        }
        Ok(())
    }
}
