//! How AVX2 reads and writes what is less than a vector, bytes and elements that are apart: masks are vectors, kept in the frame.

use iced_x86::{Code, Instruction, MemoryOperand, Register};

use super::super::accesses::Round;
use super::super::assembler::{Assembler, Operand, general, xmm, ymm};
use super::super::instructions::Memory;
use super::super::loops::{at, registers64};
use super::super::program::{Id, Width};
use super::super::registers::{Registers, in_frame};
use super::Avx2;

/// Bytes of a vector.
const VECTOR: usize = 32;

/// Bytes of its half.
const HALF: usize = 16;

/// Where the count of rows is kept for a moment, in the frame.
const ROWS_AT: usize = 8;

/// Brings the mask of the lanes that are left to a register.
fn mask(registers: &mut Registers<'_>, width: Width, round: &Round<'_>) -> u8 {
    let mask = registers.fresh();
    registers.assembler.two(Code::VEX_Vmovups_ymm_ymmm256, ymm(mask), Operand::Memory(in_frame(round.masks[width as usize])));
    mask
}

/// Runs code for each byte that is left, given the byte and its place in the frame; it may use the lowest byte of the rows' register.
fn each_left(assembler: &mut Assembler, from: MemoryOperand, bounce: usize, code: impl FnOnce(&mut Assembler, MemoryOperand, MemoryOperand)) {
    let byte = |base: Register, displacement| MemoryOperand::new(base, Register::RAX, 1, displacement, 1, false, Register::None);
    assembler.store(Code::Mov_rm64_r64, in_frame(ROWS_AT), general::ROWS);
    assembler.write(Instruction::with2(Code::Lea_r64_m, Register::R9, from));
    assembler.two(Code::Mov_r64_rm64, Register::RAX, registers64(general::COUNT));
    assembler.two(Code::Sub_r64_rm64, Register::RAX, registers64(general::INDEX));
    let again = assembler.here();
    code(assembler, byte(Register::R9, -1), byte(Register::RSP, bounce as i64 - 1));
    assembler.one(Code::Dec_rm64, Register::RAX);
    assembler.jump(Code::Jne_rel32_64, again);
    assembler.two(Code::Mov_r64_rm64, general::ROWS, Operand::Memory(in_frame(ROWS_AT)));
}

/// What lies so many bytes from RAX.
fn beside(displacement: i64) -> MemoryOperand {
    MemoryOperand::with_base_displ(Register::RAX, displacement)
}

/// Writes the first bytes of a vector, fours of them, piece by piece: processors take tens of cycles to write under a mask.
fn store_first(registers: &mut Registers<'_>, from: u8, bytes: usize, to: MemoryOperand) {
    let behind = |bytes: usize| MemoryOperand::new(to.base, to.index, to.scale, to.displacement + bytes as i64, 1, false, Register::None);
    let (mut piece, mut done) = (xmm(from), 0);
    if bytes >= HALF {
        registers.assembler.store(Code::VEX_Vmovups_xmmm128_xmm, to, piece);
        done = HALF;
        if bytes > HALF {
            let upper = registers.fresh();
            registers.assembler.write(Instruction::with3(Code::VEX_Vextractf128_xmmm128_ymm_imm8, xmm(upper), ymm(from), 1));
            piece = xmm(upper);
        }
    }
    let (pair, one) = (bytes - done >= 8, !bytes.is_multiple_of(8));
    if pair {
        registers.assembler.store(Code::VEX_Vmovlps_m64_xmm, behind(done), piece);
        done += 8;
    }
    if one {
        let lane = u32::from(pair) * 2;
        registers.assembler.write(Instruction::with3(Code::VEX_Vextractps_rm32_xmm_imm8, behind(done), piece, lane));
    }
}

impl Memory for Avx2 {
    fn find_left(&self, assembler: &mut Assembler, round: &Round<'_>) {
        for (width, size, lanes) in [(Width::Single, 4, 8), (Width::Double, 8, 4)] {
            if width == Width::Double && round.lanes == 8 {
                continue;
            }
            let bytes: Vec<u8> = [0xff, 0].into_iter().flat_map(|byte| [byte; VECTOR]).collect();
            let mask = assembler.constant(&bytes);
            // The vector that begins so many lanes before the zeros.
            assembler.two(Code::Mov_r64_rm64, Register::RAX, registers64(general::COUNT));
            assembler.number(Code::And_rm64_imm8, Register::RAX, round.lanes as i32 - 1);
            assembler.one(Code::Neg_rm64, Register::RAX);
            assembler.write(Instruction::with2(Code::Lea_r64_m, Register::R9, mask));
            let from = MemoryOperand::new(Register::R9, Register::RAX, size, i64::from(lanes * size), 1, false, Register::None);
            assembler.two(Code::VEX_Vmovups_ymm_ymmm256, ymm(0), Operand::Memory(from));
            assembler.store(Code::VEX_Vmovups_ymmm256_ymm, in_frame(round.masks[width as usize]), ymm(0));
        }
    }

    fn left(&self, registers: &mut Registers<'_>, id: Id, round: &Round<'_>) {
        registers.values.frame[id as usize] = Some(round.masks[registers.program.width(id) as usize]);
    }

    fn load_left(&self, registers: &mut Registers<'_>, to: u8, from: MemoryOperand, width: Width, round: &Round<'_>) {
        let mask = mask(registers, width, round);
        let code = [Code::VEX_Vmaskmovps_ymm_ymm_m256, Code::VEX_Vmaskmovpd_ymm_ymm_m256][width as usize];
        registers.assembler.three(code, ymm(to), ymm(mask), Operand::Memory(from));
    }

    fn store_left(&self, registers: &mut Registers<'_>, from: u8, to: MemoryOperand, width: Width, round: &Round<'_>) {
        if let Some(left) = round.left {
            return store_first(registers, from, left * width.bytes(), to);
        }
        let mask = mask(registers, width, round);
        let code = [Code::VEX_Vmaskmovps_m256_ymm_ymm, Code::VEX_Vmaskmovpd_m256_ymm_ymm][width as usize];
        registers.assembler.write(Instruction::with3(code, to, ymm(mask), ymm(from)));
    }

    fn load_truth(&self, registers: &mut Registers<'_>, id: Id, mut from: MemoryOperand, round: &Round<'_>) {
        if round.is_last {
            // One by one by way of the frame: what is left is fewer than would be read.
            let bounce = in_frame(round.bounce);
            registers.assembler.write(Instruction::with2(Code::Mov_rm64_imm32, bounce, 0));
            each_left(registers.assembler, from, round.bounce, |assembler, element, slot| {
                assembler.two(Code::Mov_r8_rm8, Register::DL, Operand::Memory(element));
                assembler.store(Code::Mov_rm8_r8, slot, Register::DL);
            });
            from = bounce;
        }
        let to = registers.fresh();
        if round.lanes == 8 {
            registers.assembler.two(Code::VEX_Vpmovzxbd_ymm_xmmm64, ymm(to), Operand::Memory(from));
        } else {
            registers.assembler.two(Code::VEX_Vpmovzxbd_xmm_xmmm32, xmm(to), Operand::Memory(from));
        }
        let zero = registers.assembler.constant(&[0; VECTOR]);
        registers.assembler.three(Code::VEX_Vpcmpgtd_ymm_ymm_ymmm256, ymm(to), ymm(to), Operand::Memory(zero));
        registers.done(&[], Some((id, to)));
    }

    fn store_truth(&self, registers: &mut Registers<'_>, value: Id, to: MemoryOperand, round: &Round<'_>) {
        let from = registers.register(value);
        let packed = registers.fresh();
        if round.lanes == 8 {
            let upper = registers.fresh();
            registers.assembler.write(Instruction::with3(Code::VEX_Vextractf128_xmmm128_ymm_imm8, xmm(upper), ymm(from), 1));
            registers.assembler.three(Code::VEX_Vpackssdw_xmm_xmm_xmmm128, xmm(packed), xmm(from), Operand::Register(xmm(upper)));
        } else {
            registers.assembler.three(Code::VEX_Vpackssdw_xmm_xmm_xmmm128, xmm(packed), xmm(from), Operand::Register(xmm(from)));
        }
        registers.assembler.three(Code::VEX_Vpacksswb_xmm_xmm_xmmm128, xmm(packed), xmm(packed), Operand::Register(xmm(packed)));
        registers.assembler.two(Code::VEX_Vpabsb_xmm_xmmm128, xmm(packed), Operand::Register(xmm(packed)));
        let code = if round.lanes == 8 { Code::VEX_Vmovq_xmmm64_xmm } else { Code::VEX_Vmovd_rm32_xmm };
        if round.is_last {
            registers.assembler.store(Code::VEX_Vmovq_xmmm64_xmm, in_frame(round.bounce), xmm(packed));
            each_left(registers.assembler, to, round.bounce, |assembler, element, slot| {
                assembler.two(Code::Mov_r8_rm8, Register::DL, Operand::Memory(slot));
                assembler.store(Code::Mov_rm8_r8, element, Register::DL);
            });
        } else {
            registers.assembler.store(code, to, xmm(packed));
        }
    }

    fn backwards(&self, registers: &mut Registers<'_>, id: Id, width: Width) {
        let to = registers.fresh();
        match width {
            Width::Single => {
                let order: Vec<u8> = (0u32..8).rev().flat_map(u32::to_ne_bytes).collect();
                let order = registers.assembler.constant(&order);
                registers.assembler.copy(to, Operand::Memory(order));
                registers.assembler.three(Code::VEX_Vpermps_ymm_ymm_ymmm256, ymm(to), ymm(to), Operand::Memory(beside(-28)));
            }
            Width::Double => {
                registers.assembler.two_and_number(Code::VEX_Vpermpd_ymm_ymmm256_imm8, ymm(to), Operand::Memory(beside(-24)), 0b00_01_10_11);
            }
        }
        registers.done(&[], Some((id, to)));
    }

    fn every_second(&self, registers: &mut Registers<'_>, id: Id, width: Width) {
        let to = registers.fresh();
        let (code, number, next) = match width {
            Width::Single => (Code::VEX_Vshufps_ymm_ymm_ymmm256_imm8, 0b11_01_10_00, 28),
            Width::Double => (Code::VEX_Vshufpd_ymm_ymm_ymmm256_imm8, 0b1010, 24),
        };
        registers.assembler.copy(to, Operand::Memory(beside(0)));
        registers.assembler.three_and_number(code, ymm(to), ymm(to), Operand::Memory(beside(next)), number);
        // Halves of vectors were shuffled each for itself.
        registers.assembler.two_and_number(Code::VEX_Vpermpd_ymm_ymmm256_imm8, ymm(to), Operand::Register(ymm(to)), 0b11_01_10_00);
        registers.done(&[], Some((id, to)));
    }

    fn gather(&self, registers: &mut Registers<'_>, id: Id, bytes: i32, width: Width, round: &Round<'_>) {
        let (to, index) = (registers.fresh(), registers.fresh());
        let distances = round.distances(registers.assembler, bytes);
        registers.assembler.two(Code::VEX_Vmovups_ymm_ymmm256, ymm(index), Operand::Memory(distances));
        let mask = if round.is_last {
            mask(registers, width, round)
        } else {
            let mask = registers.fresh();
            registers.assembler.three(Code::VEX_Vpcmpeqd_ymm_ymm_ymmm256, ymm(mask), ymm(mask), Operand::Register(ymm(mask)));
            mask
        };
        // Lanes that are masked keep what was there.
        registers.assembler.three(Code::VEX_Vxorps_ymm_ymm_ymmm256, ymm(to), ymm(to), Operand::Register(ymm(to)));
        let (code, to_register, index_register, mask_register) = match (width, round.lanes) {
            (Width::Double, _) => (Code::VEX_Vgatherdpd_ymm_vm32x_ymm, ymm(to), xmm(index), ymm(mask)),
            (Width::Single, 8) => (Code::VEX_Vgatherdps_ymm_vm32y_ymm, ymm(to), ymm(index), ymm(mask)),
            (Width::Single, _) => (Code::VEX_Vgatherdps_xmm_vm32x_xmm, xmm(to), xmm(index), xmm(mask)),
        };
        let from = MemoryOperand::new(Register::RAX, index_register, 1, 0, 1, false, Register::None);
        registers.assembler.write(Instruction::with3(code, to_register, from, mask_register));
        registers.done(&[], Some((id, to)));
    }

    fn scatter(&self, registers: &mut Registers<'_>, from: u8, bytes: i32, width: Width, round: &Round<'_>) {
        // One by one by way of the frame.
        registers.assembler.store(Code::VEX_Vmovups_ymmm256_ymm, in_frame(round.bounce), ymm(from));
        let end = registers.assembler.label();
        for lane in 0..round.lanes {
            if round.is_last && lane > 0 {
                registers.assembler.write(Instruction::with2(Code::Lea_r64_m, Register::R9, at(general::INDEX, lane as i64)));
                registers.assembler.two(Code::Cmp_r64_rm64, Register::R9, registers64(general::COUNT));
                registers.assembler.jump(Code::Jae_rel32_64, end);
            }
            let (size, load, store, spare) = match width {
                Width::Single => (4, Code::Mov_r32_rm32, Code::Mov_rm32_r32, Register::R9D),
                Width::Double => (8, Code::Mov_r64_rm64, Code::Mov_rm64_r64, Register::R9),
            };
            registers.assembler.two(load, spare, Operand::Memory(in_frame(round.bounce + lane * size)));
            registers.assembler.store(store, at(Register::RAX, 0), spare);
            registers.assembler.number(Code::Add_rm64_imm32, Register::RAX, bytes);
        }
        registers.assembler.place(end);
    }
}
