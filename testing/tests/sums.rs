//! Sums, means, variances and norms keep their digits and their range, value and gradient, on every engine.

#![expect(clippy::unwrap_used, reason = "a test that cannot start fails")]

use damo::EngineChoice;
use damo::prelude::*;
use ndarray::prelude::*;

const ENGINES: &[EngineChoice] = EngineChoice::ALL;

/// The value of a cost at a point, and its gradient, by an engine.
fn at(engine: EngineChoice, x: &Array1<f64>, cost: impl for<'t> Fn(Tensor<'t, f64>) -> Tensor<'t, f64>) -> (f64, Vec<f64>) {
    let tape = Tape::new();
    let input = tape.vector::<f64>("x");
    let value = cost(input);
    let gradient = value.grad(input);
    let function = tape.function(input, (value, gradient)).freeze(&Config { engine, ..Config::default() }).unwrap();
    let (value, gradient): (ArrayD<f64>, ArrayD<f64>) = function.call(x).unwrap();
    (value[[]], gradient.iter().copied().collect())
}

#[test]
fn sums_keep_what_rounding_drops() {
    for &engine in ENGINES {
        assert_eq!(at(engine, &arr1(&[1e16, 1.0, -1e16]), |x| x.sum()), (1.0, vec![1.0; 3]));
        // The same where many lanes go on side by side, and where elements are computed.
        for count in [5, 100, 3000] {
            let x = Array1::from_shape_fn(3 * count, |k| [1e16, 1.0, -1e16][(k / count) % 3]);
            assert_eq!(at(engine, &x, |x| (x * 2.0).sum()), (2.0 * count as f64, vec![2.0; 3 * count]), "{engine:?} {count}");
        }
        assert_eq!(at(engine, &arr1(&[1.5e308, 1.5e308, -1.5e308]), |x| x.sum()).0, 1.5e308);
    }
}

#[test]
fn long_sums_of_single_precision_stay_accurate() {
    let mut state = 12345u32;
    let random = Array1::from_shape_simple_fn(10_000_000, || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 16_777_216.0
    });
    let tape = Tape::new();
    let x = tape.vector::<f32>("x");
    let sum = tape.function(x, x.sum()).freeze(&Config::default()).unwrap();
    for (array, expected) in [(Array1::from_elem(10_000_000, 0.1f32), 1_000_000.014_901_161_2), (random, 4_999_739.245_644_45)] {
        let found: ArrayD<f32> = sum.call(&array).unwrap();
        assert_eq!(found[[]], expected as f32);
    }
}

#[test]
fn means_do_not_overflow_on_the_way() {
    for &engine in ENGINES {
        assert_eq!(at(engine, &arr1(&[1.5e308, 1.5e308]), |x| x.mean()), (1.5e308, vec![0.5; 2]));
        assert_eq!(at(engine, &arr1(&[1e308, -1e308, 6.0]), |x| x.mean()).0, 2.0);
    }
}

#[test]
fn variances_of_numbers_far_from_zero() {
    for &engine in ENGINES {
        let x = arr1(&[1_000_000_004.0, 1_000_000_007.0, 1_000_000_013.0, 1_000_000_016.0]);
        assert_eq!(at(engine, &x, |x| x.var_ddof(1.0)), (30.0, vec![-4.0, -2.0, 2.0, 4.0]));
        assert_eq!(at(engine, &x, |x| x.var()).0, 22.5);
        let constant = Array1::from_elem(4, 1e4);
        assert_eq!(at(engine, &constant, |x| ((x - x.mean()) / (x.var() + 1e-5).sqrt()).sum()), (0.0, vec![0.0; 4]));
        // The mean is rounded, to the first of them.
        assert_eq!(at(engine, &arr1(&[9_007_199_254_740_992.0, 9_007_199_254_740_994.0]), |x| x.var()), (1.0, vec![-1.0, 1.0]));
    }
}

#[test]
fn norms_of_numbers_of_any_size() {
    for &engine in ENGINES {
        assert_eq!(at(engine, &arr1(&[3e-200, 4e-200]), |x| x.norm()), (5e-200, vec![0.6, 0.8]));
        assert_eq!(at(engine, &arr1(&[0.0; 3]), |x| x.norm()), (0.0, vec![0.0; 3]));
        let huge = 2f64.powi(1000);
        assert_eq!(at(engine, &arr1(&[3.0 * huge, -4.0 * huge]), |x| x.norm()), (5.0 * huge, vec![0.6, -0.8]));
        // The slope of the slope along x is y²/‖x‖³ and −xy/‖x‖³, and 0 where the norm is.
        let (_, slopes) = at(engine, &arr1(&[3.0, 4.0]), |x| x.norm().grad(x).slice(s![0]));
        assert!((slopes[0] - 16.0 / 125.0).abs() < 1e-16 && (slopes[1] + 12.0 / 125.0).abs() < 1e-16, "{slopes:?}");
        assert_eq!(at(engine, &arr1(&[0.0; 2]), |x| x.norm().grad(x).slice(s![0])).1, [0.0; 2]);
    }
}

#[test]
fn differences_of_exponentials() {
    for &engine in ENGINES {
        let of = |x: f64, y: f64| at(engine, &arr1(&[x, y]), |x| x.slice(s![0]).log_sub_exp(x.slice(s![1])));
        let (value, slopes) = of(1000.0, 999.0);
        assert!((value - 999.541_324_854_612_9).abs() < 3e-13 && (slopes[0] - 1.581_976_706_869_326_5).abs() < 2e-15, "{value} {slopes:?}");
        assert_eq!(of(-2.0, f64::NEG_INFINITY), (-2.0, vec![1.0, 0.0]));
    }
}

#[test]
fn a_product_overflows_only_where_its_factors_in_turn_do() {
    for &engine in ENGINES {
        let tape = Tape::new();
        let x = tape.matrix::<f32>("x");
        let product = tape.function(x, x.prod_axis(Axis(1))).freeze(&Config { engine, ..Config::default() }).unwrap();
        let rows = Array2::from_shape_fn((2, 40), |(row, k)| if row == 1 { 2.0 } else { [1e30f32, 1e-30][k / 2 % 2] });
        let found = product.call(&rows).unwrap();
        assert!((found[[0]] - 1.0).abs() < 1e-5 && found[[1]] == 2f32.powi(40), "{engine:?}: {found}");
    }
}
