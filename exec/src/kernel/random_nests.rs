//! Nests drawn at random, run by every engine and by their definition.

use damo_graph::op::reduce::Reduction;
use damo_graph::op::scalar::{self, Scalar};
use damo_graph::{DType, Number};

use super::judge::{Buffer, agree, rounded};
use super::tests::{access, apply, strides};
use crate::layout::row_major;
use crate::nest::{Accumulate, Instruction, Nest, Store};

/// Pseudo-random numbers below a bound.
pub(super) struct Dice(pub u64);

impl Dice {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

/// A nest of exact functions of several dtypes, which reads in every way there is.
pub(super) fn random_nest(dice: &mut Dice) -> (Nest, Vec<Buffer>) {
    const OF: [DType; 5] = [DType::F32, DType::F64, DType::I32, DType::I64, DType::Bool];
    let shape: Vec<usize> = (0..=dice.below(3)).map(|_| [1, 2, 3, 4, 5, 7, 8, 9, 17, 33][dice.below(10)]).collect();
    let (rank, count) = (shape.len(), shape.iter().product::<usize>());
    // Without wide elements vectors have more lanes.
    let dtypes = if dice.below(2) == 0 { vec![DType::F32, DType::I32, DType::Bool] } else { OF.to_vec() };
    let mut nest = Nest { shape: shape.as_slice().into(), ..Nest::default() };
    let mut buffers = Vec::new();
    for _ in 0..=dice.below(6) {
        let dtype = dtypes[dice.below(dtypes.len())];
        let mut order: Vec<usize> = (0..rank).collect();
        order.rotate_left(dice.below(rank));
        let (offset, mut steps) = strides(&shape, &order, &[]);
        for step in &mut steps {
            if dice.below(4) == 0 {
                *step = 0;
            }
        }
        nest.operands.push(access(buffers.len() as u32, dtype, offset, &steps));
        buffers.push(Buffer::of(dtype, (0..count).map(|k| rounded(dtype, Number::Real(((k * 31 + buffers.len() * 7) % 13) as f64 - 6.0)))));
        nest.body.push(Instruction::Load(nest.operands.len() - 1));
    }
    for _ in 0..dice.below(30) {
        let register = dice.below(nest.body.len());
        let dtype = nest.dtype(register);
        let alike: Vec<usize> = (0..nest.body.len()).filter(|&other| nest.dtype(other) == dtype).collect();
        let masks: Vec<usize> = (0..nest.body.len()).filter(|&other| nest.dtype(other) == DType::Bool).collect();
        let other = alike[dice.below(alike.len())];
        let two = |scalar: &'static Scalar, result: DType| apply(scalar, &[register, other], result);
        nest.body.push(match dice.below(12) {
            0 => Instruction::Index { axis: dice.below(rank), dtype: [dtype, DType::I32][usize::from(dtype == DType::Bool)] },
            1 => Instruction::Cast { argument: register, to: dtypes[dice.below(dtypes.len())] },
            2 => Instruction::Constant(rounded(dtype, Number::Integer(dice.below(4) as i128)), dtype),
            3 | 4 if !masks.is_empty() => apply(&scalar::SELECT, &[masks[dice.below(masks.len())], register, other], dtype),
            5 => two(&scalar::GT, DType::Bool),
            6 => two(&scalar::EQUAL, DType::Bool),
            7 => two(&scalar::MAX, dtype),
            8 if dtype == DType::Bool => two(&scalar::XOR, dtype),
            9 if dtype == DType::Bool => two(&scalar::OR, dtype),
            10 if dtype != DType::Bool => two(&scalar::SUB, dtype),
            11 if dtype.is_float() => apply(&scalar::SIGNUM, &[register], dtype),
            _ if dtype == DType::Bool => two(&scalar::AND, dtype),
            _ => two(&scalar::MIN, dtype),
        });
    }
    for value in [nest.body.len() - 1, dice.below(nest.body.len())] {
        let dtype = nest.dtype(value);
        nest.stores.push(Store { value, to: access(buffers.len() as u32, dtype, 0, &row_major(&shape)) });
        buffers.push(Buffer::of(dtype, (0..count).map(|_| Number::Bool(false))));
    }
    if dice.below(3) == 0 {
        let value = dice.below(nest.body.len());
        let (dtype, axis) = (nest.dtype(value), dice.below(rank));
        let kept: Vec<usize> = (0..rank).map(|at| if at == axis { 1 } else { shape[at] }).collect();
        let steps: Vec<isize> = row_major(&kept).iter().enumerate().map(|(at, &stride)| if at == axis { 0 } else { stride }).collect();
        let kind = if dtype == DType::Bool { Reduction::Any } else { [Reduction::Max, Reduction::Sum][dice.below(2)] };
        nest.reductions.push(Accumulate { value, kind, axes: [axis].into_iter().collect(), to: access(buffers.len() as u32, dtype, 0, &steps) });
        buffers.push(Buffer::of(dtype, (0..kept.iter().product()).map(|_| Number::Bool(false))));
    }
    (nest, buffers)
}

#[test]
fn random_nests_agree() {
    let mut dice = Dice(7);
    for _ in 0..2000 {
        let (nest, buffers) = random_nest(&mut dice);
        agree(&nest, &buffers, 0.0);
    }
}
