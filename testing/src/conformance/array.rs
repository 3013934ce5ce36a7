//! What the library needs of arrays on the tape: lengths, layout, picking, reducing and contracting, with all shapes known.

use damo::op::Op;
use damo::op::broadcast::Broadcast;
use damo::op::concatenate::Concatenate;
use damo::op::dot::Dot;
use damo::op::pad::Pad;
use damo::op::pointwise::Pointwise;
use damo::op::reduce::{Reduce, Reduction};
use damo::op::reshape::Reshape;
use damo::op::scalar::{self, Scalar};
use damo::op::scatter_add::ScatterAdd;
use damo::op::select_axis::SelectAxis;
use damo::op::slice::{Range, Slice};
use damo::op::transpose::Transpose;
use damo::{Dim, Dims, Element, Tape, Tensor};
use ndarray::{ArrayD, IxDyn};

use super::arithmetic;
use super::object::Object;
use super::stop::{Stop, malformed, unsupported};

/// A regular range along an axis: `length` elements from `start`, `step` apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: i64,
    pub(crate) step: i64,
    pub(crate) length: usize,
}

impl Span {
    /// A stretch of the axis.
    pub(crate) fn from(start: usize, length: usize) -> Self {
        Span { start: start as i64, step: 1, length }
    }

    fn range(&self) -> Range {
        Range { start: Dim::from(self.start), step: self.step, length: Dim::from(self.length) }
    }
}

/// Does the same to the array inside an object, whatever its element type; the body may use `?`.
macro_rules! map_array {
    ($object:expr, |$array:ident| $body:expr) => {
        match $object {
            Object::Real($array) => Ok(Object::Real($body)),
            Object::Whole($array) => Ok(Object::Whole($body)),
            Object::Mask($array) => Ok(Object::Mask($body)),
            other => Err($crate::conformance::stop::malformed(format!("an array expected, found {}", other.kind()))),
        }
    };
}
pub(crate) use map_array;

/// The lengths of an array.
pub(crate) fn lengths_of<T: Element>(tensor: Tensor<'_, T>) -> Result<Vec<usize>, Stop> {
    tensor.dims()?.known().ok_or_else(|| unsupported("lengths that are not known"))
}

/// The lengths of an array; of a number, none.
pub(crate) fn shape(object: &Object<'_>) -> Result<Vec<usize>, Stop> {
    match object {
        Object::Real(tensor) => lengths_of(*tensor),
        Object::Whole(tensor) => lengths_of(*tensor),
        Object::Mask(tensor) => lengths_of(*tensor),
        Object::Bool(_) | Object::Integer(_) | Object::Number(_) => Ok(Vec::new()),
        Object::Tuple(items) | Object::List(items) => {
            let inner = items.first().map_or(Ok(Vec::new()), shape)?;
            Ok(std::iter::once(items.len()).chain(inner).collect())
        }
        other => Err(malformed(format!("the shape of {}", other.kind()))),
    }
}

fn dims(lengths: &[usize]) -> Dims {
    lengths.iter().map(|&length| Dim::from(length)).collect()
}

fn add<T: Element>(op: impl Into<Op>, tensor: Tensor<'_, T>) -> Tensor<'_, T> {
    tensor.tape().apply(op, &[tensor.handle()])
}

/// A literal array.
pub(crate) fn constant<T: Element>(tape: &Tape, array: ArrayD<T>) -> Tensor<'_, T> {
    tape.constant(array)
}

/// An array of one number in every place.
pub(crate) fn full<'t, T: Element>(tape: &'t Tape, value: T, shape: &[usize]) -> Tensor<'t, T> {
    constant(tape, ArrayD::from_elem(IxDyn(shape), value))
}

/// 0, 1, 2 …
pub(crate) fn iota(tape: &Tape, length: usize) -> Tensor<'_, i64> {
    constant(tape, ArrayD::from_shape_fn(IxDyn(&[length]), |place| place[0] as i64))
}

/// A number or a nest of sequences as one array.
pub(crate) fn array_of<'t>(tape: &'t Tape, object: &Object<'t>) -> Result<Object<'t>, Stop> {
    Ok(match object {
        Object::Bool(value) => Object::Mask(full(tape, *value, &[])),
        Object::Integer(value) => Object::Whole(full(tape, *value, &[])),
        Object::Number(value) => Object::Real(full(tape, *value, &[])),
        Object::Tuple(items) | Object::List(items) => {
            let items = items.iter().map(|item| array_of(tape, item)).collect::<Result<Vec<_>, _>>()?;
            stack(tape, &items, 0)?
        }
        array if array.is_array() => array.clone(),
        other => return Err(malformed(format!("{} as an array", other.kind()))),
    })
}

/// Arrays of one shape along a new axis.
pub(crate) fn stack<'t>(tape: &'t Tape, items: &[Object<'t>], axis: usize) -> Result<Object<'t>, Stop> {
    let widened = items
        .iter()
        .map(|item| {
            let item = array_of(tape, item)?;
            let mut lengths = shape(&item)?;
            lengths.insert(axis.min(lengths.len()), 1);
            map_array!(item, |array| reshape(array, &lengths))
        })
        .collect::<Result<Vec<_>, Stop>>()?;
    concatenate(tape, &widened, axis)
}

/// Arrays end to end, promoted to one element type.
pub(crate) fn concatenate<'t>(tape: &'t Tape, items: &[Object<'t>], axis: usize) -> Result<Object<'t>, Stop> {
    if items.is_empty() {
        return Ok(Object::Real(full(tape, 0.0, &[0])));
    }
    if items.iter().any(arithmetic::is_real) {
        let tensors = items.iter().map(|item| arithmetic::reals(tape, item)).collect::<Result<Vec<_>, _>>()?;
        return Ok(Object::Real(joined(tape, &tensors, axis)));
    }
    if items.iter().all(|item| matches!(item, Object::Mask(_))) {
        let tensors = items.iter().map(|item| arithmetic::masks(tape, item)).collect::<Result<Vec<_>, _>>()?;
        return Ok(Object::Mask(joined(tape, &tensors, axis)));
    }
    let tensors = items.iter().map(|item| arithmetic::wholes(tape, item)).collect::<Result<Vec<_>, _>>()?;
    Ok(Object::Whole(joined(tape, &tensors, axis)))
}

/// Arrays end to end.
pub(crate) fn joined<'t, T: Element>(tape: &'t Tape, tensors: &[Tensor<'t, T>], axis: usize) -> Tensor<'t, T> {
    let handles: Vec<_> = tensors.iter().map(|tensor| tensor.handle()).collect();
    tape.apply(Concatenate { axis }, &handles)
}

/// A function of the table.
pub(crate) fn apply<'t, T: Element, const N: usize>(function: &'static Scalar, arguments: [Tensor<'t, T>; N]) -> Tensor<'t, T> {
    arguments[0].tape().apply(Pointwise(function), &arguments.map(damo::Tensor::handle))
}

/// A question of the table.
pub(crate) fn ask<'t, T: Element, const N: usize>(function: &'static Scalar, arguments: [Tensor<'t, T>; N]) -> Tensor<'t, bool> {
    arguments[0].tape().apply(Pointwise(function), &arguments.map(damo::Tensor::handle))
}

/// `yes` where the mask holds, else `no`.
pub(crate) fn select<'t, T: Element>(mask: Tensor<'t, bool>, yes: Tensor<'t, T>, no: Tensor<'t, T>) -> Tensor<'t, T> {
    mask.tape().apply(Pointwise(&scalar::SELECT), &[mask.handle(), yes.handle(), no.handle()])
}

/// The same elements under other lengths.
pub(crate) fn reshape<'t, T: Element>(tensor: Tensor<'t, T>, to: &[usize]) -> Tensor<'t, T> {
    add(Reshape { to: dims(to) }, tensor)
}

/// Axes in another order: axis `k` of the result is axis `order[k]`.
pub(crate) fn permute<'t, T: Element>(tensor: Tensor<'t, T>, order: &[usize]) -> Tensor<'t, T> {
    if order.iter().copied().eq(0..order.len()) { tensor } else { add(Transpose { order: order.into() }, tensor) }
}

/// Stretched to lengths.
pub(crate) fn broadcast<'t, T: Element>(tensor: Tensor<'t, T>, to: &[usize]) -> Tensor<'t, T> {
    add(Broadcast { to: dims(to) }, tensor)
}

/// A regular range along each axis.
pub(crate) fn slice<'t, T: Element>(tensor: Tensor<'t, T>, spans: &[Span]) -> Tensor<'t, T> {
    add(Slice { ranges: spans.iter().map(Span::range).collect() }, tensor)
}

/// Part of one axis.
pub(crate) fn slice_axis<T: Element>(tensor: Tensor<'_, T>, axis: usize, span: Span) -> Result<Tensor<'_, T>, Stop> {
    let mut spans: Vec<Span> = lengths_of(tensor)?.into_iter().map(|length| Span::from(0, length)).collect();
    spans[axis] = span;
    Ok(slice(tensor, &spans))
}

/// Zeros of lengths `to`, but for the array at ranges.
pub(crate) fn spread<'t, T: Element>(tensor: Tensor<'t, T>, spans: &[Span], to: &[usize]) -> Tensor<'t, T> {
    add(Pad { ranges: spans.iter().map(Span::range).collect(), to: dims(to) }, tensor)
}

/// Rows along an axis picked by index; the axis is replaced by the index's axes.
pub(crate) fn rows<'t, T: Element>(tensor: Tensor<'t, T>, axis: usize, index: Tensor<'t, i64>) -> Tensor<'t, T> {
    tensor.tape().apply(SelectAxis { axis }, &[tensor.handle(), index.handle()])
}

/// Zeros of a length along an axis, with rows added up by index.
pub(crate) fn scatter_add<'t, T: Element>(rows: Tensor<'t, T>, axis: usize, index: Tensor<'t, i64>, length: usize) -> Tensor<'t, T> {
    rows.tape().apply(ScatterAdd { axis, length: Dim::from(length) }, &[rows.handle(), index.handle()])
}

/// Reduced over axes, which disappear.
pub(crate) fn reduce<'t, T: Element>(reduction: Reduction, tensor: Tensor<'t, T>, axes: &[usize]) -> Tensor<'t, T> {
    if axes.is_empty() { tensor } else { add(Reduce { reduction, axes: axes.into() }, tensor) }
}

/// A sum of products over the contracted axes; the result has the batch axes, the left's others, the right's others.
pub(crate) fn dot<'t>(left: Tensor<'t, f64>, right: Tensor<'t, f64>, batch: &[(usize, usize)], contract: &[(usize, usize)]) -> Tensor<'t, f64> {
    left.tape().apply(Dot { batch: batch.into(), contract: contract.into() }, &[left.handle(), right.handle()])
}
