//! A profiled function computes the same bits as a fast one, by the same plan.

use damo::Mode;
use damo::prelude::*;
use ndarray::{Array2, Array4, ArrayD, Axis};

use super::grid;

/// The bits of arrays.
fn bits(arrays: &[ArrayD<f32>]) -> Vec<Vec<u32>> {
    arrays.iter().map(|array| array.iter().map(|x| x.to_bits()).collect()).collect()
}

/// Without the times of passes and what tells calls apart.
fn steps(explained: &str) -> &str {
    explained.split_once("\nplan for").map_or("", |(_, plans)| plans)
}

/// Runs a program of one matrix on each engine and number of threads, fast and measured.
fn agree(what: &str, array: &Array2<f32>, program: impl Fn(&Config) -> damo::Result<Function<Single<f32>, Vec<f32>>>) {
    for flags in ["engine=native", "engine=portable", "engine=native,threads=2", "engine=portable,threads=2"] {
        let config = Config::from_sources(None, Some(flags)).unwrap();
        let [fast, measured] = [Mode::Fast, Mode::Profile].map(|mode| {
            let f = program(&Config { mode, ..config.clone() }).unwrap();
            let results: Vec<_> = (0..3).map(|_| bits(&f.call(array).unwrap())).collect();
            (results, f.explain())
        });
        assert_eq!(fast.0, measured.0, "{what}, {flags}");
        assert_eq!(steps(&fast.1), steps(&measured.1), "{what}, {flags}");
    }
}

#[test]
fn rows_in_bands() {
    agree("rows", &grid(301, 700), |config| {
        let tape = Tape::new();
        let x = tape.matrix::<f32>("x");
        let centred = x - x.mean_axis(Axis(1)).insert_axis(Axis(1));
        tape.function(x, vec![x.softmax(Axis(1)), x.log_softmax(Axis(1)), centred, x.var_axis(Axis(1)), x.log_sum_exp_axes(&[Axis(1)])])
            .freeze(config)
    });
}

#[test]
fn products_and_pointwise_functions() {
    agree("products", &grid(130, 90), |config| {
        let tape = Tape::new();
        let x = tape.matrix::<f32>("x");
        let products = [x.dot(x.t()) + 1.0, x.t().dot(x).tanh(), x.dot(x.sum_axis(Axis(0)))];
        tape.function(x, [&products[..], &[x.exp(), (x * x).sum(), (x + 1.0).sqrt()]].concat()).freeze(config)
    });
}

#[test]
fn states_that_change() {
    agree("states", &grid(64, 50), |config| {
        let w = Shared::new("w", grid(50, 20));
        let tape = Tape::new();
        let (x, wt) = (tape.matrix::<f32>("x"), tape.shared(&w));
        let cost = x.dot(wt).sigmoid().mean();
        let [gradient] = cost.grad([wt]);
        tape.function(x, vec![cost, wt]).update(wt, wt - 0.5 * gradient).freeze(config)
    });
}

#[test]
fn images() {
    agree("images", &grid(24, 24), |config| {
        let filter = Shared::new("filter", Array4::from_shape_fn((3, 1, 5, 5), |(i, _, j, k)| ((i * 25 + j * 5 + k) as f32).sin()));
        let tape = Tape::new();
        let (x, ft) = (tape.matrix::<f32>("x"), tape.shared(&filter));
        let features = x.insert_axis(Axis(0)).insert_axis(Axis(0)).conv(ft);
        let cost = features.max_pool([2, 2]).tanh().sum();
        let [gradient] = cost.grad([ft]);
        tape.function(x, vec![features, cost, gradient]).update(ft, ft - 0.1 * gradient).freeze(config)
    });
}
