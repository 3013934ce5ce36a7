//! Elements that pooling compares, one by one and lane by lane.

use std::ops::Div;

use pulp::Simd;

use crate::library::lanes::Multiply;

/// Elements that are compared here: `f32` and `f64`.
pub trait Compare: Multiply + PartialOrd + Div<Output = Self> {
    /// What is larger than nothing.
    const LEAST: Self;
    /// What equals nothing.
    const NONE: Self;

    /// The larger, with +0 above −0; NaN if either is.
    fn larger(self, other: Self) -> Self;

    /// The same lane by lane.
    fn larger_lanes<S: Simd>(simd: S, x: Self::Lanes<S>, y: Self::Lanes<S>) -> Self::Lanes<S>;

    /// Lane by lane `z` where `x` equals `y`, else 0.
    fn where_equal<S: Simd>(simd: S, x: Self::Lanes<S>, y: Self::Lanes<S>, z: Self::Lanes<S>) -> Self::Lanes<S>;

    /// The first of two neighbours, as a part of one word where there is such a word: compilers then move many at a time.
    fn first(pair: [Self; 2]) -> Self;

    /// The second of them.
    fn second(pair: [Self; 2]) -> Self;

    /// Two neighbours that are the same.
    fn twice(self) -> [Self; 2];
}

macro_rules! compare {
    ($float:ty, $equal:ident, $greater:ident, $and:ident, $both:ident, $select:ident, $first:expr, $second:expr, $twice:expr) => {
        impl Compare for $float {
            const LEAST: Self = <$float>::NEG_INFINITY;
            const NONE: Self = <$float>::NAN;

            #[inline(always)]
            fn larger(self, other: Self) -> Self {
                let (larger, same) = (if self > other { self } else { other }, if other > self { other } else { self });
                // These are two where neither is larger: then they differ in the sign of 0 at most.
                let larger = <$float>::from_bits(larger.to_bits() & same.to_bits());
                if self.is_nan() || other.is_nan() { self + other } else { larger }
            }

            #[inline(always)]
            fn larger_lanes<S: Simd>(simd: S, x: Self::Lanes<S>, y: Self::Lanes<S>) -> Self::Lanes<S> {
                let (larger, same) = (simd.$select(simd.$greater(x, y), x, y), simd.$select(simd.$greater(y, x), y, x));
                let are_numbers = simd.$both(simd.$equal(x, x), simd.$equal(y, y));
                simd.$select(are_numbers, simd.$and(larger, same), Self::plus(simd, x, y))
            }

            #[inline(always)]
            fn where_equal<S: Simd>(simd: S, x: Self::Lanes<S>, y: Self::Lanes<S>, z: Self::Lanes<S>) -> Self::Lanes<S> {
                simd.$select(simd.$equal(x, y), z, Self::splat(simd, 0.0))
            }

            #[inline(always)]
            fn first(pair: [Self; 2]) -> Self {
                $first(pair)
            }

            #[inline(always)]
            fn second(pair: [Self; 2]) -> Self {
                $second(pair)
            }

            #[inline(always)]
            fn twice(self) -> [Self; 2] {
                $twice(self)
            }
        }
    };
}
compare!(
    f32,
    equal_f32s,
    greater_than_f32s,
    and_f32s,
    and_m32s,
    select_f32s,
    |pair: [f32; 2]| f32::from_bits(bytemuck::cast::<_, u64>(pair) as u32),
    |pair: [f32; 2]| f32::from_bits((bytemuck::cast::<_, u64>(pair) >> 32) as u32),
    |x: f32| bytemuck::cast(u64::from(x.to_bits()) << 32 | u64::from(x.to_bits()))
);
compare!(f64, equal_f64s, greater_than_f64s, and_f64s, and_m64s, select_f64s, |pair: [f64; 2]| pair[0], |pair: [f64; 2]| pair[1], |x: f64| [x; 2]);
