//! Writing a traced program down again on another tape, its float64 arrays as arrays of another float type.

use std::collections::BTreeMap;

use damo::op::Op;
use damo::op::cast::Cast;
use damo::op::constant::Constant;
use damo::op::iota::Iota;
use damo::prelude::Handle;
use damo::{DType, Float, Graph, Tape, Tensor};

use super::stop::{Stop, malformed, unsupported};

/// Records the nodes of a graph of one result on a tape. `inputs` stand for its inputs, in their order.
///
/// float64 becomes `T` everywhere: in constants, conversions and results.
pub(crate) fn replay<'t, T: Float>(graph: &Graph, tape: &'t Tape, inputs: &[Tensor<'t, T>]) -> Result<Tensor<'t, T>, Stop> {
    let mut handles = BTreeMap::new();
    for (id, node) in graph.nodes() {
        let handle = if let Op::Input(input) = node.op() {
            inputs.get(input.place).ok_or_else(|| malformed(format!("nothing stands for `{}`", input.name)))?.handle()
        } else {
            let read = node.inputs().iter().map(|value| handles.get(&value.node).copied()).collect::<Option<Vec<_>>>();
            let read = read.ok_or_else(|| malformed("a node before its inputs"))?;
            let op = converted::<T>(node.op());
            match node.types().first().map(|ty| ty.dtype) {
                Some(DType::F64) => tape.apply::<T>(op, &read).handle(),
                Some(DType::Bool) => tape.apply::<bool>(op, &read).handle(),
                Some(DType::I64) => tape.apply::<i64>(op, &read).handle(),
                other => return Err(unsupported(format!("a node of type {other:?}"))),
            }
        };
        handles.insert(id, handle);
    }
    let result = graph.outputs().first().and_then(|value| handles.get(&value.node)).and_then(Handle::tensor);
    result.ok_or_else(|| malformed("a program whose result is not a float array"))
}

/// The op with `T` where its parameters say float64.
fn converted<T: Float>(op: &Op) -> Op {
    let become_t = |dtype| if dtype == DType::F64 { T::DTYPE } else { dtype };
    if let Op::Constant(constant) = op {
        return Constant(constant.0.cast(become_t(constant.0.dtype()))).into();
    }
    if let Op::Cast(cast) = op {
        return Cast { to: become_t(cast.to) }.into();
    }
    if let Op::Iota(iota) = op {
        return Iota { dtype: become_t(iota.dtype), ..iota.clone() }.into();
    }
    op.clone()
}
