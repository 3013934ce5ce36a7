//! Reading and writing by index arrays: `take`, `take_along_axis`, segments and dynamic slices.

use damo::op::reduce::Reduction;

use super::{Answer, real};
use crate::conformance::arguments::Arguments;
use crate::conformance::arithmetic::{reals, wholes};
use crate::conformance::array::{self, Span, map_array};
use crate::conformance::index;
use crate::conformance::interpret::Interpreter;
use crate::conformance::object::{Object, axis_of};
use crate::conformance::stop::{Stop, malformed};

pub(crate) fn call<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>) -> Answer<'t> {
    let tape = interpreter.tape;
    Ok(Some(match arguments.of.as_str() {
        "take" => {
            let object = array::array_of(tape, arguments.at(0)?)?;
            let index = wholes(tape, arguments.required(1, "indices")?)?;
            let shape = array::shape(&object)?;
            match arguments.optional(2, "axis") {
                None => map_array!(object, |array| array::rows(array::reshape(array, &[shape.iter().product()]), 0, index))?,
                Some(axis) => {
                    let axis = axis_of(axis.integer()?, shape.len())?;
                    map_array!(object, |array| array::rows(array, axis, index))?
                }
            }
        }
        "take_along_axis" => along_axis(interpreter, arguments)?,
        "segment_sum" | "segment_prod" | "segment_max" | "segment_min" => segments(interpreter, arguments)?,
        "bincount" => {
            let index = wholes(tape, arguments.at(0)?)?;
            let length =
                arguments.named("length").or(arguments.named("minlength")).ok_or_else(|| malformed("bincount without length"))?.integer()? as usize;
            let weights = match arguments.optional(1, "weights") {
                Some(weights) => reals(tape, weights)?,
                None => array::full(tape, 1.0, &array::lengths_of(index)?),
            };
            Object::Real(array::scatter_add(weights, 0, index, length))
        }
        "dynamic_slice" => {
            let object = arguments.at(0)?;
            let sizes = arguments.required(2, "slice_sizes")?.shape_argument()?;
            let spans = starts(&array::shape(object)?, &sizes, arguments.required(1, "start_indices")?)?;
            map_array!(object, |array| array::slice(*array, &spans))?
        }
        "dynamic_slice_in_dim" | "slice_in_dim" | "dynamic_index_in_dim" => {
            let object = arguments.at(0)?;
            let shape = array::shape(object)?;
            let start = arguments.at(1)?.integer()?;
            let is_index = arguments.of == "dynamic_index_in_dim";
            let axis = axis_of(arguments.integer(if is_index { 2 } else { 3 }, "axis", 0)?, shape.len())?;
            let size = match arguments.of.as_str() {
                "dynamic_index_in_dim" => 1,
                "slice_in_dim" => arguments.at(2)?.integer()? - start,
                _ => arguments.at(2)?.integer()?,
            };
            let start = start.clamp(0, shape[axis] as i64 - size) as usize;
            map_array!(object, |array| array::slice_axis(*array, axis, Span::from(start, size as usize))?)?
        }
        "dynamic_update_slice" => {
            let (object, update) = (arguments.at(0)?, real(interpreter, arguments, 1, "update")?);
            let (shape, sizes) = (array::shape(object)?, array::lengths_of(update)?);
            let spans = starts(&shape, &sizes, arguments.required(2, "start_indices")?)?;
            let inside = array::spread(array::full(tape, true, &sizes), &spans, &shape);
            Object::Real(array::select(inside, array::spread(update, &spans, &shape), reals(tape, object)?))
        }
        _ => return Ok(None),
    }))
}

/// Where a dynamic slice starts: moved so that it fits, as JAX does.
fn starts(shape: &[usize], sizes: &[usize], starts: &Object<'_>) -> Result<Vec<Span>, Stop> {
    let starts = starts.integers()?;
    if starts.len() != shape.len() || sizes.len() != shape.len() {
        return Err(malformed("a dynamic slice of another rank"));
    }
    shape
        .iter()
        .zip(sizes)
        .zip(starts)
        .map(|((&length, &size), start)| {
            let last = length.checked_sub(size).ok_or_else(|| malformed("a slice longer than its axis"))?;
            Ok(Span::from(start.clamp(0, last as i64) as usize, size))
        })
        .collect()
}

/// `take_along_axis(x, index, axis)`: one index per element of the result.
fn along_axis<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>) -> Result<Object<'t>, Stop> {
    let tape = interpreter.tape;
    let object = array::array_of(tape, arguments.at(0)?)?;
    let index = wholes(tape, arguments.required(1, "indices")?)?;
    let (shape, wanted) = (array::shape(&object)?, array::lengths_of(index)?);
    let axis = axis_of(arguments.integer(2, "axis", -1)?, shape.len())?;
    if wanted.len() != shape.len() {
        return Err(malformed("take_along_axis by an index of another rank"));
    }
    let places = (0..shape.len()).map(|k| {
        if k == axis {
            return Object::Whole(index);
        }
        let mut aligned = vec![1; shape.len()];
        aligned[k] = shape[k];
        Object::Whole(array::reshape(array::iota(tape, shape[k]), &aligned))
    });
    index::get(interpreter, &object, &Object::tuple(places))
}

/// `segment_sum(x, segments, count)` and its relatives.
fn segments<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>) -> Result<Object<'t>, Stop> {
    let rows = real(interpreter, arguments, 0, "data")?;
    let index = wholes(interpreter.tape, arguments.required(1, "segment_ids")?)?;
    let count = arguments.required(2, "num_segments")?.integer()? as usize;
    Ok(Object::Real(match arguments.of.as_str() {
        "segment_sum" => array::scatter_add(rows, 0, index, count),
        "segment_prod" => index::collected(Reduction::Product, rows, 1.0, index, count),
        "segment_max" => index::collected(Reduction::Max, rows, f64::NEG_INFINITY, index, count),
        _ => index::collected(Reduction::Min, rows, f64::INFINITY, index, count),
    }))
}
