//! Functions of each element: of one array, of two, questions and choices.

use damo::op::scalar::{self, Scalar};
use damo::{Real, Tensor};

use super::{Answer, real};
use crate::conformance::arguments::Arguments;
use crate::conformance::arithmetic::{self, masks, reals};
use crate::conformance::array;
use crate::conformance::interpret::Interpreter;
use crate::conformance::object::Object;
use crate::conformance::stop::{Stop, malformed, unsupported};

pub(crate) fn call<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>) -> Answer<'t> {
    let name = arguments.of.as_str();
    if let Some(function) = table(name) {
        let inputs = (0..function.arity()).map(|place| reals(interpreter.tape, arguments.at(place)?)).collect::<Result<Vec<_>, _>>()?;
        return Ok(Some(Object::Real(match inputs[..] {
            [x] => Tensor::apply(function, [x]),
            [x, y] => Tensor::apply(function, [x, y]),
            _ => return Err(malformed(name)),
        })));
    }
    for family in [unary, binary, question, choice] {
        if let Some(result) = family(interpreter, arguments)? {
            return Ok(Some(result));
        }
    }
    Ok(None)
}

/// NumPy's names for functions that are lines of Damo's table.
fn table(name: &str) -> Option<&'static Scalar> {
    Some(match name {
        "exp" => &scalar::EXP,
        "exp2" => &scalar::EXP2,
        "expm1" => &scalar::EXP_M1,
        "log" => &scalar::LN,
        "log2" => &scalar::LOG2,
        "log10" => &scalar::LOG10,
        "log1p" => &scalar::LN_1P,
        "sqrt" => &scalar::SQRT,
        "cbrt" => &scalar::CBRT,
        "reciprocal" => &scalar::RECIP,
        "sin" => &scalar::SIN,
        "cos" => &scalar::COS,
        "tan" => &scalar::TAN,
        "arcsin" | "asin" => &scalar::ASIN,
        "arccos" | "acos" => &scalar::ACOS,
        "arctan" | "atan" => &scalar::ATAN,
        "sinh" => &scalar::SINH,
        "cosh" => &scalar::COSH,
        "tanh" => &scalar::TANH,
        "arcsinh" | "asinh" => &scalar::ASINH,
        "arccosh" | "acosh" => &scalar::ACOSH,
        "arctanh" | "atanh" => &scalar::ATANH,
        "sigmoid" | "expit" | "logistic" => &scalar::SIGMOID,
        "softplus" => &scalar::SOFTPLUS,
        "erf" => &scalar::ERF,
        "erfc" => &scalar::ERFC,
        "erfinv" | "erf_inv" => &scalar::ERF_INV,
        "ndtr" => &scalar::NDTR,
        "ndtri" => &scalar::NDTRI,
        "lgamma" | "gammaln" => &scalar::LGAMMA,
        "digamma" => &scalar::DIGAMMA,
        "i0" => &scalar::BESSEL_I0,
        "i1" => &scalar::BESSEL_I1,
        "floor" => &scalar::FLOOR,
        "ceil" => &scalar::CEIL,
        "trunc" | "fix" => &scalar::TRUNC,
        "round" | "rint" => &scalar::ROUND_TIES_EVEN,
        "fabs" => &scalar::ABS,
        "arctan2" | "atan2" => &scalar::ATAN2,
        "hypot" => &scalar::HYPOT,
        "logaddexp" => &scalar::LOG_ADD_EXP,
        "logaddexp2" => &scalar::LOG_ADD_EXP2,
        "copysign" => &scalar::COPYSIGN,
        "fmod" => &scalar::REM,
        "xlogy" => &scalar::XLOGY,
        "xlog1py" => &scalar::XLOG1PY,
        "polygamma" => &scalar::POLYGAMMA,
        _ => return None,
    })
}

/// Functions of one array that are not a line of the table.
fn unary<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>) -> Answer<'t> {
    let name = arguments.of.as_str();
    let tape = interpreter.tape;
    let either = |function: &'static Scalar| {
        Ok::<_, Stop>(Some(match arguments.at(0)? {
            Object::Whole(tensor) => Object::Whole(array::apply(function, [*tensor])),
            other => Object::Real(Tensor::apply(function, [reals(tape, other)?])),
        }))
    };
    match name {
        "abs" | "absolute" => return either(&scalar::ABS),
        "sign" => return either(&scalar::SIGNUM),
        "negative" => return either(&scalar::NEG),
        "positive" | "real" | "conj" | "copy" => return Ok(Some(arguments.at(0)?.clone())),
        "square" => return arithmetic::binary(tape, crate::conformance::syntax::BinaryOp::Multiply, arguments.at(0)?, arguments.at(0)?).map(Some),
        "stop_gradient" => return Ok(Some(Object::Real(real(interpreter, arguments, 0, "x")?.stop_gradient()))),
        _ => {}
    }
    let compute: fn(Tensor<'t, f64>) -> Tensor<'t, f64> = match name {
        "rsqrt" => |x| x.sqrt().recip(),
        "entr" => |x| {
            let inside = -Tensor::apply(&scalar::XLOGY, [x, x]);
            array::select(x.lt(0.0), x.constant(f64::NEG_INFINITY), inside)
        },
        "deg2rad" | "radians" => |x| x * (std::f64::consts::PI / 180.0),
        "rad2deg" | "degrees" => |x| x * (180.0 / std::f64::consts::PI),
        "logit" => |x| (x / (1.0 - x)).ln(),
        "sinc" => |x| {
            let angle = x * std::f64::consts::PI;
            let is_zero = array::ask(&scalar::EQUAL, [x, x.constant(0.0)]);
            let safe = array::select(is_zero, x.constant(1.0), angle);
            array::select(is_zero, 1.0 - angle * angle * (1.0 / 6.0), safe.sin() / safe)
        },
        "nan_to_num" => |x| {
            let finite = x.max(x.constant(-f64::MAX)).min(x.constant(f64::MAX));
            array::select(array::ask(&scalar::IS_NAN, [x]), x.constant(0.0), finite)
        },
        "trigamma" => |x| Tensor::apply(&scalar::POLYGAMMA, [x.constant(1.0), x]),
        "gamma" => |x| x.lgamma().exp(),
        "log_ndtr" => |x| Tensor::apply(&scalar::NDTR, [x]).ln(),
        "i0e" => |x| Tensor::apply(&scalar::BESSEL_I0, [x]) * (-x.abs()).exp(),
        "i1e" => |x| Tensor::apply(&scalar::BESSEL_I1, [x]) * (-x.abs()).exp(),
        _ => return Ok(None),
    };
    Ok(Some(Object::Real(compute(real(interpreter, arguments, 0, "x")?))))
}

/// Functions of two arrays that are not a line of the table, or that integers have, too.
fn binary<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>) -> Answer<'t> {
    use crate::conformance::syntax::BinaryOp;
    let tape = interpreter.tape;
    let op = match arguments.of.as_str() {
        "add" => BinaryOp::Add,
        "subtract" | "sub" => BinaryOp::Subtract,
        "multiply" | "mul" => BinaryOp::Multiply,
        "divide" | "true_divide" | "div" => BinaryOp::Divide,
        "floor_divide" => BinaryOp::FloorDivide,
        "remainder" | "mod" => BinaryOp::Remainder,
        "power" | "pow" | "float_power" => BinaryOp::Power,
        "less" => BinaryOp::Less,
        "less_equal" => BinaryOp::LessEqual,
        "greater" => BinaryOp::Greater,
        "greater_equal" => BinaryOp::GreaterEqual,
        "equal" => BinaryOp::Equal,
        "not_equal" => BinaryOp::NotEqual,
        "bitwise_and" => BinaryOp::And,
        "bitwise_or" => BinaryOp::Or,
        "bitwise_xor" => BinaryOp::Xor,
        _ => return extreme(interpreter, arguments),
    };
    let (left, right) = (array::array_of(tape, arguments.at(0)?)?, arguments.at(1)?);
    arithmetic::binary(tape, op, &left, right).map(Some)
}

fn extreme<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>) -> Answer<'t> {
    let tape = interpreter.tape;
    let reals_of = || Ok::<_, Stop>((reals(tape, arguments.at(0)?)?, reals(tape, arguments.at(1)?)?));
    let is_nan = |x: Tensor<'t, f64>| array::ask(&scalar::IS_NAN, [x]);
    Ok(Some(match arguments.of.as_str() {
        "maximum" => arithmetic::same(tape, &scalar::MAX, arguments.at(0)?, arguments.at(1)?)?,
        "minimum" => arithmetic::same(tape, &scalar::MIN, arguments.at(0)?, arguments.at(1)?)?,
        "fmax" | "fmin" => {
            let (x, y) = reals_of()?;
            let both = if arguments.of == "fmax" { x.max(y) } else { x.min(y) };
            Object::Real(array::select(is_nan(x), y, array::select(is_nan(y), x, both)))
        }
        "heaviside" => {
            let (x, at_zero) = reals_of()?;
            let step = array::select(x.gt(0.0), x.constant(1.0), x.constant(0.0));
            Object::Real(array::select(array::ask(&scalar::EQUAL, [x, x.constant(0.0)]), at_zero, step))
        }
        "betaln" => {
            let (x, y) = reals_of()?;
            Object::Real(x.lgamma() + y.lgamma() - (x + y).lgamma())
        }
        "rel_entr" => {
            let (x, y) = reals_of()?;
            Object::Real(Tensor::apply(&scalar::XLOGY, [x, x]) - Tensor::apply(&scalar::XLOGY, [x, y]))
        }
        "kl_div" => {
            let (x, y) = reals_of()?;
            Object::Real(Tensor::apply(&scalar::XLOGY, [x, x]) - Tensor::apply(&scalar::XLOGY, [x, y]) - x + y)
        }
        _ => return Ok(None),
    }))
}

/// Questions, and logic on their answers.
fn question<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>) -> Answer<'t> {
    let tape = interpreter.tape;
    let mask = |place| masks(tape, arguments.at(place)?);
    let x = || reals(tape, arguments.at(0)?);
    Ok(Some(Object::Mask(match arguments.of.as_str() {
        "logical_and" => array::apply(&scalar::AND, [mask(0)?, mask(1)?]),
        "logical_or" => array::apply(&scalar::OR, [mask(0)?, mask(1)?]),
        "logical_xor" => array::apply(&scalar::XOR, [mask(0)?, mask(1)?]),
        "logical_not" => array::apply(&scalar::NOT, [mask(0)?]),
        "bitwise_not" | "invert" if matches!(arguments.at(0)?, Object::Mask(_)) => array::apply(&scalar::NOT, [mask(0)?]),
        "isnan" => array::ask(&scalar::IS_NAN, [x()?]),
        "isfinite" => array::ask(&scalar::IS_FINITE, [x()?]),
        "isinf" => array::ask(&scalar::EQUAL, [x()?.abs(), x()?.constant(f64::INFINITY)]),
        "isclose" => {
            let y = reals(tape, arguments.at(1)?)?;
            (x()? - y).abs().le(1e-8 + 1e-5 * y.abs())
        }
        _ => return Ok(None),
    })))
}

/// One of two, element by element.
fn choice<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>) -> Answer<'t> {
    let tape = interpreter.tape;
    Ok(Some(match arguments.of.as_str() {
        "where" if arguments.places.len() == 3 => {
            let mask = masks(tape, arguments.at(0)?)?;
            let (yes, no) = (arguments.at(1)?, arguments.at(2)?);
            if arithmetic::is_real(yes) || arithmetic::is_real(no) {
                Object::Real(array::select(mask, reals(tape, yes)?, reals(tape, no)?))
            } else {
                Object::Whole(array::select(mask, arithmetic::wholes(tape, yes)?, arithmetic::wholes(tape, no)?))
            }
        }
        "where" => return Err(unsupported("where of one argument")),
        "clip" => {
            let mut result = arguments.required(0, "x")?.clone();
            if let Some(low) = arguments.optional(1, "min").or(arguments.named("a_min")) {
                result = arithmetic::same(tape, &scalar::MAX, &result, low)?;
            }
            if let Some(high) = arguments.optional(2, "max").or(arguments.named("a_max")) {
                result = arithmetic::same(tape, &scalar::MIN, &result, high)?;
            }
            result
        }
        _ => return Ok(None),
    }))
}
