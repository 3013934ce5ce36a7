//! Calls from native code to functions outside: for lanes that no formula covers.

#![expect(unsafe_code, reason = "native code hands over its registers")]

use damo_graph::DType;
use iced_x86::{Code, Register};
use smallvec::SmallVec;

use super::assembler::{Assembler, Label, Operand, VECTOR, general, ymm};
use super::program::{Id, Outside, Width};
use super::registers::{REGISTERS, Registers, in_frame};
use crate::portable::apply::Argument;
use crate::portable::loops::Loop;

/// The most arguments a function has.
const ARGUMENTS: usize = 3;

/// All vector registers, as native code hands them over.
#[repr(C, align(32))]
struct Saved([[u8; VECTOR]; REGISTERS]);

/// A place in native code that calls a function outside.
#[derive(Debug)]
pub(super) struct CallSite {
    function: Loop,
    arguments: SmallVec<[(DType, Width, u8); ARGUMENTS]>,
    result: DType,
    width: Width,
    mask: u8,
    /// The register of the result, with what it is in other lanes.
    to: u8,
    lanes: usize,
}

/// Writes a call that is made only if a lane needs it. Gives where the code is that makes it, and where that leads back to.
pub(super) fn write(registers: &mut Registers<'_>, id: Id, outside: &Outside, lanes: usize, sites: &mut Vec<CallSite>) -> (Label, Label) {
    let value = &registers.program.values[id as usize];
    let inputs = value.inputs.clone();
    let width = value.width;
    let mask = registers.register(inputs[1]);
    let arguments = outside.arguments.iter().zip(&inputs[2..]);
    let arguments = arguments.map(|(&dtype, &input)| (dtype, registers.program.width(input), registers.register(input))).collect();
    let otherwise = registers.operand(inputs[0]);
    let to = registers.fresh();
    registers.assembler.two(Code::VEX_Vmovups_ymm_ymmm256, ymm(to), otherwise);
    sites.push(CallSite { function: outside.function, arguments, result: outside.result, width, mask, to, lanes });
    let (aside, back) = (registers.assembler.label(), registers.assembler.label());
    // The signs of all lanes: bits of the mask, if any is set.
    registers.assembler.two(Code::VEX_Vptest_ymm_ymmm256, ymm(mask), Operand::Register(ymm(mask)));
    registers.assembler.jump(Code::Jne_rel32_64, aside);
    registers.assembler.place(back);
    registers.done(&inputs, Some((id, to)));
    (aside, back)
}

/// Registers that a function outside may change.
const LOST: [Register; 7] = [general::SLOTS, general::STEPS, general::ROWS, general::COUNT, general::INDEX, Register::R10, Register::R11];

/// Where in the frame they are kept meanwhile.
const KEPT_AT: usize = 16;

/// Writes the call itself: all registers are handed over in memory, and taken back.
pub(super) fn call(assembler: &mut Assembler, saved: usize, place: usize, sites: *const CallSite) {
    for register in 0..REGISTERS {
        assembler.store(Code::VEX_Vmovups_ymmm256_ymm, in_frame(saved + register * VECTOR), ymm(register as u8));
    }
    for (slot, &register) in LOST.iter().enumerate() {
        assembler.store(Code::Mov_rm64_r64, in_frame(KEPT_AT + 8 * slot), register);
    }
    assembler.plain(Code::VEX_Vzeroupper);
    let address = sites.wrapping_add(place).addr() as u64;
    assembler.write(iced_x86::Instruction::with2(Code::Mov_r64_imm64, Register::RDI, address));
    assembler.write(iced_x86::Instruction::with2(Code::Lea_r64_m, Register::RSI, in_frame(saved)));
    let function: unsafe extern "sysv64" fn(*const CallSite, *mut Saved) = run;
    assembler.write(iced_x86::Instruction::with2(Code::Mov_r64_imm64, Register::RAX, (function as *const ()).addr() as u64));
    assembler.one(Code::Call_rm64, Register::RAX);
    for (slot, &register) in LOST.iter().enumerate() {
        assembler.two(Code::Mov_r64_rm64, register, Operand::Memory(in_frame(KEPT_AT + 8 * slot)));
    }
    for register in 0..REGISTERS {
        assembler.two(Code::VEX_Vmovups_ymm_ymmm256, ymm(register as u8), Operand::Memory(in_frame(saved + register * VECTOR)));
    }
}

/// What native code calls.
///
/// # Safety
///
/// The site is one of the kernel that calls, and the registers are all of its.
unsafe extern "sysv64" fn run(site: *const CallSite, saved: *mut Saved) {
    // SAFETY: the caller's.
    let site = unsafe { &*site };
    // SAFETY: the caller's; nobody else knows this memory.
    let saved = unsafe { &mut *saved };
    site.run(&mut saved.0);
}

impl CallSite {
    fn run(&self, registers: &mut [[u8; VECTOR]; REGISTERS]) {
        let lanes = self.lanes;
        let mut arguments = [Lanes([0; VECTOR]); ARGUMENTS];
        for (argument, &(dtype, width, register)) in arguments.iter_mut().zip(&self.arguments) {
            let from = registers[usize::from(register)];
            if dtype == DType::Bool {
                let step = bytes(width);
                argument.0.iter_mut().zip(from.chunks_exact(step)).take(lanes).for_each(|(to, lane)| *to = lane[0] & 1);
            } else {
                argument.0 = from;
            }
        }
        let mut given = [Argument::Tile(&[]); ARGUMENTS];
        for ((given, argument), &(dtype, ..)) in given.iter_mut().zip(&arguments).zip(&self.arguments) {
            *given = Argument::Tile(&argument.0[..lanes * dtype.size()]);
        }
        let mut made = Lanes([0; VECTOR]);
        let size = self.result.size();
        self.function.call(&mut made.0[..lanes * size], &given[..self.arguments.len()]);
        let step = bytes(self.width);
        let mask = registers[usize::from(self.mask)];
        let to = &mut registers[usize::from(self.to)];
        for (lane, (to, mask)) in to.chunks_exact_mut(step).zip(mask.chunks_exact(step)).take(lanes).enumerate() {
            if mask[0] == 0 {
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

/// Bytes of a lane.
const fn bytes(width: Width) -> usize {
    match width {
        Width::Single => 4,
        Width::Double => 8,
    }
}

/// Elements one after the other, aligned for all dtypes.
#[derive(Clone, Copy)]
#[repr(align(32))]
struct Lanes([u8; VECTOR]);
