//! How code makes results of accumulators, so that what is combined in one piece never comes back from it as a state.

use super::accumulators::Reduction;
use super::program::{Id, Operation, Program, Width};
use super::reduction::{Fold, Ids};
use super::translate::Body;
use crate::instruction_set::InstructionSet;

/// Makes a result of accumulators in a program, in the first lane, given of how many elements it is.
pub(super) type InCode = fn(&mut Program, &[Id], f64) -> Id;

/// A program that makes the results of reductions of their accumulators; `None` if code cannot make one of them.
pub(super) fn results(reductions: &[Reduction], set: InstructionSet, lanes: usize) -> Option<Body> {
    let mut program = Program::new(set, lanes);
    let mut results = Ids::new();
    for reduction in reductions {
        let make = reduction.reducer.in_code?;
        let places = reduction.first..reduction.first + reduction.count;
        let accumulators: Ids = places.map(|place| program.value(Operation::Accumulator(place), &[], reduction.reducer.width)).collect();
        results.push(make(&mut program, &accumulators, reduction.elements));
    }
    Some(Body { program, stores: Vec::new(), accumulators: results, fractions: Ids::new() })
}

/// What all lanes of accumulators of one word combine to, in the first lane: half by half, as `Reducer::fold` does.
pub(super) fn total<F: Fold>(program: &mut Program, accumulators: &[Id], _: f64) -> Id {
    let mut total = accumulators[0];
    for &other in &accumulators[1..] {
        total = F::pair(program, total, other);
    }
    let lane = if F::WIDTH == Width::Double { 8 } else { 4 };
    let mut bytes = (program.lanes * lane).min(program.set.vector_bytes());
    while bytes > lane {
        bytes /= 2;
        let others = program.value(Operation::Down(bytes as u8), &[total], F::WIDTH);
        total = F::pair(program, total, others);
    }
    total
}

/// The mean of the elements that accumulators have summed.
pub(super) fn mean<F: Fold>(program: &mut Program, accumulators: &[Id], count: f64) -> Id {
    let total = total::<F>(program, accumulators, count);
    let count = program.constant(count.to_bits(), Width::Double);
    program.value(Operation::Divide, &[total, count], Width::Double)
}

/// The total, rounded to 32 bits.
pub(super) fn short_total<F: Fold>(program: &mut Program, accumulators: &[Id], count: f64) -> Id {
    let total = total::<F>(program, accumulators, count);
    program.value(Operation::FloatToFloat, &[total], Width::Single)
}

/// The mean, rounded to 32 bits.
pub(super) fn short_mean<F: Fold>(program: &mut Program, accumulators: &[Id], count: f64) -> Id {
    let mean = mean::<F>(program, accumulators, count);
    program.value(Operation::FloatToFloat, &[mean], Width::Single)
}
