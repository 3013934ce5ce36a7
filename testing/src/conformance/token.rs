//! Cutting the text of a case into tokens, with its lines and indents.

use super::stop::{Stop, malformed};

/// One token.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    /// A name or a keyword.
    Name(String),
    /// A whole number.
    Integer(i64),
    /// A number with a point or an exponent.
    Number(f64),
    /// A string, without its quotes.
    Text(String),
    /// An operator or a bracket.
    Mark(&'static str),
    /// The end of a statement.
    Newline,
    /// The lines that follow belong to the one before.
    Indent,
    /// They no longer do.
    Dedent,
    /// Nothing follows.
    End,
}

/// Longest first, so that `**=` is not `**` and `=`.
const MARKS: &[&str] = &[
    "...", "**", "//", "==", "!=", "<=", ">=", "->", "+=", "-=", "*=", "/=", "+", "-", "*", "/", "%", "@", "<", ">", "=", "(", ")", "[", "]", "{",
    "}", ",", ":", ".", ";", "&", "|", "^", "~",
];

/// The tokens of a text. Line ends inside brackets do not count; comments and empty lines are dropped.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, Stop> {
    let mut found = Vec::new();
    let mut indents = vec![0];
    let mut depth = 0usize;
    for line in text.lines() {
        let content = line.trim_start();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        if depth == 0 {
            indent(line.len() - content.len(), &mut indents, &mut found)?;
        }
        words(content, &mut depth, &mut found)?;
        if depth == 0 {
            found.push(Token::Newline);
        }
    }
    found.extend(indents.iter().skip(1).map(|_| Token::Dedent));
    found.push(Token::End);
    Ok(found)
}

fn indent(width: usize, indents: &mut Vec<usize>, found: &mut Vec<Token>) -> Result<(), Stop> {
    if indents.last().is_none_or(|&last| width > last) {
        indents.push(width);
        found.push(Token::Indent);
        return Ok(());
    }
    while indents.last().is_some_and(|&last| width < last) {
        indents.pop();
        found.push(Token::Dedent);
    }
    if indents.last() == Some(&width) { Ok(()) } else { Err(malformed("an indent that fits no line above")) }
}

fn words(line: &str, depth: &mut usize, found: &mut Vec<Token>) -> Result<(), Stop> {
    let mut rest = line.trim_end();
    while let Some(first) = rest.chars().next() {
        if first == '#' {
            break;
        }
        let taken = if first.is_whitespace() {
            first.len_utf8()
        } else if first.is_alphabetic() || first == '_' {
            let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            found.push(Token::Name(rest[..length].to_owned()));
            length
        } else if first.is_ascii_digit() || (first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
            let length = number_length(rest);
            found.push(number(&rest[..length])?);
            length
        } else if first == '\'' || first == '"' {
            let length = rest[1..].find(first).ok_or_else(|| malformed(format!("a string without an end: {rest}")))?;
            found.push(Token::Text(rest[1..=length].to_owned()));
            length + 2
        } else {
            let mark = MARKS.iter().find(|mark| rest.starts_with(**mark)).ok_or_else(|| malformed(format!("`{first}`")))?;
            match *mark {
                "(" | "[" | "{" => *depth += 1,
                ")" | "]" | "}" => *depth = depth.saturating_sub(1),
                _ => {}
            }
            found.push(Token::Mark(mark));
            mark.len()
        };
        rest = &rest[taken..];
    }
    Ok(())
}

/// How many bytes of the text are a number: digits, a point, and an exponent with its sign.
fn number_length(text: &str) -> usize {
    let mut previous = ' ';
    text.find(|c: char| {
        let part = c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '_') || (matches!(c, '+' | '-') && matches!(previous, 'e' | 'E'));
        previous = c;
        !part
    })
    .unwrap_or(text.len())
}

fn number(text: &str) -> Result<Token, Stop> {
    let clean = text.replace('_', "");
    match clean.parse() {
        Ok(integer) => Ok(Token::Integer(integer)),
        Err(_) => clean.parse().map(Token::Number).map_err(|_| malformed(format!("`{text}` as a number"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_names_and_marks() {
        let name = |text: &str| Token::Name(text.into());
        let line = [name("x"), Token::Mark("**"), Token::Integer(2), Token::Mark("-"), Token::Number(1e-6), Token::Mark("*"), Token::Number(0.5)];
        assert_eq!(tokens("x**2 - 1e-6*.5  # note").unwrap()[..7], line);
        assert_eq!(tokens("f('ij->i', ...)").unwrap()[2], Token::Text("ij->i".into()));
    }

    #[test]
    fn lines_inside_brackets_are_one() {
        let found = tokens("def f(a,\n      b):\n  return a\nx").unwrap();
        assert_eq!(found.iter().filter(|token| **token == Token::Newline).count(), 3);
        assert_eq!(found.iter().filter(|token| **token == Token::Indent).count(), 1);
        assert_eq!(found.iter().filter(|token| **token == Token::Dedent).count(), 1);
    }

    #[test]
    fn what_is_no_token_is_said() {
        assert!(tokens("a $ b").is_err());
        assert!(tokens("'open").is_err());
    }
}
