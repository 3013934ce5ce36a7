//! From the body of a nest to a program on vectors.

#![expect(clippy::wildcard_enum_match_arm, reason = "only dtypes that have vectors are named")]

mod cast;

use damo_graph::op::scalar::{self, Scalar};
use damo_graph::{DType, Number};
use smallvec::SmallVec;

use super::formulas;
use super::formulas::whole_power::{LARGEST, whole_power};
use super::fractions::is_fraction;
use super::instructions;
use super::lanes::Lanes;
use super::program::{Comparison, Format, Id, Operation, Outside, Program, Recorded, RecordedMask, Recording, Width, all_ones};
use super::reduction::{Ids, Reducer, extreme};
use crate::instruction_set::InstructionSet;
use crate::nest::{Instruction, Nest, Register};
use crate::portable::loops::Loop;

/// What happens in one round of a loop.
#[derive(Debug)]
pub(super) struct Body {
    pub program: Program,
    /// What is written to which access.
    pub stores: Vec<(Id, usize)>,
    /// What the accumulators become.
    pub accumulators: Ids,
    /// What they combine, if all that may be added up before it is widened.
    pub fractions: Ids,
}

impl Body {
    /// What is written to which access, accumulators that are in memory from an access on among it.
    pub fn lines(&self, in_memory: Option<usize>) -> impl Iterator<Item = (Id, usize)> + '_ {
        let combined = self.accumulators.iter().enumerate().filter_map(move |(place, &id)| Some((id, in_memory? + place)));
        self.stores.iter().copied().chain(combined)
    }
}

/// Where the accesses of a nest are among those of its loops.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places {
    /// The first that counts.
    pub counts: usize,
    /// The first store.
    pub stores: usize,
    /// The first accumulator, if they are in memory.
    pub accumulators: usize,
}

/// Whether the element type has vectors here.
pub(super) const fn is_supported(dtype: DType) -> bool {
    matches!(dtype, DType::F32 | DType::F64 | DType::I32 | DType::I64 | DType::Bool)
}

/// The width of a lane for elements of a dtype.
const fn width_of(dtype: DType) -> Width {
    if dtype.size() == 8 { Width::Double } else { Width::Single }
}

/// How many lanes the vectors of a nest have.
pub(super) fn lanes(nest: &Nest, set: InstructionSet) -> usize {
    let wide = (0..nest.body.len()).any(|register| width_of(nest.dtype(register)) == Width::Double);
    set.vector_bytes() / if wide { 8 } else { 4 }
}

/// Whether so many lanes of 32 bits fill a vector.
pub(super) const fn fills(set: InstructionSet, lanes: usize) -> bool {
    lanes * 4 == set.vector_bytes()
}

/// The program of a nest's body.
///
/// The instructions may be those of several rows, each row's behind those of the one before, and reductions name the first row's. In the last round of a row (`is_last`) only some lanes are left; `in_memory` accumulators are accesses. `None` if the nest does what
/// vectors here cannot.
pub(super) fn body(
    (nest, rows): (&Nest, usize),
    set: InstructionSet,
    reducers: &[Reducer],
    places: &Places,
    is_last: bool,
    in_memory: bool,
) -> Option<Body> {
    let program = Recording::new(Program::new(set, lanes(nest, set)));
    let mut translation = Translation { nest, program: &program, made: Vec::with_capacity(nest.body.len()) };
    let mut counts = places.counts;
    for instruction in &nest.body {
        let id = translation.instruction(instruction, &mut counts)?;
        translation.made.push(id);
    }
    let made = translation.made;
    let mut program_ref = program.borrow_mut();
    let program_mut = &mut *program_ref;
    let stores = nest.stores.iter().enumerate().map(|(place, store)| {
        let value = made[store.value];
        let value = if nest.dtype(store.value) == DType::Bool { program_mut.resized(value, Width::Single) } else { value };
        (value, places.stores + place)
    });
    let stores: Vec<(Id, usize)> = stores.collect();
    let (mut accumulators, mut fractions) = (Ids::new(), Ids::new());
    for (reduction, reducer) in nest.reductions.iter().zip(reducers) {
        let dtype = nest.dtype(reduction.value);
        let values: Ids = (0..rows)
            .map(|row| {
                let mut value = made[reduction.value + row * (made.len() / rows)];
                if dtype == DType::Bool {
                    value = program_mut.resized(value, Width::Single);
                }
                if is_last && !in_memory {
                    let width = width_of(dtype);
                    let (left, absent) = (program_mut.value(Operation::Left, &[], width), program_mut.constant(reducer.absent, width));
                    value = program_mut.value(Operation::Select, &[left, value, absent], width);
                }
                value
            })
            .collect();
        if reducer.width > width_of(dtype) && is_fraction(nest, reduction.value) {
            fractions.extend(values.iter().copied());
        }
        let count = accumulators_of(reducer, dtype, fills(set, program_mut.lanes));
        let before: Ids = (accumulators.len()..accumulators.len() + count)
            .map(|place| {
                let operation = if in_memory { Operation::Load(places.accumulators + place) } else { Operation::Accumulator(place) };
                program_mut.value(operation, &[], reducer.width)
            })
            .collect();
        let combined = values.iter().fold(before, |combined, &value| (reducer.step)(program_mut, &combined, value));
        accumulators.extend(combined);
    }
    if in_memory || fractions.len() < reducers.len() {
        fractions.clear();
    }
    drop(program_ref);
    Some(Body { program: program.into_inner(), stores, accumulators, fractions })
}

/// How many vectors the accumulators of a reduction are, where lanes of 32 bits fill a vector or do not.
pub(super) fn accumulators_of(reducer: &Reducer, dtype: DType, fills: bool) -> usize {
    let halves = if fills && reducer.width == Width::Double && width_of(dtype) == Width::Single { 2 } else { 1 };
    halves * reducer.words
}

/// A program that joins accumulators with as many others, which are numbered behind them.
pub(super) fn join(reducers: &[(Reducer, usize)], set: InstructionSet, lanes: usize) -> Body {
    let mut program = Program::new(set, lanes);
    let total: usize = reducers.iter().map(|(_, count)| count).sum();
    let mut accumulators = Ids::new();
    for (reducer, count) in reducers {
        let mut take =
            |from: usize| -> Ids { (from..from + count).map(|place| program.value(Operation::Accumulator(place), &[], reducer.width)).collect() };
        let (left, right) = (take(accumulators.len()), take(total + accumulators.len()));
        let joined = (reducer.join)(&mut program, &left, &right);
        accumulators.extend(joined);
    }
    Body { program, stores: Vec::new(), accumulators, fractions: Ids::new() }
}

struct Translation<'a> {
    nest: &'a Nest,
    program: &'a Recording,
    /// The value of each register; of truth values a mask of any width.
    made: Vec<Id>,
}

impl Translation<'_> {
    fn value(&self, operation: Operation, inputs: &[Id], width: Width) -> Id {
        self.program.borrow_mut().value(operation, inputs, width)
    }

    fn constant(&self, bits: u64, width: Width) -> Id {
        self.program.borrow_mut().constant(bits, width)
    }

    fn not(&self, mask: Id) -> Id {
        let width = self.program.borrow().width(mask);
        self.value(Operation::Xor, &[mask, self.constant(all_ones(width), width)], width)
    }

    fn instruction(&self, instruction: &Instruction, counts: &mut usize) -> Option<Id> {
        match instruction {
            Instruction::Load(operand) => {
                let dtype = self.nest.operands[*operand].dtype;
                is_supported(dtype).then(|| self.value(Operation::Load(*operand), &[], width_of(dtype)))
            }
            Instruction::Constant(number, dtype) => {
                let bits = match dtype {
                    DType::F32 => <f32 as Format>::bits(number.to_real()),
                    DType::F64 => number.to_real().to_bits(),
                    DType::I32 | DType::I64 => integer(*number, *dtype) as u64 & all_ones(width_of(*dtype)),
                    DType::Bool => {
                        if number.to_bool() {
                            all_ones(Width::Single)
                        } else {
                            0
                        }
                    }
                    _ => return None,
                };
                Some(self.constant(bits, width_of(*dtype)))
            }
            Instruction::Index { dtype, .. } => {
                let count = self.value(Operation::Count(*counts), &[], Width::Single);
                *counts += 1;
                self.cast(count, DType::I32, *dtype)
            }
            Instruction::Apply { scalar, arguments, dtype } => self.apply(scalar, arguments, *dtype),
            Instruction::Cast { argument, to } => self.cast(self.made[*argument], self.nest.dtype(*argument), *to),
        }
    }

    /// What a function outside makes, in all lanes.
    fn outside(&self, outside: Outside, arguments: &[Id]) -> Id {
        let width = width_of(outside.result);
        let mut program = self.program.borrow_mut();
        let (otherwise, mask) = (program.constant(0, width), program.constant(all_ones(width), width));
        program.call(outside, otherwise, mask, arguments, width)
    }

    fn apply(&self, scalar: &'static Scalar, arguments: &[Register], dtype: DType) -> Option<Id> {
        let of = self.nest.dtype(*arguments.last()?);
        if !arguments.iter().all(|&argument| is_supported(self.nest.dtype(argument))) || !is_supported(dtype) {
            return None;
        }
        let mut values: SmallVec<[Id; 3]> = arguments.iter().map(|&argument| self.made[argument]).collect();
        if scalar == &scalar::SELECT {
            let width = if of == DType::Bool { Width::Single } else { width_of(of) };
            let first = if of == DType::Bool { 0 } else { 2 };
            let mut program = self.program.borrow_mut();
            values[0] = program.resized(values[0], width);
            values[1..].iter_mut().skip(first).for_each(|value| *value = program.resized(*value, width));
            return Some(program.value(Operation::Select, &values, width));
        }
        let exponent = if scalar == &scalar::POW { self.whole_exponent(arguments[1]) } else { None };
        let own = match of {
            DType::F32 if exponent.is_some() => exponent.map(|exponent| whole_power(Recorded::<f32>::new(self.program, values[0]), exponent).id),
            DType::F64 if exponent.is_some() => exponent.map(|exponent| whole_power(Recorded::<f64>::new(self.program, values[0]), exponent).id),
            DType::F32 => float::<f32>(self.program, scalar, &values),
            DType::F64 => float::<f64>(self.program, scalar, &values),
            DType::Bool => {
                let width = values.iter().map(|&value| self.program.borrow().width(value)).min().unwrap_or(Width::Single);
                values.iter_mut().for_each(|value| *value = self.program.borrow_mut().resized(*value, width));
                self.truth(scalar, &values, width)
            }
            _ => self.integers(scalar, &values, width_of(of)),
        };
        Some(own.unwrap_or_else(|| {
            let dtypes = arguments.iter().map(|&argument| self.nest.dtype(argument)).collect();
            self.outside(Outside { function: Loop::of(scalar, of), arguments: dtypes, result: dtype }, &values)
        }))
    }

    /// The exponent that a register always is, if products serve for it.
    fn whole_exponent(&self, register: Register) -> Option<u32> {
        let Instruction::Constant(number, _) = self.nest.body[register] else { return None };
        let exponent = number.to_real();
        (1.0..=f64::from(LARGEST)).contains(&exponent).then_some(exponent as u32).filter(|&whole| f64::from(whole) == exponent)
    }

    fn truth(&self, scalar: &'static Scalar, values: &[Id], width: Width) -> Option<Id> {
        let make = |operation: Operation, inputs: &[Id]| self.value(operation, inputs, width);
        Some(match (scalar, values) {
            (scalar, _) if scalar == &scalar::AND || scalar == &scalar::MIN => make(Operation::And, values),
            (scalar, _) if scalar == &scalar::OR || scalar == &scalar::MAX => make(Operation::Or, values),
            (scalar, _) if scalar == &scalar::XOR || scalar == &scalar::NOT_EQUAL && values.len() == 2 => make(Operation::Xor, values),
            (scalar, &[x]) if scalar == &scalar::NOT => self.not(x),
            (scalar, _) if scalar == &scalar::EQUAL => self.not(make(Operation::Xor, values)),
            // x and not y.
            (scalar, &[x, y]) if scalar == &scalar::GT => make(Operation::AndNot, &[y, x]),
            (scalar, &[x, y]) if scalar == &scalar::LT => make(Operation::AndNot, &[x, y]),
            (scalar, &[x, y]) if scalar == &scalar::GE => self.not(make(Operation::AndNot, &[x, y])),
            (scalar, &[x, y]) if scalar == &scalar::LE => self.not(make(Operation::AndNot, &[y, x])),
            _ => return None,
        })
    }

    fn integers(&self, scalar: &'static Scalar, values: &[Id], width: Width) -> Option<Id> {
        let make = |operation: Operation, inputs: &[Id]| self.value(operation, inputs, width);
        let multiplies = || instructions::of(self.program.borrow().set).binary(Operation::MultiplyInteger, width).is_some();
        let zero = || self.constant(0, width);
        Some(match (scalar, values) {
            (scalar, _) if scalar == &scalar::ADD => make(Operation::AddInteger, values),
            (scalar, _) if scalar == &scalar::SUB => make(Operation::SubtractInteger, values),
            (scalar, _) if scalar == &scalar::MUL && multiplies() => make(Operation::MultiplyInteger, values),
            (scalar, &[x]) if scalar == &scalar::NEG => make(Operation::SubtractInteger, &[zero(), x]),
            (scalar, &[x]) if scalar == &scalar::ABS => {
                make(Operation::Select, &[make(Operation::GreaterInteger, &[zero(), x]), make(Operation::SubtractInteger, &[zero(), x]), x])
            }
            (scalar, &[x, y]) if scalar == &scalar::MAX => make(Operation::Select, &[make(Operation::GreaterInteger, &[x, y]), x, y]),
            (scalar, &[x, y]) if scalar == &scalar::MIN => make(Operation::Select, &[make(Operation::GreaterInteger, &[y, x]), x, y]),
            (scalar, &[x, y]) if scalar == &scalar::GT => make(Operation::GreaterInteger, &[x, y]),
            (scalar, &[x, y]) if scalar == &scalar::LT => make(Operation::GreaterInteger, &[y, x]),
            (scalar, &[x, y]) if scalar == &scalar::GE => self.not(make(Operation::GreaterInteger, &[y, x])),
            (scalar, &[x, y]) if scalar == &scalar::LE => self.not(make(Operation::GreaterInteger, &[x, y])),
            (scalar, _) if scalar == &scalar::EQUAL => make(Operation::EqualInteger, values),
            (scalar, _) if scalar == &scalar::NOT_EQUAL => self.not(make(Operation::EqualInteger, values)),
            (scalar, _) if scalar == &scalar::AND => make(Operation::And, values),
            (scalar, _) if scalar == &scalar::OR => make(Operation::Or, values),
            (scalar, _) if scalar == &scalar::XOR => make(Operation::Xor, values),
            (scalar, &[x]) if scalar == &scalar::NOT => self.not(x),
            _ => return None,
        })
    }
}

fn integer(number: Number, dtype: DType) -> i64 {
    use damo_graph::Element;
    if dtype == DType::I32 { i32::from_number(number).into() } else { i64::from_number(number) }
}

/// A function of floats, if it has a formula.
fn float<'p, T: Format>(program: &'p Recording, scalar: &'static Scalar, values: &[Id]) -> Option<Id>
where
    Recorded<'p, T>: Lanes<Mask = RecordedMask<'p, T>>,
{
    let of = |id: Id| Recorded::<T>::new(program, id);
    let mask = |mask: RecordedMask<'p, T>| mask.id();
    let extreme = |larger, x: Recorded<'p, T>, y: Recorded<'p, T>| extreme(&mut program.borrow_mut(), larger, x.id, y.id, T::WIDTH);
    let found = match *values {
        [x] => {
            let x = of(x);
            match scalar {
                _ if scalar == &scalar::NEG => (-x).id,
                _ if scalar == &scalar::RECIP => (x.number(1.0) / x).id,
                _ if scalar == &scalar::ABS => x.abs().id,
                _ if scalar == &scalar::SQRT => x.sqrt().id,
                _ if scalar == &scalar::FLOOR => x.floor().id,
                _ if scalar == &scalar::CEIL => x.ceil().id,
                _ if scalar == &scalar::TRUNC => x.trunc().id,
                _ if scalar == &scalar::ROUND_TIES_EVEN => x.round_ties_even().id,
                _ if scalar == &scalar::SIGNUM => {
                    let size = Lanes::select(x.equal(x.number(0.0)) | x.is_nan(), x, x.number(1.0).copysign(x));
                    size.id
                }
                _ if scalar == &scalar::IS_NAN => mask(x.is_nan()),
                _ if scalar == &scalar::IS_FINITE => mask(x.abs().lt(x.number(f64::INFINITY))),
                _ => return by_formula(program, scalar, x),
            }
        }
        [x, y] => {
            let (x, y) = (of(x), of(y));
            match scalar {
                _ if scalar == &scalar::ADD => (x + y).id,
                _ if scalar == &scalar::SUB => (x - y).id,
                _ if scalar == &scalar::MUL => (x * y).id,
                _ if scalar == &scalar::DIV => (x / y).id,
                _ if scalar == &scalar::MAX => extreme(true, x, y),
                _ if scalar == &scalar::MIN => extreme(false, x, y),
                _ if scalar == &scalar::COPYSIGN => x.copysign(y).id,
                _ if scalar == &scalar::GT => mask(y.lt(x)),
                _ if scalar == &scalar::GE => mask(y.le(x)),
                _ if scalar == &scalar::LT => mask(x.lt(y)),
                _ if scalar == &scalar::LE => mask(x.le(y)),
                _ if scalar == &scalar::EQUAL => mask(x.equal(y)),
                _ if scalar == &scalar::NOT_EQUAL => program.borrow_mut().value(Operation::Compare(Comparison::NotEqual), &[x.id, y.id], T::WIDTH),
                _ => return by_formula_of_two(program, scalar, x, y),
            }
        }
        [x, y, z] if scalar == &scalar::MUL_ADD => of(x).mul_add(of(y), of(z)).id,
        _ => return None,
    };
    Some(found)
}

/// A function of one number by its formula; where that does not hold, by a function outside.
fn by_formula<'p, T: Format>(program: &'p Recording, scalar: &'static Scalar, x: Recorded<'p, T>) -> Option<Id> {
    let formula = formulas::of_one(scalar)?;
    let value = (formula.compute)(x);
    let Some(within) = formula.within else { return Some(value.id) };
    // NaN is not within, and takes the way outside too.
    let holds = x.abs().le(x.number(within[T::WIDTH as usize]));
    Some(else_outside(program, scalar, value, holds, &[x.id]))
}

/// A function of two numbers, likewise.
fn by_formula_of_two<'p, T: Format>(program: &'p Recording, scalar: &'static Scalar, x: Recorded<'p, T>, y: Recorded<'p, T>) -> Option<Id> {
    if let Some(formula) = formulas::of_two(scalar) {
        return Some(formula(x, y).id);
    }
    let (value, holds) = formulas::partly_of_two(scalar)?(x, y);
    Some(else_outside(program, scalar, value, holds, &[x.id, y.id]))
}

/// A value where a mask holds; elsewhere what a function outside makes.
fn else_outside<'p, T: Format>(
    program: &'p Recording,
    scalar: &'static Scalar,
    value: Recorded<'p, T>,
    holds: RecordedMask<'p, T>,
    arguments: &[Id],
) -> Id {
    let dtypes = arguments.iter().map(|_| T::DTYPE).collect();
    let outside = Outside { function: Loop::of(scalar, T::DTYPE), arguments: dtypes, result: T::DTYPE };
    let beyond = !holds;
    program.borrow_mut().call(outside, value.id, beyond.id(), arguments, T::WIDTH)
}
