//! Why the text of a case could not be traced to its end.

use std::fmt;

/// Why tracing a text stopped.
#[derive(Debug)]
pub enum Stop {
    /// The interpreter or Damo does not have this yet; the case counts as not covered.
    Unsupported(String),
    /// The text is not in the language, or uses it wrongly.
    Malformed(String),
    /// Damo refused or failed.
    Failed(damo::Error),
}

/// Something this interpreter or Damo does not have yet.
pub(crate) fn unsupported(what: impl Into<String>) -> Stop {
    Stop::Unsupported(what.into())
}

/// A text that is not in the language.
pub(crate) fn malformed(what: impl Into<String>) -> Stop {
    Stop::Malformed(what.into())
}

impl From<damo::Error> for Stop {
    fn from(error: damo::Error) -> Self {
        Stop::Failed(error)
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Unsupported(what) => write!(f, "unsupported: {what}"),
            Stop::Malformed(what) => write!(f, "malformed: {what}"),
            Stop::Failed(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for Stop {}
