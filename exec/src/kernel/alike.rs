//! The kernels of one plan: nests that differ only in their buffers share machine code, and all code is in one book.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use damo_graph::{Number, Problem};

use super::bands::BandKernels;
use super::{CodeBook, Kernel};
use crate::bands::Bands;
use crate::instruction_set::InstructionSet;
use crate::nest::{Access, Instruction, Nest};

/// Kernels that are made together. They can be run when all are made: see [`Kernels::finish`].
pub(crate) struct Kernels {
    /// The instructions that machine code is made of, if there is to be any.
    machine_code: Option<InstructionSet>,
    /// The nests that were compiled, by what is alike in nests that are.
    known: HashMap<u64, Vec<(Nest, Kernel)>>,
    book: CodeBook,
}

impl Kernels {
    /// None yet.
    pub fn new(machine_code: Option<InstructionSet>) -> Self {
        Kernels { machine_code, known: HashMap::new(), book: CodeBook::default() }
    }

    /// The kernel of a nest.
    ///
    /// Fails as [`Kernel::compile`] does.
    pub fn compile(&mut self, nest: &Nest) -> Result<Kernel, Problem> {
        let known = self.known.entry(hash(nest)).or_default();
        if let Some(kernel) = known.iter().find(|(other, _)| are_alike(nest, other)).and_then(|(_, kernel)| kernel.moved(nest)) {
            return Ok(kernel);
        }
        let kernel = Kernel::compile_in(nest, self.machine_code, &mut self.book)?;
        if let Some(kernel) = kernel.moved(nest) {
            known.push((nest.clone(), kernel));
        }
        Ok(kernel)
    }

    /// The kernel of bands of nests.
    ///
    /// Fails as [`Kernel::compile`] does.
    pub fn compile_bands(&mut self, bands: &Bands) -> Result<Kernel, Problem> {
        BandKernels::compile(bands, self).map(|kernels| Kernel::Bands(Box::new(kernels)))
    }

    /// Lets the kernels that were made be run.
    ///
    /// Fails if the system does not give memory for their code.
    pub fn finish(self) -> Result<(), Problem> {
        self.book.close()
    }
}

fn hash(nest: &Nest) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&nest.shape, nest.body.len(), nest.stores.len(), nest.reductions.len()).hash(&mut hasher);
    nest.operands.iter().for_each(|operand| (operand.dtype, &operand.strides).hash(&mut hasher));
    for instruction in &nest.body {
        if let Instruction::Apply { scalar, .. } = instruction {
            std::ptr::from_ref(*scalar).addr().hash(&mut hasher);
        }
    }
    hasher.finish()
}

/// Whether two nests do the same to different buffers, or to other parts of them.
fn are_alike(one: &Nest, other: &Nest) -> bool {
    let same_access = |one: &Access, other: &Access| one.dtype == other.dtype && one.strides == other.strides;
    let same_instruction = |one: &Instruction, other: &Instruction| match (one, other) {
        // Other bits are another number: 0 is not -0.
        (Instruction::Constant(one, dtype), Instruction::Constant(other, as_dtype)) => dtype == as_dtype && bits(*one) == bits(*other),
        (Instruction::Apply { scalar, arguments, dtype }, Instruction::Apply { scalar: same, arguments: of, dtype: to }) => {
            std::ptr::eq(*scalar, *same) && arguments == of && dtype == to
        }
        _ => one == other,
    };
    let (stores, reductions) = (one.stores.iter().zip(&other.stores), one.reductions.iter().zip(&other.reductions));
    one.shape == other.shape
        && (one.operands.len(), one.body.len()) == (other.operands.len(), other.body.len())
        && (one.stores.len(), one.reductions.len()) == (other.stores.len(), other.reductions.len())
        && one.operands.iter().zip(&other.operands).all(|(one, other)| same_access(one, other))
        && one.body.iter().zip(&other.body).all(|(one, other)| same_instruction(one, other))
        && stores.into_iter().all(|(one, other)| one.value == other.value && same_access(&one.to, &other.to))
        && reductions
            .into_iter()
            .all(|(one, other)| (one.value, one.kind, &one.axes) == (other.value, other.kind, &other.axes) && same_access(&one.to, &other.to))
}

/// The kind and all bits of a number.
fn bits(number: Number) -> (u8, [u64; 2]) {
    match number {
        Number::Bool(value) => (0, [u64::from(value), 0]),
        Number::Integer(value) => (1, [value as u64, (value >> 64) as u64]),
        Number::Real(value) => (2, [value.to_bits(), 0]),
        Number::Complex(re, im) => (3, [re.to_bits(), im.to_bits()]),
    }
}

#[cfg(test)]
mod tests {
    use damo_graph::DType;
    use damo_graph::op::scalar;

    use super::*;
    use crate::nest::{BufferId, Store};

    fn nest(number: f64, buffers: [u32; 2], offset: isize) -> Nest {
        let access = |buffer| Access { buffer: BufferId(buffer), dtype: DType::F32, offset, strides: [1].as_slice().into() };
        Nest {
            shape: [40].as_slice().into(),
            operands: vec![access(buffers[0])],
            body: vec![
                Instruction::Load(0),
                Instruction::Constant(Number::Real(number), DType::F32),
                Instruction::Apply { scalar: &scalar::MUL, arguments: [0, 1].as_slice().into(), dtype: DType::F32 },
            ],
            stores: vec![Store { value: 2, to: access(buffers[1]) }],
            reductions: Vec::new(),
        }
    }

    #[test]
    fn other_buffers_are_alike_and_other_bits_are_not() {
        let first = nest(0.0, [0, 1], 0);
        assert!(are_alike(&first, &nest(0.0, [2, 0], 8)) && hash(&first) == hash(&nest(0.0, [2, 0], 8)));
        assert!(!are_alike(&first, &nest(-0.0, [0, 1], 0)) && are_alike(&nest(f64::NAN, [0, 1], 0), &nest(f64::NAN, [0, 1], 0)));
        let other = |change: &dyn Fn(&mut Nest)| {
            let mut other = first.clone();
            change(&mut other);
            other
        };
        assert!(!are_alike(&first, &other(&|nest| nest.operands[0].strides[0] = 2)));
        assert!(!are_alike(&first, &other(&|nest| nest.stores[0].value = 0)));
        assert!(!are_alike(&first, &other(&|nest| nest.shape[0] = 41)));
    }
}
