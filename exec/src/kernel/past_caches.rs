//! Results written past the caches are those written through them, wherever they begin.

#![expect(unsafe_code, reason = "it hands memory to the engine")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Instant;

use damo_graph::op::scalar::{self, Scalar};
use damo_graph::{DType, Number};

use super::judge::engines;
use super::tests::{access, apply};
use crate::layout::row_major;
use crate::native::{Kernel, Thresholds};
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
                let [ordinary, past] =
                    [usize::MAX, 0].map(|large| Kernel::compile_with(&nest, set, Thresholds { large, ..Thresholds::USUAL }).unwrap().unwrap());
                assert_eq!([ordinary.writes_past_caches(), past.writes_past_caches()], [false, is_past], "{set} {dtype} {shape:?}");
                let words = nest.count() + 32;
                let expected = after(&ordinary, words, 1);
                for threads in [1, 2] {
                    assert!(after(&past, words, threads) == expected, "{set} {dtype} {shape:?} {offsets:?} {threads}");
                }
                // In place.
                let mut same = nest.clone();
                same.operands[0] = same.stores[0].to.clone();
                let [ordinary, past] =
                    [usize::MAX, 0].map(|large| Kernel::compile_with(&same, set, Thresholds { large, ..Thresholds::USUAL }).unwrap().unwrap());
                assert!(after(&past, words, 1) == after(&ordinary, words, 1));
            }
        }
    }
}

/// The formulas `elemwise1` to `elemwise4` of the run side by side: `a + a¹⁰`, `a² + b² + 2ab`, `2a + 3b` and `2a + b¹⁰`, of so many elements.
fn formulas(count: usize) -> [(&'static str, Nest); 4] {
    let dtype = DType::F32;
    let of = |body: &[Instruction]| Nest {
        shape: [count].as_slice().into(),
        operands: (0..2).map(|buffer| access(buffer, dtype, 0, &[1])).collect(),
        body: body.to_vec(),
        stores: vec![Store { value: body.len() - 1, to: access(2, dtype, 0, &[1]) }],
        reductions: Vec::new(),
    };
    let (a, b) = (Instruction::Load(0), Instruction::Load(1));
    let number = |number: f64| Instruction::Constant(Number::Real(number), dtype);
    let two = |scalar: &'static Scalar, left: usize, right: usize| apply(scalar, &[left, right], dtype);
    let (times, plus) = (&scalar::MUL, &scalar::ADD);
    let tenth = |x: usize, next: usize| [two(times, x, x), two(times, next, next), two(times, next + 1, x), two(times, next + 2, next + 2)];
    let first = [&[a.clone()][..], &tenth(0, 1), &[two(plus, 0, 4)]].concat();
    let sums = [two(plus, 2, 3), number(2.0), two(times, 0, 5), two(times, 6, 1), two(plus, 4, 7)];
    let second = [&[a.clone(), b.clone(), two(times, 0, 0), two(times, 1, 1)][..], &sums].concat();
    let third = [a.clone(), number(2.0), two(times, 0, 1), b.clone(), number(3.0), two(times, 3, 4), two(plus, 2, 5)];
    let fourth = [&[a, number(2.0), two(times, 0, 1), b][..], &tenth(3, 4), &[two(plus, 2, 7)]].concat();
    [("a + a¹⁰", of(&first)), ("a² + b² + 2ab", of(&second)), ("2a + 3b", of(&third)), ("2a + b¹⁰", of(&fourth))]
}

/// What is gained: `TIMES=1 cargo test --release -p damo-exec --lib times_past_the_caches -- --nocapture`.
#[test]
fn times_past_the_caches() {
    if std::env::var_os("TIMES").is_none() {
        return;
    }
    for count in [1_000_000, 3_000_000, 6_000_000, 10_000_000, 30_000_000] {
        for (name, nest) in formulas(count) {
            let set = engines().flatten().next().unwrap();
            let kernels = [usize::MAX, 0].map(|large| Kernel::compile_with(&nest, set, Thresholds { large, ..Thresholds::USUAL }).unwrap().unwrap());
            let mut buffers: Vec<Vec<u64>> = (0..3).map(|_| vec![0x3F00_0000_3F00_0000; count / 2 + 1]).collect();
            let regions: Vec<Region<'_>> = buffers.iter_mut().map(|buffer| Region::writing(buffer.as_mut_slice())).collect();
            let mut times = [Vec::new(), Vec::new()];
            for _ in 0..41 {
                for (kernel, times) in kernels.iter().zip(&mut times) {
                    let mut scratch = vec![0; kernel.scratch_bytes(1)];
                    let start = Instant::now();
                    // SAFETY: the buffers are borrowed, and any bits are floats.
                    unsafe { kernel.run(&regions, &mut scratch, 1, 0) }.unwrap();
                    times.push(start.elapsed().as_secs_f64() * 1e3);
                }
            }
            let [through, past] = times.map(|mut times| {
                times.sort_by(f64::total_cmp);
                [times[20], times[4], times[36]]
            });
            let text = |[median, low, high]: [f64; 3]| format!("{median:.2} ms ({low:.2} to {high:.2})");
            println!("{name} of {count}: through {}, past {}, ratio {:.2}", text(through), text(past), past[0] / through[0]);
        }
    }
}
