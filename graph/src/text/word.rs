//! Words in a graph's text: names of files, rules and functions, in quotes where they would be misread.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::expression::unquote;

/// A name as it stands in a text.
pub(super) struct Word<'a>(pub &'a str);

fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || "_./\\-+@$".contains(c)
}

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.is_empty() && self.0.chars().all(is_plain) { f.write_str(self.0) } else { write!(f, "{:?}", self.0) }
    }
}

/// The name at the beginning of a text, and the text after it.
pub(super) fn read_word(text: &str) -> Option<(String, &str)> {
    if !text.starts_with('"') {
        let end = text.find(|c| !is_plain(c)).unwrap_or(text.len());
        return (end > 0).then(|| (text[..end].to_owned(), &text[end..]));
    }
    let mut escaped = false;
    for (place, c) in text.char_indices().skip(1) {
        match (c, escaped) {
            ('"', false) => return Some((unquote(&text[..=place])?, &text[place + 1..])),
            ('\\', false) => escaped = true,
            _ => escaped = false,
        }
    }
    None
}

static WORDS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// The same word, kept for the life of the process: names in provenance are plain copyable words, and a text has few different ones.
pub(super) fn keep(word: &str) -> &'static str {
    let mut words = WORDS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = words.get(word) {
        return known;
    }
    let kept: &'static str = Box::leak(word.to_owned().into_boxed_str());
    words.insert(kept);
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn words_read_back(word in any::<String>()) {
            let text = format!("{}, rest", Word(&word));
            prop_assert_eq!(read_word(&text), Some((word, ", rest")));
        }
    }

    #[test]
    fn a_word_is_kept_once() {
        assert!(std::ptr::eq(keep("a word"), keep(&String::from("a word"))));
    }
}
