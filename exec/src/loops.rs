//! Seeing a nest through the loops of another: what fusion and the final order of loops are made of.

use damo_graph::Number;
use smallvec::{SmallVec, smallvec};

use crate::layout::{Shape, Strides};
use crate::nest::{Access, Instruction, Nest, Register};

/// For each new loop, which old loop it is a part of and how far one step of it goes there; `None` for a loop of length 1.
pub(crate) type Parts = SmallVec<[Option<(usize, isize)>; 4]>;

/// How the loops of a nest that touches an array by `old` strides are made of the loops of a nest that touches it by `new` ones,
/// each element once and in both nests the same.
///
/// Several new loops may share an old one between them. `None` if they do not match.
pub(crate) fn parts(old: (&Shape, &Strides), new: (&Shape, &Strides)) -> Option<Parts> {
    let mut parts: Parts = smallvec![None; new.0.len()];
    for (axis, (&length, &stride)) in old.0.iter().zip(old.1).enumerate() {
        let mut covered = 1;
        while covered < length {
            let step = stride * covered as isize;
            let next = (0..new.0.len()).find(|&place| parts[place].is_none() && new.0[place] > 1 && new.1[place] == step)?;
            parts[next] = Some((axis, covered as isize));
            covered *= new.0[next];
        }
        if covered != length.max(1) {
            return None;
        }
    }
    parts.iter().zip(new.0).all(|(part, &length)| part.is_some() || length == 1).then_some(parts)
}

/// The same nest with other loops, of which each old one is made. Counting a loop that is split is refused with `None`.
pub(crate) fn seen_through(nest: &Nest, shape: &Shape, parts: &Parts) -> Option<Nest> {
    let access = |access: &Access| Access {
        strides: parts.iter().map(|part| part.map_or(0, |(axis, step)| access.strides[axis] * step)).collect(),
        ..access.clone()
    };
    let new_axes = |old: usize| (0..parts.len()).filter(move |&place| parts[place].is_some_and(|(axis, _)| axis == old));
    let mut seen = Nest { shape: shape.clone(), operands: nest.operands.iter().map(access).collect(), ..nest.clone() };
    for instruction in &mut seen.body {
        if let Instruction::Index { axis, .. } = instruction {
            let mut places = new_axes(*axis);
            match (places.next(), places.next()) {
                (Some(place), None) => *axis = place,
                // A loop of length 1 only ever counts 0; any other loop of length 1 counts the same.
                (None, _) => *axis = parts.iter().position(Option::is_none)?,
                (Some(_), Some(_)) => return None,
            }
        }
    }
    for store in &mut seen.stores {
        store.to = access(&store.to);
    }
    for reduction in &mut seen.reductions {
        reduction.to = access(&reduction.to);
        let mut axes: SmallVec<[usize; 4]> = reduction.axes.iter().flat_map(|&axis| new_axes(axis)).collect();
        axes.sort_unstable();
        reduction.axes = axes;
    }
    Some(seen)
}

/// Whether two accesses touch the same elements in the same order, in loops of these lengths.
pub(crate) fn same_places(shape: &[usize], left: &Access, right: &Access) -> bool {
    left.buffer == right.buffer && left.offset == right.offset && same_strides(shape, left, right)
}

/// Whether two accesses step alike, in loops of these lengths.
pub(crate) fn same_strides(shape: &[usize], left: &Access, right: &Access) -> bool {
    shape.iter().zip(left.strides.iter().zip(&right.strides)).all(|(&length, (left, right))| length == 1 || left == right)
}

/// Adds an operand, or finds it among those that are there.
pub(crate) fn operand(nest: &mut Nest, access: Access) -> usize {
    let found = nest.operands.iter().position(|known| known.dtype == access.dtype && same_places(&nest.shape, known, &access));
    found.unwrap_or_else(|| {
        nest.operands.push(access);
        nest.operands.len() - 1
    })
}

/// Adds an instruction, or finds it among those that are there.
pub(crate) fn instruction(nest: &mut Nest, instruction: Instruction) -> Register {
    let same = |known: &Instruction| match (known, &instruction) {
        // Numbers compare by their bits: -0 is not 0, and NaN is NaN.
        (Instruction::Constant(left, l), Instruction::Constant(right, r)) => l == r && bits(*left) == bits(*right),
        (left, right) => left == right,
    };
    nest.body.iter().position(same).unwrap_or_else(|| {
        nest.body.push(instruction);
        nest.body.len() - 1
    })
}

fn bits(number: Number) -> (u8, u128, u64) {
    match number {
        Number::Bool(value) => (0, u128::from(value), 0),
        Number::Integer(value) => (1, value as u128, 0),
        Number::Real(value) => (2, u128::from(value.to_bits()), 0),
        Number::Complex(re, im) => (3, u128::from(re.to_bits()), im.to_bits()),
    }
}

/// Which instructions of a nest its results need.
pub(crate) fn used(nest: &Nest) -> Vec<bool> {
    let mut used = vec![false; nest.body.len()];
    for value in nest.stores.iter().map(|store| store.value).chain(nest.reductions.iter().map(|reduction| reduction.value)) {
        used[value] = true;
    }
    for register in (0..nest.body.len()).rev() {
        if used[register] {
            match &nest.body[register] {
                Instruction::Load(_) | Instruction::Constant(..) | Instruction::Index { .. } => {}
                Instruction::Apply { arguments, .. } => arguments.iter().for_each(|&argument| used[argument] = true),
                Instruction::Cast { argument, .. } => used[*argument] = true,
            }
        }
    }
    used
}

/// Without instructions and operands that nothing uses.
pub(crate) fn pruned(nest: &Nest) -> Nest {
    let used = used(nest);
    let mut kept = Nest { shape: nest.shape.clone(), ..Nest::default() };
    let mut renamed = vec![0; nest.body.len()];
    for (register, old) in nest.body.iter().enumerate().filter(|(register, _)| used[*register]) {
        renamed[register] = match old {
            Instruction::Load(place) => {
                let place = operand(&mut kept, nest.operands[*place].clone());
                instruction(&mut kept, Instruction::Load(place))
            }
            // An instruction is there once, and so it stays.
            Instruction::Constant(..) | Instruction::Index { .. } | Instruction::Apply { .. } | Instruction::Cast { .. } => {
                kept.body.push(with_arguments(old, |argument| renamed[argument]));
                kept.body.len() - 1
            }
        };
    }
    kept.stores.clone_from(&nest.stores);
    kept.stores.iter_mut().for_each(|store| store.value = renamed[store.value]);
    kept.reductions.clone_from(&nest.reductions);
    kept.reductions.iter_mut().for_each(|reduction| reduction.value = renamed[reduction.value]);
    kept
}

/// The same instruction on other registers.
pub(crate) fn with_arguments(instruction: &Instruction, rename: impl Fn(Register) -> Register) -> Instruction {
    match instruction {
        Instruction::Load(_) | Instruction::Constant(..) | Instruction::Index { .. } => instruction.clone(),
        Instruction::Apply { scalar, arguments, dtype } => {
            Instruction::Apply { scalar, arguments: arguments.iter().map(|&argument| rename(argument)).collect(), dtype: *dtype }
        }
        Instruction::Cast { argument, to } => Instruction::Cast { argument: rename(*argument), to: *to },
    }
}

/// The same nest in as few loops as say it, the one with the shortest steps innermost.
pub(crate) fn tidy(nest: &Nest) -> Nest {
    let accesses = || nest.operands.iter().chain(nest.written());
    let counted = |axis: usize| nest.body.iter().any(|instruction| matches!(instruction, Instruction::Index { axis: of, .. } if *of == axis));
    let reduced = |axis: usize| -> Vec<bool> { nest.reductions.iter().map(|reduction| reduction.axes.contains(&axis)).collect() };
    // What is written counts twice: a step there costs a read and a write.
    let reach = |axis: usize| -> isize {
        let read: isize = nest.operands.iter().map(|access| access.strides[axis].abs().min(64)).sum();
        read + 2 * nest.written().map(|access| access.strides[axis].abs().min(64)).sum::<isize>()
    };
    let mut order: Vec<usize> = (0..nest.shape.len()).filter(|&axis| nest.shape[axis] != 1 || counted(axis)).collect();
    if nest.count() > 0 {
        order.sort_by_key(|&axis| std::cmp::Reverse(reach(axis)));
    }
    // Neighbours that step evenly everywhere become one loop.
    let mut groups: Vec<(usize, usize)> = Vec::new();
    for axis in order {
        let length = nest.shape[axis];
        match groups.last_mut() {
            Some((inner, total))
                if !counted(*inner)
                    && !counted(axis)
                    && reduced(*inner) == reduced(axis)
                    && accesses().all(|a| a.strides[*inner] == a.strides[axis] * length as isize) =>
            {
                (*inner, *total) = (axis, *total * length);
            }
            _ => groups.push((axis, length)),
        }
    }
    let shape: Shape = groups.iter().map(|group| group.1).collect();
    let strides = |access: &Access| Access { strides: groups.iter().map(|group| access.strides[group.0]).collect(), ..access.clone() };
    let place_of = |axis: usize| groups.iter().position(|group| group.0 == axis);
    let mut tidied = Nest { shape, operands: nest.operands.iter().map(strides).collect(), ..nest.clone() };
    for instruction in &mut tidied.body {
        if let Instruction::Index { axis, .. } = instruction {
            *axis = place_of(*axis).unwrap_or(0);
        }
    }
    for store in &mut tidied.stores {
        store.to = strides(&store.to);
    }
    for reduction in &mut tidied.reductions {
        reduction.to = strides(&reduction.to);
        let mut axes: SmallVec<[usize; 4]> = reduction.axes.iter().filter_map(|&axis| place_of(axis)).collect();
        axes.sort_unstable();
        reduction.axes = axes;
    }
    tidied
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::row_major;

    #[test]
    fn loops_are_split_and_turned() {
        let old: Shape = smallvec![6, 4];
        let steps = row_major(&old);
        let split: Shape = smallvec![2, 3, 4];
        let found = parts((&old, &steps), (&split, &row_major(&split))).unwrap();
        assert_eq!(found.as_slice(), [Some((0, 3)), Some((0, 1)), Some((1, 1))]);
        let turned = parts((&old, &steps), (&smallvec![4, 1, 6], &smallvec![1, 0, 4])).unwrap();
        assert_eq!(turned.as_slice(), [Some((1, 1)), None, Some((0, 1))]);
        assert_eq!(parts((&old, &steps), (&smallvec![6, 4, 2], &smallvec![4, 1, 0])), None);
        assert_eq!(parts((&old, &steps), (&smallvec![24], &smallvec![1])), None);
        assert_eq!(parts((&old, &steps), (&smallvec![3, 4], &smallvec![4, 1])), None);
    }
}
