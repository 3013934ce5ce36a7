//! `conv_general_dilated` and `reduce_window`: convolution and pooling.

use damo::{Conv, Padding, Pool, Tensor};

use super::{Answer, real};
use crate::conformance::arguments::Arguments;
use crate::conformance::interpret::Interpreter;
use crate::conformance::object::Object;
use crate::conformance::stop::{Stop, malformed, unsupported};

pub(crate) fn call<'t>(interpreter: &Interpreter<'t>, arguments: &Arguments<'t>) -> Answer<'t> {
    Ok(Some(Object::Real(match arguments.of.as_str() {
        "conv_general_dilated" => {
            let image = real(interpreter, arguments, 0, "lhs")?;
            convolution(image, real(interpreter, arguments, 1, "rhs")?, arguments)?
        }
        "reduce_window" => pooling(real(interpreter, arguments, 0, "operand")?, arguments)?,
        _ => return Ok(None),
    })))
}

/// The dimension numbers are those that Damo has, in all cases.
fn convolution<'t>(image: Tensor<'t, f64>, filter: Tensor<'t, f64>, arguments: &Arguments<'t>) -> Result<Tensor<'t, f64>, Stop> {
    let mut how = Conv::new().stride(arguments.required(2, "window_strides")?.shape_argument()?).padding(pairs(arguments.required(3, "padding")?)?);
    if let Some(steps) = arguments.named("lhs_dilation") {
        how = how.input_dilation(steps.shape_argument()?);
    }
    if let Some(steps) = arguments.named("rhs_dilation") {
        how = how.dilation(steps.shape_argument()?);
    }
    let groups = arguments.integer(usize::MAX, "feature_group_count", 1)?;
    let groups = usize::try_from(groups).map_err(|_| malformed("a negative number of groups"))?;
    Ok(image.conv_with(filter, how.groups(groups)))
}

/// The largest or the sum of each window. Leading axes have windows of 1.
fn pooling<'t>(x: Tensor<'t, f64>, arguments: &Arguments<'t>) -> Result<Tensor<'t, f64>, Stop> {
    let lengths = arguments.required(3, "window_dimensions")?.shape_argument()?;
    let strides = arguments.required(4, "window_strides")?.shape_argument()?;
    let Padding::Explicit(padding) = pairs(arguments.required(5, "padding")?)? else { return Err(malformed("a padding")) };
    let leading = lengths.iter().take_while(|&&length| length == 1).count();
    let window = &lengths[leading..];
    let how = Pool::new().stride(&strides[leading..]).padding(Padding::Explicit(padding[leading..].to_vec()));
    match arguments.required(2, "computation")? {
        Object::Library(name) if &**name == "max" => Ok(x.max_pool_with(window, &how)),
        Object::Library(name) if &**name == "add" => Ok(x.avg_pool_with(window, &how) * window.iter().product::<usize>() as f64),
        other => Err(unsupported(format!("windows reduced by {}", other.kind()))),
    }
}

/// `((before, after), ..)`
fn pairs(object: &Object<'_>) -> Result<Padding, Stop> {
    let pair = |object: &Object<'_>| match object.integers()?[..] {
        [before, after] => Ok((before, after)),
        _ => Err(malformed("a pair of paddings")),
    };
    object.items()?.iter().map(pair).collect::<Result<_, _>>().map(Padding::Explicit)
}
