//! A nest, or bands of nests, made ready to run by the engine that can.

#![expect(unsafe_code, reason = "kernels run on memory that they are vouched for")]

mod alike;
mod bands;
#[cfg(all(test, target_arch = "x86_64"))]
mod columns;
#[cfg(test)]
mod every_f32;
#[cfg(all(test, target_arch = "x86_64"))]
mod instruction_sets;
#[cfg(test)]
pub(crate) mod judge;
#[cfg(all(test, target_arch = "x86_64"))]
mod past_caches;
#[cfg(test)]
mod random_nests;
#[cfg(all(test, target_arch = "x86_64"))]
mod results_in_code;
#[cfg(all(test, target_arch = "x86_64"))]
mod staged_operands;
#[cfg(test)]
mod tests;

use damo_graph::Problem;

use crate::instruction_set::InstructionSet;
#[cfg(target_arch = "x86_64")]
use crate::native;
use crate::nest::Nest;
use crate::portable;
use crate::region::Region;

pub(crate) use alike::Kernels;
#[cfg(target_arch = "x86_64")]
pub(crate) use native::{CodeBook, OneCall};

/// There is no machine code on this processor.
#[cfg(not(target_arch = "x86_64"))]
#[derive(Debug, Default)]
pub(crate) struct CodeBook(());

#[cfg(not(target_arch = "x86_64"))]
impl CodeBook {
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "where there is machine code, it may have no memory")]
    pub fn close(self) -> Result<(), Problem> {
        Ok(())
    }
}

/// There are none on this processor.
#[cfg(not(target_arch = "x86_64"))]
#[derive(Debug)]
pub(crate) enum OneCall {}

#[cfg(not(target_arch = "x86_64"))]
impl OneCall {
    pub unsafe fn run(&self, _: &[Region<'_>]) {
        match *self {}
    }

    pub unsafe fn run_at(&self, _: impl Fn(usize) -> *mut u8) {
        match *self {}
    }
}

/// A nest, or bands of nests, made ready to run. It never changes; any number of calls may run it at once.
#[derive(Debug)]
pub enum Kernel {
    /// Machine code.
    #[cfg(target_arch = "x86_64")]
    Native(Box<native::Kernel>),
    /// Instructions for an interpreter in tiles.
    Portable(portable::Kernel),
    /// Several nests, band by band.
    Bands(Box<bands::BandKernels>),
}

impl Kernel {
    /// Makes a nest ready, as machine code of these instructions, if any; what that cannot do is left to the portable engine.
    ///
    /// Fails if the nest is malformed, or reduces elements that the reduction is not defined on.
    pub fn compile(nest: &Nest, machine_code: Option<InstructionSet>) -> Result<Kernel, Problem> {
        let mut book = CodeBook::default();
        let kernel = Kernel::compile_in(nest, machine_code, &mut book)?;
        book.close()?;
        Ok(kernel)
    }

    /// The same with its code in a book: it can be run when that is closed.
    fn compile_in(nest: &Nest, machine_code: Option<InstructionSet>, book: &mut CodeBook) -> Result<Kernel, Problem> {
        #[cfg(target_arch = "x86_64")]
        if let Some(set) = machine_code.filter(|set| set.is_available())
            && let Some(kernel) = native::Kernel::compile(nest, set, book)?
        {
            return Ok(Kernel::Native(Box::new(kernel)));
        }
        let _ = (machine_code, book);
        portable::Kernel::compile(nest).map(Kernel::Portable)
    }

    /// The kernel of a nest that differs from this kernel's only in its buffers, if that is cheaper than to compile it.
    fn moved(&self, nest: &Nest) -> Option<Kernel> {
        let _ = nest;
        match self {
            #[cfg(target_arch = "x86_64")]
            Kernel::Native(kernel) => kernel.moved(nest).map(|kernel| Kernel::Native(Box::new(kernel))),
            Kernel::Bands(_) | Kernel::Portable(_) => None,
        }
    }

    /// The kernel again, if it is one call of machine code.
    pub(crate) fn one_call(&self) -> Option<OneCall> {
        match self {
            #[cfg(target_arch = "x86_64")]
            Kernel::Native(kernel) => kernel.one_call(),
            Kernel::Bands(_) | Kernel::Portable(_) => None,
        }
    }

    /// Of which instructions it is, if all of it is machine code.
    pub fn machine_code(&self) -> Option<InstructionSet> {
        match self {
            #[cfg(target_arch = "x86_64")]
            Kernel::Native(kernel) => Some(kernel.instructions()),
            Kernel::Portable(_) => None,
            Kernel::Bands(kernels) => kernels.machine_code(),
        }
    }

    /// How many bytes of scratch a run on so many threads takes.
    pub fn scratch_bytes(&self, threads: usize) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Kernel::Native(kernel) => kernel.scratch_bytes(threads),
            Kernel::Portable(kernel) => kernel.scratch_bytes(threads),
            Kernel::Bands(kernels) => kernels.scratch_bytes(threads),
        }
    }

    /// Fails unless every access is all inside its buffer, aligned, and written only where that is allowed.
    pub(crate) fn check(&self, buffers: &[Region<'_>]) -> Result<(), Problem> {
        let _ = buffers;
        match self {
            #[cfg(target_arch = "x86_64")]
            Kernel::Native(kernel) => kernel.check(buffers),
            Kernel::Bands(kernels) => kernels.check(buffers),
            // It looks at each run.
            Kernel::Portable(_) => Ok(()),
        }
    }

    /// As [`Kernel::run`], but does not check again.
    ///
    /// # Safety
    ///
    /// As [`Kernel::run`], and [`Kernel::check`] found nothing for buffers of these lengths.
    pub(crate) unsafe fn run_checked(&self, buffers: &[Region<'_>], scratch: &mut [u8], threads: usize, order: usize) -> Result<(), Problem> {
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the caller's.
            Kernel::Native(kernel) => unsafe { kernel.run_checked(buffers, scratch, threads, order) },
            // SAFETY: the caller's.
            Kernel::Bands(kernels) => unsafe { kernels.run_checked(buffers, scratch, threads, order) },
            // SAFETY: the caller's.
            Kernel::Portable(_) => unsafe { self.run(buffers, scratch, threads, order) },
        }
    }

    /// Runs the nest on the memory of a plan's buffers, by their places. The bits are the same on any number of threads, and in whatever
    /// order they take up their work: 0 is the plain one.
    ///
    /// Fails, before anything is written, if an access is not all inside its buffer, a result's buffer may only be read, or the scratch is too
    /// short.
    ///
    /// # Safety
    ///
    /// While it runs nobody else writes the operands' memory or touches the results'. Buffers hold elements of the accesses' dtypes. No result
    /// overlaps another result or an operand, but an operand's access may equal a store's: it is replaced in place.
    pub unsafe fn run(&self, buffers: &[Region<'_>], scratch: &mut [u8], threads: usize, order: usize) -> Result<(), Problem> {
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the caller's; kernels are made only of instructions that the processor has.
            Kernel::Native(kernel) => unsafe { kernel.run(buffers, scratch, threads, order) },
            // SAFETY: the caller's.
            Kernel::Portable(kernel) => unsafe { kernel.run(buffers, scratch, threads, order) },
            // SAFETY: the caller's.
            Kernel::Bands(kernels) => unsafe { kernels.run(buffers, scratch, threads, order) },
        }
    }
}
