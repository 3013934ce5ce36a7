//! New memory for results.

#![cfg_attr(target_os = "linux", expect(unsafe_code, reason = "the system is told how memory will be used"))]

/// From so many bytes on, memory is worth large pages.
#[cfg(target_os = "linux")]
const LARGE: usize = 4 << 20;

/// The size of a large page.
#[cfg(target_os = "linux")]
const PAGE: usize = 2 << 20;

/// Asks the system for large pages, where there is much memory: it gives them zeroed, one after the other as they are first written, and
/// small ones take longer to give than to fill.
pub(crate) fn prepare<T>(memory: &mut [T]) {
    #[cfg(target_os = "linux")]
    if size_of_val(memory) >= LARGE && !cfg!(miri) {
        let start = memory.as_ptr().addr().next_multiple_of(PAGE);
        let end = (memory.as_ptr().addr() + size_of_val(memory)) / PAGE * PAGE;
        if start < end {
            let start_pointer = memory.as_mut_ptr().cast::<libc::c_void>().with_addr(start);
            // SAFETY: whole pages inside memory that is borrowed here; advice does not change what is in it. If it is not taken, nothing is lost.
            let _ = unsafe { libc::madvise(start_pointer, end - start, libc::MADV_HUGEPAGE) };
        }
    }
    let _ = memory;
}

/// The most that an allocator is shown: from `32 << 20` bytes on the usual one of Linux always asks the system.
const SHOWN: usize = (32 << 20) - (1 << 16);

/// From so many bytes on, the usual allocator of Linux may give freed memory back to the system.
const KEPT: usize = 64 << 10;

/// Shows the allocator once how much memory the results of a call take.
///
/// The usual one of Linux gives memory back as soon as more is free than twice the largest piece of its own pages that was ever freed; then
/// each call pays the system for every page again, which takes several times as long as to fill it (GNU C library manual, "Memory
/// allocation tunables", trim and mmap thresholds). Room for two calls is asked for, so that a caller may keep the last results.
pub(crate) fn announce(bytes: usize) {
    if bytes > KEPT {
        drop(std::hint::black_box(Vec::<u8>::with_capacity(bytes.saturating_mul(2).min(SHOWN))));
    }
}
