//! The gradient check: right derivatives of every op pass, and planted faults are found, however small they are.

use damo::op::pointwise::Pointwise;
use damo::op::scalar::{self, Interval, Scalar, Signature, binary, unary};
use damo::prelude::*;
use damo_testing::gradients::{Check, Checked, GradientCheck, GradientError, WrongDerivative, check_gradients};
use ndarray::{ArrayD, Axis, IxDyn, arr0, arr1, arr2, s};

/// sin, its derivative off by 10⁻⁸ of it.
static NEARLY_SIN: Scalar = unary("nearly_sin", f64::sin, |x, _| x.cos() * (1.0 + 1e-8), 1.0, 20);
/// sin, whose first derivative is right and whose second is not.
static SIN_ONCE: Scalar = unary("sin_once", f64::sin, |x, _| damo::op::term::Term::apply(&COS_WRONG, [x]), 1.0, 20);
static COS_WRONG: Scalar = unary("cos_wrong", f64::cos, |x, _| x.sin() * -(1.0 + 1e-8), 1.0, 20);
/// sin, its derivative off by 10⁻⁵ of it.
static OFF: Scalar = unary("off", f64::sin, |x, _| x.cos() * (1.0 + 1e-5), 1.0, 20);
/// A product, the derivative by its second factor with the wrong sign.
static FLIPPED: Scalar = binary("flipped", |x, y| x * y, |x, y, _| [y, -x], 0.5, 1);

#[track_caller]
fn apply<'t, T: Float>(function: &'static Scalar, arguments: &[Tensor<'t, T>]) -> Tensor<'t, T> {
    let handles: Vec<Handle<'t>> = arguments.iter().map(|argument| argument.handle()).collect();
    arguments[0].tape().apply(Pointwise(function), &handles)
}

fn wrong(result: Result<Checked, GradientError>) -> Box<WrongDerivative> {
    match result {
        Err(GradientError::Wrong(wrong)) => wrong,
        other => panic!("{other:?}"),
    }
}

fn point() -> [ArrayD<f64>; 2] {
    [arr2(&[[0.3, -1.2, 0.7], [1.1, 0.2, -0.4]]).into_dyn(), arr1(&[0.9, 0.4, -0.8]).into_dyn()]
}

#[test]
fn an_error_of_one_in_a_hundred_million_is_found_with_its_line() {
    let found = wrong(check_gradients(|[x]| apply(&NEARLY_SIN, &[x]) + x.exp(), &[arr1(&[0.5, 0.7]).into_dyn()]));
    assert_eq!((found.check, &found.input), (Check::Forward, &Some((0, vec![0]))));
    let of_sin = found.relative_error() * (0.5f64.cos() + 0.5f64.exp()) / 0.5f64.cos();
    assert!((of_sin / 1e-8 - 1.0).abs() < 1e-3 && found.uncertainty < 1e-11, "{found}");
    let at_fault = found.at_fault.as_ref().unwrap();
    assert_eq!((at_fault.op.as_str(), at_fault.source.unwrap().file), ("nearly_sin", file!()));
    let text = found.to_string();
    for part in ["`nearly_sin`", "--> testing/tests/gradients.rs:", "expected: ", "found: ", "relative error: ", "by element [0] of input 0"] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn tiny_gradients_are_judged_as_large_ones_are() {
    for scale in [1.0, 1e-12, 1e-200, 1e12] {
        let x = [arr1(&[0.5, 0.7]).into_dyn()];
        let found = wrong(check_gradients(|[x]| apply(&NEARLY_SIN, &[x]) * scale, &x));
        assert!((found.relative_error() / 1e-8 - 1.0).abs() < 1e-3, "{scale}: {found}");
        let checked = check_gradients(|[x]| x.sin() * scale, &x).unwrap();
        assert_eq!(checked.untold, 0, "{scale}: {checked}");
    }
    // Beside a large constant floats do not resolve it; digits do.
    let x = [arr1(&[0.5, 0.7]).into_dyn()];
    let checked = check_gradients(|[x]| x.sin() * 1e-12 + 1.0, &x).unwrap();
    assert!(checked.untold == 0 && checked.coarsest < 1e-12, "{checked}");
    let lost = wrong(check_gradients(|[x]| x.sin() * 1e-12 + x.cos().stop_gradient() * 1e-20 + 1.0, &x));
    assert!(lost.relative_error() > 1e-9 && lost.relative_error() < 1e-8, "{lost}");
}

#[test]
fn a_wrong_partial_is_found_at_its_argument_by_both_modes() {
    let [x, y] = point();
    let found = wrong(check_gradients(|[x, y]| apply(&FLIPPED, &[x, y]).sum(), &[x, y]));
    assert_eq!(found.input, Some((1, vec![0])));
    assert!((found.derived + found.measured).abs() < 1e-12, "{found}");
    assert_eq!(found.at_fault.as_ref().unwrap().op, "flipped");
}

#[test]
fn a_lost_derivative_is_found() {
    let [_, x] = point();
    let found = wrong(check_gradients(|[x]| x * (x * x).stop_gradient(), &[x]));
    assert!((found.measured / found.derived - 3.0).abs() < 1e-6, "{found}");
    assert_eq!(found.at_fault.as_ref().unwrap().op, "stop_gradient");
}

#[test]
fn a_wrong_second_derivative_is_found() {
    let found = wrong(check_gradients(|[x]| apply(&SIN_ONCE, &[x]), &[arr0(0.7).into_dyn()]));
    assert_eq!(found.check, Check::ForwardOverReverse);
    assert!((found.relative_error() / 1e-8 - 1.0).abs() < 1e-3, "{found}");
    assert_eq!(found.at_fault.as_ref().unwrap().op, "sin_once");
    let first = GradientCheck { second: false, ..GradientCheck::default() };
    assert!(first.run(|x| apply(&SIN_ONCE, &[x[0]]), &[arr0(0.7).into_dyn()]).is_ok());
}

/// sin, but for the derivative of one element of many.
fn nearly<'t>(x: &[Tensor<'t, f64>]) -> Tensor<'t, f64> {
    let (left, one, right) = (x[0].slice(s![..317]).sin(), x[0].slice(s![317..318]), x[0].slice(s![318..]).sin());
    x[0].tape().concatenate(Axis(0), &[left, apply(&NEARLY_SIN, &[one]), right])
}

#[test]
fn a_fault_in_one_element_of_many_is_found() {
    let x = ArrayD::from_shape_fn(IxDyn(&[500]), |at| 0.3 + at[0] as f64 * 1e-3);
    let found = wrong(GradientCheck { elements: 4, second: false, ..GradientCheck::default() }.run(nearly, &[x]));
    assert_eq!((found.input.as_ref(), &found.output.1[..]), (None, &[317][..]), "{found}");
}

#[test]
fn single_precision_is_measured_in_double() {
    let x = [arr1(&[0.5f32, 1.5, -0.3]).into_dyn()];
    let checked = check_gradients(|[x]| (x * x).sin().softplus(), &x).unwrap();
    assert!(checked.untold == 0 && checked.coarsest < 1e-9, "{checked}");
    let found = wrong(check_gradients(|[x]| apply(&FLIPPED, &[x, x]), &x));
    assert_eq!(found.derived, 0.0);
    // One part in a hundred thousand is more than rounding.
    assert!(wrong(check_gradients(|[x]| apply(&OFF, &[x]), &x)).relative_error() > 0.9e-5);
}

#[test]
fn kinks_take_any_slope_between_both_sides() {
    let x = [arr1(&[0.0, 1.0, -1.0]).into_dyn()];
    check_gradients(|[x]| x.abs(), &x).unwrap();
    check_gradients(|[x]| x.max(0.0), &x).unwrap();
    check_gradients(|[x]| x.max(x * x), &x).unwrap();
    let [x, _] = point();
    check_gradients(|[x]| x.max_axis(Axis(1)) - x.min_axis(Axis(0)).sum(), &[x]).unwrap();
}

#[test]
fn what_cannot_be_traced_says_so() {
    let [x, _] = point();
    assert!(matches!(check_gradients(|[x]| x.dot(x), &[x]), Err(GradientError::Failed(_))));
}

/// Points inside an interval, away from whole numbers.
fn inside(Interval { low, high }: Interval, k: usize) -> f64 {
    let (low, high) = (low.max(-3.0), high.min(4.0));
    low + (high - low) * (k as f64 * 0.1987 + 0.0823)
}

#[test]
fn every_function_of_the_table_passes() {
    let mut compared = 0;
    for &function in scalar::ALL {
        let (Some(_), Signature::Same(arity)) = (function.real, function.signature) else { continue };
        // The order of a derivative is a parameter: it has a derivative of its own nowhere.
        let is_parameter = |k: usize| k == 0 && ["polygamma", "erfcx_derivative"].contains(&function.name);
        let mut inputs: Vec<ArrayD<f64>> =
            (0..arity).map(|k| arr1(&[0, 1, 2, 3].map(|at| inside(function.domain[k], (at + k) % 5))).into_dyn()).collect();
        if function.name == "log_sub_exp" {
            inputs[0] += 8.0;
        }
        let free: Vec<ArrayD<f64>> = inputs.iter().enumerate().filter(|(k, _)| !is_parameter(*k)).map(|(_, array)| array.clone()).collect();
        let check = GradientCheck { directions: 1, ..GradientCheck::default() };
        let result = check.run(
            |x| {
                let order = || x[0].tape().constant(arr0(2.0));
                let arguments: Vec<Tensor<'_, f64>> = if is_parameter(0) { vec![order(), x[0]] } else { x.to_vec() };
                apply(function, &arguments)
            },
            &free,
        );
        match result {
            Ok(checked) => {
                assert!(checked.untold == 0, "{}: {checked}", function.name);
                compared += checked.derivatives;
            }
            Err(error) => panic!("{}: {error}", function.name),
        }
    }
    println!("{compared} derivatives of the table compared");
    assert!(compared > 1000, "{compared}");
}

#[test]
fn every_structural_op_passes() {
    type Program = for<'t> fn(&[Tensor<'t, f64>]) -> Tensor<'t, f64>;
    let programs: &[(&str, Program)] = &[
        ("broadcast", |x| (x[1] * 2.0).broadcast([2, 3]) * x[0]),
        ("reshape", |x| (x[0] * x[0]).reshape([3, 2])),
        ("transpose", |x| (x[0] * x[0]).t()),
        ("insert_axis", |x| (x[1].exp()).insert_axis(Axis(0)) + x[0]),
        ("remove_axis", |x| x[0].exp().slice(s![0..1, ..]).remove_axis(Axis(0))),
        ("slice", |x| (x[0] * x[0]).slice(s![.., ..;-2])),
        ("pad", |x| x[1].exp().pad(&[(1, 2)])),
        ("concatenate", |x| x[0].tape().concatenate(Axis(0), &[x[1].exp(), x[1] * x[1]])),
        ("select_axis", |x| x[0].exp().select_axis(Axis(1), x[0].tape().constant(arr1(&[2i64, 0, -1])))),
        ("sum", |x| x[0].exp().sum_axis(Axis(1))),
        ("mean", |x| x[0].exp().mean_axis(Axis(0))),
        ("product", |x| x[0].prod_axis(Axis(1))),
        ("max", |x| x[0].exp().max_axis(Axis(1))),
        ("min", |x| x[0].exp().min_axis(Axis(0))),
        ("log_sum_exp", |x| x[0].log_sum_exp(Axis(1))),
        ("norm", |x| x[0].norm_axis(Axis(1))),
        ("softmax", |x| x[0].softmax(Axis(1))),
        ("log_softmax", |x| x[0].log_softmax(Axis(0))),
        ("dot", |x| x[0].dot(x[1]).tanh()),
        ("outer", |x| x[1].outer(x[1].exp())),
        ("cast", |x| x[0].exp() * x[0].gt(0.0).cast::<f64>()),
        ("variance", |x| x[0].var_axis(Axis(1))),
        ("select", |x| select(x[0].gt(0.0), x[0].exp(), x[0].sin())),
        ("unused", |x| x[1].exp()),
        ("tril", |x| x[0].exp().tril(0)),
        ("nested gradient", |x| x[1].powi(3).sum().grad(x[1])),
    ];
    for (name, program) in programs {
        let [x, y] = point();
        match GradientCheck::default().run(program, &[x, y]) {
            Ok(checked) => assert!(checked.untold == 0, "{name}: {checked}"),
            Err(error) => panic!("{name}: {error}"),
        }
    }
}

#[test]
fn the_chapter_shows_what_is_printed() {
    let found = wrong(check_gradients(|[x]| apply(&NEARLY_SIN, &[x]), &[arr1(&[0.5, 0.7]).into_dyn()]));
    let chapter = include_str!("../../docs/book/gradients.md");
    // The chapter's program is in another file, at other lines.
    for line in found.to_string().lines().filter(|line| !line.contains("-->")) {
        let line = line.split("; checked at").next().unwrap_or_default();
        assert!(chapter.contains(line), "the chapter does not show: {line}");
    }
}
