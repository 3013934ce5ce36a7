//! Conversions, by the elements' own rules: floats become integers towards 0, the nearest where they are too large, and 0 where they are NaN.

use damo_graph::DType;
use smallvec::SmallVec;

use super::{Translation, is_supported, width_of};
use crate::native::instructions;
use crate::native::program::{Comparison, Id, Operation, Outside, Rounding, Width, all_ones};
use crate::portable::loops::Loop;

/// 1.5 · 2⁵²: added to a whole number up to 2⁵¹, it leaves that number in the lowest bits.
const WHOLE: f64 = 6_755_399_441_055_744.0;

/// 2³² and 2⁶³.
const WORD: f64 = 4_294_967_296.0;
const TOO_LARGE: f64 = 9_223_372_036_854_775_808.0;

impl Translation<'_> {
    /// A value of one dtype as another; `None` if there are no such lanes.
    pub(super) fn cast(&self, value: Id, from: DType, to: DType) -> Option<Id> {
        if !is_supported(from) || !is_supported(to) {
            return None;
        }
        let width = width_of(to);
        Some(match (from, to) {
            _ if from == to => value,
            (DType::Bool, _) => {
                let one = match to {
                    DType::F32 => u64::from(1f32.to_bits()),
                    DType::F64 => 1f64.to_bits(),
                    _ => 1,
                };
                let mask = self.program.borrow_mut().resized(value, width);
                self.value(Operation::And, &[mask, self.constant(one, width)], width)
            }
            (DType::F32 | DType::F64, DType::Bool) => {
                let width = width_of(from);
                self.value(Operation::Compare(Comparison::NotEqual), &[value, self.constant(0, width)], width)
            }
            (_, DType::Bool) => {
                let width = width_of(from);
                self.not(self.value(Operation::EqualInteger, &[value, self.constant(0, width)], width))
            }
            (DType::F32 | DType::F64, DType::F32 | DType::F64) => self.value(Operation::FloatToFloat, &[value], width),
            (DType::F32 | DType::F64, DType::I32) => self.short_of_float(value, from),
            (DType::F64, DType::I64) => self.long_of_float(value),
            (DType::F32, DType::I64) => self.long_of_float(self.value(Operation::FloatToFloat, &[value], Width::Double)),
            (DType::I32 | DType::I64, DType::F32 | DType::F64) if self.converts(width_of(from), width) => {
                self.value(Operation::IntegerToFloat, &[value], width)
            }
            (DType::I64, DType::F64) => self.float_of_long(value),
            (DType::I64, DType::F32) => self.short_float_of_long(value),
            (DType::I32 | DType::I64, DType::I32 | DType::I64) => self.value(Operation::Resize, &[value], width),
            _ => self.outside(Outside { function: Loop::cast(from, to), arguments: SmallVec::from_slice(&[from]), result: to }, &[value]),
        })
    }

    /// Whether there is an instruction that makes floats of integers.
    fn converts(&self, from: Width, to: Width) -> bool {
        instructions::of(self.program.borrow().set).conversion(Operation::IntegerToFloat, from, to).is_some()
    }

    /// The bits of a number where a mask is, else a value.
    fn number_where(&self, mask: Id, number: i64, value: Id, width: Width) -> Id {
        let mask = self.program.borrow_mut().resized(mask, width);
        self.value(Operation::Select, &[mask, self.constant(number as u64 & all_ones(width), width), value], width)
    }

    /// A value, and 0 where a float is NaN.
    fn unless_nan(&self, value: Id, float: Id, width: Width) -> Id {
        let own = self.program.borrow().width(float);
        let mask = self.value(Operation::Compare(Comparison::Equal), &[float, float], own);
        let mask = self.program.borrow_mut().resized(mask, width);
        self.value(Operation::And, &[mask, value], width)
    }

    /// An integer of 32 bits. The instruction gives the least one for all that it cannot give.
    fn short_of_float(&self, x: Id, from: DType) -> Id {
        let limit = if from == DType::F32 { u64::from(2_147_483_648f32.to_bits()) } else { 2_147_483_648f64.to_bits() };
        let width = width_of(from);
        let is_large = self.value(Operation::Compare(Comparison::LessOrEqual), &[self.constant(limit, width), x], width);
        let whole = self.value(Operation::FloatToInteger, &[x], Width::Single);
        self.unless_nan(self.number_where(is_large, i32::MAX.into(), whole, Width::Single), x, Width::Single)
    }

    /// An integer of 64 bits: the number of whole words, and what is left, both exact.
    fn long_of_float(&self, x: Id) -> Id {
        let make = |operation: Operation, inputs: &[Id]| self.value(operation, inputs, Width::Double);
        let float = |number: f64| self.constant(number.to_bits(), Width::Double);
        let truncated = |x: Id| make(Operation::Round(Rounding::Truncate), &[x]);
        let integer = |x: Id| make(Operation::SubtractInteger, &[make(Operation::Add, &[x, float(WHOLE)]), float(WHOLE)]);
        let whole = truncated(x);
        let words = truncated(make(Operation::Multiply, &[whole, float(1.0 / WORD)]));
        let rest = make(Operation::MulAdd { negative_product: true, negative_addend: false }, &[words, float(WORD), whole]);
        let sum = make(Operation::AddInteger, &[make(Operation::ShiftLeft(32), &[integer(words)]), integer(rest)]);
        let is_large = make(Operation::Compare(Comparison::LessOrEqual), &[float(TOO_LARGE), x]);
        let is_small = make(Operation::Compare(Comparison::Less), &[x, float(-TOO_LARGE)]);
        let sum = self.number_where(is_large, i64::MAX, sum, Width::Double);
        self.unless_nan(self.number_where(is_small, i64::MIN, sum, Width::Double), x, Width::Double)
    }

    /// A float of 64 bits: both words behind the exponents that let them be what they are, added with one rounding.
    fn float_of_long(&self, x: Id) -> Id {
        let make = |operation: Operation, inputs: &[Id]| self.value(operation, inputs, Width::Double);
        let bits = |bits: u64| self.constant(bits, Width::Double);
        // 2⁵² and the lower word; 2⁸⁴, 2⁶³ and the upper word, whose sign is turned so that it is not negative.
        let lower = make(Operation::Or, &[make(Operation::And, &[x, bits(0xffff_ffff)]), bits(0x4330_0000_0000_0000)]);
        let upper = make(Operation::Xor, &[make(Operation::ShiftRight(32), &[x]), bits(0x4530_0000_8000_0000)]);
        let offset = 19_342_822_341_709_703_277_445_120.0f64;
        make(Operation::Add, &[make(Operation::Subtract, &[upper, bits(offset.to_bits())]), lower])
    }

    /// A float of 32 bits. By way of one of 64, but where that is rounded already.
    fn short_float_of_long(&self, x: Id) -> Id {
        let long = self.float_of_long(x);
        let size = self.value(Operation::And, &[long, self.constant(!(1 << 63), Width::Double)], Width::Double);
        let exact = self.constant(9_007_199_254_740_992f64.to_bits(), Width::Double);
        let is_rounded = self.value(Operation::Compare(Comparison::LessOrEqual), &[exact, size], Width::Double);
        let short = self.value(Operation::FloatToFloat, &[long], Width::Single);
        let outside = Outside { function: Loop::cast(DType::I64, DType::F32), arguments: SmallVec::from_slice(&[DType::I64]), result: DType::F32 };
        let mut program = self.program.borrow_mut();
        let mask = program.resized(is_rounded, Width::Single);
        program.call(outside, short, mask, &[x], Width::Single)
    }
}
