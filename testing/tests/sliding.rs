//! Derivatives of convolution and pooling, first and second, for all ways to slide.

use damo::prelude::*;
use damo_testing::gradients::check_gradients;
use ndarray::{ArrayD, IxDyn};

/// Numbers between −1 and 1 without a pattern (Steele, Lea and Flood 2014: splitmix64).
fn numbers(shape: &[usize], seed: u64) -> ArrayD<f64> {
    let mut state = seed;
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    })
}

/// Every combination of the steps along each of so many axes.
fn ways(axes: usize) -> Vec<Conv> {
    let mut ways = Vec::new();
    for (stride, dilation) in [(1, 1), (2, 1), (1, 2), (3, 2)] {
        for padding in [Padding::Valid, Padding::Same, Padding::Explicit(vec![(2, 1); axes]), Padding::Explicit(vec![(-1, 1); axes])] {
            for spread in [1, 2] {
                let all = |step| vec![step; axes];
                ways.push(Conv::new().stride(all(stride)).dilation(all(dilation)).input_dilation(all(spread)).padding(padding.clone()));
            }
        }
    }
    ways
}

fn check(how: &Conv, x: &[usize], w: &[usize]) {
    let checked = check_gradients(|[x, w]| x.conv_with(w, how), &[numbers(x, 1), numbers(w, 2)]);
    let checked = checked.unwrap_or_else(|error| panic!("{how:?} of {x:?} and {w:?}: {error}"));
    assert!(checked.untold == 0, "{checked}");
}

#[test]
fn convolutions_along_one_axis() {
    for how in ways(1) {
        check(&how, &[2, 2, 6], &[3, 2, 2]);
        check(&how.clone().groups(2), &[1, 4, 5], &[2, 2, 3]);
        check(&how, &[1, 1, 4], &[1, 1, 1]);
    }
}

#[test]
fn convolutions_along_two_axes() {
    for how in ways(2) {
        check(&how, &[1, 2, 5, 4], &[2, 2, 2, 2]);
    }
    let uneven = Conv::new().stride([2, 1]).dilation([1, 2]).padding([(1, 0), (2, 1)]);
    check(&uneven, &[2, 2, 5, 6], &[2, 2, 3, 2]);
    check(&uneven.groups(2), &[1, 2, 5, 6], &[2, 1, 3, 2]);
}

#[test]
fn convolutions_along_three_axes() {
    check(&Conv::new(), &[1, 2, 3, 3, 2], &[2, 2, 2, 2, 1]);
    check(&Conv::new().stride([2, 1, 1]).padding(Padding::Same), &[1, 1, 3, 2, 3], &[2, 1, 2, 2, 2]);
}

#[test]
fn nothing_and_one() {
    check(&Conv::new(), &[0, 2, 5], &[3, 2, 2]);
    check(&Conv::new(), &[1, 1, 1], &[1, 1, 1]);
    check(&Conv::new().padding([1]), &[1, 1, 1], &[1, 1, 3]);
}

#[test]
fn a_filter_that_is_the_input() {
    check_gradients(|[x]| x.conv_with(x, Conv::new().padding([1, 1])), &[numbers(&[2, 2, 3, 3], 3)]).unwrap();
}

#[test]
fn pooling() {
    let ways = [Pool::new(), Pool::new().stride([1, 1]), Pool::new().stride([2, 1]).padding(Padding::Same), Pool::new().padding([(1, 0), (0, 1)])];
    for how in &ways {
        for shape in [&[2, 5, 6][..], &[4, 4], &[0, 4, 4]] {
            let x = [numbers(shape, 4)];
            check_gradients(|[x]| (x * x).max_pool_with([2, 2], how), &x).unwrap_or_else(|error| panic!("{how:?} of {shape:?}: {error}"));
            check_gradients(|[x]| (x * x).avg_pool_with([2, 2], how), &x).unwrap_or_else(|error| panic!("{how:?} of {shape:?}: {error}"));
        }
    }
    check_gradients(|[x]| x.max_pool([2]).sin() + x.avg_pool([2]), &[numbers(&[3, 6], 5)]).unwrap();
    check_gradients(|[x]| x.max_pool([1, 2, 2]) * x.avg_pool([1, 2, 2]), &[numbers(&[2, 4, 4], 6)]).unwrap();
}

#[test]
fn a_network() {
    fn network([x, w, v]: [Tensor<'_, f64>; 3]) -> Tensor<'_, f64> {
        let hidden = x.conv_with(w, Conv::new().padding(Padding::Same)).tanh().max_pool([2, 2]);
        hidden.conv(v).tanh().avg_pool([2, 2])
    }
    // At this point no two elements of a window are nearly equal.
    check_gradients(network, &[numbers(&[1, 1, 6, 6], 10), numbers(&[2, 1, 3, 3], 11), numbers(&[2, 2, 2, 2], 12)]).unwrap();
}
