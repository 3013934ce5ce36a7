//! How native loops combine values: in accumulators of several lanes, whose states are then combined to one.

use damo_graph::DType;
use damo_graph::op::reduce::Reduction;
use smallvec::{SmallVec, smallvec};

use super::instructions;
use super::program::{Comparison, Id, Operation, Program, Width, all_ones};
use super::results::{self, InCode};
use super::translate::fills;
use crate::portable::combine::{Combine, Max, Min};

/// What has been combined so far: the bits of a number, and for sums of `f64` of what rounding dropped from it.
pub(super) type State = [u64; 2];

/// Values of a program.
pub(super) type Ids = SmallVec<[Id; 4]>;

/// A way to combine, as data.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reducer {
    /// What an accumulator holds that has combined nothing.
    pub neutral: u64,
    /// The width of an accumulator's lanes.
    pub width: Width,
    /// How many numbers a state is.
    pub words: usize,
    /// Combines a value into accumulators.
    pub step: fn(&mut Program, &[Id], Id) -> Ids,
    /// Combines accumulators with others.
    pub join: fn(&mut Program, &[Id], &[Id]) -> Ids,
    /// Combines states.
    pub combine: fn(State, State) -> State,
    /// Combines all lanes of accumulators, half by half: those of first words, then those of second words.
    pub fold: fn(&[u64]) -> State,
    /// The bits of the result, given of how many elements it is.
    pub finish: fn(State, f64) -> u64,
    /// How code makes the result of accumulators, in the first lane, given of how many elements it is; `None` if it leaves that to `fold`
    /// and `finish`, which make the same bits.
    pub in_code: Option<InCode>,
    /// What a value is to be where there is no element, in its own width.
    pub absent: u64,
    /// Whether a result that is not finite may be the fault of how it is combined.
    pub may_overflow: bool,
}

impl Reducer {
    /// How values of a dtype are combined to a result of another; `None` if native loops cannot.
    pub fn of(kind: Reduction, dtype: DType, result: DType) -> Option<Reducer> {
        Some(match (kind, dtype) {
            (Reduction::Sum, DType::F32) if result == DType::F64 => Reducer::new::<SumSingle>(|sum, _| sum[0], Some(results::total::<SumSingle>)),
            (Reduction::Mean, DType::F32) if result == DType::F64 => {
                Reducer::new::<SumSingle>(|sum, count| (real(sum[0]) / count).to_bits(), Some(results::mean::<SumSingle>))
            }
            (Reduction::Sum, DType::F32) => {
                Reducer::new::<SumSingle>(|sum, _| u64::from((real(sum[0]) as f32).to_bits()), Some(results::short_total::<SumSingle>))
            }
            (Reduction::Mean, DType::F32) => {
                Reducer::new::<SumSingle>(|sum, count| u64::from(((real(sum[0]) / count) as f32).to_bits()), Some(results::short_mean::<SumSingle>))
            }
            (Reduction::Sum, DType::F64) => Reducer::new::<SumDouble>(|sum, _| (real(sum[0]) + real(sum[1])).to_bits(), None),
            (Reduction::Mean, DType::F64) => Reducer::new::<SumDouble>(|sum, count| ((real(sum[0]) + real(sum[1])) / count).to_bits(), None),
            (Reduction::Sum, DType::I32) => Reducer::new::<SumShort>(|sum, _| sum[0], Some(results::total::<SumShort>)),
            (Reduction::Sum, DType::I64) => Reducer::new::<SumLong>(|sum, _| sum[0], Some(results::total::<SumLong>)),
            (Reduction::Max, DType::F32) => Reducer::new::<MaxSingle>(|max, _| max[0], Some(results::total::<MaxSingle>)),
            (Reduction::Max, DType::F64) => Reducer::new::<MaxDouble>(|max, _| max[0], Some(results::total::<MaxDouble>)),
            (Reduction::Min, DType::F32) => Reducer::new::<MinSingle>(|min, _| min[0], Some(results::total::<MinSingle>)),
            (Reduction::Min, DType::F64) => Reducer::new::<MinDouble>(|min, _| min[0], Some(results::total::<MinDouble>)),
            // Bytes are not stored one by one.
            (Reduction::All, DType::Bool) => Reducer::new::<AllTrue>(|all, _| all[0] & 1, None),
            (Reduction::Any, DType::Bool) => Reducer::new::<AnyTrue>(|any, _| any[0] & 1, None),
            _ => return None,
        })
    }

    fn new<F: Fold>(finish: fn(State, f64) -> u64, in_code: Option<InCode>) -> Reducer {
        Reducer {
            neutral: F::NEUTRAL,
            width: F::WIDTH,
            words: F::WORDS,
            step: F::step,
            join: F::join,
            combine: F::combine,
            fold: fold::<F>,
            finish,
            in_code,
            absent: F::ABSENT,
            may_overflow: F::MAY_OVERFLOW,
        }
    }

    /// A state of nothing.
    pub const fn nothing(&self) -> State {
        [self.neutral, if self.words == 2 { 0 } else { self.neutral }]
    }
}

/// A way to combine.
pub(super) trait Fold {
    const WIDTH: Width;
    const NEUTRAL: u64 = 0;
    const ABSENT: u64 = Self::NEUTRAL;
    const WORDS: usize = 1;
    const MAY_OVERFLOW: bool = false;

    /// One value as accumulators that have combined only this.
    fn parts(_: &mut Program, x: Id) -> Ids {
        smallvec![x]
    }

    fn step(program: &mut Program, accumulators: &[Id], x: Id) -> Ids {
        let parts = Self::parts(program, x);
        Self::join(program, accumulators, &parts)
    }

    fn join(program: &mut Program, left: &[Id], right: &[Id]) -> Ids {
        left.iter().zip(right).map(|(&left, &right)| Self::pair(program, left, right)).collect()
    }

    fn pair(program: &mut Program, left: Id, right: Id) -> Id;

    fn combine(left: State, right: State) -> State;
}

/// Combines lanes, half by half.
fn fold<F: Fold>(bits: &[u64]) -> State {
    let lane = |words: &[u64], lane: usize| match F::WIDTH {
        Width::Double => words[lane],
        Width::Single => words[lane / 2] >> (32 * (lane % 2)) & all_ones(Width::Single),
    };
    let (first, second) = bits.split_at(bits.len() / F::WORDS);
    let mut width = if F::WIDTH == Width::Double { first.len() } else { 2 * first.len() };
    let mut states = [[0; 2]; 16];
    for (place, state) in states.iter_mut().enumerate().take(width) {
        *state = [lane(first, place), if F::WORDS == 2 { lane(second, place) } else { 0 }];
    }
    while width > 1 {
        width /= 2;
        for place in 0..width {
            states[place] = F::combine(states[place], states[place + width]);
        }
    }
    states[0]
}

const fn real(bits: u64) -> f64 {
    f64::from_bits(bits)
}

const fn single(bits: u64) -> f32 {
    f32::from_bits(bits as u32)
}

/// `f32` are summed in `f64`.
struct SumSingle;

impl Fold for SumSingle {
    const WIDTH: Width = Width::Double;

    fn parts(program: &mut Program, x: Id) -> Ids {
        // Two halves if it fills a vector.
        if fills(program.set, program.lanes) {
            [false, true].into_iter().map(|upper| program.value(Operation::Half { upper }, &[x], Width::Double)).collect()
        } else {
            smallvec![program.value(Operation::FloatToFloat, &[x], Width::Double)]
        }
    }

    fn step(program: &mut Program, accumulators: &[Id], x: Id) -> Ids {
        // A square is summed up as it is, and not rounded first; variances sum up its root, too, which is widened once.
        let value = &program.values[x as usize];
        if value.operation == Operation::Multiply && value.inputs[0] == value.inputs[1] {
            let root = value.inputs[0];
            let parts = Self::parts(program, root);
            return parts.iter().zip(accumulators).map(|(&part, &sum)| program.mul_add([part, part, sum], Width::Double)).collect();
        }
        let parts = Self::parts(program, x);
        Self::join(program, accumulators, &parts)
    }

    fn pair(program: &mut Program, left: Id, right: Id) -> Id {
        program.value(Operation::Add, &[left, right], Width::Double)
    }

    fn combine(left: State, right: State) -> State {
        [(real(left[0]) + real(right[0])).to_bits(), 0]
    }
}

/// `f64` are summed with what rounding drops (`TwoSum`, Knuth; Ogita, Rump and Oishi 2005, "Accurate sum and dot product").
struct SumDouble;

/// x + y, and what rounding drops from it.
fn two_sum(program: &mut Program, x: Id, y: Id) -> (Id, Id) {
    let mut double = |operation, left, right| program.value(operation, &[left, right], Width::Double);
    let sum = double(Operation::Add, x, y);
    let of_y = double(Operation::Subtract, sum, x);
    let of_x = double(Operation::Subtract, sum, of_y);
    let (rest_x, rest_y) = (double(Operation::Subtract, x, of_x), double(Operation::Subtract, y, of_y));
    (sum, double(Operation::Add, rest_x, rest_y))
}

impl Fold for SumDouble {
    const WIDTH: Width = Width::Double;
    const WORDS: usize = 2;
    const MAY_OVERFLOW: bool = true;

    fn step(program: &mut Program, accumulators: &[Id], x: Id) -> Ids {
        let (sum, rest) = two_sum(program, accumulators[0], x);
        smallvec![sum, program.value(Operation::Add, &[accumulators[1], rest], Width::Double)]
    }

    fn join(program: &mut Program, left: &[Id], right: &[Id]) -> Ids {
        let (sum, rest) = two_sum(program, left[0], right[0]);
        let dropped = Self::pair(program, left[1], right[1]);
        smallvec![sum, Self::pair(program, dropped, rest)]
    }

    fn pair(program: &mut Program, left: Id, right: Id) -> Id {
        program.value(Operation::Add, &[left, right], Width::Double)
    }

    fn combine(left: State, right: State) -> State {
        let (x, y) = (real(left[0]), real(right[0]));
        let sum = x + y;
        let of_y = sum - x;
        let rest = (x - (sum - of_y)) + (y - of_y);
        [sum.to_bits(), (real(left[1]) + real(right[1]) + rest).to_bits()]
    }
}

/// Integers wrap.
struct SumShort;
struct SumLong;

impl Fold for SumShort {
    const WIDTH: Width = Width::Single;

    fn pair(program: &mut Program, left: Id, right: Id) -> Id {
        program.value(Operation::AddInteger, &[left, right], Width::Single)
    }

    fn combine(left: State, right: State) -> State {
        [left[0].wrapping_add(right[0]) & all_ones(Width::Single), 0]
    }
}

impl Fold for SumLong {
    const WIDTH: Width = Width::Double;

    fn pair(program: &mut Program, left: Id, right: Id) -> Id {
        program.value(Operation::AddInteger, &[left, right], Width::Double)
    }

    fn combine(left: State, right: State) -> State {
        [left[0].wrapping_add(right[0]), 0]
    }
}

/// Declares a way to combine by one operation on values of each of two widths; states are combined as the portable engine does.
macro_rules! alike {
    ($($single:ident, $double:ident: $combine:ident, |$program:ident, $left:ident, $right:ident, $width:ident| $pair:expr;)*) => {$(
        alike!(@ $single, f32, Single, single, $combine, ($program, $left, $right, $width) $pair);
        alike!(@ $double, f64, Double, real, $combine, ($program, $left, $right, $width) $pair);
    )*};
    (@ $name:ident, $float:ident, $wide:ident, $read:ident, $combine:ident, ($program:ident, $left:ident, $right:ident, $width:ident) $pair:expr) => {
        struct $name;

        impl Fold for $name {
            const WIDTH: Width = Width::$wide;
            const NEUTRAL: u64 = $combine::<$float>::NEUTRAL.to_bits() as u64;

            fn pair($program: &mut Program, $left: Id, $right: Id) -> Id {
                let $width = Self::WIDTH;
                $pair
            }

            fn combine(left: State, right: State) -> State {
                [$combine::<$float>::combine($read(left[0]), $read(right[0])).to_bits().into(), 0]
            }
        }
    };
}
alike! {
    MaxSingle, MaxDouble: Max, |program, left, right, width| extreme(program, true, left, right, width);
    MinSingle, MinDouble: Min, |program, left, right, width| extreme(program, false, left, right, width);
}

/// The larger or the smaller of two floats; NaN if either is; +0 is larger than −0.
///
/// The processor's extreme is the second of two zeros, so that both orders together have the bits of both: the larger zero has a bit less.
pub(super) fn extreme(program: &mut Program, larger: bool, x: Id, y: Id, width: Width) -> Id {
    if instructions::of(program.set).has_extremes() {
        return program.value(Operation::Extreme { larger }, &[x, y], width);
    }
    let (of, join) = if larger { (Operation::Greatest, Operation::And) } else { (Operation::Least, Operation::Or) };
    let (forth, back) = (program.value(of, &[x, y], width), program.value(of, &[y, x], width));
    let chosen = program.value(join, &[forth, back], width);
    let not_numbers = program.value(Operation::Compare(Comparison::Unordered), &[x, y], width);
    program.value(Operation::Or, &[chosen, not_numbers], width)
}

/// Truth values: all, or any.
struct AllTrue;
struct AnyTrue;

impl Fold for AllTrue {
    const WIDTH: Width = Width::Single;
    const NEUTRAL: u64 = all_ones(Width::Single);

    fn pair(program: &mut Program, left: Id, right: Id) -> Id {
        program.value(Operation::And, &[left, right], Width::Single)
    }

    fn combine(left: State, right: State) -> State {
        [left[0] & right[0], 0]
    }
}

impl Fold for AnyTrue {
    const WIDTH: Width = Width::Single;

    fn pair(program: &mut Program, left: Id, right: Id) -> Id {
        program.value(Operation::Or, &[left, right], Width::Single)
    }

    fn combine(left: State, right: State) -> State {
        [left[0] | right[0], 0]
    }
}
