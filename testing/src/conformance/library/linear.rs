//! Products of matrices and vectors, diagonals and traces.

use damo::op::reduce::Reduction;
use damo::{Element, Tensor};

use super::shape::broadcast_shape;
use super::{Answer, real};
use crate::conformance::arguments::Arguments;
use crate::conformance::arithmetic::reals;
use crate::conformance::array::{self, Span, map_array};
use crate::conformance::interpret::Interpreter;
use crate::conformance::object::{Object, axis_of};
use crate::conformance::stop::{Stop, malformed};

/// `left @ right`
pub(crate) fn matrix_product<'t>(interpreter: &Interpreter<'t>, left: &Object<'t>, right: &Object<'t>) -> Result<Object<'t>, Stop> {
    matmul(reals(interpreter.tape, left)?, reals(interpreter.tape, right)?).map(Object::Real)
}

/// The last axis of the left with the last but one of the right; the axes before broadcast.
fn matmul<'t>(left: Tensor<'t, f64>, right: Tensor<'t, f64>) -> Result<Tensor<'t, f64>, Stop> {
    let (a, b) = (array::lengths_of(left)?, array::lengths_of(right)?);
    let (m, n) = (a.len(), b.len());
    if m == 0 || n == 0 {
        return Err(malformed("`@` of a scalar"));
    }
    if m <= 2 && n <= 2 {
        return Ok(array::dot(left, right, &[], &[(m - 1, n.saturating_sub(2))]));
    }
    if n <= 2 {
        return Ok(array::dot(left, right, &[], &[(m - 1, n.saturating_sub(2))]));
    }
    let outer = broadcast_shape(&[a[..m.saturating_sub(2)].to_vec(), b[..n - 2].to_vec()]);
    let stretched = |tensor: Tensor<'t, f64>, lengths: &[usize]| {
        let core = lengths.len().min(2);
        let to: Vec<usize> = outer.iter().chain(&lengths[lengths.len() - core..]).copied().collect();
        if to == lengths { tensor } else { array::broadcast(tensor, &to) }
    };
    let batch: Vec<(usize, usize)> = (0..outer.len()).map(|axis| (axis, axis)).collect();
    let k = outer.len();
    let left_core = m.min(2);
    Ok(array::dot(stretched(left, &a), stretched(right, &b), &batch, &[(k + left_core - 1, k)]))
}

pub(crate) fn call<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>) -> Answer<'t> {
    let pair = || Ok::<_, Stop>((real(interpreter, arguments, 0, "a")?, real(interpreter, arguments, 1, "b")?));
    Ok(Some(match arguments.of.as_str() {
        "matmul" => {
            let (a, b) = pair()?;
            Object::Real(matmul(a, b)?)
        }
        "dot" | "inner" => {
            let (a, b) = pair()?;
            let (m, n) = (array::lengths_of(a)?.len(), array::lengths_of(b)?.len());
            Object::Real(match (m, n) {
                (0, _) | (_, 0) => a * b,
                _ if arguments.of == "inner" => array::dot(a, b, &[], &[(m - 1, n - 1)]),
                _ => array::dot(a, b, &[], &[(m - 1, n.saturating_sub(2))]),
            })
        }
        "vdot" => {
            let (a, b) = pair()?;
            let flat = |x: Tensor<'t, f64>| Ok::<_, Stop>(array::reshape(x, &[array::lengths_of(x)?.iter().product()]));
            Object::Real(array::dot(flat(a)?, flat(b)?, &[], &[(0, 0)]))
        }
        "vecdot" => {
            let (a, b) = pair()?;
            let rank = array::lengths_of(a * b)?.len();
            Object::Real(array::reduce(Reduction::Sum, a * b, &[axis_of(arguments.integer(2, "axis", -1)?, rank)?]))
        }
        "outer" => {
            let (a, b) = pair()?;
            let (rows, columns) = (array::lengths_of(a)?.iter().product(), array::lengths_of(b)?.iter().product());
            Object::Real(array::reshape(a, &[rows, 1]) * array::reshape(b, &[1, columns]))
        }
        "kron" => {
            let (a, b) = pair()?;
            Object::Real(kron(a, b)?)
        }
        "tensordot" => {
            let (a, b) = pair()?;
            Object::Real(array::dot(a, b, &[], &contracted(arguments, array::lengths_of(a)?.len(), array::lengths_of(b)?.len())?))
        }
        "cross" => {
            let (a, b) = pair()?;
            Object::Real(cross(a, b)?)
        }
        "trace" | "diagonal" | "diag" => diagonals(interpreter, arguments)?,
        _ => return Ok(None),
    }))
}

/// `a ⊗ b`: each element of `a` times all of `b`.
fn kron<'t>(a: Tensor<'t, f64>, b: Tensor<'t, f64>) -> Result<Tensor<'t, f64>, Stop> {
    let (mut m, mut n) = (array::lengths_of(a)?, array::lengths_of(b)?);
    let rank = m.len().max(n.len());
    m.splice(0..0, vec![1; rank - m.len()]);
    n.splice(0..0, vec![1; rank - n.len()]);
    let left: Vec<usize> = m.iter().flat_map(|&length| [length, 1]).collect();
    let right: Vec<usize> = n.iter().flat_map(|&length| [1, length]).collect();
    let to: Vec<usize> = m.iter().zip(&n).map(|(a, b)| a * b).collect();
    Ok(array::reshape(array::reshape(a, &left) * array::reshape(b, &right), &to))
}

/// The pairs of axes that `tensordot` sums over.
fn contracted(arguments: &Arguments<'_>, m: usize, n: usize) -> Result<Vec<(usize, usize)>, Stop> {
    match arguments.optional(2, "axes") {
        None => Ok(vec![(m - 2, 0), (m - 1, 1)]),
        Some(Object::Integer(count)) => Ok((0..*count as usize).map(|k| (m - *count as usize + k, k)).collect()),
        Some(pairs) => {
            let [left, right] = pairs.items()? else { return Err(malformed("the axes of tensordot")) };
            let (left, right) = (left.integers()?, right.integers()?);
            left.into_iter().zip(right).map(|(l, r)| Ok((axis_of(l, m)?, axis_of(r, n)?))).collect()
        }
    }
}

/// The product of vectors in space, along the last axis.
fn cross<'t>(a: Tensor<'t, f64>, b: Tensor<'t, f64>) -> Result<Tensor<'t, f64>, Stop> {
    let part = |x: Tensor<'t, f64>, k: usize| {
        let axis = array::lengths_of(x)?.len().checked_sub(1).ok_or_else(|| malformed("the cross product of scalars"))?;
        array::slice_axis(x, axis, Span::from(k % 3, 1))
    };
    let parts = (0..3).map(|k| Ok(part(a, k + 1)? * part(b, k + 2)? - part(a, k + 2)? * part(b, k + 1)?)).collect::<Result<Vec<_>, Stop>>()?;
    let axis = array::lengths_of(parts[0])?.len() - 1;
    Ok(array::joined(a.tape(), &parts, axis))
}

/// `trace`, `diagonal`, and `diag` in both directions.
fn diagonals<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>) -> Result<Object<'t>, Stop> {
    let object = array::array_of(interpreter.tape, arguments.at(0)?)?;
    let rank = array::shape(&object)?.len();
    let is_diag = arguments.of == "diag";
    let offset = arguments.integer(1, if is_diag { "k" } else { "offset" }, 0)?;
    if is_diag && rank == 1 {
        return map_array!(object, |array| embedded(array, offset)?);
    }
    let (one, two) = (arguments.integer(2, "axis1", 0)?, arguments.integer(3, "axis2", 1)?);
    let taken = map_array!(object, |array| diagonal(array, axis_of(one, rank)?, axis_of(two, rank)?, offset)?)?;
    if arguments.of != "trace" {
        return Ok(taken);
    }
    let tensor = reals(interpreter.tape, &taken)?;
    Ok(Object::Real(array::reduce(Reduction::Sum, tensor, &[array::lengths_of(tensor)?.len() - 1])))
}

/// A matrix of zeros with a vector on its diagonal.
fn embedded<T: Element>(vector: Tensor<'_, T>, offset: i64) -> Result<Tensor<'_, T>, Stop> {
    let length = array::lengths_of(vector)?[0];
    let size = length + offset.unsigned_abs() as usize;
    let (row, column) = (offset.min(0).unsigned_abs() as usize, offset.max(0) as usize);
    let flat = Span { start: (row * size + column) as i64, step: size as i64 + 1, length };
    Ok(array::reshape(array::spread(vector, &[flat], &[size * size]), &[size, size]))
}

/// A diagonal over two axes, as a new last axis: a slice of the flat matrix, whose diagonal elements are a row and one apart.
pub(crate) fn diagonal<T: Element>(tensor: Tensor<'_, T>, one: usize, two: usize, offset: i64) -> Result<Tensor<'_, T>, Stop> {
    let lengths = array::lengths_of(tensor)?;
    let (rows, columns) = (lengths[one], lengths[two]);
    let (row, column) = (offset.min(0).unsigned_abs() as usize, offset.max(0) as usize);
    let length = rows.saturating_sub(row).min(columns.saturating_sub(column));
    let others: Vec<usize> = (0..lengths.len()).filter(|&axis| axis != one && axis != two).collect();
    let order: Vec<usize> = others.iter().copied().chain([one, two]).collect();
    let mut flat: Vec<usize> = others.iter().map(|&axis| lengths[axis]).collect();
    flat.push(rows * columns);
    let span = Span { start: if length == 0 { 0 } else { (row * columns + column) as i64 }, step: columns as i64 + 1, length };
    array::slice_axis(array::reshape(array::permute(tensor, &order), &flat), others.len(), span)
}
