//! Results written past the caches are those written through them, wherever they begin.

#![expect(unsafe_code, reason = "it hands memory to the engine")]

use damo_graph::DType;
use damo_graph::op::scalar;

use super::judge::engines;
use super::tests::{access, apply};
use crate::layout::row_major;
use crate::native::Kernel;
use crate::nest::{Instruction, Nest, Store};
use crate::region::Region;

/// Buffers of so many words, all of other numbers.
fn memory(words: usize) -> Vec<Vec<u64>> {
    (0..4).map(|buffer| (0..words).map(|word| (1.0 + (word * 7 + buffer) as f64 * 1e-3).to_bits()).collect()).collect()
}

/// All buffers after a nest has run on so many threads.
fn after(kernel: &Kernel, words: usize, threads: usize) -> Vec<Vec<u64>> {
    let mut buffers = memory(words);
    let mut scratch = vec![0; kernel.scratch_bytes(threads)];
    let regions: Vec<Region<'_>> = buffers.iter_mut().map(|buffer| Region::writing(buffer.as_mut_slice())).collect();
    // SAFETY: the buffers are borrowed, and any bits are floats.
    unsafe { kernel.run(&regions, &mut scratch, threads, 0) }.unwrap();
    buffers
}

/// `a · b + b`, where `b` is one row for all, and the product, from these elements on.
fn nest(dtype: DType, shape: &[usize], [first, second]: [isize; 2]) -> Nest {
    let rows = row_major(shape);
    let row: Vec<isize> = rows.iter().enumerate().map(|(axis, &step)| if axis + 1 < rows.len() { 0 } else { step }).collect();
    Nest {
        shape: shape.into(),
        operands: vec![access(0, dtype, 3, &rows), access(1, dtype, 0, &row)],
        body: vec![Instruction::Load(0), Instruction::Load(1), apply(&scalar::MUL, &[0, 1], dtype), apply(&scalar::ADD, &[2, 1], dtype)],
        stores: vec![Store { value: 3, to: access(2, dtype, first, &rows) }, Store { value: 2, to: access(3, dtype, second, &rows) }],
        reductions: Vec::new(),
    }
}

#[test]
fn large_results_are_written_past_the_caches() {
    for set in engines().flatten() {
        for (dtype, shape, is_past) in [
            (DType::F32, &[70_001][..], true),
            (DType::F64, &[70_001][..], true),
            (DType::F32, &[80, 1024][..], true),
            (DType::F64, &[3, 50, 640][..], true),
            // Rows that begin elsewhere in a vector.
            (DType::F32, &[80, 1001][..], false),
        ] {
            for offsets in [[0, 0], [1, 1], [5, 5], [7, 15], [2, 3]] {
                let nest = nest(dtype, shape, offsets);
                let [ordinary, past] = [usize::MAX, 0].map(|large| Kernel::compile_with(&nest, set, large).unwrap().unwrap());
                assert_eq!([ordinary.writes_past_caches(), past.writes_past_caches()], [false, is_past], "{set} {dtype} {shape:?}");
                let words = nest.count() + 32;
                let expected = after(&ordinary, words, 1);
                for threads in [1, 2] {
                    assert!(after(&past, words, threads) == expected, "{set} {dtype} {shape:?} {offsets:?} {threads}");
                }
                // In place.
                let mut same = nest.clone();
                same.operands[0] = same.stores[0].to.clone();
                let [ordinary, past] = [usize::MAX, 0].map(|large| Kernel::compile_with(&same, set, large).unwrap().unwrap());
                assert!(after(&past, words, 1) == after(&ordinary, words, 1));
            }
        }
    }
}
