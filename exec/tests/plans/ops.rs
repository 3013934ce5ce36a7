//! Every op, over lengths of 0 and 1 and more, on plain and on strided arrays.

use damo_graph::op::arg_extreme::{ArgExtreme, Extreme};
use damo_graph::op::cast::Cast;
use damo_graph::op::concatenate::Concatenate;
use damo_graph::op::dim_value::DimValue;
use damo_graph::op::dot::Dot;
use damo_graph::op::iota::Iota;
use damo_graph::op::log_softmax::LogSoftmax;
use damo_graph::op::log_sum_exp::LogSumExp;
use damo_graph::op::norm::Norm;
use damo_graph::op::pad::Pad;
use damo_graph::op::product_of_others::ProductOfOthers;
use damo_graph::op::reduce::Reduction;
use damo_graph::op::scalar::{self, Signature};
use damo_graph::op::scatter_add::ScatterAdd;
use damo_graph::op::select_axis::SelectAxis;
use damo_graph::op::slice::{Range, Slice};
use damo_graph::op::softmax::Softmax;
use damo_graph::op::stop_gradient::StopGradient;
use damo_graph::{AnyArray, DType, Dim, ErrorKind, Graph, Number, Op, Symbol, Value};
use ndarray::{Array3, Axis, arr1, s};

use crate::judge::{CHECKED, agree, agree_shaken, fractions, input, known, whole};

const SHAPES: &[&[usize]] = &[&[0, 3, 2], &[1, 1, 1], &[2, 3, 4], &[5, 1, 7], &[3, 0, 0], &[33, 5, 17]];

/// The graph of one op on one input.
fn unary(dtype: DType, shape: &[usize], op: impl Into<Op>) -> Graph {
    let mut graph = Graph::new();
    let x = input(&mut graph, "x", dtype, shape);
    let y = graph.add(op, &[x]).unwrap();
    graph.set_outputs([y]);
    graph
}

#[test]
fn pointwise_functions() {
    for scalar in scalar::ALL {
        for dtype in [DType::F32, DType::F64, DType::I32, DType::Bool] {
            let mut graph = Graph::new();
            let dtypes = |k: usize| if scalar.signature == Signature::Select && k == 0 { DType::Bool } else { dtype };
            let values: Vec<Value> = (0..scalar.arity()).map(|k| known(&mut graph, &format!("x{k}"), dtypes(k), &[2, 19])).collect();
            let Ok(y) = graph.apply(scalar, &values) else { continue };
            graph.set_outputs([y]);
            let arrays: Vec<AnyArray> = (0..scalar.arity())
                .map(|k| {
                    let given = fractions(dtype, &[2, 19]).to_reals();
                    if !dtypes(k).is_float() {
                        whole(dtypes(k), &[2, 19])
                    } else if ["polygamma", "erfcx_derivative"].contains(&scalar.name) && k == 0 {
                        AnyArray::from_reals(dtype, &given.mapv(|_| 1.0))
                    } else if scalar.name == "acosh" {
                        AnyArray::from_reals(dtype, &given.mapv(|x| 1.0 + x * x))
                    } else {
                        // Inside the domain of every other function.
                        AnyArray::from_reals(dtype, &given.mapv(|x| if k == 1 { 1.0 - x } else { x }))
                    }
                })
                .collect();
            let inputs: Vec<&dyn damo_exec::Argument> = arrays.iter().map(|array| array as _).collect();
            agree(&graph, &inputs, scalar.ulps_in(dtype).max(0.5));
        }
    }
}

#[test]
fn broadcasting() {
    for (left, right) in [(&[2, 3][..], &[3][..]), (&[4, 1, 3], &[5, 1]), (&[], &[2, 2]), (&[1, 7], &[7, 1]), (&[0, 3], &[1, 3])] {
        let mut graph = Graph::new();
        let (x, y) = (known(&mut graph, "x", DType::F64, left), known(&mut graph, "y", DType::F64, right));
        let z = graph.apply(&scalar::SUB, &[x, y]).unwrap();
        graph.set_outputs([z]);
        agree(&graph, &[&whole(DType::F64, left), &whole(DType::F64, right)], 0.0);
    }
}

#[test]
fn casts_between_all_types() {
    for &from in DType::ALL {
        for &to in DType::ALL {
            agree(&unary(from, &[3, 4], Cast { to }), &[&whole(from, &[3, 4])], 0.0);
        }
    }
}

#[test]
fn movement_of_every_type() {
    for &dtype in DType::ALL {
        for &shape in SHAPES {
            let mut graph = Graph::new();
            let x = input(&mut graph, "x", dtype, shape);
            let turned = graph.transpose(x, &[2, 0, 1]).unwrap();
            let count: Dim = graph.ty(x).dims.count();
            let flat = graph.reshape(turned, &[count.clone()].into_iter().collect()).unwrap();
            let flat_again = graph.reshape(x, &[count].into_iter().collect()).unwrap();
            let inserted = graph.insert_axis(flat_again, 1).unwrap();
            let removed = graph.remove_axis(inserted, 1).unwrap();
            let kept = graph.add(StopGradient, &[turned]).unwrap();
            graph.set_outputs([turned, flat, inserted, removed, kept, x, x]);
            agree(&graph, &[&whole(dtype, shape)], 0.0);
        }
    }
}

#[test]
fn slices_run_both_ways_and_padding_undoes_them() {
    let n = Dim::from(Symbol::new("x0"));
    let ranges = [
        Range { start: n.clone() - 1, step: -1, length: n.clone() },
        Range { start: 1.into(), step: 2, length: 2.into() },
        Range { start: 3.into(), step: -3, length: 2.into() },
    ];
    for first in [0, 1, 6] {
        let mut graph = Graph::new();
        let x = graph
            .add_input("x", damo_graph::Type::new(DType::F32, [n.clone(), 5.into(), 4.into()]), damo_graph::op::input::InputKind::Argument)
            .unwrap();
        let part = graph.add(Slice { ranges: ranges.iter().cloned().collect() }, &[x]).unwrap();
        let doubled = graph.plus(part, part).unwrap();
        let to = graph.ty(x).dims.clone();
        let padded = graph.add(Pad { ranges: ranges.iter().cloned().collect(), to }, &[doubled]).unwrap();
        graph.set_outputs([part, padded]);
        agree(&graph, &[&whole(DType::F32, &[first, 5, 4])], 0.0);
    }
}

#[test]
fn concatenation() {
    for axis in 0..2 {
        let mut graph = Graph::new();
        let x = known(&mut graph, "x", DType::I16, &[2, 3]);
        let y = graph.plus(x, x).unwrap();
        let turned = graph.transpose(x, &[1, 0]).unwrap();
        let turned = graph.reshape(turned, &[2, 3].into_iter().collect()).unwrap();
        let all = graph.add(Concatenate { axis }, &[x, y, turned, x]).unwrap();
        let sum = graph.sum(all, &[axis]).unwrap();
        graph.set_outputs([all, sum]);
        agree(&graph, &[&whole(DType::I16, &[2, 3])], 0.0);
    }
}

#[test]
fn counting_and_lengths() {
    let n = Dim::from(Symbol::new("x0"));
    for length in [0, 1, 2000] {
        let mut graph = Graph::new();
        let x = input(&mut graph, "x", DType::F32, &[0]);
        let count = graph.add(Iota { length: n.clone() * 2, dtype: DType::I64 }, &[]).unwrap();
        let many = graph.add(DimValue { dim: n.clone() + 1, dtype: DType::F32 }, &[]).unwrap();
        let sum = graph.plus(x, many).unwrap();
        let rows = graph.add(Iota { length: n.clone(), dtype: DType::F32 }, &[]).unwrap();
        let ramp = graph.times(rows, sum).unwrap();
        graph.set_outputs([count, many, sum, ramp]);
        agree(&graph, &[&whole(DType::F32, &[length])], 0.0);
    }
}

#[test]
fn reductions() {
    for &shape in SHAPES {
        for axes in [&[][..], &[0], &[1], &[2], &[0, 2], &[0, 1, 2], &[1, 2]] {
            for reduction in Reduction::ALL {
                let logical = matches!(reduction, Reduction::All | Reduction::Any);
                for dtype in if logical { &[DType::Bool][..] } else { &[DType::F32, DType::F64, DType::I8, DType::U64] } {
                    let mut graph = Graph::new();
                    let x = input(&mut graph, "x", *dtype, shape);
                    let Ok(y) = graph.reduce(reduction, x, axes) else {
                        assert!(reduction == Reduction::Mean && !dtype.is_float());
                        continue;
                    };
                    graph.set_outputs([y]);
                    let array = whole(*dtype, shape);
                    // A long product of floats depends on its order.
                    let ulps = if reduction == Reduction::Product { 64.0 } else { 0.0 };
                    if graph.evaluate(std::slice::from_ref(&array)).is_ok() {
                        agree(&graph, &[&array], ulps);
                    } else {
                        let error = damo_exec::Executable::new(graph, CHECKED).unwrap().call(&[&array]).unwrap_err();
                        assert_eq!(error.kind(), ErrorKind::Execution);
                    }
                }
            }
        }
    }
}

#[test]
fn norms_neither_overflow_nor_underflow() {
    let number = |dtype: DType, number: f64| AnyArray::from_numbers(dtype, &[20, 33], std::iter::repeat_n(Number::Real(number), 660)).unwrap();
    for (dtype, sizes) in [(DType::F32, [1e37, 3e30, 3e-30, 1e-44]), (DType::F64, [1e306, 1e200, 1e-200, 1e-320])] {
        for (size, axes) in sizes.into_iter().flat_map(|size| [&[0][..], &[1], &[0, 1]].map(|axes| (size, axes))) {
            agree_shaken(&unary(dtype, &[20, 33], Norm { axes: axes.into() }), &[&number(dtype, size)], 1.0, 0..2);
        }
        // An infinite element is stronger than one that is no number.
        for edges in [[f64::INFINITY, f64::NAN], [f64::NAN, f64::NEG_INFINITY], [f64::NAN, 1.0], [f64::NEG_INFINITY, 1.0]] {
            let x = AnyArray::from_numbers(dtype, &[1, 34], edges.map(Number::Real).into_iter().cycle().take(34)).unwrap();
            agree_shaken(&unary(dtype, &[1, 34], Norm { axes: [1].as_slice().into() }), &[&x], 0.0, 0..2);
        }
    }
}

#[test]
fn functions_of_rows() {
    for dtype in [DType::F32, DType::F64, DType::BF16] {
        for shape in [&[2, 3, 4][..], &[1, 1, 1], &[0, 2, 2], &[3, 40, 5]] {
            for axis in 0..3 {
                let x = fractions(dtype, shape);
                // Two roundings more than the meaning.
                agree(&unary(dtype, shape, Softmax { axis }), &[&x], 2.0);
                agree(&unary(dtype, shape, LogSoftmax { axis }), &[&x], 2.0);
                if shape[axis] > 0 {
                    agree(&unary(dtype, shape, ArgExtreme { extreme: Extreme::Max, axis }), &[&x], 0.0);
                    agree(&unary(dtype, shape, ArgExtreme { extreme: Extreme::Min, axis }), &[&x], 0.0);
                }
            }
            for axes in [&[0][..], &[2], &[0, 2], &[1, 2], &[0, 1, 2]] {
                let (x, whole) = (fractions(dtype, shape), whole(DType::I32, shape));
                agree(&unary(dtype, shape, LogSumExp { axes: axes.into() }), &[&x], 2.0);
                agree(&unary(dtype, shape, Norm { axes: axes.into() }), &[&x], 2.0);
                // Each factor is a rounding, in this order and in that of the meaning.
                let factors: usize = axes.iter().map(|&axis| shape[axis]).product();
                agree(&unary(dtype, shape, ProductOfOthers { axes: axes.into() }), &[&x], factors as f64);
                agree(&unary(DType::I32, shape, ProductOfOthers { axes: axes.into() }), &[&whole], 0.0);
            }
        }
    }
    let edges = arr1(&[f64::NEG_INFINITY, 0.0, f64::NEG_INFINITY, 1e300, -1e300, f64::INFINITY, 1.0, f64::INFINITY]);
    for last in 1..=8 {
        let x = edges.slice(s![..last]);
        agree(&unary(DType::F64, &[0], Softmax { axis: 0 }), &[&x], 1.0);
        agree(&unary(DType::F64, &[0], LogSoftmax { axis: 0 }), &[&x], 1.0);
        agree(&unary(DType::F64, &[0], LogSumExp { axes: [0].as_slice().into() }), &[&x], 1.0);
        agree(&unary(DType::F64, &[0], Norm { axes: [0].as_slice().into() }), &[&x], 1.0);
    }
    let nan = arr1(&[1.0f32, f32::NAN, 3.0, f32::NAN]);
    agree(&unary(DType::F32, &[0], ArgExtreme { extreme: Extreme::Max, axis: 0 }), &[&nan], 0.0);
}

#[test]
fn picking_and_adding_up() {
    for axis in 0..3 {
        for dtype in [DType::F64, DType::I32, DType::Bool, DType::C64, DType::F16] {
            let mut graph = Graph::new();
            let x = known(&mut graph, "x", dtype, &[3, 4, 5]);
            let indices = known(&mut graph, "i", DType::I8, &[2, 3]);
            let picked = graph.add(SelectAxis { axis }, &[x, indices]).unwrap();
            let mut outputs = vec![picked];
            if dtype.is_float() || dtype.is_integer() {
                outputs.push(graph.add(ScatterAdd { axis, length: 7.into() }, &[picked, indices]).unwrap());
            }
            graph.set_outputs(outputs);
            let indices = ndarray::arr2(&[[0i8, -1, 2], [1, 0, -3]]);
            agree(&graph, &[&whole(dtype, &[3, 4, 5]), &indices.t().as_standard_layout().t()], 0.0);
            let executable = damo_exec::Executable::new(graph, CHECKED).unwrap();
            let error = executable.call(&[&whole(dtype, &[3, 4, 5]), &indices.mapv(|i| i + 6)]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Execution, "{error}");
        }
    }
}

#[test]
fn products() {
    type Case<'a> = (&'a [usize], &'a [usize], &'a [(usize, usize)], &'a [(usize, usize)]);
    let cases: &[Case<'_>] = &[
        (&[7], &[7], &[], &[(0, 0)]),
        (&[3], &[4], &[], &[]),
        (&[5, 7], &[7], &[], &[(1, 0)]),
        (&[7], &[7, 5], &[], &[(0, 0)]),
        (&[5, 7], &[7, 6], &[], &[(1, 0)]),
        (&[7, 5], &[6, 7], &[], &[(0, 1)]),
        (&[2, 5, 7], &[2, 7, 3], &[(0, 0)], &[(2, 1)]),
        (&[2, 5, 7], &[7, 3], &[], &[(2, 0)]),
        (&[5, 2, 7], &[3, 7, 2], &[(1, 2)], &[(2, 1)]),
        (&[4, 3, 5], &[5, 3, 2], &[], &[(1, 1), (2, 0)]),
        (&[4, 3, 5], &[3, 5, 2], &[], &[(1, 0), (2, 1)]),
        (&[3, 4, 5], &[2, 5, 3], &[], &[(0, 2), (2, 1)]),
        (&[0, 3], &[3, 2], &[], &[(1, 0)]),
        (&[2, 0], &[0, 3], &[], &[(1, 0)]),
        (&[1, 1], &[1, 1], &[], &[(1, 0)]),
        (&[70, 90], &[90, 80], &[], &[(1, 0)]),
    ];
    for dtype in [DType::F32, DType::F64, DType::I32, DType::U8, DType::BF16] {
        for (left, right, batch, contract) in cases {
            let mut graph = Graph::new();
            let (x, y) = (known(&mut graph, "x", dtype, left), known(&mut graph, "y", dtype, right));
            let z = graph.add(Dot { batch: (*batch).into(), contract: (*contract).into() }, &[x, y]).unwrap();
            graph.set_outputs([z]);
            let (x, y) = (whole(dtype, left), whole(dtype, right));
            agree(&graph, &[&x, &y], 0.0);
            damo_graph::with_any_array!(&x, |x| damo_graph::with_any_array!(&y, |y| {
                // The same elements with other strides: each axis backwards in memory, the last axis slowest.
                let (x, y) = (x.t().as_standard_layout().into_owned(), y.t().as_standard_layout().into_owned());
                agree(&graph, &[&x.t(), &y.t()], 0.0)
            }));
        }
    }
}

#[test]
fn strided_arguments() {
    let mut graph = Graph::new();
    let x = input(&mut graph, "x", DType::F32, &[3, 3, 3]);
    let doubled = graph.plus(x, x).unwrap();
    let sums = graph.sum(doubled, &[1]).unwrap();
    let turned = graph.transpose(x, &[2, 1, 0]).unwrap();
    graph.set_outputs([doubled, sums, turned]);
    let all = Array3::from_shape_fn((6, 7, 8), |(i, j, k)| (i * 64 + j * 8 + k) as f32);
    agree(&graph, &[&all], 0.0);
    agree(&graph, &[&all.t()], 0.0);
    agree(&graph, &[&all.slice(s![..;2, ..;-1, 1..;3])], 0.0);
    agree(&graph, &[&all.slice(s![3..3, .., ..;-2])], 0.0);
    agree(&graph, &[&all.index_axis(Axis(1), 2).insert_axis(Axis(0)).broadcast((5, 6, 8)).unwrap()], 0.0);
}

#[test]
fn constants_need_no_memory() {
    let mut graph = Graph::new();
    let x = known(&mut graph, "x", DType::F64, &[4]);
    let half = graph.number(DType::F64, 0.5).unwrap();
    let halves = graph.broadcast(half, &[3, 4].into_iter().collect()).unwrap();
    let table = graph.add(damo_graph::op::constant::Constant(AnyArray::from(arr1(&[1.0, 2.0, 3.0, 4.0]))), &[]).unwrap();
    let y = graph.times(x, halves).unwrap();
    let z = graph.plus(y, table).unwrap();
    graph.set_outputs([z, half, halves, table]);
    let text = agree(&graph, &[&whole(DType::F64, &[4])], 0.0);
    assert!(text.contains("arena 0 bytes"), "{text}");
}
