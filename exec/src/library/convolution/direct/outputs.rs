//! Tiles whose vectors are filters, and whose rows are neighbouring windows.

use damo_graph::Problem;

use super::{Block, Direct, Multiply, Part, Tiles, bytes};
use crate::native::{Operands, Reading};

/// Some filters packed side by side for a block, at most two vectors of them.
pub struct Panel<T> {
    pub packed: *const T,
    /// How many there is room for.
    pub width: usize,
    /// How many vectors there are.
    pub vectors: usize,
    /// Whether sums are added to what is there.
    pub adds: bool,
}

impl<T: Multiply> Direct<'_, T> {
    /// Computes a part from an image's elements, of which that one is the first that the first window meets.
    pub(super) fn by_outputs(&self, part: &Part, image: &[T], start: isize, sums: &mut [T]) -> Result<(), Problem> {
        let (width, windows, outputs) = (2 * self.cut.lanes, self.convolution.slides[2].count, self.convolution.outputs());
        let of_panel = part.lines.len() * windows * width;
        for block in self.cut.depth.blocks() {
            for (panel, sums) in sums.chunks_exact_mut(of_panel).enumerate().take(outputs.div_ceil(width)) {
                let vectors = (outputs - panel * width).min(width).div_ceil(self.cut.lanes);
                let panel = Panel { packed: self.packed(part.group, &block, panel * width), width, vectors, adds: block.before > 0 };
                for (line, sums) in sums.chunks_exact_mut(windows * width).enumerate() {
                    self.panel(&panel, &block, image, start + line as isize * self.cut.lie.line, sums)?;
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

    /// The sums of all windows of a line by a panel of filters: those of a window side by side.
    pub(super) fn panel(&self, panel: &Panel<T>, block: &Block, image: &[T], start: isize, sums: &mut [T]) -> Result<(), Problem> {
        let (width, window) = (panel.width, self.cut.lie.window);
        for [first, height, tiles] in Tiles::of(self.convolution.slides[2].count, self.cut.height).alike() {
            let place = start + first as isize * window + self.start(block);
            let out = sums.as_mut_ptr().wrapping_add(first * width);
            let next = bytes::<T>((height * width) as isize);
            // What is null stays so from tile to tile.
            let (added, added_next) = if panel.adds { (out.cast_const(), next) } else { (std::ptr::null(), 0) };
            let mut operands = Operands {
                left: image.as_ptr().wrapping_offset(place).cast(),
                left_row: bytes::<T>(window),
                places: self.places.as_ptr(),
                right: panel.packed.cast(),
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
            unsafe { self.kernels.run_whole(Reading::ListedLeft, height, panel.vectors, &mut operands) }?;
        }
        Ok(())
    }
}
