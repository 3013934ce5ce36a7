//! Tracing a text: its statements and expressions, one after another, onto a tape.

use std::collections::BTreeMap;
use std::rc::Rc;

use damo::Tape;

use super::arguments::Arguments;
use super::arithmetic;
use super::array;
use super::index;
use super::library;
use super::object::{Closure, Object};
use super::parse::parse;
use super::stop::{Stop, malformed};
use super::syntax::{BinaryOp, Expression, Function, Pattern, Statement, UnaryOp};

/// Names and what they stand for.
pub(crate) type Scope<'t> = BTreeMap<String, Object<'t>>;

/// Traces texts onto one tape.
pub(crate) struct Interpreter<'t> {
    /// Where operations are recorded.
    pub(crate) tape: &'t Tape,
    /// Names that every function sees: the helpers of the case file.
    globals: Scope<'t>,
}

impl<'t> Interpreter<'t> {
    /// An interpreter that knows the library and the functions that a text defines.
    pub(crate) fn new(tape: &'t Tape, helpers: &str) -> Result<Self, Stop> {
        let mut interpreter = Interpreter { tape, globals: Scope::new() };
        let mut scope = Scope::new();
        interpreter.run(&parse(helpers)?, &mut scope)?;
        interpreter.globals = scope;
        Ok(interpreter)
    }

    /// The value of a text: of its expression, or of its `return`.
    pub(crate) fn trace(&self, text: &str, mut scope: Scope<'t>) -> Result<Object<'t>, Stop> {
        self.run(&parse(text)?, &mut scope)?.ok_or_else(|| malformed("a text that returns nothing"))
    }

    /// Runs statements; gives what they return, or the value of the last if that is an expression.
    fn run(&self, statements: &[Statement], scope: &mut Scope<'t>) -> Result<Option<Object<'t>>, Stop> {
        let mut last = None;
        for statement in statements {
            last = None;
            match statement {
                Statement::Assign(pattern, value) => {
                    let value = self.value(value, scope)?;
                    self.assign(pattern, value, scope)?;
                }
                Statement::Return(value) => return self.value(value, scope).map(Some),
                Statement::Define(function) => {
                    let closure = self.closure(function, scope);
                    scope.insert(function.name.clone(), closure);
                }
                Statement::For(pattern, source, body) => {
                    for item in self.elements(&self.value(source, scope)?)? {
                        self.assign(pattern, item, scope)?;
                        self.run(body, scope)?;
                    }
                }
                Statement::Value(value) => last = Some(self.value(value, scope)?),
            }
        }
        Ok(last)
    }

    #[allow(clippy::unused_self, reason = "it reads like the other steps")]
    fn closure(&self, function: &Rc<Function>, scope: &Scope<'t>) -> Object<'t> {
        Object::Closure(Rc::new(Closure { function: function.clone(), scope: scope.clone() }))
    }

    fn assign(&self, pattern: &Pattern, value: Object<'t>, scope: &mut Scope<'t>) -> Result<(), Stop> {
        match pattern {
            Pattern::Name(name) => {
                scope.insert(name.clone(), value);
            }
            Pattern::Tuple(patterns) => {
                let items = self.elements(&value)?;
                if items.len() != patterns.len() {
                    return Err(malformed(format!("{} names for {} values", patterns.len(), items.len())));
                }
                for (pattern, item) in patterns.iter().zip(items) {
                    self.assign(pattern, item, scope)?;
                }
            }
        }
        Ok(())
    }

    /// The elements of a sequence, or the rows of an array.
    pub(crate) fn elements(&self, object: &Object<'t>) -> Result<Vec<Object<'t>>, Stop> {
        if !object.is_array() {
            return object.items().map(<[_]>::to_vec);
        }
        let rows = *array::shape(object)?.first().ok_or_else(|| malformed("the rows of a scalar"))?;
        (0..rows).map(|row| index::get(self, object, &Object::Integer(row as i64))).collect()
    }

    /// The value of an expression.
    pub(crate) fn value(&self, expression: &Expression, scope: &mut Scope<'t>) -> Result<Object<'t>, Stop> {
        Ok(match expression {
            Expression::None => Object::None,
            Expression::Ellipsis => Object::Ellipsis,
            Expression::Bool(value) => Object::Bool(*value),
            Expression::Integer(value) => Object::Integer(*value),
            Expression::Number(value) => Object::Number(*value),
            Expression::Text(text) => Object::Text(text.as_str().into()),
            Expression::Name(name) => match scope.get(name).or_else(|| self.globals.get(name)) {
                Some(object) => object.clone(),
                None => library::name(name),
            },
            Expression::Binary(op, left, right) => {
                let (left, right) = (self.value(left, scope)?, self.value(right, scope)?);
                self.binary(*op, &left, &right)?
            }
            Expression::Unary(op, operand) => self.unary(*op, &self.value(operand, scope)?)?,
            Expression::Conditional { condition, yes, no } => {
                let chosen = if self.value(condition, scope)?.truth()? { yes } else { no };
                self.value(chosen, scope)?
            }
            Expression::Call { function, arguments, keywords } => {
                let function = self.value(function, scope)?;
                let places = arguments.iter().map(|argument| self.value(argument, scope)).collect::<Result<_, _>>()?;
                let names = keywords.iter().map(|(name, value)| Ok((name.clone(), self.value(value, scope)?))).collect::<Result<_, Stop>>()?;
                self.call(&function, places, names)?
            }
            Expression::Attribute(object, name) => library::attribute(&self.value(object, scope)?, name)?,
            Expression::Index(object, place) => {
                let object = self.value(object, scope)?;
                let place = self.value(place, scope)?;
                index::get(self, &object, &place)?
            }
            Expression::Slice(parts) => {
                let mut bounds = [None; 3];
                for (bound, part) in bounds.iter_mut().zip(parts) {
                    if let Some(part) = part {
                        let value = self.value(part, scope)?;
                        *bound = if matches!(value, Object::None) { None } else { Some(value.integer()?) };
                    }
                }
                Object::Slice(bounds)
            }
            Expression::Tuple(items) => Object::tuple(self.values(items, scope)?),
            Expression::List(items) => Object::List(self.values(items, scope)?.into()),
            Expression::Dict(pairs) => {
                Object::Dict(pairs.iter().map(|(key, value)| Ok((self.value(key, scope)?, self.value(value, scope)?))).collect::<Result<_, Stop>>()?)
            }
            Expression::Comprehension { item, pattern, source } => {
                let mut inner = scope.clone();
                let mut items = Vec::new();
                for element in self.elements(&self.value(source, scope)?)? {
                    self.assign(pattern, element, &mut inner)?;
                    items.push(self.value(item, &mut inner)?);
                }
                Object::List(items.into())
            }
            Expression::Lambda(function) => self.closure(function, scope),
        })
    }

    fn values(&self, expressions: &[Expression], scope: &mut Scope<'t>) -> Result<Vec<Object<'t>>, Stop> {
        expressions.iter().map(|expression| self.value(expression, scope)).collect()
    }

    /// Calls a function of the library or of the text.
    pub(crate) fn call(&self, function: &Object<'t>, places: Vec<Object<'t>>, names: Vec<(String, Object<'t>)>) -> Result<Object<'t>, Stop> {
        match function {
            Object::Library(name) => library::call(self, &Arguments { of: name.to_string(), places, names }),
            Object::Method(object, name) => library::call_method(self, object, &Arguments { of: name.to_string(), places, names }),
            Object::Closure(closure) => self.call_closure(closure, places, &names),
            other => Err(malformed(format!("calling {}", other.kind()))),
        }
    }

    fn call_closure(&self, closure: &Closure<'t>, places: Vec<Object<'t>>, names: &[(String, Object<'t>)]) -> Result<Object<'t>, Stop> {
        let Function { name, parameters, body } = &*closure.function;
        if places.len() > parameters.len() {
            return Err(malformed(format!("`{name}` takes {} arguments and was given {}", parameters.len(), places.len())));
        }
        let mut scope = closure.scope.clone();
        let mut places = places.into_iter();
        for (parameter, default) in parameters {
            let given = places.next().or_else(|| names.iter().find(|(named, _)| named == parameter).map(|(_, value)| value.clone()));
            let value = match (given, default) {
                (Some(value), _) => value,
                (None, Some(default)) => self.value(default, &mut scope)?,
                (None, None) => return Err(malformed(format!("`{name}` was not given `{parameter}`"))),
            };
            scope.insert(parameter.clone(), value);
        }
        Ok(self.run(body, &mut scope)?.unwrap_or(Object::None))
    }

    /// `left op right`
    pub(crate) fn binary(&self, op: BinaryOp, left: &Object<'t>, right: &Object<'t>) -> Result<Object<'t>, Stop> {
        match (op, left, right) {
            (BinaryOp::MatrixProduct, ..) => library::matrix_product(self, left, right),
            (BinaryOp::Add, Object::Tuple(a), Object::Tuple(b)) => Ok(Object::tuple(a.iter().chain(b.iter()).cloned())),
            (BinaryOp::Add, Object::List(a), Object::List(b)) => Ok(Object::List(a.iter().chain(b.iter()).cloned().collect())),
            (BinaryOp::Multiply, Object::Tuple(items), Object::Integer(times))
            | (BinaryOp::Multiply, Object::Integer(times), Object::Tuple(items)) => {
                Ok(Object::tuple((0..*times).flat_map(|_| items.iter().cloned())))
            }
            _ => arithmetic::binary(self.tape, op, left, right),
        }
    }

    /// `op operand`
    pub(crate) fn unary(&self, op: UnaryOp, operand: &Object<'t>) -> Result<Object<'t>, Stop> {
        arithmetic::unary(self.tape, op, operand)
    }
}
