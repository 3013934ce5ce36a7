//! Sums and means of `f64` in tiles: what rounding drops is kept beside the sum, and huge elements are summed apart, so that nothing
//! overflows on the way to a result that does not.
//!
//! The error is about an ulp of the result, and n²·2⁻¹⁰⁶ of the sum of all sizes: `TwoSum`, Knuth; Ogita, Rump and Oishi 2005, "Accurate
//! sum and dot product".

use pulp::{Arch, NullaryFnOnce};

use super::apply::dispatch;
use super::stored::{elements, elements_mut};

/// Elements up to this are summed as they are: so many that fit in memory do not overflow.
const LIMIT: f64 = power_of_two(900);

/// Elements beyond are summed times this.
const SHRINK: f64 = power_of_two(-100);

/// 2 to a whole power, which is not subnormal.
const fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

/// Bytes of an accumulator: its sum, what rounding dropped from it, and both for huge elements.
pub(super) const BYTES: usize = 4 * size_of::<f64>();

/// Sums of as many accumulators as each of the slices is long, and what rounding dropped from them.
struct Sums<'a> {
    sums: &'a mut [f64],
    dropped: &'a mut [f64],
}

/// The sums of moderate elements and those of huge ones: accumulators lie in planes, so that loops over them become vector code.
fn planes(accumulators: &mut [u8]) -> [Sums<'_>; 2] {
    let all = elements_mut::<f64>(accumulators);
    let count = all.len() / 4;
    let (moderate, huge) = all.split_at_mut(2 * count);
    [moderate, huge].map(|both| {
        let (sums, dropped) = both.split_at_mut(count);
        Sums { sums, dropped }
    })
}

/// x + y, and what rounding drops from it.
#[inline(always)]
fn two_sum(x: f64, y: f64) -> (f64, f64) {
    let sum = x + y;
    let of_y = sum - x;
    (sum, (x - (sum - of_y)) + (y - of_y))
}

#[inline(always)]
fn add(sum: &mut f64, dropped: &mut f64, x: f64) {
    let (total, rest) = two_sum(*sum, x);
    *sum = total;
    *dropped += rest;
}

/// Combines a tile `[outer, reduced, inner]` into accumulators `[outer, inner]`.
pub(super) fn fold(accumulators: &mut [u8], tile: &[u8], [outer, reduced, inner]: [usize; 3]) {
    let tile = elements::<f64>(tile);
    if outer == 0 || reduced == 0 || inner == 0 {
        return;
    }
    let [mut moderate, huge] = planes(accumulators);
    let done = Arch::new().dispatch(Folding { sums: &mut moderate, tile, reduced, inner });
    // What is left starts with something huge.
    if done < outer {
        each([moderate, huge], done, tile, reduced, inner);
    }
}

/// A tile that is about to be added to sums. Its call is always inlined into code for an instruction set, as no closure is for sure.
struct Folding<'a, 'b> {
    sums: &'a mut Sums<'b>,
    tile: &'a [f64],
    reduced: usize,
    inner: usize,
}

impl NullaryFnOnce for Folding<'_, '_> {
    type Output = usize;

    #[inline(always)]
    fn call(self) -> usize {
        self.sums.fold(self.tile, self.reduced, self.inner)
    }
}

/// One element after the other, the huge ones apart, from that part of the tile on.
#[cold]
fn each([moderate, huge]: [Sums<'_>; 2], start: usize, tile: &[f64], reduced: usize, inner: usize) {
    for (place, &x) in tile.iter().enumerate().skip(start * reduced * inner) {
        let at = place / (reduced * inner) * inner + place % inner;
        if x.abs() <= LIMIT {
            add(&mut moderate.sums[at], &mut moderate.dropped[at], x);
        } else {
            add(&mut huge.sums[at], &mut huge.dropped[at], x * SHRINK);
        }
    }
}

/// So many sums go on side by side: with what they drop they fit in the registers of any machine.
const LANES: usize = 16;

/// So many short rows are summed side by side.
const ROWS: usize = 4;

/// So many where columns do not divide that, to have enough of them.
const MANY: usize = 64;

impl Sums<'_> {
    /// Adds the parts `[reduced, inner]` of a tile until one has something huge, and tells how many were added.
    #[inline(always)]
    fn fold(&mut self, tile: &[f64], reduced: usize, inner: usize) -> usize {
        let mut done = 0;
        if inner == 1 && reduced < LANES {
            for rows in tile.chunks_exact(ROWS * reduced) {
                let (lanes, rests) = short_rows(rows, reduced);
                if !self.take(done, &lanes, &rests) {
                    return done;
                }
                done += ROWS;
            }
        }
        for part in tile.chunks_exact(reduced * inner).skip(done) {
            let start = done * inner;
            let taken = if inner > LANES {
                self.wide(start, part, inner)
            } else if LANES.is_multiple_of(inner) {
                let (lanes, rests) = narrow(part, inner);
                self.take(start, &lanes[..inner], &rests[..inner])
            } else {
                let (lanes, rests) = uneven(part, inner);
                self.take(start, &lanes[..inner], &rests[..inner])
            };
            if !taken {
                return done;
            }
            done += 1;
        }
        done
    }

    /// Adds sums, and what they dropped, to those from a place on, unless one is huge: then something in it is.
    #[inline(always)]
    fn take(&mut self, start: usize, sums: &[f64], dropped: &[f64]) -> bool {
        // Sums that are NaN may have met +∞ and −∞ that no element is.
        let is_moderate = sums.iter().fold(true, |all, sum| all & (sum.abs() <= LIMIT));
        if is_moderate {
            let places = start..start + sums.len();
            together(&mut self.sums[places.clone()], &mut self.dropped[places], sums, dropped);
        }
        is_moderate
    }

    /// Adds wide rows, unless something is huge.
    #[inline(always)]
    fn wide(&mut self, start: usize, part: &[f64], inner: usize) -> bool {
        // NaN may pass: it makes its sum NaN in any case.
        let is_moderate = largest(part) <= LIMIT;
        if is_moderate {
            let places = start..start + inner;
            wide_columns(&mut self.sums[places.clone()], &mut self.dropped[places], part);
        }
        is_moderate
    }
}

/// The largest size among numbers; NaN has none.
#[inline(always)]
fn largest(all: &[f64]) -> f64 {
    let larger = |largest: f64, x: f64| if x.abs() > largest { x.abs() } else { largest };
    let (whole, tail) = all.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for chunk in whole {
        for lane in 0..LANES {
            lanes[lane] = larger(lanes[lane], chunk[lane]);
        }
    }
    tail.iter().chain(&lanes).fold(0.0, |largest, &x| larger(largest, x))
}

/// The sums of several short rows, side by side.
#[inline(always)]
fn short_rows(rows: &[f64], reduced: usize) -> ([f64; ROWS], [f64; ROWS]) {
    let (mut lanes, mut rests) = ([0.0; ROWS], [0.0; ROWS]);
    let ((first, second), (third, fourth)) = (rows[..2 * reduced].split_at(reduced), rows[2 * reduced..].split_at(reduced));
    for ((&first, &second), (&third, &fourth)) in first.iter().zip(second).zip(third.iter().zip(fourth)) {
        let x = [first, second, third, fourth];
        for lane in 0..ROWS {
            add(&mut lanes[lane], &mut rests[lane], x[lane]);
        }
    }
    (lanes, rests)
}

/// The sums of columns: several rows side by side go like one long row in lanes, which are added to each other in the end, half by half.
#[inline(always)]
fn narrow(part: &[f64], inner: usize) -> ([f64; LANES], [f64; LANES]) {
    let (mut lanes, mut rests) = ([0.0; LANES], [0.0; LANES]);
    let (whole, tail) = part.as_chunks::<LANES>();
    let mut last = [0.0; LANES];
    last[..tail.len()].copy_from_slice(tail);
    for chunk in whole.iter().chain([&last]) {
        for lane in 0..LANES {
            add(&mut lanes[lane], &mut rests[lane], chunk[lane]);
        }
    }
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        if width >= inner {
            for lane in 0..width {
                let more = lanes[lane + width];
                add(&mut lanes[lane], &mut rests[lane], more);
                rests[lane] += rests[lane + width];
            }
        }
    }
    (lanes, rests)
}

/// The same of columns that do not divide [`LANES`].
#[inline(always)]
fn uneven(part: &[f64], inner: usize) -> ([f64; MANY], [f64; MANY]) {
    let mut held = MANY / inner;
    let (mut lanes, mut rests) = ([0.0; MANY], [0.0; MANY]);
    part.chunks(held * inner).for_each(|chunk| row(&mut lanes, &mut rests, chunk));
    while held > 1 {
        let kept = held.div_ceil(2);
        let ((lanes, more), (rests, dropped)) = (lanes.split_at_mut(kept * inner), rests.split_at_mut(kept * inner));
        let count = (held - kept) * inner;
        together(&mut lanes[..count], &mut rests[..count], &more[..count], &dropped[..count]);
        held = kept;
    }
    (lanes, rests)
}

/// Adds an element to each sum.
#[inline(always)]
fn row(sums: &mut [f64], dropped: &mut [f64], row: &[f64]) {
    for ((sum, dropped), &x) in sums.iter_mut().zip(dropped).zip(row) {
        add(sum, dropped, x);
    }
}

/// Adds sums, and what they dropped, to sums.
#[inline(always)]
fn together(sums: &mut [f64], dropped: &mut [f64], more: &[f64], more_dropped: &[f64]) {
    for ((sum, dropped), (&more, &more_dropped)) in sums.iter_mut().zip(dropped).zip(more.iter().zip(more_dropped)) {
        add(sum, dropped, more);
        *dropped += more_dropped;
    }
}

/// Adds wide rows, some columns at a time, so that their sums stay in registers.
#[inline(always)]
fn wide_columns(sums: &mut [f64], dropped: &mut [f64], part: &[f64]) {
    let inner = sums.len();
    let columns = sums.chunks_mut(LANES).zip(dropped.chunks_mut(LANES)).zip((0..).step_by(LANES));
    for ((sums, dropped), start) in columns {
        let rows = part[start..].chunks(inner);
        if let (Some(sums), Some(dropped)) = (sums.first_chunk_mut::<LANES>(), dropped.first_chunk_mut::<LANES>()) {
            let (mut lanes, mut rests) = (*sums, *dropped);
            for chunk in rows.filter_map(|row| row.first_chunk::<LANES>()) {
                for lane in 0..LANES {
                    add(&mut lanes[lane], &mut rests[lane], chunk[lane]);
                }
            }
            (*sums, *dropped) = (lanes, rests);
        } else {
            rows.for_each(|x| row(sums, dropped, x));
        }
    }
}

/// Combines accumulators into accumulators.
pub(super) fn combine(accumulators: &mut [u8], more: &[u8]) {
    let more = elements::<f64>(more);
    let count = more.len() / 4;
    for (sums, more) in planes(accumulators).into_iter().zip(more.chunks_exact((2 * count).max(1))) {
        let (more, more_dropped) = more.split_at(count);
        dispatch::<true>(|| together(sums.sums, sums.dropped, more, more_dropped));
    }
}

/// Sets accumulators to 0.
pub(super) fn clear(accumulators: &mut [u8]) {
    accumulators.fill(0);
}

/// Writes the sums over their accumulators, one after the other.
pub(super) fn sum(accumulators: &mut [u8], _: f64) {
    finish(accumulators, 1.0);
}

/// Writes the means of so many over their accumulators, one after the other.
pub(super) fn mean(accumulators: &mut [u8], count: f64) {
    finish(accumulators, count);
}

fn finish(accumulators: &mut [u8], count: f64) {
    let [moderate, huge] = planes(accumulators);
    let huge = huge.sums.iter().zip(huge.dropped.iter());
    for ((sum, &mut dropped), (&huge, &huge_dropped)) in moderate.sums.iter_mut().zip(moderate.dropped).zip(huge) {
        *sum = if huge == 0.0 && huge_dropped == 0.0 {
            (*sum + dropped) / count
        } else if huge.is_finite() {
            let (total, rest) = two_sum(huge, *sum * SHRINK);
            (total + (rest + (huge_dropped + dropped * SHRINK))) / count / SHRINK
        } else {
            huge
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reduce(rows: &[&[f64]], shape: [usize; 3], finish: fn(&mut [u8], f64), count: f64) -> Vec<f64> {
        let results = shape[0] * shape[2];
        let mut accumulators = vec![0.0f64; 4 * results];
        for tile in rows {
            fold(bytemuck::cast_slice_mut(&mut accumulators), bytemuck::cast_slice(tile), shape);
        }
        finish(bytemuck::cast_slice_mut(&mut accumulators), count);
        accumulators[..results].to_vec()
    }

    #[test]
    fn what_rounding_drops_comes_back_in_every_shape_of_tile() {
        for inner in [1, 2, 3, 5, 16, 17, 40] {
            for count in [1, 2, 3, 5, 9, 20, 70, 200] {
                // Of 3n rows the sum is n: 1e16 + 1 − 1e16, in another order for each column.
                let mut tile = vec![0.0; 2 * 3 * count * inner];
                for (place, x) in tile.iter_mut().enumerate() {
                    let (at, column) = (place / inner % (3 * count), place % inner);
                    *x = [1e16, 1.0, -1e16][(at / count + column) % 3];
                }
                let found = reduce(&[&tile, &tile], [2, 3 * count, inner], sum, 0.0);
                assert_eq!(found, vec![2.0 * count as f64; 2 * inner], "{inner} {count}");
            }
        }
    }

    #[test]
    fn nothing_overflows_on_the_way() {
        let of = |row: &[f64]| (reduce(&[row], [1, row.len(), 1], sum, 0.0)[0], reduce(&[row], [1, row.len(), 1], mean, row.len() as f64)[0]);
        let (inf, max) = (f64::INFINITY, f64::MAX);
        assert_eq!(of(&[1.5e308, 1.5e308]), (inf, 1.5e308));
        assert_eq!(of(&[max, max, max]), (inf, max));
        assert_eq!(of(&[max, max, -max, -max, 5.0]), (5.0, 1.0));
        assert_eq!(of(&[1e300, 1.0, -1e300]).0, 1.0);
        assert_eq!(of(&[inf, 1.0, max]), (inf, inf));
        assert_eq!(of(&[5e-324, 5e-324]), (1e-323, 5e-324));
        for row in [[inf, 1.0, -inf], [1.0, f64::NAN, inf]] {
            assert!(of(&row).0.is_nan() && of(&row).1.is_nan());
        }
        assert!(reduce(&[], [1, 0, 1], mean, 0.0)[0].is_nan());
    }

    #[test]
    fn accumulators_combine() {
        let mut left = [1e16, 1e300, 1.0, 0.0, 3.0, 0.0, 0.0, 0.0];
        combine(bytemuck::cast_slice_mut(&mut left), bytemuck::cast_slice(&[-1e16, 1.0, 0.5, 0.25, 2.0, 0.0, 0.0, 0.0]));
        assert_eq!(left, [0.0, 1e300, 1.5, 1.25, 5.0, 0.0, 0.0, 0.0]);
        clear(bytemuck::cast_slice_mut(&mut left));
        assert_eq!(left, [0.0; 8]);
    }
}
