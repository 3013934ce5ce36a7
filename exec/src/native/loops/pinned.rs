//! The accumulators of loops in registers: where they stay, how they begin, and what becomes of them in the end.

use super::super::accesses;
use super::super::assembler::{Operand, xmm};
use super::super::levels::needed;
use super::super::program::{Id, Operation};
use super::super::registers::{Registers, Values, repeated};
use super::super::select;
use super::super::translate::Body;
use super::{Accumulators, Register, Writer, at};

impl Writer<'_> {
    /// The pinned register of an accumulator of one of several rounds side by side.
    pub(super) fn pinned(&self, round: usize, accumulator: usize) -> u8 {
        let registers = self.assembler.instructions.set().registers();
        (registers - 1 - round * self.plan.reducers.len() - accumulator) as u8
    }

    pub(super) fn clear_accumulators(&mut self) {
        for round in 0..self.plan.side_by_side {
            for (place, reducer) in self.plan.reducers.iter().enumerate() {
                // What a second word holds is what rounding dropped: nothing.
                let neutral = repeated(reducer.neutral, reducer.width, self.assembler.vector_bytes());
                let neutral = self.assembler.constant(&neutral);
                self.assembler.copy(self.pinned(round, place), Operand::Memory(neutral));
            }
        }
    }

    /// Joins the accumulators of rounds side by side, and writes them out.
    pub(super) fn flush_accumulators(&mut self, first: usize) {
        let (plan, count) = (self.plan, self.plan.reducers.len());
        let mut kept = plan.side_by_side;
        while kept > 1 {
            let half = kept / 2;
            for round in 0..half {
                let pins: Vec<u8> = [round, round + half]
                    .iter()
                    .flat_map(|&round| (0..count).map(move |place| (round, place)))
                    .map(|(round, place)| self.pinned(round, place))
                    .collect();
                self.on_accumulators(plan.join, &pins, |registers| settle(registers, &plan.join.accumulators, &pins));
            }
            kept -= half;
        }
        let pins: Vec<u8> = (0..count).map(|place| self.pinned(0, place)).collect();
        if let Some(results) = plan.results {
            self.on_accumulators(results, &pins, |registers| {
                for (place, &id) in results.accumulators.iter().enumerate() {
                    let base = accesses::address(registers, first + place, Register::RAX);
                    let from = registers.register(id);
                    let store = registers.assembler.instructions.moves().store_first[accesses::width_of(plan.streams[first + place]) as usize];
                    registers.assembler.store(store, at(base, 0), xmm(from));
                    registers.done(&[id], None);
                }
            });
            return;
        }
        for (place, &pin) in pins.iter().enumerate() {
            let address = self.address(first + place, Register::RAX);
            self.assembler.keep(at(address, 0), pin);
        }
    }

    /// Writes a program on accumulators, which are in these registers.
    fn on_accumulators(&mut self, body: &Body, pins: &[u8], then: impl FnOnce(&mut Registers<'_>)) {
        let program = &body.program;
        let mut values = Values::new(program);
        let section = needed(program, body.accumulators.iter().copied());
        let pinned = self.all_pinned();
        let last = body.accumulators.iter().copied();
        let mut registers = Registers::new(program, &mut self.assembler, &mut self.frame, &mut values, &section, last);
        for register in pinned {
            registers.reserve(register);
        }
        for (id, value) in program.values.iter().enumerate() {
            if let Operation::Accumulator(place) = value.operation {
                registers.pin(id as Id, pins[place]);
            }
        }
        for &id in &section {
            if !matches!(program.values[id as usize].operation, Operation::Accumulator(_) | Operation::Constant(_)) {
                let preferred = body.accumulators.iter().position(|&result| result == id).map(|place| pins[place]);
                select::write(&mut registers, id, preferred);
            }
        }
        then(&mut registers);
    }

    /// The registers of all accumulators.
    pub(super) fn all_pinned(&self) -> Vec<u8> {
        if !matches!(self.plan.accumulators, Accumulators::EachRow(_) | Accumulators::AllRows(_)) {
            return Vec::new();
        }
        (0..self.plan.side_by_side)
            .flat_map(|round| (0..self.plan.reducers.len()).map(move |place| (round, place)))
            .map(|(round, place)| self.pinned(round, place))
            .collect()
    }
}

/// Brings accumulators to the registers they stay in.
pub(super) fn settle(registers: &mut Registers<'_>, accumulators: &[Id], pins: &[u8]) {
    for (&id, &pin) in accumulators.iter().zip(pins) {
        let from = registers.operand(id);
        if from != Operand::Register(registers.assembler.whole(pin)) {
            registers.assembler.copy(pin, from);
        }
        registers.done(&[id], None);
    }
}
