//! What ops demand of their operands: axes that are there, element types they take, arrays that can exist.

use ndarray::{ArrayD, IxDyn};

use super::{Primitive, Types};
use crate::any_array::AnyArray;
use crate::dtype::{Class, DType};
use crate::error::{ErrorKind, Problem};
use crate::lengths::Lengths;
use crate::types::{Dims, Type};

/// Refuses an axis that an array of that rank does not have.
pub(super) fn axis(axis: usize, rank: usize) -> Result<(), Problem> {
    if axis < rank {
        return Ok(());
    }
    Err(match rank {
        0 => Problem::axis(format!("there is no axis {axis}: it is a single number, without axes")),
        1 => Problem::axis(format!("there is no axis {axis}: the only axis is 0")),
        _ => Problem::axis(format!("there is no axis {axis}: the axes are 0 to {}", rank - 1)),
    })
}

/// Refuses axes that an array of that rank does not have, that are not in order, or that are named twice.
pub(super) fn axes(axes: &[usize], rank: usize) -> Result<(), Problem> {
    axes.iter().try_for_each(|&k| axis(k, rank))?;
    match axes.windows(2).find(|pair| pair[0] >= pair[1]) {
        Some(pair) if pair[0] == pair[1] => Err(Problem::axis(format!("axis {} is named twice", pair[0]))),
        Some(pair) => Err(Problem::axis(format!("the axes {axes:?} are not in order: {} stands before {}", pair[0], pair[1]))),
        None => Ok(()),
    }
}

/// The lengths of all axes but those.
pub(super) fn without(dims: &Dims, axes: &[usize]) -> Dims {
    dims.iter().enumerate().filter(|(axis, _)| !axes.contains(axis)).map(|(_, dim)| dim).collect()
}

/// An axis in words: `first`, `last` and so on.
pub(super) fn ordinal(axis: usize, rank: usize) -> String {
    match axis {
        0 => "first".into(),
        _ if axis + 1 == rank => "last".into(),
        1 => "second".into(),
        2 => "third".into(),
        3 => "fourth".into(),
        _ => format!("{}th", axis + 1),
    }
}

/// Refuses anything but floats.
pub(super) fn float(dtype: DType) -> Result<(), Problem> {
    match dtype.class() {
        Class::Float => Ok(()),
        Class::Complex => Err(no_complex_yet(dtype)),
        Class::Bool | Class::Signed | Class::Unsigned => {
            Err(Problem::dtype(format!("its elements must be floats, not {dtype}")).advise("convert with `.cast::<f32>()` or another float type"))
        }
    }
}

/// Refuses anything but floats and integers.
pub(super) fn float_or_integer(dtype: DType) -> Result<(), Problem> {
    match dtype.class() {
        Class::Float | Class::Signed | Class::Unsigned => Ok(()),
        Class::Complex => Err(no_complex_yet(dtype)),
        Class::Bool => Err(Problem::dtype("its elements must be numbers, not bool").advise("convert with `.cast::<i64>()` or another number type")),
    }
}

/// Refuses anything but integers, which indices must be.
pub(super) fn indices(dtype: DType) -> Result<(), Problem> {
    if dtype.is_integer() {
        return Ok(());
    }
    Err(Problem::dtype(format!("the indices must be integers, not {dtype}")).advise("convert them with `.cast::<i64>()`"))
}

/// Refuses operands whose element types differ.
pub(super) fn same_dtype(inputs: &[&Type]) -> Result<(), Problem> {
    let other = inputs.windows(2).find(|pair| pair[0].dtype != pair[1].dtype);
    other.map_or(Ok(()), |pair| {
        let message = format!("all elements must be of one type, and these are {} and {}", pair[0].dtype, pair[1].dtype);
        Err(Problem::dtype(message).advise("convert one with `.cast::<T>()`"))
    })
}

fn no_complex_yet(dtype: DType) -> Problem {
    Problem::dtype(format!("it is not defined on complex elements yet, and these are {dtype}")).advise("compute with the real and imaginary parts")
}

/// Checks arrays as [`Primitive::infer`] checks types, for a meaning that may be asked on its own.
pub(super) fn fit(op: &dyn Primitive, inputs: &[&AnyArray]) -> Result<Types, Problem> {
    let types: Vec<Type> = inputs.iter().map(|array| Type::new(array.dtype(), array.shape().iter().copied())).collect();
    op.infer(&types.iter().collect::<Vec<_>>(), &mut Lengths::default())
}

/// An array of one element everywhere; a problem where memory has no room for it.
pub(super) fn filled<T: Clone>(shape: &[usize], element: T) -> Result<ArrayD<T>, Problem> {
    let too_large = || Problem::new(ErrorKind::Execution, format!("an array of shape {shape:?} does not fit in memory"));
    let count = shape.iter().try_fold(1usize, |product, &length| product.checked_mul(length)).ok_or_else(too_large)?;
    let mut elements = Vec::new();
    elements.try_reserve_exact(count).map_err(|_| too_large())?;
    elements.resize(count, element);
    ArrayD::from_shape_vec(IxDyn(shape), elements).map_err(|_| too_large())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_must_be_there_in_order_and_once() {
        assert!(axes(&[0, 2], 3).is_ok() && axes(&[], 0).is_ok());
        assert_eq!(axis(2, 2).unwrap_err().message, "there is no axis 2: the axes are 0 to 1");
        assert_eq!(axes(&[1, 1], 2).unwrap_err().message, "axis 1 is named twice");
        assert_eq!(axes(&[1, 0], 2).unwrap_err().kind, ErrorKind::Axis);
    }

    #[test]
    fn an_array_that_cannot_exist_is_a_problem() {
        assert!(filled(&[usize::MAX, 2], 0u8).is_err());
        assert!(filled(&[1 << 62], 0f64).is_err());
        assert_eq!(filled(&[0, 3], 0u8).unwrap().shape(), [0, 3]);
    }
}
