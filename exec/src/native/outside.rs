//! Calls from native code to functions outside: for lanes that no formula covers.

#![expect(unsafe_code, reason = "native code hands over its registers")]

use damo_graph::DType;
use iced_x86::{Code, Register};
use smallvec::SmallVec;

use super::assembler::{Assembler, Label, Operand, general};
use super::program::{Id, Outside, Width};
use super::registers::{Registers, in_frame};
use crate::instruction_set::InstructionSet;
use crate::portable::apply::Argument;
use crate::portable::loops::Loop;

/// The most arguments a function has.
const ARGUMENTS: usize = 3;

/// Bytes of a line of memory, to which registers of truth values are saved.
const LINE: usize = 64;

/// Bytes of all vector registers and those of truth values, as native code hands them over.
pub(super) const fn saved_bytes(set: InstructionSet) -> usize {
    set.registers() * set.vector_bytes() + LINE
}

/// A place in native code that calls a function outside.
#[derive(Debug)]
pub(super) struct CallSite {
    function: Loop,
    arguments: SmallVec<[(DType, Width, u8); ARGUMENTS]>,
    result: DType,
    width: Width,
    /// The register of the result, with what it is in other lanes.
    to: u8,
    lanes: usize,
    set: InstructionSet,
}

/// Writes a call that is made only if a lane needs it. Gives where the code is that makes it, and where that leads back to.
pub(super) fn write(registers: &mut Registers<'_>, id: Id, outside: &Outside, lanes: usize, sites: &mut Vec<CallSite>) -> (Label, Label) {
    let value = &registers.program.values[id as usize];
    let inputs = value.inputs.clone();
    let width = value.width;
    let instructions = registers.assembler.instructions;
    instructions.signs(registers, inputs[1], lanes);
    let arguments = outside.arguments.iter().zip(&inputs[2..]);
    let arguments = arguments.map(|(&dtype, &input)| (dtype, registers.program.width(input), registers.register(input))).collect();
    let otherwise = registers.operand(inputs[0]);
    let to = registers.fresh();
    registers.assembler.copy(to, otherwise);
    sites.push(CallSite { function: outside.function, arguments, result: outside.result, width, to, lanes, set: instructions.set() });
    let (aside, back) = (registers.assembler.label(), registers.assembler.label());
    registers.assembler.two(Code::Test_rm32_r32, Register::EAX, Operand::Register(Register::EAX));
    registers.assembler.jump(Code::Jne_rel32_64, aside);
    registers.assembler.place(back);
    registers.done(&inputs, Some((id, to)));
    (aside, back)
}

/// Registers that a function outside may change.
const LOST: [Register; 7] = [general::SLOTS, general::STEPS, general::ROWS, general::COUNT, general::INDEX, Register::R10, Register::R11];

/// Where in the frame they are kept meanwhile.
const KEPT_AT: usize = 16;

/// Writes the call itself, for the lanes that the lowest bits of EAX name: all registers are handed over in memory, and taken back.
pub(super) fn call(assembler: &mut Assembler, saved: usize, place: usize, sites: *const CallSite) {
    let instructions = assembler.instructions;
    let (count, vector) = (instructions.set().registers(), instructions.set().vector_bytes());
    let masks = in_frame(saved + count * vector);
    for register in 0..count {
        assembler.keep(in_frame(saved + register * vector), register as u8);
    }
    instructions.keep_masks(assembler, masks);
    for (slot, &register) in LOST.iter().enumerate() {
        assembler.store(Code::Mov_rm64_r64, in_frame(KEPT_AT + 8 * slot), register);
    }
    assembler.plain(Code::VEX_Vzeroupper);
    let address = sites.wrapping_add(place).addr() as u64;
    assembler.write(iced_x86::Instruction::with2(Code::Mov_r64_imm64, Register::RDI, address));
    assembler.write(iced_x86::Instruction::with2(Code::Lea_r64_m, Register::RSI, in_frame(saved)));
    assembler.two(Code::Mov_r32_rm32, Register::EDX, Operand::Register(Register::EAX));
    let function: unsafe extern "sysv64" fn(*const CallSite, *mut u8, u32) = run;
    assembler.write(iced_x86::Instruction::with2(Code::Mov_r64_imm64, Register::RAX, (function as *const ()).addr() as u64));
    assembler.one(Code::Call_rm64, Register::RAX);
    for (slot, &register) in LOST.iter().enumerate() {
        assembler.two(Code::Mov_r64_rm64, register, Operand::Memory(in_frame(KEPT_AT + 8 * slot)));
    }
    instructions.fetch_masks(assembler, masks);
    for register in 0..count {
        assembler.copy(register as u8, Operand::Memory(in_frame(saved + register * vector)));
    }
}

/// What native code calls, for the lanes that have a bit.
///
/// # Safety
///
/// The site is one of the kernel that calls, and the vector registers are all of its.
unsafe extern "sysv64" fn run(site: *const CallSite, saved: *mut u8, needed: u32) {
    // SAFETY: the caller's.
    let site = unsafe { &*site };
    let bytes = site.set.registers() * site.set.vector_bytes();
    // SAFETY: the caller's; nobody else knows this memory.
    let saved = unsafe { std::slice::from_raw_parts_mut(saved, bytes) };
    site.run(saved, needed);
}

impl CallSite {
    fn run(&self, registers: &mut [u8], needed: u32) {
        let (lanes, vector) = (self.lanes, self.set.vector_bytes());
        let mut arguments = [Lanes([0; LINE]); ARGUMENTS];
        for (argument, &(dtype, width, register)) in arguments.iter_mut().zip(&self.arguments) {
            let from = &registers[usize::from(register) * vector..][..vector];
            if dtype == DType::Bool {
                let step = width.bytes();
                argument.0.iter_mut().zip(from.chunks_exact(step)).take(lanes).for_each(|(to, lane)| *to = lane[0] & 1);
            } else {
                argument.0[..vector].copy_from_slice(from);
            }
        }
        let mut given = [Argument::Tile(&[]); ARGUMENTS];
        for ((given, argument), &(dtype, ..)) in given.iter_mut().zip(&arguments).zip(&self.arguments) {
            *given = Argument::Tile(&argument.0[..lanes * dtype.size()]);
        }
        let mut made = Lanes([0; LINE]);
        let size = self.result.size();
        self.function.call(&mut made.0[..lanes * size], &given[..self.arguments.len()]);
        let to = &mut registers[usize::from(self.to) * vector..][..vector];
        for (lane, to) in to.chunks_exact_mut(self.width.bytes()).enumerate().take(lanes) {
            if needed >> lane & 1 == 0 {
                continue;
            }
            if self.result == DType::Bool {
                to.fill(if made.0[lane] == 0 { 0 } else { 0xff });
            } else {
                to.copy_from_slice(&made.0[lane * size..][..size]);
            }
        }
    }
}

/// Elements one after the other, aligned for all dtypes.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Lanes([u8; LINE]);
