//! Tiles whose vectors are filters, and whose rows are neighbouring windows.

use damo_graph::Problem;

use super::{Block, Direct, Multiply, Part, Tiles, bytes};
use crate::native::{Operands, Reading};

impl<T: Multiply> Direct<'_, T> {
    /// Computes a part from an image's elements, of which that one is the first that the first window meets.
    pub(super) fn by_outputs(&self, part: &Part, image: &[T], start: isize, sums: &mut [T]) -> Result<(), Problem> {
        let (width, windows, outputs) = (2 * self.cut.lanes, self.convolution.slides[2].count, self.convolution.outputs());
        let of_panel = part.lines.len() * windows * width;
        for block in self.cut.depth.blocks() {
            for (panel, sums) in sums.chunks_exact_mut(of_panel).enumerate().take(outputs.div_ceil(width)) {
                for (line, sums) in sums.chunks_exact_mut(windows * width).enumerate() {
                    for alike in Tiles::of(windows, self.cut.height).alike() {
                        self.rows_of_line(part, image, start + line as isize * self.cut.lie.line, &block, panel, alike, sums)?;
                    }
                }
            }
        }
        for output in 0..outputs {
            let sums = &sums[output / width * of_panel..][..of_panel];
            let to = self.place(part, output, part.lines.start, 0);
            // SAFETY: the result has these lines of windows, and they are this part's alone.
            let to = unsafe { std::slice::from_raw_parts_mut(to, part.lines.len() * windows) };
            for (to, sums) in to.iter_mut().zip(sums.chunks_exact(width)) {
                *to = sums[output % width];
            }
        }
        Ok(())
    }

    /// Windows of a line, from one on so many in each of so many tiles, by a panel of filters.
    #[expect(clippy::too_many_arguments, reason = "it is what a kernel is told")]
    fn rows_of_line(
        &self,
        part: &Part,
        image: &[T],
        start: isize,
        block: &Block,
        panel: usize,
        [first, height, tiles]: [usize; 3],
        sums: &mut [T],
    ) -> Result<(), Problem> {
        let (lanes, window) = (self.cut.lanes, self.cut.lie.window);
        let (width, rest) = (2 * lanes, self.convolution.outputs() - 2 * lanes * panel);
        let place = start + first as isize * window + self.start(block);
        let out = sums.as_mut_ptr().wrapping_add(first * width);
        let next = bytes::<T>((height * width) as isize);
        // What is null stays so from tile to tile.
        let (added, added_next) = if block.before > 0 { (out.cast_const(), next) } else { (std::ptr::null(), 0) };
        let mut operands = Operands {
            left: image.as_ptr().wrapping_offset(place).cast(),
            left_row: bytes::<T>(window),
            places: self.places.as_ptr(),
            right: self.packed(part.group, block, panel * width).cast(),
            right_step: bytes::<T>(width as isize),
            depth: block.depth,
            out: out.cast(),
            out_row: bytes::<T>(width as isize),
            addend: added.cast(),
            addend_row: bytes::<T>(width as isize),
            tiles,
            next: [bytes::<T>(height as isize * window), next, added_next, 0],
            alpha: T::ONE.to_word(),
            beta: T::ONE.to_word(),
            ..Operands::default()
        };
        // SAFETY: windows are in the image's elements; panels are filled up to whole vectors; the sums are this thread's alone, and what is
        // added are these very elements.
        unsafe { self.kernels.run_whole(Reading::ListedLeft, height, rest.min(width).div_ceil(lanes), &mut operands) }
    }
}
