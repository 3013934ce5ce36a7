//! One lane: formulas on single numbers, for tests.

use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Shl, Shr, Sub};

use super::lanes::Lanes;

/// One lane: a float that formulas are computed on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Lane<T>(pub T);

/// The bits of one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LaneBits<T>(pub T);

macro_rules! lane {
    ($float:ty, $bits:ty, $fraction:literal) => {
        lane!(@binary $float: Add add +, Sub sub -, Mul mul *, Div div /);
        lane!(@bits $bits: BitAnd bitand &, BitOr bitor |, BitXor bitxor ^);

        impl Neg for Lane<$float> {
            type Output = Self;

            fn neg(self) -> Self {
                Lane(-self.0)
            }
        }

        impl Add for LaneBits<$bits> {
            type Output = Self;

            fn add(self, other: Self) -> Self {
                LaneBits(self.0.wrapping_add(other.0))
            }
        }

        impl Sub for LaneBits<$bits> {
            type Output = Self;

            fn sub(self, other: Self) -> Self {
                LaneBits(self.0.wrapping_sub(other.0))
            }
        }

        impl Shl<u32> for LaneBits<$bits> {
            type Output = Self;

            fn shl(self, places: u32) -> Self {
                LaneBits(self.0 << places)
            }
        }

        impl Shr<u32> for LaneBits<$bits> {
            type Output = Self;

            fn shr(self, places: u32) -> Self {
                LaneBits(self.0 >> places)
            }
        }

        impl Lanes for Lane<$float> {
            type Bits = LaneBits<$bits>;
            type Mask = bool;

            const FRACTION: u32 = $fraction;

            fn number(self, number: f64) -> Self {
                Lane(number as $float)
            }
            fn bits(self, bits: i64) -> LaneBits<$bits> {
                LaneBits(bits as $bits)
            }
            fn mul_add(self, factor: Self, addend: Self) -> Self {
                Lane(self.0.mul_add(factor.0, addend.0))
            }
            fn times_power_of_two(self, _: Self) -> Option<Self> {
                None
            }
            fn sqrt(self) -> Self {
                Lane(self.0.sqrt())
            }
            fn abs(self) -> Self {
                Lane(self.0.abs())
            }
            fn copysign(self, sign: Self) -> Self {
                Lane(self.0.copysign(sign.0))
            }
            fn round_ties_even(self) -> Self {
                Lane(self.0.round_ties_even())
            }
            fn floor(self) -> Self {
                Lane(self.0.floor())
            }
            fn ceil(self) -> Self {
                Lane(self.0.ceil())
            }
            fn trunc(self) -> Self {
                Lane(self.0.trunc())
            }
            fn least(self, other: Self) -> Self {
                if self.0 < other.0 { self } else { other }
            }
            fn greatest(self, other: Self) -> Self {
                if self.0 > other.0 { self } else { other }
            }
            fn lt(self, other: Self) -> bool {
                self.0 < other.0
            }
            fn le(self, other: Self) -> bool {
                self.0 <= other.0
            }
            fn equal(self, other: Self) -> bool {
                self.0 == other.0
            }
            fn sign_bit(self) -> bool {
                self.0.is_sign_negative()
            }
            fn is_nan(self) -> bool {
                self.0.is_nan()
            }
            fn select(mask: bool, yes: Self, no: Self) -> Self {
                if mask { yes } else { no }
            }
            fn to_bits(self) -> LaneBits<$bits> {
                LaneBits(self.0.to_bits())
            }
            fn from_bits(bits: LaneBits<$bits>) -> Self {
                Lane(<$float>::from_bits(bits.0))
            }
        }
    };
    (@binary $float:ty: $($trait:ident $method:ident $operator:tt),*) => {$(
        impl $trait for Lane<$float> {
            type Output = Self;

            fn $method(self, other: Self) -> Self {
                Lane(self.0 $operator other.0)
            }
        }

        impl $trait<f64> for Lane<$float> {
            type Output = Self;

            fn $method(self, other: f64) -> Self {
                Lane(self.0 $operator other as $float)
            }
        }
    )*};
    (@bits $bits:ty: $($trait:ident $method:ident $operator:tt),*) => {$(
        impl $trait for LaneBits<$bits> {
            type Output = Self;

            fn $method(self, other: Self) -> Self {
                LaneBits(self.0 $operator other.0)
            }
        }
    )*};
}
lane!(f32, u32, 23);
lane!(f64, u64, 52);
