//! Sums, products and extremes.

use damo::op::broadcast::Broadcast;
use damo::op::input::InputKind;
use damo::op::reduce::Reduction;
use damo::prelude::*;
use damo::{AnyArray, DType, Graph, Type};
use damo_graph::Number;
use damo_graph::types::IntoDims as _;
use damo_passes::Settings;
use damo_passes::pipeline::optimise;
use damo_testing::formula::formula;
use expect_test::expect;
use ndarray::Axis;

use crate::{check, programs};

#[test]
fn reductions_of_repeats() {
    check(
        programs! {
            "R3" "sum(fill(x))": [x: f64[]] x.broadcast([5]).sum();
            "R3" "prod(fill(x))": [x: f64[]] x.broadcast([5]).prod();
            "R3" "max(fill(x))": [x: f64[]] x.broadcast([5]).max_all();
            "R3" "any(fill(c))": [c: bool[]] c.broadcast([5]).any();
            "R3" "sum(fill(x), axis) of a row": [x: f64[m]] x.broadcast([damo::Dim::from(4), x.len_of(Axis(0)).unwrap()]).sum_axis(Axis(0));
            "R3" "sum(fill(x)), any length": [x: f64[], y: f64[n]] (x.broadcast(y.dims().unwrap()).sum(), y);
            "R3" "sum(fill(1)), any length": [y: f64[n m]] y.tape().full::<f64>(y.dims().unwrap(), 1.0).sum();
            "R3" "mean(fill(x))": [x: f64[3]] x.broadcast([5, 3]).mean();
            "R3" "mean(fill(x)), any length": [x: f64[], y: f64[n]] (x.broadcast(y.dims().unwrap()).mean(), y);
            "R3" "max(fill(x)), any length": [x: f64[], y: f64[n]] (x.broadcast(y.dims().unwrap()).max_all(), y);
            "R3" "prod(fill(x), axis)": [x: f64[3]] x.broadcast([2, 3]).prod_axis(Axis(0));
            "R3" "prod(fill(x)), of both axes": [x: f64[3]] x.broadcast([2, 3]).prod();
            "R3" "prod(fill(x)), any length": [x: f64[], y: f64[n]] (x.broadcast(y.dims().unwrap()).prod(), y);
            "R3" "sum(fill(x), middle axis)": [x: f64[3 1 4]] x.broadcast([3, 5, 4]).sum_axis(Axis(1));
            "R3" "sum(fill(x), middle axis and last)": [x: f64[3 1 4]] x.broadcast([2, 3, 5, 4]).sum_axes(&[Axis(2), Axis(3)]);
            "R3" "max(fill(x), axis) of a row": [x: f64[3]] x.broadcast([2, 3]).max_axis(Axis(0));
            "R3" "max(fill(x))": [x: f64[3]] x.broadcast([2, 3]).max_all();
            "R3" "sum(fill(i)), of integers": [i: i64[]] i.broadcast([5]).sum();
            "R3" "all(fill(c), axis)": [c: bool[3]] c.broadcast([2, 3]).all_axis(Axis(0));
            "R3" "sum of nothing": [x: f64[]] x.broadcast([0]).sum();
            "R3" "sum(fill(x).t(), axis)": [x: f64[3]] x.broadcast([2, 3]).t().sum_axis(Axis(1));
            "R3" "gradient of a sum": [b: f64[], x: f64[n]] (x + b).sum().grad(b);
        },
        &expect![[r#"
            R3  sum(fill(x))
                mul(5.0, x)
            R3  prod(fill(x))
                pow(x, 5.0)
            R3  max(fill(x))
                x
            R3  any(fill(c))
                c
            R3  sum(fill(x), axis) of a row
                mul(4.0, x)
            R3  sum(fill(x)), any length
                select(equal(dim_value{dim=n, dtype=i64}, 0), 0.0, mul(dim_value{dim=n, dtype=f64}, x)), y
            R3  sum(fill(1)), any length
                dim_value{dim=m*n, dtype=f64}
            R3  mean(fill(x))
                reduce{by=mean, axes=[0]}(x)
            R3  mean(fill(x)), any length
                select(equal(dim_value{dim=n, dtype=i64}, 0), nan, x), y
            R3  max(fill(x)), any length
                reduce{by=max, axes=[0]}(broadcast{to=[n]}(x)), y
            R3  prod(fill(x), axis)
                mul(x, x)
            R3  prod(fill(x)), of both axes
                %1 = reduce{by=product, axes=[0]}(x)
                mul(%1, %1)
            R3  prod(fill(x)), any length
                pow(x, dim_value{dim=n, dtype=f64}), y
            R3  sum(fill(x), middle axis)
                remove_axis{axis=1}(mul(5.0, x))
            R3  sum(fill(x), middle axis and last)
                broadcast{to=[2, 3]}(mul(5.0, reduce{by=sum, axes=[1]}(remove_axis{axis=1}(x))))
            R3  max(fill(x), axis) of a row
                x
            R3  max(fill(x))
                reduce{by=max, axes=[0]}(x)
            R3  sum(fill(i)), of integers
                mul(5, i)
            R3  all(fill(c), axis)
                c
            R3  sum of nothing
                0.0
            R3  sum(fill(x).t(), axis)
                mul(2.0, x)
            R3  gradient of a sum
                dim_value{dim=n, dtype=f64}
        "#]],
    );
}

#[test]
fn reductions() {
    check(
        programs! {
            "R1" "sum(a·x)": [a: f64[], x: f64[n]] (a * x).sum();
            "R1" "sum(2·x)": [x: f64[n]] (2.0 * x).sum();
            "R1" "sum(a·x, axis) with a along the axis": [a: f64[m], x: f64[n m]] (a * x).sum_axis(Axis(0));
            "R1" "prod(a·x)": [a: f64[], x: f64[3]] (a * x).prod();
            "R1" "sum(x/a)": [a: f64[], x: f64[n]] (x / a).sum();
            "R1" "sum(−x)": [x: f64[n]] (-x).sum();
            "R2" "sum(sum(x, axis))": [x: f64[n m]] x.sum_axis(Axis(0)).sum();
            "R2" "sum(sum(x, axis), axis)": [x: f64[n m k]] x.sum_axis(Axis(2)).sum_axis(Axis(0));
            "R2" "max(max(x, axis))": [x: f64[n m]] x.max_axis(Axis(0)).max_all();
            "R2" "sum over no axes": [x: f64[n]] x.sum_axes(&[]);
            "R2" "sum over an axis of length 1": [x: f64[1 m]] x.sum_axis(Axis(0));
            "R2" "max over an axis of length 1": [x: f64[1 m]] x.max_axis(Axis(0));
            "R2" "sum of a scalar": [x: f64[]] x.sum();
            "R4" "sum(stack(x, y, z), axis)": [x: f64[n], y: f64[n], z: f64[n]] x.tape().stack(Axis(0), &[x, y, z]).sum_axis(Axis(0));
            "R4" "max(stack(x, y), axis)": [x: f64[n], y: f64[n]] x.tape().stack(Axis(0), &[x, y]).max_axis(Axis(0));
            "R5" "sum((w[1, i, j]·g[k, 1, i])², i, j)": [w: f64[i j], g: f64[k i]] {
                let product = w.insert_axis(Axis(0)) * g.insert_axis(Axis(2));
                (product * product).sum_axes(&[Axis(1), Axis(2)])
            };
        },
        &expect![[r#"
            R1  sum(a·x)
                reduce{by=sum, axes=[0]}(mul(a, x))
            R1  sum(2·x)
                mul(2.0, reduce{by=sum, axes=[0]}(x))
            R1  sum(a·x, axis) with a along the axis
                reduce{by=sum, axes=[0]}(mul(a, x))
            R1  prod(a·x)
                reduce{by=product, axes=[0]}(mul(a, x))
            R1  sum(x/a)
                reduce{by=sum, axes=[0]}(div(x, a))
            R1  sum(−x)
                neg(reduce{by=sum, axes=[0]}(x))
            R2  sum(sum(x, axis))
                reduce{by=sum, axes=[0, 1]}(x)
            R2  sum(sum(x, axis), axis)
                reduce{by=sum, axes=[0, 2]}(x)
            R2  max(max(x, axis))
                reduce{by=max, axes=[0, 1]}(x)
            R2  sum over no axes
                x
            R2  sum over an axis of length 1
                remove_axis{axis=0}(x)
            R2  max over an axis of length 1
                remove_axis{axis=0}(x)
            R2  sum of a scalar
                x
            R4  sum(stack(x, y, z), axis)
                add(add(x, y), z)
            R4  max(stack(x, y), axis)
                reduce{by=max, axes=[0]}(concatenate{axis=0}(insert_axis{axis=0}(x), insert_axis{axis=0}(y)))
            R5  sum((w[1, i, j]·g[k, 1, i])², i, j)
                %1 = mul(insert_axis{axis=0}(w), insert_axis{axis=2}(g))
                reduce{by=sum, axes=[1, 2]}(mul(%1, %1))
        "#]],
    );
}

/// Half precision counts no further than 65504 itself.
#[test]
fn repeats_in_half_precision() {
    let mut graph = Graph::new();
    let x = graph.add_input("x", Type::scalar(DType::F16), InputKind::Argument).unwrap();
    let many = graph.add(Broadcast { to: [100_000usize].into_dims() }, &[x]).unwrap();
    let sum = graph.reduce(Reduction::Sum, many, &[0]).unwrap();
    graph.set_outputs([sum]);
    let (optimised, _) = optimise(&graph, &Settings::default()).unwrap();
    assert_eq!(formula(&optimised), "cast{to=f16}(mul(100000.0, cast{to=f32}(x)))");
    let quarter = [AnyArray::full(DType::F16, &[], Number::Real(0.25))];
    assert_eq!(optimised.evaluate(&quarter).unwrap(), graph.evaluate(&quarter).unwrap());
}
