//! `pad` in its modes: with a constant, with the edge, mirrored, or around the end.

use super::Answer;
use super::shape::picked;
use crate::conformance::arguments::Arguments;
use crate::conformance::arithmetic::reals;
use crate::conformance::array::{self, Span};
use crate::conformance::interpret::Interpreter;
use crate::conformance::object::Object;
use crate::conformance::stop::{Stop, malformed, unsupported};

pub(crate) fn call<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>) -> Answer<'t> {
    if arguments.of != "pad" {
        return Ok(None);
    }
    let tape = interpreter.tape;
    let object = array::array_of(tape, arguments.at(0)?)?;
    let from = array::shape(&object)?;
    let widths = widths(arguments.required(1, "pad_width")?, from.len())?;
    let mode = arguments.optional(2, "mode").map_or(Ok("constant"), Object::text)?;
    if mode == "constant" {
        let value = arguments.number(usize::MAX, "constant_values", 0.0)?;
        let spans: Vec<Span> = widths.iter().zip(&from).map(|(&(before, _), &length)| Span::from(before, length)).collect();
        let to: Vec<usize> = widths.iter().zip(&from).map(|(&(before, after), &length)| before + length + after).collect();
        let x = reals(tape, &object)?;
        let padded = if value == 0.0 {
            array::spread(x, &spans, &to)
        } else {
            let inside = array::spread(array::full(tape, true, &from), &spans, &to);
            array::select(inside, array::spread(x, &spans, &to), array::full(tape, value, &[]))
        };
        return Ok(Some(Object::Real(padded)));
    }
    let mut result = object;
    for (axis, (&(before, after), &length)) in widths.iter().zip(&from).enumerate() {
        if before + after > 0 {
            let places = (-(before as i64)..(length + after) as i64).map(|place| source(mode, place, length as i64));
            result = picked(&result, axis, places.collect::<Result<_, _>>()?)?;
        }
    }
    Ok(Some(result))
}

/// `n`, `(before, after)`, `((before, after),)` or one pair per axis.
fn widths(object: &Object<'_>, rank: usize) -> Result<Vec<(usize, usize)>, Stop> {
    let pair = |object: &Object<'_>| match object.shape_argument()?[..] {
        [both] => Ok((both, both)),
        [before, after] => Ok((before, after)),
        _ => Err(malformed("a width of padding")),
    };
    match object {
        Object::Tuple(items) | Object::List(items) if items.iter().all(|item| item.items().is_ok()) => {
            let pairs = items.iter().map(pair).collect::<Result<Vec<_>, _>>()?;
            match pairs[..] {
                [all] => Ok(vec![all; rank]),
                _ if pairs.len() == rank => Ok(pairs),
                _ => Err(malformed("widths of padding that fit no axes")),
            }
        }
        all => Ok(vec![pair(all)?; rank]),
    }
}

/// Which element stands at a place beyond the ends.
fn source(mode: &str, place: i64, length: i64) -> Result<i64, Stop> {
    Ok(match mode {
        "edge" => place.clamp(0, length - 1),
        "wrap" => place.rem_euclid(length),
        "reflect" if length == 1 => 0,
        "reflect" => {
            let period = 2 * (length - 1);
            let folded = place.rem_euclid(period);
            folded.min(period - folded)
        }
        "symmetric" => {
            let folded = place.rem_euclid(2 * length);
            folded.min(2 * length - 1 - folded)
        }
        other => return Err(unsupported(format!("pad(mode='{other}')"))),
    })
}

#[cfg(test)]
mod tests {
    use super::source;

    #[test]
    fn places_beyond_the_ends_follow_the_mode() {
        let all = |mode| (-3..6).map(|place| source(mode, place, 3).unwrap()).collect::<Vec<_>>();
        assert_eq!(all("edge"), [0, 0, 0, 0, 1, 2, 2, 2, 2]);
        assert_eq!(all("wrap"), [0, 1, 2, 0, 1, 2, 0, 1, 2]);
        assert_eq!(all("reflect"), [1, 2, 1, 0, 1, 2, 1, 0, 1]);
        assert_eq!(all("symmetric"), [2, 1, 0, 0, 1, 2, 2, 1, 0]);
    }
}
