//! Rows of exponentials: softmax, its logarithm and its denominator as nests.
//!
//! The largest m of a row comes first, then the sum of eˣ⁻ᵐ, then what is made of both. Each exponential is computed once. Under the
//! logarithm the largest are counted apart, so that small others are not lost beside their 1.

use damo_graph::op::reduce::Reduction;
use damo_graph::{DType, Node, NodeId, Number, Problem};
use smallvec::SmallVec;

use super::{Lowering, Place};
use crate::functions::{self, Scalar};
use crate::nest::{Instruction, Nest, Register};
use crate::step::{Step, View};

/// A value whose rows along some axes are looked at, and the largest of each.
struct Rows<'a> {
    input: &'a Place,
    axes: &'a [usize],
    /// The dtype to compute in.
    dtype: DType,
    largest: View,
}

impl Rows<'_> {
    /// A view of one element per row as an operand of nests over all elements.
    fn stretched(&self, view: &View) -> Place {
        let layout = self.axes.iter().fold(view.layout.clone(), |layout, &axis| layout.with_axis(axis));
        Place::View(View { layout, ..view.clone() })
    }

    /// The elements and the largest of their rows.
    fn load(&self, nest: &mut Nest) -> Result<[Register; 2], Problem> {
        let x = nest.load(self.input)?;
        Ok([nest.cast(x, self.dtype), nest.load(&self.stretched(&self.largest))?])
    }
}

impl Nest {
    pub(super) fn apply(&mut self, scalar: &'static Scalar, arguments: &[Register]) -> Register {
        let dtype = if scalar == &functions::EQUAL { DType::Bool } else { self.dtype(arguments[arguments.len() - 1]) };
        self.push(Instruction::Apply { scalar, arguments: arguments.into(), dtype })
    }

    pub(super) fn cast(&mut self, argument: Register, to: DType) -> Register {
        if self.dtype(argument) == to { argument } else { self.push(Instruction::Cast { argument, to }) }
    }

    pub(super) fn number(&mut self, number: f64, dtype: DType) -> Register {
        self.push(Instruction::Constant(Number::Real(number), dtype))
    }

    /// eˣ⁻ᵐ for an x that is not the largest.
    fn power(&mut self, [x, largest]: [Register; 2]) -> Register {
        if self.dtype(x) == DType::F32 {
            return self.apply(&functions::EXP_BELOW, &[x, largest]);
        }
        let below = self.apply(&functions::SUB, &[x, largest]);
        self.apply(&functions::EXP, &[below])
    }

    /// Whether an x is the largest and infinite: the power of 0 that has no difference.
    fn is_infinite(&mut self, [x, largest]: [Register; 2]) -> Register {
        let (infinity, nothing) = (self.number(f64::INFINITY, self.dtype(x)), self.number(f64::NAN, self.dtype(x)));
        let size = self.apply(&functions::ABS, &[largest]);
        let is_infinite = self.apply(&functions::EQUAL, &[size, infinity]);
        let infinite = self.apply(&functions::SELECT, &[is_infinite, largest, nothing]);
        self.apply(&functions::EQUAL, &[x, infinite])
    }

    /// What a finite number becomes where the largest is infinite: NaN, but itself where `is_alone` tells that no other is as large.
    fn unless_tied(&mut self, value: Register, largest: Register, is_alone: Register) -> Register {
        let infinity = self.number(f64::INFINITY, self.dtype(largest));
        let is_infinite = self.apply(&functions::EQUAL, &[largest, infinity]);
        let both = self.apply(&functions::AND, &[is_infinite, is_alone]);
        let nothing = self.apply(&functions::SUB, &[largest, largest]);
        let otherwise = self.apply(&functions::ADD, &[value, nothing]);
        self.apply(&functions::SELECT, &[both, value, otherwise])
    }
}

impl Lowering<'_> {
    pub(super) fn softmax(&mut self, id: NodeId, node: &Node, axis: usize) -> Result<Place, Problem> {
        let input = self.input(node, 0)?;
        let axes = [axis];
        if input.shape()[axis] == 0 {
            return self.by_reference(id, node);
        }
        let rows = self.rows_of(id, node, &input, &axes)?;
        let mut nest = Nest::over(input.shape());
        let both = rows.load(&mut nest)?;
        let below = nest.power(both);
        let is_infinite = nest.is_infinite(both);
        let one = nest.number(1.0, rows.dtype);
        let power = nest.apply(&functions::SELECT, &[is_infinite, one, below]);
        let powers = self.draft.temporary(rows.dtype, input.shape())?;
        let total = self.draft.temporary(DType::F64, &rows.largest.layout.shape)?;
        nest.store(power, &powers);
        nest.accumulate(power, Reduction::Sum, &axes, &total);
        self.draft.push(Step::Nest(nest), &[id]);

        let mut nest = Nest::over(&total.layout.shape);
        let [total, largest] = [nest.load(&Place::View(total))?, nest.load(&Place::View(rows.largest.clone()))?];
        let largest = nest.cast(largest, DType::F64);
        let one = nest.number(1.0, DType::F64);
        let is_alone = nest.apply(&functions::EQUAL, &[total, one]);
        let total = nest.unless_tied(total, largest, is_alone);
        // In `f32` a division costs as much as a third of the power; in `f64` little beside it.
        let divides = rows.dtype == DType::F64;
        let divisor = if divides { total } else { nest.apply(&functions::DIV, &[one, total]) };
        let divisor = nest.cast(divisor, rows.dtype);
        let divisor = self.of_rows(id, nest, divisor)?;

        let mut nest = Nest::over(input.shape());
        let power = nest.load(&Place::View(powers))?;
        let divisor = nest.load(&rows.stretched(&divisor))?;
        let result = nest.apply(if divides { &functions::DIV } else { &functions::MUL }, &[power, divisor]);
        self.ended(id, nest, result, node)
    }

    pub(super) fn log_softmax(&mut self, id: NodeId, node: &Node, axis: usize) -> Result<Place, Problem> {
        let input = self.input(node, 0)?;
        let axes = [axis];
        if input.shape()[axis] == 0 {
            return self.by_reference(id, node);
        }
        let rows = self.rows_of(id, node, &input, &axes)?;
        let (mut nest, [rest, largest]) = self.log_of_powers(id, &rows)?;
        let zero = nest.number(0.0, DType::F64);
        let is_alone = nest.apply(&functions::EQUAL, &[rest, zero]);
        let rest = nest.unless_tied(rest, largest, is_alone);
        let rest = nest.cast(rest, rows.dtype);
        let rest = self.of_rows(id, nest, rest)?;

        let mut nest = Nest::over(input.shape());
        let both = rows.load(&mut nest)?;
        let rest = nest.load(&rows.stretched(&rest))?;
        let (zero, is_largest) = (nest.number(0.0, rows.dtype), nest.apply(&functions::EQUAL, &both));
        let below = nest.apply(&functions::SUB, &both);
        let below = nest.apply(&functions::SELECT, &[is_largest, zero, below]);
        let result = nest.apply(&functions::SUB, &[below, rest]);
        self.ended(id, nest, result, node)
    }

    pub(super) fn log_sum_exp(&mut self, id: NodeId, node: &Node, axes: &[usize]) -> Result<Place, Problem> {
        let input = self.input(node, 0)?;
        if axes.iter().any(|&axis| input.shape()[axis] == 0) {
            return self.by_reference(id, node);
        }
        let rows = self.rows_of(id, node, &input, axes)?;
        let (mut nest, [rest, largest]) = self.log_of_powers(id, &rows)?;
        let result = nest.apply(&functions::ADD, &[largest, rest]);
        self.ended(id, nest, result, node)
    }

    /// The largest of each row.
    fn rows_of<'a>(&mut self, id: NodeId, node: &Node, input: &'a Place, axes: &'a [usize]) -> Result<Rows<'a>, Problem> {
        let dtype = if input.dtype() == DType::F64 { DType::F64 } else { DType::F32 };
        let key = (node.inputs()[0], axes.into());
        if let Some(largest) = self.largest.get(&key) {
            return Ok(Rows { input, axes, dtype, largest: largest.clone() });
        }
        let outer = input.shape().iter().enumerate().filter(|(axis, _)| !axes.contains(axis));
        let outer: SmallVec<[usize; 4]> = outer.map(|(_, &length)| length).collect();
        let largest = self.draft.temporary(dtype, &outer)?;
        let mut nest = Nest::over(input.shape());
        let x = nest.load(input)?;
        let x = nest.cast(x, dtype);
        nest.accumulate(x, Reduction::Max, axes, &largest);
        self.draft.push(Step::Nest(nest), &[id]);
        self.largest.insert(key, largest.clone());
        Ok(Rows { input, axes, dtype, largest })
    }

    /// A nest over the rows that has ln Σ eˣ⁻ᵐ and m, in `f64`.
    fn log_of_powers(&mut self, id: NodeId, rows: &Rows<'_>) -> Result<(Nest, [Register; 2]), Problem> {
        let integer = if rows.dtype == DType::F64 { DType::I64 } else { DType::I32 };
        let mut nest = Nest::over(rows.input.shape());
        let both = rows.load(&mut nest)?;
        let below = nest.power(both);
        let zero = nest.number(0.0, rows.dtype);
        let is_largest = nest.apply(&functions::EQUAL, &both);
        let power = nest.apply(&functions::SELECT, &[is_largest, zero, below]);
        let counted = nest.cast(is_largest, integer);
        let outer = &rows.largest.layout.shape;
        let (total, count) = (self.draft.temporary(DType::F64, outer)?, self.draft.temporary(integer, outer)?);
        nest.accumulate(power, Reduction::Sum, rows.axes, &total);
        nest.accumulate(counted, Reduction::Sum, rows.axes, &count);
        self.draft.push(Step::Nest(nest), &[id]);

        let mut nest = Nest::over(outer);
        let [total, count, largest] = [total, count, rows.largest.clone()].map(Place::View);
        let [total, count, largest] = [nest.load(&total)?, nest.load(&count)?, nest.load(&largest)?];
        let [count, largest] = [nest.cast(count, DType::F64), nest.cast(largest, DType::F64)];
        let one = nest.number(1.0, DType::F64);
        let others = nest.apply(&functions::SUB, &[count, one]);
        let others = nest.apply(&functions::ADD, &[others, total]);
        let rest = nest.apply(&functions::LN_1P, &[others]);
        Ok((nest, [rest, largest]))
    }

    /// Ends a nest over rows with what it has for each.
    fn of_rows(&mut self, id: NodeId, mut nest: Nest, value: Register) -> Result<View, Problem> {
        let view = self.draft.temporary(nest.dtype(value), &nest.shape)?;
        nest.store(value, &view);
        self.draft.push(Step::Nest(nest), &[id]);
        Ok(view)
    }

    /// Ends a nest with the result of a node.
    fn ended(&mut self, id: NodeId, mut nest: Nest, result: Register, node: &Node) -> Result<Place, Problem> {
        let dtype = node.types()[0].dtype;
        let result = nest.cast(result, dtype);
        self.stored(id, nest, result, dtype)
    }
}
