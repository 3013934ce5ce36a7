//! Which instructions compute a value: what all sets of instructions do alike, by their tables.

#![expect(clippy::wildcard_enum_match_arm, reason = "operations that have a shape of their own are named; the judge finds those in no table")]

use iced_x86::{Instruction, MemoryOperand, Register};

use super::assembler::Operand;
use super::instructions::{Binary, Extent, Forms};
use super::program::{Id, Operation, Width};
use super::registers::Registers;

/// Writes the instructions of an operation on values; loads, counts and calls are written by the loops around.
///
/// With `preferred` the result goes to that register, if that is free to be written.
pub(super) fn write(registers: &mut Registers<'_>, id: Id, preferred: Option<u8>) {
    let instructions = registers.assembler.instructions;
    if instructions.own_way(registers, id, preferred) {
        return;
    }
    let value = &registers.program.values[id as usize];
    let (width, inputs) = (value.width, value.inputs.clone());
    match value.operation {
        Operation::MulAdd { negative_product, negative_addend } => {
            let codes = instructions.mul_add(negative_product, negative_addend, width);
            mul_add(registers, id, [inputs[0], inputs[1], inputs[2]], codes, preferred);
        }
        Operation::Half { upper } => half(registers, id, inputs[0], upper, preferred),
        operation => {
            let from = registers.program.width(inputs[0]);
            if let Some(binary) = instructions.binary(operation, width) {
                two_inputs(registers, id, [inputs[0], inputs[1]], binary, preferred);
            } else if let Some((code, number)) = instructions.unary(operation, width) {
                // Shifts take only registers.
                let from = registers.register(inputs[0]);
                let from = Operand::Register(registers.assembler.whole(from));
                let to = registers.result(&inputs, preferred);
                let to_register = registers.assembler.whole(to);
                match number {
                    Some(number) => registers.assembler.two_and_number(code, to_register, from, number),
                    None => registers.assembler.two(code, to_register, from),
                }
                registers.done(&inputs, Some((id, to)));
            } else if let Some(conversion) = instructions.conversion(operation, from, width) {
                let from = registers.register(inputs[0]);
                let to = registers.result(&inputs, preferred);
                let (from, to_register) = (registers.assembler.extent(from, conversion.from), registers.assembler.extent(to, conversion.to));
                registers.assembler.two(conversion.code, to_register, Operand::Register(from));
                registers.done(&inputs, Some((id, to)));
            } else {
                registers.assembler.fail("an operation has no instruction");
            }
        }
    }
}

/// Half of the lanes, widened.
fn half(registers: &mut Registers<'_>, id: Id, input: Id, upper: bool, preferred: Option<u8>) {
    let instructions = registers.assembler.instructions;
    let Some(conversion) = instructions.conversion(Operation::FloatToFloat, Width::Single, Width::Double) else {
        registers.assembler.fail("halves of vectors have no instruction");
        return;
    };
    if instructions.halves_from_memory() && registers.may_stay_in_memory(input) {
        registers.move_to_frame(input);
    }
    let from = registers.operand(input);
    let to = registers.result(&[input], preferred);
    let from = match from {
        Operand::Memory(memory) if upper => Operand::Memory(moved(memory, instructions.set().vector_bytes() as i64 / 2)),
        Operand::Register(whole) if upper => {
            let half = registers.assembler.half(to);
            registers.assembler.write(Instruction::with3(instructions.moves().upper, half, whole, 1));
            Operand::Register(half)
        }
        Operand::Register(_) => {
            let whole = registers.register(input);
            Operand::Register(registers.assembler.half(whole))
        }
        Operand::Memory(memory) => Operand::Memory(memory),
    };
    registers.assembler.two(conversion.code, registers.assembler.extent(to, Extent::Whole), from);
    registers.done(&[input], Some((id, to)));
}

fn two_inputs(registers: &mut Registers<'_>, id: Id, mut inputs: [Id; 2], binary: Binary, preferred: Option<u8>) {
    if binary.commutes && !registers.is_in_register(inputs[0]) && registers.is_in_register(inputs[1]) {
        inputs.swap(0, 1);
    }
    let first = registers.register(inputs[0]);
    let first = registers.assembler.whole(first);
    let second = registers.operand(inputs[1]);
    let to = registers.result(&inputs, preferred);
    let to_register = registers.assembler.whole(to);
    match binary.number {
        Some(number) => registers.assembler.three_and_number(binary.code, to_register, first, second, number),
        None => registers.assembler.three(binary.code, to_register, first, second),
    }
    registers.done(&inputs, Some((id, to)));
}

fn mul_add(registers: &mut Registers<'_>, id: Id, inputs: [Id; 3], codes: Forms, preferred: Option<u8>) {
    let [mut x, mut y, z] = inputs;
    // The factor that is in memory comes second: an instruction reads one operand from there.
    if !registers.is_in_register(x) && registers.is_in_register(y) {
        std::mem::swap(&mut x, &mut y);
    }
    let dying = |registers: &Registers<'_>, id: Id| registers.dying(id, &inputs, preferred);
    let write = |registers: &mut Registers<'_>, code, to: u8, first: u8, second: Operand| {
        let (to, first) = (registers.assembler.whole(to), registers.assembler.whole(first));
        registers.assembler.three(code, to, first, second);
    };
    let to = if let Some(to) = dying(registers, z) {
        let _ = registers.register(z);
        let factor = registers.register(x);
        let other = registers.operand(y);
        write(registers, codes[2], to, factor, other);
        to
    } else if let Some(to) = dying(registers, x) {
        let _ = registers.register(x);
        let factor = registers.register(y);
        let addend = registers.operand(z);
        write(registers, codes[1], to, factor, addend);
        to
    } else if let Some(to) = dying(registers, y) {
        let _ = registers.register(y);
        let factor = registers.register(x);
        let addend = registers.operand(z);
        write(registers, codes[1], to, factor, addend);
        to
    } else {
        let factor = registers.register(x);
        let other = registers.operand(y);
        let addend = registers.operand(z);
        let to = registers.fresh();
        registers.assembler.copy(to, addend);
        write(registers, codes[2], to, factor, other);
        to
    };
    registers.done(&inputs, Some((id, to)));
}

/// Memory some bytes on.
fn moved(memory: MemoryOperand, bytes: i64) -> MemoryOperand {
    MemoryOperand::new(memory.base, memory.index, memory.scale, memory.displacement + bytes, 1, false, Register::None)
}
