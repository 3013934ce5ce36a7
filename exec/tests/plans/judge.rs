//! Running a graph both ways and comparing.

use damo_exec::{Argument, Engine, Executable, Options};
use damo_graph::op::input::InputKind;
use damo_graph::{AnyArray, DType, Dim, Graph, Number, Symbol, Type, Value};

/// Options that check every plan.
pub const CHECKED: Options =
    Options { engine: Engine::Portable, instructions: None, threads: 2, plan_cache: 4, verify: true, watch: damo_exec::Watch::Off, shake: None };

/// An input with lengths that are not known before the call: `n0`, `n1` ...
pub fn input(graph: &mut Graph, name: &str, dtype: DType, shape: &[usize]) -> Value {
    let dims =
        shape.iter().enumerate().map(|(axis, &length)| if length == 1 { Dim::from(1) } else { Dim::from(Symbol::new(&format!("{name}{axis}"))) });
    graph.add_input(name, Type::new(dtype, dims), InputKind::Argument).unwrap()
}

/// An input of known lengths.
pub fn known(graph: &mut Graph, name: &str, dtype: DType, shape: &[usize]) -> Value {
    graph.add_input(name, Type::new(dtype, shape.iter().copied()), InputKind::Argument).unwrap()
}

/// An array of small whole numbers, of which sums and products are exact.
pub fn whole(dtype: DType, shape: &[usize]) -> AnyArray {
    let count: usize = shape.iter().product();
    let numbers = (0..count as i128).map(|k| Number::Integer((k * 7 + 3) % 11 - if dtype.name().starts_with('u') { 0 } else { 5 }));
    AnyArray::from_numbers(dtype, shape, numbers).unwrap()
}

/// An array of numbers between 0.05 and 0.95.
pub fn fractions(dtype: DType, shape: &[usize]) -> AnyArray {
    let count: usize = shape.iter().product();
    AnyArray::from_numbers(dtype, shape, (0..count).map(|k| Number::Real(0.05 + 0.9 * ((k * 37 + 11) % 101) as f64 / 101.0))).unwrap()
}

/// Runs a graph, and demands the results of its meaning within so many units in the last place. Gives the plan as text.
#[track_caller]
pub fn agree(graph: &Graph, inputs: &[&dyn Argument], ulps: f64) -> String {
    let expected = graph.evaluate(&inputs.iter().map(|array| array.to_any()).collect::<Vec<_>>()).unwrap();
    let executable = Executable::new(graph.clone(), CHECKED).unwrap();
    let found = executable.call(inputs).unwrap_or_else(|error| panic!("{error}\n{graph:?}"));
    assert_eq!(found.len(), expected.len());
    for (output, (found, expected)) in found.iter().zip(&expected).enumerate() {
        same(found, expected, ulps, &|| format!("output {output} of\n{graph:?}\n{}", executable.explain()));
    }
    executable.explain()
}

/// The same with plans whose choices are drawn by dice, started by each of these seeds, on both engines: any choice is right.
#[track_caller]
pub fn agree_shaken(graph: &Graph, inputs: &[&dyn Argument], ulps: f64, seeds: impl IntoIterator<Item = u64>) {
    let expected = graph.evaluate(&inputs.iter().map(|array| array.to_any()).collect::<Vec<_>>()).unwrap();
    for seed in seeds {
        for engine in [Engine::Portable, Engine::Native] {
            let executable = || Executable::new(graph.clone(), Options { engine, shake: Some(seed), ..CHECKED }).unwrap();
            let shaken = executable();
            let found = shaken.call(inputs).unwrap_or_else(|error| panic!("{error}\n{graph:?}"));
            for (output, (found, expected)) in found.iter().zip(&expected).enumerate() {
                same(found, expected, ulps, &|| format!("output {output}, {engine:?}, seed {seed} of\n{graph:?}\n{}", shaken.explain()));
            }
            let again = executable().plan(inputs).unwrap().explain(graph);
            assert_eq!(shaken.plan(inputs).unwrap().explain(graph), again, "the same seed gives the same plan");
        }
    }
}

/// Demands equal arrays, floats within so many units in the last place.
#[track_caller]
pub fn same(found: &AnyArray, expected: &AnyArray, ulps: f64, context: &dyn Fn() -> String) {
    assert_eq!((found.dtype(), found.shape()), (expected.dtype(), expected.shape()), "{}", context());
    // The digits behind the point of a mantissa, and the exponent of the smallest number.
    let formats = [(DType::F16, 10, -24), (DType::BF16, 7, -133), (DType::F32, 23, -149), (DType::F64, 52, -1074)];
    let format = formats.iter().find(|format| format.0 == found.dtype());
    let spacing = |x: f64| format.map_or(0.0, |&(_, digits, least)| (x.abs() * 2f64.powi(-digits)).max(2f64.powi(least)));
    for (place, (f, e)) in found.numbers().into_iter().zip(expected.numbers()).enumerate() {
        let close = match (f, e) {
            (Number::Real(f), Number::Real(e)) => f == e || f.is_nan() && e.is_nan() || (f - e).abs() <= ulps * spacing(e),
            (f, e) => f == e,
        };
        assert!(close, "element {place} is {f:?}, not {e:?}, in {}", context());
    }
}
