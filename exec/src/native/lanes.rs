//! What formulas are written over: numbers in the lanes of a vector, all treated alike.
//!
//! A formula such as `exp` is one generic function over [`Lanes`]. On `Lane` it computes, one number at a time: so it is tested. On the
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
    /// `self · 2ⁿ` for a whole number n, rounded once, if that is one instruction.
    fn times_power_of_two(self, whole: Self) -> Option<Self>;
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
    /// The bits of the floats.
    fn to_bits(self) -> Self::Bits;
    /// The floats of these bits.
    fn from_bits(bits: Self::Bits) -> Self;
}
