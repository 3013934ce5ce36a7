//! Reading the small pieces of a graph's text: lengths, lists and strings in quotes.

use crate::dim::Dim;
use crate::error::Problem;
use crate::op::attributes::malformed;
use crate::symbol::Symbol;

/// How deep parentheses and quotients may nest: far more than any program needs, and far less than the stack holds.
const DEEPEST: usize = 64;

/// Reads a length as [`Dim`] prints it, and the like: whole numbers, symbols, `+ - *`, `floor(a, b)` and parentheses.
///
/// ```
/// use damo_graph::text::expression::parse_dim;
/// assert_eq!(parse_dim("floor(2*n + 1, 2) - (3)").unwrap().to_string(), "n - 3");
/// ```
pub fn parse_dim(text: &str) -> Result<Dim, Problem> {
    let mut reader = Reader { rest: text, depth: 0 };
    let parsed = reader.sum().filter(|_| reader.peek().is_none());
    parsed.ok_or_else(|| {
        let place = text.len() - reader.rest.len();
        malformed(format!("`{text}` is not a length: it goes wrong before `{}` (character {place})", reader.rest.trim()))
    })
}

/// Recursive descent over sums of products of factors; `None` where the text is not one.
struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    fn eat(&mut self, symbol: char) -> bool {
        let found = self.peek() == Some(symbol);
        if found {
            self.rest = &self.rest[symbol.len_utf8()..];
        }
        found
    }

    fn word(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn sum(&mut self) -> Option<Dim> {
        let negative = self.eat('-');
        let mut sum = self.product(negative)?;
        loop {
            let negative = match self.peek() {
                Some('+') => false,
                Some('-') => true,
                _ => return Some(sum),
            };
            self.rest = &self.rest[1..];
            sum = sum + self.product(negative)?;
        }
    }

    fn sum_before(&mut self, end: char) -> Option<Dim> {
        let sum = self.sum()?;
        self.eat(end).then_some(sum)
    }

    /// The sign goes to the first factor, because the smallest number has no positive counterpart.
    fn product(&mut self, negative: bool) -> Option<Dim> {
        let mut product = self.factor(negative)?;
        while self.eat('*') {
            product = product * self.factor(false)?;
        }
        Some(product)
    }

    fn factor(&mut self, negative: bool) -> Option<Dim> {
        let factor = match self.peek()? {
            c if c.is_ascii_digit() => {
                let size: i128 = self.word(|c| c.is_ascii_digit()).parse().ok()?;
                return i64::try_from(if negative { -size } else { size }).ok().map(Dim::from);
            }
            '-' if self.eat('-') => return self.nested(|reader| reader.factor(!negative)),
            '(' if self.eat('(') => self.nested(|reader| reader.sum_before(')'))?,
            c if c.is_alphabetic() || c == '_' => {
                let name = self.word(|c| c.is_alphanumeric() || c == '_' || c == '.');
                if name == "floor" && self.eat('(') {
                    self.nested(|reader| {
                        let top = reader.sum_before(',')?;
                        Some(top.floor_div(&reader.sum_before(')')?))
                    })?
                } else {
                    Dim::from(Symbol::new(name))
                }
            }
            _ => return None,
        };
        Some(if negative { -factor } else { factor })
    }

    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Option<Dim>) -> Option<Dim> {
        if self.depth == DEEPEST {
            return None;
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }
}

/// Splits a list at its top-level commas, outside of `()`, `[]`, `{}` and quotes; the parts are trimmed, and no text is no parts.
///
/// ```
/// use damo_graph::text::expression::split_list;
/// assert_eq!(split_list(r#"a, [1, 2], name="x, y""#), ["a", "[1, 2]", r#"name="x, y""#]);
/// ```
pub fn split_list(text: &str) -> Vec<&str> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(comma) = find_outside(rest, |_, c| c == ',') {
        parts.push(rest[..comma].trim());
        rest = &rest[comma + 1..];
    }
    parts.push(rest.trim());
    parts
}

/// Where the first character of a kind stands that is outside of brackets and quotes. The closing bracket counts as outside.
pub(crate) fn find_outside(text: &str, wanted: impl Fn(&str, char) -> bool) -> Option<usize> {
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    for (place, c) in text.char_indices() {
        if quoted {
            (quoted, escaped) = (escaped || c != '"', c == '\\' && !escaped);
            continue;
        }
        if matches!(c, ')' | ']' | '}') {
            depth = depth.saturating_sub(1);
        }
        if depth == 0 && wanted(&text[place..], c) {
            return Some(place);
        }
        match c {
            '(' | '[' | '{' => depth += 1,
            '"' => quoted = true,
            _ => {}
        }
    }
    None
}

/// The string behind what `{:?}` prints of it; `None` if the text is not a string in quotes.
///
/// ```
/// use damo_graph::text::expression::unquote;
/// assert_eq!(unquote(r#""a\n\u{7f}\"b""#).as_deref(), Some("a\n\u{7f}\"b"));
/// ```
pub fn unquote(text: &str) -> Option<String> {
    let inside = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut result = String::with_capacity(inside.len());
    let mut rest = inside.chars();
    while let Some(c) = rest.next() {
        result.push(match c {
            '"' => return None,
            '\\' => match rest.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                '0' => '\0',
                'u' => unicode(&mut rest)?,
                c @ ('\\' | '"' | '\'') => c,
                _ => return None,
            },
            c => c,
        });
    }
    Some(result)
}

/// The character after `\u`: hexadecimal digits in braces.
fn unicode(rest: &mut std::str::Chars<'_>) -> Option<char> {
    let (digits, after) = rest.as_str().strip_prefix('{')?.split_once('}')?;
    *rest = after.chars();
    char::from_u32(u32::from_str_radix(digits, 16).ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn dims() -> impl Strategy<Value = Dim> {
        let leaf = prop_oneof![
            "[a-z_][a-z0-9_.]{0,3}".prop_map(|name| Dim::from(Symbol::new(&name))),
            prop_oneof![-9..9i64, any::<i64>()].prop_map(Dim::from),
        ];
        leaf.prop_recursive(4, 24, 2, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(a, b)| a + b),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| a * b),
                (inner.clone(), inner).prop_map(|(a, b)| a.floor_div(&b)),
            ]
        })
    }

    proptest! {
        #[test]
        fn lengths_read_back(dim in dims()) {
            prop_assert_eq!(parse_dim(&dim.to_string()).map_err(|problem| problem.message), Ok(dim));
        }

        #[test]
        fn strings_read_back(text in any::<String>()) {
            prop_assert_eq!(unquote(&format!("{text:?}")), Some(text.clone()));
            let quoted = format!("{text:?}");
            let list = format!("{quoted}, [{quoted}, 1]");
            prop_assert_eq!(split_list(&list), [quoted.clone(), format!("[{quoted}, 1]")]);
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = (parse_dim(&text).is_ok(), split_list(&text).len(), unquote(&text).is_some());
        }
    }

    #[test]
    fn what_is_not_a_length_says_where() {
        for text in ["", "n +", "2n", "floor(n)", "(n", "n)", "n/2", "99999999999999999999", "n m"] {
            assert!(parse_dim(text).is_err(), "{text}");
        }
        assert!(parse_dim(&"(".repeat(100_000)).is_err());
        assert!(parse_dim(&"-".repeat(100_000)).is_err());
        assert!(parse_dim("n + ?").unwrap_err().message.contains("before `?`"));
    }

    #[test]
    fn lists_may_be_empty_or_have_empty_parts() {
        assert!(split_list("  ").is_empty());
        assert_eq!(split_list("a,,"), ["a", "", ""]);
    }
}
