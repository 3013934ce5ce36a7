//! How a matrix product is cut: blocks that fit in the caches, and which operands are packed first.

/// The third-level cache holds so many columns of the right side at once.
const COLUMNS: usize = 2048;

/// A panel of the right side is so long at most: of AVX2's width it stays in the first-level cache, and wider ones come from the second in time.
const DEPTH: usize = 384;
/// Sums that two such panels hold are cut in two: a chain of products rounds the more the longer it is.
const SHORT: usize = 320;
const PANEL_BYTES: usize = 48 << 10;

/// The second-level cache holds so many rows of the left side.
const ROWS: usize = 96;

/// So many rows of results use up what packing the right side costs.
const ROWS_WORTH_PACKING: usize = 72;

/// So many panels of results use up what packing the left side costs.
const PANELS_WORTH_PACKING: usize = 8;

/// Blocks of the left side up to so many bytes lie well enough as they are.
const SMALL_BYTES: usize = 128 << 10;

/// So few steps, each in a line of its own, stay in the cache wherever they are.
const FEW_STEPS: usize = 64;

/// Right sides up to so many bytes lie well enough as they are.
const SMALLEST_BYTES: usize = 64 << 10;

/// Steps of so many bytes meet in few places of a cache.
const PAGE: usize = 4096;

/// Threads do not share lines of a cache: so many elements.
const LINE: usize = 16;

/// How high tiles are that cut so many rows into about equal parts: a low one takes hardly less time than a high one.
pub fn even_height(rows: usize, most: usize) -> usize {
    rows.div_ceil(rows.div_ceil(most).max(1)).max(1)
}

/// A product, as far as its blocks depend on it: lengths, and strides in elements.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    /// Rows, terms of a sum, columns.
    pub lengths: [usize; 3],
    /// Bytes of an element.
    pub size: usize,
    /// From row to row and from column to column of the left side.
    pub left: [isize; 2],
    /// The same of the right side.
    pub right: [isize; 2],
    /// The same of the result.
    pub out: [isize; 2],
}

impl Geometry {
    /// Whether the transposed product is computed, because the columns of the result are its closer elements.
    pub const fn is_turned(&self) -> bool {
        self.out[1].unsigned_abs() > self.out[0].unsigned_abs()
    }
}

/// How a product is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocks {
    /// Rows and columns of a tile.
    pub tile: [usize; 2],
    /// At most so many rows at once: whole tiles.
    pub rows: usize,
    /// At most so many terms of each sum.
    pub depth: usize,
    /// At most so many columns: whole tiles.
    pub columns: usize,
    /// Whether the left side is packed.
    pub packs_left: bool,
    /// Whether the right side is packed.
    pub packs_right: bool,
}

impl Blocks {
    /// The blocks for tiles of so many rows and columns, by a kernel that reads only panels, or also rows as they lie.
    pub fn of(geometry: &Geometry, tile: [usize; 2], only_panels: bool) -> Self {
        let is_turned = geometry.is_turned();
        let turn = |[down, right]: [isize; 2]| [right, down];
        let &Geometry { lengths: [m, k, n], size, left, right, out } = geometry;
        let ([m, n], left, right, out) = if is_turned { ([n, m], turn(right), turn(left), turn(out)) } else { ([m, n], left, right, out) };
        let [most_rows, tile_columns] = tile;
        let tile_rows = if only_panels { most_rows } else { even_height(m, most_rows) };
        let tile = [tile_rows, tile_columns];
        let longest = (PANEL_BYTES / (tile_columns * size)).min(if k <= 2 * SHORT { SHORT } else { DEPTH });
        let depth = even(k, longest, 1);
        let (rows, columns) = (even(m, ROWS, tile_rows), even(n, COLUMNS, tile_columns));
        let meets = |stride: isize| (stride.unsigned_abs() * size).is_multiple_of(PAGE);
        let right_lies_well =
            right[1] * out[1].signum() == 1 && (m <= ROWS_WORTH_PACKING && !meets(right[0]) || k * n * size <= SMALLEST_BYTES || m <= 2 * tile_rows);
        let is_small = m.min(rows) * depth * size <= SMALL_BYTES;
        let left_lies_well = n <= PANELS_WORTH_PACKING * tile_columns
            || if left[1].abs() == 1 { is_small || !meets(left[0]) } else { is_small && (depth <= FEW_STEPS || !meets(left[1])) };
        Blocks { tile, rows, depth, columns, packs_left: only_panels || !left_lies_well, packs_right: only_panels || !right_lies_well }
    }

    /// How many elements of scratch all threads share: the panels of the right side, or the last if only that is packed.
    pub fn shared(&self) -> usize {
        let columns = if self.packs_right { self.columns } else { self.tile[1] };
        columns * self.depth
    }

    /// How many each thread has for itself: the panels of the left side, and a tile.
    pub fn own(&self) -> usize {
        let rows = if self.packs_left { self.rows } else { 0 };
        (rows * self.depth + self.tile[0] * self.tile[1]).next_multiple_of(LINE)
    }
}

/// A length cut into as few parts as may be, of about equal length and a multiple of `unit`, none longer than `most`.
fn even(length: usize, most: usize, unit: usize) -> usize {
    let parts = length.div_ceil(most.max(1)).max(1);
    length.div_ceil(parts).next_multiple_of(unit.max(1)).max(unit)
}
