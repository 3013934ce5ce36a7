//! The portable engine: fused nests interpreted in tiles, with plain loops that the compiler turns into vector code.
//!
//! [`Kernel::compile`] orders the loops of a nest, joins them, and cuts the innermost into tiles of 512 to 1024 elements. A run goes from tile
//! to tile: operands are read (where they are contiguous, in place), each instruction is one loop over the tile, results are written,
//! reductions are folded into accumulators. Results agree with the ops' meanings within their stated accuracy.

#![expect(clippy::inline_always, reason = "loops become vector code where they are inlined into code for an instruction set")]

pub(crate) mod apply;
pub(crate) mod axes;
pub(crate) mod combine;
mod copy;
pub(crate) mod functions;
mod interpret;
mod kernel;
pub(crate) mod loops;
pub(crate) mod part;
mod reduce;
pub(crate) mod stored;
mod sums;
mod sweep;

pub use kernel::Kernel;
