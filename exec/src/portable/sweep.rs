//! One sweep over a part of a nest: how its loops are cut into tiles, and the instructions on tiles.

use damo_graph::{DType, Number, Problem, with_dtype};
use smallvec::SmallVec;

use super::axes::Axes;
use super::copy::Run;
use super::loops::Loop;
use super::part::arguments;
use super::reduce::Reducer;
use super::stored::{Stored, elements_mut};
use crate::nest::{Access, BufferId, Instruction, Nest, Register};

/// A tile of a register has at most so many bytes and elements, and at least so many elements where there are as many.
const TILE_BYTES: usize = 4096;
const TILE_ELEMENTS: std::ops::RangeInclusive<usize> = 256..=1024;

/// The same where operands are only folded, never copied.
const FOLDED_BYTES: usize = 32 * 1024;

/// Accumulators of so many tiles enter the next level at once.
pub(super) const RADIX: usize = 16;

/// Starting a thread takes as long as computing so many elements.
const WORTH_A_THREAD: usize = 1 << 18;

/// Memory that starts at a multiple of so many bytes.
pub(super) const LINE: usize = 64;

/// One sweep: everything the interpreter has to know.
#[derive(Debug)]
pub(super) struct Sweep {
    /// The loops, and the steps of all accesses along them: operands, indices, stores, results of reductions.
    pub axes: Axes,
    /// The memory of each access; `None` of an index.
    pub accesses: Vec<Option<Memory>>,
    /// Where each access begins.
    pub offsets: Vec<isize>,
    /// Loops around the accumulators: each makes results of its own.
    pub kept: SmallVec<[Around; 4]>,
    /// Loops inside, around the tile, that are reduced.
    pub reduced: SmallVec<[Around; 4]>,
    /// The loop whose steps are shared out among tiles, and how many go into one.
    pub cut: Option<Cut>,
    /// Elements of a tile per step of the cut loop.
    pub whole: usize,
    /// Elements of a full tile.
    pub tile: usize,
    /// A tile as `[outer, reduced, inner]`, without the cut loop, and which of them that one belongs to.
    pub fold: [usize; 3],
    pub cut_in: usize,
    pub actions: Vec<Action>,
    pub stores: Vec<StoreTile>,
    pub reductions: Vec<Reduce>,
    /// The bytes of constants, one each.
    pub constants: Vec<[u64; 2]>,
    /// How many levels accumulators have.
    pub levels: usize,
    /// Bytes of scratch for registers and accumulators.
    pub scratch: usize,
}

/// Memory that an access reads or writes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    pub buffer: BufferId,
    pub size: usize,
    pub align: usize,
    pub written: bool,
}

/// A loop around tiles: over that axis, in steps of so many.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around {
    pub axis: usize,
    pub count: usize,
    pub step: usize,
}

/// A loop that is shared out among tiles.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub axis: usize,
    /// Steps in a full tile.
    pub steps: usize,
}

/// Where the elements of a register are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Spot {
    /// At that byte of the scratch.
    Scratch(usize),
    /// In the memory of that access, contiguous.
    Memory(usize),
    /// In the memory of that store if results may be written at once, else at that byte of the scratch.
    Result(usize, usize),
    /// The constant of that place.
    Constant(usize),
}

/// A register: where it is, and whether it is one element for the whole tile.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tile {
    pub spot: Spot,
    pub size: usize,
    pub uniform: bool,
}

/// What is done for each tile, in order.
#[derive(Debug)]
pub(super) enum Action {
    /// Reads strided memory.
    Gather { access: usize, runs: Runs, to: Tile },
    /// Counts along a loop.
    Index { access: usize, runs: Runs, to: Tile, write: fn(&mut [u8], &mut dyn FnMut() -> isize) },
    /// Computes.
    Apply { function: Loop, arguments: SmallVec<[Tile; 3]>, to: Tile },
}

/// The steps of an access along a tile, outermost first.
pub(super) type Runs = SmallVec<[Run; 4]>;

/// Writes a register.
#[derive(Debug)]
pub(super) struct StoreTile {
    pub from: Tile,
    pub access: usize,
    pub runs: Runs,
}

/// Folds a register into accumulators.
#[derive(Debug)]
pub(super) struct Reduce {
    pub from: Tile,
    pub reducer: Reducer,
    /// Where the accumulators are in the scratch, level by level, and how many bytes a level has.
    pub start: usize,
    pub level_bytes: usize,
    /// How many elements a result is of.
    pub count: f64,
    /// From what the reducer gives to what is stored, if they differ, and where in the scratch.
    pub convert: Option<(Loop, usize)>,
    pub access: usize,
    pub runs: Runs,
}

impl Sweep {
    /// Plans a sweep over a part of a nest. `reduced` are the loops that its reductions combine over.
    pub fn plan(nest: &Nest, reduced: &[usize]) -> Result<Sweep, Problem> {
        let axes = Axes::of(nest, reduced);
        let indices = nest.body.iter().filter(|instruction| matches!(instruction, Instruction::Index { .. })).count();
        let memory = |access: &Access, written| {
            Some(Memory { buffer: access.buffer, size: access.dtype.size(), align: with_dtype!(access.dtype, T => align_of::<T>()), written })
        };
        let accesses = nest.operands.iter().map(|access| memory(access, false));
        let accesses = accesses.chain((0..indices).map(|_| None)).chain(nest.written().map(|access| memory(access, true))).collect();
        let offsets =
            nest.operands.iter().map(|access| access.offset).chain((0..indices).map(|_| 0)).chain(nest.written().map(|access| access.offset));
        let mut sweep = Sweep {
            accesses,
            offsets: offsets.collect(),
            kept: SmallVec::new(),
            reduced: SmallVec::new(),
            cut: None,
            whole: 1,
            tile: 1,
            fold: [1; 3],
            cut_in: 2,
            actions: Vec::new(),
            stores: Vec::new(),
            reductions: Vec::new(),
            constants: Vec::new(),
            levels: 1,
            scratch: 0,
            axes,
        };
        sweep.cut_into_tiles(nest);
        Registers::new(nest, &mut sweep).assign()?;
        Ok(sweep)
    }

    /// How many pieces the sweep falls into that share no result.
    pub fn pieces(&self) -> usize {
        self.kept.iter().map(|around| around.count).product()
    }

    /// How many tiles are reduced into the results of a piece.
    pub fn tiles(&self) -> usize {
        self.reduced.iter().map(|around| around.count).product()
    }

    /// How many of so many threads are worth starting: one per piece, and enough to do for each.
    pub fn threads(&self, available: usize) -> usize {
        available.min(self.pieces()).min(self.axes.count() / WORTH_A_THREAD).max(1)
    }

    fn cut_into_tiles(&mut self, nest: &Nest) {
        let size = (0..nest.body.len()).map(|register| nest.dtype(register).size()).max().unwrap_or(1);
        let only_folds = nest.stores.is_empty() && nest.body.iter().all(|instruction| matches!(instruction, Instruction::Load(_)));
        let limit = if only_folds { FOLDED_BYTES / size } else { (TILE_BYTES / size).clamp(*TILE_ELEMENTS.start(), *TILE_ELEMENTS.end()) };
        let axes = &self.axes.axes;
        let empty = self.axes.count() == 0;
        let mut first = axes.len();
        while !empty && first > 0 && self.whole * axes[first - 1].length <= limit {
            first -= 1;
            self.whole *= axes[first].length;
        }
        let steps = limit / self.whole;
        if !empty && first > 0 && steps > 1 {
            let length = axes[first - 1].length;
            // All tiles alike, but whole vectors where the loop is the innermost.
            let even = length.div_ceil(length.div_ceil(steps));
            self.cut = Some(Cut { axis: first - 1, steps: if self.whole == 1 { even.next_multiple_of(LINE).min(steps) } else { even } });
        }
        self.tile = self.whole * self.cut.map_or(1, |cut| cut.steps);
        for axis in 0..first {
            let step = self.cut.filter(|cut| cut.axis == axis).map_or(1, |cut| cut.steps);
            let around = Around { axis, count: axes[axis].length.div_ceil(step), step };
            if axes[axis].reduced { self.reduced.push(around) } else { self.kept.push(around) }
        }
        let is_reduced = axes[first..].iter().any(|axis| axis.reduced);
        for (place, axis) in axes.iter().enumerate().skip(first) {
            let outer = !axis.reduced && axes[place..].iter().any(|inner| inner.reduced);
            self.fold[if axis.reduced {
                1
            } else if outer {
                0
            } else {
                2
            }] *= axis.length;
        }
        if let Some(cut) = self.cut {
            self.cut_in = if axes[cut.axis].reduced {
                1
            } else if is_reduced {
                0
            } else {
                2
            };
        }
        let mut reach = RADIX;
        while reach < self.tiles() {
            reach = reach.saturating_mul(RADIX);
            self.levels += 1;
        }
    }

    /// The steps of an access along the loops of a tile, or along those of them that are kept, joined where they step evenly.
    fn runs(&self, access: usize, only_kept: bool) -> Runs {
        let strides = &self.axes.strides[access];
        let first = self.axes.axes.len() - self.whole_axes();
        let mut runs = Runs::new();
        let cut = self.cut.map(|cut| (cut.axis, true));
        for (axis, partial) in cut.into_iter().chain((first..self.axes.axes.len()).map(|axis| (axis, false))) {
            if only_kept && self.axes.axes[axis].reduced {
                continue;
            }
            let (length, stride) = (if partial { 1 } else { self.axes.axes[axis].length }, strides[axis]);
            match runs.last_mut() {
                Some(outer) if outer.stride == stride * length as isize => {
                    *outer = Run { length: outer.length * length, stride, partial: outer.partial }
                }
                _ => runs.push(Run { length, stride, partial }),
            }
        }
        runs
    }

    /// How many of the innermost loops are wholly in a tile.
    fn whole_axes(&self) -> usize {
        self.axes.axes.len() - self.kept.len() - self.reduced.len()
    }
}

fn is_uniform(runs: &Runs) -> bool {
    runs.iter().all(|run| run.stride == 0)
}

fn is_contiguous(runs: &Runs) -> bool {
    matches!(runs.as_slice(), [run] if run.stride == 1)
}

/// Gives registers their places and turns instructions into actions.
struct Registers<'a> {
    nest: &'a Nest,
    sweep: &'a mut Sweep,
    tiles: Vec<Tile>,
    /// The last instruction that reads each register; results live on.
    last_use: Vec<usize>,
    free: Vec<usize>,
}

impl<'a> Registers<'a> {
    fn new(nest: &'a Nest, sweep: &'a mut Sweep) -> Self {
        let mut last_use: Vec<usize> = (0..nest.body.len()).collect();
        for (place, instruction) in nest.body.iter().enumerate() {
            arguments(instruction).iter().for_each(|&argument| last_use[argument] = place);
        }
        let results = nest.stores.iter().map(|store| store.value).chain(nest.reductions.iter().map(|reduction| reduction.value));
        results.for_each(|register| last_use[register] = usize::MAX);
        Registers { nest, sweep, tiles: Vec::new(), last_use, free: Vec::new() }
    }

    fn assign(mut self) -> Result<(), Problem> {
        let mut indices = self.nest.operands.len();
        for (register, instruction) in self.nest.body.iter().enumerate() {
            let tile = self.instruction(register, instruction, &mut indices);
            self.tiles.push(tile);
            for &argument in &arguments(instruction) {
                let tile = self.tiles[argument];
                if let Spot::Scratch(start) | Spot::Result(_, start) = tile.spot
                    && !tile.uniform
                    && self.last_use[argument] == register
                    && !self.free.contains(&start)
                {
                    self.free.push(start);
                }
            }
        }
        let written = self.sweep.accesses.len() - self.nest.stores.len() - self.nest.reductions.len();
        for (place, store) in self.nest.stores.iter().enumerate() {
            let from = self.spread(store.value);
            let access = written + place;
            let runs = self.sweep.runs(access, false);
            self.sweep.stores.push(StoreTile { from, access, runs });
        }
        for (place, reduction) in self.nest.reductions.iter().enumerate() {
            let from = self.spread(reduction.value);
            let reducer = Reducer::of(reduction.kind, self.nest.dtype(reduction.value))?;
            let elements = reduction.axes.iter().fold(1.0, |count, &axis| count * self.nest.shape[axis] as f64);
            let access = written + self.nest.stores.len() + place;
            let [outer, _, inner] = self.sweep.fold;
            let steps = self.sweep.cut.filter(|_| self.sweep.cut_in != 1).map_or(1, |cut| cut.steps);
            let count = outer * inner * steps;
            let level_bytes = (count * reducer.size).next_multiple_of(LINE);
            let start = self.room(level_bytes * self.sweep.levels);
            let convert = (reducer.gives != reduction.to.dtype)
                .then(|| (Loop::cast(reducer.gives, reduction.to.dtype), self.room(count * reduction.to.dtype.size())));
            let runs = self.sweep.runs(access, true);
            self.sweep.reductions.push(Reduce { from, reducer, start, level_bytes, count: elements, convert, access, runs });
        }
        Ok(())
    }

    fn instruction(&mut self, register: Register, instruction: &Instruction, indices: &mut usize) -> Tile {
        let size = self.nest.dtype(register).size();
        match instruction {
            Instruction::Load(operand) => {
                let runs = self.sweep.runs(*operand, false);
                if is_contiguous(&runs) || is_uniform(&runs) {
                    return Tile { spot: Spot::Memory(*operand), size, uniform: is_uniform(&runs) };
                }
                let to = self.result(register, size, false);
                self.sweep.actions.push(Action::Gather { access: *operand, runs, to });
                to
            }
            Instruction::Constant(number, dtype) => {
                let mut bits = [0; 2];
                write_number(&mut bytemuck::bytes_of_mut(&mut bits)[..size], *number, *dtype);
                self.sweep.constants.push(bits);
                Tile { spot: Spot::Constant(self.sweep.constants.len() - 1), size, uniform: true }
            }
            Instruction::Index { dtype, .. } => {
                let access = *indices;
                *indices += 1;
                let runs = self.sweep.runs(access, false);
                let uniform = is_uniform(&runs);
                let to = self.result(register, size, uniform);
                let write: fn(&mut [u8], &mut dyn FnMut() -> isize) = with_dtype!(*dtype, T => write_indices::<T>);
                self.sweep.actions.push(Action::Index { access, runs, to, write });
                to
            }
            Instruction::Apply { scalar, arguments, dtype } => {
                // Of a select the condition says nothing about what is chosen between.
                let of = arguments.last().map_or(*dtype, |&argument| self.nest.dtype(argument));
                self.apply(register, size, Loop::of(scalar, of), arguments)
            }
            Instruction::Cast { argument, to } => self.apply(register, size, Loop::cast(self.nest.dtype(*argument), *to), &[*argument]),
        }
    }

    fn apply(&mut self, register: Register, size: usize, function: Loop, arguments: &[Register]) -> Tile {
        let arguments: SmallVec<[Tile; 3]> = arguments.iter().map(|&argument| self.tiles[argument]).collect();
        let uniform = arguments.iter().all(|argument| argument.uniform);
        let to = self.result(register, size, uniform);
        self.sweep.actions.push(Action::Apply { function, arguments, to });
        to
    }

    /// Where an instruction puts its result: where it is stored, if it is and lies there contiguously, else in the scratch.
    fn result(&mut self, register: Register, size: usize, uniform: bool) -> Tile {
        if uniform {
            return Tile { spot: Spot::Scratch(self.room(LINE)), size, uniform };
        }
        let start = self.free.pop().unwrap_or_else(|| {
            let bytes = self.slot_bytes();
            self.room(bytes)
        });
        let written = self.sweep.accesses.len() - self.nest.stores.len() - self.nest.reductions.len();
        let stored = self.nest.stores.iter().position(|store| store.value == register).map(|place| written + place);
        let spot = match stored {
            Some(access) if is_contiguous(&self.sweep.runs(access, false)) => Spot::Result(access, start),
            _ => Spot::Scratch(start),
        };
        Tile { spot, size, uniform }
    }

    /// A register as a whole tile.
    fn spread(&mut self, register: Register) -> Tile {
        let from = self.tiles[register];
        if !from.uniform {
            return from;
        }
        let bytes = self.slot_bytes();
        let to = Tile { spot: Spot::Scratch(self.room(bytes)), size: from.size, uniform: false };
        let function = Loop::spread(from.size);
        self.sweep.actions.push(Action::Apply { function, arguments: SmallVec::from_slice(&[from]), to });
        to
    }

    fn slot_bytes(&self) -> usize {
        let size = (0..self.nest.body.len()).map(|register| self.nest.dtype(register).size()).max().unwrap_or(1);
        self.sweep.tile * size
    }

    /// So many new bytes of scratch.
    fn room(&mut self, bytes: usize) -> usize {
        let start = self.sweep.scratch;
        self.sweep.scratch += bytes.next_multiple_of(LINE);
        start
    }
}

fn write_number(bytes: &mut [u8], number: Number, dtype: DType) {
    fn typed<T: Stored>(bytes: &mut [u8], number: Number) {
        bytes.copy_from_slice(bytemuck::bytes_of(&T::from_number(number).write()));
    }
    with_dtype!(dtype, T => typed::<T>(bytes, number));
}

fn write_indices<T: Stored>(out: &mut [u8], next: &mut dyn FnMut() -> isize) {
    for out in elements_mut::<T::Raw>(out) {
        *out = T::from_number(Number::Integer(next() as i128)).write();
    }
}
