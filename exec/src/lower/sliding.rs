//! Convolution and pooling: kernels of the library where it has them, else the reference.

use damo_graph::op::conv::Conv;
use damo_graph::op::slice::Range;
use damo_graph::op::windows::Windows;
use damo_graph::{Node, NodeId, Problem};

use super::{Lowering, Place};
use crate::layout::Layout;
use crate::library::{convolution, pool};
use crate::sliding::{AXES, Convolution, Method, PoolFunction, Pooling, Slide};
use crate::step::{Step, View};

impl Lowering<'_> {
    pub(super) fn conv(&mut self, id: NodeId, node: &Node, op: &Conv) -> Result<Place, Problem> {
        let dtype = node.types()[0].dtype;
        if !convolution::supports(dtype) {
            return self.by_reference(id, node);
        }
        let (mut input, filter) = (self.input_view(id, node, 0)?, self.input_view(id, node, 1)?);
        let out = self.draft.temporary(dtype, &self.shape(node)?)?;
        let (lengths, taps) = (&input.layout.shape[2..], &filter.layout.shape[2..]);
        let mut slides = [Slide::NONE; AXES];
        let missing = AXES - op.begins.len();
        for (axis, range) in op.begins.iter().enumerate() {
            let along = self.slide(range, lengths[axis], taps[axis])?;
            slides[missing + axis] = Slide { dilation: op.dilation[axis], spread: op.spread[axis], ..along };
        }
        let with_all_axes = |view: &View| View { layout: (0..missing).fold(view.layout.clone(), |layout, _| layout.with_axis(2)), ..view.clone() };
        let mut step = Convolution {
            dtype,
            method: Method::Gather,
            groups: op.groups,
            slides,
            input: with_all_axes(&input),
            filter: with_all_axes(&filter),
            out: with_all_axes(&out),
        };
        step.method = step.method();
        if step.method == Method::Scatter && !is_flat(&step.input.layout) {
            input = self.copy(id, &input)?;
            step.input = with_all_axes(&input);
        }
        self.draft.push(Step::Convolve(step), &[id]);
        Ok(Place::View(out))
    }

    pub(super) fn pool(&mut self, id: NodeId, node: &Node, function: PoolFunction, windows: &Windows) -> Result<Place, Problem> {
        let dtype = node.types()[0].dtype;
        if !pool::supports(dtype) || windows.begins.len() > AXES {
            return self.by_reference(id, node);
        }
        let input = self.in_row_major_order(id, node, 0)?;
        let given = if function == PoolFunction::Max { None } else { Some(self.in_row_major_order(id, node, 1)?) };
        let out = self.draft.temporary(dtype, &self.shape(node)?)?;
        let (leading, lengths) = input.layout.shape.split_at(input.layout.rank() - windows.begins.len());
        let mut slides = [Slide::NONE; AXES];
        let missing = AXES - windows.begins.len();
        for (axis, range) in windows.begins.iter().enumerate() {
            slides[missing + axis] = self.slide(range, lengths[axis], windows.lengths[axis])?;
        }
        let rows = leading.iter().product();
        self.draft.push(Step::Pool(Pooling { function, dtype, rows, slides, input, given, out: out.clone() }), &[id]);
        Ok(Place::View(out))
    }

    /// How windows that begin there lie along an axis.
    fn slide(&self, range: &Range, length: usize, taps: usize) -> Result<Slide, Problem> {
        let begin = self.sizes.evaluate(&range.start).ok_or_else(|| Problem::shapes(format!("the start `{}` is not known", range.start)))?;
        Ok(Slide { length, taps, count: self.sizes.length(&range.length)?, begin: begin as isize, stride: range.step as usize, ..Slide::NONE })
    }

    /// An input of a node with its elements one after the other.
    fn in_row_major_order(&mut self, id: NodeId, node: &Node, index: usize) -> Result<View, Problem> {
        let view = self.input_view(id, node, index)?;
        if view.layout.is_contiguous() { Ok(view) } else { self.copy(id, &view) }
    }
}

/// Whether one step leads along all spatial axes, from each element to its neighbour.
fn is_flat(layout: &Layout) -> bool {
    let spatial = Layout { shape: layout.shape[2..].into(), strides: layout.strides[2..].into(), offset: 0 };
    spatial.is_contiguous()
}
