//! From the nodes of a graph to steps on buffers: views cost nothing, everything else is one step or few.

mod dot;
mod exponentials;
mod nests;
mod norm;
mod rows;
mod sliding;

use std::collections::{BTreeMap, BTreeSet};

use damo_graph::op::Op;
use damo_graph::{AnyArray, DType, ErrorKind, Graph, Node, NodeId, Number, Problem, Result, Sizes, Value};
use smallvec::{SmallVec, smallvec};

use crate::draft::{Draft, Origin, element_count};
use crate::layout::{Extent, Layout, Shape};
use crate::nest::{Access, Instruction, Nest, Store};
use crate::sliding::PoolFunction;
use crate::step::{Reference, Step, View};

/// Where a value is.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// The same number in every element of an array of that shape: it needs no memory.
    Number(Number, DType, Shape),
    /// Elements of a buffer.
    View(View),
}

impl Place {
    fn shape(&self) -> &[usize] {
        match self {
            Place::Number(_, _, shape) => shape,
            Place::View(view) => &view.layout.shape,
        }
    }

    fn dtype(&self) -> DType {
        match self {
            Place::Number(_, dtype, _) => *dtype,
            Place::View(view) => view.dtype,
        }
    }
}

/// The steps that compute the outputs of a graph, for these lengths and these layouts of its inputs.
///
/// With it come the places of all values that are in memory.
pub(crate) fn lower(graph: &Graph, sizes: &Sizes, inputs: &[Layout]) -> Result<(Draft, Vec<(Value, View)>)> {
    let mut lowering = Lowering { graph, sizes, draft: Draft::default(), places: BTreeMap::new(), largest: BTreeMap::new() };
    for (place, (&node, layout)) in graph.inputs().iter().zip(inputs).enumerate() {
        let dtype = graph.node(node).types()[0].dtype;
        let count = layout.count();
        let buffer = lowering.draft.buffer(dtype, count, Origin::Input(place));
        lowering.places.insert(node.into(), Place::View(View { buffer, dtype, layout: layout.clone() }));
    }
    let wanted = reachable(graph);
    for (id, node) in graph.nodes().filter(|(id, _)| wanted.contains(id)) {
        lowering.node(id, node).map_err(|problem| graph.blame_node(id, problem))?;
    }
    lowering.outputs().map_err(|problem| problem.titled("the program cannot be planned"))?;
    let in_memory = lowering.places.into_iter().filter_map(|(value, place)| match place {
        Place::View(view) => Some((value, view)),
        Place::Number(..) => None,
    });
    Ok((lowering.draft, in_memory.collect()))
}

/// The nodes that outputs depend on.
fn reachable(graph: &Graph) -> BTreeSet<NodeId> {
    let mut open: Vec<NodeId> = graph.outputs().iter().map(|value| value.node).collect();
    let mut wanted: BTreeSet<NodeId> = BTreeSet::new();
    while let Some(node) = open.pop() {
        if wanted.insert(node) {
            open.extend(graph.node(node).inputs().iter().map(|value| value.node));
        }
    }
    wanted
}

struct Lowering<'a> {
    graph: &'a Graph,
    sizes: &'a Sizes,
    draft: Draft,
    places: BTreeMap<Value, Place>,
    /// The largest elements along axes, which softmax and its relatives share.
    largest: BTreeMap<(Value, SmallVec<[usize; 4]>), View>,
}

impl Lowering<'_> {
    fn node(&mut self, id: NodeId, node: &Node) -> Result<(), Problem> {
        let place = match node.op() {
            Op::Input(_) => return Ok(()),
            Op::Constant(constant) => self.constant(&constant.0),
            Op::Pointwise(op) => self.pointwise(id, node, op.0)?,
            Op::Cast(op) => self.cast(id, node, op.to)?,
            Op::DimValue(op) => {
                // A difference of lengths may be negative.
                let number = self.sizes.evaluate(&op.dim).ok_or_else(|| Problem::shapes(format!("the length `{}` is not known", op.dim)))?;
                self.constant(&AnyArray::full(op.dtype, &[], Number::Integer(number.into())))
            }
            Op::Iota(op) => self.iota(id, op.dtype, self.sizes.length(&op.length)?)?,
            Op::Broadcast(_) => self.view(node, Layout::broadcast)?,
            Op::Reshape(_) => self.reshape(id, node)?,
            Op::Transpose(op) => self.view(node, |layout, _| Some(layout.transposed(&op.order)))?,
            Op::InsertAxis(op) => self.view(node, |layout, _| Some(layout.with_axis(op.axis)))?,
            Op::RemoveAxis(op) => self.view(node, |layout, _| Some(layout.without_axis(op.axis)))?,
            Op::StopGradient(_) => self.view(node, |layout, _| Some(layout.clone()))?,
            Op::Slice(op) => {
                let extents = self.extents(&op.ranges)?;
                self.view(node, |layout, _| layout.sliced(&extents))?
            }
            Op::Pad(op) => {
                let extents = self.extents(&op.ranges)?;
                self.pad(id, node, &extents)?
            }
            Op::Concatenate(op) => self.concatenate(id, node, op.axis)?,
            Op::SelectAxis(op) => self.select_axis(id, node, op.axis)?,
            Op::ScatterAdd(op) => self.scatter_add(id, node, op.axis)?,
            Op::Reduce(op) => self.reduce(id, node, op.reduction, &op.axes)?,
            Op::ProductOfOthers(op) => self.product_of_others(id, node, &op.axes)?,
            Op::ArgExtreme(op) => self.arg_extreme(id, node, op)?,
            Op::LogSumExp(op) => self.log_sum_exp(id, node, &op.axes)?,
            Op::Norm(op) => self.norm(id, node, &op.axes)?,
            Op::Softmax(op) => self.softmax(id, node, op.axis)?,
            Op::LogSoftmax(op) => self.log_softmax(id, node, op.axis)?,
            Op::Dot(op) => self.dot(id, node, op)?,
            Op::Conv(op) => self.conv(id, node, op)?,
            Op::MaxPool(op) => self.pool(id, node, PoolFunction::Max, &op.0)?,
            Op::MaxPoolTangent(op) => self.pool(id, node, PoolFunction::Tangent, &op.0)?,
            Op::MaxPoolCotangent(op) => self.pool(id, node, PoolFunction::Cotangent, &op.0)?,
            Op::Custom(_) => return self.reference(id, node),
        };
        self.places.insert(id.into(), place);
        Ok(())
    }

    /// Where an input of a node is.
    fn input(&self, node: &Node, index: usize) -> Result<Place, Problem> {
        let place = node.inputs().get(index).and_then(|value| self.places.get(value));
        place.cloned().ok_or_else(|| Problem::new(ErrorKind::Verify, "it reads a value that was not computed before it"))
    }

    /// Where an input of a node is, in memory.
    fn input_view(&mut self, id: NodeId, node: &Node, index: usize) -> Result<View, Problem> {
        let place = self.input(node, index)?;
        self.in_memory(id, place)
    }

    /// The lengths of a node's first result.
    fn shape(&self, node: &Node) -> Result<Vec<usize>, Problem> {
        let shape = self.sizes.shape(&node.types()[0].dims)?;
        // More elements than can be counted are refused, though a stretched array may have more than fit in memory.
        element_count(&shape, DType::Bool)?;
        Ok(shape)
    }

    fn extents(&self, ranges: &[damo_graph::op::slice::Range]) -> Result<Vec<Extent>, Problem> {
        ranges
            .iter()
            .map(|range| {
                let length = self.sizes.length(&range.length)?;
                if length == 0 {
                    // An empty range may start anywhere, also where no length says.
                    return Ok(Extent { start: 0, step: range.step as isize, length });
                }
                let start = self.sizes.evaluate(&range.start).ok_or_else(|| Problem::shapes(format!("the start `{}` is not known", range.start)))?;
                Ok(Extent { start: start as isize, step: range.step as isize, length })
            })
            .collect()
    }

    fn constant(&mut self, array: &AnyArray) -> Place {
        if let Some(number) = array.only() {
            return Place::Number(number, array.dtype(), array.shape().into());
        }
        let layout = Layout::contiguous(array.shape());
        let buffer = self.draft.buffer(array.dtype(), array.len(), Origin::Constant(self.draft.constants.len()));
        self.draft.constants.push(array.clone());
        Place::View(View { buffer, dtype: array.dtype(), layout })
    }

    /// A value that is other elements, or another order, of its input's: no step.
    fn view(&mut self, node: &Node, change: impl Fn(&Layout, &[usize]) -> Option<Layout>) -> Result<Place, Problem> {
        let to = self.shape(node)?;
        Ok(match self.input(node, 0)? {
            Place::Number(number, dtype, _) => Place::Number(number, dtype, to.into()),
            Place::View(view) => {
                let layout = change(&view.layout, &to).filter(|layout| layout.shape[..] == to[..]);
                let layout = layout.ok_or_else(|| Problem::axis(format!("{} has no elements for {to:?} in this call", view.layout)))?;
                Place::View(View { layout, ..view })
            }
        })
    }

    fn reshape(&mut self, id: NodeId, node: &Node) -> Result<Place, Problem> {
        let to = self.shape(node)?;
        let count = |shape: &[usize]| shape.iter().product::<usize>();
        let input = self.input(node, 0)?;
        if count(input.shape()) != count(&to) {
            return Err(Problem::shapes(format!("{:?} and {to:?} do not have the same number of elements", input.shape())));
        }
        Ok(match input {
            Place::Number(number, dtype, _) => Place::Number(number, dtype, to.into()),
            Place::View(view) => Place::View(if let Some(layout) = view.layout.reshaped(&to) {
                View { layout, ..view }
            } else {
                View { layout: Layout::contiguous(&to), ..self.copy(id, &view)? }
            }),
        })
    }

    /// A value in memory: itself, or an array filled with the number.
    fn in_memory(&mut self, id: NodeId, place: Place) -> Result<View, Problem> {
        match place {
            Place::View(view) => Ok(view),
            Place::Number(number, dtype, shape) => {
                // One element stretched serves for all.
                let one = self.draft.temporary(dtype, &[])?;
                self.draft.push(Step::Nest(fill(number, &one)), &[id]);
                let layout = one.layout.broadcast(&shape).unwrap_or_default();
                Ok(View { layout, ..one })
            }
        }
    }

    /// The op's own meaning.
    fn reference(&mut self, id: NodeId, node: &Node) -> Result<(), Problem> {
        let inputs = (0..node.inputs().len()).map(|index| self.input_view(id, node, index)).collect::<Result<_, _>>()?;
        let mut outputs: SmallVec<[View; 1]> = smallvec![];
        for (result, ty) in node.types().iter().enumerate() {
            let view = self.draft.temporary(ty.dtype, &self.sizes.shape(&ty.dims)?)?;
            self.places.insert(Value { node: id, result: result as u32 }, Place::View(view.clone()));
            outputs.push(view);
        }
        let step = Reference { op: node.op().clone(), values: node.inputs().into(), inputs, outputs };
        self.draft.push(Step::Reference(step), &[id]);
        Ok(())
    }

    /// The op's own meaning, for an op of one result.
    fn by_reference(&mut self, id: NodeId, node: &Node) -> Result<Place, Problem> {
        self.reference(id, node)?;
        self.places.get(&id.into()).cloned().ok_or_else(|| Problem::new(ErrorKind::Verify, "it has no result"))
    }

    /// Lets each output be computed where the caller wants it, or copies it there.
    fn outputs(&mut self) -> Result<(), Problem> {
        for (place, &value) in self.graph.outputs().iter().enumerate() {
            let found = self.places.get(&value).cloned();
            let found = found.ok_or_else(|| Problem::new(ErrorKind::Verify, "an output was not computed"))?;
            if let Place::View(view) = &found {
                let buffer = &mut self.draft.buffers[view.buffer.index()];
                let whole = view.layout.offset == 0 && view.layout.is_contiguous() && view.layout.count() == buffer.count;
                if buffer.origin == Origin::Temporary && whole {
                    buffer.origin = Origin::Output(place);
                    continue;
                }
            }
            let out = self.draft.temporary(found.dtype(), found.shape())?;
            self.draft.buffers[out.buffer.index()].origin = Origin::Output(place);
            match found {
                Place::View(view) => self.draft.copy(&view, &out, &[value.node]),
                Place::Number(number, ..) => self.draft.push(Step::Nest(fill(number, &out)), &[value.node]),
            }
        }
        Ok(())
    }
}

/// A nest that writes one number everywhere.
fn fill(number: Number, to: &View) -> Nest {
    Nest {
        shape: to.layout.shape.clone(),
        operands: Vec::new(),
        body: vec![Instruction::Constant(number, to.dtype)],
        stores: vec![Store { value: 0, to: Access::of(to.buffer, to.dtype, &to.layout) }],
        reductions: Vec::new(),
    }
}
