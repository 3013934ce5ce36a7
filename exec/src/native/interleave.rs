//! Several rounds of a loop as one, value by value in turn.
//!
//! A formula is a chain of some ten instructions, each of which waits for the one before. A processor looks ahead over some sixty that wait:
//! two rounds, one after the other. In turn it sees more of them, and has one to go on with while others wait.

use smallvec::{SmallVec, smallvec};

use super::program::{Id, Operation, Program, Value};
use super::translate::Body;

/// Bodies with fewer values of a round than this have nothing to wait for.
const LEAST_VALUES: usize = 12;

/// So many rounds are as good as any more.
const MOST_ROUNDS: usize = 4;

/// Rounds in turn.
pub(super) struct Interleaved {
    pub program: Program,
    /// The values of all rounds in turn.
    pub section: Vec<Id>,
    /// What is written to which access, and in which round.
    pub stores: Vec<(Id, usize, usize)>,
    /// What the accumulators become in the end: each round goes on with those of the one before.
    pub accumulators: SmallVec<[Id; 4]>,
    pub rounds: usize,
    /// What is made outside and read most often: for each a register is left.
    pub kept: Vec<Id>,
}

/// So many rounds of a body in turn as registers have room for; `None` if that is one. `section` are the values that every round makes anew;
/// accumulators may be in memory, as accesses from one on.
pub(super) fn interleaved(body: &Body, section: &[Id], in_memory: Option<usize>, registers: usize) -> Option<Interleaved> {
    if section.len() < LEAST_VALUES {
        return None;
    }
    let program = &body.program;
    let stored = body.stores.iter().map(|store| store.0).chain(body.accumulators.iter().copied().filter(|_| in_memory.is_some()));
    let stored: Vec<Id> = stored.chain(body.fractions.iter().copied()).collect();
    let tail = tail(program, section, &stored);
    let (tail, head): (Vec<Id>, Vec<Id>) = section.iter().partition(|&&id| tail[id as usize]);
    let read_on = tail.iter().flat_map(|&id| &program.values[id as usize].inputs);
    let results: Vec<Id> = stored.iter().chain(read_on).copied().collect();
    let most_alive = most_alive(program, &head, &results).max(1);
    let rounds = (registers / most_alive).min(MOST_ROUNDS);
    if rounds < 2 {
        return None;
    }
    let mut copier = Copier {
        program: program.copied(),
        copies: vec![(0..program.values.len() as Id).collect(); rounds],
        section: Vec::with_capacity(section.len() * rounds),
    };
    for &id in &head {
        (0..rounds).for_each(|round| copier.copy(id, round));
    }
    let mut of_tail = 0..rounds;
    if !body.fractions.is_empty() {
        // What accumulators go into is done once, for sums of all rounds.
        let mut sums = copier.copies[rounds - 1].clone();
        for &id in &body.fractions {
            sums[id as usize] = copier.sum(id);
        }
        copier.copies.push(sums);
        of_tail = rounds..rounds + 1;
    }
    for round in of_tail.clone() {
        for &id in &tail {
            if let Operation::Accumulator(place) = program.values[id as usize].operation
                && round > of_tail.start
            {
                // Each round goes on with what the one before has made.
                copier.copies[round][id as usize] = copier.copies[round - 1][body.accumulators[place] as usize];
            } else {
                copier.copy(id, round);
            }
        }
    }
    let Copier { program, copies, section } = copier;
    let stores = (0..rounds).flat_map(|round| body.lines(in_memory).map(move |(id, stream)| (id, stream, round)));
    let stores = stores.map(|(id, stream, round)| (copies[round][id as usize], stream, round)).collect();
    let last = &copies[of_tail.end - 1];
    let accumulators = if in_memory.is_some() { SmallVec::new() } else { body.accumulators.iter().map(|&id| last[id as usize]).collect() };
    let kept = most_read(&program, &section).into_iter().take(registers - rounds * most_alive).collect();
    Some(Interleaved { program, section, stores, accumulators, rounds, kept })
}

/// What a section reads more than once and does not make, the most often read first.
fn most_read(program: &Program, section: &[Id]) -> Vec<Id> {
    let mut reads = vec![0usize; program.values.len()];
    section.iter().flat_map(|&id| &program.values[id as usize].inputs).for_each(|&input| reads[input as usize] += 1);
    for &id in section {
        reads[id as usize] = 0;
    }
    let mut read: Vec<Id> = (0..reads.len() as Id).filter(|&id| reads[id as usize] > 1).collect();
    read.sort_by_key(|&id| std::cmp::Reverse(reads[id as usize]));
    read
}

/// Which values of a section are made round after round in the end: those that accumulators go into, and what is made for them of one value,
/// which need not be kept so.
fn tail(program: &Program, section: &[Id], stored: &[Id]) -> Vec<bool> {
    let mut tail = vec![false; program.values.len()];
    for &id in section {
        let value = &program.values[id as usize];
        tail[id as usize] = matches!(value.operation, Operation::Accumulator(_)) || value.inputs.iter().any(|&input| tail[input as usize]);
    }
    for &id in section.iter().rev() {
        let mut readers = section.iter().filter(|&&reader| program.values[reader as usize].inputs.contains(&id)).peekable();
        let own = program.values[id as usize].inputs.iter().filter(|input| section.binary_search(input).is_ok()).count();
        let is_for_tail = readers.peek().is_some() && readers.all(|&reader| tail[reader as usize]);
        tail[id as usize] |= is_for_tail && own == 1 && !stored.contains(&id);
    }
    tail
}

/// How many values of a section have to be in registers at once.
fn most_alive(program: &Program, section: &[Id], results: &[Id]) -> usize {
    let mut last_use = vec![None; program.values.len()];
    for (place, &id) in section.iter().enumerate() {
        program.values[id as usize].inputs.iter().for_each(|&input| last_use[input as usize] = Some(place));
    }
    for &id in results {
        last_use[id as usize] = Some(section.len());
    }
    let (mut alive, mut most) = (0usize, 0);
    for (place, &id) in section.iter().enumerate() {
        let mut inputs: SmallVec<[Id; 5]> = program.values[id as usize].inputs.clone();
        inputs.retain(|input| section.binary_search(input).is_ok() && last_use[*input as usize] == Some(place));
        inputs.sort_unstable();
        inputs.dedup();
        // A result may take the register of an input that is not needed any more.
        alive = alive + 1 - inputs.len();
        most = most.max(alive);
    }
    most
}

/// A program in the making, with the values of each round by those of the first.
struct Copier {
    program: Program,
    copies: Vec<Vec<Id>>,
    section: Vec<Id>,
}

impl Copier {
    /// The sum of a value of all rounds, as a tree.
    fn sum(&mut self, id: Id) -> Id {
        let mut terms: Vec<Id> = self.copies.iter().map(|copy| copy[id as usize]).collect();
        let Value { width, .. } = self.program.values[id as usize];
        while terms.len() > 1 {
            let pairs = terms.chunks(2).map(|pair| match *pair {
                [left, right] => {
                    let sum = self.program.values.len() as Id;
                    self.program.values.push(Value { operation: Operation::Add, inputs: smallvec![left, right], width, round: 0 });
                    self.section.push(sum);
                    sum
                }
                ref alone => alone[0],
            });
            terms = pairs.collect();
        }
        terms[0]
    }

    fn copy(&mut self, id: Id, round: usize) {
        if round == 0 {
            self.section.push(id);
            return;
        }
        let Value { operation, inputs, width, .. } = self.program.values[id as usize].clone();
        let inputs = inputs.iter().map(|&input| self.copies[round][input as usize]).collect();
        let copy = self.program.values.len() as Id;
        self.program.values.push(Value { operation, inputs, width, round });
        self.copies[round][id as usize] = copy;
        self.section.push(copy);
    }
}
