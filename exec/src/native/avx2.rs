//! Vectors of 256 bits: AVX2 with fused multiply-adds. Truth values are vectors like all others.

#![expect(clippy::wildcard_enum_match_arm, reason = "tables of the operations that are alike; the judge finds those in none")]

mod memory;

use iced_x86::{Code, Instruction, MemoryOperand, Register};

use super::assembler::{Assembler, Operand, xmm, ymm};
use super::instructions::{Binary, Conversion, Extent, Forms, Instructions, Moves};
use super::program::{Id, Operation, Width};
use super::registers::Registers;
use crate::instruction_set::InstructionSet;

/// The instructions of [`InstructionSet::Avx2`].
#[derive(Debug)]
pub(super) struct Avx2;

static MOVES: Moves = Moves {
    load: Code::VEX_Vmovups_ymm_ymmm256,
    store: Code::VEX_Vmovups_ymmm256_ymm,
    store_past: Code::VEX_Vmovntps_m256_ymm,
    load_half: Code::VEX_Vmovups_xmm_xmmm128,
    store_half: Code::VEX_Vmovups_xmmm128_xmm,
    broadcast: [Code::VEX_Vbroadcastss_ymm_m32, Code::VEX_Vbroadcastsd_ymm_m64],
    upper: Code::VEX_Vextractf128_xmmm128_ymm_imm8,
    store_first: [Code::VEX_Vmovss_m32_xmm, Code::VEX_Vmovsd_m64_xmm],
};

impl Instructions for Avx2 {
    fn set(&self) -> InstructionSet {
        InstructionSet::Avx2
    }

    fn moves(&self) -> &'static Moves {
        &MOVES
    }

    fn unary(&self, operation: Operation, width: Width) -> Option<(Code, Option<u32>)> {
        let (codes, number) = match operation {
            Operation::SquareRoot => ([Code::VEX_Vsqrtps_ymm_ymmm256, Code::VEX_Vsqrtpd_ymm_ymmm256], None),
            // The lowest bits say which way, the fourth that nobody hears of it if the number changes.
            Operation::Round(rounding) => ([Code::VEX_Vroundps_ymm_ymmm256_imm8, Code::VEX_Vroundpd_ymm_ymmm256_imm8], Some(rounding as u32 | 8)),
            Operation::ShiftLeft(places) => ([Code::VEX_Vpslld_ymm_ymm_imm8, Code::VEX_Vpsllq_ymm_ymm_imm8], Some(places.into())),
            Operation::ShiftRight(places) => ([Code::VEX_Vpsrld_ymm_ymm_imm8, Code::VEX_Vpsrlq_ymm_ymm_imm8], Some(places.into())),
            _ => return None,
        };
        Some((codes[width as usize], number))
    }

    fn binary(&self, operation: Operation, width: Width) -> Option<Binary> {
        let (codes, commutes) = match operation {
            Operation::Add => ([Code::VEX_Vaddps_ymm_ymm_ymmm256, Code::VEX_Vaddpd_ymm_ymm_ymmm256], true),
            Operation::Subtract => ([Code::VEX_Vsubps_ymm_ymm_ymmm256, Code::VEX_Vsubpd_ymm_ymm_ymmm256], false),
            Operation::Multiply => ([Code::VEX_Vmulps_ymm_ymm_ymmm256, Code::VEX_Vmulpd_ymm_ymm_ymmm256], true),
            Operation::Divide => ([Code::VEX_Vdivps_ymm_ymm_ymmm256, Code::VEX_Vdivpd_ymm_ymm_ymmm256], false),
            Operation::Least => ([Code::VEX_Vminps_ymm_ymm_ymmm256, Code::VEX_Vminpd_ymm_ymm_ymmm256], false),
            Operation::Greatest => ([Code::VEX_Vmaxps_ymm_ymm_ymmm256, Code::VEX_Vmaxpd_ymm_ymm_ymmm256], false),
            Operation::And => ([Code::VEX_Vandps_ymm_ymm_ymmm256, Code::VEX_Vandpd_ymm_ymm_ymmm256], true),
            Operation::Or => ([Code::VEX_Vorps_ymm_ymm_ymmm256, Code::VEX_Vorpd_ymm_ymm_ymmm256], true),
            Operation::Xor => ([Code::VEX_Vxorps_ymm_ymm_ymmm256, Code::VEX_Vxorpd_ymm_ymm_ymmm256], true),
            Operation::AndNot => ([Code::VEX_Vandnps_ymm_ymm_ymmm256, Code::VEX_Vandnpd_ymm_ymm_ymmm256], false),
            Operation::AddInteger => ([Code::VEX_Vpaddd_ymm_ymm_ymmm256, Code::VEX_Vpaddq_ymm_ymm_ymmm256], true),
            Operation::SubtractInteger => ([Code::VEX_Vpsubd_ymm_ymm_ymmm256, Code::VEX_Vpsubq_ymm_ymm_ymmm256], false),
            Operation::MultiplyInteger => ([Code::VEX_Vpmulld_ymm_ymm_ymmm256, Code::INVALID], true),
            Operation::GreaterInteger => ([Code::VEX_Vpcmpgtd_ymm_ymm_ymmm256, Code::VEX_Vpcmpgtq_ymm_ymm_ymmm256], false),
            Operation::EqualInteger => ([Code::VEX_Vpcmpeqd_ymm_ymm_ymmm256, Code::VEX_Vpcmpeqq_ymm_ymm_ymmm256], true),
            Operation::Compare(comparison) => {
                let codes = [Code::VEX_Vcmpps_ymm_ymm_ymmm256_imm8, Code::VEX_Vcmppd_ymm_ymm_ymmm256_imm8];
                return Binary::of(width, codes, false).map(|binary| Binary { number: Some(comparison as u32), ..binary });
            }
            _ => return None,
        };
        Binary::of(width, codes, commutes)
    }

    fn conversion(&self, operation: Operation, from: Width, to: Width) -> Option<Conversion> {
        use Extent::{Half, Whole};
        let (code, from, to) = match (operation, from, to) {
            (Operation::IntegerToFloat, Width::Single, Width::Single) => (Code::VEX_Vcvtdq2ps_ymm_ymmm256, Whole, Whole),
            (Operation::IntegerToFloat, Width::Single, Width::Double) => (Code::VEX_Vcvtdq2pd_ymm_xmmm128, Half, Whole),
            (Operation::FloatToInteger, Width::Single, Width::Single) => (Code::VEX_Vcvttps2dq_ymm_ymmm256, Whole, Whole),
            (Operation::FloatToInteger, Width::Double, Width::Single) => (Code::VEX_Vcvttpd2dq_xmm_ymmm256, Whole, Half),
            (Operation::FloatToFloat, Width::Double, Width::Single) => (Code::VEX_Vcvtpd2ps_xmm_ymmm256, Whole, Half),
            (Operation::FloatToFloat, Width::Single, Width::Double) => (Code::VEX_Vcvtps2pd_ymm_xmmm128, Half, Whole),
            (Operation::Resize, Width::Single, Width::Double) => (Code::VEX_Vpmovsxdq_ymm_xmmm128, Half, Whole),
            _ => return None,
        };
        Some(Conversion { code, from, to })
    }

    fn mul_add(&self, negative_product: bool, negative_addend: bool, width: Width) -> Forms {
        MUL_ADDS[usize::from(negative_product) * 2 + usize::from(negative_addend)][width as usize]
    }

    fn has_extremes(&self) -> bool {
        false
    }

    fn halves_from_memory(&self) -> bool {
        false
    }

    fn own_way(&self, registers: &mut Registers<'_>, id: Id, preferred: Option<u8>) -> bool {
        let value = &registers.program.values[id as usize];
        let (operation, width, inputs) = (value.operation, value.width, value.inputs.clone());
        match operation {
            Operation::Select => {
                let mask = ymm(registers.register(inputs[0]));
                let no = ymm(registers.register(inputs[2]));
                let yes = registers.operand(inputs[1]);
                let to = registers.result(&inputs, preferred);
                let code = [Code::VEX_Vblendvps_ymm_ymm_ymmm256_ymm, Code::VEX_Vblendvpd_ymm_ymm_ymmm256_ymm][width as usize];
                registers.assembler.four(code, ymm(to), no, yes, mask);
                registers.done(&inputs, Some((id, to)));
            }
            Operation::Resize if width == Width::Single => {
                // The lower halves of eight lanes, of which the first four are the result.
                let from = registers.register(inputs[0]);
                let upper = registers.fresh();
                let to = registers.result(&inputs, preferred);
                registers.assembler.write(Instruction::with3(MOVES.upper, xmm(upper), ymm(from), 1));
                let code = Code::VEX_Vshufps_xmm_xmm_xmmm128_imm8;
                registers.assembler.three_and_number(code, xmm(to), xmm(from), Operand::Register(xmm(upper)), 0x88);
                registers.done(&inputs, Some((id, to)));
            }
            Operation::Down(bytes) => {
                let from = registers.register(inputs[0]);
                let to = registers.result(&inputs, preferred);
                let (code, from, number) = match bytes {
                    16 => (MOVES.upper, ymm(from), 1),
                    8 => (Code::VEX_Vpshufd_xmm_xmmm128_imm8, xmm(from), 0b11_10),
                    _ => (Code::VEX_Vpshufd_xmm_xmmm128_imm8, xmm(from), 0b01),
                };
                registers.assembler.two_and_number(code, xmm(to), Operand::Register(from), number);
                registers.done(&inputs, Some((id, to)));
            }
            _ => return false,
        }
        true
    }

    fn signs(&self, registers: &mut Registers<'_>, id: Id, lanes: usize) {
        let from = registers.register(id);
        let (code, from) = match (registers.program.width(id), lanes) {
            (Width::Single, 8) => (Code::VEX_Vmovmskps_r32_ymm, ymm(from)),
            (Width::Single, _) => (Code::VEX_Vmovmskps_r32_xmm, xmm(from)),
            (Width::Double, _) => (Code::VEX_Vmovmskpd_r32_ymm, ymm(from)),
        };
        registers.assembler.two(code, Register::EAX, Operand::Register(from));
    }

    fn spread(&self, assembler: &mut Assembler, to: u8) {
        assembler.two(Code::VEX_Vmovd_xmm_rm32, xmm(to), Operand::Register(Register::R9D));
        assembler.two(Code::VEX_Vpbroadcastd_ymm_xmmm32, ymm(to), Operand::Register(xmm(to)));
    }

    fn keep_masks(&self, _: &mut Assembler, _: MemoryOperand) {}

    fn fetch_masks(&self, _: &mut Assembler, _: MemoryOperand) {}
}

macro_rules! forms {
    ($first:ident, $second:ident, $third:ident) => {
        [Code::$first, Code::$second, Code::$third]
    };
}

/// By the sign of the product, the sign of the addend, the width.
static MUL_ADDS: [[Forms; 2]; 4] = [
    [
        forms!(VEX_Vfmadd132ps_ymm_ymm_ymmm256, VEX_Vfmadd213ps_ymm_ymm_ymmm256, VEX_Vfmadd231ps_ymm_ymm_ymmm256),
        forms!(VEX_Vfmadd132pd_ymm_ymm_ymmm256, VEX_Vfmadd213pd_ymm_ymm_ymmm256, VEX_Vfmadd231pd_ymm_ymm_ymmm256),
    ],
    [
        forms!(VEX_Vfmsub132ps_ymm_ymm_ymmm256, VEX_Vfmsub213ps_ymm_ymm_ymmm256, VEX_Vfmsub231ps_ymm_ymm_ymmm256),
        forms!(VEX_Vfmsub132pd_ymm_ymm_ymmm256, VEX_Vfmsub213pd_ymm_ymm_ymmm256, VEX_Vfmsub231pd_ymm_ymm_ymmm256),
    ],
    [
        forms!(VEX_Vfnmadd132ps_ymm_ymm_ymmm256, VEX_Vfnmadd213ps_ymm_ymm_ymmm256, VEX_Vfnmadd231ps_ymm_ymm_ymmm256),
        forms!(VEX_Vfnmadd132pd_ymm_ymm_ymmm256, VEX_Vfnmadd213pd_ymm_ymm_ymmm256, VEX_Vfnmadd231pd_ymm_ymm_ymmm256),
    ],
    [
        forms!(VEX_Vfnmsub132ps_ymm_ymm_ymmm256, VEX_Vfnmsub213ps_ymm_ymm_ymmm256, VEX_Vfnmsub231ps_ymm_ymm_ymmm256),
        forms!(VEX_Vfnmsub132pd_ymm_ymm_ymmm256, VEX_Vfnmsub213pd_ymm_ymm_ymmm256, VEX_Vfnmsub231pd_ymm_ymm_ymmm256),
    ],
];
