//! The code of a kernel: loops over rows and over the elements of a row, some at a time, and a last round for what is left.

#![expect(clippy::wildcard_enum_match_arm, reason = "only operations that the loops know are named")]

mod pinned;

use iced_x86::{Code, Instruction, MemoryOperand, Register};

use damo_graph::Problem;

use super::accesses::Round;
use super::assembler::{Assembler, Label, Operand, general};
use super::instructions;
use super::interleave::{Interleaved, interleaved};
use super::levels::{Level, levels, needed, results, round_section};
use super::outside::{self, CallSite};
use super::program::{Id, Operation, Program};
use super::reduction::Reducer;
use super::registers::{Frame, Registers, Values};
use super::select;
use super::translate::Body;
use pinned::settle;

/// How an access goes along a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Along {
    /// Element by element.
    Contiguous,
    /// It stays.
    Uniform,
    /// By so many elements.
    Strided(isize),
    /// It is no memory, but a number that is counted by so much.
    Counted(isize),
}

/// An access of the loops.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream {
    pub along: Along,
    /// Bytes of an element; bytes are truth values.
    pub size: usize,
    /// Whether there are whole vectors, so that no mask is needed at the end.
    pub padded: bool,
    /// Whether it is elsewhere in another row.
    pub moves: bool,
    /// Whether whole vectors are written past the caches: they lie at multiples of their bytes.
    pub is_past: bool,
}

/// Where accumulators are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accumulators {
    /// There are none.
    None,
    /// In registers; at the end of each row they are written to these accesses, from the first on, and begin anew.
    EachRow(usize),
    /// In registers; at the end of all rows they are written to these accesses.
    AllRows(usize),
    /// In memory, as accesses from that one on: they are read and written in each round.
    Memory(usize),
}

/// What a kernel does.
pub(super) struct Plan<'a> {
    pub streams: &'a [Stream],
    /// A round of whole vectors, and the last of a row.
    pub whole: &'a Body,
    pub last: &'a Body,
    /// Accumulators of two rounds side by side become one.
    pub join: &'a Body,
    /// Accumulators become results, if those are what is written.
    pub results: Option<&'a Body>,
    /// The reducer of each accumulator.
    pub reducers: &'a [Reducer],
    pub accumulators: Accumulators,
    /// How many rounds are done side by side.
    pub side_by_side: usize,
    /// How many elements a row has at most.
    pub count: usize,
    /// Whether every row has as many.
    pub is_even: bool,
}

impl Plan<'_> {
    /// Whether there are rounds of so many vectors, or may be.
    fn has_rounds(&self, vectors: usize) -> bool {
        vectors * self.whole.program.lanes <= self.count
    }

    /// How many elements are left for the last round of a row, if it is always as many.
    fn left(&self) -> Option<usize> {
        self.is_even.then(|| self.count % self.whole.program.lanes)
    }
}

/// A round, or several in turn, about to be written.
struct Lines<'a> {
    program: &'a Program,
    section: &'a [Id],
    /// What is written to which access, and in which round.
    stores: &'a [(Id, usize, usize)],
    /// What the accumulators become that are in registers.
    accumulators: &'a [Id],
    /// What stays in registers from round to round, and where.
    kept: &'a [(Id, u8)],
    round: usize,
    is_last: bool,
}

/// Rounds that are repeated: of how many elements, and what comes behind them.
struct Rounds {
    elements: i32,
    end: Label,
}

/// Code under construction.
struct Writer<'a> {
    plan: &'a Plan<'a>,
    assembler: Assembler,
    frame: Frame,
    /// Where the masks of the last round are, by width.
    masks: [usize; 2],
    /// Room for some elements, one after the other.
    bounce: usize,
    /// Room for all registers while a function outside runs.
    saved: usize,
    sites: Vec<CallSite>,
    /// Code that is rarely run, and comes last: where it is jumped to, where it leads back, what it calls.
    asides: Vec<(Label, Label, usize)>,
    lanes: usize,
}

/// The frame starts at a multiple of so many bytes.
const LINE: usize = 64;

/// The code of a kernel, and the places in it that call functions outside.
pub(super) fn compile(plan: &Plan<'_>) -> Result<(Vec<u8>, Vec<CallSite>), Problem> {
    // What general registers are kept in comes first.
    let set = plan.whole.program.set;
    let mut frame = Frame { bytes: 8 * 16, vector: set.vector_bytes() };
    let masks = [frame.vector(), frame.vector()];
    let bounce = frame.vector();
    let calls = !plan.whole.program.calls.is_empty();
    frame.bytes = frame.bytes.next_multiple_of(LINE);
    let saved = frame.bytes;
    if calls {
        frame.bytes += outside::saved_bytes(set);
    }
    let mut writer = Writer {
        plan,
        assembler: Assembler::new(instructions::of(set)),
        frame,
        masks,
        bounce,
        saved,
        sites: Vec::new(),
        asides: Vec::new(),
        lanes: plan.whole.program.lanes,
    };
    writer.kernel();
    // The code names the sites by their addresses: they stay where they are when their vector moves.
    Ok((writer.assembler.finish()?, writer.sites))
}

const KEPT: [Register; 6] = [Register::RBX, Register::RBP, Register::R12, Register::R13, Register::R14, Register::R15];

pub(super) fn registers64(register: Register) -> Operand {
    Operand::Register(register)
}

pub(super) fn at(base: Register, displacement: i64) -> MemoryOperand {
    MemoryOperand::with_base_displ(base, displacement)
}

impl<'a> Writer<'a> {
    fn kernel(&mut self) {
        for register in KEPT {
            self.assembler.one(Code::Push_r64, register);
        }
        // The stack is aligned for vectors; where it was is kept in its first word. The length of the frame is known in the end.
        self.assembler.two(Code::Mov_r64_rm64, Register::RAX, registers64(Register::RSP));
        let whole = Values::new(&self.plan.whole.program);
        let last = Values::new(&self.plan.last.program);
        let body = self.assembler.label();
        let enter = self.assembler.label();
        self.assembler.jump(Code::Jmp_rel32_64, enter);
        self.assembler.place(body);
        self.rows(whole, last);
        self.assembler.two(Code::Mov_r64_rm64, Register::RSP, Operand::Memory(at(Register::RSP, 0)));
        for register in KEPT.into_iter().rev() {
            self.assembler.one(Code::Pop_r64, register);
        }
        self.assembler.plain(Code::VEX_Vzeroupper);
        if self.plan.streams.iter().any(|stream| stream.is_past) {
            // Whoever is told that this is done finds it in memory.
            self.assembler.plain(Code::Sfence);
        }
        self.assembler.plain(Code::Retnq);
        self.asides();
        self.assembler.place(enter);
        let bytes = self.frame.bytes.next_multiple_of(LINE) as i32;
        self.assembler.number(Code::Sub_rm64_imm32, Register::RSP, bytes);
        self.assembler.number(Code::And_rm64_imm8, Register::RSP, -(LINE as i32));
        self.assembler.store(Code::Mov_rm64_r64, at(Register::RSP, 0), Register::RAX);
        self.assembler.jump(Code::Jmp_rel32_64, body);
    }

    /// All rows.
    fn rows(&mut self, mut whole: Values, mut last: Values) {
        let plan = self.plan;
        let levels = [levels(&plan.whole.program, plan), levels(&plan.last.program, plan)];
        // What no row has is not written.
        let (has_whole, has_last) = (plan.has_rounds(1), plan.left() != Some(0));
        self.load_bases(false);
        let last_round = self.round_of(0, true);
        if has_last {
            self.assembler.instructions.find_left(&mut self.assembler, &last_round);
        }
        let mut sections = |writer: &mut Self, level| {
            if has_whole {
                writer.section(plan.whole, &mut whole, &levels[0], level);
            }
            if has_last {
                writer.section(plan.last, &mut last, &levels[1], level);
            }
        };
        sections(self, Level::Call);
        if matches!(plan.accumulators, Accumulators::AllRows(_)) {
            self.clear_accumulators();
        }
        let row = self.assembler.here();
        sections(self, Level::Row);
        if matches!(plan.accumulators, Accumulators::EachRow(_)) {
            self.clear_accumulators();
        }
        self.assembler.two(Code::Xor_r32_rm32, Register::R8D, registers64(Register::R8D));
        let in_frame = (whole.frame.clone(), last.frame.clone());
        let mut at_once = 1;
        if plan.side_by_side > 1 {
            at_once = plan.side_by_side;
            let rounds = self.rounds(plan.side_by_side);
            self.repeat(&rounds, |writer| {
                (0..plan.side_by_side).for_each(|round| writer.round(plan.whole, &mut whole, &in_frame.0, &levels[0], round, false));
            });
        } else if let Some(wide) = self.interleaved(&levels[0]).filter(|wide| plan.has_rounds(wide.rounds)) {
            at_once = wide.rounds;
            let mut values = Values::new(&wide.program);
            values.frame[..in_frame.0.len()].copy_from_slice(&in_frame.0);
            let (program, section, stores, accumulators) = (&wide.program, &wide.section[..], &wide.stores[..], &wide.accumulators[..]);
            let top = self.assembler.instructions.set().registers() - self.all_pinned().len();
            let kept: Vec<(Id, u8)> = wide.kept.iter().zip((0..top as u8).rev()).map(|(&id, register)| (id, register)).collect();
            let lines = Lines { program, section, stores, accumulators, kept: &kept, round: 0, is_last: false };
            let rounds = self.rounds(wide.rounds);
            self.fetch(&lines, &mut values);
            self.repeat(&rounds, |writer| writer.lines(&lines, &mut values));
        }
        let are_done = plan.is_even && at_once > 1 && (plan.count / self.lanes).is_multiple_of(at_once);
        if has_whole && !are_done {
            let rounds = self.rounds(1);
            self.repeat(&rounds, |writer| writer.round(plan.whole, &mut whole, &in_frame.0, &levels[0], 0, false));
        }
        if has_last {
            let done = self.assembler.label();
            self.assembler.two(Code::Cmp_r64_rm64, general::INDEX, registers64(general::COUNT));
            self.assembler.jump(Code::Jae_rel32_64, done);
            self.round(plan.last, &mut last, &in_frame.1, &levels[1], 0, true);
            self.assembler.place(done);
        }
        if let Accumulators::EachRow(first) = plan.accumulators {
            self.flush_accumulators(first);
        }
        self.next_row(row);
        if let Accumulators::AllRows(first) = plan.accumulators {
            self.flush_accumulators(first);
        }
    }

    /// The address of an access, in a register.
    fn address(&mut self, stream: usize, spare: Register) -> Register {
        general::BASES.get(stream).copied().unwrap_or_else(|| {
            self.assembler.two(Code::Mov_r64_rm64, spare, Operand::Memory(at(general::SLOTS, 8 * stream as i64)));
            spare
        })
    }

    /// Fetches the addresses that stay in registers; of those that move only, if asked.
    fn load_bases(&mut self, only_moving: bool) {
        for (place, stream) in self.plan.streams.iter().enumerate().take(general::BASES.len()) {
            if stream.moves || !only_moving {
                self.assembler.two(Code::Mov_r64_rm64, general::BASES[place], Operand::Memory(at(general::SLOTS, 8 * place as i64)));
            }
        }
    }

    /// Moves all accesses on to the next row, and goes there if there is one.
    fn next_row(&mut self, row: Label) {
        for (place, _) in self.plan.streams.iter().enumerate().filter(|(_, stream)| stream.moves) {
            let (slot, step) = (at(general::SLOTS, 8 * place as i64), at(general::STEPS, 8 * place as i64));
            self.assembler.two(Code::Mov_r64_rm64, Register::RAX, Operand::Memory(step));
            self.assembler.store(Code::Add_rm64_r64, slot, Register::RAX);
        }
        self.load_bases(true);
        self.assembler.one(Code::Dec_rm64, general::ROWS);
        self.assembler.jump(Code::Jne_rel32_64, row);
    }

    /// The rounds of a row in turn, if that helps.
    fn interleaved(&self, levels: &[Level]) -> Option<Interleaved> {
        let body = self.plan.whole;
        let section = round_section(body, levels);
        interleaved(body, &section, self.in_memory(), self.assembler.instructions.set().registers() - self.all_pinned().len())
    }

    /// The access of the first accumulator, if they are in memory.
    fn in_memory(&self) -> Option<usize> {
        if let Accumulators::Memory(first) = self.plan.accumulators { Some(first) } else { None }
    }

    /// Begins rounds of so many vectors: leaves them out if there are not as many elements.
    fn rounds(&mut self, count: usize) -> Rounds {
        let rounds = Rounds { elements: (count * self.lanes) as i32, end: self.assembler.label() };
        self.if_elements(&rounds, Code::Ja_rel32_64, rounds.end);
        rounds
    }

    /// Such rounds, while there are as many elements.
    fn repeat(&mut self, rounds: &Rounds, write: impl FnOnce(&mut Self)) {
        let start = self.assembler.here();
        write(self);
        self.assembler.number(Code::Add_rm64_imm32, general::INDEX, rounds.elements);
        self.if_elements(rounds, Code::Jbe_rel32_64, start);
        self.assembler.place(rounds.end);
    }

    /// Goes to a label by whether there are elements for one more of such rounds.
    fn if_elements(&mut self, rounds: &Rounds, jump: Code, label: Label) {
        self.assembler.write(Instruction::with2(Code::Lea_r64_m, Register::RAX, at(general::INDEX, rounds.elements.into())));
        self.assembler.two(Code::Cmp_r64_rm64, Register::RAX, registers64(general::COUNT));
        self.assembler.jump(jump, label);
    }

    fn round_of(&self, place: usize, is_last: bool) -> Round<'a> {
        Round { streams: self.plan.streams, masks: self.masks, bounce: self.bounce, lanes: self.lanes, place, is_last, left: self.plan.left() }
    }

    /// Writes the values of a level, and keeps those that inner levels read in the frame.
    fn section(&mut self, body: &Body, values: &mut Values, levels: &[Level], level: Level) {
        let all = needed(&body.program, results(body));
        let section: Vec<Id> = all.iter().copied().filter(|&id| levels[id as usize] == level).collect();
        if section.is_empty() {
            return;
        }
        let inner = |id: Id| {
            let reads = |&reader: &Id| levels[reader as usize] > level && body.program.values[reader as usize].inputs.contains(&id);
            all.iter().any(reads) || results(body).any(|result| result == id)
        };
        let kept: Vec<Id> = section.iter().copied().filter(|&id| inner(id)).collect();
        let pins: Vec<u8> = self.all_pinned();
        let lines = Lines { program: &body.program, section: &section, stores: &[], accumulators: &[], kept: &[], round: 0, is_last: false };
        self.write(&lines, values, &kept, &pins, |registers| kept.iter().for_each(|&id| registers.store_in_frame(id)));
    }

    /// One round: loads, values, stores.
    fn round(&mut self, body: &Body, values: &mut Values, kept: &[Option<usize>], levels: &[Level], round: usize, is_last: bool) {
        values.frame.copy_from_slice(kept);
        let section = round_section(body, levels);
        let in_memory = self.in_memory();
        let stores: Vec<(Id, usize, usize)> = body.lines(in_memory).map(|(id, stream)| (id, stream, round)).collect();
        let accumulators = if in_memory.is_some() { &[] } else { &body.accumulators[..] };
        self.lines(&Lines { program: &body.program, section: &section, stores: &stores, accumulators, kept: &[], round, is_last }, values);
    }

    /// Fetches what stays in registers.
    fn fetch(&mut self, lines: &Lines<'_>, values: &mut Values) {
        let mut registers = Registers::new(lines.program, &mut self.assembler, &mut self.frame, values, &[], std::iter::empty());
        lines.kept.iter().for_each(|&(id, register)| registers.fetch(id, register));
    }

    /// A round, or several in turn.
    fn lines(&mut self, lines: &Lines<'_>, values: &mut Values) {
        values.elements.fill(None);
        let pins = self.all_pinned();
        let own: Vec<u8> = (0..lines.accumulators.len()).map(|place| self.pinned(lines.round, place)).collect();
        let results: Vec<Id> = lines.stores.iter().map(|store| store.0).chain(lines.accumulators.iter().copied()).collect();
        let any_round = self.round_of(0, lines.is_last);
        self.write(lines, values, &results, &pins, |registers| {
            for &(value, stream, place) in lines.stores {
                Round { place, ..any_round }.store(registers, value, stream);
            }
            settle(registers, lines.accumulators, &own);
        });
    }

    /// Writes the values of a section.
    fn write(&mut self, lines: &Lines<'_>, values: &mut Values, last: &[Id], pins: &[u8], then: impl FnOnce(&mut Registers<'_>)) {
        let &Lines { program, section, accumulators, round: first, is_last, .. } = lines;
        let (instructions, any_round) = (self.assembler.instructions, self.round_of(0, is_last));
        let own: Vec<u8> = pins.iter().take(self.plan.reducers.len()).enumerate().map(|(place, _)| self.pinned(first, place)).collect();
        let mut registers = Registers::new(program, &mut self.assembler, &mut self.frame, values, section, last.iter().copied());
        for &register in pins {
            registers.reserve(register);
        }
        for &(id, register) in lines.kept {
            registers.pin(id, register);
        }
        if !pins.is_empty() {
            for &id in section {
                if let Operation::Accumulator(place) = program.values[id as usize].operation {
                    registers.pin(id, own[place]);
                }
            }
        }
        for &id in section {
            let value = &program.values[id as usize];
            let round = Round { place: first + value.round, ..any_round };
            match value.operation {
                Operation::Constant(_) | Operation::Accumulator(_) => {}
                Operation::Left => instructions.left(&mut registers, id, &round),
                Operation::Load(stream) => round.load(&mut registers, id, stream),
                Operation::Count(stream) => round.count(&mut registers, id, stream),
                Operation::Call(place) => {
                    let site = self.sites.len();
                    let (aside, back) = outside::write(&mut registers, id, &program.calls[place], round.lanes, &mut self.sites);
                    self.asides.push((aside, back, site));
                }
                _ => {
                    let preferred = accumulators.iter().position(|&result| result == id).and_then(|place| own.get(place).copied());
                    select::write(&mut registers, id, preferred);
                }
            }
        }
        then(&mut registers);
    }

    fn asides(&mut self) {
        for (aside, back, site) in std::mem::take(&mut self.asides) {
            self.assembler.place(aside);
            outside::call(&mut self.assembler, self.saved, site, self.sites.as_ptr());
            self.assembler.jump(Code::Jmp_rel32_64, back);
        }
    }
}
