//! Shapes, slices, joins and the tensors made from lengths, against ndarray.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::reversed_empty_ranges, reason = "the range 1..-1 leaves out the ends")]

use damo_trace::*;
use ndarray::{Array2, Array3, Axis, NewAxis, arr1, arr2, s};

fn matrix() -> Array2<i64> {
    Array2::from_shape_fn((3, 4), |(i, j)| (10 * i + j) as i64)
}

fn cube() -> Array3<i64> {
    Array3::from_shape_fn((2, 3, 4), |(i, j, k)| (100 * i + 10 * j + k) as i64)
}

#[test]
fn axes_come_go_and_move() {
    let tape = Tape::new();
    let (x, y) = (tape.input_with("x", &matrix()), tape.input_with("y", &cube()));
    assert_eq!(x.t().value().unwrap(), matrix().t().to_owned().into_dyn());
    assert_eq!(y.t().value().unwrap(), cube().t().to_owned().into_dyn());
    assert_eq!(y.permuted_axes([2, 0, 1]).value().unwrap(), cube().permuted_axes([2, 0, 1]).into_dyn());
    let mut swapped = cube();
    swapped.swap_axes(0, 2);
    assert_eq!(y.swap_axes(0, 2).value().unwrap(), swapped.into_dyn());
    assert_eq!(x.insert_axis(Axis(1)).value().unwrap(), matrix().insert_axis(Axis(1)).into_dyn());
    assert_eq!(x.insert_axis(Axis(2)).remove_axis(Axis(2)).value().unwrap(), matrix().into_dyn());
    assert_eq!(x.flatten().value().unwrap(), matrix().flatten().to_owned().into_dyn());
    let (n, m) = (x.len_of(Axis(0)).unwrap(), x.len_of(Axis(1)).unwrap());
    assert_eq!(x.reshape([m.clone(), n.clone()]).value().unwrap(), matrix().to_shape((4, 3)).unwrap().to_owned().into_dyn());
    let row = x.slice(s![0, ..]);
    assert_eq!(row.broadcast([n, m]).value().unwrap(), matrix().row(0).broadcast((3, 4)).unwrap().to_owned().into_dyn());
    assert_eq!((x.ndim().unwrap(), row.t().index() == row.index()), (2, true));
}

macro_rules! slices_agree {
    ($($slice:expr),* $(,)?) => {
        #[test]
        fn slices_are_those_of_ndarray() {
            let tape = Tape::new();
            let known = tape.constant(cube());
            let unknown = tape.input_with("x", &cube());
            $({
                let plain = cube().slice($slice).to_owned().into_dyn();
                assert_eq!(known.slice($slice).value().unwrap(), plain, stringify!($slice));
                assert_eq!(unknown.slice($slice).value().unwrap(), plain, "of unknown lengths: {}", stringify!($slice));
            })*
        }
    };
}
slices_agree![
    s![.., .., ..],
    s![1, .., ..],
    s![-1, 1.., ..2],
    s![.., ..;-1, 1..-1],
    s![.., 0..3;2, ..;3],
    s![.., ..;-2, 1..;-2],
    s![0..0, 2..2, -1..],
    s![.., 1..3;-1, ..-2;-3],
    s![NewAxis, 0, NewAxis, .., -2, NewAxis],
    s![.., NewAxis, 1..2, ..;-3],
    s![1..1;-1, .., ..],
    s![0, 1, 2],
];

#[test]
fn lengths_of_slices_are_formulas() {
    let tape = Tape::new();
    let x = tape.vector::<f32>("x");
    for (part, dims) in [
        (x.slice(s![1..]), "[x.0 - 1]"),
        (x.slice(s![..-1]), "[x.0 - 1]"),
        (x.slice(s![..3]), "[3]"),
        (x.slice(s![-2..]), "[2]"),
        (x.slice(s![..;2]), "[floor(x.0 + 1, 2)]"),
        (x.slice(s![5]), "[]"),
    ] {
        assert_eq!(part.dims().unwrap().to_string(), dims);
    }
    let empty: [usize; 0] = [];
    assert_eq!(tape.constant(matrix()).slice(s![2..1, ..]).dims().unwrap().known().unwrap(), [0, 4]);
    assert_eq!(x.slice(&s![..][..0]).index(), x.index(), "nothing to cut: {empty:?}");
    tape.check().unwrap();
}

#[test]
fn parts_by_index() {
    let tape = Tape::new();
    let x = tape.input_with("x", &matrix());
    assert_eq!(x.index_axis(Axis(0), 1).value().unwrap(), matrix().index_axis(Axis(0), 1).to_owned().into_dyn());
    assert_eq!(x.index_axis(Axis(1), -1).value().unwrap(), matrix().index_axis(Axis(1), 3).to_owned().into_dyn());
    assert_eq!(x.slice_axis(Axis(1), 1..3).value().unwrap(), matrix().slice(s![.., 1..3]).to_owned().into_dyn());
    let picked = matrix().select(Axis(1), &[3, 0, 0]).into_dyn();
    assert_eq!(x.select_axis(Axis(1), [3, 0, 0]).value().unwrap(), picked);
    assert_eq!(x.select_axis(Axis(1), &vec![3, 0, 0]).value().unwrap(), picked);
    let indices = tape.input_with("i", &arr2(&[[-1i32, 0], [0, 1]]));
    let rows = x.select_axis(Axis(0), indices).value().unwrap();
    assert_eq!(rows.shape(), [2, 2, 4]);
    assert_eq!(rows.slice(s![0, 0, ..]), matrix().row(2));
}

#[test]
fn padding_and_joining() {
    let tape = Tape::new();
    let x = tape.input_with("x", &arr2(&[[1.0, 2.0]]));
    assert_eq!(x.pad(&[(1, 0), (0, 2)]).value().unwrap(), arr2(&[[0., 0., 0., 0.], [1., 2., 0., 0.]]).into_dyn());
    let y = x * 10.0;
    assert_eq!(concatenate(Axis(0), &[x, y, x]).value().unwrap(), arr2(&[[1., 2.], [10., 20.], [1., 2.]]).into_dyn());
    assert_eq!(concatenate(Axis(1), &[x, y]).value().unwrap(), arr2(&[[1., 2., 10., 20.]]).into_dyn());
    let (a, b) = (x.slice(s![0, ..]), y.slice(s![0, ..]));
    assert_eq!(stack(Axis(0), &[a, b]).value().unwrap(), arr2(&[[1., 2.], [10., 20.]]).into_dyn());
    assert_eq!(tape.stack(Axis(1), &[a, b]).value().unwrap(), arr2(&[[1., 10.], [2., 20.]]).into_dyn());
}

#[test]
fn tensors_from_lengths() {
    let tape = Tape::new();
    assert_eq!(tape.iota::<f32>(3).value().unwrap(), arr1(&[0f32, 1., 2.]).into_dyn());
    assert_eq!(tape.eye::<f64>(3).value().unwrap(), Array2::eye(3).into_dyn());
    let x = tape.input_with("x", &arr2(&[[1., f64::NAN, 3.], [4., 5., 6.], [7., 8., 9.]]));
    assert_eq!(x.tril(0).value().unwrap(), arr2(&[[1., 0., 0.], [4., 5., 0.], [7., 8., 9.]]).into_dyn());
    assert_eq!(x.tril(-1).value().unwrap(), arr2(&[[0., 0., 0.], [4., 0., 0.], [7., 8., 0.]]).into_dyn());
    assert_eq!(x.triu(2).value().unwrap(), arr2(&[[0., 0., 3.], [0., 0., 0.], [0., 0., 0.]]).into_dyn());
    assert_eq!(x.diag().value().unwrap(), arr1(&[1., 5., 9.]).into_dyn());
    assert_eq!(x.trace().value().unwrap()[[]], 15.0);
    assert_eq!(tape.constant(arr1(&[2, 3])).to_diag().value().unwrap(), arr2(&[[2, 0], [0, 3]]).into_dyn());
    let classes = tape.input_with("classes", &arr1(&[1u8, 7]));
    assert_eq!(classes.one_hot::<bool>(2).value().unwrap(), arr2(&[[false, true], [false, false]]).into_dyn());
    assert_eq!(tape.length::<f32>(5).value().unwrap()[[]], 5.0);
}
