//! Bands of nests made ready to run.

#![expect(unsafe_code, reason = "kernels run on memory that they are vouched for")]

use std::sync::atomic::{AtomicU64, Ordering};

use damo_graph::{ErrorKind, Problem};
use smallvec::SmallVec;

use super::{Kernel, Kernels, OneCall};
use crate::bands::{Bands, Member};
use crate::instruction_set::InstructionSet;
use crate::loops::tidy;
use crate::nest::{Access, BufferId};
use crate::pool;
use crate::profile::meter::now;
use crate::region::Region;
use crate::step::ALIGNMENT;

/// Starting a thread is worth so many elements.
const WORTH_A_THREAD: usize = 1 << 15;

/// Bands of nests made ready to run: a kernel for each nest on a whole band, and one on what is left at the end.
#[derive(Debug)]
pub struct BandKernels {
    members: Vec<MemberKernels>,
    length: usize,
    band: usize,
    /// Where each buffer that only holds a band is in a thread's memory, and its bytes.
    own: Vec<(usize, usize)>,
    own_bytes: usize,
    /// How many elements all nests go over.
    elements: usize,
}

#[derive(Debug)]
struct MemberKernels {
    whole: BandKernel,
    last: Option<BandKernel>,
    /// The memory of each access, which is a buffer of its own to the kernels.
    accesses: Vec<Memory>,
}

/// The kernel of a nest on a band.
#[derive(Debug)]
struct BandKernel {
    kernel: Kernel,
    /// The kernel again, if it is one call of machine code.
    call: Option<OneCall>,
}

impl BandKernel {
    fn compile(part: &Member, kernels: &mut Kernels) -> Result<BandKernel, Problem> {
        let kernel = kernels.compile(&tidy(&part.nest))?;
        let call = kernel.one_call();
        Ok(BandKernel { kernel, call })
    }
}

/// The memory of an access.
#[derive(Clone, Copy, Debug)]
enum Memory {
    /// A buffer that only holds a band.
    Own(usize),
    /// A buffer of the plan, from a byte on, and the bytes from one index of the common loop to the next.
    Buffer { buffer: BufferId, start: isize, step: isize },
}

impl BandKernels {
    /// Makes bands ready, with kernels of these.
    ///
    /// Fails as [`Kernel::compile`] does.
    pub(crate) fn compile(bands: &Bands, kernels: &mut Kernels) -> Result<BandKernels, Problem> {
        let mut own = Vec::with_capacity(bands.own.len());
        let mut own_bytes = 0;
        for of in &bands.own {
            own.push((own_bytes, of.bytes));
            own_bytes += of.bytes.next_multiple_of(ALIGNMENT);
        }
        let left = bands.length % bands.band;
        let members = bands.nests.iter().map(|member| {
            let accesses = member.nest.accesses().map(|access| memory(bands, member, access)).collect();
            let whole = BandKernel::compile(&part(bands, member, bands.band), kernels)?;
            let last = if left > 0 { Some(BandKernel::compile(&part(bands, member, left), kernels)?) } else { None };
            Ok(MemberKernels { whole, last, accesses })
        });
        Ok(BandKernels {
            members: members.collect::<Result<_, Problem>>()?,
            length: bands.length,
            band: bands.band,
            own,
            own_bytes,
            elements: bands.nests.iter().map(|member| member.nest.count()).sum(),
        })
    }

    /// Of which instructions it is, if all of it is machine code.
    pub fn machine_code(&self) -> Option<InstructionSet> {
        let mut sets = self.kernels().map(Kernel::machine_code);
        let first = sets.next().flatten();
        if sets.all(|set| set == first) { first } else { None }
    }

    /// How many bytes of scratch a run on so many threads takes.
    pub fn scratch_bytes(&self, threads: usize) -> usize {
        self.threads(threads) * self.thread_bytes() + ALIGNMENT
    }

    fn thread_bytes(&self) -> usize {
        self.own_bytes + self.kernel_bytes().next_multiple_of(ALIGNMENT)
    }

    fn kernel_bytes(&self) -> usize {
        self.kernels().map(|kernel| kernel.scratch_bytes(1)).max().unwrap_or(0)
    }

    fn kernels(&self) -> impl Iterator<Item = &Kernel> {
        self.members.iter().flat_map(|member| std::iter::once(&member.whole).chain(&member.last)).map(|member| &member.kernel)
    }

    fn count(&self) -> usize {
        self.length.div_ceil(self.band)
    }

    fn threads(&self, available: usize) -> usize {
        available.min(self.count()).min(self.elements / WORTH_A_THREAD).max(1)
    }

    /// Fails as [`Kernel::check`] does.
    ///
    /// Accesses move evenly from band to band: those between the first and the last are inside if these are.
    pub fn check(&self, buffers: &[Region<'_>]) -> Result<(), Problem> {
        let own = Region::promised(1, &[self.own_bytes], &[1], true);
        let (whole, left) = (self.length / self.band, self.length % self.band);
        let bands = [(0, whole > 0), (whole.saturating_sub(1), whole > 1), (whole, left > 0)];
        for (band, _) in bands.into_iter().filter(|(_, is_there)| *is_there) {
            for member in &self.members {
                self.kernel(member, band)?.kernel.check(&self.regions(member, band, buffers, own)?)?;
            }
        }
        Ok(())
    }

    /// Runs all bands, as [`Kernel::run`] does.
    ///
    /// # Safety
    ///
    /// As [`Kernel::run`].
    pub unsafe fn run(&self, buffers: &[Region<'_>], scratch: &mut [u8], threads: usize, order: usize) -> Result<(), Problem> {
        self.check(buffers)?;
        // SAFETY: it was checked; the rest is the caller's.
        unsafe { self.run_checked(buffers, scratch, threads, order) }
    }

    /// As [`BandKernels::run`], but does not check again.
    ///
    /// # Safety
    ///
    /// As [`Kernel::run_checked`].
    pub unsafe fn run_checked(&self, buffers: &[Region<'_>], scratch: &mut [u8], threads: usize, order: usize) -> Result<(), Problem> {
        // SAFETY: the caller's.
        unsafe { self.run_timed(buffers, scratch, threads, order, &[]) }
    }

    /// The same, and adds up the nanoseconds of each nest, of all threads together, where there is room for them.
    ///
    /// # Safety
    ///
    /// As [`BandKernels::run_checked`].
    pub unsafe fn run_timed(
        &self,
        buffers: &[Region<'_>],
        scratch: &mut [u8],
        threads: usize,
        order: usize,
        nanoseconds: &[AtomicU64],
    ) -> Result<(), Problem> {
        let (threads, each) = (self.threads(threads), self.thread_bytes());
        let start = scratch.as_ptr().align_offset(ALIGNMENT);
        let scratch = scratch.get_mut(start..).and_then(|scratch| scratch.get_mut(..threads * each)).ok_or_else(too_little)?;
        let scratch = pool::Shared(scratch.as_mut_ptr());
        pool::try_share(threads, self.count(), order, |band, worker| {
            // SAFETY: each worker has a part of the scratch of its own, which is long enough for all.
            let scratch = unsafe { std::slice::from_raw_parts_mut(scratch.get().wrapping_add(worker * each), each) };
            // SAFETY: the caller's; bands write different memory.
            unsafe { self.band(band, buffers, scratch, nanoseconds) }
        })
    }

    /// Runs one band.
    ///
    /// # Safety
    ///
    /// As [`Kernel::run_checked`].
    unsafe fn band(&self, band: usize, buffers: &[Region<'_>], scratch: &mut [u8], nanoseconds: &[AtomicU64]) -> Result<(), Problem> {
        let (own, scratch) = scratch.split_at_mut(self.own_bytes);
        // SAFETY: these bytes are borrowed mutably for as long as the region is used, and initialised.
        let own = unsafe { Region::from_raw(own.as_mut_ptr(), 0, own.len(), true) };
        let first = (band * self.band) as isize;
        let mut last = if nanoseconds.is_empty() { 0 } else { now() };
        for (place, member) in self.members.iter().enumerate() {
            let BandKernel { kernel, call } = self.kernel(member, band)?;
            if let Some(call) = call {
                let base = |access: usize| match member.accesses[access] {
                    Memory::Own(place) => own.base().wrapping_add(self.own[place].0),
                    Memory::Buffer { buffer, start, step } => buffers[buffer.index()].base().wrapping_offset(start + step * first),
                };
                // SAFETY: the caller's; what is a band's own is this thread's.
                unsafe { call.run_at(base) };
            } else {
                let regions = self.regions(member, band, buffers, own)?;
                // SAFETY: as above.
                unsafe { kernel.run_checked(&regions, scratch, 1, 0) }?;
            }
            if let Some(sum) = nanoseconds.get(place) {
                let done = now();
                sum.fetch_add(done - last, Ordering::Relaxed);
                last = done;
            }
        }
        Ok(())
    }

    /// The kernel of a nest on a band.
    fn kernel<'a>(&self, member: &'a MemberKernels, band: usize) -> Result<&'a BandKernel, Problem> {
        let kernel = if (band + 1) * self.band <= self.length { Some(&member.whole) } else { member.last.as_ref() };
        kernel.ok_or_else(|| Problem::new(ErrorKind::Execution, "the last band has no kernel"))
    }

    /// The memory of each access of a nest on a band.
    fn regions<'a>(
        &self,
        member: &MemberKernels,
        band: usize,
        buffers: &[Region<'a>],
        own: Region<'a>,
    ) -> Result<SmallVec<[Region<'a>; 16]>, Problem> {
        let first = (band * self.band) as isize;
        let region = |memory: &Memory| {
            let region = match *memory {
                Memory::Own(place) => own.part(self.own[place].0, self.own[place].1),
                Memory::Buffer { buffer, start, step } => buffers.get(buffer.index()).and_then(|region| region.moved(start + step * first)),
            };
            region.ok_or_else(|| Problem::new(ErrorKind::Execution, "a band leaves its memory"))
        };
        member.accesses.iter().map(region).collect()
    }
}

fn too_little() -> Problem {
    Problem::new(ErrorKind::Execution, "bands were given too little scratch")
}

/// The memory of an access of a nest over all bands.
fn memory(bands: &Bands, member: &Member, access: &Access) -> Memory {
    if let Some(place) = bands.own(access.buffer) {
        return Memory::Own(place);
    }
    let size = access.dtype.size() as isize;
    Memory::Buffer { buffer: access.buffer, start: access.offset * size, step: access.strides[member.axis] * size }
}

/// A nest on so many indices of the common loop, each access in a buffer of its own.
fn part(bands: &Bands, member: &Member, length: usize) -> Member {
    let mut part = member.clone();
    part.nest.shape[member.axis] = length;
    let nest = &mut part.nest;
    let stores = nest.stores.iter_mut().map(|store| &mut store.to);
    let written = stores.chain(nest.reductions.iter_mut().map(|reduction| &mut reduction.to));
    for (place, access) in nest.operands.iter_mut().chain(written).enumerate() {
        access.offset = bands.own(access.buffer).map_or(0, |own| access.offset - bands.own[own].start);
        access.buffer = BufferId(place as u32);
    }
    part
}
