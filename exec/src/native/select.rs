//! Which instructions compute a value: AVX2 with fused multiply-adds.

#![expect(clippy::wildcard_enum_match_arm, reason = "tables of the operations that are alike; the judge finds those in none")]

use iced_x86::{Code, MemoryOperand, Register};

use super::assembler::{Operand, VECTOR, xmm, ymm};
use super::program::{Id, Operation, Width};
use super::registers::Registers;

/// Writes the instructions of an operation on values; loads, counts and calls are written by the loops around.
///
/// With `preferred` the result goes to that register, if that is free to be written.
pub(super) fn write(registers: &mut Registers<'_>, id: Id, preferred: Option<u8>) {
    let value = &registers.program.values[id as usize];
    let (width, inputs) = (value.width, value.inputs.clone());
    match value.operation {
        Operation::MulAdd { negative_product, negative_addend } => {
            let codes = MUL_ADDS[usize::from(negative_product) * 2 + usize::from(negative_addend)][width as usize];
            mul_add(registers, id, [inputs[0], inputs[1], inputs[2]], codes, preferred);
        }
        Operation::Select => {
            let mask = ymm(registers.register(inputs[0]));
            let no = ymm(registers.register(inputs[2]));
            let yes = registers.operand(inputs[1]);
            let to = registers.result(&inputs, preferred);
            let code = by_width(width, Code::VEX_Vblendvps_ymm_ymm_ymmm256_ymm, Code::VEX_Vblendvpd_ymm_ymm_ymmm256_ymm);
            registers.assembler.four(code, ymm(to), no, yes, mask);
            registers.done(&inputs, Some((id, to)));
        }
        Operation::Resize if width == Width::Single => {
            // The lower halves of eight lanes, of which the first four are the result.
            let from = registers.register(inputs[0]);
            let upper = registers.fresh();
            let to = registers.result(&inputs, preferred);
            registers.assembler.write(iced_x86::Instruction::with3(Code::VEX_Vextractf128_xmmm128_ymm_imm8, xmm(upper), ymm(from), 1));
            registers.assembler.three_and_number(Code::VEX_Vshufps_xmm_xmm_xmmm128_imm8, xmm(to), xmm(from), Operand::Register(xmm(upper)), 0x88);
            registers.done(&inputs, Some((id, to)));
        }
        Operation::Half { upper, float } => {
            let code = if float { Code::VEX_Vcvtps2pd_ymm_xmmm128 } else { Code::VEX_Vpmovsxdq_ymm_xmmm128 };
            let to = if registers.is_in_register(inputs[0]) {
                let from = registers.register(inputs[0]);
                let to = registers.result(&inputs, preferred);
                if upper {
                    registers.assembler.write(iced_x86::Instruction::with3(Code::VEX_Vextractf128_xmmm128_ymm_imm8, xmm(to), ymm(from), 1));
                }
                registers.assembler.two(code, ymm(to), Operand::Register(xmm(if upper { to } else { from })));
                to
            } else {
                let from = match registers.operand(inputs[0]) {
                    Operand::Memory(memory) if upper => Operand::Memory(moved(memory, VECTOR as i64 / 2)),
                    from => from,
                };
                let to = registers.result(&inputs, preferred);
                registers.assembler.two(code, ymm(to), from);
                to
            };
            registers.done(&inputs, Some((id, to)));
        }
        Operation::IntegerToFloat | Operation::FloatToFloat | Operation::Resize => {
            let from = registers.register(inputs[0]);
            let to = registers.result(&inputs, preferred);
            let (code, to_register, from_register) = match (value.operation, width) {
                (Operation::IntegerToFloat, Width::Single) => (Code::VEX_Vcvtdq2ps_ymm_ymmm256, ymm(to), ymm(from)),
                (Operation::IntegerToFloat, Width::Double) => (Code::VEX_Vcvtdq2pd_ymm_xmmm128, ymm(to), xmm(from)),
                (Operation::FloatToFloat, Width::Single) => (Code::VEX_Vcvtpd2ps_xmm_ymmm256, xmm(to), ymm(from)),
                (Operation::FloatToFloat, Width::Double) => (Code::VEX_Vcvtps2pd_ymm_xmmm128, ymm(to), xmm(from)),
                _ => (Code::VEX_Vpmovsxdq_ymm_xmmm128, ymm(to), xmm(from)),
            };
            registers.assembler.two(code, to_register, Operand::Register(from_register));
            registers.done(&inputs, Some((id, to)));
        }
        operation => {
            if let Some((code, number)) = unary(operation, width) {
                one_input(registers, id, inputs[0], code, number, preferred);
            } else if let Some((code, commutes, number)) = binary(operation, width) {
                two_inputs(registers, id, [inputs[0], inputs[1]], code, commutes, number, preferred);
            } else {
                registers.assembler.fail("an operation has no instruction");
            }
        }
    }
}

fn by_width(width: Width, single: Code, double: Code) -> Code {
    match width {
        Width::Single => single,
        Width::Double => double,
    }
}

/// The instruction of an operation on one vector, and the number it takes.
fn unary(operation: Operation, width: Width) -> Option<(Code, Option<u32>)> {
    Some(match operation {
        Operation::SquareRoot => (by_width(width, Code::VEX_Vsqrtps_ymm_ymmm256, Code::VEX_Vsqrtpd_ymm_ymmm256), None),
        // The lowest bits say which way, the fourth that nobody hears of it if the number changes.
        Operation::Round(rounding) => {
            (by_width(width, Code::VEX_Vroundps_ymm_ymmm256_imm8, Code::VEX_Vroundpd_ymm_ymmm256_imm8), Some(rounding as u32 | 8))
        }
        Operation::ShiftLeft(places) => (by_width(width, Code::VEX_Vpslld_ymm_ymm_imm8, Code::VEX_Vpsllq_ymm_ymm_imm8), Some(places.into())),
        Operation::ShiftRight(places) => (by_width(width, Code::VEX_Vpsrld_ymm_ymm_imm8, Code::VEX_Vpsrlq_ymm_ymm_imm8), Some(places.into())),
        _ => return None,
    })
}

/// The instruction of an operation on two vectors, whether they may be exchanged, and the number it takes.
fn binary(operation: Operation, width: Width) -> Option<(Code, bool, Option<u32>)> {
    let (single, double, commutes) = match operation {
        Operation::Add => (Code::VEX_Vaddps_ymm_ymm_ymmm256, Code::VEX_Vaddpd_ymm_ymm_ymmm256, true),
        Operation::Subtract => (Code::VEX_Vsubps_ymm_ymm_ymmm256, Code::VEX_Vsubpd_ymm_ymm_ymmm256, false),
        Operation::Multiply => (Code::VEX_Vmulps_ymm_ymm_ymmm256, Code::VEX_Vmulpd_ymm_ymm_ymmm256, true),
        Operation::Divide => (Code::VEX_Vdivps_ymm_ymm_ymmm256, Code::VEX_Vdivpd_ymm_ymm_ymmm256, false),
        Operation::Least => (Code::VEX_Vminps_ymm_ymm_ymmm256, Code::VEX_Vminpd_ymm_ymm_ymmm256, false),
        Operation::Greatest => (Code::VEX_Vmaxps_ymm_ymm_ymmm256, Code::VEX_Vmaxpd_ymm_ymm_ymmm256, false),
        Operation::And => (Code::VEX_Vandps_ymm_ymm_ymmm256, Code::VEX_Vandpd_ymm_ymm_ymmm256, true),
        Operation::Or => (Code::VEX_Vorps_ymm_ymm_ymmm256, Code::VEX_Vorpd_ymm_ymm_ymmm256, true),
        Operation::Xor => (Code::VEX_Vxorps_ymm_ymm_ymmm256, Code::VEX_Vxorpd_ymm_ymm_ymmm256, true),
        Operation::AndNot => (Code::VEX_Vandnps_ymm_ymm_ymmm256, Code::VEX_Vandnpd_ymm_ymm_ymmm256, false),
        Operation::AddInteger => (Code::VEX_Vpaddd_ymm_ymm_ymmm256, Code::VEX_Vpaddq_ymm_ymm_ymmm256, true),
        Operation::SubtractInteger => (Code::VEX_Vpsubd_ymm_ymm_ymmm256, Code::VEX_Vpsubq_ymm_ymm_ymmm256, false),
        Operation::MultiplyInteger if width == Width::Single => (Code::VEX_Vpmulld_ymm_ymm_ymmm256, Code::INVALID, true),
        Operation::GreaterInteger => (Code::VEX_Vpcmpgtd_ymm_ymm_ymmm256, Code::VEX_Vpcmpgtq_ymm_ymm_ymmm256, false),
        Operation::EqualInteger => (Code::VEX_Vpcmpeqd_ymm_ymm_ymmm256, Code::VEX_Vpcmpeqq_ymm_ymm_ymmm256, true),
        Operation::Compare(comparison) => {
            let code = by_width(width, Code::VEX_Vcmpps_ymm_ymm_ymmm256_imm8, Code::VEX_Vcmppd_ymm_ymm_ymmm256_imm8);
            return Some((code, false, Some(comparison as u32)));
        }
        _ => return None,
    };
    Some((by_width(width, single, double), commutes, None))
}

fn one_input(registers: &mut Registers<'_>, id: Id, input: Id, code: Code, number: Option<u32>, preferred: Option<u8>) {
    // Shifts take only registers.
    let from = Operand::Register(ymm(registers.register(input)));
    let to = registers.result(&[input], preferred);
    match number {
        Some(number) => registers.assembler.two_and_number(code, ymm(to), from, number),
        None => registers.assembler.two(code, ymm(to), from),
    }
    registers.done(&[input], Some((id, to)));
}

fn two_inputs(registers: &mut Registers<'_>, id: Id, mut inputs: [Id; 2], code: Code, commutes: bool, number: Option<u32>, preferred: Option<u8>) {
    if commutes && !registers.is_in_register(inputs[0]) && registers.is_in_register(inputs[1]) {
        inputs.swap(0, 1);
    }
    let first = ymm(registers.register(inputs[0]));
    let second = registers.operand(inputs[1]);
    let to = registers.result(&inputs, preferred);
    match number {
        Some(number) => registers.assembler.three_and_number(code, ymm(to), first, second, number),
        None => registers.assembler.three(code, ymm(to), first, second),
    }
    registers.done(&inputs, Some((id, to)));
}

/// The three forms of a fused multiply-add: which operands are multiplied, the first of which is replaced: 1·3 + 2, 2·1 + 3, 2·3 + 1.
type Forms = [Code; 3];

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

fn mul_add(registers: &mut Registers<'_>, id: Id, inputs: [Id; 3], codes: Forms, preferred: Option<u8>) {
    let [mut x, mut y, z] = inputs;
    // The factor that is in memory comes second: an instruction reads one operand from there.
    if !registers.is_in_register(x) && registers.is_in_register(y) {
        std::mem::swap(&mut x, &mut y);
    }
    let dying = |registers: &Registers<'_>, id: Id| registers.dying(id, &inputs, preferred);
    let to = if let Some(to) = dying(registers, z) {
        let _ = registers.register(z);
        let factor = ymm(registers.register(x));
        let other = registers.operand(y);
        registers.assembler.three(codes[2], ymm(to), factor, other);
        to
    } else if let Some(to) = dying(registers, x) {
        let _ = registers.register(x);
        let factor = ymm(registers.register(y));
        let addend = registers.operand(z);
        registers.assembler.three(codes[1], ymm(to), factor, addend);
        to
    } else if let Some(to) = dying(registers, y) {
        let _ = registers.register(y);
        let factor = ymm(registers.register(x));
        let addend = registers.operand(z);
        registers.assembler.three(codes[1], ymm(to), factor, addend);
        to
    } else {
        let factor = ymm(registers.register(x));
        let other = registers.operand(y);
        let addend = registers.operand(z);
        let to = registers.fresh();
        registers.assembler.two(Code::VEX_Vmovups_ymm_ymmm256, ymm(to), addend);
        registers.assembler.three(codes[2], ymm(to), factor, other);
        to
    };
    registers.done(&inputs, Some((id, to)));
}

/// Loads, for elements of so many bytes in so many lanes: whole vectors, the lower half, masks of bytes.
pub(super) fn load_code(size: usize, lanes: usize) -> (Code, bool) {
    match (size, lanes) {
        (1, 8) => (Code::VEX_Vpmovzxbd_ymm_xmmm64, true),
        (1, _) => (Code::VEX_Vpmovzxbd_xmm_xmmm32, false),
        (4, 4) => (Code::VEX_Vmovups_xmm_xmmm128, false),
        _ => (Code::VEX_Vmovups_ymm_ymmm256, true),
    }
}

/// Memory some bytes on.
fn moved(memory: MemoryOperand, bytes: i64) -> MemoryOperand {
    MemoryOperand::new(memory.base, memory.index, memory.scale, memory.displacement + bytes, 1, false, Register::None)
}
