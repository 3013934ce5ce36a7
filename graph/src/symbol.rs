//! Names of lengths that are not known until a call.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// The name of an unknown length, such as `n` in `f32[n, 784]`.
///
/// Two symbols with the same name are the same length. Names are kept for the life of the process (there are as many as the
/// program's text has), which makes a symbol a plain copyable word.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Symbol(&'static str);

static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

impl Symbol {
    /// The symbol of that name. Characters that are not letters, digits, `_` or `.` become `_`, so that it can be printed and parsed.
    pub fn new(name: &str) -> Symbol {
        let mut clean: String = name.chars().map(|c| if c.is_alphanumeric() || c == '_' || c == '.' { c } else { '_' }).collect();
        if !clean.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            clean.insert(0, '_');
        }
        let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = names.get(clean.as_str()) {
            return Symbol(known);
        }
        let kept: &'static str = Box::leak(clean.into_boxed_str());
        names.insert(kept);
        Symbol(kept)
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}
