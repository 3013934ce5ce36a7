//! Element types: the dtypes a graph knows by value, and the Rust types that carry them.

use std::borrow::Cow;
use std::fmt;

use half::{bf16, f16};
use ndarray::{ArcArray, IxDyn};
use num_complex::Complex;

use crate::any_array::AnyArray;
use crate::number::Number;

/// Calls a macro with the list of all element types: `variant, Rust type, printed name, class`.
///
/// The one list from which [`DType`], [`AnyArray`] and every dispatch over them are made.
#[macro_export]
macro_rules! for_each_dtype {
    ($callback:ident $(, $argument:tt)*) => {
        $callback! { $($argument,)*
            (Bool, bool, "bool", Bool),
            (I8, i8, "i8", Signed), (I16, i16, "i16", Signed), (I32, i32, "i32", Signed), (I64, i64, "i64", Signed),
            (U8, u8, "u8", Unsigned), (U16, u16, "u16", Unsigned), (U32, u32, "u32", Unsigned), (U64, u64, "u64", Unsigned),
            (F16, half::f16, "f16", Float), (BF16, half::bf16, "bf16", Float), (F32, f32, "f32", Float), (F64, f64, "f64", Float),
            (C64, num_complex::Complex<f32>, "c64", Complex), (C128, num_complex::Complex<f64>, "c128", Complex)
        }
    };
}

/// What kind of number a dtype holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Truth values.
    Bool,
    /// Two's complement integers.
    Signed,
    /// Integers from 0 up.
    Unsigned,
    /// Real floating point.
    Float,
    /// Complex floating point.
    Complex,
}

macro_rules! define_dtype {
    ($(($variant:ident, $element:ty, $name:literal, $class:ident)),* $(,)?) => {
        /// The element type of an array, as a value.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum DType {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
        }

        impl DType {
            /// Every dtype, in the order of the declaration.
            pub const ALL: &'static [DType] = &[$(DType::$variant),*];

            /// Its name as printed and parsed: `f32`, `i64`, `bool` …
            pub const fn name(self) -> &'static str {
                match self { $(DType::$variant => $name),* }
            }

            /// Bytes per element.
            pub const fn size(self) -> usize {
                match self { $(DType::$variant => size_of::<$element>()),* }
            }

            /// What kind of number it holds.
            pub const fn class(self) -> Class {
                match self { $(DType::$variant => Class::$class),* }
            }
        }
    };
}
for_each_dtype!(define_dtype);

impl DType {
    /// Whether it is a real floating-point type: the only ones that derivatives flow through.
    pub const fn is_float(self) -> bool {
        matches!(self.class(), Class::Float)
    }

    /// Whether it is a signed or unsigned integer.
    pub const fn is_integer(self) -> bool {
        matches!(self.class(), Class::Signed | Class::Unsigned)
    }

    /// The dtype of that name.
    pub fn parse(name: &str) -> Option<DType> {
        Self::ALL.iter().copied().find(|dtype| dtype.name() == name)
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The Rust type of each dtype, under the dtype's name.
pub mod element {
    macro_rules! define_aliases {
        ($(($variant:ident, $element:ty, $name:literal, $class:ident)),* $(,)?) => {
            $(#[doc = concat!("The element of `", $name, "` arrays.")] pub type $variant = $element;)*
        };
    }
    crate::for_each_dtype!(define_aliases);
}

/// A Rust type that can be an array's element.
///
/// Implemented for the fourteen element types; sealed, because every engine must know them all.
pub trait Element: Copy + Default + PartialEq + fmt::Debug + Send + Sync + 'static + sealed::Sealed {
    /// The same type as a value.
    const DTYPE: DType;

    /// The element as a number.
    fn to_number(self) -> Number;

    /// The number as an element: reals round to nearest even, integers wrap among themselves and saturate from reals.
    fn from_number(number: Number) -> Self;

    /// All bits, for exact comparison and hashing: NaN equals itself, −0 differs from 0.
    fn to_bits(self) -> u128;

    /// Wraps an array of this element.
    fn into_any(array: ArcArray<Self, IxDyn>) -> AnyArray;

    /// The array inside, if it has this element.
    fn from_any(array: &AnyArray) -> Option<&ArcArray<Self, IxDyn>>;

    /// An array of elements in row-major order; `None` if their count is not the shape's.
    fn array_of(shape: &[usize], elements: Vec<Self>) -> Option<AnyArray>;

    /// The elements of an array in row-major order, if it has this element.
    fn elements_of(array: &AnyArray) -> Option<Cow<'_, [Self]>>;
}

/// An element that arithmetic is defined on: any [`Float`] or [`Integer`].
pub trait Numeric: Element {}

/// An element that `& | ^ !` are defined on: `bool`, and any [`Integer`] bit by bit.
pub trait Logical: Element {}

/// A real floating-point element: `f16`, `bf16`, `f32` or `f64`. Theano's `floatX` is a type parameter `T: Float`.
pub trait Float: Numeric {
    /// The nearest value of this type.
    fn from_f64(value: f64) -> Self {
        Self::from_number(Number::Real(value))
    }

    /// The value as an `f64`, exactly.
    fn to_f64(self) -> f64 {
        self.to_number().to_real()
    }
}

/// A signed or unsigned integer element.
pub trait Integer: Numeric + Logical {}

mod sealed {
    pub trait Sealed {}
}

macro_rules! implement_element {
    ($(($variant:ident, $element:ty, $name:literal, $class:ident)),* $(,)?) => {
        $(
            impl sealed::Sealed for $element {}
            impl Element for $element {
                const DTYPE: DType = DType::$variant;
                implement_element!(@numbers $class, $element);
                fn into_any(array: ArcArray<Self, IxDyn>) -> AnyArray {
                    AnyArray::$variant(array)
                }
                fn from_any(array: &AnyArray) -> Option<&ArcArray<Self, IxDyn>> {
                    if let AnyArray::$variant(array) = array { Some(array) } else { None }
                }
                // Not generic, so that they are compiled here and not again by whoever calls them.
                fn array_of(shape: &[usize], elements: Vec<Self>) -> Option<AnyArray> {
                    ArcArray::from_shape_vec(IxDyn(shape), elements).ok().map(AnyArray::$variant)
                }
                fn elements_of(array: &AnyArray) -> Option<Cow<'_, [Self]>> {
                    let array = Self::from_any(array)?;
                    Some(array.as_slice().map_or_else(|| Cow::Owned(array.iter().copied().collect()), Cow::Borrowed))
                }
            }
            implement_element!(@class $class, $element);
        )*
    };
    (@class Float, $element:ty) => {
        impl Numeric for $element {}
        impl Float for $element {}
    };
    (@class Signed, $element:ty) => { implement_element!(@class Unsigned, $element); };
    (@class Unsigned, $element:ty) => {
        impl Numeric for $element {}
        impl Logical for $element {}
        impl Integer for $element {}
    };
    (@class Bool, $element:ty) => { impl Logical for $element {} };
    (@class $class:ident, $element:ty) => {};
    (@numbers Bool, $element:ty) => {
        fn to_number(self) -> Number { Number::Bool(self) }
        fn from_number(number: Number) -> Self { number.to_bool() }
        fn to_bits(self) -> u128 { u128::from(self) }
    };
    (@numbers Float, $element:ty) => {
        fn to_number(self) -> Number { Number::Real(RealFloat::widen(self)) }
        fn from_number(number: Number) -> Self { rounded(number) }
        fn to_bits(self) -> u128 { u128::from(<$element>::to_bits(self)) }
    };
    (@numbers Complex, $element:ty) => {
        fn to_number(self) -> Number { Number::Complex(self.re.into(), self.im.into()) }
        fn from_number(number: Number) -> Self {
            match number {
                Number::Complex(re, im) => Complex::new(RealFloat::narrow(re), RealFloat::narrow(im)),
                Number::Bool(_) | Number::Integer(_) | Number::Real(_) => Complex::new(rounded(number), 0.0),
            }
        }
        fn to_bits(self) -> u128 { u128::from(self.re.to_bits()) << 64 | u128::from(self.im.to_bits()) }
    };
    (@numbers $integer:ident, $element:ty) => {
        fn to_number(self) -> Number { Number::Integer(self.into()) }
        fn from_number(number: Number) -> Self {
            match number {
                Number::Integer(_) | Number::Bool(_) => number.to_integer() as $element,
                Number::Real(value) | Number::Complex(value, _) => value as $element,
            }
        }
        #[allow(clippy::cast_lossless, reason = "it is lossless for the unsigned types only")]
        fn to_bits(self) -> u128 { self as u128 }
    };
}
for_each_dtype!(implement_element);

/// To and from `f64`, for the four real float types.
trait RealFloat {
    fn widen(self) -> f64;
    fn narrow(value: f64) -> Self;
    fn of_integer(value: i128) -> Self;
}

/// A number as a float, rounded once.
fn rounded<T: RealFloat>(number: Number) -> T {
    match number {
        Number::Integer(value) => T::of_integer(value),
        Number::Bool(_) | Number::Real(_) | Number::Complex(..) => T::narrow(number.to_real()),
    }
}

/// The same number to whoever rounds it to half precision by its upper 32 bits alone, as the crate `half` does: that lower ones are not all 0
/// is told by the last that is looked at.
fn in_upper_bits(value: f64) -> f64 {
    const LOWER: u64 = 0xffff_ffff;
    let bits = value.to_bits();
    f64::from_bits(bits & !LOWER | u64::from(bits & LOWER != 0) << 32)
}

/// A float that any shorter one is rounded from as from the integer itself: what does not fit leaves a 1 in the last place (Boldo and
/// Melquiond 2008, "Emulation of FMA and correctly rounded sums: proved algorithms using rounding to odd").
fn to_odd(value: i128) -> f64 {
    let nearest = value as f64;
    let is_exact = nearest as i128 == value;
    let below = if is_exact || (nearest as i128).unsigned_abs() < value.unsigned_abs() { nearest } else { f64::from_bits(nearest.to_bits() - 1) };
    f64::from_bits(below.to_bits() | u64::from(!is_exact))
}

macro_rules! implement_real_float {
    ($($element:ty: $widen:expr, $narrow:expr, $of_integer:expr;)*) => {
        $(impl RealFloat for $element {
            fn widen(self) -> f64 { $widen(self) }
            fn narrow(value: f64) -> Self { $narrow(value) }
            fn of_integer(value: i128) -> Self { $of_integer(value) }
        })*
    };
}
implement_real_float! {
    f16: f16::to_f64, |value| f16::from_f64(in_upper_bits(value)), |value| f16::narrow(to_odd(value));
    bf16: bf16::to_f64, |value| bf16::from_f64(in_upper_bits(value)), |value| bf16::narrow(to_odd(value));
    f32: f64::from, |value: f64| value as f32, |value: i128| value as f32;
    f64: |value| value, |value| value, |value: i128| value as f64;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_back() {
        for &dtype in DType::ALL {
            assert_eq!(DType::parse(dtype.name()), Some(dtype));
        }
    }

    #[test]
    fn conversions_follow_rusts_as() {
        assert_eq!(u8::from_number(Number::Integer(-1)), 255);
        assert_eq!(u8::from_number(Number::Real(-1.0)), 0);
        assert_eq!(i32::from_number(Number::Real(f64::NAN)), 0);
        assert_eq!(f32::from_number(Number::Real(1.0 + 1e-20)), 1.0);
        assert!(bool::from_number(Number::Real(f64::NAN)));
        assert_eq!(bf16::from_number(Number::Real(1.0 + 2f64.powi(-8) + 2f64.powi(-23))).to_f64(), 1.0 + 2f64.powi(-7));
        assert_eq!(f16::from_number(Number::Real(1.0 + 2f64.powi(-11) - 2f64.powi(-50))).to_f64(), 1.0);
        assert_eq!(f16::from_number(Number::Real(1.0 + 2f64.powi(-11) + 2f64.powi(-50))).to_f64(), 1.0 + 2f64.powi(-10));
        // Half way between two floats, and one more or less: an f64 between would lose which.
        assert_eq!(f32::from_number(Number::Integer((1 << 60) + (1 << 36) + 1)), ((1i64 << 60) + (1 << 37)) as f32);
        assert_eq!(f32::from_number(Number::Integer(-(1 << 60) - (1 << 36) + 1)), -(2f32.powi(60)));
        assert_eq!(bf16::from_number(Number::Integer((1 << 60) + (1 << 52) + 1)).to_f64(), 2f64.powi(60) + 2f64.powi(53));
        assert_eq!(bf16::from_number(Number::Integer((1 << 60) + (1 << 52) - 1)).to_f64(), 2f64.powi(60));
    }
}
