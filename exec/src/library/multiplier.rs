//! Who multiplies the tiles of matrix products: machine code, or the portable loop.

use damo_graph::DType;
use pulp::{Arch, Simd, WithSimd};

use super::lanes::Multiply;
#[cfg(target_arch = "x86_64")]
use super::matmul::blocks::even_height;
use super::tile;
use crate::instruction_set::InstructionSet;
#[cfg(target_arch = "x86_64")]
use crate::native::MicroKernels;

/// Who multiplies the tiles of a product.
#[derive(Clone, Copy, Debug)]
pub enum Multiplier {
    /// Machine code for this processor.
    #[cfg(target_arch = "x86_64")]
    Native(&'static MicroKernels),
    /// A loop compiled with this crate.
    Portable,
}

impl Multiplier {
    /// The one for elements of that type by machine code of those instructions; the portable one if there are none, or no memory for code.
    pub fn of(dtype: DType, machine_code: Option<InstructionSet>) -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(kernels) = machine_code.and_then(|set| MicroKernels::of(dtype, set)) {
            return Multiplier::Native(kernels);
        }
        let _ = (dtype, machine_code);
        Multiplier::Portable
    }

    /// The most rows and columns of a tile.
    pub fn size<T: Multiply>(self) -> [usize; 2] {
        match self {
            #[cfg(target_arch = "x86_64")]
            Multiplier::Native(kernels) => kernels.size(),
            Multiplier::Portable => Arch::new().dispatch(Size::<T>(std::marker::PhantomData)),
        }
    }

    /// Makes ready what products of `m` by `n` elements, either way round, will need.
    pub fn prepare(self, m: usize, n: usize) {
        let _ = (m, n);
        match self {
            #[cfg(target_arch = "x86_64")]
            Multiplier::Native(kernels) => {
                for (m, n) in [(m, n), (n, m)] {
                    let height = even_height(m, kernels.size()[0]);
                    [height.min(m), m % height].into_iter().filter(|&rows| rows > 0).for_each(|rows| kernels.prepare(rows, n));
                }
            }
            Multiplier::Portable => {}
        }
    }

    /// Whether it reads operands only where they are packed.
    pub const fn only_panels(self) -> bool {
        matches!(self, Multiplier::Portable)
    }
}

/// How large the tiles of the portable loop are.
struct Size<T>(std::marker::PhantomData<T>);

impl<T: Multiply> WithSimd for Size<T> {
    type Output = [usize; 2];

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> [usize; 2] {
        let [rows, vectors] = tile::size::<T, S>();
        [rows, vectors * size_of::<T::Lanes<S>>() / size_of::<T>()]
    }
}

/// A whole tile by the portable loop: panels as packed, one row of the tile after the other.
pub struct Tile<'a, T> {
    /// The panel of the left side.
    pub left: &'a [T],
    /// The panel of the right side.
    pub right: &'a [T],
    /// The sums, row after row.
    pub tile: &'a mut [T],
}

impl<T: Multiply> WithSimd for Tile<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        tile::multiply_whole::<T, S>(simd, self.left, self.right, self.tile);
    }
}
