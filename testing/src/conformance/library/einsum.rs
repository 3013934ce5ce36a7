//! `einsum` with any subscripts: diagonals for repeated letters, sums for those that nobody else has, then products two by two.

use damo::Tensor;
use damo::op::reduce::Reduction;

use super::linear::diagonal;
use super::{Answer, shape};
use crate::conformance::arguments::Arguments;
use crate::conformance::arithmetic::reals;
use crate::conformance::array;
use crate::conformance::interpret::Interpreter;
use crate::conformance::object::Object;
use crate::conformance::stop::{Stop, malformed};

/// An array with a letter for each axis.
#[derive(Clone)]
struct Lettered<'t> {
    tensor: Tensor<'t, f64>,
    letters: Vec<char>,
}

pub(crate) fn call<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>) -> Answer<'t> {
    if arguments.of != "einsum" {
        return Ok(None);
    }
    let text: String = arguments.at(0)?.text()?.chars().filter(|c| !c.is_whitespace()).collect();
    let tensors = arguments.places[1..].iter().map(|operand| reals(interpreter.tape, operand)).collect::<Result<Vec<_>, _>>()?;
    let (given, wanted) = match text.split_once("->") {
        Some((given, wanted)) => (given, Some(wanted)),
        None => (text.as_str(), None),
    };
    let subscripts: Vec<&str> = given.split(',').collect();
    if subscripts.len() != tensors.len() {
        return Err(malformed(format!("{} subscripts for {} arrays", subscripts.len(), tensors.len())));
    }
    let mut operands = Vec::new();
    for (subscript, tensor) in subscripts.iter().zip(tensors) {
        let letters = letters(subscript, array::lengths_of(tensor)?.len())?;
        operands.push(without_repeats(Lettered { tensor, letters })?);
    }
    let output = output(&operands, wanted);
    let mut operands = operands.into_iter();
    let mut result = operands.next().ok_or_else(|| malformed("einsum of nothing"))?;
    let rest: Vec<Lettered<'t>> = operands.collect();
    for (place, next) in rest.iter().enumerate() {
        let needed_later = |letter: &char| output.contains(letter) || rest[place + 1..].iter().any(|later| later.letters.contains(letter));
        result = product(result, next.clone(), &needed_later)?;
    }
    let result = summed(result, &|letter| output.contains(letter));
    let order = output
        .iter()
        .map(|letter| result.letters.iter().position(|l| l == letter).ok_or_else(|| malformed(format!("`{letter}` is in no array"))))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Some(Object::Real(array::permute(result.tensor, &order))))
}

/// The letters of the axes. The axes of `...` get capital letters beyond the alphabet, aligned at the last.
fn letters(subscript: &str, rank: usize) -> Result<Vec<char>, Stop> {
    let Some((before, after)) = subscript.split_once("...") else {
        let letters: Vec<char> = subscript.chars().collect();
        return if letters.len() == rank { Ok(letters) } else { Err(malformed(format!("`{subscript}` for {rank} axes"))) };
    };
    let named = before.chars().count() + after.chars().count();
    let free = rank.checked_sub(named).ok_or_else(|| malformed(format!("`{subscript}` for {rank} axes")))?;
    Ok(before.chars().chain((0..free).rev().map(nameless)).chain(after.chars()).collect())
}

/// The letter of the axis that is `from_last` before the last of `...`: one of a private range.
fn nameless(from_last: usize) -> char {
    char::from_u32(0xE000 + from_last as u32).unwrap_or('\u{E000}')
}

/// The letters of the result: as written, or all that occur once, in order of the alphabet.
fn output(operands: &[Lettered<'_>], wanted: Option<&str>) -> Vec<char> {
    let all: Vec<char> = operands.iter().flat_map(|operand| operand.letters.iter().copied()).collect();
    let mut dots: Vec<char> = all.iter().copied().filter(|&letter| letter >= '\u{E000}').collect();
    dots.sort_unstable_by(|a, b| b.cmp(a));
    dots.dedup();
    if let Some(wanted) = wanted {
        match wanted.split_once("...") {
            Some((before, after)) => before.chars().chain(dots).chain(after.chars()).collect(),
            None => wanted.chars().collect(),
        }
    } else {
        let mut once: Vec<char> =
            all.iter().copied().filter(|letter| *letter < '\u{E000}' && all.iter().filter(|l| *l == letter).count() == 1).collect();
        once.sort_unstable();
        dots.into_iter().chain(once).collect()
    }
}

/// Takes diagonals until no letter stands for two axes.
fn without_repeats(operand: Lettered<'_>) -> Result<Lettered<'_>, Stop> {
    let Lettered { tensor, letters } = operand;
    for (first, &letter) in letters.iter().enumerate() {
        if let Some(second) = letters.iter().skip(first + 1).position(|&other| other == letter).map(|after| first + 1 + after) {
            let mut rest: Vec<char> = letters.iter().enumerate().filter(|&(axis, _)| axis != first && axis != second).map(|(_, &l)| l).collect();
            rest.push(letter);
            return without_repeats(Lettered { tensor: diagonal(tensor, first, second, 0)?, letters: rest });
        }
    }
    Ok(Lettered { tensor, letters })
}

/// Sums over the letters that are not needed.
fn summed<'t>(operand: Lettered<'t>, needed: &dyn Fn(&char) -> bool) -> Lettered<'t> {
    let axes: Vec<usize> = (0..operand.letters.len()).filter(|&axis| !needed(&operand.letters[axis])).collect();
    let letters = operand.letters.into_iter().filter(|letter| needed(letter)).collect();
    Lettered { tensor: array::reduce(Reduction::Sum, operand.tensor, &axes), letters }
}

/// The product of two, summed over the letters that nobody needs later.
fn product<'t>(left: Lettered<'t>, right: Lettered<'t>, needed_later: &dyn Fn(&char) -> bool) -> Result<Lettered<'t>, Stop> {
    let left = summed(left, &|letter| needed_later(letter) || right.letters.contains(letter));
    let right = summed(right, &|letter| needed_later(letter) || left.letters.contains(letter));
    let (left, right) = aligned(left, right)?;
    let shared = |wanted: bool| {
        let pairs = left.letters.iter().enumerate().filter(move |(_, letter)| needed_later(letter) == wanted);
        pairs.filter_map(|(axis, letter)| Some((axis, right.letters.iter().position(|other| other == letter)?))).collect::<Vec<_>>()
    };
    let (batch, contract) = (shared(true), shared(false));
    let is_free = |operand: &Lettered<'t>, other: &Lettered<'t>| -> Vec<char> {
        operand.letters.iter().copied().filter(|letter| !other.letters.contains(letter)).collect()
    };
    let letters = batch.iter().map(|&(axis, _)| left.letters[axis]).chain(is_free(&left, &right)).chain(is_free(&right, &left)).collect();
    Ok(Lettered { tensor: array::dot(left.tensor, right.tensor, &batch, &contract), letters })
}

/// Stretches axes of length 1 that stand for a longer one of the other.
fn aligned<'t>(left: Lettered<'t>, right: Lettered<'t>) -> Result<(Lettered<'t>, Lettered<'t>), Stop> {
    let (a, b) = (array::lengths_of(left.tensor)?, array::lengths_of(right.tensor)?);
    let stretched = |operand: &Lettered<'t>, lengths: &[usize], other: &Lettered<'t>, others: &[usize]| {
        let to: Vec<usize> = operand
            .letters
            .iter()
            .zip(lengths)
            .map(|(letter, &length)| {
                let partner = other.letters.iter().position(|l| l == letter).map_or(length, |axis| others[axis]);
                shape::broadcast_shape(&[vec![length], vec![partner]])[0]
            })
            .collect();
        if to == lengths { operand.tensor } else { array::broadcast(operand.tensor, &to) }
    };
    let (x, y) = (stretched(&left, &a, &right, &b), stretched(&right, &b, &left, &a));
    Ok((Lettered { tensor: x, letters: left.letters }, Lettered { tensor: y, letters: right.letters }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_stand_for_the_axes_that_are_left() {
        assert_eq!(letters("...ij", 3).unwrap(), [nameless(0), 'i', 'j']);
        assert_eq!(letters("i...", 3).unwrap(), ['i', nameless(1), nameless(0)]);
        assert!(letters("ij", 3).is_err());
    }
}
