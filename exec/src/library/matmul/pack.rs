//! Operands of matrix products copied into panels: some columns side by side, one step of the sum after the other.

use bytemuck::Pod;
use damo_graph::Element;

use super::squares;
use crate::view::View;

/// Copies `from: [depth, columns]` into panels of `width` columns: panel after panel, in each row after row, the last filled up with zeros.
///
/// The left side of a product is packed turned, its rows being the columns here. Panels that `to` has no room for are left out.
pub fn pack<T: Element + Pod>(from: View<'_, T, 2>, width: usize, to: &mut [T]) {
    let ([depth, columns], [down, right]) = (from.lengths(), from.strides());
    if depth == 0 || width == 0 {
        return;
    }
    if right == 1 || columns == 1 {
        copy_rows(from, width, to);
        return;
    }
    for (start, panel) in (0..columns).step_by(width).zip(to.chunks_exact_mut(width * depth)) {
        let columns = from.columns(start, start + width);
        let rows = columns.transposed();
        if let (2..squares::SIDE, Some(dense)) = (depth, rows.flat().filter(|_| down == 1).and_then(|all| all.as_slice())) {
            match depth {
                2 => apart::<T, 2>(dense, width, panel),
                3 => apart::<T, 3>(dense, width, panel),
                4 => apart::<T, 4>(dense, width, panel),
                5 => apart::<T, 5>(dense, width, panel),
                6 => apart::<T, 6>(dense, width, panel),
                _ => apart::<T, 7>(dense, width, panel),
            }
        } else if down == 1 || depth == 1 {
            turned(rows, width, panel);
        } else {
            for (row, to) in columns.rows().zip(panel.chunks_exact_mut(width)) {
                to.iter_mut().zip(row.iter()).for_each(|(to, element)| *to = element);
            }
        }
        let filled = columns.lengths()[1];
        if filled < width {
            panel.chunks_exact_mut(width).for_each(|row| row[filled..].fill(T::zeroed()));
        }
    }
}

/// Short rows one behind the other as the columns of a panel: every `N`-th element goes to one of its rows.
///
/// Not compiled for wider vectors: compilers would gather elements then, which is slower.
fn apart<T: Element + Pod, const N: usize>(dense: &[T], width: usize, panel: &mut [T]) {
    let (columns, _) = dense.as_chunks::<N>();
    for (row, to) in panel.chunks_exact_mut(width).enumerate().take(N) {
        to.iter_mut().zip(columns).for_each(|(to, column)| *to = column[row]);
    }
}

/// Declares the widths of panels whose rows are copied by code of their own.
macro_rules! widths {
    ($($width:literal)*) => {
        /// Rows whose elements are neighbours.
        fn copy_rows<T: Element + Pod>(from: View<'_, T, 2>, width: usize, to: &mut [T]) {
            match width {
                $($width => by_rows::<T, $width>(from, to),)*
                _ => by_rows_of_any_width(from, width, to),
            }
        }
    };
}
widths! { 4 5 6 7 8 9 10 11 12 13 14 16 32 }

fn by_rows<T: Element + Pod, const W: usize>(from: View<'_, T, 2>, to: &mut [T]) {
    let depth = from.lengths()[0];
    for (place, row) in from.rows().enumerate() {
        let Some(row) = row.as_slice() else { return };
        let (whole, rest) = row.as_chunks::<W>();
        let (panels, _) = to.as_chunks_mut::<W>();
        let mut panels = panels.iter_mut().skip(place).step_by(depth);
        for (from, to) in whole.iter().zip(&mut panels) {
            *to = *from;
        }
        if let (false, Some(to)) = (rest.is_empty(), panels.next()) {
            *to = [T::zeroed(); W];
            to[..rest.len()].copy_from_slice(rest);
        }
    }
}

fn by_rows_of_any_width<T: Element + Pod>(from: View<'_, T, 2>, width: usize, to: &mut [T]) {
    let depth = from.lengths()[0];
    for (place, row) in from.rows().enumerate() {
        let Some(row) = row.as_slice() else { return };
        let panels = to.chunks_exact_mut(width).skip(place).step_by(depth);
        for (from, to) in row.chunks(width).zip(panels) {
            to[..from.len()].copy_from_slice(from);
            to[from.len()..].fill(T::zeroed());
        }
    }
}

/// Rows of elements that are neighbours, as the columns of a panel.
///
/// The last ones first: squares are written whole, and what is too much of one step is written over by the next, or by the rows before.
fn turned<T: Element + Pod>(rows: View<'_, T, 2>, width: usize, panel: &mut [T]) {
    let (count, depth) = (rows.lengths()[0], rows.lengths()[1]);
    for start in (0..count).step_by(squares::SIDE).rev() {
        let last = count.min(start + squares::SIDE) - 1;
        // In place of rows that are missing, one of the others.
        let row = |place: usize| rows.part((start + place).min(last), last + 1).rows().next().and_then(|row| row.as_slice()).unwrap_or_default();
        let group: [&[T]; squares::SIDE] = std::array::from_fn(row);
        let panel = &mut panel[start..];
        let done = squares::turn(&group, width, panel);
        for (step, to) in panel.chunks_mut(width).enumerate().take(depth).skip(done) {
            to.iter_mut().zip(&group).take(last + 1 - start).for_each(|(to, row)| *to = row[step]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::lanes::Multiply;
    use crate::library::tests::Array;

    #[test]
    fn every_element_is_in_its_panel() {
        for (depth, columns) in [(1, 1), (5, 3), (9, 16), (33, 41), (8, 8), (40, 17)] {
            for (by_columns, sparse, width) in [false, true]
                .into_iter()
                .flat_map(|by_columns| [(by_columns, false), (by_columns, true)])
                .flat_map(|(a, b)| [1, 4, 6, 8, 14, 16, 32].map(|width| (a, b, width)))
            {
                let array = Array::<f32>::new(depth, columns, by_columns, 7);
                let array = if sparse { array.sparse() } else { array };
                packed(&array.reals(), array.view(), width);
                let array = Array::<f64>::new(depth, columns, by_columns, 7);
                let array = if sparse { array.sparse() } else { array };
                packed(&array.reals(), array.view(), width);
            }
        }
    }

    fn packed<T: Multiply>(reals: &[Vec<f64>], view: View<'_, T, 2>, width: usize) {
        let [depth, columns] = view.lengths();
        let mut to = vec![T::ONE; columns.next_multiple_of(width) * depth];
        pack(view, width, &mut to);
        for (place, element) in to.iter().enumerate() {
            let (panel, step, column) = (place / (width * depth), place / width % depth, place % width);
            let expected = reals[step].get(panel * width + column).copied().unwrap_or(0.0);
            assert_eq!(element.to_number().to_real(), expected, "[{depth}, {columns}] by {width}: {place}");
        }
    }
}
