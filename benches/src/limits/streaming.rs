//! Stores past the caches, which do not read first what they overwrite: what moves large arrays fastest.
#![expect(unsafe_code, reason = "the only stores past the caches are the processor's own instructions")]

use std::arch::x86_64::{_mm_sfence, _mm256_add_ps, _mm256_loadu_ps, _mm256_mul_ps, _mm256_set1_ps, _mm256_stream_ps};

use super::memory::Line;

/// Whether the processor has them.
pub fn is_possible() -> bool {
    is_x86_feature_detected!("avx")
}

/// Copies an array.
pub fn copy(target: &mut [Line], source: &[Line]) {
    // SAFETY: it is only called where `is_possible`.
    unsafe { copy_avx(target, source) }
}

/// One array plus three times another.
pub fn combine(target: &mut [Line], first: &[Line], second: &[Line]) {
    // SAFETY: it is only called where `is_possible`.
    unsafe { combine_avx(target, first, second) }
}

#[target_feature(enable = "avx")]
fn copy_avx(target: &mut [Line], source: &[Line]) {
    for (target, source) in target.iter_mut().zip(source) {
        for (target, source) in target.0.as_chunks_mut::<8>().0.iter_mut().zip(source.0.as_chunks::<8>().0) {
            // SAFETY: it reads the eight numbers of an array of eight.
            let numbers = unsafe { _mm256_loadu_ps(source.as_ptr()) };
            // SAFETY: it writes the eight numbers of an array of eight, which is aligned as half a line.
            unsafe { _mm256_stream_ps(target.as_mut_ptr(), numbers) };
        }
    }
    _mm_sfence();
}

#[target_feature(enable = "avx")]
fn combine_avx(target: &mut [Line], first: &[Line], second: &[Line]) {
    let three = _mm256_set1_ps(3.0);
    for ((target, first), second) in target.iter_mut().zip(first).zip(second) {
        let sources = first.0.as_chunks::<8>().0.iter().zip(second.0.as_chunks::<8>().0);
        for (target, (first, second)) in target.0.as_chunks_mut::<8>().0.iter_mut().zip(sources) {
            // SAFETY: it reads the eight numbers of an array of eight.
            let first = unsafe { _mm256_loadu_ps(first.as_ptr()) };
            // SAFETY: as above.
            let second = unsafe { _mm256_loadu_ps(second.as_ptr()) };
            let numbers = _mm256_add_ps(first, _mm256_mul_ps(three, second));
            // SAFETY: it writes the eight numbers of an array of eight, which is aligned as half a line.
            unsafe { _mm256_stream_ps(target.as_mut_ptr(), numbers) };
        }
    }
    _mm_sfence();
}
