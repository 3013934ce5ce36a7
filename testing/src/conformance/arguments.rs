//! The arguments of a call: by place or by name, with defaults.

use super::object::Object;
use super::stop::{Stop, malformed};

/// What a function was called with.
pub(crate) struct Arguments<'t> {
    /// The function's name, for messages.
    pub(crate) of: String,
    /// Arguments by place.
    pub(crate) places: Vec<Object<'t>>,
    /// Arguments by name.
    pub(crate) names: Vec<(String, Object<'t>)>,
}

impl<'t> Arguments<'t> {
    /// The argument at a place or of a name, if it was given and is not `None`.
    pub(crate) fn optional(&self, place: usize, name: &str) -> Option<&Object<'t>> {
        let given = self.places.get(place).or_else(|| self.names.iter().find(|(given, _)| given == name).map(|(_, value)| value));
        given.filter(|object| !matches!(object, Object::None))
    }

    /// The argument of a name, if it was given and is not `None`.
    pub(crate) fn named(&self, name: &str) -> Option<&Object<'t>> {
        self.optional(usize::MAX, name)
    }

    /// The argument at a place.
    pub(crate) fn at(&self, place: usize) -> Result<&Object<'t>, Stop> {
        self.places.get(place).ok_or_else(|| malformed(format!("`{}` has no argument {place}", self.of)))
    }

    /// The argument at a place or of a name.
    pub(crate) fn required(&self, place: usize, name: &str) -> Result<&Object<'t>, Stop> {
        self.optional(place, name).ok_or_else(|| malformed(format!("`{}` has no argument `{name}`", self.of)))
    }

    /// A number with a default.
    pub(crate) fn number(&self, place: usize, name: &str, default: f64) -> Result<f64, Stop> {
        self.optional(place, name).map_or(Ok(default), Object::number)
    }

    /// A whole number with a default.
    pub(crate) fn integer(&self, place: usize, name: &str, default: i64) -> Result<i64, Stop> {
        self.optional(place, name).map_or(Ok(default), Object::integer)
    }

    /// A truth value, by name only, that is false unless said.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Stop> {
        self.named(name).map_or(Ok(false), Object::truth)
    }
}
