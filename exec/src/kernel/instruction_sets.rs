//! What sets of vector instructions promise of each other: code for every nest, and the same bits of functions.

use damo_graph::op::scalar::{self, Signature};
use damo_graph::{DType, Number};

use super::judge::{Buffer, engines, run};
use super::random_nests::{Dice, random_nest};
use super::tests::{access, apply, takes};
use crate::instruction_set::InstructionSet;
use crate::native;
use crate::nest::{Instruction, Nest, Store};

#[test]
fn random_nests_are_assembled_for_every_set() {
    let mut dice = Dice(11);
    let mut assembled = 0;
    for _ in 0..2000 {
        let (nest, _) = random_nest(&mut dice);
        // It is not run: the processor may lack the instructions.
        let code = InstructionSet::ALL.map(|set| native::Kernel::compile_with(&nest, set, native::Thresholds::USUAL).unwrap().is_some());
        assembled += usize::from(code[1]);
    }
    assert!(assembled > 1000, "{assembled}");
}

#[test]
fn functions_have_the_same_bits_by_every_set() {
    // As many as leave a last round, and numbers of all sizes and signs.
    let count = 1003;
    let numbers = |dtype: DType, seed: usize| {
        let exponents = if dtype == DType::F32 { 40 } else { 300 };
        Buffer::of(
            dtype,
            (0..count).map(|k| {
                let place = (k * 7919 + seed) % count;
                let size = 1.0 + (place * 31 % 97) as f64 / 97.0;
                Number::Real(if k % 2 == 0 { size } else { -size } * 10f64.powi((place % (2 * exponents)) as i32 - exponents as i32))
            }),
        )
    };
    for (scalar, dtype) in scalar::ALL.iter().flat_map(|scalar| [(*scalar, DType::F32), (*scalar, DType::F64)]) {
        let Signature::Same(arity) = scalar.signature else { continue };
        if !takes(scalar, dtype) {
            continue;
        }
        let mut body: Vec<Instruction> = (0..arity).map(Instruction::Load).collect();
        body.push(apply(scalar, &(0..arity).collect::<Vec<_>>(), dtype));
        let nest = Nest {
            shape: [count].into_iter().collect(),
            operands: (0..arity).map(|k| access(k as u32, dtype, 0, &[1])).collect(),
            body,
            stores: vec![Store { value: arity, to: access(arity as u32, dtype, 0, &[1]) }],
            reductions: vec![],
        };
        let buffers: Vec<Buffer> = (0..=arity).map(|k| numbers(dtype, 100 * k)).collect();
        let results = engines().flatten().map(|set| {
            let mut buffers = buffers.clone();
            run(&nest, &mut buffers, Some(set), 1);
            (0..count).map(|place| buffers[arity].get(place).to_real().to_bits()).collect::<Vec<u64>>()
        });
        let results: Vec<Vec<u64>> = results.collect();
        assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{} of {dtype}", scalar.name);
    }
}
