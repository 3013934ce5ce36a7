//! Loads, counts and stores of a round, for every way to go along a row.

use iced_x86::{Code, Instruction, MemoryOperand, Register};
use smallvec::{SmallVec, smallvec};

use super::assembler::{Assembler, Operand, general};
use super::loops::{Along, Stream, at, registers64};
use super::program::{Id, Operation, Width};
use super::registers::Registers;

/// A round of a row: a vector of each value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Round<'a> {
    pub streams: &'a [Stream],
    /// Where in the frame the masks of the last round may be, by width.
    pub masks: [usize; 2],
    /// Room in the frame for a vector.
    pub bounce: usize,
    pub lanes: usize,
    /// Which it is of those side by side.
    pub place: usize,
    /// Whether it is the last of a row, in which only some lanes are left.
    pub is_last: bool,
    /// How many are left then, if it is known.
    pub left: Option<usize>,
}

/// The address of an access, in a register.
pub(super) fn address(registers: &mut Registers<'_>, stream: usize, spare: Register) -> Register {
    general::BASES.get(stream).copied().unwrap_or_else(|| {
        registers.assembler.two(Code::Mov_r64_rm64, spare, Operand::Memory(at(general::SLOTS, 8 * stream as i64)));
        spare
    })
}

/// The width of a stream's elements.
pub(super) const fn width_of(stream: Stream) -> Width {
    if stream.size == 8 { Width::Double } else { Width::Single }
}

impl Round<'_> {
    /// Where its elements are.
    fn elements(&self, base: Register, stream: Stream) -> MemoryOperand {
        let displacement = (self.place * self.lanes * stream.size) as i64;
        MemoryOperand::new(base, general::INDEX, stream.size as u32, displacement, 1, false, Register::None)
    }

    /// Puts the address of its first element of a strided access into RAX; the step is so many bytes.
    fn first_of_strided(&self, registers: &mut Registers<'_>, stream: usize, bytes: i64) {
        let (to, spare) = (Register::RAX, Register::R9);
        registers.assembler.write(Instruction::with3(Code::Imul_r64_rm64_imm32, to, general::INDEX, bytes as i32));
        let base = address(registers, stream, spare);
        let sum = MemoryOperand::new(base, to, 1, bytes * (self.place * self.lanes) as i64, 1, false, Register::None);
        registers.assembler.write(Instruction::with2(Code::Lea_r64_m, to, sum));
    }

    /// How far lanes are from the first that are so many bytes apart, as integers of 32 bits.
    pub fn distances(&self, assembler: &mut Assembler, bytes: i32) -> MemoryOperand {
        let mut distances: SmallVec<[u8; 64]> = smallvec![0; assembler.vector_bytes()];
        let lanes = distances.chunks_exact_mut(4).take(self.lanes);
        lanes.zip(0..).for_each(|(lane, place)| lane.copy_from_slice(&(place * bytes).to_ne_bytes()));
        assembler.constant(&distances)
    }

    /// Writes the load of an access.
    pub fn load(&self, registers: &mut Registers<'_>, id: Id, place: usize) {
        let stream = self.streams[place];
        let instructions = registers.assembler.instructions;
        let is_whole = stream.size * self.lanes >= registers.assembler.vector_bytes();
        match stream.along {
            Along::Uniform | Along::Counted(_) => Self::uniform(registers, id, place, stream),
            Along::Contiguous if stream.size == 1 => {
                let base = address(registers, place, Register::RAX);
                instructions.load_truth(registers, id, self.elements(base, stream), self);
            }
            Along::Contiguous if self.is_last && !stream.padded => {
                let base = address(registers, place, Register::RAX);
                let to = registers.fresh();
                instructions.load_left(registers, to, self.elements(base, stream), width_of(stream), self);
                registers.done(&[], Some((id, to)));
            }
            Along::Contiguous if is_whole && registers.may_stay_in_memory(id) && place < general::BASES.len() => {
                // Its only reader reads it where it is.
                registers.values.elements[id as usize] = Some(self.elements(general::BASES[place], stream));
            }
            Along::Contiguous => {
                let base = address(registers, place, Register::RAX);
                let to = registers.fresh();
                let from = Operand::Memory(self.elements(base, stream));
                if is_whole {
                    registers.assembler.copy(to, from);
                } else {
                    registers.assembler.two(instructions.moves().load_half, registers.assembler.half(to), from);
                }
                registers.done(&[], Some((id, to)));
            }
            Along::Strided(step) => {
                let bytes = step as i64 * stream.size as i64;
                self.first_of_strided(registers, place, bytes);
                match step {
                    -1 if is_whole && !self.is_last => instructions.backwards(registers, id, width_of(stream)),
                    2 if is_whole && !self.is_last => instructions.every_second(registers, id, width_of(stream)),
                    _ => instructions.gather(registers, id, bytes as i32, width_of(stream), self),
                }
            }
        }
    }

    /// The same element in every lane.
    fn uniform(registers: &mut Registers<'_>, id: Id, place: usize, stream: Stream) {
        let instructions = registers.assembler.instructions;
        let base = address(registers, place, Register::RAX);
        let to = registers.fresh();
        let from = Operand::Memory(at(base, 0));
        if stream.size == 1 {
            registers.assembler.two(Code::Movzx_r32_rm8, Register::R9D, from);
            registers.assembler.one(Code::Neg_rm32, Register::R9D);
            instructions.spread(registers.assembler, to);
        } else {
            let code = instructions.moves().broadcast[width_of(stream) as usize];
            registers.assembler.two(code, registers.assembler.whole(to), from);
        }
        registers.done(&[], Some((id, to)));
    }

    /// Writes the numbers that are counted, as integers of 32 bits.
    pub fn count(&self, registers: &mut Registers<'_>, id: Id, place: usize) {
        let Along::Counted(step) = self.streams[place].along else { return };
        let instructions = registers.assembler.instructions;
        let base = address(registers, place, Register::RAX);
        let to = registers.fresh();
        registers.assembler.write(Instruction::with3(Code::Imul_r64_rm64_imm32, Register::R9, general::INDEX, step as i32));
        registers.assembler.two(Code::Add_r64_rm64, Register::R9, registers64(base));
        instructions.spread(registers.assembler, to);
        let mut steps: SmallVec<[u8; 64]> = smallvec![0; registers.assembler.vector_bytes()];
        let first = (self.place * self.lanes) as i32;
        steps.chunks_exact_mut(4).zip(0i32..).for_each(|(lane, place)| lane.copy_from_slice(&((place + first) * step as i32).to_ne_bytes()));
        let steps = registers.assembler.constant(&steps);
        let to_register = registers.assembler.whole(to);
        if let Some(add) = instructions.binary(Operation::AddInteger, Width::Single) {
            registers.assembler.three(add.code, to_register, to_register, Operand::Memory(steps));
        }
        registers.done(&[], Some((id, to)));
    }

    /// Writes the store of an access.
    pub fn store(&self, registers: &mut Registers<'_>, value: Id, place: usize) {
        let stream = self.streams[place];
        let instructions = registers.assembler.instructions;
        if let Along::Strided(step) = stream.along {
            let from = registers.register(value);
            let bytes = step as i64 * stream.size as i64;
            self.first_of_strided(registers, place, bytes);
            instructions.scatter(registers, from, bytes as i32, width_of(stream), self);
        } else {
            let base = address(registers, place, Register::RAX);
            let to = self.elements(base, stream);
            if stream.size == 1 {
                instructions.store_truth(registers, value, to, self);
            } else {
                let from = registers.register(value);
                if self.is_last && !stream.padded {
                    instructions.store_left(registers, from, to, width_of(stream), self);
                } else if stream.size * self.lanes >= registers.assembler.vector_bytes() {
                    let code = if stream.is_past { instructions.moves().store_past } else { instructions.moves().store };
                    registers.assembler.store(code, to, registers.assembler.whole(from));
                } else {
                    registers.assembler.store(instructions.moves().store_half, to, registers.assembler.half(from));
                }
            }
        }
        registers.done(&[value], None);
    }
}
