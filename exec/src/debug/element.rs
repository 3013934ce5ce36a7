//! One element of a value as it truly is: the ops of a program on numbers of many digits. It says who is right where two results differ.

use std::cell::Cell;
use std::collections::BTreeMap;

use damo_graph::op::Op;
use damo_graph::op::reduce::Reduction;
use damo_graph::op::scalar::{ADD, DIV, EXP, LN, MAX, MIN, MUL, SQRT, SUB, Scalar};
use damo_graph::{AnyArray, Graph, Number, Sizes, Value};
use damo_oracle::special::big;
use damo_oracle::{Silence, Truth, apply, of_float, settled};

/// An element that takes more operations than this is not asked for.
const PATIENCE: usize = 400_000;

/// Values of a graph that are known as they are, and the meanings of what follows from them.
pub(crate) struct Known<'a> {
    pub graph: &'a Graph,
    pub sizes: &'a Sizes,
    /// What the element is computed from: taken as it is.
    pub given: &'a BTreeMap<Value, AnyArray>,
    /// The meanings of all other values, for their shapes, integers and truth values.
    pub meant: &'a BTreeMap<Value, AnyArray>,
}

impl Known<'_> {
    /// The true element of a value at an index.
    ///
    /// # Errors
    ///
    /// [`Silence`] where an op or a function is not known to the oracle, or it takes too long.
    pub fn element(&self, value: Value, index: &[usize]) -> Result<Truth, Silence> {
        let mut doubts = false;
        let truth = settled(|bits| {
            let mut run = Run { known: self, bits, memo: BTreeMap::new(), patience: PATIENCE, doubts: Cell::new(false) };
            let found = run.at(value, index);
            doubts = run.doubts.get();
            found
        })?;
        // ln(1 − sigmoid(10000)) is no pole: only more digits than that tell the share from 1.
        if doubts && matches!(truth, Truth::Infinite { .. } | Truth::Undefined) { Err(Silence::OutOfReach) } else { Ok(truth) }
    }

    fn array(&self, value: Value) -> Result<&AnyArray, Silence> {
        self.given.get(&value).or_else(|| self.meant.get(&value)).ok_or(Silence::OutOfReach)
    }
}

struct Run<'a> {
    known: &'a Known<'a>,
    bits: usize,
    memo: BTreeMap<(Value, Vec<usize>), Truth>,
    patience: usize,
    /// Whether something came out as 0, 1 or −1 that may only be near it.
    doubts: Cell<bool>,
}

impl Run<'_> {
    fn at(&mut self, value: Value, index: &[usize]) -> Result<Truth, Silence> {
        let array = self.known.array(value)?;
        let is_exact = self.known.given.contains_key(&value) || array.dtype().is_integer();
        if is_exact {
            return self.stored(array, index);
        }
        if let Some(found) = self.memo.get(&(value, index.to_vec())) {
            return Ok(found.clone());
        }
        self.patience = self.patience.checked_sub(1).ok_or(Silence::OutOfReach)?;
        let found = self.computed(value, index)?;
        self.memo.insert((value, index.to_vec()), found.clone());
        Ok(found)
    }

    /// An element of an array as it is.
    fn stored(&self, array: &AnyArray, index: &[usize]) -> Result<Truth, Silence> {
        let place = index.iter().zip(array.shape()).fold(0, |place, (&index, &length)| place * length + index);
        Ok(match array.element(place).ok_or(Silence::OutOfReach)? {
            Number::Bool(holds) => Truth::Holds(holds),
            Number::Integer(integer) => Truth::Number(damo_oracle::special::Big::from(integer).with_precision(self.bits).value()),
            Number::Real(real) => of_float(real, self.bits),
            Number::Complex(..) => return Err(Silence::OutOfReach),
        })
    }

    fn call(&self, scalar: &'static Scalar, arguments: &[Truth]) -> Result<Truth, Silence> {
        let found = apply(scalar, arguments, self.bits)?;
        let is_round = |truth: &Truth| matches!(truth, Truth::Number(number) if [0.0, 1.0, -1.0].contains(&number.to_f64().value()) && *number == big(number.to_f64().value(), 64));
        if is_round(&found) && arguments.iter().any(|argument| matches!(argument, Truth::Number(_)) && !is_round(argument)) {
            self.doubts.set(true);
        }
        Ok(found)
    }

    fn number(&self, number: f64) -> Truth {
        Truth::Number(big(number, self.bits))
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each op")]
    fn computed(&mut self, value: Value, index: &[usize]) -> Result<Truth, Silence> {
        let node = self.known.graph.node(value.node);
        let inputs: Vec<Value> = node.inputs().to_vec();
        let first = inputs.first().copied();
        let input = || first.ok_or(Silence::OutOfReach);
        let shape_of = |run: &Self, value: Value| run.known.array(value).map(|array| array.shape().to_vec());
        match node.op() {
            Op::Input(_) | Op::Constant(_) | Op::DimValue(_) | Op::Iota(_) | Op::ArgExtreme(_) => {
                let array = self.known.array(value)?;
                self.stored(array, index)
            }
            Op::Pointwise(op) => {
                let mut arguments = Vec::with_capacity(inputs.len());
                for input in inputs {
                    let index = stretched(index, &shape_of(self, input)?);
                    arguments.push(self.at(input, &index)?);
                }
                self.call(op.0, &arguments)
            }
            Op::Broadcast(_) => {
                let index = stretched(index, &shape_of(self, input()?)?);
                self.at(input()?, &index)
            }
            Op::Cast(_) | Op::StopGradient(_) => self.at(input()?, index),
            Op::Reshape(_) => {
                let (to, from) = (self.known.array(value)?.shape().to_vec(), shape_of(self, input()?)?);
                let place = index.iter().zip(&to).fold(0, |place, (&index, &length)| place * length + index);
                self.at(input()?, &index_of(place, &from))
            }
            Op::Transpose(op) => {
                let mut from = vec![0; index.len()];
                op.order.iter().zip(index).for_each(|(&axis, &index)| from[axis] = index);
                self.at(input()?, &from)
            }
            Op::InsertAxis(op) => {
                let mut from = index.to_vec();
                from.remove(op.axis);
                self.at(input()?, &from)
            }
            Op::RemoveAxis(op) => {
                let mut from = index.to_vec();
                from.insert(op.axis, 0);
                self.at(input()?, &from)
            }
            Op::Slice(op) => {
                let starts = op.ranges.iter().map(|range| self.known.sizes.evaluate(&range.start)).collect::<Option<Vec<i64>>>();
                let starts = starts.ok_or(Silence::OutOfReach)?;
                let from: Vec<usize> =
                    index.iter().zip(&op.ranges).zip(starts).map(|((&index, range), start)| (start + index as i64 * range.step) as usize).collect();
                self.at(input()?, &from)
            }
            Op::Pad(op) => {
                let from = shape_of(self, input()?)?;
                let mut there = Vec::with_capacity(index.len());
                for ((&index, range), &length) in index.iter().zip(&op.ranges).zip(&from) {
                    let start = self.known.sizes.evaluate(&range.start).ok_or(Silence::OutOfReach)?;
                    let steps = (index as i64 - start).checked_div(range.step).unwrap_or(-1);
                    let is_there = start + steps * range.step == index as i64 && steps >= 0 && (steps as usize) < length;
                    if !is_there {
                        return Ok(self.number(0.0));
                    }
                    there.push(steps as usize);
                }
                self.at(input()?, &there)
            }
            Op::Concatenate(op) => {
                let mut from = index.to_vec();
                for input in inputs {
                    let length = shape_of(self, input)?[op.axis];
                    if from[op.axis] < length {
                        return self.at(input, &from);
                    }
                    from[op.axis] -= length;
                }
                Err(Silence::OutOfReach)
            }
            Op::SelectAxis(op) => {
                let &[data, indices] = &inputs[..] else { return Err(Silence::OutOfReach) };
                let rank = shape_of(self, indices)?.len();
                let which = self.known.array(indices)?;
                let place = index[op.axis..op.axis + rank].iter().zip(which.shape()).fold(0, |place, (&index, &length)| place * length + index);
                let picked = which.element(place).ok_or(Silence::OutOfReach)?.to_integer();
                let length = shape_of(self, data)?[op.axis] as i128;
                let row = if picked < 0 { picked + length } else { picked };
                let from = [&index[..op.axis], &[row as usize], &index[op.axis + rank..]].concat();
                self.at(data, &from)
            }
            Op::Reduce(op) => {
                let input = input()?;
                let (axes, reduction) = (op.axes.clone(), op.reduction);
                let row = self.row(input, &axes, index)?;
                self.reduced(reduction, &row)
            }
            Op::LogSumExp(op) => {
                let axes = op.axes.clone();
                let row = self.row(input()?, &axes, index)?;
                self.log_sum_exp(row)
            }
            Op::Norm(op) => {
                let axes = op.axes.clone();
                let row = self.row(input()?, &axes, index)?;
                let squares = row.iter().map(|x| self.call(&MUL, &[x.clone(), x.clone()])).collect::<Result<Vec<_>, _>>()?;
                let total = self.reduced(Reduction::Sum, &squares)?;
                self.call(&SQRT, &[total])
            }
            Op::Softmax(op) => {
                let (x, axis) = (input()?, op.axis);
                let log = self.log_softmax(x, axis, index)?;
                self.call(&EXP, &[log])
            }
            Op::LogSoftmax(op) => {
                let (x, axis) = (input()?, op.axis);
                self.log_softmax(x, axis, index)
            }
            Op::Dot(op) => {
                let &[left, right] = &inputs[..] else { return Err(Silence::OutOfReach) };
                let (left_shape, right_shape) = (shape_of(self, left)?, shape_of(self, right)?);
                let free = |rank: usize, paired: Vec<usize>| (0..rank).filter(|axis| !paired.contains(axis)).collect::<Vec<_>>();
                let side = |pick: fn(&(usize, usize)) -> usize| op.batch.iter().chain(&op.contract).map(pick).collect::<Vec<_>>();
                let (left_free, right_free) = (free(left_shape.len(), side(|pair| pair.0)), free(right_shape.len(), side(|pair| pair.1)));
                let (mut at_left, mut at_right) = (vec![0; left_shape.len()], vec![0; right_shape.len()]);
                let mut rest = index.iter().copied();
                for (&(in_left, in_right), index) in op.batch.iter().zip(rest.by_ref().take(op.batch.len())) {
                    (at_left[in_left], at_right[in_right]) = (index, index);
                }
                left_free.iter().zip(rest.by_ref().take(left_free.len())).for_each(|(&axis, index)| at_left[axis] = index);
                right_free.iter().zip(rest).for_each(|(&axis, index)| at_right[axis] = index);
                let lengths: Vec<usize> = op.contract.iter().map(|pair| left_shape[pair.0]).collect();
                let contract = op.contract.clone();
                let mut total = self.number(0.0);
                for place in 0..lengths.iter().product() {
                    for (&(in_left, in_right), index) in contract.iter().zip(index_of(place, &lengths)) {
                        (at_left[in_left], at_right[in_right]) = (index, index);
                    }
                    let (x, y) = (self.at(left, &at_left)?, self.at(right, &at_right)?);
                    let product = self.call(&MUL, &[x, y])?;
                    total = self.call(&ADD, &[total, product])?;
                }
                Ok(total)
            }
            Op::Conv(op) => {
                let &[x, w] = &inputs[..] else { return Err(Silence::OutOfReach) };
                let (x_shape, w_shape) = (shape_of(self, x)?, shape_of(self, w)?);
                let channels = w_shape[1];
                let group = index[1] / (w_shape[0] / op.groups).max(1);
                let starts = op.begins.iter().map(|range| self.known.sizes.evaluate(&range.start).ok_or(Silence::OutOfReach));
                let starts = starts.collect::<Result<Vec<i64>, _>>()?;
                let op = op.clone();
                let mut total = self.number(0.0);
                for tap in (0..w_shape[1..].iter().product()).map(|place| index_of(place, &w_shape[1..])) {
                    let mut at = vec![index[0], group * channels + tap[0]];
                    for (axis, start) in starts.iter().enumerate() {
                        let place = start + index[2 + axis] as i64 * op.begins[axis].step + (tap[1 + axis] * op.dilation[axis]) as i64;
                        let spread = op.spread[axis] as i64;
                        if place >= 0 && place % spread == 0 && ((place / spread) as usize) < x_shape[2 + axis] {
                            at.push((place / spread) as usize);
                        }
                    }
                    if at.len() == x_shape.len() {
                        let filter: Vec<usize> = std::iter::once(index[1]).chain(tap).collect();
                        let (x, w) = (self.at(x, &at)?, self.at(w, &filter)?);
                        let product = self.call(&MUL, &[x, w])?;
                        total = self.call(&ADD, &[total, product])?;
                    }
                }
                Ok(total)
            }
            Op::ScatterAdd(_) | Op::ProductOfOthers(_) | Op::MaxPool(_) | Op::MaxPoolTangent(_) | Op::MaxPoolCotangent(_) | Op::Custom(_) => {
                Err(Silence::Unknown(node.op().rules().name()))
            }
        }
    }

    /// The elements that become one where these axes disappear.
    fn row(&mut self, input: Value, axes: &[usize], index: &[usize]) -> Result<Vec<Truth>, Silence> {
        let shape = self.known.array(input)?.shape().to_vec();
        let lengths: Vec<usize> = axes.iter().map(|&axis| shape[axis]).collect();
        let mut kept = index.iter();
        let mut at: Vec<usize> = (0..shape.len()).map(|axis| if axes.contains(&axis) { 0 } else { kept.next().copied().unwrap_or(0) }).collect();
        let mut row = Vec::new();
        for place in 0..lengths.iter().product() {
            axes.iter().zip(index_of(place, &lengths)).for_each(|(&axis, index)| at[axis] = index);
            row.push(self.at(input, &at)?);
        }
        Ok(row)
    }

    fn reduced(&self, reduction: Reduction, row: &[Truth]) -> Result<Truth, Silence> {
        let count = row.len() as f64;
        let fold = |start: Option<Truth>, scalar: &'static Scalar| -> Result<Truth, Silence> {
            let mut row = row.iter().cloned();
            let start = start.or_else(|| row.next()).ok_or(Silence::OutOfReach)?;
            row.try_fold(start, |total, x| self.call(scalar, &[total, x]))
        };
        match reduction {
            Reduction::Sum => fold(Some(self.number(0.0)), &ADD),
            Reduction::Mean => {
                let total = fold(Some(self.number(0.0)), &ADD)?;
                self.call(&DIV, &[total, self.number(count)])
            }
            Reduction::Product => fold(Some(self.number(1.0)), &MUL),
            Reduction::Max => fold(None, &MAX),
            Reduction::Min => fold(None, &MIN),
            Reduction::All => Ok(Truth::Holds(row.iter().all(|x| *x == Truth::Holds(true)))),
            Reduction::Any => Ok(Truth::Holds(row.contains(&Truth::Holds(true)))),
        }
    }

    fn log_sum_exp(&self, row: Vec<Truth>) -> Result<Truth, Silence> {
        let largest = self.reduced(Reduction::Max, &row)?;
        let terms = row.into_iter().map(|x| {
            let below = self.call(&SUB, &[x, largest.clone()])?;
            self.call(&EXP, &[below])
        });
        let total = self.reduced(Reduction::Sum, &terms.collect::<Result<Vec<_>, _>>()?)?;
        let rest = self.call(&LN, &[total])?;
        self.call(&ADD, &[largest, rest])
    }

    fn log_softmax(&mut self, input: Value, axis: usize, index: &[usize]) -> Result<Truth, Silence> {
        let mut outer = index.to_vec();
        outer.remove(axis);
        let row = self.row(input, &[axis], &outer)?;
        let own = self.at(input, index)?;
        let total = self.log_sum_exp(row)?;
        self.call(&SUB, &[own, total])
    }
}

/// The index into an array of that shape that a stretched one reads.
fn stretched(index: &[usize], shape: &[usize]) -> Vec<usize> {
    let extra = index.len().saturating_sub(shape.len());
    index[extra..].iter().zip(shape).map(|(&index, &length)| if length == 1 { 0 } else { index }).collect()
}

/// The index of a place in row-major order.
pub(crate) fn index_of(mut place: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (index, &length) in index.iter_mut().zip(shape).rev() {
        (*index, place) = (place % length.max(1), place / length.max(1));
    }
    index
}
