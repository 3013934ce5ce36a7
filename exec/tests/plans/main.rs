//! Plans against the meaning of the graphs they run: op by op, fused, on strided arrays, called from many threads, on random programs.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bands;
mod calls;
mod formula;
mod fusion;
mod judge;
mod ops;
mod products;
mod products_random;
mod profile;
mod random;
mod sliding;
