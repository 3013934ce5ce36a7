//! Plans against the meaning of the graphs they run: op by op, fused, on strided arrays, called from many threads, on random programs.

mod calls;
mod fusion;
mod judge;
mod ops;
mod random;
