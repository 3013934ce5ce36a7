//! Arrays from nothing: zeros, ranges, the identity, masks of triangles, one-hot rows.

use damo::op::scalar;
use ndarray::Array1;

use super::Answer;
use crate::conformance::arguments::Arguments;
use crate::conformance::arithmetic::{self, reals};
use crate::conformance::array::{self, map_array};
use crate::conformance::interpret::Interpreter;
use crate::conformance::object::Object;
use crate::conformance::stop::{Stop, malformed, unsupported};

pub(crate) fn call<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>) -> Answer<'t> {
    let tape = interpreter.tape;
    Ok(Some(match arguments.of.as_str() {
        "zeros" | "empty" => Object::Real(array::full(tape, 0.0, &arguments.required(0, "shape")?.shape_argument()?)),
        "ones" => Object::Real(array::full(tape, 1.0, &arguments.required(0, "shape")?.shape_argument()?)),
        "full" => {
            let (shape, value) = (arguments.required(0, "shape")?.shape_argument()?, array::array_of(tape, arguments.required(1, "fill_value")?)?);
            map_array!(value, |value| array::broadcast(value, &shape))?
        }
        "zeros_like" | "ones_like" | "empty_like" | "full_like" => {
            let shape = array::shape(arguments.at(0)?)?;
            match (arguments.of.as_str(), arguments.at(0)?) {
                ("full_like", _) => Object::Real(array::broadcast(reals(tape, arguments.at(1)?)?, &shape)),
                (name, Object::Whole(_)) => Object::Whole(array::full(tape, i64::from(name == "ones_like"), &shape)),
                (name, _) => Object::Real(array::full(tape, if name == "ones_like" { 1.0 } else { 0.0 }, &shape)),
            }
        }
        "array" | "asarray" => array::array_of(tape, arguments.at(0)?)?,
        "arange" => arange(interpreter, arguments)?,
        "linspace" => {
            let (from, to) = (arguments.at(0)?.number()?, arguments.at(1)?.number()?);
            let count = arguments.integer(2, "num", 50)?;
            let ends = arguments.named("endpoint").map_or(Ok(true), Object::truth)?;
            let steps = if ends { count - 1 } else { count };
            let points = (0..count).map(|k| if ends && k == steps && k > 0 { to } else { from + (to - from) * (k as f64 / steps.max(1) as f64) });
            Object::Real(array::constant(tape, points.collect::<Array1<f64>>().into_dyn()))
        }
        "eye" | "identity" => {
            let rows = arguments.at(0)?.integer()?;
            let columns = arguments.integer(1, "M", rows)?;
            let offset = arguments.integer(2, "k", 0)?;
            Object::Real(band(interpreter, rows, columns, |row, column| column - row == offset))
        }
        "tri" => {
            let rows = arguments.at(0)?.integer()?;
            let columns = arguments.integer(1, "M", rows)?;
            let offset = arguments.integer(2, "k", 0)?;
            Object::Real(band(interpreter, rows, columns, |row, column| column - row <= offset))
        }
        "tril" | "triu" => {
            let object = arguments.at(0)?;
            let shape = array::shape(object)?;
            let [.., rows, columns] = shape[..] else { return Err(malformed("a triangle of no matrix")) };
            let offset = arguments.integer(1, "k", 0)?;
            let is_lower = arguments.of == "tril";
            let mask =
                band(interpreter, rows as i64, columns as i64, |row, column| if is_lower { column - row <= offset } else { column - row >= offset });
            let x = reals(tape, object)?;
            Object::Real(array::select(mask.cast::<bool>(), x, array::full(tape, 0.0, &[])))
        }
        "meshgrid" => {
            let columns = arguments.places.iter().map(|axis| reals(tape, axis)).collect::<Result<Vec<_>, _>>()?;
            let is_matrix = arguments.named("indexing").map_or(Ok("xy"), Object::text)? == "ij";
            let lengths = columns.iter().map(|column| array::lengths_of(*column).map(|l| l.iter().product())).collect::<Result<Vec<usize>, _>>()?;
            let axis = |k: usize| if is_matrix || columns.len() < 2 || k > 1 { k } else { 1 - k };
            let mut to = vec![1; lengths.len()];
            lengths.iter().enumerate().for_each(|(k, &length)| to[axis(k)] = length);
            Object::tuple(columns.iter().enumerate().map(|(k, column)| {
                let mut aligned = vec![1; to.len()];
                aligned[axis(k)] = lengths[k];
                Object::Real(array::broadcast(array::reshape(*column, &aligned), &to))
            }))
        }
        "one_hot" => {
            let index = arithmetic::wholes(tape, arguments.at(0)?)?;
            let classes = arguments.required(1, "num_classes")?.integer()?;
            let mut shape = array::lengths_of(index)?;
            shape.push(1);
            let is_class = array::ask(&scalar::EQUAL, [array::reshape(index, &shape), array::iota(tape, classes as usize)]);
            Object::Real(is_class.cast::<f64>())
        }
        _ => return Ok(None),
    }))
}

/// Ones where a condition on row and column holds.
fn band<'t>(interpreter: &Interpreter<'t>, rows: i64, columns: i64, holds: impl Fn(i64, i64) -> bool) -> damo::Tensor<'t, f64> {
    let shape = ndarray::IxDyn(&[rows as usize, columns as usize]);
    let mask = ndarray::ArrayD::from_shape_fn(shape, |place| f64::from(u8::from(holds(place[0] as i64, place[1] as i64))));
    array::constant(interpreter.tape, mask)
}

fn arange<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>) -> Result<Object<'t>, Stop> {
    let (from, to, step) = match &arguments.places[..] {
        [to] => (&Object::Integer(0), to, &Object::Integer(1)),
        [from, to] => (from, to, &Object::Integer(1)),
        [from, to, step] => (from, to, step),
        _ => return Err(malformed("arange")),
    };
    if let (Ok(from), Ok(to), Ok(step)) = (from.integer(), to.integer(), step.integer()) {
        if step == 0 {
            return Err(malformed("arange with step 0"));
        }
        let count = ((to - from) as f64 / step as f64).ceil().max(0.0) as i64;
        return Ok(Object::Whole(array::constant(interpreter.tape, (0..count).map(|k| from + k * step).collect::<Array1<i64>>().into_dyn())));
    }
    let (from, to, step) = (from.number()?, to.number()?, step.number()?);
    let count = ((to - from) / step).ceil();
    if !count.is_finite() {
        return Err(unsupported("an endless arange"));
    }
    Ok(Object::Real(array::constant(
        interpreter.tape,
        (0..count.max(0.0) as i64).map(|k| from + k as f64 * step).collect::<Array1<f64>>().into_dyn(),
    )))
}
