//! Taking an array apart into rows along some axes, and putting what was made of the rows together again.

use ndarray::{ArrayD, IxDyn};

use crate::error::Problem;

/// The elements of an array, the rows one after the other.
struct Rows<T> {
    elements: Vec<T>,
    /// How many elements a row has.
    length: usize,
    /// How many rows there are.
    count: usize,
    /// The axes of the array: first those that tell rows apart, then those along which a row runs.
    order: Vec<usize>,
    /// How many axes tell rows apart.
    kept: usize,
}

impl<T: Clone> Rows<T> {
    /// The rows along those axes, which exist and are named once.
    fn of(array: &ArrayD<T>, axes: &[usize]) -> Self {
        let mut order: Vec<usize> = (0..array.ndim()).filter(|axis| !axes.contains(axis)).collect();
        let kept = order.len();
        order.extend_from_slice(axes);
        let product = |axes: &[usize]| axes.iter().map(|&axis| array.shape()[axis]).product();
        let (count, length) = (product(&order[..kept]), product(&order[kept..]));
        let elements = array.view().permuted_axes(IxDyn(&order)).iter().cloned().collect();
        Rows { elements, length, count, order, kept }
    }

    fn iter(&self) -> impl Iterator<Item = &[T]> {
        (0..self.count).map(|row| &self.elements[row * self.length..(row + 1) * self.length])
    }
}

/// One result for each row along the axes, which disappear.
pub(super) fn reduce<T: Clone, U>(array: &ArrayD<T>, axes: &[usize], of_row: impl Fn(&[T]) -> Result<U, Problem>) -> Result<ArrayD<U>, Problem> {
    let rows = Rows::of(array, axes);
    let results = rows.iter().map(of_row).collect::<Result<Vec<U>, _>>()?;
    let shape: Vec<usize> = rows.order[..rows.kept].iter().map(|&axis| array.shape()[axis]).collect();
    ArrayD::from_shape_vec(IxDyn(&shape), results).map_err(|error| Problem::shapes(error.to_string()))
}

/// As many results for each row along the axes as it has elements, in their places.
pub(super) fn map<T: Clone>(array: &ArrayD<T>, axes: &[usize], of_row: impl Fn(&[T]) -> Vec<T>) -> Result<ArrayD<T>, Problem> {
    let rows = Rows::of(array, axes);
    let results: Vec<T> = rows.iter().flat_map(of_row).collect();
    let shape: Vec<usize> = rows.order.iter().map(|&axis| array.shape()[axis]).collect();
    let permuted = ArrayD::from_shape_vec(IxDyn(&shape), results).map_err(|error| Problem::shapes(error.to_string()))?;
    Ok(permuted.permuted_axes(IxDyn(&inverse(&rows.order))).as_standard_layout().into_owned())
}

/// The order that undoes an order of axes.
pub(super) fn inverse(order: &[usize]) -> Vec<usize> {
    let mut inverse = vec![0; order.len()];
    for (place, &axis) in order.iter().enumerate() {
        inverse[axis] = place;
    }
    inverse
}

#[cfg(test)]
mod tests {
    use ndarray::{Array, arr2};

    use super::*;

    #[test]
    fn rows_run_along_any_axes() {
        let array = Array::from_iter(0..12).into_shape_with_order(IxDyn(&[2, 3, 2])).unwrap();
        let sums = reduce(&array, &[0, 2], |row| Ok(row.iter().sum::<i32>())).unwrap();
        assert_eq!(sums.into_raw_vec_and_offset().0, [14, 22, 30]);
        let same = map(&array, &[0, 2], <[i32]>::to_vec).unwrap();
        assert_eq!(same, array);
    }

    #[test]
    fn empty_rows_and_no_rows() {
        let no_columns = Array::<i32, _>::zeros(IxDyn(&[2, 0]));
        assert_eq!(reduce(&no_columns, &[1], |row| Ok(row.len())).unwrap().shape(), [2]);
        assert_eq!(reduce(&no_columns, &[0], |row| Ok(row.len())).unwrap().len(), 0);
        assert_eq!(map(&arr2(&[[1, 2]]).into_dyn(), &[0], <[i32]>::to_vec).unwrap(), arr2(&[[1, 2]]).into_dyn());
    }
}
