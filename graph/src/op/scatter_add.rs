//! Rows added up by index: the transpose of picking rows.

use ndarray::{ArrayD, Axis, IxDyn};
use smallvec::SmallVec;

use super::attributes::Attributes;
use super::compensated::Compensated;
use super::select_axis::{SelectAxis, places};
use super::{Derivative, Elements, Linear, Primitive, Types, arity, one, require};
use crate::any_array::AnyArray;
use crate::dim::Dim;
use crate::error::{Problem, Result};
use crate::graph::{Graph, Value};
use crate::lengths::Lengths;
use crate::number::Number;
use crate::sizes::Sizes;
use crate::types::Type;

/// Zeros, to whose rows along an axis the rows of `updates` are added: `updates: [a, i, j, b], indices: [i, j], axis 1 -> [a, length, b]`.
///
/// The indices are integers; negative ones count from the end. An index outside `-length .. length` fails when it is met.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ScatterAdd {
    /// The axis of the result along which rows are added up.
    pub axis: usize,
    /// The length of that axis.
    pub length: Dim,
}

impl ScatterAdd {
    pub(crate) const NAME: &'static str = "scatter_add";

    pub(crate) fn parse(attributes: &Attributes) -> Result<Self, Problem> {
        Ok(ScatterAdd { axis: attributes.axis("axis")?, length: attributes.dim("length")? })
    }

    /// Adds each update to the place that its index names. `rank` is that of the indices.
    fn add_up<T: Copy, S>(
        &self,
        updates: &ArrayD<T>,
        rank: usize,
        places: &[usize],
        sums: &mut ArrayD<S>,
        add: impl Fn(&mut S, T),
    ) -> Result<(), Problem> {
        let (outer, inner) = (&updates.shape()[..self.axis], &updates.shape()[self.axis + rank..]);
        let rows = [outer, &[places.len()], inner].concat();
        let rows = updates.to_shape(IxDyn(&rows)).map_err(|error| Problem::shapes(error.to_string()))?;
        for (row, &place) in rows.axis_iter(Axis(self.axis)).zip(places) {
            let mut sum = sums.index_axis_mut(Axis(self.axis), place);
            sum.iter_mut().zip(row).for_each(|(sum, &update)| add(sum, update));
        }
        Ok(())
    }
}

impl Primitive for ScatterAdd {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn attributes(&self) -> Attributes {
        Attributes::none().with("axis", self.axis).with("length", &self.length)
    }

    fn infer(&self, inputs: &[&Type], lengths: &mut Lengths) -> Result<Types, Problem> {
        let [updates, indices] = arity(inputs)?;
        require::float_or_integer(updates.dtype)?;
        require::indices(indices.dtype)?;
        if updates.rank().checked_sub(self.axis).is_none_or(|axes| axes < indices.rank()) {
            let (updates, indices, axis) = (&updates.dims, &indices.dims, self.axis);
            let message = format!("the updates {updates} have fewer axes from axis {axis} on than the indices {indices} have");
            return Err(Problem::axis(message));
        }
        if !lengths.at_least(&self.length, &Dim::from(0)) {
            return Err(Problem::axis(format!("the length {} is negative", self.length)));
        }
        for (axis, length) in indices.dims.iter().enumerate() {
            let row = &updates.dims[self.axis + axis];
            if lengths.unify(row, length).is_none() {
                let message = format!("axis {} of the updates ({row}) must equal axis {axis} of the indices ({length})", self.axis + axis);
                return Err(Problem::shapes(message));
            }
        }
        let dims = updates.dims[..self.axis].iter().chain([&self.length]).chain(&updates.dims[self.axis + indices.rank()..]);
        Ok(one(Type::new(updates.dtype, dims)))
    }

    fn evaluate(&self, inputs: &[&AnyArray], sizes: &Sizes) -> Result<SmallVec<[AnyArray; 1]>, Problem> {
        require::fit(self, inputs)?;
        let [updates, indices] = arity(inputs)?;
        let length = sizes.length(&self.length)?;
        let places = places(indices, length)?;
        let rank = indices.shape().len();
        let shape = [&updates.shape()[..self.axis], &[length], &updates.shape()[self.axis + rank..]].concat();
        let dtype = updates.dtype();
        let numbers: Vec<Number> = if dtype.is_float() {
            let mut sums = require::filled(&shape, Compensated::default())?;
            self.add_up(&updates.to_reals(), rank, &places, &mut sums, Compensated::add)?;
            sums.iter().map(|sum| Number::Real(sum.value())).collect()
        } else {
            let mut sums = require::filled(&shape, 0i128)?;
            self.add_up(&updates.to_integers(), rank, &places, &mut sums, |sum, update| *sum = sum.wrapping_add(update))?;
            sums.iter().map(|&sum| Number::Integer(sum)).collect()
        };
        AnyArray::from_numbers(dtype, &shape, numbers).map(one).ok_or_else(|| Problem::shapes("the count of sums is off"))
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Linear(self)
    }
}

impl Linear for ScatterAdd {
    fn transpose(&self, graph: &mut Graph, inputs: &[Value], wrt: usize, cotangent: Value) -> Result<Value> {
        if wrt != 0 {
            // Indices do not vary.
            return graph.zeros_like(inputs[wrt]);
        }
        graph.add(SelectAxis { axis: self.axis }, &[cotangent, inputs[1]])
    }

    fn elements(&self) -> Elements {
        Elements::Sum
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Array3, arr1, arr2};

    use super::super::linear_identity::assert_transpose;
    use super::*;
    use crate::dtype::DType;
    use crate::error::ErrorKind;

    fn scatter(axis: usize, length: i64) -> ScatterAdd {
        ScatterAdd { axis, length: length.into() }
    }

    #[test]
    fn rows_of_one_index_add_up() {
        let updates = AnyArray::from(arr2(&[[1.0f32, 2.0], [3.0, 4.0], [5.0, 6.0]]));
        let indices = AnyArray::from(arr1(&[2i32, 0, -1]));
        let result = scatter(0, 3).evaluate(&[&updates, &indices], &Sizes::default()).unwrap();
        assert_eq!(result[0], AnyArray::from(arr2(&[[3.0f32, 4.0], [0.0, 0.0], [6.0, 8.0]])));
        let bytes = [AnyArray::from(arr1(&[200u8, 100])), AnyArray::from(arr1(&[0i64, 0]))];
        assert_eq!(scatter(0, 1).evaluate(&[&bytes[0], &bytes[1]], &Sizes::default()).unwrap()[0], AnyArray::from(arr1(&[44u8])));
        assert_eq!(scatter(0, 2).evaluate(&[&updates, &indices], &Sizes::default()).unwrap_err().kind, ErrorKind::Execution);
        let nothing = [AnyArray::from(Array2::<f32>::zeros((0, 2))), AnyArray::from(arr1::<i64>(&[]))];
        assert_eq!(scatter(0, 2).evaluate(&[&nothing[0], &nothing[1]], &Sizes::default()).unwrap()[0], AnyArray::from(Array2::<f32>::zeros((2, 2))));
    }

    #[test]
    fn updates_must_have_the_axes_of_the_indices() {
        let infer = |updates: &[i64], indices: &[i64]| {
            let (updates, indices) = (Type::new(DType::F32, updates.iter().copied()), Type::new(DType::I64, indices.iter().copied()));
            scatter(1, 9).infer(&[&updates, &indices], &mut Lengths::default())
        };
        assert_eq!(infer(&[2, 3, 4, 5], &[3, 4]).unwrap()[0].to_string(), "f32[2, 9, 5]");
        assert_eq!(infer(&[2, 3], &[4]).unwrap_err().message, "axis 1 of the updates (3) must equal axis 0 of the indices (4)");
        assert_eq!(infer(&[2, 3], &[3, 4]).unwrap_err().kind, ErrorKind::Axis);
    }

    #[test]
    fn its_transpose_picks_rows() {
        let updates = AnyArray::from(Array3::<f64>::from_shape_fn((2, 3, 2), |(i, j, k)| (i + 3 * j + 5 * k) as f64));
        assert_transpose(scatter(1, 4), &[updates, AnyArray::from(arr1(&[3i64, 0, 3]))]);
    }
}
