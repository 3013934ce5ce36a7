//! Every reduction against ndarray: over all axes, one, some, and keeping them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use damo_trace::*;
use ndarray::{Array2, Array3, ArrayD, Axis, arr0, arr1, arr2};

fn cube() -> Array3<f64> {
    Array3::from_shape_fn((2, 3, 4), |(i, j, k)| ((i * 7 + j * 5 + k * 3) % 11) as f64 - 4.0)
}

fn close(traced: Tensor<'_, f64>, plain: &ArrayD<f64>) {
    let value = traced.value().unwrap();
    assert_eq!(value.shape(), plain.shape());
    let wrong = value.iter().zip(plain).find(|(left, right)| (*left - *right).abs() > 1e-14 * right.abs().max(1.0));
    assert!(wrong.is_none(), "{value} is not {plain}");
}

/// A reduction written over the elements of a lane, on some axes of the cube.
fn over(axes: &[usize], of: impl Fn(Vec<f64>) -> f64) -> ArrayD<f64> {
    let cube = cube().into_dyn();
    let kept: Vec<usize> = (0..3).filter(|axis| !axes.contains(axis)).collect();
    let shape: Vec<usize> = kept.iter().map(|&axis| cube.shape()[axis]).collect();
    ArrayD::from_shape_fn(shape, |place| {
        let inside = |(at, _): &(ndarray::IxDyn, &f64)| kept.iter().enumerate().all(|(k, &axis)| at[axis] == place[k]);
        of(cube.indexed_iter().filter(inside).map(|(_, &x)| x).collect())
    })
}

macro_rules! agrees {
    ($test:ident: $all:ident $axis:ident $axes:ident $axis_keep:ident $axes_keep:ident, $of:expr) => {
        #[test]
        fn $test() {
            let tape = Tape::new();
            let x = tape.input_with("x", &cube());
            let of = $of;
            close(x.$all(), &over(&[0, 1, 2], of));
            for axis in 0..3 {
                close(x.$axis(Axis(axis)), &over(&[axis], of));
                close(x.$axis_keep(Axis(axis)), &over(&[axis], of).insert_axis(Axis(axis)));
            }
            close(x.$axes(&[Axis(2), Axis(0)]), &over(&[0, 2], of));
            close(x.$axes(&[]), &cube().into_dyn().mapv(|x| of(vec![x])));
            close(x.$axes_keep(&[Axis(2), Axis(0)]), &over(&[0, 2], of).insert_axis(Axis(0)).insert_axis(Axis(2)));
            close(x.sum().$all(), &arr0(of(vec![cube().sum()])).into_dyn());
        }
    };
}

fn mean(lane: &[f64]) -> f64 {
    lane.iter().sum::<f64>() / lane.len() as f64
}

fn variance(lane: &[f64]) -> f64 {
    mean(&lane.iter().map(|x| (x - mean(lane)).powi(2)).collect::<Vec<_>>())
}

agrees!(sums: sum sum_axis sum_axes sum_axis_keep sum_axes_keep, |lane: Vec<f64>| lane.iter().sum());
agrees!(products: prod prod_axis prod_axes prod_axis_keep prod_axes_keep, |lane: Vec<f64>| lane.iter().product());
agrees!(largest: max_all max_axis max_axes max_axis_keep max_axes_keep, |lane: Vec<f64>| lane.iter().copied().fold(f64::MIN, f64::max));
agrees!(smallest: min_all min_axis min_axes min_axis_keep min_axes_keep, |lane: Vec<f64>| lane.iter().copied().fold(f64::MAX, f64::min));
agrees!(means: mean mean_axis mean_axes mean_axis_keep mean_axes_keep, |lane: Vec<f64>| mean(&lane));
agrees!(variances: var var_axis var_axes var_axis_keep var_axes_keep, |lane: Vec<f64>| variance(&lane));
agrees!(deviations: std std_axis std_axes std_axis_keep std_axes_keep, |lane: Vec<f64>| variance(&lane).sqrt());
agrees!(norms: norm norm_axis norm_axes norm_axis_keep norm_axes_keep, |lane: Vec<f64>| lane.iter().map(|x| x * x).sum::<f64>().sqrt());
agrees!(log_sums: log_sum_exp_all log_sum_exp log_sum_exp_axes log_sum_exp_keep log_sum_exp_axes_keep,
    |lane: Vec<f64>| lane.iter().map(|x| x.exp()).sum::<f64>().ln());

#[test]
fn sample_estimates_divide_by_less() {
    let tape = Tape::new();
    let plain = cube().index_axis_move(Axis(0), 0);
    let x = tape.input_with("x", &plain);
    close(x.var_axis_ddof(Axis(0), 1.0), &plain.var_axis(Axis(0), 1.0).into_dyn());
    close(x.std_axis_ddof(Axis(1), 1.0), &plain.std_axis(Axis(1), 1.0).into_dyn());
    close(x.var_ddof(1.0), &arr0(plain.var(1.0)).into_dyn());
    close(x.std_ddof(1.0), &arr0(plain.std(1.0)).into_dyn());
}

#[test]
fn truth_values_reduce() {
    let tape = Tape::new();
    let x = tape.input_with("x", &arr2(&[[true, false], [true, true]]));
    assert_eq!(x.all_axis(Axis(1)).value().unwrap(), arr1(&[false, true]).into_dyn());
    assert_eq!(x.any_axis(Axis(0)).value().unwrap(), arr1(&[true, true]).into_dyn());
    assert_eq!((x.all().value().unwrap()[[]], x.any().value().unwrap()[[]]), (false, true));
    assert_eq!(x.all_axis_keep(Axis(1)).dims().unwrap().to_string(), "[x.0, 1]");
}

#[test]
fn arguments_of_extremes_and_softmax() {
    let tape = Tape::new();
    let plain = arr2(&[[1.0, 5.0, 5.0], [7.0, -1.0, f64::NAN]]);
    let x = tape.input_with("x", &plain);
    assert_eq!(x.argmax_axis(Axis(1)).value().unwrap(), arr1(&[1i64, 2]).into_dyn());
    assert_eq!(x.argmin_axis(Axis(0)).value().unwrap(), arr1(&[0i64, 1, 1]).into_dyn());
    let y = tape.input_with("y", &arr1(&[1000.0, 1001.0]));
    let total = 1.0 + 1f64.exp();
    close(y.softmax(Axis(0)), &arr1(&[1.0 / total, 1f64.exp() / total]).into_dyn());
    close(y.log_softmax(Axis(0)), &arr1(&[-total.ln(), 1.0 - total.ln()]).into_dyn());
}

#[test]
fn integers_reduce_and_wrap() {
    let tape = Tape::new();
    let x = tape.input_with("x", &arr1(&[200u8, 100, 3]));
    assert_eq!(x.sum().value().unwrap()[[]], 47);
    assert_eq!(x.prod().value().unwrap()[[]], 200u8.wrapping_mul(100).wrapping_mul(3));
    assert_eq!(x.max_all().value().unwrap()[[]], 200);
}

#[test]
fn means_of_half_floats_do_not_run_out_of_range() {
    let tape = Tape::new();
    let thousand = damo_graph::element::F16::from_f64(1000.0);
    let x = tape.full([300], thousand);
    assert_eq!(x.mean().value().unwrap()[[]], thousand);
    assert_eq!(x.var().value().unwrap()[[]].to_f64(), 0.0);
    assert_eq!((x / thousand * damo_graph::element::F16::from_f64(200.0)).norm().value().unwrap()[[]].to_f64(), 3464.0);
}

#[test]
fn variances_do_not_keep_the_rounding_of_the_mean() {
    let tape = Tape::new();
    let x = tape.input_with("x", &arr2(&[[8_388_608.0f32, 8_388_609.0], [8_388_608.0, 8_388_608.0]]));
    assert_eq!(x.var_axis(Axis(1)).value().unwrap(), arr1(&[0.25, 0.0]).into_dyn());
    assert_eq!(x.std_axis(Axis(1)).value().unwrap(), arr1(&[0.5, 0.0]).into_dyn());
    assert_eq!(x.var_axis_ddof(Axis(1), 1.0).value().unwrap(), arr1(&[0.5, 0.0]).into_dyn());
    // Whatever rounds, none is negative.
    let alike = tape.input_with("alike", &Array2::from_elem((7, 3), 0.1f32));
    assert!(alike.var_axis(Axis(0)).value().unwrap().iter().all(|&x| x >= 0.0));
}

#[test]
fn nothing_reduces_to_the_neutral_element() {
    let tape = Tape::new();
    let x = tape.input_with("x", &Array2::<f64>::zeros((0, 2)));
    close(x.sum_axis(Axis(0)), &arr1(&[0.0, 0.0]).into_dyn());
    close(x.prod_axis(Axis(0)), &arr1(&[1.0, 1.0]).into_dyn());
    close(x.norm(), &arr0(0.0).into_dyn());
    assert!(x.mean().value().unwrap()[[]].is_nan());
    tape.check().unwrap();
    let _ = x.max_all();
    let error = tape.check().unwrap_err();
    assert_eq!(error.source_line().unwrap().line, line!() - 2, "{error}");
}
