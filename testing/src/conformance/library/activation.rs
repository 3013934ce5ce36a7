//! The activation functions of neural networks, by their names in JAX.

use damo::{Real, Tensor};

use super::{Answer, real};
use crate::conformance::arguments::Arguments;
use crate::conformance::array;
use crate::conformance::interpret::Interpreter;
use crate::conformance::object::Object;
use crate::conformance::stop::Stop;

/// α and λ of SELU (Klambauer and others 2017, "Self-Normalizing Neural Networks").
const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;
const SELU_SCALE: f64 = 1.050_700_987_355_480_5;

pub(crate) fn call<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>) -> Answer<'t> {
    let x = || real(interpreter, arguments, 0, "x");
    let parameter = |name, default| parameter(interpreter, arguments, name, default);
    Ok(Some(Object::Real(match arguments.of.as_str() {
        "relu" => relu(x()?),
        "relu6" => {
            let x = x()?;
            array::select(x.ge(6.0), x.constant(6.0), relu(x))
        }
        "leaky_relu" => {
            let (x, slope) = (x()?, parameter("negative_slope", 0.01)?);
            array::select(x.ge(0.0), x, slope * x)
        }
        "elu" => elu(x()?, parameter("alpha", 1.0)?),
        "selu" => {
            let x = x()?;
            elu(x, x.constant(SELU_ALPHA)) * SELU_SCALE
        }
        "celu" => {
            let (x, alpha) = (x()?, parameter("alpha", 1.0)?);
            let below = alpha * (non_positive(x) / alpha).exp_m1();
            array::select(x.gt(0.0), x, below)
        }
        "silu" | "swish" => {
            let x = x()?;
            x * x.sigmoid()
        }
        "mish" => {
            let x = x()?;
            x * x.softplus().tanh()
        }
        "gelu" => {
            let x = x()?;
            let is_approximate = arguments.optional(1, "approximate").map_or(Ok(true), Object::truth)?;
            if is_approximate {
                let inner = (x + 0.044_715 * (x * x * x)) * (2.0 / std::f64::consts::PI).sqrt();
                0.5 * x * (1.0 + inner.tanh())
            } else {
                0.5 * x * (-x * std::f64::consts::FRAC_1_SQRT_2).erfc()
            }
        }
        "softsign" | "soft_sign" => {
            let x = x()?;
            x / (1.0 + x.abs())
        }
        "log_sigmoid" => -(-x()?).softplus(),
        "hard_tanh" => clipped(x()?, -1.0, 1.0),
        "hard_sigmoid" => clipped((x()? + 3.0) * (1.0 / 6.0), 0.0, 1.0),
        "hard_silu" | "hard_swish" => {
            let x = x()?;
            x * clipped((x + 3.0) * (1.0 / 6.0), 0.0, 1.0)
        }
        "squareplus" => {
            let (x, b) = (x()?, parameter("b", 4.0)?);
            0.5 * (x + (x * x + b).sqrt())
        }
        "sparse_plus" => {
            let x = x()?;
            array::select(x.le(-1.0), x.constant(0.0), array::select(x.ge(1.0), x, 0.25 * (x + 1.0) * (x + 1.0)))
        }
        "tanhshrink" => {
            let x = x()?;
            x - x.tanh()
        }
        _ => return Ok(None),
    })))
}

fn parameter<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>, name: &str, default: f64) -> Result<Tensor<'t, f64>, Stop> {
    match arguments.optional(1, name) {
        Some(_) => real(interpreter, arguments, 1, name),
        None => Ok(array::full(interpreter.tape, default, &[])),
    }
}

/// Keeps NaN, and is flat at 0.
fn relu(x: Tensor<'_, f64>) -> Tensor<'_, f64> {
    array::select(x.le(0.0), x.constant(0.0), x)
}

fn non_positive(x: Tensor<'_, f64>) -> Tensor<'_, f64> {
    array::select(x.gt(0.0), x.constant(0.0), x)
}

fn elu<'t>(x: Tensor<'t, f64>, alpha: Tensor<'t, f64>) -> Tensor<'t, f64> {
    array::select(x.gt(0.0), x, alpha * non_positive(x).exp_m1())
}

/// Flat outside, and at the ends.
fn clipped(x: Tensor<'_, f64>, low: f64, high: f64) -> Tensor<'_, f64> {
    array::select(x.ge(high), x.constant(high), array::select(x.le(low), x.constant(low), x))
}
