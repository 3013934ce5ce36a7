//! Reading tokens as a syntax tree: statements by their first word.

mod expression;

use std::rc::Rc;

use super::stop::{Stop, malformed, unsupported};
use super::syntax::{BinaryOp, Expression, Function, Pattern, Statement};
use super::token::{Token, tokens};

/// The statements of a text.
pub(crate) fn parse(text: &str) -> Result<Vec<Statement>, Stop> {
    let mut parser = Parser { tokens: tokens(text)?, place: 0 };
    let mut statements = Vec::new();
    while *parser.peek() != Token::End {
        parser.line(&mut statements)?;
    }
    Ok(statements)
}

struct Parser {
    tokens: Vec<Token>,
    place: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens.get(self.place).unwrap_or(&Token::End)
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.place += 1;
        token
    }

    fn at(&self, mark: &str) -> bool {
        matches!(self.peek(), Token::Mark(found) if *found == mark)
    }

    fn at_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Name(found) if found == word)
    }

    fn take(&mut self, mark: &str) -> bool {
        let found = self.at(mark);
        self.place += usize::from(found);
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        self.place += usize::from(found);
        found
    }

    fn expect(&mut self, mark: &str) -> Result<(), Stop> {
        if self.take(mark) { Ok(()) } else { Err(malformed(format!("`{mark}` expected, found {:?}", self.peek()))) }
    }

    fn expect_word(&mut self, word: &str) -> Result<(), Stop> {
        if self.take_word(word) { Ok(()) } else { Err(malformed(format!("`{word}` expected, found {:?}", self.peek()))) }
    }

    fn name(&mut self) -> Result<String, Stop> {
        match self.next() {
            Token::Name(name) => Ok(name),
            other => Err(malformed(format!("a name expected, found {other:?}"))),
        }
    }

    /// One line: a block statement, or simple statements with `;` between them.
    fn line(&mut self, into: &mut Vec<Statement>) -> Result<(), Stop> {
        if self.take_word("def") {
            let function = self.definition()?;
            into.push(Statement::Define(Rc::new(function)));
            return Ok(());
        }
        if self.take_word("for") {
            let pattern = self.pattern()?;
            self.expect_word("in")?;
            let source = self.expression_list()?;
            let body = self.block()?;
            into.push(Statement::For(pattern, source, body));
            return Ok(());
        }
        for word in ["if", "while", "import", "from", "class", "with"] {
            if self.at_word(word) {
                return Err(unsupported(format!("the statement `{word}`")));
            }
        }
        loop {
            into.push(self.simple_statement()?);
            if !self.take(";") || matches!(self.peek(), Token::Newline) {
                break;
            }
        }
        match self.next() {
            Token::Newline | Token::End => Ok(()),
            other => Err(malformed(format!("the end of the line expected, found {other:?}"))),
        }
    }

    fn simple_statement(&mut self) -> Result<Statement, Stop> {
        if self.take_word("return") {
            return Ok(Statement::Return(self.expression_list()?));
        }
        let value = self.expression_list()?;
        for (mark, op) in [("+=", BinaryOp::Add), ("-=", BinaryOp::Subtract), ("*=", BinaryOp::Multiply), ("/=", BinaryOp::Divide)] {
            if self.take(mark) {
                let change = self.expression_list()?;
                return Ok(Statement::Assign(as_pattern(&value)?, Expression::Binary(op, Box::new(value), Box::new(change))));
            }
        }
        if self.take("=") { Ok(Statement::Assign(as_pattern(&value)?, self.expression_list()?)) } else { Ok(Statement::Value(value)) }
    }

    fn definition(&mut self) -> Result<Function, Stop> {
        let name = self.name()?;
        self.expect("(")?;
        let parameters = self.parameters(")")?;
        self.expect(")")?;
        let body = self.block()?;
        Ok(Function { name, parameters, body })
    }

    fn parameters(&mut self, until: &str) -> Result<Vec<(String, Option<Expression>)>, Stop> {
        let mut parameters = Vec::new();
        while !self.at(until) {
            let name = self.name()?;
            let default = if self.take("=") { Some(self.expression(0)?) } else { None };
            parameters.push((name, default));
            if !self.take(",") {
                break;
            }
        }
        Ok(parameters)
    }

    /// `: statement; statement` on the same line, or indented lines.
    fn block(&mut self) -> Result<Vec<Statement>, Stop> {
        self.expect(":")?;
        let mut body = Vec::new();
        if *self.peek() != Token::Newline {
            self.line(&mut body)?;
            return Ok(body);
        }
        self.next();
        if self.next() != Token::Indent {
            return Err(malformed("indented lines expected"));
        }
        while *self.peek() != Token::Dedent && *self.peek() != Token::End {
            self.line(&mut body)?;
        }
        self.next();
        Ok(body)
    }

    fn pattern(&mut self) -> Result<Pattern, Stop> {
        let mut patterns = Vec::new();
        loop {
            patterns.push(if self.take("(") {
                let inside = self.pattern()?;
                self.expect(")")?;
                inside
            } else {
                Pattern::Name(self.name()?)
            });
            if !self.take(",") {
                break;
            }
        }
        Ok(if patterns.len() == 1 { patterns.swap_remove(0) } else { Pattern::Tuple(patterns) })
    }
}

fn as_pattern(target: &Expression) -> Result<Pattern, Stop> {
    match target {
        Expression::Name(name) => Ok(Pattern::Name(name.clone())),
        Expression::Tuple(parts) => parts.iter().map(as_pattern).collect::<Result<_, _>>().map(Pattern::Tuple),
        other => Err(unsupported(format!("assigning to {other:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        fn show(expression: &Expression) -> String {
            match expression {
                Expression::Name(name) => name.clone(),
                Expression::Integer(value) => value.to_string(),
                Expression::Binary(op, left, right) => format!("({} {op:?} {})", show(left), show(right)),
                Expression::Unary(op, operand) => format!("{op:?}({})", show(operand)),
                other => format!("{other:?}"),
            }
        }
        let statements = parse(text).unwrap();
        let [Statement::Value(value)] = &statements[..] else { panic!("{statements:?}") };
        show(value)
    }

    #[test]
    fn operators_bind_as_in_python() {
        assert_eq!(shown("a + b * c @ d"), "(a Add ((b Multiply c) MatrixProduct d))");
        assert_eq!(shown("-a ** 2"), "Negate((a Power 2))");
        assert_eq!(shown("a ** -b ** c"), "(a Power Negate((b Power c)))");
        assert_eq!(shown("-a * b"), "(Negate(a) Multiply b)");
        assert_eq!(shown("a - b - c > d"), "(((a Subtract b) Subtract c) Greater d)");
    }

    #[test]
    fn indices_have_slices_none_and_dots() {
        let statements = parse("x[1:, None, ..., -1, ::-1, i]").unwrap();
        let [Statement::Value(Expression::Index(_, index))] = &statements[..] else { panic!("{statements:?}") };
        let Expression::Tuple(parts) = &**index else { panic!("{index:?}") };
        assert_eq!(parts.len(), 6);
        assert_eq!(parts[4], Expression::Slice([None, None, Some(Box::new(Expression::Integer(-1)))]));
    }

    #[test]
    fn definitions_have_blocks_of_either_form() {
        let statements = parse("def f(x, y=1): z = x; return z\ndef g(s, _):\n    a, b = s\n    return a\nreturn f(2, y=3), g").unwrap();
        assert_eq!(statements.len(), 3);
        let Statement::Define(g) = &statements[1] else { panic!() };
        assert_eq!(g.body.len(), 2);
    }

    #[test]
    fn what_is_not_in_the_language_is_said() {
        assert!(matches!(parse("while x: y"), Err(Stop::Unsupported(_))));
        assert!(matches!(parse("f(x"), Err(Stop::Malformed(_))));
        assert!(matches!(parse("a b"), Err(Stop::Malformed(_))));
    }
}
