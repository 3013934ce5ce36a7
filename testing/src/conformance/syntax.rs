//! The syntax tree of the language that the cases are written in: the part of Python that NumPy programs use.

use std::rc::Rc;

/// Something that has a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expression {
    /// `None`
    None,
    /// `...`
    Ellipsis,
    /// `True` or `False`
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a point or an exponent.
    Number(f64),
    /// A string.
    Text(String),
    /// A name.
    Name(String),
    /// `left op right`
    Binary(BinaryOp, Box<Expression>, Box<Expression>),
    /// `op operand`
    Unary(UnaryOp, Box<Expression>),
    /// `yes if condition else no`
    Conditional { condition: Box<Expression>, yes: Box<Expression>, no: Box<Expression> },
    /// `function(arguments, name=argument)`
    Call { function: Box<Expression>, arguments: Vec<Expression>, keywords: Vec<(String, Expression)> },
    /// `object.name`
    Attribute(Box<Expression>, String),
    /// `object[index]`
    Index(Box<Expression>, Box<Expression>),
    /// `start:stop:step`, inside an index.
    Slice([Option<Box<Expression>>; 3]),
    /// `(a, b)`
    Tuple(Vec<Expression>),
    /// `[a, b]`
    List(Vec<Expression>),
    /// `{key: value}`
    Dict(Vec<(Expression, Expression)>),
    /// `[item for pattern in source]`
    Comprehension { item: Box<Expression>, pattern: Pattern, source: Box<Expression> },
    /// `lambda a, b: value`
    Lambda(Rc<Function>),
}

/// What stands between two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BinaryOp {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Remainder,
    Power,
    MatrixProduct,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    And,
    Or,
    Xor,
}

/// What stands before one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnaryOp {
    Negate,
    Plus,
    Invert,
    Not,
}

/// Names that values are given to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Pattern {
    /// One name takes the whole value.
    Name(String),
    /// Each takes an element.
    Tuple(Vec<Pattern>),
}

/// A function written in the language.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Function {
    /// Its name, for messages.
    pub(crate) name: String,
    /// Its parameters with their defaults.
    pub(crate) parameters: Vec<(String, Option<Expression>)>,
    /// What it does.
    pub(crate) body: Vec<Statement>,
}

/// A step of a function.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Statement {
    /// `pattern = value`
    Assign(Pattern, Expression),
    /// `return value`
    Return(Expression),
    /// `def name(…): …`
    Define(Rc<Function>),
    /// `for pattern in source: …`
    For(Pattern, Expression, Vec<Statement>),
    /// A value that nobody takes, or the value of a text that is one expression.
    Value(Expression),
}
