//! Sum, mean, product, maximum, minimum, all or any over axes.

use std::fmt;

use smallvec::SmallVec;

use super::attributes::{Attributes, malformed};
use super::product_of_others::ProductOfOthers;
use super::{Cotangents, Derivative, Elements, Linear, Primitive, Tangent, Types, arity, compensated, one, require, rows, scalar, special};
use crate::any_array::AnyArray;
use crate::dim::Dim;
use crate::dtype::{Class, DType};
use crate::error::{ErrorKind, Problem, Result};
use crate::graph::{Graph, Value};
use crate::lengths::Lengths;
use crate::sizes::Sizes;
use crate::types::{Dims, Type};

/// How many elements become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reduction {
    /// Their sum; 0 of none. Of floats it loses nothing to rounding but in the end, and does not overflow on the way.
    Sum,
    /// Their sum divided by their count, where only the quotient may overflow; NaN of none.
    Mean,
    /// Their product; 1 of none.
    Product,
    /// The largest; NaN if one is; none has none.
    Max,
    /// The smallest; NaN if one is; none has none.
    Min,
    /// Whether all hold; true of none.
    All,
    /// Whether any holds; false of none.
    Any,
}

impl Reduction {
    /// Every reduction.
    pub const ALL: [Reduction; 7] =
        [Reduction::Sum, Reduction::Mean, Reduction::Product, Reduction::Max, Reduction::Min, Reduction::All, Reduction::Any];

    /// Its name, as printed and parsed.
    pub const fn name(self) -> &'static str {
        match self {
            Reduction::Sum => "sum",
            Reduction::Mean => "mean",
            Reduction::Product => "product",
            Reduction::Max => "max",
            Reduction::Min => "min",
            Reduction::All => "all",
            Reduction::Any => "any",
        }
    }

    /// Refuses elements that it is not defined on.
    fn accepts(self, dtype: DType) -> Result<(), Problem> {
        match self {
            Reduction::Sum | Reduction::Product | Reduction::Max | Reduction::Min => require::float_or_integer(dtype),
            Reduction::Mean => require::float(dtype),
            Reduction::All | Reduction::Any if dtype.class() == Class::Bool => Ok(()),
            Reduction::All | Reduction::Any => {
                Err(Problem::dtype(format!("`{self}` asks of truth values, not of {dtype}")).advise("compare first, for example with `.gt(0.0)`"))
            }
        }
    }

    fn of_nothing(self) -> Problem {
        let message = format!("the {self} of no elements does not exist: the axis is empty");
        Problem::new(ErrorKind::Execution, message).advise("reduce at least one element, or join a neutral one first")
    }

    fn of_reals(self, row: &[f64]) -> Result<f64, Problem> {
        let extreme = |of: fn(f64, f64) -> f64| row.iter().copied().reduce(of).ok_or_else(|| self.of_nothing());
        match self {
            Reduction::Sum => Ok(compensated::share(row, 1.0)),
            Reduction::Mean => Ok(compensated::share(row, row.len() as f64)),
            Reduction::Product => Ok(row.iter().product()),
            Reduction::Max => extreme(special::maximum),
            Reduction::Min => extreme(special::minimum),
            Reduction::All | Reduction::Any => Err(Problem::dtype(format!("`{self}` asks of truth values"))),
        }
    }

    fn of_integers(self, row: &[i128]) -> Result<i128, Problem> {
        match self {
            Reduction::Sum => Ok(row.iter().fold(0, |sum, &x| sum.wrapping_add(x))),
            Reduction::Product => Ok(row.iter().fold(1, |product, &x| product.wrapping_mul(x))),
            Reduction::Max => row.iter().copied().max().ok_or_else(|| self.of_nothing()),
            Reduction::Min => row.iter().copied().min().ok_or_else(|| self.of_nothing()),
            Reduction::Mean => Err(Problem::dtype(format!("the {self} of integers is not one"))),
            Reduction::All => Ok(i128::from(row.iter().all(|&x| x != 0))),
            Reduction::Any => Ok(i128::from(row.iter().any(|&x| x != 0))),
        }
    }
}

impl fmt::Display for Reduction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Elements along axes become one, and the axes disappear: `x: [a, b, c], axes 0 and 2 -> [b]`.
///
/// Sum, product, maximum and minimum are of floats and integers (which wrap), the mean of floats, all and any of truth values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reduce {
    /// How they become one.
    pub reduction: Reduction,
    /// The axes, in order, each once.
    pub axes: SmallVec<[usize; 4]>,
}

impl Reduce {
    pub(crate) const NAME: &'static str = "reduce";

    pub(crate) fn parse(attributes: &Attributes) -> Result<Self, Problem> {
        let name = attributes.get("by")?;
        let reduction = Reduction::ALL.into_iter().find(|reduction| reduction.name() == name);
        let reduction = reduction.ok_or_else(|| malformed(format!("`{name}` is not a reduction: sum, mean, product, max, min, all or any")))?;
        Ok(Reduce { reduction, axes: attributes.axes("axes")?.into() })
    }
}

impl Reduce {
    /// A value divided by how many elements of these lengths become one. Half precision cannot count that far.
    fn share(&self, graph: &mut Graph, dims: &Dims, value: Value) -> Result<Value> {
        let dtype = graph.ty(value).dtype;
        let wide = if dtype.size() == 2 { DType::F32 } else { dtype };
        let count = self.axes.iter().fold(Dim::from(1), |count, &axis| count * dims[axis].clone());
        let (count, value) = (graph.dim_value(&count, wide)?, graph.cast(value, wide)?);
        let share = graph.apply(&scalar::DIV, &[value, count])?;
        graph.cast(share, dtype)
    }
}

impl Primitive for Reduce {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn attributes(&self) -> Attributes {
        Attributes::none().with("by", self.reduction).with_list("axes", &self.axes)
    }

    fn infer(&self, inputs: &[&Type], _: &mut Lengths) -> Result<Types, Problem> {
        let [x] = arity(inputs)?;
        self.reduction.accepts(x.dtype)?;
        require::axes(&self.axes, x.rank())?;
        Ok(one(Type { dtype: x.dtype, dims: require::without(&x.dims, &self.axes) }))
    }

    fn evaluate(&self, inputs: &[&AnyArray], _: &Sizes) -> Result<SmallVec<[AnyArray; 1]>, Problem> {
        require::fit(self, inputs)?;
        let [x] = arity(inputs)?;
        Ok(one(if x.dtype().is_float() {
            AnyArray::from_reals(x.dtype(), &rows::reduce(&x.to_reals(), &self.axes, |row| self.reduction.of_reals(row))?)
        } else {
            AnyArray::from_integers(x.dtype(), &rows::reduce(&x.to_integers(), &self.axes, |row| self.reduction.of_integers(row))?)
        }))
    }

    fn derivative(&self) -> Derivative<'_> {
        match self.reduction {
            Reduction::Sum | Reduction::Mean => Derivative::Linear(self),
            Reduction::Product | Reduction::Max | Reduction::Min => Derivative::Tangent(self),
            Reduction::All | Reduction::Any => Derivative::Zero,
        }
    }
}

/// The transpose of a sum or a mean; the other reductions are not linear.
impl Linear for Reduce {
    fn transpose(&self, graph: &mut Graph, inputs: &[Value], wrt: usize, cotangent: Value) -> Result<Value> {
        let dims = graph.ty(inputs[wrt]).dims.clone();
        let share = if self.reduction == Reduction::Mean { self.share(graph, &dims, cotangent)? } else { cotangent };
        let kept = graph.keep_axes(share, &self.axes)?;
        graph.broadcast(kept, &dims)
    }

    fn elements(&self) -> Elements {
        match self.reduction {
            Reduction::Sum => Elements::Sum,
            Reduction::Mean | Reduction::Product | Reduction::Max | Reduction::Min | Reduction::All | Reduction::Any => Elements::Mix,
        }
    }
}

impl Tangent for Reduce {
    fn tangent(&self, graph: &mut Graph, inputs: &[Value], result: Value, tangents: &[Option<Value>]) -> Result<Option<Value>> {
        let (&[x], &[Some(tangent)]) = (inputs, tangents) else { return Ok(None) };
        Ok(match self.reduction {
            Reduction::Sum | Reduction::Mean => Some(graph.reduce(self.reduction, tangent, &self.axes)?),
            Reduction::Product => {
                let others = graph.add(ProductOfOthers { axes: self.axes.clone() }, &[x])?;
                let terms = graph.times(others, tangent)?;
                Some(graph.sum(terms, &self.axes)?)
            }
            Reduction::Max | Reduction::Min => {
                // All elements that are the extreme share it equally.
                let dtype = graph.ty(x).dtype;
                let kept = graph.keep_axes(result, &self.axes)?;
                let is_extreme = graph.apply(&scalar::EQUAL, &[x, kept])?;
                let ones = graph.cast(is_extreme, dtype)?;
                let count = graph.sum(ones, &self.axes)?;
                let zero = graph.number(dtype, 0.0)?;
                let terms = graph.select(is_extreme, tangent, zero)?;
                let sum = graph.sum(terms, &self.axes)?;
                Some(graph.apply(&scalar::DIV, &[sum, count])?)
            }
            Reduction::All | Reduction::Any => None,
        })
    }

    fn cotangent(&self, _: &mut Graph, _: &[Value], _: Value, _: Value) -> Result<Option<Cotangents>> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Array3, arr0, arr1, arr2};

    use super::super::linear_identity::{assert_tangent, assert_transpose, tangent_at};
    use super::*;

    fn reduce(reduction: Reduction, axes: &[usize]) -> Reduce {
        Reduce { reduction, axes: axes.into() }
    }

    fn of(reduction: Reduction, axes: &[usize], x: &AnyArray) -> Result<AnyArray, Problem> {
        reduce(reduction, axes).evaluate(&[x], &Sizes::default()).map(|mut y| y.remove(0))
    }

    #[test]
    fn elements_become_one() {
        let x = AnyArray::from(arr2(&[[1.0f32, 5.0, 2.0], [4.0, 3.0, 6.0]]));
        assert_eq!(of(Reduction::Sum, &[0], &x).unwrap(), AnyArray::from(arr1(&[5.0f32, 8.0, 8.0])));
        assert_eq!(of(Reduction::Product, &[0, 1], &x).unwrap(), AnyArray::from(arr0(720.0f32)));
        assert_eq!(of(Reduction::Max, &[1], &x).unwrap(), AnyArray::from(arr1(&[5.0f32, 6.0])));
        assert_eq!(of(Reduction::Min, &[], &x).unwrap(), x);
        let nan = AnyArray::from(arr1(&[1.0, f64::NAN, 2.0]));
        assert!(of(Reduction::Max, &[0], &nan).unwrap().to_reals().iter().all(|x| x.is_nan()));
        let bytes = AnyArray::from(arr1(&[200u8, 100]));
        assert_eq!(of(Reduction::Sum, &[0], &bytes).unwrap(), AnyArray::from(arr0(44u8)));
        let truths = AnyArray::from(arr2(&[[true, false], [true, true]]));
        assert_eq!(of(Reduction::All, &[1], &truths).unwrap(), AnyArray::from(arr1(&[false, true])));
        assert_eq!(of(Reduction::Any, &[0], &truths).unwrap(), AnyArray::from(arr1(&[true, true])));
    }

    #[test]
    fn nothing_has_a_sum_but_no_largest() {
        let empty = AnyArray::from(Array2::<f32>::zeros((2, 0)));
        assert_eq!(of(Reduction::Sum, &[1], &empty).unwrap(), AnyArray::from(arr1(&[0.0f32, 0.0])));
        assert_eq!(of(Reduction::Product, &[0, 1], &empty).unwrap(), AnyArray::from(arr0(1.0f32)));
        assert_eq!(of(Reduction::Max, &[1], &empty).unwrap_err().kind, ErrorKind::Execution);
        assert_eq!(of(Reduction::Max, &[0], &empty).unwrap().shape(), [0]);
    }

    #[test]
    fn sums_and_means_keep_their_digits_and_range() {
        let row = |row: &[f64]| AnyArray::from(arr1(row));
        assert_eq!(of(Reduction::Sum, &[0], &row(&[1e16, 1.0, -1e16])).unwrap(), AnyArray::from(arr0(1.0)));
        assert_eq!(of(Reduction::Sum, &[0], &row(&[1.5e308, 1.5e308, -1.5e308])).unwrap(), AnyArray::from(arr0(1.5e308)));
        assert_eq!(of(Reduction::Mean, &[0], &row(&[1.5e308, 1.5e308])).unwrap(), AnyArray::from(arr0(1.5e308)));
        assert_eq!(of(Reduction::Mean, &[0], &row(&[f64::MAX, f64::INFINITY])).unwrap(), AnyArray::from(arr0(f64::INFINITY)));
        let halves = AnyArray::from(ndarray::Array1::from_elem(100_000, half::f16::from_f32(3.0)));
        assert_eq!(of(Reduction::Mean, &[0], &halves).unwrap(), AnyArray::from(arr0(half::f16::from_f32(3.0))));
        // Half precision counts no further than 65504 itself, and the slope of a mean divides by the count.
        let mut graph = Graph::new();
        let [x, u] = [("x", [100_000].as_slice()), ("u", &[])].map(|(name, shape)| {
            let ty = Type::new(DType::F16, shape.iter().copied());
            graph.add_input(name, ty, crate::op::input::InputKind::Argument).unwrap()
        });
        let slopes = reduce(Reduction::Mean, &[0]).transpose(&mut graph, &[x], 0, u).unwrap();
        graph.set_outputs([slopes]);
        let slopes = graph.evaluate(&[halves, AnyArray::from(arr0(half::f16::ONE))]).unwrap().remove(0);
        assert_eq!(slopes, AnyArray::from(ndarray::Array1::from_elem(100_000, half::f16::from_f32(1e-5))));
        let none = of(Reduction::Mean, &[1], &AnyArray::from(Array2::<f32>::zeros((2, 0)))).unwrap().to_reals();
        assert!(none.len() == 2 && none.iter().all(|x| x.is_nan()));
    }

    #[test]
    fn what_it_refuses() {
        let x = AnyArray::from(arr1(&[1.0f32]));
        assert_eq!(of(Reduction::All, &[0], &x).unwrap_err().kind, ErrorKind::DType);
        assert_eq!(of(Reduction::Sum, &[0], &AnyArray::from(arr1(&[true]))).unwrap_err().kind, ErrorKind::DType);
        assert_eq!(of(Reduction::Sum, &[0], &x.cast(DType::C64)).unwrap_err().kind, ErrorKind::DType);
        assert_eq!(of(Reduction::Mean, &[0], &AnyArray::from(arr1(&[1i32]))).unwrap_err().kind, ErrorKind::DType);
        assert_eq!(of(Reduction::Sum, &[1], &x).unwrap_err().kind, ErrorKind::Axis);
        assert_eq!(of(Reduction::Sum, &[0, 0], &x).unwrap_err().kind, ErrorKind::Axis);
    }

    #[test]
    fn it_reads_back() {
        for reduction in Reduction::ALL {
            let op = reduce(reduction, &[0, 2]);
            assert_eq!(Reduce::parse(&op.attributes()).unwrap(), op);
        }
        assert_eq!(reduce(Reduction::Sum, &[1]).attributes().to_string(), "{by=sum, axes=[1]}");
    }

    #[test]
    fn derivatives() {
        let x = Array3::<f64>::from_shape_fn((2, 3, 2), |(i, j, k)| ((5 * i + 7 * j + 3 * k) % 11) as f64 - 4.3);
        for reduction in [Reduction::Sum, Reduction::Mean] {
            assert_transpose(reduce(reduction, &[0, 2]), &[AnyArray::from(x.clone())]);
        }
        for reduction in [Reduction::Product, Reduction::Max, Reduction::Min] {
            assert_tangent(&reduce(reduction, &[0, 2]), &AnyArray::from(x.clone()));
        }
    }

    #[test]
    fn ties_share_and_zeros_do_not_spoil_a_product() {
        let (x, direction) = (AnyArray::from(arr1(&[3.0, 1.0, 3.0])), AnyArray::from(arr1(&[1.0, 10.0, 100.0])));
        assert_eq!(tangent_at(&reduce(Reduction::Max, &[0]), &x, &direction), AnyArray::from(arr0(50.5)));
        let zeros = AnyArray::from(arr1(&[0.0, 2.0, 3.0]));
        assert_eq!(tangent_at(&reduce(Reduction::Product, &[0]), &zeros, &direction), AnyArray::from(arr0(6.0)));
    }
}
