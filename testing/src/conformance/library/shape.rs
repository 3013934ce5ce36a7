//! Layout: other lengths, other orders of axes, joining and cutting.

use super::Answer;
use crate::conformance::arguments::Arguments;
use crate::conformance::array::{self, Span, map_array};
use crate::conformance::index;
use crate::conformance::interpret::Interpreter;
use crate::conformance::object::{Object, axis_of};
use crate::conformance::stop::{Stop, malformed};

pub(crate) fn call<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>) -> Answer<'t> {
    for family in [axes, lengths, joined, moved] {
        if let Some(result) = family(interpreter, arguments)? {
            return Ok(Some(result));
        }
    }
    Ok(None)
}

/// Axes in another order.
pub(crate) fn permuted<'t>(object: &Object<'t>, order: &[usize]) -> Result<Object<'t>, Stop> {
    map_array!(object, |array| array::permute(*array, order))
}

/// Two axes exchanged.
pub(crate) fn swapped<'t>(object: &Object<'t>, a: i64, b: i64) -> Result<Object<'t>, Stop> {
    let rank = array::shape(object)?.len();
    let mut order: Vec<usize> = (0..rank).collect();
    order.swap(axis_of(a, rank)?, axis_of(b, rank)?);
    permuted(object, &order)
}

/// The same elements under other lengths.
pub(crate) fn reshaped<'t>(object: &Object<'t>, to: &[usize]) -> Result<Object<'t>, Stop> {
    map_array!(object, |array| array::reshape(*array, to))
}

/// Functions that change the order or number of axes.
fn axes<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>) -> Answer<'t> {
    let name = arguments.of.as_str();
    if !matches!(
        name,
        "transpose" | "permute_dims" | "matrix_transpose" | "swapaxes" | "moveaxis" | "expand_dims" | "squeeze" | "atleast_1d" | "atleast_2d"
    ) {
        return Ok(None);
    }
    let object = array::array_of(interpreter.tape, arguments.at(0)?)?;
    let from = array::shape(&object)?;
    let rank = from.len();
    Ok(Some(match name {
        "transpose" | "permute_dims" => {
            let order = match arguments.optional(1, "axes") {
                None => (0..rank).rev().collect(),
                Some(order) => order.integers()?.into_iter().map(|axis| axis_of(axis, rank)).collect::<Result<Vec<_>, _>>()?,
            };
            permuted(&object, &order)?
        }
        "matrix_transpose" => swapped(&object, -1, -2)?,
        "swapaxes" => swapped(&object, arguments.required(1, "axis1")?.integer()?, arguments.required(2, "axis2")?.integer()?)?,
        "moveaxis" => {
            let counted = |place, name| {
                let given = arguments.required(place, name)?.integers()?;
                given.into_iter().map(|axis| axis_of(axis, rank)).collect::<Result<Vec<_>, Stop>>()
            };
            let (sources, destinations) = (counted(1, "source")?, counted(2, "destination")?);
            let mut moves: Vec<(usize, usize)> = destinations.into_iter().zip(sources.iter().copied()).collect();
            moves.sort_unstable();
            let mut order: Vec<usize> = (0..rank).filter(|axis| !sources.contains(axis)).collect();
            for (destination, source) in moves {
                order.insert(destination, source);
            }
            permuted(&object, &order)?
        }
        "expand_dims" => {
            let given = arguments.required(1, "axis")?.integers()?;
            let to_rank = rank + given.len();
            let new = given.into_iter().map(|axis| axis_of(axis, to_rank)).collect::<Result<Vec<_>, _>>()?;
            let mut old = from.iter();
            let to: Vec<usize> = (0..to_rank).map(|axis| if new.contains(&axis) { 1 } else { old.next().copied().unwrap_or(1) }).collect();
            reshaped(&object, &to)?
        }
        "squeeze" => {
            let gone = match arguments.optional(1, "axis") {
                None => (0..rank).filter(|&axis| from[axis] == 1).collect(),
                Some(axes) => axes.integers()?.into_iter().map(|axis| axis_of(axis, rank)).collect::<Result<Vec<_>, _>>()?,
            };
            let to: Vec<usize> = (0..rank).filter(|axis| !gone.contains(axis)).map(|axis| from[axis]).collect();
            reshaped(&object, &to)?
        }
        "atleast_1d" => {
            if rank == 0 {
                reshaped(&object, &[1])?
            } else {
                object
            }
        }
        _ => match from[..] {
            [] => reshaped(&object, &[1, 1])?,
            [length] => reshaped(&object, &[1, length])?,
            _ => object,
        },
    }))
}

/// Functions that change lengths.
fn lengths<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>) -> Answer<'t> {
    let name = arguments.of.as_str();
    if !matches!(name, "reshape" | "ravel" | "flatten" | "broadcast_to" | "broadcast_arrays" | "shape" | "ndim" | "size") {
        return Ok(None);
    }
    let object = array::array_of(interpreter.tape, arguments.at(0)?)?;
    let from = array::shape(&object)?;
    let count: usize = from.iter().product();
    Ok(Some(match name {
        "reshape" => {
            let wanted = arguments.optional(1, "shape").or(arguments.named("newshape")).ok_or_else(|| malformed("reshape to nothing"))?.integers()?;
            let rest: i64 = wanted.iter().filter(|&&length| length >= 0).product();
            let open = if rest > 0 { count as i64 / rest } else { 0 };
            let to: Vec<usize> = wanted.into_iter().map(|length| if length < 0 { open as usize } else { length as usize }).collect();
            reshaped(&object, &to)?
        }
        "ravel" | "flatten" => reshaped(&object, &[count])?,
        "broadcast_to" => {
            let to = arguments.required(1, "shape")?.shape_argument()?;
            map_array!(object, |array| array::broadcast(array, &to))?
        }
        "broadcast_arrays" => {
            let shapes = arguments.places.iter().map(array::shape).collect::<Result<Vec<_>, _>>()?;
            let to = broadcast_shape(&shapes);
            let stretched = arguments.places.iter().map(|object| map_array!(object, |array| array::broadcast(*array, &to)));
            Object::tuple(stretched.collect::<Result<Vec<_>, Stop>>()?)
        }
        "shape" => Object::lengths(&from),
        "ndim" => Object::Integer(from.len() as i64),
        _ => Object::Integer(count as i64),
    }))
}

/// The lengths that shapes stretch to.
pub(crate) fn broadcast_shape(shapes: &[Vec<usize>]) -> Vec<usize> {
    let rank = shapes.iter().map(Vec::len).max().unwrap_or(0);
    let mut to = vec![1; rank];
    for shape in shapes {
        for (axis, &length) in shape.iter().enumerate() {
            let slot = &mut to[rank - shape.len() + axis];
            if *slot == 1 {
                *slot = length;
            }
        }
    }
    to
}

/// Arrays joined or cut.
fn joined<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>) -> Answer<'t> {
    let tape = interpreter.tape;
    let items = || arguments.at(0).and_then(|list| interpreter.elements(list));
    Ok(Some(match arguments.of.as_str() {
        "concatenate" | "concat" => {
            let items = items()?;
            let rank = items.first().map_or(Ok(1), |item| array::shape(item).map(|shape| shape.len()))?;
            array::concatenate(tape, &items, axis_of(arguments.integer(1, "axis", 0)?, rank)?)?
        }
        "stack" => {
            let items = items()?;
            let rank = items.first().map_or(Ok(0), |item| array::shape(item).map(|shape| shape.len()))?;
            array::stack(tape, &items, axis_of(arguments.integer(1, "axis", 0)?, rank + 1)?)?
        }
        "hstack" | "vstack" | "column_stack" => {
            let items = items()?;
            let rank = items.first().map_or(Ok(1), |item| array::shape(item).map(|shape| shape.len()))?;
            match (arguments.of.as_str(), rank) {
                ("vstack", 1) => array::stack(tape, &items, 0)?,
                ("column_stack", 1) => array::stack(tape, &items, 1)?,
                ("vstack", _) | ("hstack", 1) => array::concatenate(tape, &items, 0)?,
                _ => array::concatenate(tape, &items, 1)?,
            }
        }
        "append" => {
            let pair = [arguments.at(0)?.clone(), arguments.at(1)?.clone()];
            let rank = array::shape(&pair[0])?.len();
            array::concatenate(tape, &pair, axis_of(arguments.integer(2, "axis", 0)?, rank)?)?
        }
        "split" | "array_split" => {
            let object = array::array_of(tape, arguments.at(0)?)?;
            let from = array::shape(&object)?;
            let axis = axis_of(arguments.integer(2, "axis", 0)?, from.len())?;
            let length = from[axis];
            let cuts: Vec<usize> = match arguments.at(1)? {
                Object::Integer(parts) if *parts > 0 => {
                    let (parts, extra) = (*parts as usize, length % *parts as usize);
                    (1..parts).map(|part| part * (length / parts) + part.min(extra)).collect()
                }
                cuts => cuts.shape_argument()?.into_iter().map(|cut| cut.min(length)).collect(),
            };
            let starts = std::iter::once(0).chain(cuts.iter().copied());
            let ends = cuts.iter().copied().chain([length]);
            let pieces = starts
                .zip(ends)
                .map(|(start, end)| map_array!(&object, |array| array::slice_axis(*array, axis, Span::from(start, end.saturating_sub(start)))?));
            Object::tuple(pieces.collect::<Result<Vec<_>, Stop>>()?)
        }
        _ => return Ok(None),
    }))
}

/// Elements moved or repeated along an axis: each is a reading by a literal index.
fn moved<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>) -> Answer<'t> {
    let name = arguments.of.as_str();
    if !matches!(name, "roll" | "flip" | "fliplr" | "flipud" | "rev" | "repeat" | "tile" | "rot90") {
        return Ok(None);
    }
    let tape = interpreter.tape;
    let object = array::array_of(tape, arguments.at(0)?)?;
    let from = array::shape(&object)?;
    let rank = from.len();
    let flat = || reshaped(&object, &[from.iter().product()]);
    Ok(Some(match name {
        "roll" => {
            let shifts = arguments.required(1, "shift")?.integers()?;
            match arguments.optional(2, "axis") {
                None => {
                    let rolled = roll(&flat()?, shifts.iter().sum(), 0)?;
                    reshaped(&rolled, &from)?
                }
                Some(axes) => {
                    let axes = axes.integers()?;
                    let mut result = object;
                    for (k, &axis) in axes.iter().enumerate() {
                        result = roll(&result, shifts[k.min(shifts.len() - 1)], axis_of(axis, rank)?)?;
                    }
                    result
                }
            }
        }
        "flip" | "rev" => {
            let axes = match arguments.optional(1, "axis").or(arguments.named("dimensions")) {
                None => (0..rank).collect(),
                Some(axes) => axes.integers()?.into_iter().map(|axis| axis_of(axis, rank)).collect::<Result<Vec<_>, _>>()?,
            };
            flipped(&object, &axes)?
        }
        "fliplr" => flipped(&object, &[1])?,
        "flipud" => flipped(&object, &[0])?,
        "rot90" => {
            let mut result = object;
            for _ in 0..arguments.integer(1, "k", 1)?.rem_euclid(4) {
                result = flipped(&swapped(&result, 0, 1)?, &[0])?;
            }
            result
        }
        "repeat" => {
            let (object, axis) = match arguments.optional(2, "axis") {
                None => (flat()?, 0),
                Some(axis) => (object.clone(), axis_of(axis.integer()?, rank)?),
            };
            let length = array::shape(&object)?[axis];
            let times = arguments.required(1, "repeats")?.shape_argument()?;
            let places: Vec<i64> = (0..length).flat_map(|k| std::iter::repeat_n(k as i64, times[k.min(times.len() - 1)])).collect();
            picked(&object, axis, places)?
        }
        _ => {
            let mut times = arguments.required(1, "reps")?.shape_argument()?;
            let mut shape = from.clone();
            while shape.len() < times.len() {
                shape.insert(0, 1);
            }
            while times.len() < shape.len() {
                times.insert(0, 1);
            }
            let mut result = reshaped(&object, &shape)?;
            for (axis, &times) in times.iter().enumerate() {
                result = array::concatenate(tape, &vec![result; times], axis)?;
            }
            result
        }
    }))
}

fn roll<'t>(object: &Object<'t>, shift: i64, axis: usize) -> Result<Object<'t>, Stop> {
    let length = array::shape(object)?[axis] as i64;
    picked(object, axis, (0..length).map(|k| (k - shift).rem_euclid(length)).collect())
}

fn flipped<'t>(object: &Object<'t>, axes: &[usize]) -> Result<Object<'t>, Stop> {
    let spans: Vec<Span> = array::shape(object)?
        .into_iter()
        .enumerate()
        .map(|(axis, length)| if axes.contains(&axis) { index::span(&[None, None, Some(-1)], length) } else { Ok(Span::from(0, length)) })
        .collect::<Result<_, _>>()?;
    map_array!(object, |array| array::slice(*array, &spans))
}

/// The elements at literal places along an axis.
pub(crate) fn picked<'t>(object: &Object<'t>, axis: usize, places: Vec<i64>) -> Result<Object<'t>, Stop> {
    map_array!(object, |array| array::rows(*array, axis, array::constant(array.tape(), ndarray::Array1::from(places).into_dyn())))
}
