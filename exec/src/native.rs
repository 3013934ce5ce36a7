//! The native engine: fused nests as machine code for x86-64, assembled in the process.
//!
//! | to read about | open |
//! |---|---|
//! | a nest's body as a program on vectors | `program`, `translate`, `reduction`, `fractions`, `results` |
//! | functions as formulas | `lanes`, `formulas` |
//! | from there to machine code | `loops`, `levels`, `interleave`, `accesses`, `select`, `registers`, `assembler`, `code` |
//! | the instructions of AVX2 and AVX-512 | `instructions`, `avx2`, `avx512` |
//! | what has no formula | `outside` |
//! | how a kernel goes over its loops | `kernel`, `run`, `one_call`, `shape`, `rows_at_once`, `staging`, `streams`, `accumulators` |
//! | tiles of matrix products | `micro_kernel` |

mod accesses;
mod accumulators;
mod assembler;
mod avx2;
mod avx512;
mod code;
mod formulas;
mod fractions;
mod instructions;
mod interleave;
mod kernel;
#[cfg(test)]
mod lane;
mod lanes;
mod levels;
mod loops;
mod micro_kernel;
mod mixer;
mod one_call;
mod outside;
mod program;
mod reduction;
mod registers;
mod results;
mod rows_at_once;
mod run;
mod select;
mod shape;
mod staging;
mod streams;
mod translate;

pub(crate) use code::CodeBook;
pub use kernel::Kernel;
#[cfg(test)]
pub(crate) use kernel::Thresholds;
pub use micro_kernel::{MicroKernels, Operands, Reading};
pub(crate) use one_call::OneCall;
