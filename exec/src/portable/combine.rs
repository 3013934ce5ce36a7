//! How two partial results of a reduction become one.

use bytemuck::Pod;

/// An associative way to combine, with its neutral element. Floats associate but for rounding.
pub(crate) trait Combine: 'static {
    /// What is combined, as it lies in memory.
    type Raw: Pod + Send + Sync;
    /// What partial results are.
    type Part: Pod + Send + Sync;
    /// Changes nothing.
    const NEUTRAL: Self::Part;

    fn part(x: Self::Raw) -> Self::Part;
    fn combine(left: Self::Part, right: Self::Part) -> Self::Part;
}

/// x + y; integers wrap. Those of `f32` are summed in `f64`.
pub(crate) struct Sum<T>(T);
/// x · y; integers wrap.
pub(crate) struct Product<T>(T);
/// The larger; NaN if either is; +0 is larger than −0.
pub(crate) struct Max<T>(T);
/// The smaller; NaN if either is; −0 is smaller than +0.
pub(crate) struct Min<T>(T);

/// Both; of truth values, which are the bytes 0 and 1.
pub(crate) struct All;
/// Either or both.
pub(crate) struct Any;

impl Combine for All {
    type Raw = u8;
    type Part = u8;
    const NEUTRAL: u8 = 1;

    #[inline(always)]
    fn part(x: u8) -> u8 {
        x
    }

    #[inline(always)]
    fn combine(x: u8, y: u8) -> u8 {
        x & y
    }
}

impl Combine for Any {
    type Raw = u8;
    type Part = u8;
    const NEUTRAL: u8 = 0;

    #[inline(always)]
    fn part(x: u8) -> u8 {
        x
    }

    #[inline(always)]
    fn combine(x: u8, y: u8) -> u8 {
        x | y
    }
}

macro_rules! combine {
    ($($kind:ident, $raw:ty, $neutral:expr, |$x:ident, $y:ident| $combined:expr;)*) => { $(
        impl Combine for $kind<$raw> {
            type Raw = $raw;
            type Part = $raw;
            const NEUTRAL: $raw = $neutral;

            #[inline(always)]
            fn part(x: $raw) -> $raw {
                x
            }

            #[inline(always)]
            fn combine($x: $raw, $y: $raw) -> $raw {
                $combined
            }
        }
    )* };
}

macro_rules! integers {
    ($($integer:ty),*) => { $(combine! {
        Sum, $integer, 0, |x, y| x.wrapping_add(y);
        Product, $integer, 1, |x, y| x.wrapping_mul(y);
        Max, $integer, <$integer>::MIN, |x, y| if x > y { x } else { y };
        Min, $integer, <$integer>::MAX, |x, y| if x < y { x } else { y };
    })* };
}
integers!(i64, u64);

/// The larger of two floats; equal ones differ in sign at most, and `+0` is larger than `−0`.
macro_rules! maximum {
    ($float:ty, $x:expr, $y:expr) => {{
        let (x, y): ($float, $float) = ($x, $y);
        let chosen = if x > y || x.is_nan() { x } else { y };
        if x == y { <$float>::from_bits(x.to_bits() & y.to_bits()) } else { chosen }
    }};
}

/// The smaller of two floats, likewise.
macro_rules! minimum {
    ($float:ty, $x:expr, $y:expr) => {{
        let (x, y): ($float, $float) = ($x, $y);
        let chosen = if x < y || x.is_nan() { x } else { y };
        if x == y { <$float>::from_bits(x.to_bits() | y.to_bits()) } else { chosen }
    }};
}
macro_rules! floats {
    ($($float:ty),*) => { $(combine! {
        Product, $float, 1.0, |x, y| x * y;
        Max, $float, <$float>::NEG_INFINITY, |x, y| maximum!($float, x, y);
        Min, $float, <$float>::INFINITY, |x, y| minimum!($float, x, y);
    })* };
}

pub(crate) use {maximum, minimum};

floats!(f32, f64);

impl Combine for Sum<f32> {
    type Raw = f32;
    type Part = f64;
    const NEUTRAL: f64 = 0.0;

    #[inline(always)]
    fn part(x: f32) -> f64 {
        f64::from(x)
    }

    #[inline(always)]
    fn combine(x: f64, y: f64) -> f64 {
        x + y
    }
}
