//! The product of all other elements: the derivative of a product, right where elements are zero.

use smallvec::SmallVec;

use super::attributes::Attributes;
use super::iota::Iota;
use super::{Cotangents, Derivative, Primitive, Tangent, Types, arity, one, require, rows, scalar};
use crate::any_array::AnyArray;
use crate::dim::Dim;
use crate::dtype::DType;
use crate::error::{Problem, Result};
use crate::graph::{Graph, Value};
use crate::lengths::Lengths;
use crate::sizes::Sizes;
use crate::types::{Dims, Type};

/// In the place of each element the product of all others along the axes: `x: [a, b] -> [a, b]`. Alone it is 1.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProductOfOthers {
    /// The axes of the product, in order, each once.
    pub axes: SmallVec<[usize; 4]>,
}

impl ProductOfOthers {
    pub(crate) const NAME: &'static str = "product_of_others";

    pub(crate) fn parse(attributes: &Attributes) -> Result<Self, Problem> {
        Ok(ProductOfOthers { axes: attributes.axes("axes")?.into() })
    }
}

/// What lies before each element times what lies after it.
fn of_row<T: Copy>(row: &[T], unit: T, times: impl Fn(T, T) -> T) -> Vec<T> {
    let mut products = Vec::with_capacity(row.len());
    let mut before = unit;
    for &x in row {
        products.push(before);
        before = times(before, x);
    }
    let mut after = unit;
    for (product, &x) in products.iter_mut().zip(row).rev() {
        *product = times(*product, after);
        after = times(after, x);
    }
    products
}

impl Primitive for ProductOfOthers {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn attributes(&self) -> Attributes {
        Attributes::none().with_list("axes", &self.axes)
    }

    fn infer(&self, inputs: &[&Type], _: &mut Lengths) -> Result<Types, Problem> {
        let [x] = arity(inputs)?;
        require::float_or_integer(x.dtype)?;
        require::axes(&self.axes, x.rank())?;
        Ok(one(x.clone()))
    }

    fn evaluate(&self, inputs: &[&AnyArray], _: &Sizes) -> Result<SmallVec<[AnyArray; 1]>, Problem> {
        require::fit(self, inputs)?;
        let [x] = arity(inputs)?;
        Ok(one(if x.dtype().is_float() {
            AnyArray::from_reals(x.dtype(), &rows::map(&x.to_reals(), &self.axes, |row| of_row(row, 1.0, |a, b| a * b))?)
        } else {
            AnyArray::from_integers(x.dtype(), &rows::map(&x.to_integers(), &self.axes, |row| of_row(row, 1, i128::wrapping_mul))?)
        }))
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Tangent(self)
    }
}

impl Tangent for ProductOfOthers {
    /// Element j varies by Σ ẋᵢ Π xₖ over i ≠ j and k ≠ i, j: a table of all pairs, exact where elements are zero.
    fn tangent(&self, graph: &mut Graph, inputs: &[Value], _: Value, tangents: &[Option<Value>]) -> Result<Option<Value>> {
        let (&[x], &[Some(tangent)]) = (inputs, tangents) else { return Ok(None) };
        let ty = graph.ty(x).clone();
        let row = Row::of(&ty.dims, &self.axes);
        let (x, tangent) = (row.flatten(graph, x)?, row.flatten(graph, tangent)?);
        // Rows of the table are j, columns are i: [.., 1, n] stretches to [.., n, n].
        let columns = graph.add(Iota { length: row.length.clone(), dtype: DType::I64 }, &[])?;
        let lines = graph.insert_axis(columns, 1)?;
        let same = graph.apply(&scalar::EQUAL, &[lines, columns])?;
        let (x, tangent) = (graph.insert_axis(x, row.kept)?, graph.insert_axis(tangent, row.kept)?);
        let (zero, unit) = (graph.number(ty.dtype, 0.0)?, graph.number(ty.dtype, 1.0)?);
        let without_j = graph.select(same, unit, x)?;
        let without_both = graph.add(ProductOfOthers { axes: SmallVec::from_slice(&[row.kept + 1]) }, &[without_j])?;
        let partials = graph.select(same, zero, without_both)?;
        let terms = graph.times(partials, tangent)?;
        let sum = graph.sum(terms, &[row.kept + 1])?;
        row.restore(graph, sum).map(Some)
    }

    fn cotangent(&self, _: &mut Graph, _: &[Value], _: Value, _: Value) -> Result<Option<Cotangents>> {
        Ok(None)
    }
}

/// Some axes of a shape, moved last and made one.
struct Row {
    /// All axes, those of the row last.
    order: Vec<usize>,
    /// How many axes are not in the row.
    kept: usize,
    /// How many elements are in the row.
    length: Dim,
    /// The lengths in that order.
    moved: Dims,
}

impl Row {
    fn of(dims: &Dims, axes: &[usize]) -> Self {
        let mut order: Vec<usize> = (0..dims.len()).filter(|axis| !axes.contains(axis)).collect();
        let kept = order.len();
        order.extend_from_slice(axes);
        let length = axes.iter().fold(Dim::from(1), |product, &axis| product * dims[axis].clone());
        let moved = order.iter().map(|&axis| &dims[axis]).collect();
        Row { order, kept, length, moved }
    }

    fn flatten(&self, graph: &mut Graph, value: Value) -> Result<Value> {
        let moved = graph.transpose(value, &self.order)?;
        let flat = self.moved[..self.kept].iter().chain([&self.length]).collect();
        graph.reshape(moved, &flat)
    }

    fn restore(&self, graph: &mut Graph, value: Value) -> Result<Value> {
        let moved = graph.reshape(value, &self.moved)?;
        graph.transpose(moved, &rows::inverse(&self.order))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, arr0, arr1, arr2};
    use smallvec::smallvec;

    use super::super::linear_identity::{assert_tangent, tangent_at};
    use super::*;

    fn of(axes: &[usize], x: &AnyArray) -> AnyArray {
        ProductOfOthers { axes: axes.into() }.evaluate(&[x], &Sizes::default()).unwrap().remove(0)
    }

    #[test]
    fn zeros_do_not_spoil_it() {
        assert_eq!(of(&[0], &AnyArray::from(arr1(&[2.0f32, 3.0, 4.0]))), AnyArray::from(arr1(&[12.0f32, 8.0, 6.0])));
        assert_eq!(of(&[0], &AnyArray::from(arr1(&[0.0f32, 3.0, 4.0]))), AnyArray::from(arr1(&[12.0f32, 0.0, 0.0])));
        assert_eq!(of(&[0, 1], &AnyArray::from(arr2(&[[0, 3], [0, 4]]))), AnyArray::from(arr2(&[[0, 0], [0, 0]])));
        assert_eq!(of(&[0], &AnyArray::from(arr2(&[[2, 3], [5, 4]]))), AnyArray::from(arr2(&[[5, 4], [2, 3]])));
    }

    #[test]
    fn alone_it_is_one() {
        assert_eq!(of(&[0], &AnyArray::from(arr1(&[7.0]))), AnyArray::from(arr1(&[1.0])));
        assert_eq!(of(&[], &AnyArray::from(arr0(7.0))), AnyArray::from(arr0(1.0)));
        assert_eq!(of(&[0], &AnyArray::from(arr1::<f64>(&[]))).shape(), [0]);
    }

    #[test]
    fn its_tangent_is_right_at_zeros() {
        let x = Array3::<f64>::from_shape_fn((2, 3, 2), |(i, j, k)| ((5 * i + 7 * j + 3 * k) % 11) as f64 / 4.0 - 1.0);
        assert_tangent(&ProductOfOthers { axes: smallvec![0, 2] }, &AnyArray::from(x.clone()));
        assert_tangent(&ProductOfOthers { axes: smallvec![1] }, &AnyArray::from(x));
        assert_tangent(&ProductOfOthers { axes: smallvec![0] }, &AnyArray::from(arr1(&[2.0])));
        let (x, direction) = (AnyArray::from(arr1(&[0.0, 0.0, 5.0])), AnyArray::from(arr1(&[1.0, 10.0, 100.0])));
        // d(x₁x₂, x₀x₂, x₀x₁) = (5·10, 5·1, 0)
        assert_eq!(tangent_at(&ProductOfOthers { axes: smallvec![0] }, &x, &direction), AnyArray::from(arr1(&[50.0, 5.0, 0.0])));
    }
}
