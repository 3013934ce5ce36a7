//! Results that code makes have the bits of those that are combined of states.

use damo_graph::op::reduce::Reduction;
use damo_graph::{DType, Number};

use super::Kernel;
use super::judge::{Buffer, engines, run_kernel};
use super::random_nests::Dice;
use super::tests::access;
use crate::native::{self, Thresholds};
use crate::nest::{Accumulate, Instruction, Nest};

const KINDS: [(Reduction, DType, DType); 10] = [
    (Reduction::Sum, DType::F32, DType::F32),
    (Reduction::Sum, DType::F32, DType::F64),
    (Reduction::Mean, DType::F32, DType::F32),
    (Reduction::Mean, DType::F32, DType::F64),
    (Reduction::Max, DType::F32, DType::F32),
    (Reduction::Min, DType::F32, DType::F32),
    (Reduction::Max, DType::F64, DType::F64),
    (Reduction::Min, DType::F64, DType::F64),
    (Reduction::Sum, DType::I32, DType::I32),
    (Reduction::Sum, DType::I64, DType::I64),
];

/// Numbers of many sizes; among those of some rows zeros of both signs, infinities and NaN.
fn numbers(dice: &mut Dice, dtype: DType, rows: usize, columns: usize) -> Buffer {
    let special = [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    let number = |place: usize, dice: &mut Dice| {
        let is_special = place / columns % 3 == 1 && dice.below(4) == 0;
        if dtype.is_integer() {
            Number::Integer((dice.below(1 << 31) as i128) << dice.below(2))
        } else if is_special {
            Number::Real(special[dice.below(special.len())])
        } else {
            Number::Real((dice.below(2001) as f64 - 1000.0) * 10f64.powi(dice.below(9) as i32 - 4))
        }
    };
    Buffer::of(dtype, (0..rows * columns).map(|place| number(place, dice)).collect::<Vec<_>>())
}

#[test]
fn code_and_states_make_the_same_bits() {
    let mut dice = Dice(5);
    let mut compared = 0;
    for (kind, dtype, result) in KINDS {
        for (rows, columns, of_all) in
            [(5, 1, false), (5, 7, false), (3, 8, false), (70, 33, false), (4, 1000, false), (1, 2000, true), (6, 50, true)]
        {
            let (axes, steps): (&[usize], &[isize]) = if of_all { (&[0, 1], &[0, 0]) } else { (&[1], &[1, 0]) };
            let nest = Nest {
                shape: [rows, columns].into_iter().collect(),
                operands: vec![access(0, dtype, 0, &[columns as isize, 1])],
                body: vec![Instruction::Load(0)],
                stores: vec![],
                reductions: vec![Accumulate { value: 0, kind, axes: axes.into(), to: access(1, result, 0, steps) }],
            };
            let given = [numbers(&mut dice, dtype, rows, columns), Buffer::of(result, vec![Number::Real(0.0); rows])];
            for set in engines().flatten() {
                let of = |parts_in_code| native::Kernel::compile_with(&nest, set, Thresholds { parts_in_code, ..Thresholds::USUAL });
                let kernels = [of(1), of(0)];
                let [Some(in_code), Some(with_states)] = kernels.map(|kernel| kernel.unwrap()) else { continue };
                let bits = [in_code, with_states].map(|kernel| {
                    let mut buffers = given.clone();
                    run_kernel(&Kernel::Native(Box::new(kernel)), &mut buffers, 1);
                    (0..rows).map(|row| format!("{:?}", buffers[1].get(row))).collect::<Vec<_>>()
                });
                assert_eq!(bits[0], bits[1], "{kind:?} of {dtype} to {result}, {rows} × {columns} by {set}");
                compared += 1;
            }
        }
    }
    assert!(compared >= KINDS.len() * 5, "{compared}");
}
