//! The meaning of a graph on numbers of many digits: what differences of tiny steps are taken of.

use std::collections::BTreeMap;

use damo::op::Op;
use damo::op::dot::Dot;
use damo::op::reduce::Reduction;
use damo::{AnyArray, Graph};
use damo_graph::op::scalar::{ADD, DIV, EXP, LN, MAX, MIN, MUL, SQRT, SUB, Scalar};
use damo_graph::{NodeId, Number, Sizes};
use ndarray::{ArrayD, Axis, IxDyn};

use damo_oracle::{Truth, apply, of_float, to_float};

/// An array of numbers of many digits, or of integers or truth values.
#[derive(Clone, Debug)]
pub(crate) enum Precise {
    /// Floats of any type, without their rounding.
    Reals(ArrayD<Truth>),
    /// Anything else.
    Exact(AnyArray),
}

/// That a graph cannot be computed so: an op of the user's, or a number out of reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfReach;

type Found<T> = Result<T, OutOfReach>;

impl Precise {
    /// The numbers of an array, exactly.
    pub(crate) fn of(array: &AnyArray, bits: usize) -> Self {
        if array.dtype().is_float() { Precise::Reals(array.to_reals().mapv(|x| of_float(x, bits))) } else { Precise::Exact(array.clone()) }
    }

    fn shape(&self) -> &[usize] {
        match self {
            Precise::Reals(array) => array.shape(),
            Precise::Exact(array) => array.shape(),
        }
    }

    fn truths(&self) -> ArrayD<Truth> {
        match self {
            Precise::Reals(array) => array.clone(),
            Precise::Exact(array) => {
                let numbers = array.numbers().into_iter().map(|number| match number {
                    Number::Bool(holds) => Truth::Holds(holds),
                    Number::Integer(_) | Number::Real(_) | Number::Complex(..) => of_float(number.to_real(), 128),
                });
                shaped(array.shape(), numbers.collect())
            }
        }
    }
}

/// Elements in row-major order as an array.
fn shaped(shape: &[usize], elements: Vec<Truth>) -> ArrayD<Truth> {
    ArrayD::from_shape_vec(IxDyn(shape), elements).unwrap_or_else(|_| ArrayD::from_elem(IxDyn(&[0]), Truth::Undefined))
}

/// The outputs of a graph of one result per node, computed with that many bits. The inputs fit it.
pub(crate) fn evaluate(graph: &Graph, inputs: &[Precise], bits: usize) -> Found<Vec<Precise>> {
    let shapes: Vec<&[usize]> = inputs.iter().map(Precise::shape).collect();
    let sizes = Sizes::bind(graph, &shapes).map_err(|_| OutOfReach)?;
    let mut results: BTreeMap<NodeId, Precise> = BTreeMap::new();
    for (id, node) in graph.nodes() {
        let result = if let Some(place) = graph.inputs().iter().position(|&input| input == id) {
            inputs.get(place).cloned().ok_or(OutOfReach)?
        } else {
            let read: Vec<&Precise> = node.inputs().iter().map(|value| results.get(&value.node).ok_or(OutOfReach)).collect::<Found<_>>()?;
            if node.types().len() != 1 {
                return Err(OutOfReach);
            }
            one(node.op(), &read, node.types()[0].dtype.is_float(), &sizes, bits)?
        };
        results.insert(id, result);
    }
    graph.outputs().iter().map(|value| results.get(&value.node).cloned().ok_or(OutOfReach)).collect()
}

/// One op.
fn one(op: &Op, read: &[&Precise], is_float: bool, sizes: &Sizes, bits: usize) -> Found<Precise> {
    let by_meaning = |arrays: &[&AnyArray]| op.rules().evaluate(arrays, sizes).ok().and_then(|mut made| made.pop()).ok_or(OutOfReach);
    let exact: Option<Vec<&AnyArray>> = read.iter().map(|array| if let Precise::Exact(array) = array { Some(array) } else { None }).collect();
    if let Some(arrays) = exact {
        return by_meaning(&arrays).map(|made| Precise::of(&made, bits));
    }
    let reals = read.iter().map(|array| array.truths()).collect::<Vec<_>>();
    let rows = |axes: &[usize], of: &dyn Fn(&[Truth]) -> Found<Truth>| reduce(&reals[0], axes, of).map(Precise::Reals);
    let maps = |axes: &[usize], of: &dyn Fn(&[Truth]) -> Found<Vec<Truth>>| map(&reals[0], axes, of).map(Precise::Reals);
    if let Op::Pointwise(function) = op {
        let made = pointwise(function.0, &reals, bits)?;
        return Ok(if is_float { Precise::Reals(made) } else { Precise::Exact(as_truth_values(&made)) });
    }
    if let Op::Cast(_) | Op::ArgExtreme(_) = op
        && !is_float
    {
        // Where the nearest floats would do.
        let nearest = AnyArray::from(reals[0].mapv(|x| to_float(&x)));
        return by_meaning(&[&nearest]).map(Precise::Exact);
    }
    if matches!(op, Op::Cast(_) | Op::StopGradient(_)) {
        return Ok(Precise::Reals(reals.into_iter().next().ok_or(OutOfReach)?));
    }
    if let Op::Reduce(reduce) = op {
        return match reduce.reduction {
            Reduction::Sum => rows(&reduce.axes, &|row| fold(&ADD, 0.0, row, bits)),
            Reduction::Mean => rows(&reduce.axes, &|row| apply_one(&DIV, &[fold(&ADD, 0.0, row, bits)?, of_float(row.len() as f64, bits)], bits)),
            Reduction::Product => rows(&reduce.axes, &|row| fold(&MUL, 1.0, row, bits)),
            Reduction::Max => rows(&reduce.axes, &|row| extreme(&MAX, row, bits)),
            Reduction::Min => rows(&reduce.axes, &|row| extreme(&MIN, row, bits)),
            Reduction::All | Reduction::Any => Err(OutOfReach),
        };
    }
    if let Op::LogSumExp(sum) = op {
        return rows(&sum.axes, &|row| log_sum_exp(row, bits));
    }
    if let Op::Norm(norm) = op {
        return rows(&norm.axes, &|row| {
            let squares = row.iter().map(|x| apply_one(&MUL, &[x.clone(), x.clone()], bits)).collect::<Found<Vec<_>>>()?;
            apply_one(&SQRT, &[fold(&ADD, 0.0, &squares, bits)?], bits)
        });
    }
    if let Op::Softmax(softmax) = op {
        return maps(&[softmax.axis], &|row| log_shares(row, bits)?.iter().map(|x| apply_one(&EXP, std::slice::from_ref(x), bits)).collect());
    }
    if let Op::LogSoftmax(softmax) = op {
        return maps(&[softmax.axis], &|row| log_shares(row, bits));
    }
    if let Op::ProductOfOthers(product) = op {
        return maps(&product.axes, &|row| {
            let others = |place: usize| row.iter().enumerate().filter(move |(at, _)| *at != place).map(|(_, x)| x.clone()).collect::<Vec<_>>();
            (0..row.len()).map(|place| fold(&MUL, 1.0, &others(place), bits)).collect()
        });
    }
    if let Op::Dot(product) = op {
        return dot(product, &reals[0], &reals[1], bits).map(Precise::Reals);
    }
    if let Op::ScatterAdd(scatter) = op {
        let [_, Precise::Exact(indices)] = read else { return Err(OutOfReach) };
        let updates = &reals[0];
        let length = sizes.length(&scatter.length).map_err(|_| OutOfReach)?;
        let shape = [&updates.shape()[..scatter.axis], &[length], &updates.shape()[scatter.axis + indices.shape().len()..]].concat();
        // Where each update goes is what picking by the same indices gives of the places.
        let places = numbered(&shape, 0);
        let select = damo::op::select_axis::SelectAxis { axis: scatter.axis };
        let picked = Op::from(select).rules().evaluate(&[&places, indices], sizes).map_err(|_| OutOfReach)?.pop().ok_or(OutOfReach)?;
        let mut sums = vec![of_float(0.0, bits); shape.iter().product()];
        for (place, update) in picked.to_integers().iter().zip(updates) {
            let sum = usize::try_from(*place).ok().and_then(|place| sums.get_mut(place)).ok_or(OutOfReach)?;
            *sum = apply_one(&ADD, &[sum.clone(), update.clone()], bits)?;
        }
        return Ok(Precise::Reals(shaped(&shape, sums)));
    }
    moved(op, read, &reals, sizes, bits)
}

/// An op that only moves elements: it moves their numbers, counted from 1, and what is 0 then is 0.
fn moved(op: &Op, read: &[&Precise], reals: &[ArrayD<Truth>], sizes: &Sizes, bits: usize) -> Found<Precise> {
    if !op.only_moves() {
        return Err(OutOfReach);
    }
    let (mut elements, mut places) = (vec![of_float(0.0, bits)], Vec::new());
    for (array, reals) in read.iter().zip(reals) {
        match array {
            Precise::Reals(_) => {
                places.push(numbered(reals.shape(), elements.len()));
                elements.extend(reals.iter().cloned());
            }
            Precise::Exact(array) => places.push(array.clone()),
        }
    }
    let made = op.rules().evaluate(&places.iter().collect::<Vec<_>>(), sizes).map_err(|_| OutOfReach)?.pop().ok_or(OutOfReach)?;
    let picked = made.to_integers().iter().map(|&place| elements.get(place as usize).cloned().unwrap_or(Truth::Undefined)).collect();
    Ok(Precise::Reals(shaped(made.shape(), picked)))
}

/// Places in row-major order, counted from a number.
fn numbered(shape: &[usize], from: usize) -> AnyArray {
    let count = shape.iter().product::<usize>();
    AnyArray::from_integers(
        damo::DType::I64,
        &ArrayD::from_shape_vec(IxDyn(shape), (from..from + count).map(|k| k as i128).collect()).unwrap_or_default(),
    )
}

fn as_truth_values(made: &ArrayD<Truth>) -> AnyArray {
    AnyArray::from(made.mapv(|truth| truth == Truth::Holds(true)))
}

fn apply_one(function: &'static Scalar, arguments: &[Truth], bits: usize) -> Found<Truth> {
    apply(function, arguments, bits).map_err(|_| OutOfReach)
}

fn fold(function: &'static Scalar, start: f64, row: &[Truth], bits: usize) -> Found<Truth> {
    row.iter().try_fold(of_float(start, bits), |all, x| apply_one(function, &[all, x.clone()], bits))
}

/// The largest or smallest; there is none of none.
fn extreme(function: &'static Scalar, row: &[Truth], bits: usize) -> Found<Truth> {
    let (first, rest) = row.split_first().ok_or(OutOfReach)?;
    rest.iter().try_fold(first.clone(), |all, x| apply_one(function, &[all, x.clone()], bits))
}

fn log_sum_exp(row: &[Truth], bits: usize) -> Found<Truth> {
    let largest = extreme(&MAX, row, bits)?;
    if !matches!(largest, Truth::Number(_)) {
        return Ok(largest);
    }
    let powers = row.iter().map(|x| apply_one(&EXP, &[apply_one(&SUB, &[x.clone(), largest.clone()], bits)?], bits)).collect::<Found<Vec<_>>>()?;
    let rest = apply_one(&LN, &[fold(&ADD, 0.0, &powers, bits)?], bits)?;
    apply_one(&ADD, &[largest, rest], bits)
}

fn log_shares(row: &[Truth], bits: usize) -> Found<Vec<Truth>> {
    let sum = log_sum_exp(row, bits)?;
    row.iter().map(|x| apply_one(&SUB, &[x.clone(), sum.clone()], bits)).collect()
}

/// A function of the table, its arguments stretched against each other.
fn pointwise(function: &'static Scalar, arguments: &[ArrayD<Truth>], bits: usize) -> Found<ArrayD<Truth>> {
    let rank = arguments.iter().map(ArrayD::ndim).max().unwrap_or(0);
    let shape: Vec<usize> = (0..rank)
        .map(|axis| {
            let of = |array: &ArrayD<Truth>| (axis + array.ndim()).checked_sub(rank).map_or(1, |axis| array.shape()[axis]);
            arguments.iter().map(of).find(|&length| length != 1).unwrap_or(1)
        })
        .collect();
    let stretched = arguments.iter().map(|array| array.broadcast(IxDyn(&shape)).ok_or(OutOfReach)).collect::<Found<Vec<_>>>()?;
    let mut all: Vec<_> = stretched.iter().map(|array| array.iter()).collect();
    let mut made = Vec::with_capacity(shape.iter().product());
    for _ in 0..shape.iter().product::<usize>() {
        let at: Vec<Truth> = all.iter_mut().filter_map(|elements| elements.next().cloned()).collect();
        made.push(apply_one(function, &at, bits)?);
    }
    Ok(shaped(&shape, made))
}

/// The axes with those of a row last, and the lengths of the others.
fn row_order(rank: usize, axes: &[usize]) -> Vec<usize> {
    (0..rank).filter(|axis| !axes.contains(axis)).chain(axes.iter().copied()).collect()
}

/// Rows along axes, each in order.
fn rows_of(array: &ArrayD<Truth>, axes: &[usize]) -> (Vec<Vec<Truth>>, Vec<usize>) {
    let order = row_order(array.ndim(), axes);
    let elements: Vec<Truth> = array.view().permuted_axes(IxDyn(&order)).iter().cloned().collect();
    let kept: Vec<usize> = order[..array.ndim() - axes.len()].iter().map(|&axis| array.shape()[axis]).collect();
    let length: usize = axes.iter().map(|&axis| array.shape()[axis]).product();
    let count: usize = kept.iter().product();
    ((0..count).map(|row| elements[row * length..(row + 1) * length].to_vec()).collect(), kept)
}

fn reduce(array: &ArrayD<Truth>, axes: &[usize], of: &dyn Fn(&[Truth]) -> Found<Truth>) -> Found<ArrayD<Truth>> {
    let (rows, kept) = rows_of(array, axes);
    Ok(shaped(&kept, rows.iter().map(|row| of(row)).collect::<Found<_>>()?))
}

fn map(array: &ArrayD<Truth>, axes: &[usize], of: &dyn Fn(&[Truth]) -> Found<Vec<Truth>>) -> Found<ArrayD<Truth>> {
    let order = row_order(array.ndim(), axes);
    let (rows, _) = rows_of(array, axes);
    let elements = rows.iter().map(|row| of(row)).collect::<Found<Vec<_>>>()?.concat();
    let shape: Vec<usize> = order.iter().map(|&axis| array.shape()[axis]).collect();
    let back: Vec<usize> = (0..array.ndim()).map(|axis| order.iter().position(|&at| at == axis).unwrap_or(axis)).collect();
    Ok(shaped(&shape, elements).permuted_axes(IxDyn(&back)).as_standard_layout().into_owned())
}

fn dot(product: &Dot, left: &ArrayD<Truth>, right: &ArrayD<Truth>, bits: usize) -> Found<ArrayD<Truth>> {
    let side = |array: &ArrayD<Truth>, batch: Vec<usize>, contract: Vec<usize>| {
        let free: Vec<usize> = (0..array.ndim()).filter(|axis| !batch.contains(axis) && !contract.contains(axis)).collect();
        let lengths = |axes: &[usize]| axes.iter().map(|&axis| array.shape()[axis]).collect::<Vec<_>>();
        let (b, f) = (lengths(&batch), lengths(&free));
        let shape = [b.iter().product(), f.iter().product::<usize>(), lengths(&contract).iter().product()];
        let order = [batch, free, contract].concat();
        let elements = array.view().permuted_axes(IxDyn(&order)).iter().cloned().collect();
        (shaped(&shape, elements), b, f)
    };
    let pairs = |of: fn(&(usize, usize)) -> usize| (product.batch.iter().map(of).collect(), product.contract.iter().map(of).collect());
    let ((lb, lc), (rb, rc)) = (pairs(|pair| pair.0), pairs(|pair| pair.1));
    let ((left, batch, m), (right, _, n)) = (side(left, lb, lc), side(right, rb, rc));
    let mut made = Vec::new();
    for (left, right) in left.axis_iter(Axis(0)).zip(right.axis_iter(Axis(0))) {
        for row in left.axis_iter(Axis(0)) {
            for column in right.axis_iter(Axis(0)) {
                let products = row.iter().zip(column.iter()).map(|(x, y)| apply_one(&MUL, &[x.clone(), y.clone()], bits));
                made.push(fold(&ADD, 0.0, &products.collect::<Found<Vec<_>>>()?, bits)?);
            }
        }
    }
    Ok(shaped(&[batch, m, n].concat(), made))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategies::Graphs;
    use damo::DType;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

        #[test]
        fn it_means_the_same(random in Graphs { dtypes: vec![DType::F64, DType::F64, DType::I64], edges: 0, steps: 5, ..Graphs::default() }.strategy()) {
            let Ok(meant) = random.graph.evaluate(&random.arrays) else { return Ok(()) };
            let inputs: Vec<Precise> = random.arrays.iter().map(|array| Precise::of(array, 192)).collect();
            let Ok(found) = evaluate(&random.graph, &inputs, 192) else { return Ok(()) };
            let moved = crate::sensitivity::sensitivity(&random.graph, &random.arrays, 1e-12).unwrap();
            for ((meant, found), moved) in meant.iter().zip(&found).zip(&moved.moved) {
                prop_assert_eq!(meant.shape(), found.shape(), "{}", random.graph.to_text());
                for ((meant, found), moved) in meant.to_reals().iter().zip(&found.truths()).zip(moved) {
                    let found = to_float(found);
                    let close = (meant - found).abs() <= moved * 4.0 + 1e-10 * meant.abs();
                    prop_assert!(!meant.is_finite() || close || moved.is_infinite() || !moved.is_finite() || *moved >= meant.abs() || !found.is_finite(), "{:e} {:e}\n{}", meant, found, random.graph.to_text());
                }
            }
        }
    }
}
