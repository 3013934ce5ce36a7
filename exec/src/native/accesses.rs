//! Loads, counts and stores of a round, for every way to go along a row.

use iced_x86::{Code, Instruction, MemoryOperand, Register};

use super::assembler::{Assembler, Operand, VECTOR, general, xmm, ymm};
use super::loops::{Along, Stream, at, registers64};
use super::program::{Id, Width};
use super::registers::{Registers, in_frame};
use super::select::load_code;

/// Where the elements of a round are.
fn place(base: Register, stream: Stream, lanes: usize, round: usize) -> MemoryOperand {
    let displacement = (round * lanes * stream.size) as i64;
    MemoryOperand::new(base, general::INDEX, stream.size as u32, displacement, 1, false, Register::None)
}

fn address(registers: &mut Registers<'_>, stream: usize, spare: Register) -> Register {
    general::BASES.get(stream).copied().unwrap_or_else(|| {
        registers.assembler.two(Code::Mov_r64_rm64, spare, Operand::Memory(at(general::SLOTS, 8 * stream as i64)));
        spare
    })
}

/// Puts the address of an element of a strided access, counted from the next, into RAX; its step is so many bytes.
fn strided(registers: &mut Registers<'_>, stream: usize, bytes: i64, first: usize) {
    let (to, spare) = (Register::RAX, Register::R9);
    registers.assembler.write(Instruction::with3(Code::Imul_r64_rm64_imm32, to, general::INDEX, bytes as i32));
    let base = address(registers, stream, spare);
    let sum = MemoryOperand::new(base, to, 1, bytes * first as i64, 1, false, Register::None);
    registers.assembler.write(Instruction::with2(Code::Lea_r64_m, to, sum));
}

/// Loads of a round.
pub(super) struct Load<'a> {
    pub streams: &'a [Stream],
    pub masks: [usize; 2],
    pub bounce: usize,
    pub lanes: usize,
    pub round: usize,
    pub is_last: bool,
}

impl Load<'_> {
    pub fn write(&self, registers: &mut Registers<'_>, id: Id, place_of: usize) {
        let stream = self.streams[place_of];
        let width = if stream.size == 8 { Width::Double } else { Width::Single };
        let masked = self.is_last && !stream.padded;
        match stream.along {
            Along::Uniform | Along::Counted(_) => Self::uniform(registers, id, place_of, stream),
            Along::Contiguous if stream.size == 1 => self.bytes(registers, id, place_of, stream, masked),
            Along::Contiguous => {
                let (code, whole) = load_code(stream.size, self.lanes);
                if !masked && whole && registers.may_stay_in_memory(id) && place_of < general::BASES.len() {
                    // Its only reader reads it where it is.
                    registers.values.elements[id as usize] = Some(place(general::BASES[place_of], stream, self.lanes, self.round));
                    return;
                }
                let base = address(registers, place_of, Register::RAX);
                let from = place(base, stream, self.lanes, self.round);
                let to = registers.fresh();
                if masked {
                    let mask = registers.fresh();
                    registers.assembler.two(Code::VEX_Vmovups_ymm_ymmm256, ymm(mask), Operand::Memory(in_frame(self.masks[width as usize])));
                    let code = if width == Width::Double { Code::VEX_Vmaskmovpd_ymm_ymm_m256 } else { Code::VEX_Vmaskmovps_ymm_ymm_m256 };
                    registers.assembler.three(code, ymm(to), ymm(mask), Operand::Memory(from));
                } else if whole {
                    registers.assembler.two(code, ymm(to), Operand::Memory(from));
                } else {
                    registers.assembler.two(code, xmm(to), Operand::Memory(from));
                }
                registers.done(&[], Some((id, to)));
            }
            Along::Strided(step) => self.strided(registers, id, place_of, stream, step, width),
        }
    }

    /// The same element in every lane.
    fn uniform(registers: &mut Registers<'_>, id: Id, place_of: usize, stream: Stream) {
        let base = address(registers, place_of, Register::RAX);
        let to = registers.fresh();
        let from = Operand::Memory(at(base, 0));
        match stream.size {
            1 => {
                registers.assembler.two(Code::Movzx_r32_rm8, Register::R9D, from);
                registers.assembler.one(Code::Neg_rm32, Register::R9D);
                registers.assembler.two(Code::VEX_Vmovd_xmm_rm32, xmm(to), Operand::Register(Register::R9D));
                registers.assembler.two(Code::VEX_Vpbroadcastd_ymm_xmmm32, ymm(to), Operand::Register(xmm(to)));
            }
            4 => registers.assembler.two(Code::VEX_Vbroadcastss_ymm_m32, ymm(to), from),
            _ => registers.assembler.two(Code::VEX_Vbroadcastsd_ymm_m64, ymm(to), from),
        }
        registers.done(&[], Some((id, to)));
    }

    /// Truth values become masks.
    fn bytes(&self, registers: &mut Registers<'_>, id: Id, place_of: usize, stream: Stream, masked: bool) {
        let base = address(registers, place_of, Register::RAX);
        let mut from = place(base, stream, self.lanes, self.round);
        if masked {
            // One by one by way of the frame: what is left is fewer than would be read.
            let bounce = in_frame(self.bounce);
            registers.assembler.write(Instruction::with2(Code::Mov_rm64_imm32, bounce, 0));
            each_left(registers.assembler, base, self.bounce, |assembler, element, slot| {
                assembler.two(Code::Mov_r8_rm8, Register::DL, Operand::Memory(element));
                assembler.store(Code::Mov_rm8_r8, slot, Register::DL);
            });
            from = bounce;
        }
        let (code, whole) = load_code(1, self.lanes);
        let to = registers.fresh();
        registers.assembler.two(code, if whole { ymm(to) } else { xmm(to) }, Operand::Memory(from));
        let zero = registers.assembler.constant([0; VECTOR]);
        registers.assembler.three(Code::VEX_Vpcmpgtd_ymm_ymm_ymmm256, ymm(to), ymm(to), Operand::Memory(zero));
        registers.done(&[], Some((id, to)));
    }

    /// Elements that are apart.
    fn strided(&self, registers: &mut Registers<'_>, id: Id, place_of: usize, stream: Stream, step: isize, width: Width) {
        strided(registers, place_of, step as i64 * stream.size as i64, self.round * self.lanes);
        // Gathers need the distance of each lane, in bytes.
        let bytes = step as i32 * stream.size as i32;
        let mut distances = [0; VECTOR];
        distances.chunks_exact_mut(4).take(self.lanes).zip(0..).for_each(|(lane, place)| lane.copy_from_slice(&(place * bytes).to_ne_bytes()));
        let (to, mask, index) = (registers.fresh(), registers.fresh(), registers.fresh());
        let distances = registers.assembler.constant(distances);
        registers.assembler.two(Code::VEX_Vmovups_ymm_ymmm256, ymm(index), Operand::Memory(distances));
        if self.is_last {
            registers.assembler.two(Code::VEX_Vmovups_ymm_ymmm256, ymm(mask), Operand::Memory(in_frame(self.masks[width as usize])));
        } else {
            registers.assembler.three(Code::VEX_Vpcmpeqd_ymm_ymm_ymmm256, ymm(mask), ymm(mask), Operand::Register(ymm(mask)));
        }
        // Lanes that are masked keep what was there.
        registers.assembler.three(Code::VEX_Vxorps_ymm_ymm_ymmm256, ymm(to), ymm(to), Operand::Register(ymm(to)));
        let (code, to_register, index_register, mask_register) = match (width, self.lanes) {
            (Width::Double, _) => (Code::VEX_Vgatherdpd_ymm_vm32x_ymm, ymm(to), xmm(index), ymm(mask)),
            (Width::Single, 8) => (Code::VEX_Vgatherdps_ymm_vm32y_ymm, ymm(to), ymm(index), ymm(mask)),
            (Width::Single, _) => (Code::VEX_Vgatherdps_xmm_vm32x_xmm, xmm(to), xmm(index), xmm(mask)),
        };
        let from = MemoryOperand::new(Register::RAX, index_register, 1, 0, 1, false, Register::None);
        registers.assembler.write(Instruction::with3(code, to_register, from, mask_register));
        registers.done(&[], Some((id, to)));
    }
}

/// Where the count of rows is kept for a moment, in the frame.
const ROWS_AT: usize = 8;

/// Runs code for each byte that is left, given the byte and its place in the frame; it may use the lowest byte of the rows' register.
fn each_left(assembler: &mut Assembler, base: Register, bounce: usize, code: impl FnOnce(&mut Assembler, MemoryOperand, MemoryOperand)) {
    let byte = |base: Register, index: Register, displacement| MemoryOperand::new(base, index, 1, displacement, 1, false, Register::None);
    assembler.store(Code::Mov_rm64_r64, in_frame(ROWS_AT), general::ROWS);
    assembler.write(Instruction::with2(Code::Lea_r64_m, Register::R9, byte(base, general::INDEX, 0)));
    assembler.two(Code::Mov_r64_rm64, Register::RAX, registers64(general::COUNT));
    assembler.two(Code::Sub_r64_rm64, Register::RAX, registers64(general::INDEX));
    let again = assembler.here();
    code(assembler, byte(Register::R9, Register::RAX, -1), byte(Register::RSP, Register::RAX, bounce as i64 - 1));
    assembler.one(Code::Dec_rm64, Register::RAX);
    assembler.jump(Code::Jne_rel32_64, again);
    assembler.two(Code::Mov_r64_rm64, general::ROWS, Operand::Memory(in_frame(ROWS_AT)));
}

/// The numbers that are counted in a round, as integers of 32 bits.
pub(super) fn count(registers: &mut Registers<'_>, id: Id, place_of: usize, stream: Stream, lanes: usize, round: usize) {
    let Along::Counted(step) = stream.along else { return };
    let base = address(registers, place_of, Register::RAX);
    let to = registers.fresh();
    registers.assembler.write(Instruction::with3(Code::Imul_r64_rm64_imm32, Register::R9, general::INDEX, step as i32));
    registers.assembler.two(Code::Add_r64_rm64, Register::R9, registers64(base));
    registers.assembler.two(Code::VEX_Vmovd_xmm_rm32, xmm(to), Operand::Register(Register::R9D));
    registers.assembler.two(Code::VEX_Vpbroadcastd_ymm_xmmm32, ymm(to), Operand::Register(xmm(to)));
    let mut steps = [0; VECTOR];
    steps
        .chunks_exact_mut(4)
        .zip(0i32..)
        .for_each(|(lane, place)| lane.copy_from_slice(&((place + (round * lanes) as i32) * step as i32).to_ne_bytes()));
    let steps = registers.assembler.constant(steps);
    registers.assembler.three(Code::VEX_Vpaddd_ymm_ymm_ymmm256, ymm(to), ymm(to), Operand::Memory(steps));
    registers.done(&[], Some((id, to)));
}

/// Stores of a round.
pub(super) struct Store<'a> {
    pub streams: &'a [Stream],
    pub masks: [usize; 2],
    pub bounce: usize,
    pub lanes: usize,
    pub round: usize,
    pub is_last: bool,
}

impl Store<'_> {
    pub fn write(&self, registers: &mut Registers<'_>, value: Id, place_of: usize) {
        let stream = self.streams[place_of];
        let from = registers.register(value);
        let masked = self.is_last && !stream.padded;
        match stream.along {
            Along::Strided(step) => self.strided(registers, from, place_of, stream, step),
            Along::Contiguous | Along::Uniform | Along::Counted(_) => {
                let base = address(registers, place_of, Register::RAX);
                let to = place(base, stream, self.lanes, self.round);
                if stream.size == 1 {
                    self.bytes(registers, from, base, to, masked);
                } else if masked {
                    let width = if stream.size == 8 { Width::Double } else { Width::Single };
                    let mask = registers.fresh();
                    registers.assembler.two(Code::VEX_Vmovups_ymm_ymmm256, ymm(mask), Operand::Memory(in_frame(self.masks[width as usize])));
                    let code = if width == Width::Double { Code::VEX_Vmaskmovpd_m256_ymm_ymm } else { Code::VEX_Vmaskmovps_m256_ymm_ymm };
                    registers.assembler.write(Instruction::with3(code, to, ymm(mask), ymm(from)));
                } else if stream.size * self.lanes >= VECTOR {
                    registers.assembler.store(Code::VEX_Vmovups_ymmm256_ymm, to, ymm(from));
                } else {
                    registers.assembler.store(Code::VEX_Vmovups_xmmm128_xmm, to, xmm(from));
                }
            }
        }
        registers.done(&[value], None);
    }

    /// Masks become truth values.
    fn bytes(&self, registers: &mut Registers<'_>, from: u8, base: Register, to: MemoryOperand, masked: bool) {
        let packed = registers.fresh();
        if self.lanes == 8 {
            let upper = registers.fresh();
            registers.assembler.write(Instruction::with3(Code::VEX_Vextractf128_xmmm128_ymm_imm8, xmm(upper), ymm(from), 1));
            registers.assembler.three(Code::VEX_Vpackssdw_xmm_xmm_xmmm128, xmm(packed), xmm(from), Operand::Register(xmm(upper)));
        } else {
            registers.assembler.three(Code::VEX_Vpackssdw_xmm_xmm_xmmm128, xmm(packed), xmm(from), Operand::Register(xmm(from)));
        }
        registers.assembler.three(Code::VEX_Vpacksswb_xmm_xmm_xmmm128, xmm(packed), xmm(packed), Operand::Register(xmm(packed)));
        registers.assembler.two(Code::VEX_Vpabsb_xmm_xmmm128, xmm(packed), Operand::Register(xmm(packed)));
        let code = if self.lanes == 8 { Code::VEX_Vmovq_xmmm64_xmm } else { Code::VEX_Vmovd_rm32_xmm };
        if !masked {
            registers.assembler.store(code, to, xmm(packed));
            return;
        }
        registers.assembler.store(Code::VEX_Vmovq_xmmm64_xmm, in_frame(self.bounce), xmm(packed));
        each_left(registers.assembler, base, self.bounce, |assembler, element, slot| {
            assembler.two(Code::Mov_r8_rm8, Register::DL, Operand::Memory(slot));
            assembler.store(Code::Mov_rm8_r8, element, Register::DL);
        });
    }

    /// One by one to places that are apart.
    fn strided(&self, registers: &mut Registers<'_>, from: u8, place_of: usize, stream: Stream, step: isize) {
        registers.assembler.store(Code::VEX_Vmovups_ymmm256_ymm, in_frame(self.bounce), ymm(from));
        strided(registers, place_of, step as i64 * stream.size as i64, self.round * self.lanes);
        let bytes = step as i32 * stream.size as i32;
        let end = registers.assembler.label();
        for lane in 0..self.lanes {
            if self.is_last && lane > 0 {
                registers.assembler.write(Instruction::with2(Code::Lea_r64_m, Register::R9, at(general::INDEX, lane as i64)));
                registers.assembler.two(Code::Cmp_r64_rm64, Register::R9, registers64(general::COUNT));
                registers.assembler.jump(Code::Jae_rel32_64, end);
            }
            let slot = Operand::Memory(in_frame(self.bounce + lane * stream.size));
            let (load, store, spare) = if stream.size == 8 {
                (Code::Mov_r64_rm64, Code::Mov_rm64_r64, Register::R9)
            } else {
                (Code::Mov_r32_rm32, Code::Mov_rm32_r32, Register::R9D)
            };
            registers.assembler.two(load, spare, slot);
            registers.assembler.store(store, at(Register::RAX, 0), spare);
            registers.assembler.number(Code::Add_rm64_imm32, Register::RAX, bytes);
        }
        registers.assembler.place(end);
    }
}
