//! Columns are combined several rows at a time: their accumulators, which are in memory, are read and written once for all of these.

use smallvec::SmallVec;

use crate::layout::Strides;
use crate::loops::with_arguments;
use crate::nest::{Access, Instruction, Nest, Register, Store};
use crate::portable::axes::Axes;

/// Several rows of bodies with more instructions than this have enough to do without.
const SHORT: usize = 12;

/// What is so many bytes comes from memory, which is read fastest row by row.
const LARGE: usize = 8 << 20;

/// How many rows of columns are combined at once.
#[derive(Clone, Debug)]
pub(super) struct RowsAtOnce {
    pub count: usize,
    /// How far it is from row to row, for each operand, and each store.
    operands: SmallVec<[isize; 4]>,
    stores: SmallVec<[isize; 4]>,
}

impl RowsAtOnce {
    /// As many as divide the rows of a nest that combines columns. Its loops are then those of all of them at once.
    pub fn of(nest: &Nest, axes: &mut Axes) -> Option<RowsAtOnce> {
        let row = axes.axes.len().checked_sub(2)?;
        let are_columns = !nest.reductions.is_empty() && axes.axes[row].reduced && !axes.axes[row + 1].reduced;
        let counts = nest.body.iter().any(|instruction| matches!(instruction, Instruction::Index { .. }));
        let of_element: usize = nest.operands.iter().map(|operand| operand.dtype.size()).sum();
        if !are_columns || counts || nest.body.len() > SHORT || axes.count().saturating_mul(of_element) > LARGE {
            return None;
        }
        let count = [4, 3, 2].into_iter().find(|count| axes.axes[row].length.is_multiple_of(*count))?;
        let steps = |accesses: &[Strides]| accesses.iter().map(|strides| strides[row]).collect();
        let (operands, stores) = axes.strides.split_at(nest.operands.len());
        let (operands, stores) = (steps(operands), steps(&stores[..nest.stores.len()]));
        let rows = RowsAtOnce { count, operands, stores };
        axes.axes[row].length /= count;
        let strides = std::mem::take(&mut axes.strides);
        let (of_operands, rest) = strides.split_at(nest.operands.len());
        let (of_stores, of_results) = rest.split_at(nest.stores.len());
        let copies = |strides: &[Strides]| -> Vec<Strides> { (0..count).flat_map(|_| strides.iter().cloned()).collect() };
        axes.strides = copies(of_operands).into_iter().chain(copies(of_stores)).chain(of_results.iter().cloned()).collect();
        axes.strides.iter_mut().for_each(|strides| strides[row] *= count as isize);
        Some(rows)
    }

    /// The nest with the instructions and accesses of so many rows, one row's behind the other's.
    pub fn unrolled(&self, nest: &Nest) -> Nest {
        let moved = |access: &Access, step: isize, copy: usize| Access { offset: access.offset + step * copy as isize, ..access.clone() };
        let length = nest.body.len();
        let (mut operands, mut body, mut stores) = (Vec::new(), Vec::new(), Vec::new());
        for copy in 0..self.count {
            let renamed = |register: Register| register + copy * length;
            operands.extend(nest.operands.iter().zip(&self.operands).map(|(operand, &step)| moved(operand, step, copy)));
            body.extend(nest.body.iter().map(|instruction| match instruction {
                // What all rows share is read once.
                Instruction::Load(operand) if self.operands[*operand] == 0 => Instruction::Load(*operand),
                Instruction::Load(operand) => Instruction::Load(operand + copy * nest.operands.len()),
                Instruction::Constant(..) | Instruction::Index { .. } | Instruction::Apply { .. } | Instruction::Cast { .. } => {
                    with_arguments(instruction, renamed)
                }
            }));
            stores.extend(
                nest.stores.iter().zip(&self.stores).map(|(store, &step)| Store { value: renamed(store.value), to: moved(&store.to, step, copy) }),
            );
        }
        Nest { operands, body, stores, ..nest.clone() }
    }
}
