//! Kernels for what is no nest: rows ([`rows`]), rows by index ([`pick`]), and matrix products, by the kernel for their lengths and strides.
//!
//! | shape | kernel |
//! |---|---|
//! | matrix by matrix | [`matmul`]: blocks, panels and tiles |
//! | matrix by vector | [`matvec`]: by rows or by columns, whichever are contiguous |
//! | vector by vector | [`vector`]: a dot product |
//!
//! Filters slide over arrays by [`convolution`], and windows are pooled by [`pool`].
//!
//! Every kernel takes strides as they are and copies no factor, and each scales and adds by itself ([`blend`]). The order of each sum depends on lengths, strides and the machine, never on
//! the number of threads.

#![expect(clippy::inline_always, reason = "loops become vector code where they are inlined into code for an instruction set")]

pub mod blend;
mod contract;
pub mod convolution;
mod factors;
pub mod lanes;
pub mod matmul;
pub mod matvec;
pub mod multiplier;
mod norm;
pub mod pairwise;
pub mod pick;
pub mod pool;
pub mod rows;
mod tile;
pub mod vector;
pub mod workers;

use damo_graph::{ErrorKind, Problem};

use crate::nest::BufferId;
use crate::region::Region;
use crate::view::{View, ViewMut};
use blend::Blend;
pub use contract::Product;
use lanes::Multiply;
use workers::Workers;

/// The memory of a buffer.
pub(crate) fn memory<'a>(buffers: &[Region<'a>], buffer: BufferId) -> Result<Region<'a>, Problem> {
    buffers.get(buffer.index()).copied().ok_or_else(|| Problem::new(ErrorKind::Execution, format!("the plan has no buffer {buffer}")))
}

/// `out = alpha · left · right + beta · addend` by the kernel for its shape. The lengths of the views must agree.
///
/// `left: [m, k], right: [k, n], addend: [m, n] -> out: [m, n]`.
pub fn product<T: Multiply>(
    left: View<'_, T, 2>,
    right: View<'_, T, 2>,
    blend: Blend<'_, T, 2>,
    mut out: ViewMut<'_, T, 2>,
    workers: &mut Workers<'_, T>,
) -> Result<(), Problem> {
    let ([m, k], [_, n]) = (left.lengths(), right.lengths());
    match (m, n, k) {
        (0, ..) | (_, 0, _) => {}
        (1, 1, _) => {
            let dot = left.rows().zip(right.transposed().rows()).map(|(left, right)| vector::dot(left, right, workers));
            out.first_row().write(blend.first_row().of(dot.take(1)));
        }
        (_, 1, 1..) => right.transposed().rows().take(1).for_each(|x| matvec::matvec(left, x, blend.first_column(), out.first_column(), workers)),
        (1, _, 1..) => left.rows().take(1).for_each(|x| matvec::matvec(right.transposed(), x, blend.first_row(), out.first_row(), workers)),
        _ => return matmul::matmul(left, right, blend, out, workers),
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests;
