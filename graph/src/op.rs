//! What an op must say of itself, and the closed list of ops.
//!
//! A pointwise op is a line in [`scalar`]. A structural op is a file: a struct that implements [`Primitive`], a variant of [`Op`]
//! and an arm in [`Op::rules`]. Nothing else in the workspace has to know it, except the engines, which match [`Op`] exhaustively.

pub mod arg_extreme;
pub mod attributes;
pub mod broadcast;
pub mod cast;
mod compensated;
pub mod concatenate;
pub mod constant;
pub mod conv;
pub mod custom;
pub mod dim_value;
pub mod dot;
pub mod input;
pub mod insert_axis;
pub mod iota;
#[cfg(test)]
mod linear_identity;
pub mod log_softmax;
pub mod log_sum_exp;
pub mod max_pool;
pub mod max_pool_cotangent;
pub mod max_pool_tangent;
pub mod norm;
pub mod pad;
pub mod pointwise;
pub mod product_of_others;
pub mod reduce;
pub mod remove_axis;
mod require;
pub mod reshape;
mod rows;
pub mod scalar;
pub mod scatter_add;
pub mod select_axis;
mod shares;
pub mod slice;
pub mod softmax;
pub mod special;
pub mod stop_gradient;
pub mod term;
pub mod transpose;
pub mod windows;

use std::fmt;

use smallvec::SmallVec;

use crate::any_array::AnyArray;
use crate::error::{Problem, Result};
use crate::graph::{Graph, Value};
use crate::lengths::Lengths;
use crate::op::attributes::Attributes;
use crate::op::term::Term;
use crate::sizes::Sizes;
use crate::types::Type;

/// The types of a node's results: one for nearly every op.
pub type Types = SmallVec<[Type; 1]>;

/// A node's results: one for nearly every op.
pub type Arrays = SmallVec<[AnyArray; 1]>;

/// Everything the framework must know of an op.
///
/// No method has a default: an op that lacks a rule does not compile.
pub trait Primitive: fmt::Debug + Send + Sync {
    /// Its name, as printed and parsed.
    fn name(&self) -> &'static str;

    /// Its parameters, as printed and parsed.
    fn attributes(&self) -> Attributes;

    /// The types of its results. What it learns or demands of unknown lengths goes into `lengths`.
    fn infer(&self, inputs: &[&Type], lengths: &mut Lengths) -> Result<Types, Problem>;

    /// Its meaning: slow, plain, and the judge of every engine. `sizes` gives the lengths its parameters mention.
    fn evaluate(&self, inputs: &[&AnyArray], sizes: &Sizes) -> Result<SmallVec<[AnyArray; 1]>, Problem>;

    /// How it varies. "Not differentiable" must be said, with the reason.
    fn derivative(&self) -> Derivative<'_>;
}

/// How an op varies with its inputs; both modes of differentiation are derived from this.
///
/// Only floating-point inputs vary. Inputs of other dtypes (indices, conditions) are parameters.
pub enum Derivative<'a> {
    /// Element i of the result depends on element i of each input alone: one partial derivative per input.
    Pointwise(&'a [Term]),
    /// Linear in all its floating-point inputs together: its tangent is the op itself, applied to the tangents.
    Linear(&'a dyn Linear),
    /// Linear in each floating-point input while the others stay: its tangent is a sum over the inputs.
    Multilinear(&'a dyn Linear),
    /// Nonlinear structure: it says how its tangent is computed, in terms that are linear in the tangents of the inputs.
    Tangent(&'a dyn Tangent),
    /// A leaf, or piecewise constant.
    Zero,
    /// Has no derivative, for this reason.
    Undefined(&'static str),
}

/// The transpose of a linear op.
pub trait Linear {
    /// The cotangent of input `wrt`, given the cotangent of the result.
    ///
    /// It has the type of `inputs[wrt]`. A [`Derivative::Linear`] op must not read `inputs[wrt]`, only its type.
    fn transpose(&self, graph: &mut Graph, inputs: &[Value], wrt: usize, cotangent: Value) -> Result<Value>;

    /// What becomes of single elements. It says how a mask, which holds where a derivative is not known to be 0, passes the op.
    fn elements(&self) -> Elements;
}

/// What a linear op does with the elements of its floating-point inputs. Its transpose does the opposite.
///
/// An op that copies or moves elements must take truth values too, and must put `false` where it puts 0. The same is asked of
/// [`transpose`](Linear::transpose) where that copies or moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elements {
    /// It has one floating-point input, whose elements all stay in their places: a change of the element type.
    Stay,
    /// Each goes to at most one place, unchanged, and all other places are 0: a permutation, a range, an array in zeros.
    Move,
    /// Each may go to several places, unchanged, and all other places are 0. The transpose sums.
    Copy,
    /// Each goes to at most one place, which holds the sum of all that come there. The transpose copies.
    Sum,
    /// They are multiplied by other numbers, or both copied and summed: no mask passes.
    Mix,
}

impl Op {
    /// Whether it only moves elements, or copies them, and puts 0 elsewhere: whatever they are, they are not changed. `false` of a user's own.
    pub fn only_moves(&self) -> bool {
        match self.rules().derivative() {
            Derivative::Linear(linear) => matches!(linear.elements(), Elements::Move | Elements::Copy) && !matches!(self, Op::Custom(_)),
            Derivative::Pointwise(_) | Derivative::Multilinear(_) | Derivative::Tangent(_) | Derivative::Zero | Derivative::Undefined(_) => false,
        }
    }
}

/// The tangent of a nonlinear op.
pub trait Tangent {
    /// The tangent of the result, given those of the inputs (`None` is zero). It must be linear in them.
    ///
    /// At least one tangent is given. `Ok(None)` is a zero tangent.
    fn tangent(&self, graph: &mut Graph, inputs: &[Value], result: Value, tangents: &[Option<Value>]) -> Result<Option<Value>>;

    /// The cotangents of the inputs, where deriving them from the tangent would waste memory or digits; `Ok(None)` asks for that.
    fn cotangent(&self, graph: &mut Graph, inputs: &[Value], result: Value, cotangent: Value) -> Result<Option<Cotangents>>;
}

/// One cotangent per input; `None` is zero.
pub type Cotangents = SmallVec<[Option<Value>; 2]>;

macro_rules! ops {
    ($($(#[$doc:meta])* $variant:ident($file:ident::$op:ident)),* $(,)?) => {
        /// What a node computes. Engines match this exhaustively.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum Op {
            $($(#[$doc])* $variant($file::$op),)*
        }

        impl Op {
            /// The only place where a variant meets its rules.
            pub fn rules(&self) -> &dyn Primitive {
                match self { $(Op::$variant(op) => op,)* }
            }
        }

        $(impl From<$file::$op> for Op {
            fn from(op: $file::$op) -> Op { Op::$variant(op) }
        })*

        /// How each structural op is read back from its name and parameters.
        pub(crate) const PARSERS: &[(&str, fn(&Attributes) -> Result<Op, Problem>)] = &[
            $(($file::$op::NAME, |attributes| $file::$op::parse(attributes).map(Op::from)),)*
        ];
    };
}

ops! {
    /// A value given from outside: an argument or the state of a `Shared`.
    Input(input::Input),
    /// A literal array.
    Constant(constant::Constant),
    /// A function of the table, applied element by element.
    Pointwise(pointwise::Pointwise),
    /// Another element type.
    Cast(cast::Cast),
    /// A length as a number.
    DimValue(dim_value::DimValue),
    /// 0, 1, 2 … along an axis.
    Iota(iota::Iota),
    /// Stretches axes of length 1.
    Broadcast(broadcast::Broadcast),
    /// The same elements in row-major order under other lengths.
    Reshape(reshape::Reshape),
    /// Axes in another order.
    Transpose(transpose::Transpose),
    /// A new axis of length 1.
    InsertAxis(insert_axis::InsertAxis),
    /// Drops an axis of length 1.
    RemoveAxis(remove_axis::RemoveAxis),
    /// A regular range along each axis.
    Slice(slice::Slice),
    /// Zeros everywhere but a regular range: the transpose of a slice.
    Pad(pad::Pad),
    /// Arrays end to end along an axis.
    Concatenate(concatenate::Concatenate),
    /// Rows picked by index.
    SelectAxis(select_axis::SelectAxis),
    /// Rows added up by index: the transpose of picking.
    ScatterAdd(scatter_add::ScatterAdd),
    /// Sum, mean, product, maximum, minimum, all or any over axes.
    Reduce(reduce::Reduce),
    /// The product of all other elements: the derivative of a product.
    ProductOfOthers(product_of_others::ProductOfOthers),
    /// Where the largest or smallest element is.
    ArgExtreme(arg_extreme::ArgExtreme),
    /// ln Σ exp, without overflow.
    LogSumExp(log_sum_exp::LogSumExp),
    /// The Euclidean norm, without overflow.
    Norm(norm::Norm),
    /// exp normalised to sum 1.
    Softmax(softmax::Softmax),
    /// The logarithm of softmax.
    LogSoftmax(log_softmax::LogSoftmax),
    /// A sum of products over shared axes.
    Dot(dot::Dot),
    /// A filter slides over an array, and their products are summed.
    Conv(conv::Conv),
    /// The largest element of each window.
    MaxPool(max_pool::MaxPool),
    /// The mean of numbers where another array is largest in its window.
    MaxPoolTangent(max_pool_tangent::MaxPoolTangent),
    /// Numbers shared among the largest elements of their windows: the transpose.
    MaxPoolCotangent(max_pool_cotangent::MaxPoolCotangent),
    /// The identity that derivatives do not pass.
    StopGradient(stop_gradient::StopGradient),
    /// An op of the user's.
    Custom(custom::Custom),
}

/// One result, in the form that [`Primitive::infer`] and [`Primitive::evaluate`] return.
pub fn one<T>(result: T) -> SmallVec<[T; 1]> {
    SmallVec::from_buf([result])
}

/// Refuses any number of inputs but `N`.
pub(crate) fn arity<'a, T, const N: usize>(inputs: &[&'a T]) -> Result<[&'a T; N], Problem> {
    <[&T; N]>::try_from(inputs).map_err(|_| Problem::shapes(format!("it takes {N} inputs and was given {}", inputs.len())))
}

#[cfg(test)]
mod tests {
    use smallvec::smallvec;

    use super::*;
    use crate::dim::Dim;
    use crate::dtype::DType;
    use crate::op::slice::Range;
    use crate::symbol::Symbol;
    use crate::types::Dims;

    /// One of each op that can be read back from its parameters.
    fn examples() -> Vec<Op> {
        let n = Dim::from(Symbol::new("n"));
        let dims: Dims = [n.clone() * 2 + 1, n.floor_div(&3.into()), Dim::from(4)].into_iter().collect();
        let range = Range { start: n.clone() - 1, step: -2, length: n.floor_div(&2.into()) };
        let windows = windows::Windows { begins: smallvec![range.clone(), Range::whole(n.clone())], lengths: smallvec![2, 3] };
        vec![
            input::Input {
                name: "a \"b\", {c}".into(),
                ty: Type { dtype: DType::BF16, dims: dims.clone() },
                kind: input::InputKind::Shared,
                place: 3,
            }
            .into(),
            constant::Constant(AnyArray::from(ndarray::arr1(&[0.5f32, -0.0, f32::NAN]))).into(),
            cast::Cast { to: DType::C128 }.into(),
            dim_value::DimValue { dim: n.clone() * n.clone(), dtype: DType::F16 }.into(),
            iota::Iota { length: n.clone(), dtype: DType::U8 }.into(),
            broadcast::Broadcast { to: dims.clone() }.into(),
            reshape::Reshape { to: Dims::scalar() }.into(),
            transpose::Transpose { order: smallvec![2, 0, 1] }.into(),
            insert_axis::InsertAxis { axis: 2 }.into(),
            remove_axis::RemoveAxis { axis: 0 }.into(),
            slice::Slice { ranges: smallvec![range.clone(), Range::whole(n.clone())] }.into(),
            pad::Pad { ranges: smallvec![range], to: dims }.into(),
            concatenate::Concatenate { axis: 1 }.into(),
            select_axis::SelectAxis { axis: 1 }.into(),
            scatter_add::ScatterAdd { axis: 1, length: n }.into(),
            reduce::Reduce { reduction: reduce::Reduction::Any, axes: smallvec![0, 2] }.into(),
            product_of_others::ProductOfOthers { axes: smallvec![] }.into(),
            arg_extreme::ArgExtreme { extreme: arg_extreme::Extreme::Min, axis: 1 }.into(),
            log_sum_exp::LogSumExp { axes: smallvec![1] }.into(),
            norm::Norm { axes: smallvec![0, 2] }.into(),
            softmax::Softmax { axis: 1 }.into(),
            log_softmax::LogSoftmax { axis: 1 }.into(),
            dot::Dot { batch: smallvec![(0, 1)], contract: smallvec![(2, 0), (1, 3)] }.into(),
            conv::Conv { begins: windows.begins.clone(), dilation: smallvec![1, 2], spread: smallvec![3, 1], groups: 2 }.into(),
            max_pool::MaxPool(windows.clone()).into(),
            max_pool_tangent::MaxPoolTangent(windows.clone()).into(),
            max_pool_cotangent::MaxPoolCotangent(windows).into(),
            stop_gradient::StopGradient.into(),
        ]
    }

    #[test]
    fn every_op_reads_back() {
        let examples = examples();
        for (name, parse) in PARSERS {
            let of_that_name: Vec<&Op> = examples.iter().filter(|op| op.rules().name() == *name).collect();
            // A function is named by itself, and an op of the user's is known only to the user.
            let cannot = [pointwise::Pointwise::NAME, custom::Custom::NAME].contains(name);
            assert_eq!(of_that_name.is_empty(), cannot, "`{name}` has no example");
            for op in of_that_name {
                let printed = op.rules().attributes().to_string();
                let inside = printed.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default();
                assert_eq!(parse(&Attributes::parse(inside).unwrap()).as_ref(), Ok(op), "{printed}");
            }
        }
    }
}
