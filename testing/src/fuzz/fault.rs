//! What fuzzing may find.

use std::fmt;

/// What kind of thing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Something panicked.
    Panic,
    /// A graph that was read, or that passes made, does not keep its promises.
    Invalid,
    /// A graph written and read back is another one.
    Misread,
    /// An engine gives something else than the meaning of the ops.
    Engine,
    /// The optimised graph gives something else than the one as written.
    Rewrite,
    /// One engine fails where another does not.
    Refusal,
}

impl Kind {
    /// Its name, as files are named by.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Panic => "panic",
            Kind::Invalid => "invalid",
            Kind::Misread => "misread",
            Kind::Engine => "engine",
            Kind::Rewrite => "rewrite",
            Kind::Refusal => "refusal",
        }
    }
}

/// Something that fuzzing found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What kind of thing is wrong.
    pub kind: Kind,
    /// Where: what a smaller case must have in common with this one to be about the same thing.
    pub place: String,
    /// What was found.
    pub message: String,
}

impl Fault {
    pub(super) fn new(kind: Kind, place: impl Into<String>, message: impl Into<String>) -> Self {
        Fault { kind, place: place.into(), message: message.into() }
    }

    /// Whether another is probably about the same thing.
    pub fn is_like(&self, other: &Fault) -> bool {
        (self.kind, &self.place) == (other.kind, &other.place)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}: {}", self.kind.name(), self.place, self.message)
    }
}

impl std::error::Error for Fault {}
