//! Derivatives of tensors: `cost.grad([w, b])` and its relatives, as methods on `Tensor`.

use std::panic::Location;

use damo_graph::{Error, ErrorKind, Float, Graph, Result, Source, Value, with_dtype};
use damo_passes::derive::{gradient, hvp, jvp, vjp};
use damo_trace::{Handle, Tensor, Tensors};

/// What a derivative can be taken with respect to: a tensor, an array or a tuple of tensors, or any of these in [`or_zero`].
pub trait Parameters<'t> {
    /// The same shape of things, which the derivatives come back as.
    type Tensors: Tensors<'t>;

    /// Whether a parameter that the cost does not depend on has a gradient of zeros, rather than being an error.
    const DISCONNECTED_IS_ZERO: bool;

    /// The tensors.
    fn tensors(self) -> Self::Tensors;
}

impl<'t, W: Tensors<'t>> Parameters<'t> for W {
    type Tensors = W;
    const DISCONNECTED_IS_ZERO: bool = false;

    fn tensors(self) -> W {
        self
    }
}

/// Parameters that may have nothing to do with the cost; see [`or_zero`].
#[derive(Clone, Copy, Debug)]
pub struct OrZero<W>(W);

/// Asks for zeros where the cost does not depend on a parameter, instead of an error.
///
/// ```
/// use damo::prelude::*;
/// let tape = Tape::new();
/// let (x, y) = (tape.vector::<f64>("x"), tape.vector::<f64>("y"));
/// let [_, gy] = (x * x).sum().grad(or_zero([x, y]));
/// assert!(tape.check().is_ok());
/// # let _ = gy;
/// ```
pub fn or_zero<W>(parameters: W) -> OrZero<W> {
    OrZero(parameters)
}

impl<'t, W: Tensors<'t>> Parameters<'t> for OrZero<W> {
    type Tensors = W;
    const DISCONNECTED_IS_ZERO: bool = true;

    fn tensors(self) -> W {
        self.0
    }
}

/// Derivatives of a tensor. They are tensors too: applying one again gives higher derivatives.
///
/// They are taken of the stable form of the tensor, by the rules that [`Policy::Stable`](crate::Policy::Stable) admits, because the slope
/// of a formula that overflows is not that of what it means. A tape is recorded before it is known how it will be frozen, so this does not
/// depend on [`Config::policy`](crate::Config::policy) or [`Config::without`](crate::Config::without). Under
/// [`Policy::Strict`](crate::Policy::Strict) the tensor itself still keeps every bit, and so do its derivatives from then on.
pub trait Differentiate<'t, T: Float>: Sized {
    /// The gradient of a scalar: one tensor per parameter, of its shape.
    ///
    /// `self: [], each w: [..] -> [..]`. Reverse mode: costs a few times the cost itself, however many parameters there are.
    ///
    /// # Errors
    ///
    /// Kept by the tape until `check` or `freeze`: [`ErrorKind::Gradient`] if this is not a scalar or an op has no derivative,
    /// [`ErrorKind::Disconnected`] if a parameter does not matter to it (ask with [`or_zero`] for zeros).
    ///
    /// ```
    /// use damo::prelude::*;
    /// let tape = Tape::new();
    /// let x = tape.scalar::<f64>("x");
    /// let slope = (x * x * x).grad(x);
    /// let curvature = slope.grad(x);
    /// let f = tape.function(x, [slope, curvature]).freeze(&Config::default())?;
    /// let [slope, curvature] = f.call(&ndarray::arr0(2.0))?;
    /// assert_eq!((slope[[]], curvature[[]]), (12.0, 12.0));
    /// # Ok::<(), damo::Error>(())
    /// ```
    #[track_caller]
    fn grad<W: Parameters<'t>>(self, parameters: W) -> W::Tensors;

    /// The cotangents of the parameters, given that of this tensor: `Jᵀ · cotangent`, without forming the Jacobian.
    ///
    /// `self, cotangent: [..], each w: [..] -> [..]`. Reverse mode. Errors as for [`grad`](Self::grad).
    #[track_caller]
    fn vjp<W: Parameters<'t>>(self, parameters: W, cotangent: Tensor<'t, T>) -> W::Tensors;

    /// The tangent of this tensor, given those of the parameters: `J · tangents`, without forming the Jacobian.
    ///
    /// `each w and its tangent: [..] -> self: [..]`. Forward mode. Errors as for [`grad`](Self::grad).
    #[track_caller]
    fn jvp<W: Parameters<'t>>(self, parameters: W, tangents: W::Tensors) -> Tensor<'t, T>;

    /// The Hessian of a scalar times vectors, without forming it: forward over reverse.
    ///
    /// `self: [], each w and its vector: [..] -> [..]`. Errors as for [`grad`](Self::grad).
    #[track_caller]
    fn hvp<W: Parameters<'t>>(self, parameters: W, vectors: W::Tensors) -> W::Tensors;
}

impl<'t, T: Float> Differentiate<'t, T> for Tensor<'t, T> {
    #[track_caller]
    fn grad<W: Parameters<'t>>(self, parameters: W) -> W::Tensors {
        derive(self, "grad", parameters, &[], |graph, own, wrt, _| gradient(graph, own, wrt))
    }

    #[track_caller]
    fn vjp<W: Parameters<'t>>(self, parameters: W, cotangent: Tensor<'t, T>) -> W::Tensors {
        derive(self, "vjp", parameters, &[cotangent.handle()], |graph, own, wrt, given| vjp(graph, &[own], given, wrt))
    }

    #[track_caller]
    fn jvp<W: Parameters<'t>>(self, parameters: W, tangents: W::Tensors) -> Tensor<'t, T> {
        match tangent(self, &parameters.tensors().handles(), &tangents.handles()) {
            Ok(tangent) => self.tape().adopt(tangent),
            Err(error) => {
                self.tape().fail(error.at(Source::from(Location::caller())));
                self.tape().poison()
            }
        }
    }

    #[track_caller]
    fn hvp<W: Parameters<'t>>(self, parameters: W, vectors: W::Tensors) -> W::Tensors {
        // A parameter that is in the cost only to the first power has a Hessian of zeros; only what is not in the cost at all is an error.
        derive(self, "hvp", parameters, &vectors.handles(), |graph, own, wrt, given| {
            let gradients = gradient(graph, own, wrt)?;
            let products = hvp(graph, own, wrt, given)?;
            wrt.iter()
                .zip(gradients.iter().zip(products))
                .map(|(&value, (gradient, product))| match (gradient, product) {
                    (Some(_), None) => graph.zeros_like(value).map(Some),
                    (_, product) => Ok(product),
                })
                .collect()
        })
    }
}

/// The tangent of `own`, given parameters and their tangents.
#[track_caller]
fn tangent<'t, T: Float>(own: Tensor<'t, T>, parameters: &[Handle<'t>], tangents: &[Handle<'t>]) -> Result<Value> {
    let (own_value, wrt) = values(own, parameters)?;
    let (_, given) = values(own, tangents)?;
    own.tape().with_graph(|graph| {
        let tangent = jvp(graph, &[own_value], &wrt, &given)?.remove(0);
        tangent.map_or_else(|| graph.zeros_like(own_value), Ok)
    })
}

/// Takes derivatives of `own` with respect to parameters, by a rule that also reads some `given` tensors.
#[track_caller]
fn derive<'t, T: Float, W: Parameters<'t>>(
    own: Tensor<'t, T>,
    name: &str,
    parameters: W,
    given: &[Handle<'t>],
    rule: impl FnOnce(&mut Graph, Value, &[Value], &[Value]) -> Result<Vec<Option<Value>>>,
) -> W::Tensors {
    let wrt = parameters.tensors();
    let (tape, handles) = (own.tape(), wrt.handles());
    let missing = |graph: &mut Graph, own, parameter| {
        if W::DISCONNECTED_IS_ZERO { graph.zeros_like(parameter) } else { Err(disconnected(graph, name, own, parameter)) }
    };
    let results: Vec<Handle<'t>> = match derivatives(own, &handles, given, rule, missing) {
        Ok(values) => handles.iter().zip(values).map(|(handle, value)| with_dtype!(handle.dtype(), E => tape.adopt::<E>(value).handle())).collect(),
        Err(error) => {
            tape.fail(error.at(Source::from(Location::caller())));
            handles.iter().map(|handle| with_dtype!(handle.dtype(), E => tape.poison::<E>().handle())).collect()
        }
    };
    wrt.rebuild(&mut results.into_iter())
}

/// One derivative per parameter; `missing` says what to do about a parameter that has none.
#[track_caller]
fn derivatives<'t, T: Float>(
    own: Tensor<'t, T>,
    parameters: &[Handle<'t>],
    given: &[Handle<'t>],
    rule: impl FnOnce(&mut Graph, Value, &[Value], &[Value]) -> Result<Vec<Option<Value>>>,
    missing: impl Fn(&mut Graph, Value, Value) -> Result<Value>,
) -> Result<Vec<Value>> {
    let (own_value, wrt) = values(own, parameters)?;
    let (_, given) = values(own, given)?;
    own.tape().with_graph(|graph| {
        let found = rule(graph, own_value, &wrt, &given)?;
        wrt.iter().zip(found).map(|(&parameter, found)| found.map_or_else(|| missing(graph, own_value, parameter), Ok)).collect()
    })
}

/// The graph's values behind a tensor and some handles of the same tape.
fn values<'t, T: Float>(own: Tensor<'t, T>, handles: &[Handle<'t>]) -> Result<(Value, Vec<Value>)> {
    let tape = own.tape();
    Ok((tape.value_of_handle(own.handle())?, handles.iter().map(|&handle| tape.value_of_handle(handle)).collect::<Result<_>>()?))
}

fn disconnected(graph: &Graph, name: &str, own: Value, parameter: Value) -> Error {
    let operand = graph.operand(parameter, 0, 1);
    let shown = if operand.declared { format!("`{}`", operand.name) } else { "a parameter".to_owned() };
    Error::new(ErrorKind::Disconnected, format!("the cost does not depend on {shown}, so its `{name}` is not defined"))
        .operand(graph.operand(own, 0, 2))
        .operand(operand)
        .explain("there is no path of differentiable ops from one to the other")
        .advise("check the formula; if it is meant so, wrap the parameters: `cost.grad(or_zero([..]))` gives zeros")
}
