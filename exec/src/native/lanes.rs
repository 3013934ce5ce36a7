//! What formulas are written over: numbers in the lanes of a vector, all treated alike.
//!
//! A formula such as `exp` is one generic function over [`Lanes`]. On [`Lane`] it computes, one number at a time: so it is tested. On the
//! numbers of a program that is being recorded it writes down what to compute: so it becomes machine code.

use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Shl, Shr, Sub};

/// Floats in lanes, with the operations that vector machines have. Each is rounded once, to nearest even.
///
/// Numbers beside lanes (`x * 2.0`) stand in every lane, rounded to the lanes' format.
pub(crate) trait Lanes:
    Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + Add<f64, Output = Self>
    + Sub<f64, Output = Self>
    + Mul<f64, Output = Self>
    + Div<f64, Output = Self>
{
    /// The bits of the floats, as integers of the same width that wrap.
    type Bits: Copy
        + Add<Output = Self::Bits>
        + Sub<Output = Self::Bits>
        + BitAnd<Output = Self::Bits>
        + BitOr<Output = Self::Bits>
        + BitXor<Output = Self::Bits>
        + Shl<u32, Output = Self::Bits>
        // Zeros come in from the left.
        + Shr<u32, Output = Self::Bits>;
    /// A truth value in each lane.
    type Mask: Copy + BitAnd<Output = Self::Mask> + BitOr<Output = Self::Mask> + Not<Output = Self::Mask>;

    /// How many bits of a float are its fraction: 23 or 52.
    const FRACTION: u32;

    /// The same number in every lane, rounded to the format.
    fn number(self, number: f64) -> Self;
    /// The same bits in every lane: the lowest ones of the integer.
    fn bits(self, bits: i64) -> Self::Bits;
    /// `self · factor + addend`, rounded once.
    fn mul_add(self, factor: Self, addend: Self) -> Self;
    /// The square root.
    fn sqrt(self) -> Self;
    /// The size.
    fn abs(self) -> Self;
    /// The size with another sign.
    fn copysign(self, sign: Self) -> Self;
    /// The nearest whole number, halves to even.
    fn round_ties_even(self) -> Self;
    /// The largest whole number not above.
    fn floor(self) -> Self;
    /// The smallest whole number not below.
    fn ceil(self) -> Self;
    /// The whole number towards zero.
    fn trunc(self) -> Self;
    /// `if self < other { self } else { other }`: the other if either is NaN or both are 0.
    fn least(self, other: Self) -> Self;
    /// `if self > other { self } else { other }`: the other if either is NaN or both are 0.
    fn greatest(self, other: Self) -> Self;
    /// self < other
    fn lt(self, other: Self) -> Self::Mask;
    /// self ≤ other
    fn le(self, other: Self) -> Self::Mask;
    /// self = other
    fn equal(self, other: Self) -> Self::Mask;
    /// Whether the sign bit is set.
    fn sign_bit(self) -> Self::Mask;
    /// self ≠ self
    fn is_nan(self) -> Self::Mask;
    /// `if mask { yes } else { no }`
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self;
    /// The same of bits.
    fn select_bits(mask: Self::Mask, yes: Self::Bits, no: Self::Bits) -> Self::Bits;
    /// The bits of the floats.
    fn to_bits(self) -> Self::Bits;
    /// The floats of these bits.
    fn from_bits(bits: Self::Bits) -> Self;
}

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
            fn select_bits(mask: bool, yes: LaneBits<$bits>, no: LaneBits<$bits>) -> LaneBits<$bits> {
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
