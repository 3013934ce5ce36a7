//! Operands that are copied before code reads them: those that lie across, and those of short rows.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use damo_graph::op::scalar;
use damo_graph::{DType, Number};

use super::judge::{Buffer, agree, engines, rounded, run};
use super::tests::{access, apply};
use crate::layout::row_major;
use crate::native::{Kernel, Thresholds};
use crate::nest::{Instruction, Nest, Store};

const DTYPES: [DType; 5] = [DType::F32, DType::F64, DType::I32, DType::I64, DType::Bool];

/// `the larger of (x, y, z)`, each with steps of its own, row by row.
fn nest(dtype: DType, shape: &[usize], operands: [&[isize]; 3]) -> (Nest, Vec<Buffer>) {
    let larger = if dtype == DType::Bool { &scalar::OR } else { &scalar::MAX };
    let nest = Nest {
        shape: shape.into(),
        operands: (0..).zip(operands).map(|(buffer, strides)| access(buffer, dtype, 0, strides)).collect(),
        body: vec![Instruction::Load(0), Instruction::Load(1), Instruction::Load(2), apply(larger, &[0, 1], dtype), apply(larger, &[3, 2], dtype)],
        stores: vec![Store { value: 4, to: access(3, dtype, 0, &row_major(shape)) }],
        reductions: Vec::new(),
    };
    let count: usize = shape.iter().product();
    let number = |buffer: usize, k: usize| rounded(dtype, Number::Real(((k * 37 + buffer * 11) % 101) as f64 - 90.0));
    let buffers = (0..4).map(|buffer| Buffer::of(dtype, (0..count).map(|k| number(buffer, k)))).collect();
    (nest, buffers)
}

/// Runs it everywhere, on several threads too, and demands that machine code copies so many operands.
fn check((nest, buffers): &(Nest, Vec<Buffer>), copies: usize) {
    agree(nest, buffers, 0.0);
    for set in engines().flatten() {
        let kernel = Kernel::compile_with(nest, set, Thresholds::USUAL).unwrap().unwrap();
        assert_eq!(kernel.copies(), copies, "{nest}");
        let of = |threads: usize| {
            let mut found = buffers.clone();
            run(nest, &mut found, Some(set), threads);
            let result = &found[3];
            (0..result.len()).map(|place| result.get(place)).collect::<Vec<Number>>()
        };
        assert_eq!(of(1), of(3));
    }
}

#[test]
fn short_rows_are_joined() {
    for dtype in DTYPES {
        for length in 2..8 {
            for rows in [128, 1000, 5001] {
                let step = length as isize;
                // A row for all, a number for each, and all of them; then columns one behind the other.
                check(&nest(dtype, &[rows, length], [&[0, 1], &[1, 0], &[step, 1]]), 2);
                check(&nest(dtype, &[rows, length], [&[1, rows as isize], &[0, 0], &[step, 1]]), 1);
            }
        }
        // With a loop around.
        check(&nest(dtype, &[3, 700, 3], [&[700, 1, 0], &[3, 0, 1], &[2100, 3, 1]]), 2);
    }
    // What is not worth it.
    check(&nest(DType::F32, &[20, 3], [&[0, 1], &[1, 0], &[3, 1]]), 0);
}

#[test]
fn operands_that_lie_across_are_turned() {
    // Truth values that are apart are the portable engine's.
    for dtype in [DType::F32, DType::F64, DType::I32, DType::I64] {
        for (rows, columns) in [(8, 32), (17, 300), (100, 1000), (3, 3000), (40, 257), (70, 4100)] {
            let (down, right) = (rows as isize, columns as isize);
            check(&nest(dtype, &[rows, columns], [&[1, down], &[right, 1], &[0, 1]]), 1);
            check(&nest(dtype, &[rows, columns], [&[1, down], &[1, 0], &[1, down]]), 2);
        }
        // Its neighbours along the first of three loops, and along the second.
        check(&nest(dtype, &[20, 6, 50], [&[1, 1000, 20], &[300, 50, 1], &[0, 1, 0]]), 1);
        check(&nest(dtype, &[6, 20, 50], [&[1000, 1, 20], &[1000, 50, 1], &[1000, 1, 20]]), 2);
    }
}
