//! What can go wrong, said once: what it is, where in the user's source, what was found, and what to do.

use std::fmt;

use crate::source::Source;

/// A result of Damo's.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of thing went wrong, to match on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Shapes do not fit each other in an op.
    Shapes,
    /// An axis, index or range that the array does not have.
    Axis,
    /// An op does not take elements of this type.
    DType,
    /// A tensor of another tape was used.
    ForeignTensor,
    /// A derivative was asked of something that is not a scalar, not a float, or has none.
    Gradient,
    /// The cost does not depend on a parameter.
    Disconnected,
    /// An input or state was declared or bound in a way that cannot work.
    Declaration,
    /// An array given to a call does not have the declared rank, lengths or element type.
    Argument,
    /// An update does not have the type of the state it replaces.
    Update,
    /// A flag or configuration value is wrong.
    Config,
    /// A text is not a graph.
    Parse,
    /// A graph breaks an invariant: a defect in a pass or an op.
    Verify,
    /// An op or engine failed while it ran.
    Execution,
    /// A file could not be read or written.
    Io,
    /// Debug mode found that something is wrong.
    Finding,
}

/// Something wrong with an op's operands, before it is known where in the program it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What kind of thing is wrong.
    pub kind: ErrorKind,
    /// What was expected and what was found.
    pub message: String,
    /// What to do about it.
    pub advice: Option<String>,
}

impl Problem {
    /// A problem of some kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Problem { kind, message: message.into(), advice: None }
    }

    /// Shapes that do not fit.
    pub fn shapes(message: impl Into<String>) -> Self {
        Problem::new(ErrorKind::Shapes, message)
    }

    /// An axis or index that is not there.
    pub fn axis(message: impl Into<String>) -> Self {
        Problem::new(ErrorKind::Axis, message)
    }

    /// An element type the op does not take.
    pub fn dtype(message: impl Into<String>) -> Self {
        Problem::new(ErrorKind::DType, message)
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// As an error, with a title.
    pub fn titled(self, title: impl Into<String>) -> Error {
        let error = Error::new(self.kind, title).explain(self.message);
        match self.advice {
            Some(advice) => error.advise(advice),
            None => error,
        }
    }
}

/// An operand of the op at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operand {
    /// Its name, or `left`, `right` …
    pub name: String,
    /// Its type as printed.
    pub ty: String,
    /// Where the user wrote it.
    pub source: Option<Source>,
    /// Whether it is a declared input or state, rather than a computed value.
    pub declared: bool,
}

/// An error, rendered like a compiler's: what, where, the operands, the reason, the advice.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Report>);

/// The parts of an [`Error`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What kind of thing went wrong.
    pub kind: ErrorKind,
    /// One line that says what.
    pub title: String,
    /// The user's line at fault.
    pub source: Option<Source>,
    /// The values involved.
    pub operands: Vec<Operand>,
    /// What was expected and what was found.
    pub explanation: Vec<String>,
    /// What to do.
    pub advice: Option<String>,
}

impl Error {
    /// An error with its one-line title.
    pub fn new(kind: ErrorKind, title: impl Into<String>) -> Self {
        Error(Box::new(Report { kind, title: title.into(), source: None, operands: Vec::new(), explanation: Vec::new(), advice: None }))
    }

    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The user's line at fault, if a line is.
    pub fn source_line(&self) -> Option<Source> {
        self.0.source
    }

    /// All its parts.
    pub fn report(&self) -> &Report {
        &self.0
    }

    /// Says where. A place already set stays.
    #[must_use]
    pub fn at(mut self, source: impl Into<Option<Source>>) -> Self {
        self.0.source = self.0.source.or(source.into());
        self
    }

    /// Names a value involved.
    #[must_use]
    pub fn operand(mut self, operand: Operand) -> Self {
        self.0.operands.push(operand);
        self
    }

    /// Adds a line on what was expected and found.
    #[must_use]
    pub fn explain(mut self, line: impl Into<String>) -> Self {
        self.0.explanation.push(line.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.0.advice = Some(advice.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { title, source, operands, explanation, advice, .. } = &*self.0;
        write!(f, "{title}")?;
        if let Some(source) = source {
            write!(f, "\n  --> {source}")?;
        }
        let width = |part: fn(&Operand) -> usize| operands.iter().map(part).max().unwrap_or(0);
        let (names, types) = (width(|o| o.name.chars().count() + 1), width(|o| o.ty.chars().count()));
        for Operand { name, ty, source, declared } in operands {
            write!(f, "\n   {:names$} {ty:types$}", format!("{name}:"))?;
            if let Some(source) = source {
                write!(f, "  {} at {}:{}", if *declared { "declared" } else { "computed" }, source.file, source.line)?;
            }
        }
        for line in explanation {
            write!(f, "\n   {line}")?;
        }
        if let Some(advice) = advice {
            write!(f, "\n   help: {advice}")?;
        }
        Ok(())
    }
}

/// The same as `Display`, so that `fn main() -> damo::Result<()>` prints it readably.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}
