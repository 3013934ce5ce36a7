//! How often each value of a kernel has to be made: once per call, per row, or in every round.

#![expect(clippy::wildcard_enum_match_arm, reason = "operations on values are as their inputs are")]

use super::loops::{Along, Plan};
use super::program::{Id, Operation, Program};
use super::translate::Body;

/// How often a value has to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// It is there.
    Constant,
    Call,
    Row,
    Round,
}

/// The values of a body that each round makes anew.
pub(super) fn round_section(body: &Body, levels: &[Level]) -> Vec<Id> {
    needed(&body.program, results(body)).into_iter().filter(|&id| levels[id as usize] == Level::Round).collect()
}

/// The values that results need, each after those it is made of.
pub(super) fn needed(program: &Program, results: impl Iterator<Item = Id>) -> Vec<Id> {
    let mut needed = vec![false; program.values.len()];
    results.for_each(|id| needed[id as usize] = true);
    for id in (0..program.values.len()).rev() {
        if needed[id] {
            program.values[id].inputs.iter().for_each(|&input| needed[input as usize] = true);
        }
    }
    (0..program.values.len() as Id).filter(|&id| needed[id as usize]).collect()
}

pub(super) fn results(body: &Body) -> impl Iterator<Item = Id> + '_ {
    body.stores.iter().map(|store| store.0).chain(body.accumulators.iter().copied())
}

/// How often each value has to be made.
pub(super) fn levels(program: &Program, plan: &Plan<'_>) -> Vec<Level> {
    let mut levels: Vec<Level> = Vec::with_capacity(program.values.len());
    for value in &program.values {
        let own = match value.operation {
            Operation::Constant(_) => Level::Constant,
            Operation::Load(stream) | Operation::Count(stream) => {
                let stream = plan.streams[stream];
                let stays = matches!(stream.along, Along::Uniform | Along::Counted(0));
                match (stays, stream.moves) {
                    (false, _) => Level::Round,
                    (true, true) => Level::Row,
                    (true, false) => Level::Call,
                }
            }
            // The mask is not written before the last round.
            Operation::Accumulator(_) | Operation::Left => Level::Round,
            _ => value.inputs.iter().map(|&input| levels[input as usize]).max().unwrap_or(Level::Call).max(Level::Call),
        };
        levels.push(own);
    }
    levels
}
