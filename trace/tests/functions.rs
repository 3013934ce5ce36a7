//! Every function that works element by element, against the functions of `f64` and against each other.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use damo_graph::Real;
use damo_graph::op::scalar;
use damo_trace::{Shared, Tape, Tensor, select};
use ndarray::{ArrayD, arr1, arr2};

/// A tensor of one dimension with example values.
fn vector<'t>(tape: &'t Tape, name: &str, values: &[f64]) -> Tensor<'t, f64> {
    tape.input_with(name, &arr1(values))
}

fn values(tensor: Tensor<'_, f64>) -> Vec<f64> {
    tensor.value().unwrap().into_iter().collect()
}

macro_rules! unary_agree {
    ($($name:ident $scalar:ident on $points:expr;)*) => {
        #[test]
        fn unary_methods_are_their_functions() {
            let tape = Tape::new();
            $({
                let points: &[f64] = &$points;
                let x = vector(&tape, concat!("x_", stringify!($name)), points);
                let meaning: Vec<f64> = points.iter().map(|&x| Real::apply(&scalar::$scalar, [x])).collect();
                assert_eq!(values(x.$name()), meaning, stringify!($name));
                assert!(meaning.iter().all(|y| y.is_finite()), stringify!($name));
            })*
        }
    };
}
const ANY: [f64; 4] = [-1.75, -0.25, 0.5, 2.5];
const POSITIVE: [f64; 3] = [0.25, 1.0, 7.5];
const UNIT: [f64; 3] = [-0.75, 0.0, 0.5];
unary_agree! {
    exp EXP on ANY; exp2 EXP2 on ANY; exp_m1 EXP_M1 on ANY;
    ln LN on POSITIVE; ln_1p LN_1P on POSITIVE; log2 LOG2 on POSITIVE; log10 LOG10 on POSITIVE;
    sqrt SQRT on POSITIVE; cbrt CBRT on ANY; recip RECIP on ANY;
    sin SIN on ANY; cos COS on ANY; tan TAN on ANY; asin ASIN on UNIT; acos ACOS on UNIT; atan ATAN on ANY;
    sinh SINH on ANY; cosh COSH on ANY; tanh TANH on ANY; asinh ASINH on ANY; acosh ACOSH on [1.0, 2.5]; atanh ATANH on UNIT;
    floor FLOOR on ANY; ceil CEIL on ANY; round ROUND on ANY; round_ties_even ROUND_TIES_EVEN on ANY; trunc TRUNC on ANY;
    softplus SOFTPLUS on ANY; sigmoid SIGMOID on ANY; erf ERF on ANY; erfc ERFC on ANY; erf_inv ERF_INV on UNIT;
    lgamma LGAMMA on POSITIVE; digamma DIGAMMA on POSITIVE; ndtr NDTR on ANY; ndtri NDTRI on [0.1, 0.5, 0.9];
    logit LOGIT on [0.1, 0.5, 0.9]; log_1m_exp LOG_1M_EXP on [-3.0, -0.5]; log_cosh LOG_COSH on ANY; sinc SINC on ANY;
    erfcx ERFCX on ANY; log_erfc LOG_ERFC on ANY; log_ndtr LOG_NDTR on ANY;
    bessel_i0 BESSEL_I0 on ANY; bessel_i1 BESSEL_I1 on ANY; abs ABS on ANY; signum SIGNUM on ANY;
}

macro_rules! binary_agree {
    ($($name:ident $scalar:ident on $left:expr, $right:expr;)*) => {
        #[test]
        fn binary_methods_are_their_functions() {
            let tape = Tape::new();
            $({
                let (left, right): ([f64; 3], [f64; 3]) = ($left, $right);
                let x = vector(&tape, concat!("x_", stringify!($name)), &left);
                let y = vector(&tape, concat!("y_", stringify!($name)), &right);
                let meaning = |x: f64, y: f64| -> f64 { Real::apply(&scalar::$scalar, [x, y]) };
                let both: Vec<f64> = left.iter().zip(&right).map(|(&x, &y)| meaning(x, y)).collect();
                assert_eq!(values(x.$name(y)), both, stringify!($name));
                let by_number: Vec<f64> = left.iter().map(|&x| meaning(x, 0.5)).collect();
                assert_eq!(values(x.$name(0.5)), by_number, stringify!($name));
            })*
        }
    };
}
binary_agree! {
    powf POW on POSITIVE, [2.0, -1.0, 0.5];
    atan2 ATAN2 on UNIT, POSITIVE;
    hypot HYPOT on UNIT, POSITIVE;
    copysign COPYSIGN on UNIT, [-1.0, -2.0, 3.0];
    xlogy XLOGY on UNIT, POSITIVE;
    xlog1py XLOG1PY on UNIT, POSITIVE;
    log_add_exp LOG_ADD_EXP on UNIT, POSITIVE;
    log_add_exp2 LOG_ADD_EXP2 on UNIT, POSITIVE;
    log_sub_exp LOG_SUB_EXP on [0.75, 1.0, 7.5], UNIT;
    max MAX on UNIT, [-1.0, 0.0, 3.0];
    min MIN on UNIT, [-1.0, 0.0, 3.0];
}

#[test]
fn the_rest_of_the_functions() {
    let tape = Tape::new();
    let x = vector(&tape, "x", &[-2.0, 0.0, 3.0]);
    assert_eq!(values(x.mul_add(2.0, x)), [-6.0, 0.0, 9.0]);
    assert_eq!(values(x.clamp(-1.0, 1.0)), [-1.0, 0.0, 1.0]);
    assert_eq!(values(x.powi(2)), [4.0, 0.0, 9.0]);
    assert_eq!(values(x.powi(-1)), [-0.5, f64::INFINITY, 1.0 / 3.0]);
    assert_eq!(values(x.relu()), [0.0, 0.0, 3.0]);
    assert!(values(vector(&tape, "nan", &[f64::NAN]).relu())[0].is_nan());
    assert_eq!(values(x.log_sigmoid()), [-2.0, 0.0, 3.0].map(|x| -Real::softplus(-x)));
    let p = vector(&tape, "p", &[0.5, 1.0, 4.0]);
    assert_eq!(values(p.polygamma(1)), [0.5, 1.0, 4.0].map(|x| Real::apply(&scalar::POLYGAMMA, [1.0, x])));
    assert_eq!(values(p.polygamma(0)), values(p.digamma()));
    assert_eq!(values(x.stop_gradient()), values(x));
}

#[test]
fn operators_take_numbers_on_both_sides() {
    let tape = Tape::new();
    let (x, y) = (vector(&tape, "x", &[7.0, -3.0]), vector(&tape, "y", &[2.0, 5.0]));
    for (traced, plain) in [
        (x + y, [9.0, 2.0]),
        (x - y, [5.0, -8.0]),
        (x * y, [14.0, -15.0]),
        (x / y, [3.5, -0.6]),
        (x % y, [1.0, -3.0]),
        (-x, [-7.0, 3.0]),
        (x + 1.0, [8.0, -2.0]),
        (x - 1.0, [6.0, -4.0]),
        (x * 2.0, [14.0, -6.0]),
        (x / 2.0, [3.5, -1.5]),
        (x % 2.0, [1.0, -1.0]),
        (1.0 + x, [8.0, -2.0]),
        (1.0 - x, [-6.0, 4.0]),
        (2.0 * x, [14.0, -6.0]),
        (21.0 / x, [3.0, -7.0]),
        (8.0 % x, [1.0, 2.0]),
    ] {
        assert_eq!(values(traced), plain);
    }
}

macro_rules! arithmetic_on {
    ($($element:ident)*) => {
        #[test]
        fn every_numeric_type_has_arithmetic() {
            let tape = Tape::new();
            $({
                type T = damo_graph::element::$element;
                let number = |x: f64| <T as damo_graph::Element>::from_number(damo_graph::Number::Real(x));
                let x = tape.input_with(stringify!($element), &arr1(&[number(7.0), number(4.0)]));
                let expected = |a: f64, b: f64| arr1(&[number(a), number(b)]).into_dyn();
                assert_eq!((x + number(1.0)).value().unwrap(), expected(8.0, 5.0));
                assert_eq!((number(9.0) - x).value().unwrap(), expected(2.0, 5.0));
                assert_eq!((number(2.0) * x * x).value().unwrap(), expected(98.0, 32.0));
                assert_eq!((number(28.0) / x % number(4.0)).value().unwrap(), expected(0.0, 3.0));
                assert_eq!(x.max(number(5.0)).min(number(6.0)).abs().value().unwrap(), expected(6.0, 5.0));
                assert_eq!(x.gt(number(5.0)).value().unwrap(), arr1(&[true, false]).into_dyn());
                assert_eq!(x.sum().value().unwrap()[[]], number(11.0));
            })*
        }
    };
}
arithmetic_on!(F16 BF16 F32 F64 I8 I16 I32 I64 U8 U16 U32 U64);

#[test]
fn integers_and_truth_values_have_logic() {
    let tape = Tape::new();
    let (a, b) = (tape.input_with("a", &arr1(&[true, true, false])), tape.input_with("b", &arr1(&[true, false, false])));
    let bools = |tensor: Tensor<'_, bool>| tensor.value().unwrap().into_iter().collect::<Vec<_>>();
    assert_eq!(bools(a & b), [true, false, false]);
    assert_eq!(bools(a | false), [true, true, false]);
    assert_eq!(bools(true ^ b), [false, true, true]);
    assert_eq!(bools(!a), [false, false, true]);
    assert_eq!(bools(a.equal(b)), [true, false, true]);
    let i = tape.input_with("i", &arr1(&[12i32, -1]));
    assert_eq!(((i & 0b1010) | 1).value().unwrap(), arr1(&[9, 11]).into_dyn());
    assert_eq!((7 ^ !i).value().unwrap(), arr1(&[7 ^ !0b1100, 7]).into_dyn());
    assert_eq!(i.pow(2).value().unwrap(), arr1(&[144, 1]).into_dyn());
    assert_eq!((-i).signum().value().unwrap(), arr1(&[-1, 1]).into_dyn());
}

#[test]
fn comparisons_and_choices() {
    let tape = Tape::new();
    let (x, y) = (vector(&tape, "x", &[1.0, 2.0, 3.0]), vector(&tape, "y", &[2.0, 2.0, f64::NAN]));
    let bools = |tensor: Tensor<'_, bool>| tensor.value().unwrap().into_iter().collect::<Vec<_>>();
    assert_eq!(bools(x.gt(y)), [false, false, false]);
    assert_eq!(bools(x.ge(y)), [false, true, false]);
    assert_eq!(bools(x.lt(y)), [true, false, false]);
    assert_eq!(bools(x.le(2.0)), [true, true, false]);
    assert_eq!(bools(x.equal(y)), [false, true, false]);
    assert_eq!(bools(x.not_equal(y)), [true, false, true]);
    assert_eq!(bools(y.is_nan()), [false, false, true]);
    assert_eq!(bools((x / 0.0).is_finite()), [false; 3]);
    assert_eq!(values(select(x.gt(1.5), x, y)), [2.0, 2.0, 3.0]);
    assert_eq!(values(select(x.gt(1.5), 0.0, x)), [1.0, 0.0, 0.0]);
    assert_eq!(values(select(x.gt(1.5), x, 9.0)), [9.0, 2.0, 3.0]);
}

#[test]
fn casts_are_explicit() {
    let tape = Tape::new();
    let x = vector(&tape, "x", &[-1.5, 0.0, 300.0]);
    assert_eq!(x.cast::<i32>().value().unwrap(), arr1(&[-1, 0, 300]).into_dyn());
    assert_eq!(x.cast::<u8>().value().unwrap(), arr1(&[0u8, 0, 255]).into_dyn());
    assert_eq!(x.cast::<bool>().cast::<f32>().value().unwrap(), arr1(&[1.0f32, 0.0, 1.0]).into_dyn());
    assert_eq!(x.cast::<f64>().index(), x.index());
}

#[test]
fn constants_are_numbers_or_arrays() {
    let tape = Tape::new();
    let matrix = arr2(&[[1i64, 2], [3, 4]]);
    assert_eq!(tape.constant(matrix.t()).value().unwrap(), arr2(&[[1, 3], [2, 4]]).into_dyn());
    assert_eq!(tape.constant(&matrix).value().unwrap(), matrix.into_dyn());
    assert_eq!(tape.constant(2.5f32).value().unwrap(), ndarray::arr0(2.5f32).into_dyn());
    assert_eq!(tape.full([2, 2], true).value().unwrap(), ArrayD::from_elem(vec![2, 2], true));
    assert_eq!(tape.zeros::<f32>(3).value().unwrap(), arr1(&[0.0f32; 3]).into_dyn());
    let w = Shared::new("w", arr1(&[1.0f32]));
    let doubled = tape.shared(&w) * 2.0;
    w.set(arr1(&[5.0])).unwrap();
    assert_eq!(doubled.value().unwrap()[[0]], 2.0, "a state counts as it was when the tape first read it");
}
