//! Operators on what a name may stand for: Python numbers stay numbers, arrays are promoted as NumPy does.

use damo::op::scalar::{self, Scalar};
use damo::{Real, Tape, Tensor};

use super::array;
use super::object::Object;
use super::stop::{Stop, malformed, unsupported};
use super::syntax::{BinaryOp, UnaryOp};

/// `left op right`
pub(crate) fn binary<'t>(tape: &'t Tape, op: BinaryOp, left: &Object<'t>, right: &Object<'t>) -> Result<Object<'t>, Stop> {
    if !left.is_array() && !right.is_array() {
        return numbers(op, left, right);
    }
    match op {
        BinaryOp::Add => same(tape, &scalar::ADD, left, right),
        BinaryOp::Subtract => same(tape, &scalar::SUB, left, right),
        BinaryOp::Multiply => same(tape, &scalar::MUL, left, right),
        BinaryOp::Divide => Ok(Object::Real(reals(tape, left)? / reals(tape, right)?)),
        BinaryOp::Power => power(tape, left, right),
        BinaryOp::FloorDivide => floor_divide(tape, left, right),
        BinaryOp::Remainder => remainder(tape, left, right),
        BinaryOp::Less => compare(tape, &scalar::LT, left, right),
        BinaryOp::LessEqual => compare(tape, &scalar::LE, left, right),
        BinaryOp::Greater => compare(tape, &scalar::GT, left, right),
        BinaryOp::GreaterEqual => compare(tape, &scalar::GE, left, right),
        BinaryOp::Equal => compare(tape, &scalar::EQUAL, left, right),
        BinaryOp::NotEqual => compare(tape, &scalar::NOT_EQUAL, left, right),
        BinaryOp::And => logic(tape, &scalar::AND, left, right),
        BinaryOp::Or => logic(tape, &scalar::OR, left, right),
        BinaryOp::Xor => logic(tape, &scalar::XOR, left, right),
        BinaryOp::MatrixProduct => Err(malformed("`@` of numbers")),
    }
}

/// `op operand`
pub(crate) fn unary<'t>(tape: &'t Tape, op: UnaryOp, operand: &Object<'t>) -> Result<Object<'t>, Stop> {
    Ok(match (op, operand) {
        (UnaryOp::Plus, operand) => operand.clone(),
        (UnaryOp::Negate, Object::Number(value)) => Object::Number(-value),
        (UnaryOp::Negate, Object::Integer(value)) => Object::Integer(-value),
        (UnaryOp::Negate, Object::Whole(tensor)) => Object::Whole(-*tensor),
        (UnaryOp::Negate, array) => Object::Real(-reals(tape, array)?),
        (UnaryOp::Invert, Object::Mask(mask)) => Object::Mask(array::apply(&scalar::NOT, [*mask])),
        (UnaryOp::Invert, Object::Whole(tensor)) => Object::Whole(array::apply(&scalar::NOT, [*tensor])),
        (UnaryOp::Not, object) if !object.is_array() => Object::Bool(!object.truth()?),
        (UnaryOp::Invert | UnaryOp::Not, object) => return Err(malformed(format!("not {}", object.kind()))),
    })
}

/// Two Python numbers.
fn numbers<'t>(op: BinaryOp, left: &Object<'t>, right: &Object<'t>) -> Result<Object<'t>, Stop> {
    if let (Ok(a), Ok(b)) = (left.integer(), right.integer())
        && (op != BinaryOp::Power || b >= 0)
    {
        return Ok(match op {
            BinaryOp::Add => Object::Integer(a + b),
            BinaryOp::Subtract => Object::Integer(a - b),
            BinaryOp::Multiply => Object::Integer(a * b),
            BinaryOp::Divide => Object::Number(a as f64 / b as f64),
            BinaryOp::FloorDivide | BinaryOp::Remainder if b == 0 => return Err(malformed("division by zero")),
            BinaryOp::FloorDivide => Object::Integer((a as f64 / b as f64).floor() as i64),
            BinaryOp::Remainder => Object::Integer(a - b * (a as f64 / b as f64).floor() as i64),
            BinaryOp::Power => Object::Integer(a.checked_pow(b as u32).ok_or_else(|| malformed("a power that overflows"))?),
            BinaryOp::Less => Object::Bool(a < b),
            BinaryOp::LessEqual => Object::Bool(a <= b),
            BinaryOp::Greater => Object::Bool(a > b),
            BinaryOp::GreaterEqual => Object::Bool(a >= b),
            BinaryOp::Equal => Object::Bool(a == b),
            BinaryOp::NotEqual => Object::Bool(a != b),
            BinaryOp::And => Object::Integer(a & b),
            BinaryOp::Or => Object::Integer(a | b),
            BinaryOp::Xor => Object::Integer(a ^ b),
            BinaryOp::MatrixProduct => return Err(malformed("`@` of numbers")),
        });
    }
    if let (Object::Text(a), Object::Text(b), BinaryOp::Equal | BinaryOp::NotEqual) = (left, right, op) {
        return Ok(Object::Bool((a == b) == (op == BinaryOp::Equal)));
    }
    let (a, b) = (left.number()?, right.number()?);
    Ok(match op {
        BinaryOp::Add => Object::Number(a + b),
        BinaryOp::Subtract => Object::Number(a - b),
        BinaryOp::Multiply => Object::Number(a * b),
        BinaryOp::Divide => Object::Number(a / b),
        BinaryOp::FloorDivide => Object::Number((a / b).floor()),
        BinaryOp::Remainder => Object::Number(a - b * (a / b).floor()),
        BinaryOp::Power => Object::Number(a.powf(b)),
        BinaryOp::Less => Object::Bool(a < b),
        BinaryOp::LessEqual => Object::Bool(a <= b),
        BinaryOp::Greater => Object::Bool(a > b),
        BinaryOp::GreaterEqual => Object::Bool(a >= b),
        BinaryOp::Equal => Object::Bool(a == b),
        BinaryOp::NotEqual => Object::Bool(a != b),
        BinaryOp::And | BinaryOp::Or | BinaryOp::Xor | BinaryOp::MatrixProduct => return Err(malformed("bits of a float")),
    })
}

/// As a float array.
pub(crate) fn reals<'t>(tape: &'t Tape, object: &Object<'t>) -> Result<Tensor<'t, f64>, Stop> {
    match object {
        Object::Real(tensor) => Ok(*tensor),
        Object::Whole(tensor) => Ok(tensor.cast::<f64>()),
        Object::Mask(tensor) => Ok(tensor.cast::<f64>()),
        Object::Tuple(_) | Object::List(_) => array::array_of(tape, object).and_then(|array| reals(tape, &array)),
        number => Ok(array::full(tape, number.number()?, &[])),
    }
}

/// As an integer array, if it is not a float.
pub(crate) fn wholes<'t>(tape: &'t Tape, object: &Object<'t>) -> Result<Tensor<'t, i64>, Stop> {
    match object {
        Object::Whole(tensor) => Ok(*tensor),
        Object::Mask(tensor) => Ok(tensor.cast::<i64>()),
        Object::Real(_) => Err(malformed("a float array where integers are expected")),
        Object::Tuple(_) | Object::List(_) => array::array_of(tape, object).and_then(|array| wholes(tape, &array)),
        number => Ok(array::full(tape, number.integer()?, &[])),
    }
}

/// As a bool array: what is not zero is true.
pub(crate) fn masks<'t>(tape: &'t Tape, object: &Object<'t>) -> Result<Tensor<'t, bool>, Stop> {
    Ok(match object {
        Object::Mask(tensor) => *tensor,
        Object::Bool(value) => array::full(tape, *value, &[]),
        Object::Whole(tensor) => tensor.cast::<bool>(),
        object => reals(tape, object)?.cast::<bool>(),
    })
}

/// Whether an operation on it is one on floats.
pub(crate) fn is_real(object: &Object<'_>) -> bool {
    match object {
        Object::Real(_) | Object::Number(_) => true,
        Object::Tuple(items) | Object::List(items) => items.iter().any(is_real),
        _ => false,
    }
}

/// A function of two numbers of one kind, which gives that kind.
pub(crate) fn same<'t>(tape: &'t Tape, function: &'static Scalar, left: &Object<'t>, right: &Object<'t>) -> Result<Object<'t>, Stop> {
    if is_real(left) || is_real(right) {
        return Ok(Object::Real(Tensor::apply(function, [reals(tape, left)?, reals(tape, right)?])));
    }
    Ok(Object::Whole(array::apply(function, [wholes(tape, left)?, wholes(tape, right)?])))
}

/// A question about two numbers.
pub(crate) fn compare<'t>(tape: &'t Tape, function: &'static Scalar, left: &Object<'t>, right: &Object<'t>) -> Result<Object<'t>, Stop> {
    if is_real(left) || is_real(right) {
        return Ok(Object::Mask(array::ask(function, [reals(tape, left)?, reals(tape, right)?])));
    }
    Ok(Object::Mask(array::ask(function, [wholes(tape, left)?, wholes(tape, right)?])))
}

/// Truth values or bits.
fn logic<'t>(tape: &'t Tape, function: &'static Scalar, left: &Object<'t>, right: &Object<'t>) -> Result<Object<'t>, Stop> {
    match (left, right) {
        (Object::Mask(_) | Object::Bool(_), Object::Mask(_) | Object::Bool(_)) => {
            Ok(Object::Mask(array::apply(function, [masks(tape, left)?, masks(tape, right)?])))
        }
        _ => Ok(Object::Whole(array::apply(function, [wholes(tape, left)?, wholes(tape, right)?]))),
    }
}

/// `left ** right`
pub(crate) fn power<'t>(tape: &'t Tape, left: &Object<'t>, right: &Object<'t>) -> Result<Object<'t>, Stop> {
    match (left, right) {
        (Object::Whole(base), Object::Integer(exponent)) if (0..64).contains(exponent) => {
            let one = array::full(tape, 1, &array::lengths_of(*base)?);
            Ok(Object::Whole((0..*exponent).fold(one, |product, _| product * *base)))
        }
        (left, Object::Integer(exponent)) => {
            let exponent = i32::try_from(*exponent).map_err(|_| unsupported("a power beyond 32 bits"))?;
            Ok(Object::Real(reals(tape, left)?.powi(exponent)))
        }
        _ => Ok(Object::Real(reals(tape, left)?.powf(reals(tape, right)?))),
    }
}

/// The quotient rounded down.
pub(crate) fn floor_divide<'t>(tape: &'t Tape, left: &Object<'t>, right: &Object<'t>) -> Result<Object<'t>, Stop> {
    if is_real(left) || is_real(right) {
        return Ok(Object::Real((reals(tape, left)? / reals(tape, right)?).floor()));
    }
    let (x, y) = (wholes(tape, left)?, wholes(tape, right)?);
    let quotient = x / y;
    let is_below = array::ask(&scalar::LT, [(x - quotient * y) * y, array::full(tape, 0, &[])]);
    Ok(Object::Whole(quotient - is_below.cast::<i64>()))
}

/// What remains after that, with the sign of the divisor.
pub(crate) fn remainder<'t>(tape: &'t Tape, left: &Object<'t>, right: &Object<'t>) -> Result<Object<'t>, Stop> {
    if is_real(left) || is_real(right) {
        let (x, y) = (reals(tape, left)?, reals(tape, right)?);
        let rest = Tensor::apply(&scalar::REM, [x, y]);
        return Ok(Object::Real(array::select((rest * y).lt(0.0), rest + y, rest)));
    }
    let Object::Whole(quotient) = floor_divide(tape, left, right)? else { return Err(malformed("a remainder of no integers")) };
    Ok(Object::Whole(wholes(tape, left)? - quotient * wholes(tape, right)?))
}
