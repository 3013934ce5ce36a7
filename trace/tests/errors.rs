//! What goes wrong is kept with the user's line, the first thing first, and nothing panics.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use damo_trace::*;
use ndarray::{Array2, Axis, arr1, arr2, s};

/// The first error of a tape, which must be of that kind, on that line and column of this file, and contain these texts.
#[track_caller]
fn expect(tape: &Tape, kind: ErrorKind, (line, column): (u32, u32), texts: &[&str]) {
    let error = tape.check().unwrap_err();
    let source = error.source_line().unwrap();
    assert_eq!((error.kind(), source.file, source.line, source.column), (kind, file!(), line, column), "{error}");
    for text in texts {
        assert!(error.to_string().contains(text), "`{text}` is not in:\n{error}");
    }
}

#[test]
fn the_error_of_the_design() {
    let tape = Tape::new();
    let n = tape.dim("n");
    let x = tape.input::<f32>("x", (n, 784));
    let w = tape.shared(&Shared::new("w", ndarray::Array1::<f32>::zeros(100)));
    let (_, here) = (x.dot(w), line!());
    let error = tape.check().unwrap_err().to_string();
    let file = file!();
    let expected = [
        "shapes do not match in `dot`".to_owned(),
        format!("  --> {file}:{here}:24"),
        format!("   x: f32[n, 784]  declared at {file}:{}", here - 2),
        format!("   w: f32[100]     declared at {file}:{}", here - 1),
        "   the last axis of the left (784) must equal the first of the right (100)".to_owned(),
    ];
    assert_eq!(error.lines().take(5).collect::<Vec<_>>(), expected, "{error}");
}

#[test]
fn every_way_to_write_an_op_records_its_line_and_column() {
    type Wrong = for<'t> fn(Tensor<'t, f32>, Tensor<'t, f32>) -> (Tensor<'t, f32>, u32);
    let ways: &[(Wrong, u32, &str)] = &[
        (|x, y| (x + y, line!()), 18, "add"),
        (|x, y| (2.0 * (x - y), line!()), 24, "sub"),
        (|x, y| ((x * 3.0).max(y), line!()), 28, "max"),
        (|x, y| (x.exp().dot(y), line!()), 26, "dot"),
        (|x, _| (x.sum_axis(Axis(2)), line!()), 20, "sum"),
        (|x, _| (x.mean_axis_keep(Axis(2)), line!()), 20, "mean"),
        (|x, _| (x.std_axis(Axis(2)), line!()), 20, "std"),
        (|x, _| (x.softmax(Axis(2)), line!()), 20, "softmax"),
        (|x, _| (x.remove_axis(Axis(0)), line!()), 20, "remove_axis"),
        (|x, _| (x.index_axis(Axis(0), 5), line!()), 20, "index_axis"),
        (|x, _| (x.swap_axes(0, 1), line!()), 20, "swap_axes"),
        (|x, _| (x.slice(s![.., 1]), line!()), 20, "slice"),
        (|x, _| (x.slice(s![1..7]), line!()), 20, "slice"),
        (|x, _| (x.slice_axis(Axis(1), 0..1), line!()), 20, "slice_axis"),
        (|x, _| (x.permuted_axes([1, 0]), line!()), 20, "permuted_axes"),
        (|x, _| (x.reshape((2, 2)), line!()), 20, "reshape"),
        (|x, _| (x.broadcast((2, 2)), line!()), 20, "broadcast"),
        (|x, _| (x.pad(&[]), line!()), 20, "pad"),
        (|x, y| (concatenate(Axis(1), &[x, y]), line!()), 18, "concatenate"),
        (|x, y| (stack(Axis(0), &[x, y]), line!()), 18, "stack"),
        (|x, y| (select(x.gt(0.0), x, y), line!()), 18, "select"),
        (|x, _| (x.tril(0), line!()), 20, "tril"),
        (|x, _| (x.trace(), line!()), 20, "trace"),
        (|x, y| (x.contract(y, &[Axis(0)], &[]), line!()), 20, "contract"),
        (|x, _| (x.select_axis(Axis(1), [0]), line!()), 20, "select_axis"),
        (|x, y| (x.conv(y), line!()), 20, "conv"),
        (|x, _| (x.max_pool([5]), line!()), 20, "max_pool"),
        (|x, _| (x.avg_pool([1, 1]), line!()), 20, "avg_pool"),
        (|x, y| (x.insert_axis(Axis(0)).outer(y), line!()), 41, "outer"),
    ];
    for (wrong, column, name) in ways {
        let tape = Tape::new();
        let (x, y) = (tape.input::<f32>("x", 3), tape.input::<f32>("y", 4));
        let (wrong, line) = wrong(x, y);
        let result = wrong.exp() + 1.0;
        let error = tape.check().unwrap_err();
        let source = error.source_line().unwrap();
        assert!(error.to_string().contains(&format!("`{name}`")), "{name}:\n{error}");
        assert_eq!((source.line, source.column), (line, *column), "{name}:\n{error}");
        assert_eq!(result.dims().unwrap_err(), error, "whatever reads it has the same error");
    }
}

#[test]
fn the_first_error_stays() {
    let tape = Tape::new();
    let (x, y) = (tape.input::<f32>("x", 3), tape.input::<f32>("y", 4));
    let (first, line) = (x * y, line!());
    let second = x.sum_axis(Axis(9)) + first.t().mean();
    tape.fail(Error::new(ErrorKind::Gradient, "something of the facade's"));
    expect(&tape, ErrorKind::Shapes, (line, 26), &["`mul`", "x: f32[3]", "y: f32[4]"]);
    assert_eq!(tape.value_of(second).unwrap_err(), tape.check().unwrap_err());
    assert_eq!(tape.graph().unwrap_err(), tape.check().unwrap_err());
    assert_eq!(tape.with_graph(|_| Ok(())).unwrap_err(), tape.check().unwrap_err());
    assert_eq!((first + second).value().unwrap_err(), tape.check().unwrap_err());
    // What has nothing to do with it can still be asked about.
    assert_eq!((x + 1.0).dims().unwrap().to_string(), "[3]");
}

#[test]
fn tensors_of_two_tapes_do_not_meet() {
    type Meet = for<'t> fn(Tensor<'t, f32>, Tensor<'t, f32>) -> Tensor<'t, f32>;
    let ways: &[Meet] = &[
        |x, y| x + y,
        |x, y| x.exp().max(y),
        |x, y| x.dot(y),
        |x, y| x.outer(y),
        |x, y| x.mul_add(2.0, y),
        |x, y| select(x.gt(0.0), y, 1.0),
        |x, y| concatenate(Axis(0), &[x, y]),
        |x, y| stack(Axis(0), &[x, y]),
        |x, y| x.select_axis(Axis(0), y.cast::<i32>()),
        |x, y| x.contract(y, &[], &[]),
        |x, y| Real::max(x, y),
        |x, y| x.tape().apply(damo_graph::op::stop_gradient::StopGradient, &[y.handle()]),
    ];
    for meet in ways {
        let (tape, other) = (Tape::new(), Tape::new());
        let (x, y) = (tape.vector("x"), other.vector("y"));
        assert_eq!(meet(x, y).dims().unwrap_err().kind(), ErrorKind::ForeignTensor);
        assert_eq!(tape.check().unwrap_err().kind(), ErrorKind::ForeignTensor);
        other.check().unwrap();
    }
    let (tape, other) = (Tape::new(), Tape::new());
    let (x, y) = (tape.vector::<f32>("x"), other.vector::<f32>("y"));
    let (_, line) = (x * y, line!());
    expect(
        &tape,
        ErrorKind::ForeignTensor,
        (line, 22),
        &[
            "tensors of different tapes meet in `mul`",
            &format!("x: f32[x.0]                  declared at {}:{}", file!(), line - 1),
            &format!("y: f32[y.0] of another tape  declared at {}:{}", file!(), line - 1),
        ],
    );
    assert_eq!(tape.value_of(y).unwrap_err().kind(), ErrorKind::ForeignTensor);
}

#[test]
fn declarations_are_checked() {
    let tape = Tape::new();
    let x = tape.vector::<f32>("x");
    let (_, line) = (tape.matrix::<f64>("x"), line!());
    expect(&tape, ErrorKind::Declaration, (line, 27), &["two inputs named `x`", "x: f32[x.0]  declared at", "help: "]);
    let tape = Tape::new();
    let (_, line) = (tape.input::<f32>("y", [-2]), line!());
    expect(&tape, ErrorKind::Axis, (line, 27), &["-2"]);
    let tape = Tape::new();
    let (_, line) = (tape.concatenate::<f32>(Axis(0), &[]), line!());
    expect(&tape, ErrorKind::Shapes, (line, 27), &["no tensors were given"]);
    let _ = x;
}

#[test]
fn axes_are_checked_in_words() {
    let tape = Tape::new();
    let x = tape.tensor3::<f32>("x");
    assert_eq!(x.len_of(Axis(3)).unwrap_err().kind(), ErrorKind::Axis);
    let (_, line) = (x.swap_axes(1, 3), line!());
    expect(
        &tape,
        ErrorKind::Axis,
        (line, 24),
        &["no such axis or range in `swap_axes`", "there is no axis 3: the axes are 0 to 2", "x: f32[x.0, x.1, x.2]"],
    );
}

#[test]
fn examples_find_what_lengths_cannot() {
    let tape = Tape::new();
    let x = tape.input_with("x", &arr1(&[1.0, 2.0, 3.0]));
    let y = tape.input_with("y", &arr1(&[1.0, 2.0]));
    let (sum, line) = (x + y, line!());
    expect(&tape, ErrorKind::Shapes, (line, 24), &["the example values do not fit in `add`", "which is 3", "which is 2"]);
    assert!(sum.exp().value().is_err());

    let tape = Tape::new();
    let x = tape.input_with("x", &arr1(&[1.0, 2.0, 3.0]));
    let rows = tape.input_with("rows", &arr1(&[0i64, 3]));
    let (_, line) = (x.select_axis(Axis(0), rows), line!());
    let error = tape.check().unwrap_err();
    assert_eq!((error.source_line().unwrap().line, error.source_line().unwrap().column), (line, 24), "{error}");
    assert!(error.to_string().contains("example values"), "{error}");
}

#[test]
fn a_value_names_the_input_without_an_example() {
    let tape = Tape::new();
    let x = tape.input_with("x", &arr1(&[1.0, 2.0]));
    let late = (x * 2.0).sum();
    let bias = tape.scalar::<f64>("bias");
    let missing = (late + bias).exp().value().unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Declaration);
    assert!(missing.to_string().starts_with("`bias` has no example value"), "{missing}");
    assert_eq!(missing.source_line().unwrap().line, line!() - 4);
    assert_eq!(late.value().unwrap()[[]], 6.0);
    tape.check().unwrap();
}

#[test]
fn a_tape_at_work_answers_no_questions() {
    let tape = Tape::new();
    let x = tape.matrix::<f32>("x");
    let _ = tape.with_graph(|graph| {
        let recorded = x + 1.0;
        assert!(x.dims().is_err() && tape.check().is_err() && tape.graph().is_err() && tape.shareds().is_empty());
        let _ = (x.t(), recorded.sum(), tape.shared(&Shared::new("w", arr2(&[[0.0]]))), format!("{x:?}"));
        Ok(graph.len())
    });
    assert_eq!(tape.check().unwrap_err().kind(), ErrorKind::Verify);
}

#[test]
fn odd_requests_are_errors_not_panics() {
    let tape = Tape::new();
    let scalar = tape.scalar::<f64>("s");
    let empty = tape.constant(Array2::<f64>::zeros((0, 0)));
    let far = Axis(usize::MAX);
    for wrong in [
        scalar.sum_axis(Axis(0)),
        scalar.index_axis(far, isize::MIN),
        scalar.insert_axis(far),
        scalar.mean_axis(far),
        scalar.norm_axes(&[far, far]),
        empty.index_axis(Axis(0), 0),
        empty.reshape([7]),
        empty.dot(tape.constant(arr1(&[1.0]))),
        scalar.tril(i64::MAX),
        scalar.diag(),
        scalar.to_diag(),
        scalar.trace(),
        empty.sum_axes(&[Axis(0), Axis(0)]),
        empty.slice(s![isize::MIN..;isize::MIN, ..]),
        scalar.swap_axes(0, 0),
        empty.permuted_axes([0, 0]),
        empty.remove_axis(Axis(0)),
        empty.softmax(far),
    ] {
        assert!(wrong.dims().is_err(), "{wrong:?}");
        let _ = (wrong.t(), wrong.flatten(), wrong.dot(wrong), wrong.std(), wrong.slice(s![0]), wrong.to_diag(), wrong.pad(&[]));
    }
    let _ = (tape.eye::<f32>(i64::MIN), scalar.broadcast([-1]), empty.pad(&[(usize::MAX, usize::MAX), (1, 1)]));
    assert!(tape.check().is_err());
}
