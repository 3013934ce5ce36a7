//! Expressions, by the binding power of their operators.

use std::rc::Rc;

use super::Parser;
use crate::conformance::stop::{Stop, malformed, unsupported};
use crate::conformance::syntax::{BinaryOp, Expression, Function, Statement, UnaryOp};
use crate::conformance::token::Token;

/// Unary minus binds tighter than `*` and looser than `**`.
const SIGN: u8 = 80;
const POWER: u8 = 90;
const NOT: u8 = 20;

/// Binary operators by mark, with their binding power.
const OPERATORS: &[(&str, BinaryOp, u8)] = &[
    ("<", BinaryOp::Less, 30),
    ("<=", BinaryOp::LessEqual, 30),
    (">", BinaryOp::Greater, 30),
    (">=", BinaryOp::GreaterEqual, 30),
    ("==", BinaryOp::Equal, 30),
    ("!=", BinaryOp::NotEqual, 30),
    ("|", BinaryOp::Or, 40),
    ("^", BinaryOp::Xor, 45),
    ("&", BinaryOp::And, 50),
    ("+", BinaryOp::Add, 60),
    ("-", BinaryOp::Subtract, 60),
    ("*", BinaryOp::Multiply, 70),
    ("/", BinaryOp::Divide, 70),
    ("//", BinaryOp::FloorDivide, 70),
    ("%", BinaryOp::Remainder, 70),
    ("@", BinaryOp::MatrixProduct, 70),
    ("**", BinaryOp::Power, POWER),
];

impl Parser {
    /// An expression, or several with commas between them, which are a tuple.
    pub(super) fn expression_list(&mut self) -> Result<Expression, Stop> {
        let first = self.expression(0)?;
        if !self.at(",") {
            return Ok(first);
        }
        let mut items = vec![first];
        while self.take(",") {
            if self.at_end_of_list() {
                break;
            }
            items.push(self.expression(0)?);
        }
        Ok(Expression::Tuple(items))
    }

    fn at_end_of_list(&self) -> bool {
        [")", "]", "}", "=", ";", ":"].iter().any(|mark| self.at(mark)) || matches!(self.peek(), Token::Newline | Token::End)
    }

    /// An expression whose operators bind at least that tightly.
    pub(super) fn expression(&mut self, least: u8) -> Result<Expression, Stop> {
        if least == 0 {
            if self.take_word("lambda") {
                let parameters = self.parameters(":")?;
                self.expect(":")?;
                let value = self.expression(0)?;
                return Ok(Expression::Lambda(Rc::new(Function { name: "lambda".into(), parameters, body: vec![Statement::Return(value)] })));
            }
            let value = self.expression(1)?;
            if !self.take_word("if") {
                return Ok(value);
            }
            let condition = self.expression(1)?;
            self.expect_word("else")?;
            let no = self.expression(0)?;
            return Ok(Expression::Conditional { condition: Box::new(condition), yes: Box::new(value), no: Box::new(no) });
        }
        let mut left = self.prefix()?;
        while let Token::Mark(mark) = *self.peek() {
            let Some(&(_, op, power)) = OPERATORS.iter().find(|(known, ..)| *known == mark) else { break };
            if power < least {
                break;
            }
            self.next();
            // `2 ** -x` and `2 ** 3 ** 4`: a power's right side may have a sign, and groups to the right.
            let right = if power == POWER { self.expression(SIGN)? } else { self.expression(power + 1)? };
            left = Expression::Binary(op, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn prefix(&mut self) -> Result<Expression, Stop> {
        let operators = [("-", UnaryOp::Negate), ("+", UnaryOp::Plus), ("~", UnaryOp::Invert)];
        for (mark, op) in operators {
            if self.take(mark) {
                return Ok(match (op, self.expression(SIGN)?) {
                    (UnaryOp::Negate, Expression::Integer(value)) => Expression::Integer(-value),
                    (UnaryOp::Negate, Expression::Number(value)) => Expression::Number(-value),
                    (op, operand) => Expression::Unary(op, Box::new(operand)),
                });
            }
        }
        if self.take_word("not") {
            return Ok(Expression::Unary(UnaryOp::Not, Box::new(self.expression(NOT)?)));
        }
        let mut value = self.atom()?;
        loop {
            value = if self.take("(") {
                self.call(value)?
            } else if self.take("[") {
                let index = self.index()?;
                self.expect("]")?;
                Expression::Index(Box::new(value), Box::new(index))
            } else if self.take(".") {
                Expression::Attribute(Box::new(value), self.name()?)
            } else {
                return Ok(value);
            };
        }
    }

    fn call(&mut self, function: Expression) -> Result<Expression, Stop> {
        let (mut arguments, mut keywords) = (Vec::new(), Vec::new());
        while !self.at(")") {
            if self.at("*") || self.at("**") {
                return Err(unsupported("`*` before an argument"));
            }
            let value = self.expression(0)?;
            if self.take("=") {
                let Expression::Name(name) = value else { return Err(malformed("a keyword argument without a name")) };
                keywords.push((name, self.expression(0)?));
            } else if self.at_word("for") {
                arguments.push(self.comprehension(value)?);
            } else {
                arguments.push(value);
            }
            if !self.take(",") {
                break;
            }
        }
        self.expect(")")?;
        Ok(Expression::Call { function: Box::new(function), arguments, keywords })
    }

    fn index(&mut self) -> Result<Expression, Stop> {
        let first = self.index_part()?;
        if !self.at(",") {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.take(",") && !self.at("]") {
            parts.push(self.index_part()?);
        }
        Ok(Expression::Tuple(parts))
    }

    fn index_part(&mut self) -> Result<Expression, Stop> {
        let mut parts: [Option<Box<Expression>>; 3] = [None, None, None];
        let mut place = 0;
        loop {
            if !self.at(":") && !self.at(",") && !self.at("]") {
                parts[place] = Some(Box::new(self.expression(0)?));
            }
            if place == 2 || !self.take(":") {
                break;
            }
            place += 1;
        }
        match (place, parts) {
            (0, [Some(index), ..]) => Ok(*index),
            (0, _) => Err(malformed("an empty index")),
            (_, parts) => Ok(Expression::Slice(parts)),
        }
    }

    fn comprehension(&mut self, item: Expression) -> Result<Expression, Stop> {
        self.expect_word("for")?;
        let pattern = self.pattern()?;
        self.expect_word("in")?;
        let source = self.expression(1)?;
        if self.at_word("if") || self.at_word("for") {
            return Err(unsupported("a comprehension with conditions"));
        }
        Ok(Expression::Comprehension { item: Box::new(item), pattern, source: Box::new(source) })
    }

    fn atom(&mut self) -> Result<Expression, Stop> {
        Ok(match self.next() {
            Token::Integer(value) => Expression::Integer(value),
            Token::Number(value) => Expression::Number(value),
            Token::Text(text) => Expression::Text(text),
            Token::Name(name) => match name.as_str() {
                "None" => Expression::None,
                "True" => Expression::Bool(true),
                "False" => Expression::Bool(false),
                _ => Expression::Name(name),
            },
            Token::Mark("...") => Expression::Ellipsis,
            Token::Mark("(") => {
                if self.take(")") {
                    return Ok(Expression::Tuple(Vec::new()));
                }
                let inside = self.expression_list()?;
                self.expect(")")?;
                inside
            }
            Token::Mark("[") => self.list()?,
            Token::Mark("{") => {
                let mut pairs = Vec::new();
                while !self.at("}") {
                    let key = self.expression(0)?;
                    self.expect(":")?;
                    pairs.push((key, self.expression(0)?));
                    if !self.take(",") {
                        break;
                    }
                }
                self.expect("}")?;
                Expression::Dict(pairs)
            }
            other => return Err(malformed(format!("a value expected, found {other:?}"))),
        })
    }

    fn list(&mut self) -> Result<Expression, Stop> {
        if self.take("]") {
            return Ok(Expression::List(Vec::new()));
        }
        let first = self.expression(0)?;
        let list = if self.at_word("for") {
            self.comprehension(first)?
        } else {
            let mut items = vec![first];
            while self.take(",") && !self.at("]") {
                items.push(self.expression(0)?);
            }
            Expression::List(items)
        };
        self.expect("]")?;
        Ok(list)
    }
}
