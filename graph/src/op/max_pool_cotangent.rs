//! Numbers shared among the largest elements of the windows they belong to: the transpose of the tangent of the largest.

use ndarray::ArrayD;
use smallvec::SmallVec;

use super::attributes::Attributes;
use super::compensated::Compensated;
use super::max_pool_tangent::{MaxPoolTangent, largest};
use super::windows::Windows;
use super::{Cotangents, Derivative, Primitive, Tangent, Types, arity, one, require};
use crate::any_array::AnyArray;
use crate::error::{Problem, Result};
use crate::graph::{Graph, Value};
use crate::lengths::Lengths;
use crate::sizes::Sizes;
use crate::types::{Dims, Type};

/// Each window's element of `u`, divided equally among the places where `x` is largest in the window, and added up there:
/// `x: [a, n, m], u: [a, windows.., windows..] -> [a, n, m]`. Floats.
///
/// A window whose largest is NaN gives nothing. Linear in `u`, and piecewise constant in `x`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MaxPoolCotangent(pub Windows);

impl MaxPoolCotangent {
    pub(crate) const NAME: &'static str = "max_pool_cotangent";

    pub(crate) fn parse(attributes: &Attributes) -> Result<Self, Problem> {
        Windows::parse(attributes).map(MaxPoolCotangent)
    }
}

impl Primitive for MaxPoolCotangent {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn attributes(&self) -> Attributes {
        self.0.attributes()
    }

    fn infer(&self, inputs: &[&Type], lengths: &mut Lengths) -> Result<Types, Problem> {
        let [x, u] = arity(inputs)?;
        require::same_dtype(inputs)?;
        require::float(x.dtype)?;
        let dims: Dims = self.0.infer(x, lengths)?;
        if dims.len() != u.rank() || !dims.iter().zip(&*u.dims).all(|(dim, have)| lengths.unify(dim, have).is_some()) {
            return Err(Problem::shapes(format!("{u} must have one element for each window: {dims}")));
        }
        Ok(one(x.clone()))
    }

    fn evaluate(&self, inputs: &[&AnyArray], sizes: &Sizes) -> Result<SmallVec<[AnyArray; 1]>, Problem> {
        require::fit(self, inputs)?;
        let [x, u] = arity(inputs)?;
        let at: Vec<f64> = x.to_reals().into_iter().collect();
        let mut sums = vec![Compensated::default(); at.len()];
        for (places, &given) in self.0.places(x.shape(), sizes)?.iter().zip(&u.to_reals()) {
            let there = largest(&at, places);
            let share = given / there.clone().count() as f64;
            there.for_each(|place| sums[place].add(share));
        }
        let sums = sums.into_iter().map(Compensated::value).collect();
        let sums = ArrayD::from_shape_vec(x.shape(), sums).map_err(|error| Problem::shapes(error.to_string()))?;
        Ok(one(AnyArray::from_reals(x.dtype(), &sums)))
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Tangent(self)
    }
}

impl Tangent for MaxPoolCotangent {
    fn tangent(&self, graph: &mut Graph, inputs: &[Value], _: Value, tangents: &[Option<Value>]) -> Result<Option<Value>> {
        let &[_, Some(tangent)] = tangents else { return Ok(None) };
        graph.add(self.clone(), &[inputs[0], tangent]).map(Some)
    }

    fn cotangent(&self, graph: &mut Graph, inputs: &[Value], _: Value, cotangent: Value) -> Result<Option<Cotangents>> {
        let back = graph.add(MaxPoolTangent(self.0.clone()), &[inputs[0], cotangent])?;
        Ok(Some(SmallVec::from_slice(&[None, Some(back)])))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr1;

    use super::super::max_pool::tests::windows;
    use super::*;
    use crate::error::ErrorKind;

    fn of(x: &[f64], u: &[f64]) -> Result<AnyArray, Problem> {
        let [x, u] = [x, u].map(|row| AnyArray::from(arr1(row)));
        MaxPoolCotangent(windows(&[(0, 1, 2)], &[2])).evaluate(&[&x, &u], &Sizes::default()).map(|mut y| y.remove(0))
    }

    #[test]
    fn windows_share_and_overlaps_add_up() {
        assert_eq!(of(&[1.0, 2.0, 2.0], &[10.0, 4.0]).unwrap(), AnyArray::from(arr1(&[0.0, 12.0, 2.0])));
        assert_eq!(of(&[1.0, 2.0, f64::NAN], &[10.0, 4.0]).unwrap(), AnyArray::from(arr1(&[0.0, 10.0, 0.0])));
        assert_eq!(of(&[1.0, 2.0, 2.0], &[10.0]).unwrap_err().kind, ErrorKind::Shapes);
    }
}
