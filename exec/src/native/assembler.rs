//! Machine code as it is written: instructions, jumps forwards and backwards, and constants that lie behind the code.

use damo_graph::{ErrorKind, Problem};
use iced_x86::{Code, Encoder, Instruction, MemoryOperand, Register};

use super::instructions::{Extent, Instructions};
use super::mixer::HashMap;
use crate::instruction_set::InstructionSet;

/// Constants start at a multiple of so many bytes.
const LINE: usize = 64;

/// Most kernels are of fewer bytes.
const CAPACITY: usize = 4 << 10;

/// General registers with a role, and those that hold the addresses of accesses.
pub(super) mod general {
    use iced_x86::Register;

    /// A table with the address of each access.
    pub const SLOTS: Register = Register::RDI;
    /// A table with the step of each address from row to row.
    pub const STEPS: Register = Register::RSI;
    /// How many rows are left.
    pub const ROWS: Register = Register::RDX;
    /// How many elements a row has.
    pub const COUNT: Register = Register::RCX;
    /// Which element is next.
    pub const INDEX: Register = Register::R8;
    /// Addresses that stay in registers.
    pub const BASES: [Register; 8] =
        [Register::RBX, Register::RBP, Register::R10, Register::R11, Register::R12, Register::R13, Register::R14, Register::R15];
}

/// The vector register of that number: all of it that AVX-512 has, all that AVX2 has, and as much as came before.
pub(super) fn zmm(number: u8) -> Register {
    Register::ZMM0 + u32::from(number)
}

pub(super) fn ymm(number: u8) -> Register {
    Register::YMM0 + u32::from(number)
}

pub(super) fn xmm(number: u8) -> Register {
    Register::XMM0 + u32::from(number)
}

/// An operand of an instruction: a register or a place in memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Operand {
    Register(Register),
    Memory(MemoryOperand),
}

/// A place in the code that jumps go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Label(usize);

/// Code under construction, and the constants it reads. The first mistake is kept and told at the end.
pub(super) struct Assembler {
    /// The instructions that vectors are computed with.
    pub instructions: &'static dyn Instructions,
    encoder: Encoder,
    /// Where the next instruction goes.
    position: usize,
    constants: Vec<u8>,
    /// Where constants are among them.
    known: HashMap<Vec<u8>, usize>,
    /// Where labels are, if they are placed.
    labels: Vec<Option<usize>>,
    /// The ends of jumps, and where they go.
    jumps: Vec<(usize, Label)>,
    /// Where instructions have the distance to a constant, where they end, and which constant.
    reads: Vec<(usize, usize, usize)>,
    failed: Option<String>,
}

impl Assembler {
    /// No code yet.
    pub fn new(instructions: &'static dyn Instructions) -> Self {
        let mut encoder = Encoder::new(64);
        encoder.set_buffer(Vec::with_capacity(CAPACITY));
        Assembler {
            instructions,
            encoder,
            position: 0,
            constants: Vec::new(),
            known: HashMap::default(),
            labels: Vec::new(),
            jumps: Vec::new(),
            reads: Vec::new(),
            failed: None,
        }
    }

    /// Writes an instruction.
    pub fn write(&mut self, instruction: Result<Instruction, iced_x86::IcedError>) {
        let written = instruction.and_then(|instruction| Ok((self.encoder.encode(&instruction, self.position as u64)?, instruction)));
        match written {
            Ok((length, instruction)) => {
                let start = self.position;
                self.position += length;
                if instruction.memory_base() == Register::RIP {
                    let distance = start + self.encoder.get_constant_offsets().displacement_offset();
                    self.reads.push((distance, self.position, instruction.memory_displacement64() as usize));
                }
            }
            Err(error) => {
                self.failed.get_or_insert_with(|| error.to_string());
            }
        }
    }

    /// Writes an instruction that does its work only in the lanes of a mask register; the others become zeros, or stay as they are.
    pub fn masked(&mut self, instruction: Result<Instruction, iced_x86::IcedError>, mask: Register, zeroing: bool) {
        self.write(instruction.map(|mut instruction| {
            instruction.set_op_mask(mask);
            instruction.set_zeroing_masking(zeroing);
            instruction
        }));
    }

    /// Notes a mistake of whoever writes the code; the first is told at the end, and no code is made.
    pub fn fail(&mut self, mistake: &str) {
        self.failed.get_or_insert_with(|| mistake.to_owned());
    }

    /// An instruction without operands.
    pub fn plain(&mut self, code: Code) {
        self.write(Ok(Instruction::with(code)));
    }

    /// An instruction on one register.
    pub fn one(&mut self, code: Code, register: Register) {
        self.write(Instruction::with1(code, register));
    }

    /// An instruction with two operands, the second a register or memory.
    pub fn two(&mut self, code: Code, first: Register, second: Operand) {
        self.write(match second {
            Operand::Register(second) => Instruction::with2(code, first, second),
            Operand::Memory(second) => Instruction::with2(code, first, second),
        });
    }

    /// The same with a number.
    pub fn two_and_number(&mut self, code: Code, first: Register, second: Operand, number: u32) {
        self.write(match second {
            Operand::Register(second) => Instruction::with3(code, first, second, number),
            Operand::Memory(second) => Instruction::with3(code, first, second, number),
        });
    }

    /// An instruction with three operands, the third a register or memory.
    pub fn three(&mut self, code: Code, first: Register, second: Register, third: Operand) {
        self.write(match third {
            Operand::Register(third) => Instruction::with3(code, first, second, third),
            Operand::Memory(third) => Instruction::with3(code, first, second, third),
        });
    }

    /// The same with a number.
    pub fn three_and_number(&mut self, code: Code, first: Register, second: Register, third: Operand, number: u32) {
        self.write(match third {
            Operand::Register(third) => Instruction::with4(code, first, second, third, number),
            Operand::Memory(third) => Instruction::with4(code, first, second, third, number),
        });
    }

    /// An instruction with four operands, the third a register or memory.
    pub fn four(&mut self, code: Code, first: Register, second: Register, third: Operand, fourth: Register) {
        self.write(match third {
            Operand::Register(third) => Instruction::with4(code, first, second, third, fourth),
            Operand::Memory(third) => Instruction::with4(code, first, second, third, fourth),
        });
    }

    /// Writes a register to memory.
    pub fn store(&mut self, code: Code, to: MemoryOperand, from: Register) {
        self.write(Instruction::with2(code, to, from));
    }

    /// A register and a number.
    pub fn number(&mut self, code: Code, register: Register, number: i32) {
        self.write(Instruction::with2(code, register, number));
    }

    /// A label that is placed later.
    pub fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// Jumps to the label lead here.
    pub fn place(&mut self, label: Label) {
        self.labels[label.0] = Some(self.position);
    }

    /// A label that is here.
    pub fn here(&mut self) -> Label {
        let label = self.label();
        self.place(label);
        label
    }

    /// A jump, by a code with a distance of 32 bits.
    pub fn jump(&mut self, code: Code, label: Label) {
        self.write(Instruction::with_branch(code, self.position as u64));
        self.jumps.push((self.position, label));
    }

    /// A constant of some vectors: where it begins.
    pub fn constant(&mut self, bytes: &[u8]) -> MemoryOperand {
        let offset = self.known.get(bytes).copied().unwrap_or_else(|| {
            let offset = self.constants.len();
            self.constants.extend(bytes);
            self.constants.resize(self.constants.len().next_multiple_of(self.vector_bytes()), 0);
            self.known.insert(bytes.to_vec(), offset);
            offset
        });
        MemoryOperand::with_base_displ(Register::RIP, offset as i64)
    }

    /// Bytes of a vector.
    pub fn vector_bytes(&self) -> usize {
        self.instructions.set().vector_bytes()
    }

    /// The vector register of that number.
    pub fn whole(&self, number: u8) -> Register {
        match self.instructions.set() {
            InstructionSet::Avx2 => ymm(number),
            InstructionSet::Avx512 => zmm(number),
        }
    }

    /// The lower half of the vector register of that number.
    pub fn half(&self, number: u8) -> Register {
        match self.instructions.set() {
            InstructionSet::Avx2 => xmm(number),
            InstructionSet::Avx512 => ymm(number),
        }
    }

    /// As much of the vector register of that number.
    pub fn extent(&self, number: u8, extent: Extent) -> Register {
        match extent {
            Extent::Whole => self.whole(number),
            Extent::Half => self.half(number),
        }
    }

    /// Brings a vector to a register.
    pub fn copy(&mut self, to: u8, from: Operand) {
        self.two(self.instructions.moves().load, self.whole(to), from);
    }

    /// Writes a vector to memory.
    pub fn keep(&mut self, to: MemoryOperand, from: u8) {
        self.store(self.instructions.moves().store, to, self.whole(from));
    }

    /// The code, which begins at the start, and behind it the constants.
    ///
    /// Fails if an instruction could not be encoded, which is a defect here.
    pub fn finish(mut self) -> Result<Vec<u8>, Problem> {
        let defect = |what: &str| Problem::new(ErrorKind::Execution, format!("a nest has no machine code: {what}"));
        if let Some(failed) = self.failed {
            return Err(defect(&failed));
        }
        let mut bytes = self.encoder.take_buffer();
        let start = bytes.len().next_multiple_of(LINE);
        let mut distance = |place: usize, distance: i64| -> Result<(), Problem> {
            let bytes = bytes.get_mut(place..place + 4).ok_or_else(|| defect("a distance is cut off"))?;
            bytes.copy_from_slice(&(distance as i32).to_le_bytes());
            Ok(())
        };
        for (end, label) in self.jumps {
            let target = self.labels[label.0].ok_or_else(|| defect("a jump leads nowhere"))?;
            distance(end - 4, target as i64 - end as i64)?;
        }
        for (place, end, constant) in self.reads {
            distance(place, (start + constant) as i64 - end as i64)?;
        }
        bytes.resize(start, 0);
        bytes.extend(self.constants);
        Ok(bytes)
    }
}
