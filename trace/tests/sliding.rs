//! Convolution and pooling as users write them: values by a definition written here, lengths known and unknown, and what is refused.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use damo_trace::*;
use ndarray::{Array, Array4, ArrayD, IxDyn, arr0, arr1, arr2, array};

/// Whole numbers without a pattern.
fn numbers(shape: [usize; 4], factor: usize) -> Array4<f64> {
    let count: usize = shape.iter().product();
    Array::from_shape_vec(shape, (0..count).map(|k| ((k * factor) % 13) as f64 - 6.0).collect()).unwrap()
}

/// The definition: the input spread apart and padded, and every product written out.
fn naive(x: &Array4<f64>, w: &Array4<f64>, stride: [usize; 2], padding: [(i64, i64); 2], dilation: [usize; 2], groups: usize) -> ArrayD<f64> {
    let ((batch, _, height, width), (outputs, channels, down, over)) = (x.dim(), w.dim());
    let count = |length: usize, axis: usize, taps: usize| {
        let room = length as i64 + padding[axis].0 + padding[axis].1 - (dilation[axis] * (taps - 1)) as i64 - 1;
        (room.div_euclid(stride[axis] as i64) + 1) as usize
    };
    let mut y = Array4::zeros((batch, outputs, count(height, 0, down), count(width, 1, over)));
    for ((image, output, row, column), y) in y.indexed_iter_mut() {
        for ((of, channel, tap_down, tap_over), factor) in w.indexed_iter() {
            let place = |window: usize, axis: usize, tap: usize| (window * stride[axis] + tap * dilation[axis]) as i64 - padding[axis].0;
            let (row, column) = (place(row, 0, tap_down), place(column, 1, tap_over));
            if of == output && (0..height as i64).contains(&row) && (0..width as i64).contains(&column) {
                let channel = output / (outputs / groups) * channels + channel;
                *y += factor * x[[image, channel, row as usize, column as usize]];
            }
        }
    }
    y.into_dyn()
}

#[test]
fn values_are_those_of_the_definition() {
    for stride in [[1, 1], [2, 1], [3, 2]] {
        for padding in [[(0, 0), (0, 0)], [(1, 2), (0, 1)], [(-1, 0), (2, -1)]] {
            for dilation in [[1, 1], [2, 1], [1, 3]] {
                for groups in [1, 2] {
                    let (x, w) = (numbers([2, 4, 7, 8], 5), numbers([6, 4 / groups, 3, 2], 7));
                    let tape = Tape::new();
                    let (image, filter) = (tape.input_with("x", &x), tape.input_with("w", &w));
                    let y = image.conv_with(filter, Conv::new().stride(stride).padding(padding).dilation(dilation).groups(groups));
                    assert_eq!(y.value().unwrap(), naive(&x, &w, stride, padding, dilation, groups), "{stride:?} {padding:?} {dilation:?} {groups}");
                }
            }
        }
    }
}

#[test]
fn an_input_spread_apart_has_zeros_between() {
    let tape = Tape::new();
    let (x, w) = (tape.input_with("x", &array![[[1., 2., 3.]]]), tape.input_with("w", &array![[[1., 10.]]]));
    let y = x.conv_with(w, Conv::new().input_dilation([2]).padding([1]));
    assert_eq!(y.value().unwrap(), array![[[10., 1., 20., 2., 30., 3.]]].into_dyn());
}

#[test]
fn unknown_lengths_stay_unknown() {
    let tape = Tape::new();
    let (n, m) = (tape.dim("n"), tape.dim("m"));
    let (x, w) = (tape.input::<f32>("x", (n, 3, m, 32)), tape.input::<f32>("w", (8, 3, 5, 5)));
    let dims = |y: Tensor<'_, f32>| y.dims().unwrap().to_string();
    assert_eq!(dims(x.conv(w)), "[n, 8, m - 4, 28]");
    assert_eq!(dims(x.conv_with(w, Conv::new().padding(Padding::Same))), "[n, 8, m, 32]");
    assert_eq!(dims(x.conv_with(w, Conv::new().padding(Padding::Same).stride([2, 3]))), "[n, 8, floor(m + 1, 2), 11]");
    assert_eq!(dims(x.conv_with(w, Conv::new().padding([2, 0]).stride([2, 1]))), "[n, 8, floor(m + 1, 2), 28]");
    assert_eq!(dims(x.max_pool([2, 2])), "[n, 3, floor(m, 2), 16]");
    assert_eq!(dims(x.avg_pool([3, 3])), "[n, 3, floor(m, 3), 10]");
    assert_eq!(dims(x.max_pool_with([3, 3], Pool::new().stride([1, 2]).padding(Padding::Same))), "[n, 3, m, 16]");
    assert_eq!(dims(x.max_pool([4])), "[n, 3, m, 8]");
    let requirements: Vec<String> = tape.graph().unwrap().lengths().requirements().iter().map(ToString::to_string).collect();
    assert!(requirements.contains(&"m - 4 >= 1".to_owned()), "{requirements:?}");
}

#[test]
fn the_odd_one_of_same_padding_stands_after() {
    let tape = Tape::new();
    let one = tape.input_with("one", &arr0(1.0));
    let x = tape.constant(array![[[1., 2., 3., 4.]]]) * one;
    let same = |length: usize, stride: usize| {
        let ones = tape.constant(Array::<f64, _>::ones((1, 1, length)));
        x.conv_with(ones, Conv::new().padding(Padding::Same).stride([stride])).value().unwrap()
    };
    assert_eq!(same(2, 1), array![[[3., 5., 7., 4.]]].into_dyn());
    assert_eq!(same(3, 1), array![[[3., 6., 9., 7.]]].into_dyn());
    assert_eq!(same(3, 2), array![[[6., 7.]]].into_dyn());
    assert_eq!(same(1, 3), array![[[1., 4.]]].into_dyn());
}

#[test]
fn pools() {
    let tape = Tape::new();
    let x = tape.input_with("x", &arr2(&[[1., 5., 2., 0., 9.], [4., 3., 6., 1., 7.]]));
    assert_eq!(x.max_pool([2]).value().unwrap(), arr2(&[[5., 2.], [4., 6.]]).into_dyn());
    assert_eq!(x.max_pool_with([2], Pool::new().stride([1])).value().unwrap(), arr2(&[[5., 5., 2., 9.], [4., 6., 6., 7.]]).into_dyn());
    let padded = Pool::new().padding([(1, 0)]);
    assert_eq!((-x).max_pool_with([2], &padded).value().unwrap(), arr2(&[[-1., -2., 0.], [-4., -3., -1.]]).into_dyn());
    assert_eq!(x.avg_pool_with([2], &padded).value().unwrap(), arr2(&[[0.5, 3.5, 4.5], [2., 4.5, 4.]]).into_dyn());
    let one = tape.input_with("one", &arr1(&[3.0]));
    assert_eq!(one.max_pool([1]).value().unwrap(), ArrayD::from_elem(IxDyn(&[1]), 3.0));
    let whole = tape.input_with("whole", &arr1(&[3i64, -7, 5, 2]));
    assert_eq!(whole.max_pool([2]).value().unwrap(), arr1(&[3, 5]).into_dyn());
}
