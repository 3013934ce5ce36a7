//! One element of an array, whatever its dtype: what the meanings of pointwise ops compute with.

/// A number outside any array.
///
/// Meanings compute in these: every float as `f64`, every integer as `i128`. Rounding to the array's own dtype happens once,
/// when the number is stored, which for `+ − × ÷ √` on `f16`, `bf16` and `f32` is the correctly rounded result
/// (Figueroa 1995, "When is double rounding innocuous?").
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// A truth value.
    Bool(bool),
    /// Any of the integer dtypes.
    Integer(i128),
    /// Any of the real floating-point dtypes.
    Real(f64),
    /// A complex number: real and imaginary part.
    Complex(f64, f64),
}

impl Number {
    /// As a real: `true` is 1, integers are rounded to nearest, complex numbers lose their imaginary part.
    pub fn to_real(self) -> f64 {
        match self {
            Number::Bool(value) => f64::from(u8::from(value)),
            Number::Integer(value) => value as f64,
            Number::Real(value) | Number::Complex(value, _) => value,
        }
    }

    /// As an integer: reals are truncated towards zero, saturate, and NaN is 0 (Rust's `as`).
    pub fn to_integer(self) -> i128 {
        match self {
            Number::Bool(value) => i128::from(value),
            Number::Integer(value) => value,
            Number::Real(value) | Number::Complex(value, _) => value as i128,
        }
    }

    /// As a truth value: anything that is not zero is true, NaN too.
    pub fn to_bool(self) -> bool {
        match self {
            Number::Bool(value) => value,
            Number::Integer(value) => value != 0,
            Number::Real(value) => value != 0.0,
            Number::Complex(re, im) => re != 0.0 || im != 0.0,
        }
    }
}
