//! A nest cut into parts that a tile interpreter runs in one sweep each: one per set of reduced loops, stores last.

use damo_graph::{DType, Problem};
use smallvec::SmallVec;

use super::reduce::Reducer;
use crate::nest::{Access, Accumulate, Instruction, Nest, Register};

/// A part of a nest, with the loops it reduces.
pub(super) type Part = (Nest, SmallVec<[usize; 4]>);

/// The parts of a nest.
///
/// Results of reductions are read by nobody in the nest and stores come in the last part, so that operands that are replaced in place are
/// read before. Registers that a part does not need are not in it.
pub(super) fn parts(nest: &Nest) -> Result<Vec<Part>, Problem> {
    let mut sets: Vec<SmallVec<[usize; 4]>> = Vec::new();
    for reduction in &nest.reductions {
        if !sets.contains(&reduction.axes) {
            sets.push(reduction.axes.clone());
        }
    }
    if sets.is_empty() {
        sets.push(SmallVec::new());
    }
    let last = sets.len() - 1;
    sets.into_iter().enumerate().map(|(place, axes)| Ok((part(nest, &axes, place == last)?, axes))).collect()
}

fn part(nest: &Nest, axes: &[usize], with_stores: bool) -> Result<Nest, Problem> {
    let reductions: Vec<&Accumulate> = nest.reductions.iter().filter(|reduction| reduction.axes.as_slice() == axes).collect();
    let stores = if with_stores { &nest.stores[..] } else { &[] };
    let mut needed = vec![false; nest.body.len()];
    for register in stores.iter().map(|store| store.value).chain(reductions.iter().map(|reduction| reduction.value)) {
        needed[register] = true;
    }
    for (register, instruction) in nest.body.iter().enumerate().rev() {
        if needed[register] {
            arguments(instruction).iter().for_each(|&argument| needed[argument] = true);
        }
    }
    let mut cut = Nest { shape: nest.shape.clone(), ..Nest::default() };
    let mut registers: Vec<Register> = vec![0; nest.body.len()];
    let mut operands: Vec<Option<usize>> = vec![None; nest.operands.len()];
    for (register, instruction) in nest.body.iter().enumerate().filter(|(register, _)| needed[*register]) {
        let mut instruction = instruction.clone();
        match &mut instruction {
            Instruction::Load(operand) => {
                *operand = *operands[*operand].get_or_insert_with(|| {
                    cut.operands.push(nest.operands[*operand].clone());
                    cut.operands.len() - 1
                });
            }
            Instruction::Apply { arguments, .. } => arguments.iter_mut().for_each(|argument| *argument = registers[*argument]),
            Instruction::Cast { argument, .. } => *argument = registers[*argument],
            Instruction::Constant(..) | Instruction::Index { .. } => {}
        }
        registers[register] = cut.body.len();
        cut.body.push(instruction);
    }
    cut.stores = stores.to_vec();
    cut.stores.iter_mut().for_each(|store| store.value = registers[store.value]);
    for reduction in reductions {
        let mut reduction = reduction.clone();
        reduction.value = registers[reduction.value];
        let dtype = cut.dtype(reduction.value);
        let reads = Reducer::of(reduction.kind, dtype)?.reads;
        if reads != dtype {
            cut.body.push(Instruction::Cast { argument: reduction.value, to: reads });
            reduction.value = cut.body.len() - 1;
        }
        cut.reductions.push(reduction);
    }
    Ok(cut)
}

/// The registers an instruction reads.
pub(super) fn arguments(instruction: &Instruction) -> SmallVec<[Register; 3]> {
    match instruction {
        Instruction::Apply { arguments, .. } => arguments.clone(),
        Instruction::Cast { argument, .. } => SmallVec::from_slice(&[*argument]),
        Instruction::Load(_) | Instruction::Constant(..) | Instruction::Index { .. } => SmallVec::new(),
    }
}

/// Refuses a nest whose places do not fit each other: a defect of planning.
pub(crate) fn check(nest: &Nest) -> Result<(), Problem> {
    let defect = |what: &str| Problem::new(damo_graph::ErrorKind::Execution, format!("a nest is malformed: {what}"));
    let rank = nest.shape.len();
    if nest.operands.iter().chain(nest.written()).any(|access: &Access| access.strides.len() != rank) {
        return Err(defect("an access has not as many steps as there are loops"));
    }
    let mut dtypes: Vec<DType> = Vec::with_capacity(nest.body.len());
    for (register, instruction) in nest.body.iter().enumerate() {
        if arguments(instruction).iter().any(|&argument| argument >= register) {
            return Err(defect("an instruction reads a later register"));
        }
        match instruction {
            Instruction::Load(operand) if *operand >= nest.operands.len() => return Err(defect("a load has no operand")),
            Instruction::Index { axis, .. } if *axis >= rank => return Err(defect("an index has no loop")),
            Instruction::Apply { scalar, arguments, .. } if arguments.len() != scalar.arity() => {
                return Err(defect("a function has too many or few arguments"));
            }
            Instruction::Load(_) | Instruction::Index { .. } | Instruction::Apply { .. } | Instruction::Constant(..) | Instruction::Cast { .. } => {}
        }
        dtypes.push(nest.dtype(register));
    }
    let stored = nest.stores.iter().all(|store| dtypes.get(store.value) == Some(&store.to.dtype));
    let combined = nest.reductions.iter().all(|reduction| dtypes.get(reduction.value).is_some_and(|&dtype| reduction.may_give(dtype)));
    if !stored || !combined {
        return Err(defect("a result has another element type than its place"));
    }
    if nest.reductions.iter().any(|reduction| reduction.axes.iter().any(|&axis| axis >= rank || reduction.to.strides[axis] != 0)) {
        return Err(defect("a reduction combines over a loop that its result steps along"));
    }
    Ok(())
}
