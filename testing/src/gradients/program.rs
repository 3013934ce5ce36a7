//! A function traced, with all its derivatives compiled.

use damo::op::cast::Cast;
use damo::op::constant::Constant;
use damo::op::dim_value::DimValue;
use damo::op::iota::Iota;
use damo::op::{Op, input::InputKind};
use damo::prelude::*;
use damo::{AnyArray, DType, Graph, Result as DamoResult};
use ndarray::ArrayD;

use super::Traced;

/// A program that takes vectors of arrays and gives them.
pub(super) type Compiled<T> = Function<Vec<T>, Vec<T>>;

/// A function with its derivatives. `x` are its arguments, `v` tangents of them, `u` a cotangent of its result.
pub(super) struct Program<T> {
    /// x → f
    pub value: Compiled<T>,
    /// x, v → J v
    pub forward: Compiled<T>,
    /// x, u → Jᵀ u
    pub reverse: Compiled<T>,
    /// x, u, v → the derivative of Jᵀ u along v, by forward mode and by reverse mode.
    pub second: Option<[Compiled<T>; 2]>,
    /// The lengths of the result.
    pub shape: Vec<usize>,
}

impl<T: Float> Program<T> {
    pub fn compile(f: &impl Traced<T>, inputs: &[ArrayD<T>], config: &Config, is_second: bool) -> DamoResult<Self> {
        let tape = Tape::new();
        let declare = |letter: &str| -> Vec<Tensor<'_, T>> {
            inputs.iter().enumerate().map(|(k, array)| tape.input::<T>(&format!("{letter}{k}"), array.shape())).collect()
        };
        let (x, v) = (declare("x"), declare("v"));
        let result = f(&x);
        let dims = result.dims()?;
        let shape = dims.known().unwrap_or_default();
        let u = tape.input::<T>("u", dims);
        let freeze = |inputs: Vec<Tensor<'_, T>>, outputs: Vec<Tensor<'_, T>>| tape.function(inputs, outputs).freeze(config);
        let forward = result.jvp(or_zero(x.clone()), v.clone());
        let reverse = result.vjp(or_zero(x.clone()), u);
        let second = if is_second {
            let cost = (result * u).sum();
            let gradients = cost.grad(or_zero(x.clone()));
            let along =
                gradients.iter().zip(&v).fold(tape.constant(ndarray::arr0(T::from_f64(0.0))), |along, (&gradient, &v)| along + (gradient * v).sum());
            let all = [&x[..], &[u], &v].concat();
            Some([freeze(all.clone(), cost.hvp(or_zero(x.clone()), v.clone()))?, freeze(all, along.grad(or_zero(x.clone())))?])
        } else {
            None
        };
        Ok(Program {
            value: freeze(x.clone(), vec![result])?,
            forward: freeze([&x[..], &v].concat(), vec![forward])?,
            reverse: freeze([&x[..], &[u]].concat(), reverse)?,
            second,
            shape,
        })
    }
}

/// A graph with float64 where it has another float type, so that its slopes can be measured; itself if an op refuses that.
pub(super) fn widened(graph: &Graph) -> Graph {
    widen(graph).unwrap_or_else(|| graph.clone())
}

fn widen(graph: &Graph) -> Option<Graph> {
    let wide = |dtype: DType| if dtype.is_float() { DType::F64 } else { dtype };
    let mut wider = Graph::new();
    let mut values = std::collections::BTreeMap::new();
    for (id, node) in graph.nodes() {
        let inputs = node.inputs().iter().map(|value| values.get(value).copied()).collect::<Option<Vec<damo_graph::Value>>>()?;
        let op: Op = if let Op::Input(input) = node.op() {
            let made = wider.add_input(&input.name, input.ty.with_dtype(wide(input.ty.dtype)), InputKind::Argument).ok()?;
            values.insert(id.into(), made);
            continue;
        } else if let Op::Constant(constant) = node.op() {
            Constant(constant.0.cast(wide(constant.0.dtype()))).into()
        } else if let Op::Cast(cast) = node.op() {
            Cast { to: wide(cast.to) }.into()
        } else if let Op::Iota(iota) = node.op() {
            Iota { dtype: wide(iota.dtype), ..iota.clone() }.into()
        } else if let Op::DimValue(value) = node.op() {
            DimValue { dtype: wide(value.dtype), ..value.clone() }.into()
        } else {
            node.op().clone()
        };
        let made = wider.add_node(op, &inputs).ok()?;
        for result in 0..node.types().len() as u32 {
            values.insert(damo_graph::Value { node: id, result }, damo_graph::Value { node: made, result });
        }
    }
    let outputs = graph.outputs().iter().map(|output| values.get(output).copied()).collect::<Option<Vec<_>>>()?;
    wider.set_outputs(outputs);
    Some(wider)
}

/// Arrays of any float type, as the graph they are given to has them.
pub(super) fn any<T: Float>(arrays: &[ArrayD<T>]) -> Vec<AnyArray> {
    arrays.iter().map(|array| AnyArray::from(array.clone())).collect()
}
