//! Memory with machine code: written once, then only executed.
//!
//! The system takes longer to give such memory, and to make it executable, than an encoder takes for some code: kernels that are made together
//! share it.

#![expect(unsafe_code, reason = "memory becomes code")]

use std::sync::{Arc, OnceLock};

use damo_graph::{ErrorKind, Problem};
use memmap2::{Mmap, MmapMut};

use super::outside::CallSite;

/// What a kernel is called with, in registers: the addresses of its accesses, which it moves on from row to row; their steps; how many
/// rows; how many elements each.
pub(super) type Entry = unsafe extern "sysv64" fn(slots: *mut *mut u8, steps: *const isize, rows: usize, count: usize);

/// Where code begins, whatever it is called with.
type Start = unsafe extern "sysv64" fn();

/// So many bytes are asked for at once. What is not written takes no memory.
const SECTION: usize = 256 << 10;

/// Code begins at a multiple of so many bytes: a line of the caches, and the widest vector.
const LINE: usize = 64;

/// Memory for the code of several kernels: all of it is written, then all of it is executed.
#[derive(Debug, Default)]
pub(crate) struct CodeBook {
    /// What is written to.
    open: Option<Section>,
    /// What was full, and could not be made executable.
    failed: Option<Problem>,
}

/// Memory that code is written to.
#[derive(Debug)]
struct Section {
    memory: MmapMut,
    used: usize,
    /// Where it will be held when it is executable.
    closed: Arc<OnceLock<Mmap>>,
}

impl Section {
    /// Makes it executable, and no longer writable.
    fn close(self) -> Result<(), Problem> {
        let memory = self.memory.make_exec().map_err(|error| no_memory(&error))?;
        // It is set only here.
        drop(self.closed.set(memory));
        Ok(())
    }
}

fn no_memory(error: &std::io::Error) -> Problem {
    Problem::new(ErrorKind::Execution, format!("machine code has no memory: {error}"))
}

impl CodeBook {
    /// Adds constants and code, which may call these sites. It can be run when the book is closed.
    ///
    /// Fails if the system gives no memory.
    pub(super) fn write(&mut self, bytes: &[u8], sites: Vec<CallSite>) -> Result<Code, Problem> {
        if self.open.as_ref().is_none_or(|section| section.memory.len() - section.used < bytes.len()) {
            self.failed = self.open.take().and_then(|full| full.close().err()).or(self.failed.take());
            let memory = MmapMut::map_anon(bytes.len().max(SECTION)).map_err(|error| no_memory(&error))?;
            self.open = Some(Section { memory, used: 0, closed: Arc::default() });
        }
        let Some(section) = &mut self.open else { return Err(Problem::new(ErrorKind::Execution, "machine code has no memory")) };
        let place = &mut section.memory[section.used..section.used + bytes.len()];
        place.copy_from_slice(bytes);
        // SAFETY: it is not called before there is code, by the word of who calls it. The memory stays where it is when it is made executable.
        let start = unsafe { std::mem::transmute::<*const u8, Start>(place.as_ptr()) };
        section.used = (section.used + bytes.len()).next_multiple_of(LINE).min(section.memory.len());
        Ok(Code { start, _memory: Arc::clone(&section.closed), _sites: sites })
    }

    /// Makes what was written executable, and no longer writable.
    ///
    /// Fails if the system does not; then nothing of it can be run.
    pub fn close(self) -> Result<(), Problem> {
        self.failed.map_or(Ok(()), Err)?;
        self.open.map_or(Ok(()), Section::close)
    }
}

/// Machine code that never changes any more.
#[derive(Debug)]
pub(super) struct Code {
    start: Start,
    /// Where it is, when the book is closed: never writable and executable at once.
    _memory: Arc<OnceLock<Mmap>>,
    /// What the code calls: it knows their addresses.
    _sites: Vec<CallSite>,
}

impl Code {
    /// Code in memory of its own.
    ///
    /// Fails if the system gives none.
    pub fn alone(bytes: &[u8]) -> Result<Code, Problem> {
        let mut book = CodeBook::default();
        let code = book.write(bytes, Vec::new())?;
        book.close()?;
        Ok(code)
    }

    /// Runs it.
    ///
    /// # Safety
    ///
    /// Its book is closed. The code at the start keeps to the calling convention of [`Entry`], and what it does to the memory that the slots
    /// point to for so many rows and elements must be sound.
    pub unsafe fn call(&self, slots: &mut [*mut u8], steps: &[isize], rows: usize, count: usize) {
        // SAFETY: the caller's: there is code of that convention.
        let entry: Entry = unsafe { std::mem::transmute::<Start, Entry>(self.start) };
        // SAFETY: the caller's.
        unsafe { entry(slots.as_mut_ptr(), steps.as_ptr(), rows, count) };
    }

    /// Runs it with the address of its operands.
    ///
    /// # Safety
    ///
    /// Its book is closed. The code at the start takes one address by the convention `sysv64`, and what it does with such operands must be sound.
    pub unsafe fn call_with<T>(&self, operands: &mut T) {
        // SAFETY: the caller's: there is code of that convention.
        let entry = unsafe { std::mem::transmute::<Start, unsafe extern "sysv64" fn(*mut T)>(self.start) };
        // SAFETY: the caller's.
        unsafe { entry(std::ptr::from_mut(operands)) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Code that writes a number where its operand is, with so many bytes behind it.
    fn writes(number: u32, behind: usize) -> Vec<u8> {
        let mut bytes = vec![0xC7, 0x07];
        bytes.extend(number.to_le_bytes());
        bytes.push(0xC3);
        bytes.resize(bytes.len() + behind, 0);
        bytes
    }

    #[test]
    fn all_code_of_a_book_can_be_run_when_it_is_closed() {
        let mut book = CodeBook::default();
        // Two to a section, one that is larger than a section, and one behind that.
        let behind = [100, SECTION / 2, SECTION / 2, 3 * SECTION, 0];
        let codes: Vec<Code> = behind.iter().zip(1..).map(|(&behind, number)| book.write(&writes(number, behind), Vec::new()).unwrap()).collect();
        book.close().unwrap();
        assert!(codes.iter().all(|code| (code.start as usize).is_multiple_of(LINE)));
        for (code, number) in codes.iter().zip(1..) {
            let mut written = 0u32;
            // SAFETY: the book is closed, and this code writes one number of 32 bits.
            unsafe { code.call_with(&mut written) };
            assert_eq!(written, number);
        }
        // What is left of a book when others are gone stays.
        let last = codes.into_iter().next_back().unwrap();
        let mut written = 0u32;
        // SAFETY: as above.
        unsafe { last.call_with(&mut written) };
        assert_eq!(written, 5);
    }

    #[test]
    fn a_book_without_code_is_no_memory() {
        CodeBook::default().close().unwrap();
    }
}
