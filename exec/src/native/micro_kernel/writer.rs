//! The code of a tile: its loop over the terms of the sums, and what becomes of the sums.

use std::mem::offset_of;

use damo_graph::Problem;
use iced_x86::{Code as Opcode, Instruction, MemoryOperand, Register};

use super::family::{Family, Masking};
use super::{Operands, Reading};
use crate::native::assembler::{Assembler, Operand};
use crate::native::instructions;

/// Where a field of [`Operands`] is.
macro_rules! field {
    ($field:ident $(+ $more:literal)?) => {
        offset_of!(Operands, $field) as i64 $(+ $more)?
    };
}

/// General registers: what is at hand, the cursors of both sides, the steps, and how many steps are left.
const OPERANDS: Register = Register::RDI;
const LEFT: Register = Register::RAX;
const RIGHT: Register = Register::RDX;
const LEFT_STEP: Register = Register::RSI;
const RIGHT_STEP: Register = Register::R8;
const LEFT_OVER: Register = Register::RCX;

/// Where the list of places is, and a place of it; the start of the second vectors takes the register of a step that is not there.
const PLACES: Register = Register::R14;
const PLACE: Register = Register::R15;
const SECOND: Register = RIGHT_STEP;

/// The row stride times 1, 3, 5 and so on: with the factors 1, 2, 4 and 8 that addresses have, they lead to all rows from one cursor.
const ODD_ROWS: [Register; 7] = [Register::R9, Register::R10, Register::R11, Register::RBX, Register::RBP, Register::R12, Register::R13];

/// Those of them that a function gives back as they were.
const KEPT: [Register; 6] = [Register::RBX, Register::RBP, Register::R12, Register::R13, PLACES, PLACE];

/// Bytes of a place in a list.
const PLACE_BYTES: u32 = 8;

/// So many steps are written one after the other.
const UNROLLED: u32 = 4;

fn at(displacement: i64) -> MemoryOperand {
    MemoryOperand::with_base_displ(OPERANDS, displacement)
}

/// Code for tiles of so many rows and vectors.
struct Writer<'a> {
    family: &'a Family,
    reading: Reading,
    rows: usize,
    vectors: usize,
    assembler: Assembler,
}

impl Writer<'_> {
    fn register(&self, number: usize) -> Register {
        self.family.registers + number as u32
    }

    /// The register that sums up an element of the tile.
    fn sum(&self, row: usize, vector: usize) -> Register {
        self.register(row * self.vectors + vector)
    }

    /// A register beside the sums.
    fn spare(&self, number: usize) -> Register {
        self.register(self.rows * self.vectors + number)
    }

    fn fetch(&mut self, register: Register, displacement: i64) {
        self.assembler.two(Opcode::Mov_r64_rm64, register, Operand::Memory(at(displacement)));
    }

    fn advance(&mut self, register: Register, by: Register) {
        self.assembler.two(Opcode::Add_r64_rm64, register, Operand::Register(by));
    }

    /// Moves a field on by another.
    fn advance_field(&mut self, field: i64, by: i64) {
        self.fetch(LEFT, by);
        self.assembler.store(Opcode::Add_rm64_r64, at(field), LEFT);
    }

    /// The registers of the row stride's multiples that this many rows need.
    fn odd_rows(&self) -> &'static [Register] {
        &ODD_ROWS[..self.rows / 2]
    }

    fn kernel(&mut self) {
        let is_listed = self.reading.is_listed();
        let is_used = |register: &Register| self.odd_rows().contains(register) || is_listed && [PLACES, PLACE].contains(register);
        let kept: Vec<Register> = KEPT.into_iter().filter(is_used).collect();
        for &register in &kept {
            self.assembler.one(Opcode::Push_r64, register);
        }
        self.fetch(LEFT_STEP, field!(left_step));
        if self.reading != Reading::ListedRight {
            self.fetch(RIGHT_STEP, field!(right_step));
        }
        for (place, &register) in self.odd_rows().iter().enumerate() {
            self.fetch(register, field!(left_row));
            if place > 0 {
                // The one before, and twice the stride.
                let twice = MemoryOperand::with_base_index_scale(ODD_ROWS[place - 1], ODD_ROWS[0], 2);
                self.assembler.two(Opcode::Lea_r64_m, register, Operand::Memory(twice));
            }
        }
        if let Masking::Register(fetch) = self.family.masking {
            self.assembler.two(fetch, Register::K1, Operand::Memory(at(field!(mask))));
        }
        let tile = self.assembler.here();
        self.tile();
        self.advance_field(field!(left), field!(next));
        self.advance_field(field!(out), field!(next + 8));
        self.advance_field(field!(addend), field!(next + 16));
        self.advance_field(field!(right), field!(next + 24));
        self.assembler.write(Instruction::with1(Opcode::Dec_rm64, at(field!(tiles))));
        self.assembler.jump(Opcode::Jne_rel32_64, tile);
        for &register in kept.iter().rev() {
            self.assembler.one(Opcode::Pop_r64, register);
        }
        self.assembler.plain(Opcode::VEX_Vzeroupper);
        self.assembler.plain(Opcode::Retnq);
    }

    fn tile(&mut self) {
        // The results will be written here: that they are on their way meanwhile pays where sums are short.
        self.fetch(LEFT, field!(out));
        self.fetch(RIGHT, field!(out_row));
        if self.has_second() {
            self.fetch(SECOND, field!(out_next));
        }
        for row in 0..self.rows {
            if row > 0 {
                self.advance(LEFT, RIGHT);
            }
            let last = (self.vectors * self.family.lanes * self.family.size - 1) as i64;
            let last = if self.has_second() { self.vector(LEFT, 1) } else { MemoryOperand::with_base_displ(LEFT, last) };
            for place in [MemoryOperand::with_base(LEFT), last] {
                self.assembler.write(Instruction::with1(Opcode::Prefetcht0_m8, place));
            }
        }
        for number in 0..self.rows * self.vectors {
            let register = self.register(number);
            self.assembler.three(self.family.clear, register, register, Operand::Register(register));
        }
        if self.reading == Reading::Cut && matches!(self.family.masking, Masking::Vector(..)) {
            self.assembler.two(self.family.load, self.step_mask(), Operand::Memory(at(field!(mask))));
        }
        self.fetch(LEFT, field!(left));
        self.fetch(RIGHT, field!(right));
        if self.reading.is_listed() {
            self.fetch(PLACES, field!(places));
        }
        if self.has_second() {
            self.fetch(SECOND, field!(right_next));
            self.advance(SECOND, RIGHT);
        }
        let (few, rest, done) = (self.assembler.label(), self.assembler.label(), self.assembler.label());
        self.fetch(LEFT_OVER, field!(depth));
        self.assembler.number(Opcode::Sub_rm64_imm8, LEFT_OVER, UNROLLED as i32);
        self.assembler.jump(Opcode::Jb_rel32_64, few);
        let many = self.assembler.here();
        for number in 0..UNROLLED {
            self.step(number);
        }
        self.pass_places(UNROLLED);
        self.assembler.number(Opcode::Sub_rm64_imm8, LEFT_OVER, UNROLLED as i32);
        self.assembler.jump(Opcode::Jae_rel32_64, many);
        self.assembler.place(few);
        self.assembler.number(Opcode::Add_rm64_imm8, LEFT_OVER, UNROLLED as i32);
        self.assembler.jump(Opcode::Je_rel32_64, done);
        self.assembler.place(rest);
        self.step(0);
        self.pass_places(1);
        self.assembler.one(Opcode::Dec_rm64, LEFT_OVER);
        self.assembler.jump(Opcode::Jne_rel32_64, rest);
        self.assembler.place(done);
        self.results();
    }

    /// Whether the second vectors have a start of their own.
    fn has_second(&self) -> bool {
        self.reading == Reading::ListedRight && self.vectors > 1
    }

    /// Leaves so many places of the list behind.
    fn pass_places(&mut self, count: u32) {
        if self.reading.is_listed() {
            self.assembler.number(Opcode::Add_rm64_imm8, PLACES, (count * PLACE_BYTES) as i32);
        }
    }

    /// One product of each sum, the places being the list's of that number.
    fn step(&mut self, number: u32) {
        let bytes = (self.family.lanes * self.family.size) as i64;
        if self.reading.is_listed() {
            let place = MemoryOperand::with_base_displ(PLACES, i64::from(number * PLACE_BYTES));
            self.assembler.two(Opcode::Mov_r64_rm64, PLACE, Operand::Memory(place));
        }
        for vector in 0..self.vectors {
            let memory = match self.reading {
                Reading::ListedRight => MemoryOperand::with_base_index(if vector == 0 { RIGHT } else { SECOND }, PLACE),
                Reading::Even | Reading::ListedLeft | Reading::Cut => MemoryOperand::with_base_displ(RIGHT, vector as i64 * bytes),
            };
            if self.reading == Reading::Cut && vector + 1 == self.vectors {
                self.load_cut(self.spare(vector), self.step_mask(), memory);
            } else {
                self.assembler.two(self.family.load, self.spare(vector), Operand::Memory(memory));
            }
        }
        let left = match self.reading {
            Reading::ListedLeft => {
                self.advance(PLACE, LEFT);
                PLACE
            }
            Reading::Even | Reading::ListedRight | Reading::Cut => LEFT,
        };
        if self.reading != Reading::ListedRight {
            self.advance(RIGHT, RIGHT_STEP);
        }
        for row in 0..self.rows {
            let memory = if row == 0 {
                MemoryOperand::with_base(left)
            } else {
                let doublings = row.trailing_zeros();
                MemoryOperand::with_base_index_scale(left, ODD_ROWS[row >> (doublings + 1)], 1 << doublings)
            };
            // A mask may take the place of the second factor.
            let factor = self.spare(self.vectors + if self.reading == Reading::Cut { 0 } else { row % 2 });
            self.assembler.two(self.family.stretch, factor, Operand::Memory(memory));
            for vector in 0..self.vectors {
                let (sum, factors) = (self.sum(row, vector), self.spare(vector));
                self.assembler.three(self.family.multiply_add, sum, factors, Operand::Register(factor));
            }
        }
        if self.reading != Reading::ListedLeft {
            self.advance(LEFT, LEFT_STEP);
        }
    }

    /// Where a vector of words that masks is kept in steps.
    fn step_mask(&self) -> Register {
        self.spare(self.vectors + 1)
    }

    /// Loads what the mask leaves of a vector.
    fn load_cut(&mut self, to: Register, mask: Register, from: MemoryOperand) {
        match self.family.masking {
            Masking::Vector(load, _) => self.assembler.three(load, to, mask, Operand::Memory(from)),
            Masking::Register(_) => {
                let load = Instruction::with2(self.family.load, to, from);
                self.assembler.write(load.map(|mut load| {
                    load.set_op_mask(Register::K1);
                    load.set_zeroing_masking(true);
                    load
                }));
            }
        }
    }

    /// A vector of a row whose first is at a register; second ones may be anywhere.
    fn vector(&self, row: Register, vector: usize) -> MemoryOperand {
        if self.has_second() && vector > 0 {
            MemoryOperand::with_base_index(row, SECOND)
        } else {
            MemoryOperand::with_base_displ(row, (vector * self.family.lanes * self.family.size) as i64)
        }
    }

    /// Scales the sums, adds what is added, and writes the results.
    fn results(&mut self) {
        self.assembler.two(self.family.stretch, self.spare(0), Operand::Memory(at(field!(alpha))));
        for row in 0..self.rows {
            for vector in 0..self.vectors {
                let sum = self.sum(row, vector);
                self.assembler.three(self.family.multiply, sum, sum, Operand::Register(self.spare(0)));
            }
        }
        let (cut, plain, cut_plain, done) = (self.assembler.label(), self.assembler.label(), self.assembler.label(), self.assembler.label());
        self.fetch(LEFT, field!(out));
        self.fetch(RIGHT, field!(addend));
        self.assembler.write(Instruction::with2(Opcode::Cmp_rm64_imm8, at(field!(is_cut)), 0));
        self.assembler.jump(Opcode::Jne_rel32_64, cut);
        self.assembler.two(Opcode::Test_rm64_r64, RIGHT, Operand::Register(RIGHT));
        self.assembler.jump(Opcode::Je_rel32_64, plain);
        self.added(false);
        self.assembler.place(plain);
        self.written(false);
        self.assembler.jump(Opcode::Jmp_rel32_64, done);
        self.assembler.place(cut);
        if matches!(self.family.masking, Masking::Vector(..)) {
            self.assembler.two(self.family.load, self.mask(), Operand::Memory(at(field!(mask))));
        }
        self.assembler.two(Opcode::Test_rm64_r64, RIGHT, Operand::Register(RIGHT));
        self.assembler.jump(Opcode::Je_rel32_64, cut_plain);
        self.added(true);
        self.assembler.place(cut_plain);
        self.written(true);
        self.assembler.place(done);
    }

    /// Where a vector of words that masks is kept.
    fn mask(&self) -> Register {
        self.spare(0)
    }

    /// Adds the addend, times beta, to the sums.
    fn added(&mut self, is_cut: bool) {
        let (beta, part) = (self.spare(1), self.spare(2));
        self.assembler.two(self.family.stretch, beta, Operand::Memory(at(field!(beta))));
        self.fetch(LEFT_OVER, field!(addend_row));
        if self.has_second() {
            self.fetch(SECOND, field!(addend_next));
        }
        for row in 0..self.rows {
            for vector in 0..self.vectors {
                let memory = self.vector(RIGHT, vector);
                if is_cut && vector + 1 == self.vectors {
                    self.load_cut(part, self.mask(), memory);
                } else {
                    self.assembler.two(self.family.load, part, Operand::Memory(memory));
                }
                self.assembler.three(self.family.multiply, part, part, Operand::Register(beta));
                let sum = self.sum(row, vector);
                self.assembler.three(self.family.add, sum, sum, Operand::Register(part));
            }
            self.advance(RIGHT, LEFT_OVER);
        }
    }

    /// Writes the tile.
    fn written(&mut self, is_cut: bool) {
        self.fetch(LEFT_OVER, field!(out_row));
        if self.has_second() {
            self.fetch(SECOND, field!(out_next));
        }
        for row in 0..self.rows {
            for vector in 0..self.vectors {
                let memory = self.vector(LEFT, vector);
                let sum = self.sum(row, vector);
                if is_cut && vector + 1 == self.vectors {
                    match self.family.masking {
                        Masking::Vector(_, store) => self.assembler.write(Instruction::with3(store, memory, self.mask(), sum)),
                        Masking::Register(_) => {
                            let store = Instruction::with2(self.family.store, memory, sum);
                            self.assembler.write(store.map(|mut store| {
                                store.set_op_mask(Register::K1);
                                store
                            }));
                        }
                    }
                } else {
                    self.assembler.store(self.family.store, memory, sum);
                }
            }
            self.advance(LEFT, LEFT_OVER);
        }
    }
}

impl Family {
    /// The code for tiles of so many rows and vectors.
    pub fn assemble(&self, reading: Reading, rows: usize, vectors: usize) -> Result<Vec<u8>, Problem> {
        let mut writer = Writer { family: self, reading, rows, vectors, assembler: Assembler::new(instructions::of(self.set)) };
        writer.kernel();
        writer.assembler.finish()
    }
}
