//! What those who write code must know of a set of vector instructions.

use std::fmt::Debug;

use iced_x86::{Code, MemoryOperand};

use super::accesses::Round;
use super::assembler::Assembler;
use super::avx2::Avx2;
use super::avx512::Avx512;
use super::program::{Id, Operation, Width};
use super::registers::Registers;
use crate::instruction_set::InstructionSet;

/// The instructions of a set.
pub(super) fn of(set: InstructionSet) -> &'static dyn Instructions {
    match set {
        InstructionSet::Avx2 => &Avx2,
        InstructionSet::Avx512 => &Avx512,
    }
}

/// A set of vector instructions: tables of what it computes, and its own way to treat truth values and memory.
///
/// All sets compute the same: the bits of a lane do not depend on them.
pub(super) trait Instructions: Memory + Debug + Sync {
    /// Which set it is.
    fn set(&self) -> InstructionSet;

    /// What moves vectors.
    fn moves(&self) -> &'static Moves;

    /// The instruction of an operation on one vector, and the number it takes.
    fn unary(&self, operation: Operation, width: Width) -> Option<(Code, Option<u32>)>;

    /// The instruction of an operation on two vectors.
    fn binary(&self, operation: Operation, width: Width) -> Option<Binary>;

    /// The instruction that brings lanes of one width to another, or from integers to floats.
    fn conversion(&self, operation: Operation, from: Width, to: Width) -> Option<Conversion>;

    /// The instructions of a fused multiply-add.
    fn mul_add(&self, negative_product: bool, negative_addend: bool, width: Width) -> Forms;

    /// Whether the larger and the smaller of two numbers are operations of their own ([`Operation::Extreme`]).
    fn has_extremes(&self) -> bool;

    /// Whether halves of a vector are widened faster from memory, where it has to be written first.
    fn halves_from_memory(&self) -> bool;

    /// Writes an operation that this set does in a way of its own; `false` if the tables say how.
    fn own_way(&self, registers: &mut Registers<'_>, id: Id, preferred: Option<u8>) -> bool;

    /// Brings the signs of a value's lanes to the lowest bits of EAX, and zeros above them.
    fn signs(&self, registers: &mut Registers<'_>, id: Id, lanes: usize);

    /// Brings the integer of 32 bits in R9 to every lane of a vector.
    fn spread(&self, assembler: &mut Assembler, to: u8);

    /// Writes registers of truth values to a line of memory, or reads them from there, if it has such registers.
    fn keep_masks(&self, assembler: &mut Assembler, line: MemoryOperand);
    fn fetch_masks(&self, assembler: &mut Assembler, line: MemoryOperand);
}

/// How a set of instructions reads and writes what is less, or lies otherwise, than a vector.
pub(super) trait Memory {
    /// Finds the lanes that will be left in the last round of each row, before the first.
    fn find_left(&self, assembler: &mut Assembler, round: &Round<'_>);

    /// Lets a value be the mask of the lanes that are left.
    fn left(&self, registers: &mut Registers<'_>, id: Id, round: &Round<'_>);

    /// Reads the lanes that are left; the others are 0.
    fn load_left(&self, registers: &mut Registers<'_>, to: u8, from: MemoryOperand, width: Width, round: &Round<'_>);

    /// Writes the lanes that are left.
    fn store_left(&self, registers: &mut Registers<'_>, from: u8, to: MemoryOperand, width: Width, round: &Round<'_>);

    /// Reads bytes that are truth values.
    fn load_truth(&self, registers: &mut Registers<'_>, id: Id, from: MemoryOperand, round: &Round<'_>);

    /// Writes truth values as bytes.
    fn store_truth(&self, registers: &mut Registers<'_>, value: Id, to: MemoryOperand, round: &Round<'_>);

    /// Reads a vector whose last element is where RAX says, the last first.
    fn backwards(&self, registers: &mut Registers<'_>, id: Id, width: Width);

    /// Reads every second element of two vectors, the first where RAX says. They share one, so that no more is read than there is.
    fn every_second(&self, registers: &mut Registers<'_>, id: Id, width: Width);

    /// Reads lanes that are so many bytes apart; the first is where RAX says.
    fn gather(&self, registers: &mut Registers<'_>, id: Id, bytes: i32, width: Width, round: &Round<'_>);

    /// Writes lanes so many bytes apart; the first to where RAX says.
    fn scatter(&self, registers: &mut Registers<'_>, from: u8, bytes: i32, width: Width, round: &Round<'_>);
}

/// Instructions that move vectors.
#[derive(Debug)]
pub(super) struct Moves {
    pub load: Code,
    pub store: Code,
    /// The same past the caches, to a multiple of a vector's bytes.
    pub store_past: Code,
    pub load_half: Code,
    pub store_half: Code,
    /// One element to all lanes, by width.
    pub broadcast: [Code; 2],
    /// The upper half of a vector, which is numbered 1.
    pub upper: Code,
    /// The first element of a vector to memory, by width.
    pub store_first: [Code; 2],
}

/// An instruction on two vectors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Binary {
    pub code: Code,
    /// Whether they may be exchanged.
    pub commutes: bool,
    /// The number it takes.
    pub number: Option<u32>,
}

impl Binary {
    /// By width.
    pub fn of(width: Width, codes: [Code; 2], commutes: bool) -> Option<Binary> {
        Some(Binary { code: codes[width as usize], commutes, number: None }).filter(|binary| binary.code != Code::INVALID)
    }
}

/// An instruction from a vector to another, of which one may be half as long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conversion {
    pub code: Code,
    pub from: Extent,
    pub to: Extent,
}

/// How much of a vector register an instruction names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    Whole,
    Half,
}

/// The three forms of a fused multiply-add: which operands are multiplied, the first of which is replaced: 1·3 + 2, 2·1 + 3, 2·3 + 1.
pub(super) type Forms = [Code; 3];
