//! What a name stands for while a text is traced: a Python number, a tensor on the tape, a sequence, a function.

use std::collections::BTreeMap;
use std::rc::Rc;

use damo::Tensor;

use super::stop::{Stop, malformed, unsupported};
use super::syntax::Function;

/// A value of the language. Shapes are all known, so indices and lengths are plain numbers.
#[derive(Clone)]
pub(crate) enum Object<'t> {
    /// `None`
    None,
    /// `...`
    Ellipsis,
    /// A truth value of Python's.
    Bool(bool),
    /// A whole number of Python's.
    Integer(i64),
    /// A float of Python's.
    Number(f64),
    /// A string.
    Text(Rc<str>),
    /// A tuple.
    Tuple(Rc<[Object<'t>]>),
    /// A list.
    List(Rc<[Object<'t>]>),
    /// A dictionary.
    Dict(Rc<[(Object<'t>, Object<'t>)]>),
    /// `start:stop:step`
    Slice([Option<i64>; 3]),
    /// A float64 array.
    Real(Tensor<'t, f64>),
    /// An int64 array.
    Whole(Tensor<'t, i64>),
    /// A bool array.
    Mask(Tensor<'t, bool>),
    /// A function of the library, by name.
    Library(Rc<str>),
    /// A module of the library, such as `lax`: all share one set of names.
    Module,
    /// `array.name`, waiting to be called.
    Method(Rc<Object<'t>>, Rc<str>),
    /// `array.at`
    At(Rc<Object<'t>>),
    /// `array.at[index]`
    Place(Rc<Object<'t>>, Rc<Object<'t>>),
    /// A function of the text.
    Closure(Rc<Closure<'t>>),
}

/// A function of the text with the names it saw where it was written.
pub(crate) struct Closure<'t> {
    pub(crate) function: Rc<Function>,
    pub(crate) scope: BTreeMap<String, Object<'t>>,
}

impl<'t> Object<'t> {
    pub(crate) fn tuple(items: impl IntoIterator<Item = Object<'t>>) -> Self {
        Object::Tuple(items.into_iter().collect())
    }

    /// A shape as a tuple.
    pub(crate) fn lengths(shape: &[usize]) -> Self {
        Object::tuple(shape.iter().map(|&length| Object::Integer(length as i64)))
    }

    /// Its kind, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Object::None => "None",
            Object::Ellipsis => "...",
            Object::Bool(_) => "a bool",
            Object::Integer(_) => "an integer",
            Object::Number(_) => "a number",
            Object::Text(_) => "a string",
            Object::Tuple(_) => "a tuple",
            Object::List(_) => "a list",
            Object::Dict(_) => "a dictionary",
            Object::Slice(_) => "a slice",
            Object::Real(_) => "a float array",
            Object::Whole(_) => "an integer array",
            Object::Mask(_) => "a bool array",
            Object::Library(_) | Object::Method(..) | Object::Closure(_) => "a function",
            Object::Module => "a module",
            Object::At(_) | Object::Place(..) => "a place in an array",
        }
    }

    /// Whether it is an array on the tape.
    pub(crate) fn is_array(&self) -> bool {
        matches!(self, Object::Real(_) | Object::Whole(_) | Object::Mask(_))
    }

    /// The items of a tuple or list.
    pub(crate) fn items(&self) -> Result<&[Object<'t>], Stop> {
        match self {
            Object::Tuple(items) | Object::List(items) => Ok(items),
            other => Err(malformed(format!("a sequence expected, found {}", other.kind()))),
        }
    }

    /// A whole number of Python's.
    pub(crate) fn integer(&self) -> Result<i64, Stop> {
        match self {
            Object::Integer(value) => Ok(*value),
            Object::Bool(value) => Ok(i64::from(*value)),
            Object::Whole(_) => Err(unsupported("an integer array where the tracer needs a number")),
            other => Err(malformed(format!("an integer expected, found {}", other.kind()))),
        }
    }

    /// A number of Python's.
    pub(crate) fn number(&self) -> Result<f64, Stop> {
        match self {
            Object::Number(value) => Ok(*value),
            other => other.integer().map(|value| value as f64),
        }
    }

    /// A truth value of Python's.
    pub(crate) fn truth(&self) -> Result<bool, Stop> {
        match self {
            Object::Bool(value) => Ok(*value),
            Object::Integer(value) => Ok(*value != 0),
            Object::None => Ok(false),
            other => Err(unsupported(format!("{} as a condition", other.kind()))),
        }
    }

    /// A string.
    pub(crate) fn text(&self) -> Result<&str, Stop> {
        if let Object::Text(text) = self { Ok(text) } else { Err(malformed(format!("a string expected, found {}", self.kind()))) }
    }

    /// A whole number, or several: a shape or a list of axes.
    pub(crate) fn integers(&self) -> Result<Vec<i64>, Stop> {
        match self {
            Object::Tuple(items) | Object::List(items) => items.iter().map(Object::integer).collect(),
            single => Ok(vec![single.integer()?]),
        }
    }

    /// A shape.
    pub(crate) fn shape_argument(&self) -> Result<Vec<usize>, Stop> {
        self.integers()?.into_iter().map(|length| usize::try_from(length).map_err(|_| malformed("a negative length"))).collect()
    }
}

/// An axis counted from the front, where a negative one counts from the back.
pub(crate) fn axis_of(axis: i64, rank: usize) -> Result<usize, Stop> {
    let counted = if axis < 0 { axis + rank as i64 } else { axis };
    usize::try_from(counted).ok().filter(|&axis| axis < rank).ok_or_else(|| malformed(format!("axis {axis} of {rank}")))
}
