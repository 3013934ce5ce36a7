//! Convolution by machine code that reads the image where it is: windows or filters are vectors, the others are rows of its tiles.
//!
//! A tile's vectors are neighbouring windows, and its rows filters; where lines have few windows for a vector, as gradients of filters do, its
//! vectors are filters and its rows windows, if that takes less time. The places of a window's factors are a list that is made once. Only what
//! has padding, strides or gaps is laid out anew, some lines at a time. An element's sum is made block by block ([`depth`]), and in a block term
//! by term, whatever tile or thread it falls to.

#![expect(unsafe_code, reason = "threads write parts of one result, and machine code takes addresses")]

mod depth;
mod filters;
mod lie;
mod long_sums;
mod outputs;
mod windows;

use std::ops::Range;

use damo_graph::{ErrorKind, Problem};

use self::depth::{Block, Depth};
use self::lie::{Lie, is_inside};
use self::long_sums::Division;
use super::Memory;
use crate::library::lanes::Multiply;
use crate::native::{MicroKernels, Reading};
use crate::pool::{self, Shared};
use crate::sliding::Convolution;

/// A part that one thread computes has at least so many multiplications, if there are as many.
const PART: usize = 1 << 20;

/// So many multiplications are worth a thread.
const WORTH_A_THREAD: usize = 1 << 21;

/// At most so many bytes are laid out at a time, if lines reach no further: half of a second-level cache.
const LAID_OUT_BYTES: usize = 256 << 10;

/// So many elements fill a line of a cache.
const LINE: usize = 16;

/// What the vectors of a tile are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Vectors {
    Windows,
    Outputs,
}

/// A length cut into tiles as even as may be: the first so many are one longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tiles {
    count: usize,
    height: usize,
    taller: usize,
}

impl Tiles {
    fn of(length: usize, most: usize) -> Self {
        let count = length.div_ceil(most);
        Tiles { count, height: length / count.max(1), taller: length % count.max(1) }
    }

    /// Tiles of the same height: the first row, how high, how many.
    fn alike(&self) -> impl Iterator<Item = [usize; 3]> {
        let tall = [0, self.height + 1, self.taller];
        let others = [self.taller * (self.height + 1), self.height, self.count - self.taller];
        [tall, others].into_iter().filter(|&[_, height, count]| height > 0 && count > 0)
    }
}

/// The vectors of a convolution's tiles, and how long its steps take for all windows of two lines and all filters, in halves of a cycle:
/// multiplications of vectors two at a time, or one if the processor splits them, and each sum after four cycles again.
fn vectors(convolution: &Convolution, kernels: &MicroKernels) -> (Vectors, usize) {
    let (height, lanes, each) = (kernels.size()[0], kernels.lanes(), kernels.halves_of_cycles());
    let (outputs, windows) = (convolution.outputs(), convolution.slides[2].count);
    let step = |rows: usize, vectors: usize| (rows * vectors * each).max(8);
    let in_rows =
        |length: usize, vectors: usize| Tiles::of(length, height).alike().map(|[_, rows, count]| count * step(rows, vectors)).sum::<usize>();
    let by_windows = windows.div_ceil(lanes) * in_rows(outputs, 2);
    let of_filters = outputs.div_ceil(lanes);
    let by_outputs = 2 * (of_filters / 2 * in_rows(windows, 2) + of_filters % 2 * in_rows(windows, 1));
    if by_outputs < by_windows { (Vectors::Outputs, by_outputs) } else { (Vectors::Windows, by_windows) }
}

/// The kernels that take less time, these or those of shorter vectors.
fn faster(convolution: &Convolution, kernels: &'static MicroKernels) -> &'static MicroKernels {
    let time = |kernels: &MicroKernels| vectors(convolution, kernels).1;
    kernels.narrower().filter(|narrower| time(narrower) < time(kernels)).unwrap_or(kernels)
}

/// How a convolution is cut.
#[derive(Clone, Copy, Debug)]
struct Cut {
    vectors: Vectors,
    /// Rows of a tile at most, and elements of a vector.
    height: usize,
    lanes: usize,
    depth: Depth,
    /// Lines of windows of a part at most.
    lines: usize,
    lie: Lie,
    is_in_place: bool,
    /// Whether filters are read where they are.
    reads_filters: bool,
    /// How the terms of sums are divided, where there are few windows.
    division: Option<Division>,
}

impl Cut {
    fn of<T: Multiply>(convolution: &Convolution, kernels: &MicroKernels) -> Self {
        let [planes, down, line] = convolution.slides;
        let (height, lanes) = (kernels.size()[0], kernels.lanes());
        let (outputs, channels) = (convolution.outputs(), convolution.channels());
        let lengths = [channels, planes.taps, down.taps, line.taps];
        let per_line = line.count.div_ceil(lanes);
        let (vectors, _) = vectors(convolution, kernels);
        let is_windows = vectors == Vectors::Windows;

        let lie = Lie::in_place(convolution);
        let is_inside = convolution.slides.iter().all(is_inside);
        let is_in_place = is_inside && (!is_windows || lie.window == 1 && reads_inside(convolution, &lie, lanes, lengths));
        let (lie_of, wide) = (|lines| Lie::laid_out(convolution, lines, is_windows.then_some(lanes)), per_line % 2);
        let of_line = (line.count * outputs * channels * convolution.taps()).max(1);
        let mut lines = PART.div_ceil(of_line);
        if !is_in_place {
            // What neighbouring parts both lay out is no more than what they have for themselves.
            let most = (1..down.count).take_while(|&lines| lie_of(lines).elements(convolution) * size_of::<T>() <= LAID_OUT_BYTES).count();
            lines = lines.min(most).max(down.taps * down.dilation / down.stride);
        }
        // Two odd lines make pairs of vectors.
        let lines = lines.next_multiple_of(1 + wide).clamp(1, down.count.max(1));
        let lines = down.count.max(1).div_ceil(down.count.max(1).div_ceil(lines)).next_multiple_of(1 + wide).min(down.count.max(1));
        let lie = if is_in_place { lie } else { lie_of(lines) };
        let depth = Depth::of(lengths, if is_windows && !is_in_place { line.stride } else { 1 });
        let pairs = convolution.batch() * planes.count * (down.count * per_line).div_ceil(2);
        let strides = filters::steps(convolution);
        let is_even = depth.blocks().next().is_some_and(|block| depth.runs(&block, strides).0 == block.depth);
        let reads_filters = is_windows && is_even && strides[3] == 1 && pairs <= filters::FEW_USES;
        let mut cut = Cut { vectors, height, lanes, depth, lines, lie, is_in_place, reads_filters, division: None };
        cut.division = Division::of(convolution, &cut);
        cut
    }

    /// Parts of a plane of windows.
    fn parts(&self, convolution: &Convolution) -> usize {
        convolution.slides[1].count.div_ceil(self.lines)
    }

    /// How many elements the filters take, packed.
    fn filters(&self, convolution: &Convolution) -> usize {
        let rows = match self.vectors {
            _ if self.reads_filters || self.division.is_some() => 0,
            Vectors::Windows => convolution.outputs(),
            Vectors::Outputs => convolution.outputs().next_multiple_of(2 * self.lanes),
        };
        (convolution.groups * rows * self.depth.terms()).next_multiple_of(LINE)
    }

    /// How many elements a part takes laid out.
    fn laid_out(&self, convolution: &Convolution) -> usize {
        if self.is_in_place { 0 } else { self.lie.elements(convolution).next_multiple_of(LINE) }
    }

    /// How many elements each thread has for itself: what is laid out, and sums.
    fn own(&self, convolution: &Convolution) -> usize {
        if let Some(division) = &self.division {
            return division.packed();
        }
        let (outputs, panel) = (convolution.outputs(), 2 * self.lanes);
        let sums = match self.vectors {
            Vectors::Windows => outputs * panel,
            Vectors::Outputs => outputs.next_multiple_of(panel) * self.lines * convolution.slides[2].count,
        };
        self.laid_out(convolution) + sums.next_multiple_of(LINE)
    }

    /// How many elements take the sums of terms that are divided.
    fn sums(&self, convolution: &Convolution) -> usize {
        self.division.as_ref().map_or(0, |division| division.sums(convolution.groups))
    }

    /// How many elements the list of places takes.
    fn places<T>(&self) -> usize {
        (self.depth.longest() * size_of::<isize>() / size_of::<T>()).next_multiple_of(LINE)
    }
}

/// Whether vectors of windows read only what the array's strides reach, also where a line is shorter: then they begin earlier, at its end.
fn reads_inside(convolution: &Convolution, lie: &Lie, lanes: usize, lengths: [usize; depth::AXES]) -> bool {
    let layout = &convolution.input.layout;
    let windows = convolution.slides[2].count;
    let length = crate::region::reach(0, &layout.shape, &layout.strides).map_or(0, |(low, high)| (high - low) as usize + 1);
    windows >= lanes
        || lie.reach(lengths).is_some_and(|reach| length + windows + 1 >= reach + 2 * lanes) && layout.strides.iter().all(|&stride| stride >= 0)
}

/// How many elements of scratch it takes on so many threads; what it runs is made ready.
pub(super) fn scratch<T: Multiply>(convolution: &Convolution, kernels: &'static MicroKernels, threads: usize) -> usize {
    let kernels = faster(convolution, kernels);
    let cut = Cut::of::<T>(convolution, kernels);
    let (reading, rows) = match cut.vectors {
        Vectors::Windows => (Reading::ListedRight, convolution.outputs()),
        Vectors::Outputs => (Reading::ListedLeft, convolution.slides[2].count),
    };
    for [_, height, _] in Tiles::of(rows, cut.height).alike() {
        for vectors in 1..=2 {
            kernels.prepare_listed(reading, height, vectors);
        }
    }
    cut.places::<T>() + cut.filters(convolution) + cut.sums(convolution) + threads * cut.own(convolution)
}

/// A convolution while it runs.
struct Direct<'a, T> {
    convolution: &'a Convolution,
    kernels: &'a MicroKernels,
    cut: Cut,
    /// The places of a block's terms, in bytes.
    places: &'a [isize],
    input: &'a [T],
    input_start: isize,
    filter: &'a [T],
    filter_start: isize,
    /// The filters, packed; none if they are read where they are.
    packed: Shared<T>,
    out: Shared<T>,
}

/// Some lines of windows of a plane, of one group of an image.
struct Part {
    image: usize,
    group: usize,
    plane: usize,
    lines: Range<usize>,
}

pub(super) fn run<T: Multiply>(
    convolution: &Convolution,
    kernels: &'static MicroKernels,
    memory: Memory<'_, T>,
    scratch: &mut [T],
    threads: usize,
    order: usize,
) -> Result<(), Problem> {
    let Memory { input, input_start, filter, filter_start, out } = memory;
    let kernels = faster(convolution, kernels);
    let cut = Cut::of::<T>(convolution, kernels);
    if cut.depth.terms() == 0 {
        out.fill(T::ZERO);
        return Ok(());
    }
    if out.is_empty() {
        return Ok(());
    }
    let too_short = || Problem::new(ErrorKind::Execution, "the scratch of a convolution is too short");
    let (listed, rest) = scratch.split_at_mut_checked(cut.places::<T>()).ok_or_else(too_short)?;
    let (packed, rest) = rest.split_at_mut_checked(cut.filters(convolution)).ok_or_else(too_short)?;
    let (sums, own) = rest.split_at_mut_checked(cut.sums(convolution)).ok_or_else(too_short)?;
    let places: &mut [isize] = bytemuck::try_cast_slice_mut(listed).map_err(|_| too_short())?;
    if own.len() < threads * cut.own(convolution) || places.len() < cut.depth.longest() {
        return Err(too_short());
    }
    cut.depth.each_term(|number, term| {
        if let Some(place) = places.get_mut(number) {
            *place = cut.lie.place(term) * size_of::<T>() as isize;
        }
    });
    let direct = Direct {
        convolution,
        kernels,
        cut,
        places,
        input,
        input_start,
        filter,
        filter_start,
        packed: Shared(packed.as_mut_ptr()),
        out: Shared(out.as_mut_ptr()),
    };
    let work = convolution.groups * convolution.outputs() * convolution.batch() * convolution.windows() * direct.cut.depth.terms();
    let threads = threads.min(work / WORTH_A_THREAD).max(1);
    if let Some(division) = &direct.cut.division {
        return direct.by_terms(division, sums, Shared(own.as_mut_ptr()), threads, order);
    }
    direct.pack_filters(threads, order)?;
    let (planes, parts, groups) = (convolution.slides[0].count, direct.cut.parts(convolution), convolution.groups);
    let (own_length, own) = (direct.cut.own(convolution), Shared(own.as_mut_ptr()));
    pool::try_share(threads, convolution.batch() * groups * planes * parts, order, |range, worker| {
        let from = range % parts * direct.cut.lines;
        let part = Part {
            image: range / parts / planes / groups,
            group: range / parts / planes % groups,
            plane: range / parts % planes,
            lines: from..convolution.slides[1].count.min(from + direct.cut.lines),
        };
        // SAFETY: the scratch has room for each worker, and this is this one's.
        let own = unsafe { std::slice::from_raw_parts_mut(own.get().wrapping_add(worker * own_length), own_length) };
        direct.part(&part, own)
    })
}

impl<T: Multiply> Direct<'_, T> {
    fn part(&self, part: &Part, own: &mut [T]) -> Result<(), Problem> {
        let (laid_out, sums) = own.split_at_mut(self.cut.laid_out(self.convolution));
        let (image, start) = if self.cut.is_in_place {
            (self.input, self.first(part.image, part.group, part.plane, part.lines.start))
        } else {
            let strides = &self.convolution.input.layout.strides;
            let channel = part.group * self.convolution.channels();
            let first = self.input_start + part.image as isize * strides[0] + channel as isize * strides[1];
            self.cut.lie.lay_out(self.convolution, self.input, first, part.plane, part.lines.clone(), laid_out);
            (&*laid_out, 0)
        };
        match self.cut.vectors {
            Vectors::Windows => self.by_windows(part, image, start, sums),
            Vectors::Outputs => self.by_outputs(part, image, start, sums),
        }
    }

    /// Where the first element is that the first window of a line meets, of one group of an image, as the array lies.
    fn first(&self, image: usize, group: usize, plane: usize, line: usize) -> isize {
        let Convolution { input, slides, .. } = self.convolution;
        let strides = &input.layout.strides;
        let along = |axis: usize, window: usize| (slides[axis].begin + (window * slides[axis].stride) as isize) * strides[2 + axis];
        let channel = group * self.convolution.channels();
        self.input_start + image as isize * strides[0] + channel as isize * strides[1] + along(0, plane) + along(1, line) + along(2, 0)
    }

    /// Where a sum goes.
    fn place(&self, part: &Part, output: usize, line: usize, window: usize) -> *mut T {
        let [planes, lines, line_length] = self.convolution.slides.map(|slide| slide.count);
        let (outputs, groups) = (self.convolution.outputs(), self.convolution.groups);
        let image = (part.image * groups + part.group) * outputs + output;
        self.out.get().wrapping_add(((image * planes + part.plane) * lines + line) * line_length + window)
    }

    /// The place of a block's first term.
    fn start(&self, block: &Block) -> isize {
        self.cut.lie.place(block.start)
    }
}

/// So many elements in bytes.
const fn bytes<T>(elements: isize) -> isize {
    elements * size_of::<T>() as isize
}
