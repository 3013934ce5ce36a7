//! What the facade builds on: graphs, values, adoption, and things made of tensors.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use damo_graph::op::custom::Custom;
use damo_graph::op::scalar::{self, Scalar, unary};
use damo_graph::{DType, Provenance, Type};
use damo_trace::*;
use ndarray::{Axis, arr1};

#[test]
fn a_tape_becomes_a_graph() {
    let tape = Tape::new();
    let x = tape.input::<f32>("x", (tape.dim("n"), 3));
    let (y, again) = (x.exp() + 1.0, x.exp() + 1.0);
    assert_eq!(tape.value_of(y).unwrap(), tape.value_of(again).unwrap(), "equal computations are one node");
    let mut graph = tape.graph().unwrap();
    assert_eq!(graph.provenance(), &Provenance::default());
    graph.set_outputs([tape.value_of(y).unwrap()]);
    let [out] = &graph.evaluate(&[damo_graph::AnyArray::from(ndarray::Array2::<f32>::zeros((2, 3)))]).unwrap()[..] else { panic!("one output") };
    assert_eq!(out.downcast::<f32>().unwrap()[[1, 2]], 2.0);
    assert!(format!("{tape:?}").contains("exp"));
}

#[test]
fn the_facade_works_on_the_graph_and_adopts_values() {
    let tape = Tape::new();
    let x = tape.input_with("x", &arr1(&[1.0f64, 2.0]));
    let value = tape.value_of(x).unwrap();
    let (made, line) = (tape.with_graph(|graph| graph.apply(&scalar::EXP, &[value])).unwrap(), line!());
    let y = tape.adopt::<f64>(made);
    assert_eq!((y * 2.0).value().unwrap(), arr1(&[2.0 * 1f64.exp(), 2.0 * 2f64.exp()]).into_dyn());
    let graph = tape.graph().unwrap();
    assert_eq!(graph.node(made.node).provenance().source.unwrap().line, line);
    assert_eq!(tape.adopt::<f32>(made).dims().unwrap_err().kind(), ErrorKind::Verify);
}

#[test]
fn errors_of_the_facade_are_kept() {
    let tape = Tape::new();
    tape.fail(Error::new(ErrorKind::Gradient, "not a scalar"));
    let error = tape.check().unwrap_err();
    assert_eq!((error.kind(), error.source_line().unwrap().line), (ErrorKind::Gradient, line!() - 2));
    assert_eq!(tape.poison::<f32>().dims().unwrap_err(), error);
}

#[test]
fn composites_keep_their_name_and_line() {
    let tape = Tape::new();
    let x = tape.matrix::<f32>("x");
    let (y, line) = (x.std_axis(Axis(0)), line!());
    let z = tape.within("layer_norm", || (x - x.mean_axis_keep(Axis(1))) * 3.0);
    let after = x + 1.0;
    let graph = tape.graph().unwrap();
    let of = |tensor| graph.node(tape.value_of(tensor).unwrap().node).provenance().clone();
    assert_eq!((of(y).within, of(y).source.unwrap().line), (Some("std"), line));
    assert_eq!((of(z).within, of(z).source.unwrap().line), (Some("layer_norm"), line + 1));
    for (_, node) in graph.nodes() {
        assert!(node.provenance().source.is_some(), "{node:?}");
    }
    assert_eq!(of(after).within, None);
}

#[test]
fn tensors_print_their_type_and_line() {
    let tape = Tape::new();
    let x = tape.input::<f32>("x", (tape.dim("n"), 784));
    let file = file!();
    assert_eq!(format!("{x:?}"), format!("Tensor(f32[n, 784] at {file}:{}:18)", line!() - 2));
    let y = tape.input_with("y", &arr1(&[1.5f32]));
    assert_eq!(format!("{:?}", y + 1.0), format!("Tensor(f32[y.0] at {file}:{}:32 = [2.5])", line!()));
    let wrong = x.sum_axis(Axis(5));
    assert_eq!(format!("{wrong:?}"), format!("Tensor(f32, with an error at {file}:{}:19)", line!() - 1));
}

#[test]
fn shapes_of_things_are_taken_apart_and_put_together() {
    let tape = Tape::new();
    let (x, i) = (tape.vector::<f32>("x"), tape.vector::<i64>("i"));
    let twice = |handles: Handles<'_>| handles.iter().map(Handle::dtype).collect::<Vec<_>>();
    assert_eq!(twice(x.handles()), [DType::F32]);
    assert_eq!(twice((x, i, x).handles()), [DType::F32, DType::I64, DType::F32]);
    assert_eq!(twice([i, i].handles()), [DType::I64; 2]);
    assert_eq!(twice(vec![x; 3].handles()), [DType::F32; 3]);
    assert!(().handles().is_empty());

    let (y, j) = (x + 1.0, i * 2);
    let mut handles = [y.handle(), j.handle(), x.handle()].into_iter();
    let (a, b, c) = (x, i, x).rebuild(&mut handles);
    assert_eq!([a.index(), b.index(), c.index()], [y.index(), j.index(), x.index()]);
    let [p, q] = [x, x].rebuild(&mut [y.handle(), x.handle()].into_iter());
    assert_eq!([p.index(), q.index()], [y.index(), x.index()]);
    assert_eq!(vec![x].rebuild(&mut [y.handle()].into_iter())[0].index(), y.index());
    tape.check().unwrap();

    let _ = (x,).rebuild(&mut [i.handle()].into_iter());
    assert_eq!(tape.check().unwrap_err().kind(), ErrorKind::Verify);
}

#[test]
fn elements_do_not_borrow_the_tape() {
    fn elements<'t, T: Tensors<'t>>(_: &T) -> std::any::TypeId {
        std::any::TypeId::of::<T::Elements>()
    }
    let tape = Tape::new();
    let (x, i) = (tape.vector::<f32>("x"), tape.vector::<i64>("i"));
    assert_eq!(elements(&x), std::any::TypeId::of::<Single<f32>>());
    assert_eq!(elements(&(x, i)), std::any::TypeId::of::<(f32, i64)>());
    assert_eq!(elements(&[x, x]), std::any::TypeId::of::<[f32; 2]>());
}

static CUBE: Scalar = unary("cube", |x| x * x * x, |x, _| 3.0 * (x * x), 0.5, 2);

#[test]
fn ops_of_the_user_are_ops() {
    let tape = Tape::new();
    let x = tape.input_with("x", &arr1(&[2.0f64]));
    assert_eq!(Real::apply(&CUBE, [x]).value().unwrap(), arr1(&[8.0]).into_dyn());
    let same: Tensor<'_, f64> = tape.apply(damo_graph::op::stop_gradient::StopGradient, &[x.handle()]);
    assert_eq!(same.ty().unwrap(), Type::new(DType::F64, [tape.dim("x.0")]));
    let custom = Custom(std::sync::Arc::new(damo_graph::op::stop_gradient::StopGradient));
    assert_eq!(tape.apply::<f64>(custom, &[x.handle()]).value().unwrap(), arr1(&[2.0]).into_dyn());
    tape.check().unwrap();
    let _: Tensor<'_, i32> = tape.apply(damo_graph::op::stop_gradient::StopGradient, &[x.handle()]);
    assert_eq!(tape.check().unwrap_err().kind(), ErrorKind::DType);
}
