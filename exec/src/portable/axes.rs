//! The loops of a nest in the order an interpreter in tiles wants them: joined where accesses allow, results outside, sums inside.

use std::cmp::Reverse;
use std::ops::Range;

use smallvec::SmallVec;

use crate::layout::Strides;
use crate::nest::{Access, Instruction, Nest};

/// A loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Axis {
    pub length: usize,
    /// Whether reductions combine over it.
    pub reduced: bool,
}

/// Loops and the steps of all accesses along them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Axes {
    /// Outermost first: loops for results, then loops that are reduced; the innermost may be either.
    pub axes: SmallVec<[Axis; 4]>,
    /// For each access the step along each loop.
    pub strides: Vec<Strides>,
}

/// How much a store counts more than a load when the innermost loop is chosen.
const STORE_WORTH: usize = 2;

/// To begin a row costs as much as to read so many elements that are apart.
const ROW: usize = 16;

impl Axes {
    /// The loops of a nest. The accesses are its operands, its index instructions in the body's order, its stores and its reductions' results.
    ///
    /// `reduced` are the loops that reductions combine over. The order of loops and joints depends on the nest alone.
    pub fn of(nest: &Nest, reduced: &[usize]) -> Axes {
        let rank = nest.shape.len();
        let axes = (0..rank).map(|axis| Axis { length: nest.shape[axis], reduced: reduced.contains(&axis) }).collect();
        let index = |instruction: &Instruction| match instruction {
            Instruction::Index { axis, .. } => Some((0..rank).map(|at| isize::from(at == *axis)).collect()),
            Instruction::Load(_) | Instruction::Constant(..) | Instruction::Apply { .. } | Instruction::Cast { .. } => None,
        };
        let steps = |access: &Access| access.strides.clone();
        let strides = nest.operands.iter().map(steps).chain(nest.body.iter().filter_map(index)).chain(nest.written().map(steps)).collect();
        let mut axes = Axes { axes, strides };
        let results = axes.strides.len() - nest.reductions.len();
        let stores = results - nest.stores.len()..results;
        axes.drop_single();
        axes.join();
        axes.sort(&stores);
        axes.join();
        axes
    }

    /// How often the body runs.
    pub fn count(&self) -> usize {
        self.axes.iter().map(|axis| axis.length).product()
    }

    /// Puts the loops in an order, and drops those that it leaves out.
    pub fn arrange(&mut self, order: &[usize]) {
        self.axes = order.iter().map(|&axis| self.axes[axis]).collect();
        for strides in &mut self.strides {
            *strides = order.iter().map(|&axis| strides[axis]).collect();
        }
    }

    /// Loops of length 1 do nothing.
    fn drop_single(&mut self) {
        let order: Vec<usize> = (0..self.axes.len()).filter(|&axis| self.axes[axis].length != 1).collect();
        self.arrange(&order);
    }

    /// Two neighbours become one loop where every access steps over both evenly.
    fn join(&mut self) {
        let mut inner = self.axes.len();
        while inner > 1 {
            inner -= 1;
            let (outer, length) = (inner - 1, self.axes[inner].length);
            let even = |strides: &Strides| strides[outer] == strides[inner] * length as isize;
            if self.axes[outer].reduced == self.axes[inner].reduced && self.strides.iter().all(even) {
                self.axes[outer].length *= length;
                self.axes.remove(inner);
                for strides in &mut self.strides {
                    strides.remove(outer);
                }
            }
        }
    }

    /// What a loop costs as the innermost one: accesses that are apart, in elements read for each that is computed, and then those that are not
    /// contiguous. What only reduces is read along the longest rows instead. Results of reductions, written once in a while, cost nothing.
    fn cost(&self, axis: usize, stores: &Range<usize>) -> (usize, Reverse<usize>) {
        /// Parts of a read.
        const PARTS: usize = 1024;
        let length = self.axes[axis].length;
        let worth = |of: fn(isize) -> bool| -> usize {
            let found = self.strides[..stores.end].iter().enumerate().filter(|(_, strides)| of(strides[axis]));
            found.map(|(place, _)| if stores.contains(&place) { STORE_WORTH } else { 1 }).sum()
        };
        let contiguous = worth(|stride| stride == 1);
        if stores.is_empty() {
            return (0, Reverse(contiguous * length.min(64)));
        }
        (worth(|stride| !matches!(stride, 0 | 1)) * PARTS + ROW * PARTS / length.max(1), Reverse(contiguous))
    }

    /// Puts the loop innermost that is best there, and the reduced ones just outside or there.
    fn sort(&mut self, stores: &Range<usize>) {
        // Of equals the innermost, which is found first.
        let innermost = (0..self.axes.len()).rev().min_by_key(|&axis| self.cost(axis, stores));
        let Some(innermost) = innermost else { return };
        let mut order: Vec<usize> = (0..self.axes.len()).filter(|&axis| axis != innermost).collect();
        order.sort_by_key(|&axis| self.axes[axis].reduced);
        order.push(innermost);
        self.arrange(&order);
    }
}

#[cfg(test)]
mod tests {
    use damo_graph::DType;
    use damo_graph::op::reduce::Reduction;

    use super::*;
    use crate::layout::row_major;
    use crate::nest::{Accumulate, BufferId, Store};

    fn nest(shape: &[usize], operands: &[&[isize]], store: &[isize]) -> Nest {
        let access = |buffer, strides: &[isize]| Access { buffer: BufferId(buffer), dtype: DType::F32, offset: 0, strides: strides.into() };
        Nest {
            shape: shape.into(),
            operands: operands.iter().map(|strides| access(0, strides)).collect(),
            body: vec![Instruction::Load(0)],
            stores: vec![Store { value: 0, to: access(1, store) }],
            reductions: vec![],
        }
    }

    fn lengths(axes: &Axes) -> Vec<usize> {
        axes.axes.iter().map(|axis| axis.length).collect()
    }

    #[test]
    fn contiguous_loops_become_one() {
        let shape = [3, 1, 4, 5];
        let all = row_major(&shape);
        assert_eq!(lengths(&Axes::of(&nest(&shape, &[&all, &all], &all), &[])), [60]);
        assert_eq!(lengths(&Axes::of(&nest(&shape, &[&all, &[0, 0, 5, 1]], &all), &[])), [3, 20]);
        assert_eq!(lengths(&Axes::of(&nest(&shape, &[&all, &[0; 4]], &all), &[])), [60]);
    }

    #[test]
    fn narrow_rows_are_walked_along_unless_they_are_very_short() {
        // Each row is divided by a number of its own.
        let innermost = |columns: usize| {
            let all = row_major(&[1000, columns]);
            *lengths(&Axes::of(&nest(&[1000, columns], &[&all, &[1, 0]], &all), &[])).last().unwrap()
        };
        assert_eq!([3, 8, 16, 20].map(innermost), [1000, 8, 16, 20]);
    }

    #[test]
    fn the_innermost_loop_is_contiguous_and_results_are_outside() {
        let transposed = Axes::of(&nest(&[30, 40], &[&[1, 30]], &[1, 30]), &[]);
        assert_eq!((lengths(&transposed), transposed.strides[0].as_slice()), (vec![1200], &[1][..]));
        let reducing = |shape: &[usize], operand: &[isize], axes: &[usize], to: &[isize]| {
            let mut nest = nest(shape, &[operand], to);
            let store = nest.stores.remove(0);
            nest.reductions.push(Accumulate { value: 0, kind: Reduction::Sum, axes: axes.into(), to: store.to });
            Axes::of(&nest, axes)
        };
        let columns = reducing(&[6, 30, 40], &[1200, 40, 1], &[0, 1], &[0, 0, 1]);
        assert_eq!((lengths(&columns), columns.axes[0].reduced, columns.axes[1].reduced), (vec![180, 40], true, false));
        let rows = reducing(&[30, 40, 50], &[2000, 50, 1], &[0, 2], &[0, 1, 0]);
        assert_eq!(rows.axes.iter().map(|axis| axis.reduced).collect::<Vec<_>>(), [false, true, true]);
    }
}
