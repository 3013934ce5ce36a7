//! A straight-line program on vectors, each value made once: what becomes machine code.
//!
//! All vectors of a program have as many lanes, of 32 or 64 bits. A truth value is a lane of all ones or all zeros.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Shl, Shr, Sub};

use damo_graph::DType;
use smallvec::SmallVec;

use super::instructions;
use super::lanes::Lanes;
use super::mixer::HashMap;
use crate::instruction_set::InstructionSet;
use crate::portable::loops::Loop;

/// A value, by its place in the program.
pub(super) type Id = u32;

/// The width of a value's lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Width {
    /// 32 bits.
    Single,
    /// 64 bits.
    Double,
}

impl Width {
    /// Bytes of a lane.
    pub const fn bytes(self) -> usize {
        match self {
            Width::Single => 4,
            Width::Double => 8,
        }
    }
}

/// Which way to a whole number, as the processor counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Rounding {
    TiesEven = 0,
    Down = 1,
    Up = 2,
    Truncate = 3,
}

/// Comparisons of floats, as the processor counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Comparison {
    Equal = 0x00,
    Less = 0x11,
    LessOrEqual = 0x12,
    Unordered = 0x03,
    NotEqual = 0x04,
}

/// What makes a value of earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Operation {
    /// The same bits in every lane.
    Constant(u64),
    /// The elements of an access; truth values of an access to bytes.
    Load(usize),
    /// The numbers that an access counts, as integers.
    Count(usize),
    // Floats.
    Add,
    Subtract,
    Multiply,
    Divide,
    SquareRoot,
    /// `±(x · y) ± z`, rounded once.
    MulAdd {
        negative_product: bool,
        negative_addend: bool,
    },
    /// x · 2ⁿ for a whole number n, rounded once.
    Scale,
    /// `if x < y { x } else { y }`
    Least,
    /// `if x > y { x } else { y }`
    Greatest,
    /// The larger or the smaller; NaN if either is; +0 is larger than −0.
    Extreme {
        larger: bool,
    },
    Round(Rounding),
    Compare(Comparison),
    // Bits of floats, of integers, of masks.
    And,
    Or,
    Xor,
    /// y where x has no bit.
    AndNot,
    /// The second where the mask, else the third.
    Select,
    // Integers.
    AddInteger,
    SubtractInteger,
    MultiplyInteger,
    ShiftLeft(u8),
    ShiftRight(u8),
    GreaterInteger,
    EqualInteger,
    // Between formats; of the width they make.
    IntegerToFloat,
    /// Towards 0, to 32 bits; the least integer where there is none.
    FloatToInteger,
    FloatToFloat,
    /// Integers or masks to another width: the sign is kept, or the upper half dropped.
    Resize,
    /// Lanes from so many bytes on, in front: half of what is in front stays there, the rest does not matter.
    Down(u8),
    /// Half of the lanes of floats, as twice as wide ones.
    Half {
        upper: bool,
    },
    // What the loop around keeps.
    /// What has been combined so far.
    Accumulator(usize),
    /// The lanes that are left in the last round of a row.
    Left,
    /// What a function outside makes, in the lanes of a mask; elsewhere the first input: (otherwise, mask, arguments…).
    Call(usize),
}

/// How a value is made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Value {
    pub operation: Operation,
    pub inputs: SmallVec<[Id; 5]>,
    pub width: Width,
    /// Of several rounds in turn, the one it is of.
    pub round: usize,
}

/// Values, each after those it is made of.
#[derive(Debug)]
pub(super) struct Program {
    pub values: Vec<Value>,
    /// The instructions that it is for.
    pub set: InstructionSet,
    /// How many lanes each vector has: as many of 32 bits as fill it where none are wider, else half as many.
    pub lanes: usize,
    /// The functions outside that it calls.
    pub calls: Vec<Outside>,
    known: HashMap<Value, Id>,
}

/// A function outside, for lanes that have no formula.
#[derive(Clone, Debug)]
pub(super) struct Outside {
    pub function: Loop,
    pub arguments: SmallVec<[DType; 3]>,
    pub result: DType,
}

impl Program {
    /// A program on vectors of so many lanes.
    pub fn new(set: InstructionSet, lanes: usize) -> Program {
        Program { set, values: Vec::new(), lanes, calls: Vec::new(), known: HashMap::default() }
    }

    /// The same values, to which others are added as they are.
    pub fn copied(&self) -> Program {
        Program { values: self.values.clone(), calls: self.calls.clone(), ..Program::new(self.set, self.lanes) }
    }

    /// The width of a value's lanes.
    pub fn width(&self, id: Id) -> Width {
        self.values[id as usize].width
    }

    /// Integers or masks in lanes of a width.
    pub fn resized(&mut self, id: Id, width: Width) -> Id {
        if self.width(id) == width { id } else { self.value(Operation::Resize, &[id], width) }
    }

    /// What a function outside makes where a mask is set, elsewhere the value.
    pub fn call(&mut self, outside: Outside, otherwise: Id, mask: Id, arguments: &[Id], width: Width) -> Id {
        self.calls.push(outside);
        let inputs: SmallVec<[Id; 5]> = [otherwise, mask].iter().chain(arguments).copied().collect();
        self.value(Operation::Call(self.calls.len() - 1), &inputs, width)
    }

    /// Makes a value, or finds it.
    pub fn value(&mut self, operation: Operation, inputs: &[Id], width: Width) -> Id {
        let value = Value { operation, inputs: inputs.into(), width, round: 0 };
        if let Some(&known) = self.known.get(&value) {
            return known;
        }
        let id = self.values.len() as Id;
        self.known.insert(value.clone(), id);
        self.values.push(value);
        id
    }

    /// A constant of a width.
    pub fn constant(&mut self, bits: u64, width: Width) -> Id {
        self.value(Operation::Constant(bits), &[], width)
    }

    /// What −x is of, if the value is one.
    fn negated(&self, id: Id) -> Option<Id> {
        let value = &self.values[id as usize];
        let sign = sign_bit(value.width);
        let is_sign = |id: Id| self.values[id as usize].operation == Operation::Constant(sign);
        (value.operation == Operation::Xor && is_sign(value.inputs[1])).then(|| value.inputs[0])
    }

    /// `x · y + z`, rounded once: negations are part of it.
    pub fn mul_add(&mut self, mut inputs: [Id; 3], width: Width) -> Id {
        let mut negative = [false; 3];
        for (input, negative) in inputs.iter_mut().zip(&mut negative) {
            if let Some(inner) = self.negated(*input) {
                (*input, *negative) = (inner, true);
            }
        }
        let operation = Operation::MulAdd { negative_product: negative[0] != negative[1], negative_addend: negative[2] };
        self.value(operation, &inputs, width)
    }
}

/// The bit of a float that is its sign.
pub(super) const fn sign_bit(width: Width) -> u64 {
    match width {
        Width::Single => 1 << 31,
        Width::Double => 1 << 63,
    }
}

/// A float format.
pub(super) trait Format: Copy + 'static {
    const WIDTH: Width;
    const DTYPE: DType;
    const FRACTION: u32;
    /// The bits of the nearest float.
    fn bits(number: f64) -> u64;
}

impl Format for f32 {
    const WIDTH: Width = Width::Single;
    const DTYPE: DType = DType::F32;
    const FRACTION: u32 = 23;

    fn bits(number: f64) -> u64 {
        u64::from((number as f32).to_bits())
    }
}

impl Format for f64 {
    const WIDTH: Width = Width::Double;
    const DTYPE: DType = DType::F64;
    const FRACTION: u32 = 52;

    fn bits(number: f64) -> u64 {
        number.to_bits()
    }
}

/// A program that is being written.
pub(super) type Recording = RefCell<Program>;

/// A value of a program that is being written, of floats.
#[derive(Clone, Copy)]
pub(super) struct Recorded<'p, T> {
    program: &'p Recording,
    pub id: Id,
    format: PhantomData<T>,
}

/// The same of their bits.
#[derive(Clone, Copy)]
pub(super) struct RecordedBits<'p, T>(Recorded<'p, T>);

/// The same of truth values.
#[derive(Clone, Copy)]
pub(super) struct RecordedMask<'p, T>(Recorded<'p, T>);

impl<'p, T: Format> Recorded<'p, T> {
    /// A value of a program.
    pub fn new(program: &'p Recording, id: Id) -> Self {
        Recorded { program, id, format: PhantomData }
    }

    fn make(self, operation: Operation, inputs: &[Id]) -> Self {
        Recorded::new(self.program, self.program.borrow_mut().value(operation, inputs, T::WIDTH))
    }

    fn constant(self, bits: u64) -> Self {
        self.make(Operation::Constant(bits), &[])
    }

    fn with(self, operation: Operation, other: Self) -> Self {
        self.make(operation, &[self.id, other.id])
    }
}

impl<T> RecordedMask<'_, T> {
    /// Its place in the program.
    pub fn id(self) -> Id {
        self.0.id
    }
}

macro_rules! operators {
    ($($of:ident: $trait:ident $method:ident $operation:ident;)*) => {$(
        impl<T: Format> $trait for $of<'_, T> {
            type Output = Self;

            fn $method(self, other: Self) -> Self {
                operators!(@ $of, self, other, $operation)
            }
        }
    )*};
    (@ Recorded, $self:ident, $other:ident, $operation:ident) => { $self.with(Operation::$operation, $other) };
    (@ $of:ident, $self:ident, $other:ident, $operation:ident) => { $of($self.0.with(Operation::$operation, $other.0)) };
}
operators! {
    Recorded: Add add Add;
    Recorded: Sub sub Subtract;
    Recorded: Mul mul Multiply;
    Recorded: Div div Divide;
    RecordedBits: Add add AddInteger;
    RecordedBits: Sub sub SubtractInteger;
    RecordedBits: BitAnd bitand And;
    RecordedBits: BitOr bitor Or;
    RecordedBits: BitXor bitxor Xor;
    RecordedMask: BitAnd bitand And;
    RecordedMask: BitOr bitor Or;
}

macro_rules! with_numbers {
    ($($trait:ident $method:ident),*) => {$(
        impl<T: Format> $trait<f64> for Recorded<'_, T> {
            type Output = Self;

            fn $method(self, other: f64) -> Self {
                self.$method(self.number(other))
            }
        }
    )*};
}
with_numbers!(Add add, Sub sub, Mul mul, Div div);

impl<T: Format> Neg for Recorded<'_, T> {
    type Output = Self;

    fn neg(self) -> Self {
        self.with(Operation::Xor, self.constant(sign_bit(T::WIDTH)))
    }
}

impl<T: Format> Not for RecordedMask<'_, T> {
    type Output = Self;

    fn not(self) -> Self {
        RecordedMask(self.0.with(Operation::Xor, self.0.constant(all_ones(T::WIDTH))))
    }
}

impl<T: Format> Shl<u32> for RecordedBits<'_, T> {
    type Output = Self;

    fn shl(self, places: u32) -> Self {
        RecordedBits(self.0.make(Operation::ShiftLeft(places as u8), &[self.0.id]))
    }
}

impl<T: Format> Shr<u32> for RecordedBits<'_, T> {
    type Output = Self;

    fn shr(self, places: u32) -> Self {
        RecordedBits(self.0.make(Operation::ShiftRight(places as u8), &[self.0.id]))
    }
}

/// All bits of a lane.
pub(super) const fn all_ones(width: Width) -> u64 {
    match width {
        Width::Single => u32::MAX as u64,
        Width::Double => u64::MAX,
    }
}

impl<'p, T: Format> Lanes for Recorded<'p, T> {
    type Bits = RecordedBits<'p, T>;
    type Mask = RecordedMask<'p, T>;

    const FRACTION: u32 = T::FRACTION;

    fn number(self, number: f64) -> Self {
        self.constant(T::bits(number))
    }
    fn bits(self, bits: i64) -> RecordedBits<'p, T> {
        RecordedBits(self.constant(bits as u64 & all_ones(T::WIDTH)))
    }
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        let id = self.program.borrow_mut().mul_add([self.id, factor.id, addend.id], T::WIDTH);
        Recorded::new(self.program, id)
    }
    fn times_power_of_two(self, whole: Self) -> Option<Self> {
        let has_instruction = instructions::of(self.program.borrow().set).binary(Operation::Scale, T::WIDTH).is_some();
        has_instruction.then(|| self.with(Operation::Scale, whole))
    }
    fn sqrt(self) -> Self {
        self.make(Operation::SquareRoot, &[self.id])
    }
    fn abs(self) -> Self {
        self.with(Operation::And, self.constant(all_ones(T::WIDTH) ^ sign_bit(T::WIDTH)))
    }
    fn copysign(self, sign: Self) -> Self {
        self.abs().with(Operation::Or, sign.with(Operation::And, sign.constant(sign_bit(T::WIDTH))))
    }
    fn round_ties_even(self) -> Self {
        self.make(Operation::Round(Rounding::TiesEven), &[self.id])
    }
    fn floor(self) -> Self {
        self.make(Operation::Round(Rounding::Down), &[self.id])
    }
    fn ceil(self) -> Self {
        self.make(Operation::Round(Rounding::Up), &[self.id])
    }
    fn trunc(self) -> Self {
        self.make(Operation::Round(Rounding::Truncate), &[self.id])
    }
    fn least(self, other: Self) -> Self {
        self.with(Operation::Least, other)
    }
    fn greatest(self, other: Self) -> Self {
        self.with(Operation::Greatest, other)
    }
    fn lt(self, other: Self) -> RecordedMask<'p, T> {
        RecordedMask(self.with(Operation::Compare(Comparison::Less), other))
    }
    fn le(self, other: Self) -> RecordedMask<'p, T> {
        RecordedMask(self.with(Operation::Compare(Comparison::LessOrEqual), other))
    }
    fn equal(self, other: Self) -> RecordedMask<'p, T> {
        RecordedMask(self.with(Operation::Compare(Comparison::Equal), other))
    }
    // Selects look at sign bits alone.
    fn sign_bit(self) -> RecordedMask<'p, T> {
        RecordedMask(self)
    }
    fn is_nan(self) -> RecordedMask<'p, T> {
        RecordedMask(self.with(Operation::Compare(Comparison::Unordered), self))
    }
    fn select(mask: RecordedMask<'p, T>, yes: Self, no: Self) -> Self {
        yes.make(Operation::Select, &[mask.0.id, yes.id, no.id])
    }
    fn to_bits(self) -> RecordedBits<'p, T> {
        RecordedBits(self)
    }
    fn from_bits(bits: RecordedBits<'p, T>) -> Self {
        bits.0
    }
}
