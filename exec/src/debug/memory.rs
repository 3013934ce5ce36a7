//! The memory of a call that is watched: all of it the debugger's own, with guards around, poison in what is not written, and a shadow
//! that shows who changed what.

#![expect(clippy::wildcard_enum_match_arm, reason = "only complex numbers are aligned less than they are long")]
#![expect(unsafe_code, reason = "it lays out the memory that steps run on")]

use std::ops::Range;

use damo_graph::{DType, ErrorKind, Problem};

use crate::array::Argument;
use crate::inputs::Inputs;
use crate::layout::Layout;
use crate::plan::Plan;
use crate::region::Region;
use crate::step::{ALIGNMENT, Place};

/// What memory holds that nobody has written: a signalling NaN for floats, a huge number for integers, neither true nor false.
const POISON: [u8; 4] = 0x7fa5_a5a5_u32.to_le_bytes();

/// So many bytes before and behind each piece belong to nobody.
const GUARD: usize = 2 * ALIGNMENT;

/// A piece of memory that stands for an array of the caller's, or the arena.
#[derive(Debug)]
struct Piece {
    bytes: Vec<u8>,
    /// Where the base is.
    base: usize,
    /// Bytes below the base and from there up that belong to the piece.
    before: usize,
    after: usize,
    writable: bool,
}

impl Piece {
    /// Poisoned memory. The base is aligned to `align`, and to no more if that is less than a cache line.
    fn new(before: usize, after: usize, align: usize, writable: bool) -> Self {
        let mut bytes = vec![0u8; before + after + 2 * GUARD + 2 * ALIGNMENT];
        poison(&mut bytes);
        let start = bytes.as_ptr().addr();
        let base = (start + GUARD + before).next_multiple_of(ALIGNMENT) - start;
        let base = if align < ALIGNMENT { base + align } else { base };
        Piece { bytes, base, before, after, writable }
    }

    fn region(&mut self) -> Region<'_> {
        let base = self.bytes.as_mut_ptr().wrapping_add(self.base);
        // SAFETY: `new` made room for these bytes around the base; they are initialised and borrowed mutably for the region's life.
        unsafe { Region::from_raw(base, self.before, self.after, self.writable) }
    }
}

fn poison(bytes: &mut [u8]) {
    // The pattern lies by address, so that parts of it fit together.
    let start = bytes.as_ptr().addr();
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = POISON[(start + place) % POISON.len()];
    }
}

/// All memory of a watched call.
#[derive(Debug)]
pub(super) struct Memory {
    /// The arena, then inputs, constants, outputs.
    pieces: Vec<Piece>,
    /// What each piece held after the last step.
    shadow: Vec<Vec<u8>>,
    inputs: usize,
    constants: usize,
    outputs: usize,
    scratch: Vec<u8>,
}

impl Memory {
    /// The memory for a call: inputs and constants copied, with the strides the plan was made for, everything else poisoned.
    pub fn new(plan: &Plan, inputs: Inputs<'_>, layouts: &[Layout]) -> Result<Memory, Problem> {
        let mut pieces = vec![Piece::new(0, plan.arena_bytes().next_multiple_of(ALIGNMENT), ALIGNMENT, true)];
        for (array, layout) in inputs.iter().zip(layouts) {
            pieces.push(copied(&array.to_any(), layout)?);
        }
        for array in &plan.constants {
            pieces.push(copied(array, &Layout::contiguous(array.shape()))?);
        }
        for (dtype, shape) in &plan.outputs {
            pieces.push(Piece::new(0, shape.iter().product::<usize>() * dtype.size(), align_of_dtype(*dtype), true));
        }
        let shadow = pieces.iter().map(|piece| piece.bytes.clone()).collect();
        Ok(Memory {
            pieces,
            shadow,
            inputs: inputs.len(),
            constants: plan.constants.len(),
            outputs: plan.outputs.len(),
            scratch: vec![0; plan.scratch_bytes],
        })
    }

    fn piece_of(&self, place: Place) -> Option<(usize, usize)> {
        Some(match place {
            Place::Arena { offset } => (0, offset),
            Place::Input(input) => (1 + input, 0),
            Place::Constant(constant) => (1 + self.inputs + constant, 0),
            Place::Output(output) => (1 + self.inputs + self.constants + output, 0),
            Place::Nowhere => return None,
        })
    }

    /// The regions of a plan's buffers, and the scratch.
    pub fn regions(&mut self, plan: &Plan) -> Result<(Vec<Region<'_>>, &mut [u8]), Problem> {
        let lost = || Problem::new(ErrorKind::Execution, "a buffer of a plan has no memory");
        let places: Vec<Option<(usize, usize)>> = plan.buffers().iter().map(|buffer| self.piece_of(buffer.place)).collect();
        let Memory { pieces, scratch, .. } = self;
        let mut all: Vec<Region<'_>> = pieces.iter_mut().map(Piece::region).collect();
        let mut regions = Vec::with_capacity(places.len());
        for (buffer, place) in plan.buffers().iter().zip(places) {
            let region = match (place, buffer.place) {
                (None, _) => all[0].part(0, 0),
                (Some((piece, offset)), Place::Arena { .. }) => all[piece].part(offset, buffer.bytes),
                (Some((piece, _)), _) => Some(all[piece]),
            };
            regions.push(region.ok_or_else(lost)?);
        }
        all.clear();
        Ok((regions, scratch))
    }

    /// The outputs' memory.
    pub fn output(&mut self, place: usize) -> Option<Region<'_>> {
        let piece = 1 + self.inputs + self.constants + place;
        debug_assert!(place < self.outputs);
        self.pieces.get_mut(piece).map(Piece::region)
    }

    /// Whether an output holds what nobody has written.
    pub fn output_has_poison(&self, place: usize, dtype: DType) -> bool {
        let piece = 1 + self.inputs + self.constants + place;
        self.pieces.get(piece).is_some_and(|known| self.is_poisoned(piece, known.base..known.base + known.after, dtype))
    }

    /// The bytes of a buffer, by piece.
    fn range(&self, plan: &Plan, buffer: usize) -> Option<(usize, Range<usize>)> {
        let buffer = &plan.buffers()[buffer];
        let (piece, offset) = self.piece_of(buffer.place)?;
        let start = self.pieces[piece].base + offset;
        Some((piece, start..start + buffer.bytes))
    }

    /// Whether a buffer's memory holds poison where an element would be.
    pub fn has_poison(&self, plan: &Plan, buffer: usize) -> bool {
        self.range(plan, buffer).is_some_and(|(piece, range)| self.is_poisoned(piece, range, plan.buffers()[buffer].dtype))
    }

    fn is_poisoned(&self, piece: usize, range: Range<usize>, dtype: DType) -> bool {
        let bytes = &self.pieces[piece].bytes[range.clone()];
        let start = self.pieces[piece].bytes.as_ptr().addr() + range.start;
        let is_poison = |element: &[u8], at: usize| element.iter().enumerate().all(|(k, &byte)| byte == POISON[(start + at + k) % POISON.len()]);
        let size = dtype.size();
        let mut elements = bytes.chunks_exact(size).enumerate().map(|(k, element)| is_poison(element, k * size));
        // Few bits may be a number that happens to look like that; a row of them does not.
        if size >= 4 || dtype == DType::Bool { elements.any(|poison| poison) } else { bytes.len() >= 8 && elements.all(|poison| poison) }
    }

    /// Writes a byte, if it lies in the memory of the same array or arena or in its guards.
    #[cfg(feature = "faults")]
    pub fn write(&mut self, plan: &Plan, write: crate::hooks::tamper::Write) {
        let Some((piece, range)) = self.range(plan, write.buffer.index()) else { return };
        let byte = range.start.checked_add_signed(write.byte).and_then(|at| self.pieces[piece].bytes.get_mut(at));
        if let Some(byte) = byte {
            *byte = write.value;
        }
    }

    /// Whether a byte, counted from the base of a piece of memory, is one that its elements reach.
    pub fn is_inside(&self, changed: Changed, byte: isize) -> bool {
        let piece = match changed {
            Changed::Arena => 0,
            Changed::Input(input) => 1 + input,
            Changed::Constant(constant) => 1 + self.inputs + constant,
            Changed::Output(output) => 1 + self.inputs + self.constants + output,
        };
        self.pieces.get(piece).is_some_and(|piece| byte >= -(piece.before as isize) && byte < piece.after as isize)
    }

    /// The first change since the last look that is not in one of the `written` buffers, or is in one that is still `needed`: the piece, and
    /// the byte counted from its base.
    pub fn changed_outside(&mut self, plan: &Plan, written: &[usize], needed: &[usize]) -> Option<(Changed, isize)> {
        let ranges = |buffers: &[usize]| -> Vec<(usize, Range<usize>)> { buffers.iter().filter_map(|&buffer| self.range(plan, buffer)).collect() };
        let (allowed, kept) = (ranges(written), ranges(needed));
        let mut found = None;
        for (at, piece) in self.pieces.iter().enumerate() {
            let shadow = &mut self.shadow[at];
            if piece.bytes == *shadow {
                continue;
            }
            for (chunk, (now, before)) in piece.bytes.chunks(GUARD).zip(shadow.chunks_mut(GUARD)).enumerate() {
                if now == before {
                    continue;
                }
                for (place, (&now, before)) in now.iter().zip(before).enumerate().map(|(place, pair)| (chunk * GUARD + place, pair)) {
                    let is_in = |ranges: &[(usize, Range<usize>)]| ranges.iter().any(|(of, range)| *of == at && range.contains(&place));
                    let is_allowed = now == *before || is_in(&allowed) && !is_in(&kept);
                    if !is_allowed && found.is_none() {
                        found = Some((at, place as isize - piece.base as isize));
                    }
                    *before = now;
                }
            }
        }
        let (at, place) = found?;
        let changed = if at == 0 {
            Changed::Arena
        } else if at <= self.inputs {
            Changed::Input(at - 1)
        } else if at <= self.inputs + self.constants {
            Changed::Constant(at - 1 - self.inputs)
        } else {
            Changed::Output(at - 1 - self.inputs - self.constants)
        };
        Some((changed, place))
    }

    /// Poisons a buffer but for the parts that others still need.
    pub fn give_up(&mut self, plan: &Plan, buffer: usize, needed: &[usize]) {
        let Some((piece, range)) = self.range(plan, buffer) else { return };
        let kept: Vec<Range<usize>> =
            needed.iter().filter_map(|&other| self.range(plan, other)).filter(|(of, _)| *of == piece).map(|(_, range)| range).collect();
        let start = self.pieces[piece].bytes.as_ptr().addr();
        for place in range {
            if !kept.iter().any(|kept| kept.contains(&place)) {
                let byte = POISON[(start + place) % POISON.len()];
                self.pieces[piece].bytes[place] = byte;
                self.shadow[piece][place] = byte;
            }
        }
    }
}

/// Which memory was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Changed {
    Arena,
    Input(usize),
    Constant(usize),
    Output(usize),
}

const fn align_of_dtype(dtype: DType) -> usize {
    match dtype {
        DType::C64 => 4,
        DType::C128 => 8,
        _ => dtype.size(),
    }
}

/// A copy of an array with these strides.
fn copied(array: &damo_graph::AnyArray, layout: &Layout) -> Result<Piece, Problem> {
    let size = array.dtype().size();
    let (low, high) = crate::region::reach(0, &layout.shape, &layout.strides).unwrap_or((0, -1));
    let (before, after) = (low.unsigned_abs() * size, (high + 1).unsigned_abs() * size);
    let mut piece = Piece::new(before, after, align_of_dtype(array.dtype()), true);
    let from = Layout { shape: array.shape().into(), strides: Argument::strides(array).into(), offset: 0 };
    crate::run::copy(array.dtype(), Argument::region(array), &from, piece.region(), layout)?;
    piece.writable = false;
    Ok(piece)
}
