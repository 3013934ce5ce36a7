//! Options on the command line of an example: `--name value`.

use std::fmt::Display;
use std::str::FromStr;

use anyhow::{Context, Result, bail};

/// The options that were given.
pub struct Options(Vec<(String, String)>);

impl Options {
    /// Reads them; only these names are known.
    pub fn read(known: &[&str]) -> Result<Self> {
        let mut arguments = std::env::args().skip(1);
        let mut given = Vec::new();
        while let Some(argument) = arguments.next() {
            match argument.strip_prefix("--") {
                Some(name) if known.contains(&name) => {
                    given.push((name.to_owned(), arguments.next().with_context(|| format!("`{argument}` needs a value"))?));
                }
                _ => bail!("unknown option `{argument}`; the options are --{}", known.join(", --")),
            }
        }
        Ok(Options(given))
    }

    /// The value of an option, or the default if it was not given.
    pub fn get<T: FromStr<Err: Display>>(&self, name: &str, default: T) -> Result<T> {
        match self.0.iter().rev().find(|(given, _)| given == name) {
            Some((_, text)) => text.parse().map_err(|error| anyhow::anyhow!("`--{name} {text}` cannot be used: {error}")),
            None => Ok(default),
        }
    }
}
