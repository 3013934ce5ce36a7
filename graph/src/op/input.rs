//! A value given from outside: an argument of a call, or the state of a `Shared`.

use smallvec::SmallVec;

use super::attributes::{Attributes, malformed};
use super::{Derivative, Primitive, Types, one};
use crate::any_array::AnyArray;
use crate::error::{Problem, Result};
use crate::lengths::Lengths;
use crate::sizes::Sizes;
use crate::types::Type;

/// Who gives an input's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InputKind {
    /// The caller, at each call.
    Argument,
    /// State that survives calls.
    Shared,
}

/// A value given from outside: `-> ty`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Input {
    /// The user's name for it.
    pub name: String,
    /// Its declared type.
    pub ty: Type,
    /// Who gives it.
    pub kind: InputKind,
    /// Its place among the graph's inputs: two inputs are never one node.
    pub place: usize,
}

impl Input {
    pub(crate) const NAME: &'static str = "input";

    pub(crate) fn parse(attributes: &Attributes) -> Result<Self, Problem> {
        let kind = match attributes.get("kind")? {
            "argument" => InputKind::Argument,
            "shared" => InputKind::Shared,
            other => return Err(malformed(format!("`{other}` is not a kind of input"))),
        };
        let ty = Type { dtype: attributes.dtype("dtype")?, dims: attributes.dims("dims")? };
        Ok(Input { name: attributes.text("name")?, ty, kind, place: attributes.axis("place")? })
    }
}

impl Primitive for Input {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn attributes(&self) -> Attributes {
        let kind = match self.kind {
            InputKind::Argument => "argument",
            InputKind::Shared => "shared",
        };
        Attributes::none()
            .with_text("name", &self.name)
            .with("kind", kind)
            .with("dtype", self.ty.dtype)
            .with("dims", &self.ty.dims)
            .with("place", self.place)
    }

    fn infer(&self, _: &[&Type], _: &mut Lengths) -> Result<Types, Problem> {
        match self.ty.dims.iter().find(|dim| dim.known().is_some_and(|length| length < 0)) {
            Some(negative) => Err(Problem::axis(format!("the length {negative} of `{}` is negative", self.name))),
            None => Ok(one(self.ty.clone())),
        }
    }

    fn evaluate(&self, _: &[&AnyArray], _: &Sizes) -> Result<SmallVec<[AnyArray; 1]>, Problem> {
        Err(Problem::shapes(format!("`{}` was not given a value", self.name)))
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Zero
    }
}
