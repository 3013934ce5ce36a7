//! A sum of products over shared axes.

use ndarray::{ArrayD, IxDyn};
use smallvec::SmallVec;

use super::attributes::{Attributes, malformed};
use super::compensated::Compensated;
use super::{Derivative, Elements, Linear, Primitive, Types, arity, one, require, rows};
use crate::any_array::AnyArray;
use crate::error::{Problem, Result};
use crate::graph::{Graph, Value};
use crate::lengths::Lengths;
use crate::number::Number;
use crate::sizes::Sizes;
use crate::types::Type;

/// Axes of the left and of the right that belong together.
pub type Pairs = SmallVec<[(usize, usize); 2]>;

/// Products of elements, summed over the contracted axes: `left: [batch.., m.., k..], right: [batch.., k.., n..] -> [batch.., m.., n..]`.
///
/// The axes may stand in any order in the operands. Those of the result are the batch axes in the order of their pairs, then the
/// free axes of the left, then those of the right. Floats, and integers, which wrap.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Dot {
    /// Axes along which both are walked together.
    pub batch: Pairs,
    /// Axes over which the products are summed.
    pub contract: Pairs,
}

/// One side of a [`Dot`]: where its axes go.
struct Side {
    batch: SmallVec<[usize; 2]>,
    contract: SmallVec<[usize; 2]>,
    /// The axes in no pair, in order.
    free: SmallVec<[usize; 4]>,
}

impl Side {
    fn new(batch: impl Iterator<Item = usize>, contract: impl Iterator<Item = usize>, rank: usize) -> Self {
        let (batch, contract): (SmallVec<[usize; 2]>, SmallVec<[usize; 2]>) = (batch.collect(), contract.collect());
        let free = (0..rank).filter(|axis| !batch.contains(axis) && !contract.contains(axis)).collect();
        Side { batch, contract, free }
    }

    /// Refuses axes that are not there or in two pairs.
    fn check(&self, name: &str, rank: usize) -> Result<(), Problem> {
        let mut paired: Vec<usize> = self.batch.iter().chain(&self.contract).copied().collect();
        paired.sort_unstable();
        require::axes(&paired, rank).map_err(|problem| Problem { message: format!("of the {name}: {}", problem.message), ..problem })
    }
}

impl Dot {
    pub(crate) const NAME: &'static str = "dot";

    pub(crate) fn parse(attributes: &Attributes) -> Result<Self, Problem> {
        let pairs = |name| attributes.list(name)?.into_iter().map(read_pair).collect::<Result<Pairs, Problem>>();
        Ok(Dot { batch: pairs("batch")?, contract: pairs("contract")? })
    }

    fn left(&self, rank: usize) -> Side {
        Side::new(self.batch.iter().map(|pair| pair.0), self.contract.iter().map(|pair| pair.0), rank)
    }

    fn right(&self, rank: usize) -> Side {
        Side::new(self.batch.iter().map(|pair| pair.1), self.contract.iter().map(|pair| pair.1), rank)
    }

    /// Fills the result. `sum` gives the sum of the products of a row of the left and one of the right.
    fn multiply<T: Clone>(&self, left: &ArrayD<T>, right: &ArrayD<T>, result: &mut ArrayD<Number>, sum: impl Fn(&[T], &[T]) -> Number) {
        let (l, r) = (self.left(left.ndim()), self.right(right.ndim()));
        // As rows of what is summed: [batch, m, k] and [batch, n, k].
        let rows = |array: &ArrayD<T>, side: &Side| -> (Vec<T>, usize) {
            let order = [&side.batch[..], &side.free, &side.contract].concat();
            let count = side.free.iter().map(|&axis| array.shape()[axis]).product();
            (array.view().permuted_axes(IxDyn(&order)).iter().cloned().collect(), count)
        };
        let ((left_rows, m), (right_rows, n)) = (rows(left, &l), rows(right, &r));
        let k: usize = l.contract.iter().map(|&axis| left.shape()[axis]).product();
        for (place, slot) in result.iter_mut().enumerate() {
            let (row, column) = (place / n, place % n + place / n / m * n);
            *slot = sum(&left_rows[row * k..(row + 1) * k], &right_rows[column * k..(column + 1) * k]);
        }
    }
}

/// A pair as `left:right`.
fn read_pair(text: &str) -> Result<(usize, usize), Problem> {
    let axes = text.split_once(':').and_then(|(left, right)| Some((left.trim().parse().ok()?, right.trim().parse().ok()?)));
    axes.ok_or_else(|| malformed(format!("`{text}` is not a pair of axes `left:right`")))
}

impl Primitive for Dot {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn attributes(&self) -> Attributes {
        let pairs = |pairs: &Pairs| pairs.iter().map(|(left, right)| format!("{left}:{right}")).collect::<Vec<_>>();
        Attributes::none().with_list("batch", pairs(&self.batch)).with_list("contract", pairs(&self.contract))
    }

    fn infer(&self, inputs: &[&Type], lengths: &mut Lengths) -> Result<Types, Problem> {
        let [left, right] = arity(inputs)?;
        require::same_dtype(inputs)?;
        require::float_or_integer(left.dtype)?;
        let (l, r) = (self.left(left.rank()), self.right(right.rank()));
        l.check("left", left.rank())?;
        r.check("right", right.rank())?;
        let mut unify = |&(in_left, in_right): &(usize, usize)| {
            let (have, other) = (&left.dims[in_left], &right.dims[in_right]);
            lengths.unify(have, other).ok_or_else(|| {
                let (first, second) = (require::ordinal(in_left, left.rank()), require::ordinal(in_right, right.rank()));
                Problem::shapes(format!("the {first} axis of the left ({have}) must equal the {second} of the right ({other})"))
            })
        };
        let mut dims = self.batch.iter().map(&mut unify).collect::<Result<Vec<_>, _>>()?;
        self.contract.iter().try_for_each(|pair| unify(pair).map(|_| ()))?;
        dims.extend(l.free.iter().map(|&axis| left.dims[axis].clone()));
        dims.extend(r.free.iter().map(|&axis| right.dims[axis].clone()));
        Ok(one(Type::new(left.dtype, dims)))
    }

    fn evaluate(&self, inputs: &[&AnyArray], _: &Sizes) -> Result<SmallVec<[AnyArray; 1]>, Problem> {
        let types = require::fit(self, inputs)?;
        let [left, right] = arity(inputs)?;
        let shape = types[0].dims.known().ok_or_else(|| Problem::shapes("the result is too large"))?;
        let mut result = require::filled(&shape, Number::Integer(0))?;
        if left.dtype().is_float() {
            self.multiply(&left.to_reals(), &right.to_reals(), &mut result, |left, right| {
                let mut sum = Compensated::default();
                left.iter().zip(right).for_each(|(&x, &y)| sum.add_product(x, y));
                Number::Real(sum.value())
            });
        } else {
            self.multiply(&left.to_integers(), &right.to_integers(), &mut result, |left, right| {
                Number::Integer(left.iter().zip(right).fold(0, |sum, (&x, &y)| sum.wrapping_add(x.wrapping_mul(y))))
            });
        }
        AnyArray::from_numbers(left.dtype(), &shape, result).map(one).ok_or_else(|| Problem::shapes("the count of products is off"))
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Multilinear(self)
    }
}

impl Linear for Dot {
    /// The cotangent times the other operand, summed over the other's free axes, with the axes put back in order.
    fn transpose(&self, graph: &mut Graph, inputs: &[Value], wrt: usize, cotangent: Value) -> Result<Value> {
        let (left_rank, right_rank) = (graph.ty(inputs[0]).rank(), graph.ty(inputs[1]).rank());
        let (l, r) = (self.left(left_rank), self.right(right_rank));
        let batches = self.batch.len();
        // The contracted axes in the order in which the other operand has them: they are its free axes now.
        let mut contract = self.contract.to_vec();
        let (product, mut axes) = if wrt == 0 {
            contract.sort_unstable_by_key(|pair| pair.1);
            let right_free = r.free.iter().enumerate().map(|(place, &axis)| (batches + l.free.len() + place, axis));
            let dot = Dot { batch: r.batch.iter().enumerate().map(|(place, &axis)| (place, axis)).collect(), contract: right_free.collect() };
            let axes: Vec<usize> = l.batch.iter().chain(&l.free).copied().collect();
            (graph.add(dot, &[cotangent, inputs[1]])?, axes)
        } else {
            contract.sort_unstable_by_key(|pair| pair.0);
            let left_free = l.free.iter().enumerate().map(|(place, &axis)| (axis, batches + place));
            let dot = Dot { batch: l.batch.iter().enumerate().map(|(place, &axis)| (axis, place)).collect(), contract: left_free.collect() };
            (graph.add(dot, &[inputs[0], cotangent])?, r.batch.to_vec())
        };
        // `axes[k]` is the axis of the operand that axis k of the product stands for.
        if wrt == 0 {
            axes.extend(contract.iter().map(|pair| pair.0));
        } else {
            axes.extend(contract.iter().map(|pair| pair.1));
            axes.extend(&r.free);
        }
        graph.transpose(product, &rows::inverse(&axes))
    }

    fn elements(&self) -> Elements {
        Elements::Mix
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array, Array2, IxDyn, arr0, arr1, arr2};
    use smallvec::smallvec;

    use super::super::linear_identity::assert_transpose;
    use super::*;
    use crate::dim::Dim;
    use crate::dtype::DType;
    use crate::error::ErrorKind;
    use crate::symbol::Symbol;

    fn matrix_product() -> Dot {
        Dot { batch: smallvec![], contract: smallvec![(1, 0)] }
    }

    fn of(dot: &Dot, left: &AnyArray, right: &AnyArray) -> Result<AnyArray, Problem> {
        dot.evaluate(&[left, right], &Sizes::default()).map(|mut y| y.remove(0))
    }

    /// An array of whole numbers without a pattern.
    fn array(shape: &[usize], factor: usize) -> AnyArray {
        let count = shape.iter().product();
        Array::from_shape_vec(IxDyn(shape), (0..count).map(|k| ((k * factor) % 13) as f64 - 6.0).collect()).unwrap().into()
    }

    #[test]
    fn matrices_vectors_and_numbers() {
        let (a, b) = (AnyArray::from(arr2(&[[1, 2], [3, 4], [5, 6]])), AnyArray::from(arr2(&[[1, 0, 2], [0, 1, 3]])));
        assert_eq!(of(&matrix_product(), &a, &b).unwrap(), AnyArray::from(arr2(&[[1, 2, 8], [3, 4, 18], [5, 6, 28]])));
        let v = AnyArray::from(arr1(&[1.0f32, 2.0]));
        assert_eq!(of(&Dot { batch: smallvec![], contract: smallvec![(0, 0)] }, &v, &v).unwrap(), AnyArray::from(arr0(5.0f32)));
        assert_eq!(of(&Dot { batch: smallvec![], contract: smallvec![] }, &v, &v).unwrap(), AnyArray::from(arr2(&[[1.0f32, 2.0], [2.0, 4.0]])));
        assert_eq!(of(&Dot { batch: smallvec![(0, 0)], contract: smallvec![] }, &v, &v).unwrap(), AnyArray::from(arr1(&[1.0f32, 4.0])));
        let bytes = AnyArray::from(arr1(&[200u8, 100]));
        assert_eq!(of(&Dot { batch: smallvec![], contract: smallvec![(0, 0)] }, &bytes, &bytes).unwrap(), AnyArray::from(arr0(80u8)));
    }

    #[test]
    fn empty_sums_are_zero_and_empty_results_empty() {
        let (tall, wide) = (AnyArray::from(Array2::<f64>::ones((2, 0))), AnyArray::from(Array2::<f64>::ones((0, 3))));
        assert_eq!(of(&matrix_product(), &tall, &wide).unwrap(), AnyArray::from(Array2::<f64>::zeros((2, 3))));
        assert_eq!(of(&matrix_product(), &wide, &array(&[3, 4], 5)).unwrap().shape(), [0, 4]);
    }

    #[test]
    fn contracted_lengths_must_agree() {
        let (x, w) = (Type::new(DType::F32, [Dim::from(Symbol::new("n")), Dim::from(784)]), Type::new(DType::F32, [100]));
        let problem = matrix_product().infer(&[&x, &w], &mut Lengths::default()).unwrap_err();
        assert_eq!(problem.message, "the last axis of the left (784) must equal the first of the right (100)");
        let infer = |dot: Dot| dot.infer(&[&x, &w], &mut Lengths::default()).unwrap_err();
        assert_eq!(infer(Dot { batch: smallvec![], contract: smallvec![(1, 1)] }).message, "of the right: there is no axis 1: the only axis is 0");
        assert_eq!(infer(Dot { batch: smallvec![(1, 0)], contract: smallvec![(1, 0)] }).kind, ErrorKind::Axis);
        assert_eq!(matrix_product().infer(&[&x, &w.with_dtype(DType::F64)], &mut Lengths::default()).unwrap_err().kind, ErrorKind::DType);
        let truths = [x.with_dtype(DType::Bool), w.with_dtype(DType::Bool)];
        assert_eq!(matrix_product().infer(&[&truths[0], &truths[1]], &mut Lengths::default()).unwrap_err().kind, ErrorKind::DType);
    }

    #[test]
    fn unknown_lengths_unify() {
        let (n, m) = (Dim::from(Symbol::new("n")), Dim::from(Symbol::new("m")));
        let (x, w) = (Type::new(DType::F32, [n.clone(), n]), Type::new(DType::F32, [m, Dim::from(3)]));
        let mut lengths = Lengths::default();
        assert_eq!(matrix_product().infer(&[&x, &w], &mut lengths).unwrap()[0].to_string(), "f32[n, 3]");
        assert_eq!(lengths.requirements()[0].to_string(), "n == m");
    }

    #[test]
    fn it_reads_back() {
        let dot = Dot { batch: smallvec![(0, 1), (2, 0)], contract: smallvec![(3, 3)] };
        assert_eq!(dot.attributes().to_string(), "{batch=[0:1, 2:0], contract=[3:3]}");
        assert_eq!(Dot::parse(&dot.attributes()).unwrap(), dot);
        assert!(read_pair("1").is_err());
    }

    #[test]
    fn its_transposes_are_dots() {
        // Batch and contracted axes in other orders left and right, with several free axes.
        let dot = Dot { batch: smallvec![(3, 0), (1, 4)], contract: smallvec![(0, 3), (4, 1)] };
        let operands = [array(&[2, 3, 4, 5, 2, 2], 5), array(&[5, 2, 3, 2, 3], 7)];
        for (dot, operands) in [(dot, operands), (matrix_product(), [array(&[2, 3], 5), array(&[3, 4], 7)])] {
            assert_transpose(dot, &operands);
        }
    }
}
