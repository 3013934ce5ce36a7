//! Random sums of products and arrays, on strided inputs: the plan agrees with the meaning.

use damo_exec::{Argument, Executable};
use damo_graph::{AnyArray, DType, Element, Graph, Number, with_any_array};
use ndarray::{ArcArray, ArrayD, Axis, IxDyn, Slice};
use proptest::prelude::*;

use crate::formula::{Tape, Tensor};
use crate::judge::{CHECKED, agree, agree_shaken, whole};

/// The same elements in other places in memory: turned, with gaps, backwards.
fn strided<T: Element>(array: &ArcArray<T, IxDyn>, how: usize) -> ArrayD<T> {
    let step: isize = [1, -1, 2, -2][how / 2 % 4];
    let wide: Vec<usize> = array.shape().iter().map(|length| length * 2).collect();
    let mut memory = if how.is_multiple_of(2) {
        ArrayD::from_elem(wide, T::from_number(Number::Real(7.0)))
    } else {
        let turned: Vec<usize> = wide.into_iter().rev().collect();
        ArrayD::from_elem(turned, T::from_number(Number::Real(7.0))).reversed_axes()
    };
    for (axis, &length) in array.shape().iter().enumerate() {
        memory.slice_axis_inplace(Axis(axis), Slice::new(0, Some(length as isize * step.abs()), step));
    }
    memory.assign(array);
    memory
}

fn in_other_places(array: &AnyArray, how: usize) -> AnyArray {
    with_any_array!(array, |array| AnyArray::from(strided(array, how)))
}

/// A part of a sum: an array or a product, and how it comes in.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is drawn by itself")]
struct Part {
    /// The length of the summed axis of a product; an array if there is none.
    depth: Option<usize>,
    turned: bool,
    factor: f64,
    by_division: bool,
    minus: bool,
    from_the_left: bool,
    /// Whether the sum so far is halved before.
    halved: bool,
}

fn part() -> impl Strategy<Value = Part> {
    let factor = prop_oneof![Just(1.0), Just(-1.0), Just(0.5), Just(-4.0)];
    let depth = prop_oneof![Just(None), Just(Some(0usize)), Just(Some(1)), (1usize..9).prop_map(Some)];
    (depth, any::<bool>(), factor, any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(depth, turned, factor, by_division, minus, from_the_left, halved)| Part {
            depth,
            turned,
            factor,
            by_division,
            minus,
            from_the_left,
            halved,
        },
    )
}

/// The sum of the parts, each `[m, n]`, with its factor times `scale`; and the arrays of its inputs.
fn sum(dtype: DType, [m, n]: [usize; 2], parts: &[Part], scale: f64, make: &dyn Fn(&[usize], usize) -> AnyArray) -> (Graph, Vec<AnyArray>) {
    let (tape, mut arrays, mut total) = (Tape::default(), Vec::new(), None::<Tensor<'_>>);
    for part in parts {
        let [rows, columns] = if part.turned { [n, m] } else { [m, n] };
        let mut input = |shape: &[usize]| {
            arrays.push(make(shape, arrays.len()));
            tape.input(&format!("x{}", arrays.len()), dtype, shape)
        };
        let value = match part.depth {
            Some(depth) => input(&[rows, depth]).dot(input(&[depth, columns])),
            None => input(&[rows, columns]),
        };
        let value = if part.turned { value.t() } else { value };
        let factor = part.factor * scale;
        let value = if part.by_division { value / (1.0 / factor) } else { factor * value };
        if part.halved {
            total = total.map(|sum| 0.5 * sum);
        }
        total = Some(match (total, part.minus, part.from_the_left) {
            (None, ..) => value,
            (Some(sum), false, false) => sum + value,
            (Some(sum), false, true) => value + sum,
            (Some(sum), true, false) => sum - value,
            (Some(sum), true, true) => value - sum,
        });
    }
    let outputs = total.into_iter().map(Tensor::value).collect();
    (tape.graph(outputs), arrays)
}

fn given(arrays: &[AnyArray]) -> Vec<&dyn Argument> {
    arrays.iter().map(|array| array as &dyn Argument).collect()
}

fn length() -> impl Strategy<Value = usize> {
    prop_oneof![Just(0usize), Just(1), 2usize..20]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whole numbers and factors that are powers of two: these sums are exact in every order, so the bits must be those of the meaning.
    #[test]
    fn exact_sums_have_the_bits_of_their_meaning(
        dtype in prop_oneof![Just(DType::F32), Just(DType::F64)],
        lengths in [length(), length()],
        parts in proptest::collection::vec(part(), 1..7),
        how in 0usize..8,
    ) {
        let (graph, arrays) = sum(dtype, lengths, &parts, 1.0, &|shape, place| in_other_places(&whole(dtype, shape), how + place));
        agree(&graph, &given(&arrays), 0.0);
        agree_shaken(&graph, &given(&arrays), 0.0, 0..2);
    }

    /// Other numbers: each part is off by at most half a unit of its magnitude for each rounding it goes through.
    #[test]
    fn rounded_sums_are_accurate(
        dtype in prop_oneof![Just(DType::F32), Just(DType::F64)],
        lengths in [length(), length()],
        parts in proptest::collection::vec(part(), 1..7),
        how in 0usize..8,
    ) {
        let make = |dtype: DType, size: bool| move |shape: &[usize], place: usize| {
            let count: usize = shape.iter().product();
            let number = |k: usize| f64::from(((k * 37 + place * 13 + 5) % 101) as u8) / 101.0 - 0.5;
            let numbers = (0..count).map(|k| Number::Real(if size { number(k).abs() } else { number(k) }));
            in_other_places(&AnyArray::from_numbers(dtype, shape, numbers).unwrap(), how + place)
        };
        let (graph, arrays) = sum(dtype, lengths, &parts, 0.7, &make(dtype, false));
        let found = Executable::new(graph.clone(), CHECKED).unwrap().call(&given(&arrays)).unwrap();
        let expected = graph.evaluate(&arrays).unwrap();
        // The same sum of magnitudes.
        let sizes: Vec<Part> = parts.iter().map(|part| Part { factor: part.factor.abs(), minus: false, ..part.clone() }).collect();
        let (graph, arrays) = sum(DType::F64, lengths, &sizes, 0.7, &make(DType::F64, true));
        let sizes = graph.evaluate(&arrays).unwrap();
        let unit = if dtype == DType::F32 { f64::from(f32::EPSILON) } else { f64::EPSILON };
        // In a product as many roundings as terms; then the factor, and for each part that follows a factor and a sum. Both sides are off.
        let deepest = parts.iter().filter_map(|part| part.depth).max().unwrap_or(0);
        let roundings = (deepest + 2 + 3 * parts.len()) as f64;
        for ((found, expected), size) in found[0].numbers().into_iter().zip(expected[0].numbers()).zip(sizes[0].numbers()) {
            let bound = 2.0 * roundings * 0.5 * unit * size.to_real() * (1.0 + 1e-3);
            prop_assert!((found.to_real() - expected.to_real()).abs() <= bound, "{found:?} {expected:?} within {bound}");
        }
    }
}
