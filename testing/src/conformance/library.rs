//! The functions that the cases call, composed from Damo's ops; each file below holds one family.

mod activation;
mod create;
mod einsum;
mod elementwise;
mod gather;
mod linear;
mod pad;
mod reduce;
mod shape;
mod sliding;

use damo::{DType, Tensor};

use super::arguments::Arguments;
use super::arithmetic;
use super::array;
use super::index;
use super::interpret::Interpreter;
use super::object::Object;
use super::stop::{Stop, malformed, unsupported};

pub(crate) use linear::matrix_product;

/// What each family answers: the result, or nothing if it does not have the function.
type Answer<'t> = Result<Option<Object<'t>>, Stop>;

/// What a name of the library stands for.
pub(crate) fn name<'t>(name: &str) -> Object<'t> {
    match name {
        "pi" => Object::Number(std::f64::consts::PI),
        "e" => Object::Number(std::f64::consts::E),
        "euler_gamma" => Object::Number(0.577_215_664_901_532_9),
        "inf" => Object::Number(f64::INFINITY),
        "nan" => Object::Number(f64::NAN),
        "newaxis" => Object::None,
        "lax" | "jnp" | "np" | "jax" | "nn" | "linalg" | "scipy" | "special" | "ops" | "numpy" => Object::Module,
        function => Object::Library(function.into()),
    }
}

/// `object.name`
pub(crate) fn attribute<'t>(object: &Object<'t>, attribute: &str) -> Result<Object<'t>, Stop> {
    if let Object::Module = object {
        return Ok(name(attribute));
    }
    let shape = || array::shape(object);
    Ok(match attribute {
        "at" => Object::At(object.clone().into()),
        "shape" => Object::lengths(&shape()?),
        "ndim" => Object::Integer(shape()?.len() as i64),
        "size" => Object::Integer(shape()?.iter().product::<usize>() as i64),
        "dtype" => Object::Library(dtype_name(object)?.into()),
        "T" => {
            let order: Vec<usize> = (0..shape()?.len()).rev().collect();
            shape::permuted(object, &order)?
        }
        "mT" => shape::swapped(object, -1, -2)?,
        method => Object::Method(object.clone().into(), method.into()),
    })
}

fn dtype_name(object: &Object<'_>) -> Result<&'static str, Stop> {
    Ok(match object {
        Object::Real(_) | Object::Number(_) => DType::F64.name(),
        Object::Whole(_) | Object::Integer(_) => DType::I64.name(),
        Object::Mask(_) | Object::Bool(_) => DType::Bool.name(),
        other => return Err(malformed(format!("the dtype of {}", other.kind()))),
    })
}

/// Calls a function of the library.
pub(crate) fn call<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>) -> Result<Object<'t>, Stop> {
    let families = [
        elementwise::call,
        activation::call,
        reduce::call,
        shape::call,
        pad::call,
        create::call,
        linear::call,
        gather::call,
        einsum::call,
        sliding::call,
        python,
    ];
    for family in families {
        if let Some(result) = family(interpreter, arguments)? {
            return Ok(result);
        }
    }
    Err(unsupported(arguments.of.as_str()))
}

/// Calls `object.method(arguments)`.
pub(crate) fn call_method<'t>(interpreter: &Interpreter<'t>, object: &Object<'t>, arguments: &Arguments<'t>) -> Result<Object<'t>, Stop> {
    let method = arguments.of.as_str();
    if let Object::Place(array, place) = object {
        return index::write(interpreter, array, place, method, arguments.places.first());
    }
    let mut places = vec![object.clone()];
    match method {
        // `x.reshape(2, 3)` is `reshape(x, (2, 3))`.
        "reshape" | "transpose" | "broadcast_to" | "permute" if arguments.places.len() > 1 => {
            places.push(Object::tuple(arguments.places.iter().cloned()));
        }
        "reshape" | "transpose" if matches!(arguments.places[..], [Object::Integer(_)]) => {
            places.push(Object::tuple(arguments.places.iter().cloned()));
        }
        "dot" | "sum" | "mean" | "max" | "min" | "prod" | "std" | "var" | "all" | "any" | "argmax" | "argmin" | "ravel" | "flatten" | "squeeze"
        | "swapaxes" | "reshape" | "transpose" | "cumsum" | "cumprod" | "clip" | "trace" | "diagonal" | "repeat" | "take" | "round" | "astype"
        | "copy" | "ptp" | "conj" | "item" => places.extend(arguments.places.iter().cloned()),
        other => return Err(unsupported(format!(".{other}"))),
    }
    call(interpreter, &Arguments { of: method.to_owned(), places, names: arguments.names.clone() })
}

/// The functions of Python itself.
fn python<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>) -> Answer<'t> {
    Ok(Some(match arguments.of.as_str() {
        "len" => {
            let rows = array::shape(arguments.at(0)?)?;
            Object::Integer(*rows.first().ok_or_else(|| malformed("the length of a scalar"))? as i64)
        }
        "range" => {
            let bounds = arguments.places.iter().map(Object::integer).collect::<Result<Vec<_>, _>>()?;
            let (from, to, step) = match bounds[..] {
                [to] => (0, to, 1),
                [from, to] => (from, to, 1),
                [from, to, step] if step != 0 => (from, to, step),
                _ => return Err(malformed("a range")),
            };
            let count = if step > 0 { (to - from + step - 1).div_euclid(step) } else { (from - to - step - 1).div_euclid(-step) };
            Object::tuple((0..count.max(0)).map(|k| Object::Integer(from + k * step)))
        }
        "zip" => {
            let columns = arguments.places.iter().map(|column| interpreter.elements(column)).collect::<Result<Vec<_>, _>>()?;
            let shortest = columns.iter().map(Vec::len).min().unwrap_or(0);
            Object::tuple((0..shortest).map(|row| Object::tuple(columns.iter().map(|column| column[row].clone()))))
        }
        "enumerate" => {
            let items = interpreter.elements(arguments.at(0)?)?;
            Object::tuple(items.into_iter().enumerate().map(|(k, item)| Object::tuple([Object::Integer(k as i64), item])))
        }
        "tuple" => Object::tuple(interpreter.elements(arguments.at(0)?)?),
        "list" => Object::List(interpreter.elements(arguments.at(0)?)?.into()),
        "reversed" => Object::tuple(interpreter.elements(arguments.at(0)?)?.into_iter().rev()),
        "float" | "float64" => match arguments.at(0)? {
            array if array.is_array() => Object::Real(arithmetic::reals(interpreter.tape, array)?),
            number => Object::Number(number.number()?),
        },
        "int" if !arguments.at(0)?.is_array() => Object::Integer(arguments.at(0)?.number()? as i64),
        "astype" => cast(interpreter, arguments)?,
        _ => return Ok(None),
    }))
}

/// `x.astype(dtype)`
fn cast<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>) -> Result<Object<'t>, Stop> {
    let tape = interpreter.tape;
    let (array, to) = (arguments.at(0)?, arguments.required(1, "dtype")?);
    let to = if let Object::Library(name) = to { name } else { to.text()? };
    Ok(match to {
        "float" | "float64" | "f64" => Object::Real(arithmetic::reals(tape, array)?),
        "int" | "int64" | "i64" => Object::Whole(match array {
            Object::Real(tensor) => tensor.cast::<i64>(),
            other => arithmetic::wholes(tape, other)?,
        }),
        "bool" => Object::Mask(arithmetic::masks(tape, array)?),
        other => return Err(unsupported(format!("astype({other})"))),
    })
}

/// The argument at a place or of a name, as floats.
fn real<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>, place: usize, name: &str) -> Result<Tensor<'t, f64>, Stop> {
    arithmetic::reals(interpreter.tape, arguments.required(place, name)?)
}
