//! A literal array.

use half::{bf16, f16};
use ndarray::{ArcArray, IxDyn};
use num_complex::Complex;
use smallvec::SmallVec;

use super::attributes::{Attributes, malformed};
use super::{Derivative, Primitive, Types, arity, one};
use crate::any_array::AnyArray;
use crate::dtype::Element;
use crate::error::Problem;
use crate::lengths::Lengths;
use crate::sizes::Sizes;
use crate::types::Type;
use crate::{with_any_array, with_dtype};

/// A literal array: `-> [..]`. Equal to another if all bits are: NaN is itself, and −0 is not 0.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Constant(pub AnyArray);

impl Constant {
    pub(crate) const NAME: &'static str = "constant";

    pub(crate) fn parse(attributes: &Attributes) -> Result<Self, Problem> {
        let dims = attributes.dims("dims")?;
        let shape = dims.known().ok_or_else(|| malformed(format!("the lengths {dims} of a constant are not all known")))?;
        let values = attributes.list("values")?;
        let dtype = attributes.dtype("dtype")?;
        let array = with_dtype!(dtype, T => {
            let elements: Result<Vec<T>, &str> = values.iter().map(|text| T::read(text.trim()).ok_or(*text)).collect();
            elements.map(|elements| ArcArray::from_shape_vec(IxDyn(&shape), elements).ok().map(T::into_any))
        });
        let array = array.map_err(|text| malformed(format!("`{text}` is not a number of type {dtype}")))?;
        let (have, wanted) = (values.len(), dims.count());
        array.map(Constant).ok_or_else(|| malformed(format!("a constant of lengths {dims} has {wanted} values, and these are {have}")))
    }

    /// Its elements as text that reads back.
    fn literals(&self) -> Vec<String> {
        with_any_array!(&self.0, |array| array.iter().map(|&element| element.print()).collect())
    }
}

impl Primitive for Constant {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn attributes(&self) -> Attributes {
        let values = self.literals();
        Attributes::none().with("dtype", self.0.dtype()).with_list("dims", self.0.shape()).with_list("values", values)
    }

    fn infer(&self, inputs: &[&Type], _: &mut Lengths) -> Result<Types, Problem> {
        let [] = arity(inputs)?;
        Ok(one(Type::new(self.0.dtype(), self.0.shape().iter().copied())))
    }

    fn evaluate(&self, _: &[&AnyArray], _: &Sizes) -> Result<SmallVec<[AnyArray; 1]>, Problem> {
        Ok(one(self.0.clone()))
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Zero
    }
}

impl Constant {
    /// Its elements as text, for people.
    pub(crate) fn shown(&self) -> String {
        self.literals().join(", ")
    }
}

/// An element as text that reads back bit for bit.
trait Literal: Sized {
    fn print(self) -> String;
    fn read(text: &str) -> Option<Self>;
}

macro_rules! plain_literal {
    ($($element:ty)*) => { $(
        impl Literal for $element {
            fn print(self) -> String {
                self.to_string()
            }

            fn read(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        }
    )* };
}
plain_literal!(bool i8 i16 i32 i64 u8 u16 u32 u64);

/// Each float with the unsigned integer of its bits and the type whose shortest decimal tells its values apart.
macro_rules! float_literal {
    ($($element:ty, $bits:ty, $decimal:ty, $from:expr;)*) => { $(
        impl Literal for $element {
            fn print(self) -> String {
                match self.to_bits() {
                    bits if bits == <$element>::NAN.to_bits() => "nan".into(),
                    bits if self.is_nan() => format!("nan:{bits:#x}"),
                    _ => format!("{:?}", <$decimal>::from(self)),
                }
            }

            fn read(text: &str) -> Option<Self> {
                if text == "nan" {
                    return Some(<$element>::NAN);
                }
                if let Some(bits) = text.strip_prefix("nan:0x") {
                    return <$bits>::from_str_radix(bits, 16).ok().map(<$element>::from_bits).filter(|value| value.is_nan());
                }
                text.parse::<$decimal>().ok().map($from)
            }
        }
    )* };
}
float_literal! {
    f16, u16, f32, f16::from_f32;
    bf16, u16, f32, bf16::from_f32;
    f32, u32, f32, |value| value;
    f64, u64, f64, |value| value;
}

/// A semicolon between the parts, since commas separate values.
impl<T: Literal> Literal for Complex<T> {
    fn print(self) -> String {
        format!("({}; {})", self.re.print(), self.im.print())
    }

    fn read(text: &str) -> Option<Self> {
        let (re, im) = text.strip_prefix('(')?.strip_suffix(')')?.split_once(';')?;
        Some(Complex { re: T::read(re.trim())?, im: T::read(im.trim())? })
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, arr0, arr1, arr2};

    use super::*;
    use crate::dtype::DType;

    fn assert_reads_back(array: impl Into<AnyArray>) {
        let constant = Constant(array.into());
        let text = constant.attributes().to_string();
        let inside = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap();
        assert_eq!(Constant::parse(&Attributes::parse(inside).unwrap()).unwrap(), constant, "{text}");
    }

    #[test]
    fn a_scalar_prints_short() {
        assert_eq!(Constant(arr0(0.5f32).into()).attributes().to_string(), "{dtype=f32, dims=[], values=[0.5]}");
        let special = [f64::NAN, f64::INFINITY, -0.0, f64::from_bits(0xfff8_0000_0000_0001)];
        assert_eq!(
            Constant(arr1(&special).into()).attributes().to_string(),
            "{dtype=f64, dims=[4], values=[nan, inf, -0.0, nan:0xfff8000000000001]}"
        );
    }

    #[test]
    fn every_half_reads_back() {
        assert_reads_back((0..=u16::MAX).map(f16::from_bits).collect::<ndarray::Array1<_>>());
        assert_reads_back((0..=u16::MAX).map(bf16::from_bits).collect::<ndarray::Array1<_>>());
    }

    #[test]
    fn bits_of_every_kind_read_back() {
        // Steps that visit all exponents, subnormals, infinities and NaNs of both signs.
        assert_reads_back((0..4099u32).map(|k| f32::from_bits(k.wrapping_mul(1_047_553))).collect::<ndarray::Array1<_>>());
        assert_reads_back((0..4099u64).map(|k| f64::from_bits(k.wrapping_mul(4_499_100_123_123_123))).collect::<ndarray::Array1<_>>());
        assert_reads_back(arr1(&[f64::MAX, f64::MIN_POSITIVE, 5e-324, 0.1, 1e22, -1e-7]));
        assert_reads_back(arr2(&[[Complex::new(1.0f32, -2.5), Complex::new(f32::NAN, f32::INFINITY)]]));
        assert_reads_back(arr0(Complex::new(-0.0f64, f64::from_bits(0x7ff0_0000_0000_0001))));
        assert_reads_back(arr1(&[i64::MIN, i64::MAX]));
        assert_reads_back(arr1(&[u64::MAX, 0]));
        assert_reads_back(arr2(&[[true], [false]]));
        assert_reads_back(Array2::<f32>::zeros((0, 3)));
        assert_reads_back(arr2(&[[1, 2], [3, 4]]).reversed_axes());
    }

    #[test]
    fn text_that_is_not_a_constant_is_refused() {
        let parse = |dtype: DType, dims: &str, values: &str| {
            Constant::parse(&Attributes::none().with("dtype", dtype).with("dims", dims).with("values", values))
        };
        assert_eq!(parse(DType::F32, "[2]", "[1.0]").unwrap_err().message, "a constant of lengths [2] has 2 values, and these are 1");
        assert_eq!(parse(DType::U8, "[1]", "[256]").unwrap_err().message, "`256` is not a number of type u8");
        assert!(
            parse(DType::F32, "[n]", "[1.0]").is_err() && parse(DType::F32, "[1]", "[nan:0x0]").is_err() && parse(DType::C64, "[]", "[1.0]").is_err()
        );
        assert!(parse(DType::F32, "[9223372036854775807, 4]", "[]").is_err());
    }
}
