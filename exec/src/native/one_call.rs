//! Kernels that are no more than one call of their code: all that a run needs, close together.

#![expect(unsafe_code, reason = "machine code runs on memory that it is vouched for")]

use std::sync::Arc;

use smallvec::SmallVec;

use super::code::Code;
use super::kernel::Kernel;
use super::streams::Memory;
use crate::region::Region;

/// As many accesses as a nest has that planning makes.
pub(super) const FEW: usize = 24;

/// As many as most have.
const FEWER: usize = 4;

/// What is no buffer.
const NOWHERE: u32 = u32::MAX;

/// Where an access starts: its buffer, if it has one, and how many bytes behind the base.
#[derive(Clone, Copy, Debug)]
struct Start {
    buffer: u32,
    bytes: isize,
}

/// A kernel in one piece, without results to combine.
#[derive(Debug)]
pub(crate) struct OneCall {
    code: Arc<Code>,
    rows: usize,
    count: usize,
    starts: SmallVec<[Start; 4]>,
    steps: SmallVec<[isize; 4]>,
}

impl OneCall {
    /// Of a kernel that is one.
    pub(super) fn of(kernel: &Kernel) -> OneCall {
        // What is counted begins at 0, whichever memory that is counted from.
        let start = |memory: &Option<Memory>| {
            memory
                .map_or(Start { buffer: NOWHERE, bytes: 0 }, |memory| Start { buffer: memory.buffer.0, bytes: memory.offset * memory.size as isize })
        };
        OneCall {
            code: Arc::clone(&kernel.code),
            rows: kernel.shares.rows,
            count: kernel.shares.inner,
            starts: kernel.memory.iter().map(start).collect(),
            steps: kernel.steps.as_slice().into(),
        }
    }

    /// Runs it on the memory of a plan's buffers, by their places.
    ///
    /// # Safety
    ///
    /// As [`Kernel::run_checked`].
    pub unsafe fn run(&self, buffers: &[Region<'_>]) {
        // SAFETY: the caller's.
        unsafe { self.run_at(|buffer| buffers[buffer].base()) };
    }

    /// Runs it on buffers that begin where `base` says.
    ///
    /// # Safety
    ///
    /// As [`Kernel::run_checked`] on such buffers.
    pub unsafe fn run_at(&self, base: impl Fn(usize) -> *mut u8) {
        // Most are of few accesses, and most of these are short.
        if self.starts.len() <= FEWER {
            // SAFETY: the caller's.
            unsafe { self.run_with::<FEWER>(base) }
        } else {
            // SAFETY: the caller's.
            unsafe { self.run_with::<FEW>(base) }
        }
    }

    /// The same with room for so many addresses.
    ///
    /// # Safety
    ///
    /// As [`OneCall::run_at`].
    unsafe fn run_with<const ROOM: usize>(&self, base: impl Fn(usize) -> *mut u8) {
        let mut slots = [std::ptr::null_mut(); ROOM];
        for (slot, start) in slots.iter_mut().zip(&self.starts) {
            if start.buffer != NOWHERE {
                *slot = base(start.buffer as usize).wrapping_offset(start.bytes);
            }
        }
        // SAFETY: the code is that of this nest, and these are its accesses, inside their memory by the caller's word.
        unsafe { self.code.call(&mut slots, &self.steps, self.rows, self.count) };
    }
}
