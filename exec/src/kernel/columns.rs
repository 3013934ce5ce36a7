//! Columns that are combined several rows at a time.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use damo_graph::op::reduce::Reduction;
use damo_graph::op::scalar;
use damo_graph::{DType, Number};

use super::judge::{Buffer, agree, engines, rounded};
use super::tests::{access, apply};
use crate::native::{Kernel, Thresholds};
use crate::nest::{Accumulate, Instruction, Nest, Store};

/// The largest and the sum of `x + y` down the columns of some matrices, where all rows share `y`, beside the sums themselves, which replace `x` if
/// that is asked for.
fn nest(dtype: DType, [around, rows, columns]: [usize; 3], in_place: bool) -> (Nest, Vec<Buffer>) {
    let (plane, row) = ((rows * columns) as isize, columns as isize);
    let x = access(0, dtype, 0, &[plane, row, 1]);
    let result = |buffer: u32| access(buffer, dtype, 0, &[row, 0, 1]);
    let reduced = |kind: Reduction, buffer: u32| Accumulate { value: 2, kind, axes: [1].into_iter().collect(), to: result(buffer) };
    let nest = Nest {
        shape: [around, rows, columns].into_iter().collect(),
        operands: vec![x.clone(), access(1, dtype, 0, &[0, 0, 1])],
        body: vec![Instruction::Load(0), Instruction::Load(1), apply(&scalar::ADD, &[0, 1], dtype)],
        stores: vec![Store { value: 2, to: access(if in_place { 0 } else { 2 }, dtype, 0, &[plane, row, 1]) }],
        reductions: vec![reduced(Reduction::Max, 3), reduced(Reduction::Sum, 4)],
    };
    let lengths = [around * rows * columns, columns, around * rows * columns, around * columns, around * columns];
    let number = |buffer: usize, k: usize| rounded(dtype, Number::Real(((k * 37 + buffer * 11) % 101) as f64 - 50.0));
    (nest, lengths.iter().enumerate().map(|(buffer, &length)| Buffer::of(dtype, (0..length).map(|k| number(buffer, k)))).collect())
}

#[test]
fn columns_are_combined_several_rows_at_a_time() {
    for dtype in [DType::F32, DType::F64] {
        for (rows, at_once) in [(4, 4), (100, 4), (33, 3), (50, 2), (35, 1), (7, 1)] {
            for (around, columns) in [(1, 16), (1, 77), (3, 40), (1, 2100)] {
                for in_place in [false, true] {
                    let (nest, buffers) = nest(dtype, [around, rows, columns], in_place);
                    agree(&nest, &buffers, 0.0);
                    for set in engines().flatten() {
                        let kernel = Kernel::compile_with(&nest, set, Thresholds::USUAL).unwrap().unwrap();
                        assert_eq!(kernel.rows_at_once(), at_once, "{nest}");
                    }
                }
            }
        }
    }
}

#[test]
fn large_columns_are_read_row_by_row() {
    let (nest, _) = nest(DType::F32, [1, 4096, 1024], false);
    for set in engines().flatten() {
        assert_eq!(Kernel::compile_with(&nest, set, Thresholds::USUAL).unwrap().unwrap().rows_at_once(), 1);
    }
}
