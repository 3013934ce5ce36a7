//! The same again: the bits of a call on other threads and in another order of work, the plan made twice, arrays that lie in memory
//! another way.

#![expect(clippy::wildcard_enum_match_arm, reason = "a few dtypes are enough to try")]

use damo_graph::{AnyArray, Graph, Result};
use ndarray::{ArrayD, Axis};

use super::finding::{Finding, Place, Repetition};
use super::step::place_of;
use crate::array::{Argument, OwnedElements};
use crate::executable::Options;
use crate::inputs::Inputs;
use crate::layout::Layout;
use crate::plan::Plan;
use crate::profile::meter::Unmeasured;
use crate::run::{Arena, Call};

/// On so many threads, whatever the program is told to use.
const THREADS: usize = 3;

/// Runs a call again in other ways, and says where the bits or the plan differ. `is_first` asks for what only depends on lengths as well.
///
/// # Errors
///
/// Those of an op.
pub(crate) fn repeat(
    call: &Call<'_>,
    options: &Options,
    layouts: &[Layout],
    results: &[AnyArray],
    is_first: bool,
    cuts_down: bool,
) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let mut shaken = *call;
    shaken.order = 1;
    let again = plain(&shaken)?;
    findings.extend(differing(call.graph, results, &again));
    if !is_first {
        return Ok(findings);
    }
    let mut plan = Plan::make(call.graph, &call.plan.sizes, layouts, options)?;
    call.hooks.plan(&mut plan);
    let (first, second) = (call.plan.explain(call.graph), plan.explain(call.graph));
    if first != second {
        findings.push(Finding::NotRepeatable { what: Repetition::Planning, place: Place::default(), how: first_difference(&first, &second) });
    }
    let mut threaded = Plan::make(call.graph, &call.plan.sizes, layouts, &Options { threads: THREADS, ..*options })?;
    call.hooks.plan(&mut threaded);
    for order in [0, 5] {
        let again = plain(&Call { plan: &threaded, threads: THREADS, order, ..*call })?;
        findings.extend(differing(call.graph, results, &again));
    }
    // The same arrays, running backwards in memory and with their axes in the other order.
    let turned: Vec<AnyArray> = call.inputs.iter().map(|array| backwards(&array.to_any())).collect();
    if turned.iter().any(|array| array.shape().iter().any(|&length| length > 1)) {
        let inputs: Vec<&dyn Argument> = turned.iter().map(|array| array as &dyn Argument).collect();
        let inputs = Inputs::new(&inputs, &[]);
        let layouts = inputs.layouts();
        let mut plan = Plan::make(call.graph, &call.plan.sizes, &layouts, options)?;
        call.hooks.plan(&mut plan);
        let (_, found) = super::watch(&Call { plan: &plan, inputs, ..*call }, &layouts, cuts_down)?;
        findings.extend(found);
    }
    Ok(findings)
}

/// A call as it is without watch, on memory of its own.
fn plain(call: &Call<'_>) -> Result<Vec<AnyArray>> {
    let mut outputs: Vec<OwnedElements> =
        call.plan.outputs.iter().map(|(dtype, shape)| OwnedElements::zeros(*dtype, shape.iter().product())).collect();
    {
        let regions: Vec<_> = outputs.iter_mut().map(OwnedElements::region).collect();
        call.run(&regions, &mut Arena::default(), &mut Unmeasured)?;
    }
    let arrays = outputs.into_iter().zip(&call.plan.outputs).filter_map(|(elements, (_, shape))| elements.into_array(shape));
    Ok(arrays.collect())
}

fn differing(graph: &Graph, first: &[AnyArray], second: &[AnyArray]) -> Option<Finding> {
    let place = first.iter().zip(second).position(|(first, second)| first != second)?;
    let (a, b) = (first[place].numbers(), second[place].numbers());
    let at = a.iter().zip(&b).position(|(a, b)| format!("{a:?}") != format!("{b:?}")).unwrap_or(0);
    let element = super::element::index_of(at, first[place].shape());
    let how = format!("output {place}, element {element:?}: {:?} and then {:?}", a.get(at), b.get(at));
    let place = graph.outputs().get(place).map(|&value| place_of(graph, value, None)).unwrap_or_default();
    Some(Finding::NotRepeatable { what: Repetition::Call, place, how })
}

/// The first lines that differ.
pub fn first_difference(first: &str, second: &str) -> String {
    let lines = first.lines().zip(second.lines()).find(|(first, second)| first != second);
    lines.map_or_else(|| "one is longer than the other".into(), |(first, second)| format!("`{}` and then `{}`", first.trim(), second.trim()))
}

/// The same elements, lying in memory in the order opposite to row-major order along every axis, column by column.
fn backwards(array: &AnyArray) -> AnyArray {
    fn turned<T: damo_graph::Element>(array: &AnyArray) -> Option<AnyArray> {
        let elements = T::from_any(array)?;
        let reversed_axes = elements.t();
        let mut copy: ArrayD<T> = ArrayD::default(reversed_axes.raw_dim());
        let mut view = copy.view_mut();
        for axis in 0..reversed_axes.ndim() {
            view.invert_axis(Axis(axis));
        }
        view.assign(&reversed_axes);
        let mut shared = copy.into_shared();
        for axis in 0..shared.ndim() {
            shared.invert_axis(Axis(axis));
        }
        Some(T::into_any(shared.reversed_axes()))
    }
    // One floating type is enough to try kernels with other strides; the others stay as they are.
    let made = match array.dtype() {
        damo_graph::DType::F32 => turned::<f32>(array),
        damo_graph::DType::F64 => turned::<f64>(array),
        damo_graph::DType::I64 => turned::<i64>(array),
        damo_graph::DType::Bool => turned::<bool>(array),
        _ => None,
    };
    made.unwrap_or_else(|| array.clone())
}
