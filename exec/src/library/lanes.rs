//! Vectors of the machine's width, for `f32` and `f64` alike.

use std::ops::{Add, AddAssign, Mul};

use bytemuck::Pod;
use damo_graph::Element;
use pulp::Simd;

/// Elements that the kernels of this library multiply: `f32` and `f64`.
pub trait Multiply: Element + Pod + Add<Output = Self> + Mul<Output = Self> + AddAssign {
    /// 0
    const ZERO: Self;
    /// 1
    const ONE: Self;

    /// As many elements as a register holds.
    type Lanes<S: Simd>: Copy;

    /// Whole vectors of a slice, and what is left over.
    fn lanes<S: Simd>(elements: &[Self]) -> (&[Self::Lanes<S>], &[Self]);

    /// The same, to write.
    fn lanes_mut<S: Simd>(elements: &mut [Self]) -> (&mut [Self::Lanes<S>], &mut [Self]);

    /// Elements that are fewer than lanes; the other lanes are 0.
    fn some<S: Simd>(simd: S, elements: &[Self]) -> Self::Lanes<S>;

    /// Writes the first lanes to elements that are fewer.
    fn write_some<S: Simd>(simd: S, elements: &mut [Self], x: Self::Lanes<S>);

    /// One element in every lane.
    fn splat<S: Simd>(simd: S, x: Self) -> Self::Lanes<S>;

    /// Lane by lane `x + y`.
    fn plus<S: Simd>(simd: S, x: Self::Lanes<S>, y: Self::Lanes<S>) -> Self::Lanes<S>;

    /// Lane by lane `x · y`.
    fn times<S: Simd>(simd: S, x: Self::Lanes<S>, y: Self::Lanes<S>) -> Self::Lanes<S>;

    /// Lane by lane `x · y + z`, rounded once where the machine does that as fast as twice.
    fn times_plus<S: Simd>(simd: S, x: Self::Lanes<S>, y: Self::Lanes<S>, z: Self::Lanes<S>) -> Self::Lanes<S>;

    /// The sum of all lanes, as a tree.
    fn total<S: Simd>(simd: S, x: Self::Lanes<S>) -> Self;

    /// Its bits.
    fn to_word(self) -> u64;
}

macro_rules! multiply {
    ($float:ty, $lanes:ident, $split:ident, $split_mut:ident, $some:ident, $write_some:ident, $splat:ident, $add:ident, $multiply:ident, $multiply_add:ident, $total:ident) => {
        impl Multiply for $float {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;

            type Lanes<S: Simd> = S::$lanes;

            #[inline(always)]
            fn lanes<S: Simd>(elements: &[Self]) -> (&[S::$lanes], &[Self]) {
                S::$split(elements)
            }

            #[inline(always)]
            fn lanes_mut<S: Simd>(elements: &mut [Self]) -> (&mut [S::$lanes], &mut [Self]) {
                S::$split_mut(elements)
            }

            #[inline(always)]
            fn some<S: Simd>(simd: S, elements: &[Self]) -> S::$lanes {
                simd.$some(elements)
            }

            #[inline(always)]
            fn write_some<S: Simd>(simd: S, elements: &mut [Self], x: S::$lanes) {
                simd.$write_some(elements, x);
            }

            #[inline(always)]
            fn splat<S: Simd>(simd: S, x: Self) -> S::$lanes {
                simd.$splat(x)
            }

            #[inline(always)]
            fn plus<S: Simd>(simd: S, x: S::$lanes, y: S::$lanes) -> S::$lanes {
                simd.$add(x, y)
            }

            #[inline(always)]
            fn times<S: Simd>(simd: S, x: S::$lanes, y: S::$lanes) -> S::$lanes {
                simd.$multiply(x, y)
            }

            #[inline(always)]
            fn times_plus<S: Simd>(simd: S, x: S::$lanes, y: S::$lanes, z: S::$lanes) -> S::$lanes {
                simd.$multiply_add(x, y, z)
            }

            #[inline(always)]
            fn total<S: Simd>(simd: S, x: S::$lanes) -> Self {
                simd.$total(x)
            }

            fn to_word(self) -> u64 {
                self.to_bits().into()
            }
        }
    };
}
multiply!(
    f32,
    f32s,
    as_simd_f32s,
    as_mut_simd_f32s,
    partial_load_f32s,
    partial_store_f32s,
    splat_f32s,
    add_f32s,
    mul_f32s,
    mul_add_e_f32s,
    reduce_sum_f32s
);
multiply!(
    f64,
    f64s,
    as_simd_f64s,
    as_mut_simd_f64s,
    partial_load_f64s,
    partial_store_f64s,
    splat_f64s,
    add_f64s,
    mul_f64s,
    mul_add_e_f64s,
    reduce_sum_f64s
);
