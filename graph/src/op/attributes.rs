//! The parameters of an op as text, for printing, parsing and pictures.

use std::fmt;
use std::fmt::Display;

use crate::dim::Dim;
use crate::dtype::DType;
use crate::error::{ErrorKind, Problem};
use crate::text::expression::{self, parse_dim};
use crate::types::Dims;

/// Named parameters in a fixed order, printed as `{axis=0, to=[n, 3]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes(Vec<(String, String)>);

impl Attributes {
    /// No parameters.
    pub fn none() -> Self {
        Attributes::default()
    }

    /// Adds a parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Display) -> Self {
        self.0.push((name.to_owned(), value.to_string()));
        self
    }

    /// Adds a list of numbers, lengths or the like.
    #[must_use]
    pub fn with_list<T: Display>(self, name: &str, values: impl IntoIterator<Item = T>) -> Self {
        let values: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
        self.with(name, format_args!("[{}]", values.join(", ")))
    }

    /// Adds a string in quotes.
    #[must_use]
    pub fn with_text(self, name: &str, value: &str) -> Self {
        self.with(name, format_args!("{value:?}"))
    }

    /// The parameters in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Reads what [`Display`] prints, without the braces.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        expression::split_list(text)
            .into_iter()
            .map(|part| {
                let (name, value) = part.split_once('=').ok_or_else(|| malformed(format!("`{part}` is not `name=value`")))?;
                Ok((name.trim().to_owned(), value.trim().to_owned()))
            })
            .collect::<Result<_, _>>()
            .map(Attributes)
    }

    /// The text of a parameter.
    pub fn get(&self, name: &str) -> Result<&str, Problem> {
        self.iter().find(|(have, _)| *have == name).map(|(_, value)| value).ok_or_else(|| malformed(format!("the parameter `{name}` is missing")))
    }

    /// A parameter that is a length.
    pub fn dim(&self, name: &str) -> Result<Dim, Problem> {
        parse_dim(self.get(name)?)
    }

    /// A parameter that is a list of lengths.
    pub fn dims(&self, name: &str) -> Result<Dims, Problem> {
        self.list(name)?.into_iter().map(parse_dim).collect::<Result<Vec<_>, _>>().map(|dims| dims.into_iter().collect())
    }

    /// A parameter that is a plain number.
    pub fn integer(&self, name: &str) -> Result<i64, Problem> {
        let value = self.get(name)?;
        value.parse().map_err(|_| malformed(format!("`{name}={value}` is not a whole number")))
    }

    /// A parameter that is an axis.
    pub fn axis(&self, name: &str) -> Result<usize, Problem> {
        let value = self.get(name)?;
        value.parse().map_err(|_| malformed(format!("`{name}={value}` is not an axis")))
    }

    /// A parameter that is a list of axes.
    pub fn axes(&self, name: &str) -> Result<Vec<usize>, Problem> {
        self.list(name)?.into_iter().map(|axis| axis.parse().map_err(|_| malformed(format!("`{axis}` in `{name}` is not an axis")))).collect()
    }

    /// A parameter that is a dtype.
    pub fn dtype(&self, name: &str) -> Result<DType, Problem> {
        let value = self.get(name)?;
        DType::parse(value).ok_or_else(|| malformed(format!("`{name}={value}` is not a dtype")))
    }

    /// A parameter that is a string in quotes.
    pub fn text(&self, name: &str) -> Result<String, Problem> {
        let value = self.get(name)?;
        expression::unquote(value).ok_or_else(|| malformed(format!("`{name}={value}` is not a string in quotes")))
    }

    /// The parts of a parameter that is a list.
    pub fn list(&self, name: &str) -> Result<Vec<&str>, Problem> {
        let value = self.get(name)?;
        let inside = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        inside.map(expression::split_list).ok_or_else(|| malformed(format!("`{name}={value}` is not a list in brackets")))
    }
}

/// Text that does not say what it should.
pub(crate) fn malformed(message: impl Into<String>) -> Problem {
    Problem::new(ErrorKind::Parse, message)
}

impl Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        let parts: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        write!(f, "{{{}}}", parts.join(", "))
    }
}
