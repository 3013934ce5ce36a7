//! Reads keys and values out of `damo.toml` and `DAMO_FLAGS`, and says where one was written that is wrong.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use damo_graph::{Error, ErrorKind, Result};
use toml::de::{DeTable, DeValue};

use super::setting::{Refusal, nearest};
use super::{Config, Key};

/// Where a key or value was written.
pub(crate) enum Origin<'a> {
    /// In a file: its path, its text, and the offset in the text.
    File(&'a str, &'a str, usize),
    /// In the variable.
    Flags,
}

impl fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flags => f.write_str("in `DAMO_FLAGS`"),
            Origin::File(path, text, offset) => {
                let before = text.get(..*offset).unwrap_or(text);
                let (line, column) = (before.matches('\n').count() + 1, before.chars().rev().take_while(|&c| c != '\n').count() + 1);
                write!(f, "at {path}:{line}:{column}")
            }
        }
    }
}

/// The path and text of the first of these files that exists.
pub(super) fn first_file(paths: impl IntoIterator<Item = PathBuf>) -> Result<Option<(String, String)>> {
    for path in paths {
        match std::fs::read_to_string(&path) {
            Ok(text) => return Ok(Some((path.display().to_string(), text))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                let title = format!("the configuration `{}` cannot be read", path.display());
                return Err(Error::new(ErrorKind::Io, title).explain(error.to_string()));
            }
        }
    }
    Ok(None)
}

/// Takes over what a TOML text says.
pub(super) fn read_file(path: &str, text: &str, config: &mut Config) -> Result<()> {
    let origin = |span: Range<usize>| Origin::File(path, text, span.start);
    let table = DeTable::parse(text).map_err(|error| {
        let title = format!("this is not TOML, {}", origin(error.span().unwrap_or_default()));
        Error::new(ErrorKind::Config, title).explain(error.message()).advise("write one `key = value` a line")
    })?;
    let mut entries: Vec<_> = table.get_ref().iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start); // the first mistake of the text is the one to report
    for (key, value) in entries {
        let name = key.get_ref();
        let written = match value.get_ref() {
            DeValue::String(string) => Ok(string.to_string()),
            DeValue::Integer(integer) if integer.radix() == 10 => Ok(integer.as_str().to_owned()),
            DeValue::Boolean(boolean) => Ok(boolean.to_string()),
            DeValue::Integer(_) => Err("a number to another base"),
            DeValue::Float(float) => Ok(float.as_str().to_owned()),
            DeValue::Datetime(_) => Err("a date"),
            DeValue::Array(_) => Err("an array"),
            DeValue::Table(_) => Err("a table"),
        };
        let written = written.map_err(|what| {
            Error::new(ErrorKind::Config, format!("`{name}` cannot be {what}, {}", origin(key.span())))
                .advise("write one `key = value` a line, with a name, a whole number, true or false")
        })?;
        // A wrong key is shown at the key, a wrong value at the value.
        let place = if super::KEYS.iter().any(|known| known.name == name) { value.span() } else { key.span() };
        config.set(name, &written, &origin(place))?;
    }
    Ok(())
}

/// Takes over what `key=value,key=value` says.
pub(super) fn read_flags(flags: &str, config: &mut Config) -> Result<()> {
    let mut seen = Vec::new();
    for flag in flags.split(',').map(str::trim).filter(|flag| !flag.is_empty()) {
        let Some((key, value)) = flag.split_once('=').map(|(key, value)| (key.trim(), value.trim())) else {
            let title = format!("`{flag}` has no value {}", Origin::Flags);
            return Err(Error::new(ErrorKind::Config, title).advise("write DAMO_FLAGS=\"key=value,key=value\""));
        };
        if seen.contains(&key) {
            return Err(Error::new(ErrorKind::Config, format!("`{key}` is given twice {}", Origin::Flags)).advise("keep one of them"));
        }
        seen.push(key);
        config.set(key, value, &Origin::Flags)?;
    }
    Ok(())
}

/// The error for a key that is not there.
pub(super) fn unknown_key(key: &str, known: &[Key], origin: &Origin<'_>) -> Error {
    let names: Vec<_> = known.iter().map(|key| key.name).collect();
    let error = Error::new(ErrorKind::Config, format!("unknown key `{key}` {origin}")).explain(format!("the keys are {}", names.join(", ")));
    did_you_mean(error, nearest(key, names))
}

/// The error for a value that its key does not take.
pub(super) fn bad_value(key: &Key, value: &str, refusal: &Refusal, origin: &Origin<'_>) -> Error {
    let error = Error::new(ErrorKind::Config, format!("`{}` cannot be `{value}`, {origin}", key.name));
    let error = refusal.reason.into_iter().fold(error, Error::explain);
    did_you_mean(error.explain(format!("it takes {}", (key.values)())), refusal.nearest)
}

fn did_you_mean(error: Error, nearest: Option<&str>) -> Error {
    match nearest {
        Some(name) => error.advise(format!("did you mean `{name}`?")),
        None => error,
    }
}
