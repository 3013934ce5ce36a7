//! How AVX-512 reads and writes what is less than a vector, bytes and elements that are apart: under masks.

use iced_x86::{Code, Instruction, MemoryOperand, Register};

use super::super::accesses::Round;
use super::super::assembler::{Assembler, Operand, general, xmm, ymm, zmm};
use super::super::instructions::Memory;
use super::super::loops::registers64;
use super::super::program::{Id, Width};
use super::super::registers::Registers;
use super::Avx512;
use super::masks::{LEFT, k};

/// Elements that so many bytes away from RAX each lane's index says.
fn apart(index: Register) -> MemoryOperand {
    MemoryOperand::new(Register::RAX, index, 1, 0, 1, false, Register::None)
}

/// Brings the distances of lanes so many bytes apart to a register, and the lanes to read or write to a mask that the instruction may clear.
fn lanes_apart(registers: &mut Registers<'_>, bytes: i32, round: &Round<'_>) -> (u8, u8) {
    let (index, mask) = (registers.fresh(), registers.fresh_mask());
    let distances = round.distances(registers.assembler, bytes);
    registers.assembler.two(Code::EVEX_Vmovups_zmm_k1z_zmmm512, zmm(index), Operand::Memory(distances));
    if round.is_last {
        registers.assembler.two(Code::VEX_Kmovw_kr_km16, k(mask), Operand::Register(k(LEFT)));
    } else {
        registers.assembler.three(Code::VEX_Kxnorw_kr_kr_kr, k(mask), k(mask), Operand::Register(k(mask)));
    }
    (index, mask)
}

/// Bytes of a vector.
const VECTOR: usize = 64;

/// What lies so many elements from RAX.
fn beside(elements: i64, width: Width) -> MemoryOperand {
    MemoryOperand::with_base_displ(Register::RAX, elements * width.bytes() as i64)
}

/// A vector of places of elements, lane by lane.
fn places(registers: &mut Registers<'_>, to: u8, places: impl Iterator<Item = usize>, width: Width) {
    let bytes: Vec<u8> = places.flat_map(|place| place.to_le_bytes().into_iter().take(width.bytes())).collect();
    let places = registers.assembler.constant(&bytes);
    registers.assembler.copy(to, Operand::Memory(places));
}

impl Memory for Avx512 {
    fn find_left(&self, assembler: &mut Assembler, round: &Round<'_>) {
        assembler.two(Code::Mov_r64_rm64, Register::RAX, registers64(general::COUNT));
        assembler.number(Code::And_rm64_imm8, Register::RAX, round.lanes as i32 - 1);
        // So many of the lowest bits.
        assembler.write(Instruction::with2(Code::Mov_r32_imm32, Register::R9D, u32::MAX));
        assembler.write(Instruction::with3(Code::VEX_Bzhi_r32_rm32_r32, Register::R9D, Register::R9D, Register::EAX));
        assembler.two(Code::VEX_Kmovw_kr_r32, k(LEFT), Operand::Register(Register::R9D));
    }

    fn left(&self, registers: &mut Registers<'_>, id: Id, _: &Round<'_>) {
        let mask = registers.fresh_mask();
        registers.assembler.two(Code::VEX_Kmovw_kr_km16, k(mask), Operand::Register(k(LEFT)));
        registers.done_mask(&[], id, mask);
    }

    fn load_left(&self, registers: &mut Registers<'_>, to: u8, from: MemoryOperand, width: Width, _: &Round<'_>) {
        let code = [Code::EVEX_Vmovups_zmm_k1z_zmmm512, Code::EVEX_Vmovupd_zmm_k1z_zmmm512][width as usize];
        registers.assembler.masked(Instruction::with2(code, zmm(to), from), k(LEFT), true);
    }

    fn store_left(&self, registers: &mut Registers<'_>, from: u8, to: MemoryOperand, width: Width, _: &Round<'_>) {
        let code = [Code::EVEX_Vmovups_zmmm512_k1z_zmm, Code::EVEX_Vmovupd_zmmm512_k1z_zmm][width as usize];
        registers.assembler.masked(Instruction::with2(code, to, zmm(from)), k(LEFT), false);
    }

    fn load_truth(&self, registers: &mut Registers<'_>, id: Id, from: MemoryOperand, round: &Round<'_>) {
        let bytes = xmm(registers.fresh());
        let mask = registers.fresh_mask();
        if round.is_last {
            registers.assembler.masked(Instruction::with2(Code::EVEX_Vmovdqu8_xmm_k1z_xmmm128, bytes, from), k(LEFT), true);
        } else {
            let code = if round.lanes == 8 { Code::EVEX_Vmovq_xmm_xmmm64 } else { Code::EVEX_Vmovups_xmm_k1z_xmmm128 };
            registers.assembler.two(code, bytes, Operand::Memory(from));
        }
        registers.assembler.three(Code::EVEX_Vptestmb_kr_k1_xmm_xmmm128, k(mask), bytes, Operand::Register(bytes));
        registers.done_mask(&[], id, mask);
    }

    fn store_truth(&self, registers: &mut Registers<'_>, value: Id, to: MemoryOperand, round: &Round<'_>) {
        let mask = registers.mask(value);
        let bytes = xmm(registers.fresh());
        let ones = registers.assembler.constant(&[1; 64]);
        registers.assembler.masked(Instruction::with2(Code::EVEX_Vmovdqu8_xmm_k1z_xmmm128, bytes, ones), k(mask), true);
        if round.is_last {
            registers.assembler.masked(Instruction::with2(Code::EVEX_Vmovdqu8_xmmm128_k1z_xmm, to, bytes), k(LEFT), false);
        } else {
            let code = if round.lanes == 8 { Code::EVEX_Vmovq_xmmm64_xmm } else { Code::EVEX_Vmovups_xmmm128_k1z_xmm };
            registers.assembler.store(code, to, bytes);
        }
    }

    fn backwards(&self, registers: &mut Registers<'_>, id: Id, width: Width) {
        let (to, lanes) = (registers.fresh(), VECTOR / width.bytes());
        places(registers, to, (0..lanes).rev(), width);
        let code = [Code::EVEX_Vpermps_zmm_k1z_zmm_zmmm512b32, Code::EVEX_Vpermpd_zmm_k1z_zmm_zmmm512b64][width as usize];
        registers.assembler.three(code, zmm(to), zmm(to), Operand::Memory(beside(1 - lanes as i64, width)));
        registers.done(&[], Some((id, to)));
    }

    fn every_second(&self, registers: &mut Registers<'_>, id: Id, width: Width) {
        let (to, first, lanes) = (registers.fresh(), registers.fresh(), VECTOR / width.bytes());
        // The second vector's are counted on; its first is the last of the first vector.
        places(registers, to, (0..lanes).map(|lane| if 2 * lane < lanes { 2 * lane } else { 2 * lane + 1 }), width);
        registers.assembler.copy(first, Operand::Memory(beside(0, width)));
        let code = [Code::EVEX_Vpermi2ps_zmm_k1z_zmm_zmmm512b32, Code::EVEX_Vpermi2pd_zmm_k1z_zmm_zmmm512b64][width as usize];
        registers.assembler.three(code, zmm(to), zmm(first), Operand::Memory(beside(lanes as i64 - 1, width)));
        registers.done(&[], Some((id, to)));
    }

    fn gather(&self, registers: &mut Registers<'_>, id: Id, bytes: i32, width: Width, round: &Round<'_>) {
        let to = registers.fresh();
        let (index, mask) = lanes_apart(registers, bytes, round);
        // Lanes that are masked keep what was there.
        registers.assembler.three(Code::EVEX_Vpxord_zmm_k1z_zmm_zmmm512b32, zmm(to), zmm(to), Operand::Register(zmm(to)));
        let (code, to_register, index) = match (width, round.lanes) {
            (Width::Double, _) => (Code::EVEX_Vgatherdpd_zmm_k1_vm32y, zmm(to), ymm(index)),
            (Width::Single, 16) => (Code::EVEX_Vgatherdps_zmm_k1_vm32z, zmm(to), zmm(index)),
            (Width::Single, _) => (Code::EVEX_Vgatherdps_ymm_k1_vm32y, ymm(to), ymm(index)),
        };
        registers.assembler.masked(Instruction::with2(code, to_register, apart(index)), k(mask), false);
        registers.done(&[], Some((id, to)));
    }

    fn scatter(&self, registers: &mut Registers<'_>, from: u8, bytes: i32, width: Width, round: &Round<'_>) {
        let (index, mask) = lanes_apart(registers, bytes, round);
        let (code, from, index) = match (width, round.lanes) {
            (Width::Double, _) => (Code::EVEX_Vscatterdpd_vm32y_k1_zmm, zmm(from), ymm(index)),
            (Width::Single, 16) => (Code::EVEX_Vscatterdps_vm32z_k1_zmm, zmm(from), zmm(index)),
            (Width::Single, _) => (Code::EVEX_Vscatterdps_vm32y_k1_ymm, ymm(from), ymm(index)),
        };
        registers.assembler.masked(Instruction::with2(code, apart(index), from), k(mask), false);
    }
}
