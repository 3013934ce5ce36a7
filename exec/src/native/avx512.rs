//! Vectors of 512 bits: AVX-512. Comparisons give a bit for each lane, in registers of their own.

#![expect(clippy::wildcard_enum_match_arm, reason = "tables of the operations that are alike; the judge finds those in none")]

mod masks;
mod memory;

use iced_x86::{Code, Instruction, MemoryOperand, Register};

use super::assembler::{Assembler, Operand, xmm, ymm, zmm};
use super::instructions::{Binary, Conversion, Extent, Forms, Instructions, Moves};
use super::program::{Comparison, Id, Operation, Width, all_ones};
use super::registers::Registers;
use crate::instruction_set::InstructionSet;
pub(super) use masks::MaskRegisters;
use masks::{LEFT, k};

/// The instructions of [`InstructionSet::Avx512`].
#[derive(Debug)]
pub(super) struct Avx512;

static MOVES: Moves = Moves {
    load: Code::EVEX_Vmovups_zmm_k1z_zmmm512,
    store: Code::EVEX_Vmovups_zmmm512_k1z_zmm,
    store_past: Code::EVEX_Vmovntps_m512_zmm,
    load_half: Code::EVEX_Vmovups_ymm_k1z_ymmm256,
    store_half: Code::EVEX_Vmovups_ymmm256_k1z_ymm,
    broadcast: [Code::EVEX_Vbroadcastss_zmm_k1z_xmmm32, Code::EVEX_Vbroadcastsd_zmm_k1z_xmmm64],
    upper: Code::EVEX_Vextractf64x4_ymmm256_k1z_zmm_imm8,
    store_first: [Code::EVEX_Vmovss_m32_k1_xmm, Code::EVEX_Vmovsd_m64_k1_xmm],
};

impl Instructions for Avx512 {
    fn set(&self) -> InstructionSet {
        InstructionSet::Avx512
    }

    fn moves(&self) -> &'static Moves {
        &MOVES
    }

    fn unary(&self, operation: Operation, width: Width) -> Option<(Code, Option<u32>)> {
        let (codes, number) = match operation {
            Operation::SquareRoot => ([Code::EVEX_Vsqrtps_zmm_k1z_zmmm512b32_er, Code::EVEX_Vsqrtpd_zmm_k1z_zmmm512b64_er], None),
            // The lowest bits say which way, the fourth that nobody hears of it if the number changes; no binary places are kept.
            Operation::Round(rounding) => {
                let codes = [Code::EVEX_Vrndscaleps_zmm_k1z_zmmm512b32_imm8_sae, Code::EVEX_Vrndscalepd_zmm_k1z_zmmm512b64_imm8_sae];
                (codes, Some(rounding as u32 | 8))
            }
            Operation::ShiftLeft(places) => {
                ([Code::EVEX_Vpslld_zmm_k1z_zmmm512b32_imm8, Code::EVEX_Vpsllq_zmm_k1z_zmmm512b64_imm8], Some(places.into()))
            }
            Operation::ShiftRight(places) => {
                ([Code::EVEX_Vpsrld_zmm_k1z_zmmm512b32_imm8, Code::EVEX_Vpsrlq_zmm_k1z_zmmm512b64_imm8], Some(places.into()))
            }
            _ => return None,
        };
        Some((codes[width as usize], number))
    }

    fn binary(&self, operation: Operation, width: Width) -> Option<Binary> {
        let (codes, commutes) = match operation {
            Operation::Add => ([Code::EVEX_Vaddps_zmm_k1z_zmm_zmmm512b32_er, Code::EVEX_Vaddpd_zmm_k1z_zmm_zmmm512b64_er], true),
            Operation::Subtract => ([Code::EVEX_Vsubps_zmm_k1z_zmm_zmmm512b32_er, Code::EVEX_Vsubpd_zmm_k1z_zmm_zmmm512b64_er], false),
            Operation::Multiply => ([Code::EVEX_Vmulps_zmm_k1z_zmm_zmmm512b32_er, Code::EVEX_Vmulpd_zmm_k1z_zmm_zmmm512b64_er], true),
            Operation::Divide => ([Code::EVEX_Vdivps_zmm_k1z_zmm_zmmm512b32_er, Code::EVEX_Vdivpd_zmm_k1z_zmm_zmmm512b64_er], false),
            Operation::Scale => ([Code::EVEX_Vscalefps_zmm_k1z_zmm_zmmm512b32_er, Code::EVEX_Vscalefpd_zmm_k1z_zmm_zmmm512b64_er], false),
            Operation::Least => ([Code::EVEX_Vminps_zmm_k1z_zmm_zmmm512b32_sae, Code::EVEX_Vminpd_zmm_k1z_zmm_zmmm512b64_sae], false),
            Operation::Greatest => ([Code::EVEX_Vmaxps_zmm_k1z_zmm_zmmm512b32_sae, Code::EVEX_Vmaxpd_zmm_k1z_zmm_zmmm512b64_sae], false),
            Operation::And => ([Code::EVEX_Vandps_zmm_k1z_zmm_zmmm512b32, Code::EVEX_Vandpd_zmm_k1z_zmm_zmmm512b64], true),
            Operation::Or => ([Code::EVEX_Vorps_zmm_k1z_zmm_zmmm512b32, Code::EVEX_Vorpd_zmm_k1z_zmm_zmmm512b64], true),
            Operation::Xor => ([Code::EVEX_Vxorps_zmm_k1z_zmm_zmmm512b32, Code::EVEX_Vxorpd_zmm_k1z_zmm_zmmm512b64], true),
            Operation::AndNot => ([Code::EVEX_Vandnps_zmm_k1z_zmm_zmmm512b32, Code::EVEX_Vandnpd_zmm_k1z_zmm_zmmm512b64], false),
            Operation::AddInteger => ([Code::EVEX_Vpaddd_zmm_k1z_zmm_zmmm512b32, Code::EVEX_Vpaddq_zmm_k1z_zmm_zmmm512b64], true),
            Operation::SubtractInteger => ([Code::EVEX_Vpsubd_zmm_k1z_zmm_zmmm512b32, Code::EVEX_Vpsubq_zmm_k1z_zmm_zmmm512b64], false),
            Operation::MultiplyInteger => ([Code::EVEX_Vpmulld_zmm_k1z_zmm_zmmm512b32, Code::EVEX_Vpmullq_zmm_k1z_zmm_zmmm512b64], true),
            _ => return None,
        };
        Binary::of(width, codes, commutes)
    }

    fn conversion(&self, operation: Operation, from: Width, to: Width) -> Option<Conversion> {
        use Extent::{Half, Whole};
        let (code, from, to) = match (operation, from, to) {
            (Operation::IntegerToFloat, Width::Single, Width::Single) => (Code::EVEX_Vcvtdq2ps_zmm_k1z_zmmm512b32_er, Whole, Whole),
            (Operation::IntegerToFloat, Width::Single, Width::Double) => (Code::EVEX_Vcvtdq2pd_zmm_k1z_ymmm256b32_er, Half, Whole),
            (Operation::IntegerToFloat, Width::Double, Width::Single) => (Code::EVEX_Vcvtqq2ps_ymm_k1z_zmmm512b64_er, Whole, Half),
            (Operation::FloatToInteger, Width::Single, Width::Single) => (Code::EVEX_Vcvttps2dq_zmm_k1z_zmmm512b32_sae, Whole, Whole),
            (Operation::FloatToInteger, Width::Double, Width::Single) => (Code::EVEX_Vcvttpd2dq_ymm_k1z_zmmm512b64_sae, Whole, Half),
            (Operation::IntegerToFloat, Width::Double, Width::Double) => (Code::EVEX_Vcvtqq2pd_zmm_k1z_zmmm512b64_er, Whole, Whole),
            (Operation::FloatToFloat, Width::Double, Width::Single) => (Code::EVEX_Vcvtpd2ps_ymm_k1z_zmmm512b64_er, Whole, Half),
            (Operation::FloatToFloat, Width::Single, Width::Double) => (Code::EVEX_Vcvtps2pd_zmm_k1z_ymmm256b32_sae, Half, Whole),
            (Operation::Resize, Width::Single, Width::Double) => (Code::EVEX_Vpmovsxdq_zmm_k1z_ymmm256, Half, Whole),
            (Operation::Resize, Width::Double, Width::Single) => (Code::EVEX_Vpmovqd_ymmm256_k1z_zmm, Whole, Half),
            _ => return None,
        };
        Some(Conversion { code, from, to })
    }

    fn mul_add(&self, negative_product: bool, negative_addend: bool, width: Width) -> Forms {
        MUL_ADDS[usize::from(negative_product) * 2 + usize::from(negative_addend)][width as usize]
    }

    fn has_extremes(&self) -> bool {
        true
    }

    fn halves_from_memory(&self) -> bool {
        true
    }

    fn own_way(&self, registers: &mut Registers<'_>, id: Id, preferred: Option<u8>) -> bool {
        let value = &registers.program.values[id as usize];
        let (operation, width, inputs) = (value.operation, value.width, value.inputs.clone());
        if let Some(comparison) = comparison(operation, width) {
            compare(registers, id, [inputs[0], inputs[1]], comparison);
            return true;
        }
        let known = |place: usize| inputs.get(place).is_some_and(|&input| registers.is_mask(input));
        match (operation, known(0), known(1)) {
            (Operation::Extreme { larger }, ..) => extreme(registers, id, [inputs[0], inputs[1]], larger, preferred),
            (Operation::Down(bytes), ..) => down(registers, id, bytes, preferred),
            (Operation::Select, ..) => select(registers, id, [inputs[0], inputs[1], inputs[2]], preferred),
            (Operation::Resize, true, _) => of_masks(registers, id, Code::VEX_Kmovw_kr_km16, &inputs),
            (Operation::And, true, true) => of_masks(registers, id, Code::VEX_Kandw_kr_kr_kr, &inputs),
            (Operation::Or, true, true) => of_masks(registers, id, Code::VEX_Korw_kr_kr_kr, &inputs),
            (Operation::Xor, true, true) => of_masks(registers, id, Code::VEX_Kxorw_kr_kr_kr, &inputs),
            (Operation::AndNot, true, true) => of_masks(registers, id, Code::VEX_Kandnw_kr_kr_kr, &inputs),
            (Operation::Xor, true, false) if is_all_ones(registers, inputs[1]) => of_masks(registers, id, Code::VEX_Knotw_kr_kr, &inputs[..1]),
            (Operation::And, true, false) => where_mask(registers, id, [inputs[0], inputs[1]], preferred),
            (Operation::And, false, true) => where_mask(registers, id, [inputs[1], inputs[0]], preferred),
            _ => return false,
        }
        true
    }

    fn signs(&self, registers: &mut Registers<'_>, id: Id, lanes: usize) {
        let mask = registers.mask(id);
        let code = if lanes == 8 { Code::VEX_Kmovb_r32_kr } else { Code::VEX_Kmovw_r32_kr };
        registers.assembler.two(code, Register::EAX, Operand::Register(k(mask)));
    }

    fn spread(&self, assembler: &mut Assembler, to: u8) {
        assembler.two(Code::EVEX_Vpbroadcastd_zmm_k1z_r32, zmm(to), Operand::Register(Register::R9D));
    }

    fn keep_masks(&self, assembler: &mut Assembler, line: MemoryOperand) {
        for mask in LEFT..8 {
            assembler.store(Code::VEX_Kmovq_m64_kr, masks::place(line, mask), k(mask));
        }
    }

    fn fetch_masks(&self, assembler: &mut Assembler, line: MemoryOperand) {
        for mask in LEFT..8 {
            assembler.two(Code::VEX_Kmovq_kr_km64, k(mask), Operand::Memory(masks::place(line, mask)));
        }
    }
}

/// The instruction of a comparison: of two vectors, to a mask register.
fn comparison(operation: Operation, width: Width) -> Option<Binary> {
    let (codes, commutes, number) = match operation {
        Operation::Compare(comparison) => {
            let codes = [Code::EVEX_Vcmpps_kr_k1_zmm_zmmm512b32_imm8_sae, Code::EVEX_Vcmppd_kr_k1_zmm_zmmm512b64_imm8_sae];
            (codes, false, Some(comparison as u32))
        }
        Operation::GreaterInteger => ([Code::EVEX_Vpcmpgtd_kr_k1_zmm_zmmm512b32, Code::EVEX_Vpcmpgtq_kr_k1_zmm_zmmm512b64], false, None),
        Operation::EqualInteger => ([Code::EVEX_Vpcmpeqd_kr_k1_zmm_zmmm512b32, Code::EVEX_Vpcmpeqq_kr_k1_zmm_zmmm512b64], true, None),
        _ => return None,
    };
    Some(Binary { code: codes[width as usize], commutes, number })
}

fn compare(registers: &mut Registers<'_>, id: Id, mut inputs: [Id; 2], comparison: Binary) {
    if comparison.commutes && !registers.is_in_register(inputs[0]) && registers.is_in_register(inputs[1]) {
        inputs.swap(0, 1);
    }
    let first = zmm(registers.register(inputs[0]));
    let second = registers.operand(inputs[1]);
    let to = registers.fresh_mask();
    match comparison.number {
        Some(number) => registers.assembler.three_and_number(comparison.code, k(to), first, second, number),
        None => registers.assembler.three(comparison.code, k(to), first, second),
    }
    registers.done_mask(&inputs, id, to);
}

/// The larger or the smaller: the processor's own treats zeros as it should, and where either is no number all bits are set.
fn extreme(registers: &mut Registers<'_>, id: Id, inputs: [Id; 2], larger: bool, preferred: Option<u8>) {
    let width = registers.program.width(id) as usize;
    let first = zmm(registers.register(inputs[0]));
    let second = registers.operand(inputs[1]);
    let mask = registers.fresh_mask();
    let compare = [Code::EVEX_Vcmpps_kr_k1_zmm_zmmm512b32_imm8_sae, Code::EVEX_Vcmppd_kr_k1_zmm_zmmm512b64_imm8_sae][width];
    registers.assembler.three_and_number(compare, k(mask), first, second, Comparison::Unordered as u32);
    let to = registers.result(&inputs, preferred);
    let range = [Code::EVEX_Vrangeps_zmm_k1z_zmm_zmmm512b32_imm8_sae, Code::EVEX_Vrangepd_zmm_k1z_zmm_zmmm512b64_imm8_sae][width];
    // Its sign is that of the number that is taken.
    registers.assembler.three_and_number(range, zmm(to), first, second, 0b0100 | u32::from(larger));
    let logic = [Code::EVEX_Vpternlogd_zmm_k1z_zmm_zmmm512b32_imm8, Code::EVEX_Vpternlogq_zmm_k1z_zmm_zmmm512b64_imm8][width];
    registers.assembler.masked(Instruction::with4(logic, zmm(to), zmm(to), zmm(to), 0xFFu32), k(mask), false);
    registers.done(&inputs, Some((id, to)));
}

/// The second input where the signs of the first are set, elsewhere the third.
fn select(registers: &mut Registers<'_>, id: Id, inputs: [Id; 3], preferred: Option<u8>) {
    let width = registers.program.width(id);
    let mask = registers.mask(inputs[0]);
    let no = zmm(registers.register(inputs[2]));
    let yes = registers.operand(inputs[1]);
    let to = registers.result(&inputs, preferred);
    let code = [Code::EVEX_Vblendmps_zmm_k1z_zmm_zmmm512b32, Code::EVEX_Vblendmpd_zmm_k1z_zmm_zmmm512b64][width as usize];
    let blend = match yes {
        Operand::Register(yes) => Instruction::with3(code, zmm(to), no, yes),
        Operand::Memory(yes) => Instruction::with3(code, zmm(to), no, yes),
    };
    registers.assembler.masked(blend, k(mask), false);
    registers.done(&inputs, Some((id, to)));
}

/// Lanes from so many bytes on.
fn down(registers: &mut Registers<'_>, id: Id, bytes: u8, preferred: Option<u8>) {
    let inputs = registers.program.values[id as usize].inputs.clone();
    let from = registers.register(inputs[0]);
    let to = registers.result(&inputs, preferred);
    let (code, to_register, from, number) = match bytes {
        32 => (MOVES.upper, ymm(to), zmm(from), 1),
        16 => (Code::EVEX_Vextractf32x4_xmmm128_k1z_zmm_imm8, xmm(to), zmm(from), 1),
        8 => (Code::EVEX_Vpshufd_xmm_k1z_xmmm128b32_imm8, xmm(to), xmm(from), 0b11_10),
        _ => (Code::EVEX_Vpshufd_xmm_k1z_xmmm128b32_imm8, xmm(to), xmm(from), 0b01),
    };
    registers.assembler.two_and_number(code, to_register, Operand::Register(from), number);
    registers.done(&inputs, Some((id, to)));
}

/// Whether a value is the mask of all lanes.
fn is_all_ones(registers: &Registers<'_>, id: Id) -> bool {
    let value = &registers.program.values[id as usize];
    value.operation == Operation::Constant(all_ones(value.width))
}

/// Writes an operation on values that are in mask registers: the first ones of its inputs.
fn of_masks(registers: &mut Registers<'_>, id: Id, code: Code, masks: &[Id]) {
    let from: Vec<u8> = masks.iter().map(|&mask| registers.mask(mask)).collect();
    let to = registers.fresh_mask();
    match from[..] {
        [only] => registers.assembler.two(code, k(to), Operand::Register(k(only))),
        [first, second] => registers.assembler.three(code, k(to), k(first), Operand::Register(k(second))),
        _ => registers.assembler.fail("an operation has too many masks"),
    }
    let inputs = registers.program.values[id as usize].inputs.clone();
    registers.done_mask(&inputs, id, to);
}

/// The bits of a value where a mask is, zeros elsewhere.
fn where_mask(registers: &mut Registers<'_>, id: Id, inputs: [Id; 2], preferred: Option<u8>) {
    let width = registers.program.width(id);
    let mask = registers.mask(inputs[0]);
    let from = registers.operand(inputs[1]);
    let to = registers.result(&inputs, preferred);
    let code = [Code::EVEX_Vmovups_zmm_k1z_zmmm512, Code::EVEX_Vmovupd_zmm_k1z_zmmm512][width as usize];
    let copy = match from {
        Operand::Register(from) => Instruction::with2(code, zmm(to), from),
        Operand::Memory(from) => Instruction::with2(code, zmm(to), from),
    };
    registers.assembler.masked(copy, k(mask), true);
    registers.done(&inputs, Some((id, to)));
}

macro_rules! forms {
    ($first:ident, $second:ident, $third:ident) => {
        [Code::$first, Code::$second, Code::$third]
    };
}

/// By the sign of the product, the sign of the addend, the width.
static MUL_ADDS: [[Forms; 2]; 4] = [
    [
        forms!(EVEX_Vfmadd132ps_zmm_k1z_zmm_zmmm512b32_er, EVEX_Vfmadd213ps_zmm_k1z_zmm_zmmm512b32_er, EVEX_Vfmadd231ps_zmm_k1z_zmm_zmmm512b32_er),
        forms!(EVEX_Vfmadd132pd_zmm_k1z_zmm_zmmm512b64_er, EVEX_Vfmadd213pd_zmm_k1z_zmm_zmmm512b64_er, EVEX_Vfmadd231pd_zmm_k1z_zmm_zmmm512b64_er),
    ],
    [
        forms!(EVEX_Vfmsub132ps_zmm_k1z_zmm_zmmm512b32_er, EVEX_Vfmsub213ps_zmm_k1z_zmm_zmmm512b32_er, EVEX_Vfmsub231ps_zmm_k1z_zmm_zmmm512b32_er),
        forms!(EVEX_Vfmsub132pd_zmm_k1z_zmm_zmmm512b64_er, EVEX_Vfmsub213pd_zmm_k1z_zmm_zmmm512b64_er, EVEX_Vfmsub231pd_zmm_k1z_zmm_zmmm512b64_er),
    ],
    [
        forms!(EVEX_Vfnmadd132ps_zmm_k1z_zmm_zmmm512b32_er, EVEX_Vfnmadd213ps_zmm_k1z_zmm_zmmm512b32_er, EVEX_Vfnmadd231ps_zmm_k1z_zmm_zmmm512b32_er),
        forms!(EVEX_Vfnmadd132pd_zmm_k1z_zmm_zmmm512b64_er, EVEX_Vfnmadd213pd_zmm_k1z_zmm_zmmm512b64_er, EVEX_Vfnmadd231pd_zmm_k1z_zmm_zmmm512b64_er),
    ],
    [
        forms!(EVEX_Vfnmsub132ps_zmm_k1z_zmm_zmmm512b32_er, EVEX_Vfnmsub213ps_zmm_k1z_zmm_zmmm512b32_er, EVEX_Vfnmsub231ps_zmm_k1z_zmm_zmmm512b32_er),
        forms!(EVEX_Vfnmsub132pd_zmm_k1z_zmm_zmmm512b64_er, EVEX_Vfnmsub213pd_zmm_k1z_zmm_zmmm512b64_er, EVEX_Vfnmsub231pd_zmm_k1z_zmm_zmmm512b64_er),
    ],
];
