//! Memory with machine code: written once, then only executed.

#![expect(unsafe_code, reason = "memory becomes code")]

use damo_graph::{ErrorKind, Problem};
use memmap2::{Mmap, MmapMut};

use super::outside::CallSite;

/// What a kernel is called with, in registers: the addresses of its accesses, which it moves on from row to row; their steps; how many
/// rows; how many elements each.
pub(super) type Entry = unsafe extern "sysv64" fn(slots: *mut *mut u8, steps: *const isize, rows: usize, count: usize);

/// Machine code that never changes any more.
#[derive(Debug)]
pub(super) struct Code {
    memory: Mmap,
    /// What the code calls: it knows their addresses.
    _sites: Vec<CallSite>,
}

impl Code {
    /// Puts constants and code, which may call these sites, into memory of their own, which is never writable and executable at once.
    pub fn new(bytes: &[u8], sites: Vec<CallSite>) -> Result<Code, Problem> {
        let failed = |error: std::io::Error| Problem::new(ErrorKind::Execution, format!("machine code has no memory: {error}"));
        let mut memory = MmapMut::map_anon(bytes.len().max(1)).map_err(failed)?;
        memory[..bytes.len()].copy_from_slice(bytes);
        Ok(Code { memory: memory.make_exec().map_err(failed)?, _sites: sites })
    }

    /// Runs it.
    ///
    /// # Safety
    ///
    /// The code at the start keeps to the calling convention of [`Entry`], and what it does to the memory that the slots point to for so many
    /// rows and elements must be sound.
    pub unsafe fn call(&self, slots: &mut [*mut u8], steps: &[isize], rows: usize, count: usize) {
        // SAFETY: the caller's: there is code of that convention.
        let entry: Entry = unsafe { std::mem::transmute::<*const u8, Entry>(self.memory.as_ptr()) };
        // SAFETY: the caller's.
        unsafe { entry(slots.as_mut_ptr(), steps.as_ptr(), rows, count) };
    }

    /// Runs it with the address of its operands.
    ///
    /// # Safety
    ///
    /// The code at the start takes one address by the convention `sysv64`, and what it does with such operands must be sound.
    pub unsafe fn call_with<T>(&self, operands: &mut T) {
        // SAFETY: the caller's: there is code of that convention.
        let entry = unsafe { std::mem::transmute::<*const u8, unsafe extern "sysv64" fn(*mut T)>(self.memory.as_ptr()) };
        // SAFETY: the caller's.
        unsafe { entry(std::ptr::from_mut(operands)) };
    }
}
