//! A function of the table, applied element by element; its inputs broadcast against each other.

use ndarray::{ArrayD, IxDyn};
use smallvec::SmallVec;

use super::attributes::{Attributes, malformed};
use super::scalar::{self, Scalar, Signature};
use super::{Derivative, Primitive, Types, one};
use crate::any_array::AnyArray;
use crate::dtype::{Class, DType};
use crate::error::{Problem, Result};
use crate::lengths::Lengths;
use crate::number::Number;
use crate::sizes::Sizes;
use crate::types::{Dims, Type};

/// A scalar function, element by element: `x: [..], y: [..] -> [..]`, shapes broadcast, aligned at the last axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pointwise(pub &'static Scalar);

impl Pointwise {
    pub(crate) const NAME: &'static str = "";

    pub(crate) fn parse(_: &Attributes) -> Result<Self, Problem> {
        Err(malformed("a pointwise op is named by its function"))
    }

    /// The function of the table with that name.
    pub fn named(name: &str) -> Option<Self> {
        scalar::ALL.iter().find(|scalar| scalar.name == name).map(|scalar| Pointwise(scalar))
    }

    /// The element type of the result, from those of the inputs.
    fn result_dtype(self, inputs: &[&Type]) -> Result<DType, Problem> {
        let Pointwise(scalar) = self;
        let compared = match scalar.signature {
            Signature::Select => {
                if inputs[0].dtype != DType::Bool {
                    return Err(Problem::dtype(format!("the condition must be bool, not {}", inputs[0].dtype))
                        .advise("compare first, for example with `.gt(0.0)`"));
                }
                &inputs[1..]
            }
            Signature::Same(_) | Signature::Test(_) => inputs,
        };
        let dtype = compared[0].dtype;
        if let Some(other) = compared.iter().find(|ty| ty.dtype != dtype) {
            return Err(Problem::dtype(format!("all elements must be of one type, and these are {dtype} and {}", other.dtype))
                .advise("convert one with `.cast::<T>()`"));
        }
        let has_meaning = scalar.signature == Signature::Select
            || match dtype.class() {
                Class::Float => scalar.real.is_some(),
                Class::Signed | Class::Unsigned => scalar.integer.is_some(),
                Class::Bool => scalar.boolean.is_some(),
                Class::Complex => false,
            };
        if !has_meaning {
            return Err(Problem::dtype(format!("it is not defined on elements of type {dtype}")).advise("convert with `.cast::<T>()`"));
        }
        Ok(match scalar.signature {
            Signature::Test(_) => DType::Bool,
            Signature::Same(_) | Signature::Select => dtype,
        })
    }
}

impl Primitive for Pointwise {
    fn name(&self) -> &'static str {
        self.0.name
    }

    fn attributes(&self) -> Attributes {
        Attributes::none()
    }

    fn infer(&self, inputs: &[&Type], lengths: &mut Lengths) -> Result<Types, Problem> {
        if inputs.len() != self.0.arity() {
            return Err(Problem::shapes(format!("it takes {} inputs and was given {}", self.0.arity(), inputs.len())));
        }
        let dtype = self.result_dtype(inputs)?;
        let shapes: SmallVec<[&Dims; 3]> = inputs.iter().map(|ty| &ty.dims).collect();
        Ok(one(Type { dtype, dims: lengths.broadcast(&shapes)? }))
    }

    fn evaluate(&self, inputs: &[&AnyArray], _: &Sizes) -> Result<SmallVec<[AnyArray; 1]>, Problem> {
        let types: Vec<Type> = inputs.iter().map(|array| Type::new(array.dtype(), array.shape().iter().copied())).collect();
        let result = self.infer(&types.iter().collect::<Vec<_>>(), &mut Lengths::default())?.remove(0);
        let shape = result.dims.known().ok_or_else(|| Problem::shapes("a length is negative"))?;
        let columns: Vec<Vec<Number>> = inputs.iter().map(|array| broadcast_numbers(array, &shape)).collect::<Result<_, _>>()?;
        let count = shape.iter().product();
        let mut arguments: Vec<Number> = vec![Number::Bool(false); inputs.len()];
        let numbers = (0..count).map(|place| {
            for (argument, column) in arguments.iter_mut().zip(&columns) {
                *argument = column[place];
            }
            self.0.evaluate(&arguments).unwrap_or(Number::Real(f64::NAN))
        });
        Ok(one(AnyArray::from_numbers(result.dtype, &shape, numbers).ok_or_else(|| Problem::shapes("the count of elements is off"))?))
    }

    fn derivative(&self) -> Derivative<'_> {
        if self.0.is_piecewise_constant() { Derivative::Zero } else { Derivative::Pointwise(self.0.partials()) }
    }
}

/// The elements of an array stretched to a shape, in row-major order.
fn broadcast_numbers(array: &AnyArray, shape: &[usize]) -> Result<Vec<Number>, Problem> {
    let numbers = ArrayD::from_shape_vec(IxDyn(array.shape()), array.numbers()).map_err(|error| Problem::shapes(error.to_string()))?;
    let stretched = numbers.broadcast(IxDyn(shape)).ok_or_else(|| Problem::shapes(format!("{:?} does not stretch to {shape:?}", array.shape())))?;
    Ok(stretched.iter().copied().collect())
}
