//! The mean of numbers where another array is largest in its window: the tangent of the largest.

use smallvec::SmallVec;

use super::attributes::Attributes;
use super::max_pool_cotangent::MaxPoolCotangent;
use super::windows::Windows;
use super::{Cotangents, Derivative, Primitive, Tangent, Types, arity, compensated, one, require, special};
use crate::any_array::AnyArray;
use crate::error::{Problem, Result};
use crate::graph::{Graph, Value};
use crate::lengths::Lengths;
use crate::sizes::Sizes;
use crate::types::Type;

/// For each window over `x` the mean of `v` where `x` is largest: `x: [a, n, m], v: [a, n, m] -> [a, windows.., windows..]`. Floats.
///
/// NaN where the largest is NaN. Linear in `v`, and piecewise constant in `x`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MaxPoolTangent(pub Windows);

impl MaxPoolTangent {
    pub(crate) const NAME: &'static str = "max_pool_tangent";

    pub(crate) fn parse(attributes: &Attributes) -> Result<Self, Problem> {
        Windows::parse(attributes).map(MaxPoolTangent)
    }
}

/// The places of a window where it is largest: none if that is NaN.
pub(super) fn largest<'a>(x: &'a [f64], places: &'a [usize]) -> impl Iterator<Item = usize> + Clone + 'a {
    let largest = places.iter().map(|&place| x[place]).fold(f64::NEG_INFINITY, special::maximum);
    places.iter().copied().filter(move |&place| x[place] == largest)
}

impl Primitive for MaxPoolTangent {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn attributes(&self) -> Attributes {
        self.0.attributes()
    }

    fn infer(&self, inputs: &[&Type], lengths: &mut Lengths) -> Result<Types, Problem> {
        let [x, v] = arity(inputs)?;
        require::same_dtype(inputs)?;
        require::float(x.dtype)?;
        same_lengths(x, v, lengths)?;
        Ok(one(Type { dtype: x.dtype, dims: self.0.infer(x, lengths)? }))
    }

    fn evaluate(&self, inputs: &[&AnyArray], sizes: &Sizes) -> Result<SmallVec<[AnyArray; 1]>, Problem> {
        let types = require::fit(self, inputs)?;
        let [x, v] = arity(inputs)?;
        let [at, of]: [Vec<f64>; 2] = [x, v].map(|array| array.to_reals().into_iter().collect());
        let mean = |places: &Vec<usize>| {
            let there: Vec<f64> = largest(&at, places).map(|place| of[place]).collect();
            compensated::share(&there, there.len() as f64)
        };
        let means = self.0.places(x.shape(), sizes)?.iter().map(mean).collect();
        let means = ndarray::ArrayD::from_shape_vec(sizes.shape(&types[0].dims)?, means).map_err(|error| Problem::shapes(error.to_string()))?;
        Ok(one(AnyArray::from_reals(x.dtype(), &means)))
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Tangent(self)
    }
}

/// Demands that two arrays have the same lengths.
fn same_lengths(x: &Type, v: &Type, lengths: &mut Lengths) -> Result<(), Problem> {
    let same = x.rank() == v.rank() && x.dims.iter().zip(&*v.dims).all(|(x, v)| lengths.unify(x, v).is_some());
    if same { Ok(()) } else { Err(Problem::shapes(format!("{x} and {v} must have the same lengths"))) }
}

impl Tangent for MaxPoolTangent {
    fn tangent(&self, graph: &mut Graph, inputs: &[Value], _: Value, tangents: &[Option<Value>]) -> Result<Option<Value>> {
        let &[_, Some(tangent)] = tangents else { return Ok(None) };
        graph.add(self.clone(), &[inputs[0], tangent]).map(Some)
    }

    fn cotangent(&self, graph: &mut Graph, inputs: &[Value], _: Value, cotangent: Value) -> Result<Option<Cotangents>> {
        let back = graph.add(MaxPoolCotangent(self.0.clone()), &[inputs[0], cotangent])?;
        Ok(Some(SmallVec::from_slice(&[None, Some(back)])))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr1;

    use super::super::max_pool::tests::windows;
    use super::*;
    use crate::error::ErrorKind;

    fn of(x: &[f64], v: &[f64]) -> Result<AnyArray, Problem> {
        let [x, v] = [x, v].map(|row| AnyArray::from(arr1(row)));
        MaxPoolTangent(windows(&[(-1, 2, 2)], &[2])).evaluate(&[&x, &v], &Sizes::default()).map(|mut y| y.remove(0))
    }

    #[test]
    fn the_mean_where_it_is_largest() {
        assert_eq!(of(&[5.0, 2.0, 2.0], &[1.0, 10.0, 100.0]).unwrap(), AnyArray::from(arr1(&[1.0, 55.0])));
        assert!(of(&[5.0, f64::NAN, 2.0], &[1.0, 10.0, 100.0]).unwrap().to_reals()[1].is_nan());
        assert_eq!(of(&[5.0, 2.0, 2.0], &[1.0, 10.0]).unwrap_err().kind, ErrorKind::Shapes);
    }
}
