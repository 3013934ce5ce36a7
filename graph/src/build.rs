//! Adding ops to a graph by their names: what derivative rules and passes write with.

use crate::any_array::AnyArray;
use crate::dim::Dim;
use crate::dtype::DType;
use crate::error::Result;
use crate::graph::{Graph, Value};
use crate::number::Number;
use crate::op::broadcast::Broadcast;
use crate::op::cast::Cast;
use crate::op::constant::Constant;
use crate::op::dim_value::DimValue;
use crate::op::insert_axis::InsertAxis;
use crate::op::pointwise::Pointwise;
use crate::op::reduce::{Reduce, Reduction};
use crate::op::remove_axis::RemoveAxis;
use crate::op::reshape::Reshape;
use crate::op::scalar::{self, Scalar};
use crate::op::term::{Formula, Term};
use crate::op::transpose::Transpose;
use crate::types::Dims;

impl Graph {
    /// A function of the table (or a user's), element by element.
    pub fn apply(&mut self, scalar: &'static Scalar, inputs: &[Value]) -> Result<Value> {
        self.add(Pointwise(scalar), inputs)
    }

    /// A single number of a dtype.
    pub fn number(&mut self, dtype: DType, value: f64) -> Result<Value> {
        self.add(Constant(AnyArray::full(dtype, &[], Number::Real(value))), &[])
    }

    /// A length as a number of a dtype.
    pub fn dim_value(&mut self, dim: &Dim, dtype: DType) -> Result<Value> {
        match dim.known() {
            Some(length) => self.add(Constant(AnyArray::full(dtype, &[], Number::Integer(length.into()))), &[]),
            None => self.add(DimValue { dim: dim.clone(), dtype }, &[]),
        }
    }

    /// Zeros of the type of a value.
    pub fn zeros_like(&mut self, value: Value) -> Result<Value> {
        let ty = self.ty(value).clone();
        let zero = self.number(ty.dtype, 0.0)?;
        self.broadcast(zero, &ty.dims)
    }

    /// Another element type.
    pub fn cast(&mut self, value: Value, to: DType) -> Result<Value> {
        if self.ty(value).dtype == to { Ok(value) } else { self.add(Cast { to }, &[value]) }
    }

    /// Stretched to lengths, aligned at the last axis; nothing if it has them.
    pub fn broadcast(&mut self, value: Value, to: &Dims) -> Result<Value> {
        if self.ty(value).dims == *to { Ok(value) } else { self.add(Broadcast { to: to.clone() }, &[value]) }
    }

    /// The same elements under other lengths; nothing if it has them.
    pub fn reshape(&mut self, value: Value, to: &Dims) -> Result<Value> {
        if self.ty(value).dims == *to { Ok(value) } else { self.add(Reshape { to: to.clone() }, &[value]) }
    }

    /// Axes in another order: axis `k` of the result is axis `order[k]` of the value; nothing if they are in order.
    pub fn transpose(&mut self, value: Value, order: &[usize]) -> Result<Value> {
        if order.iter().copied().eq(0..order.len()) { Ok(value) } else { self.add(Transpose { order: order.into() }, &[value]) }
    }

    /// A new axis of length 1 before that axis.
    pub fn insert_axis(&mut self, value: Value, axis: usize) -> Result<Value> {
        self.add(InsertAxis { axis }, &[value])
    }

    /// Without that axis, which has length 1.
    pub fn remove_axis(&mut self, value: Value, axis: usize) -> Result<Value> {
        self.add(RemoveAxis { axis }, &[value])
    }

    /// Reduced over axes, which disappear; nothing if there are none.
    pub fn reduce(&mut self, reduction: Reduction, value: Value, axes: &[usize]) -> Result<Value> {
        if axes.is_empty() { Ok(value) } else { self.add(Reduce { reduction, axes: axes.into() }, &[value]) }
    }

    /// Summed over axes, which disappear.
    pub fn sum(&mut self, value: Value, axes: &[usize]) -> Result<Value> {
        self.reduce(Reduction::Sum, value, axes)
    }

    /// The mean over axes, which disappear.
    pub fn mean(&mut self, value: Value, axes: &[usize]) -> Result<Value> {
        self.reduce(Reduction::Mean, value, axes)
    }

    /// New axes of length 1 where axes were reduced away, so that the result broadcasts against what was reduced.
    pub fn keep_axes(&mut self, value: Value, reduced: &[usize]) -> Result<Value> {
        let mut sorted = reduced.to_vec();
        sorted.sort_unstable();
        sorted.into_iter().try_fold(value, |value, axis| self.insert_axis(value, axis))
    }

    /// Summed back to lengths that broadcast to those of the value: the transpose of broadcasting.
    pub fn sum_to(&mut self, value: Value, to: &Dims) -> Result<Value> {
        self.reduce_to(Reduction::Sum, value, to)
    }

    /// Reduced back to lengths that broadcast to those of the value; nothing if it has them.
    pub fn reduce_to(&mut self, reduction: Reduction, value: Value, to: &Dims) -> Result<Value> {
        let (extra, stretched) = stretched(&self.ty(value).dims, to);
        let axes: Vec<usize> = (0..extra).chain(stretched.iter().map(|axis| extra + axis)).collect();
        let reduced = self.reduce(reduction, value, &axes)?;
        self.keep_axes(reduced, &stretched)
    }

    /// Whether a value has more elements than lengths that broadcast to its own, as far as is known.
    pub fn is_stretched_from(&self, value: Value, from: &Dims) -> bool {
        let (extra, stretched) = stretched(&self.ty(value).dims, from);
        extra > 0 || !stretched.is_empty()
    }

    /// `left + right`
    pub fn plus(&mut self, left: Value, right: Value) -> Result<Value> {
        self.apply(&scalar::ADD, &[left, right])
    }

    /// `left · right`
    pub fn times(&mut self, left: Value, right: Value) -> Result<Value> {
        self.apply(&scalar::MUL, &[left, right])
    }

    /// `yes` where the condition holds, else `no`.
    pub fn select(&mut self, condition: Value, yes: Value, no: Value) -> Result<Value> {
        self.apply(&scalar::SELECT, &[condition, yes, no])
    }

    /// A formula over the inputs and the result of a pointwise node; its numbers get that dtype.
    pub fn term(&mut self, term: Term, arguments: &[Value], result: Value, dtype: DType) -> Result<Value> {
        match term.formula() {
            Formula::Argument(index) => Ok(arguments[*index]),
            Formula::Result => Ok(result),
            Formula::Constant(value) => self.number(dtype, *value),
            Formula::Apply(scalar, terms) => {
                let inputs: Vec<Value> = terms.iter().map(|&term| self.term(term, arguments, result, dtype)).collect::<Result<_>>()?;
                self.apply(scalar, &inputs)
            }
        }
    }
}

/// How broadcasting got from lengths to others: how many axes it put in front, and which of the old ones it stretched.
fn stretched(to: &Dims, from: &Dims) -> (usize, Vec<usize>) {
    let extra = to.len().saturating_sub(from.len());
    (extra, (0..from.len()).filter(|&axis| from[axis].is_one() && !to[extra + axis].is_one()).collect())
}
