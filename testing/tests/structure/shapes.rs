//! Lengths, broadcasts, transposes, reshapes and joins.

use damo::prelude::*;
use expect_test::expect;
use ndarray::{Axis, s};

use crate::{check, programs};

#[test]
fn lengths_and_broadcasts() {
    check(
        programs! {
            "H1" "the length of ln(x)": [x: f64[n]] x.tape().length::<i64>(x.ln().len_of(Axis(0)).unwrap());
            "H1" "the length of x.dot(y)": [x: f64[n k], y: f64[k m]] x.tape().length::<i64>(x.dot(y).len_of(Axis(1)).unwrap());
            "H3" "x·fill(1)": [x: f64[n]] x * x.tape().full(x.dims().unwrap(), 1.0);
            "H3" "x + fill(y)": [x: f64[n], y: f64[]] x + y.broadcast(x.dims().unwrap());
            "H3" "fill(a)·fill(b)": [a: f64[], b: f64[]] a.broadcast([3]) * b.broadcast([3]);
            "H3" "fill(a) cast": [a: f32[]] a.broadcast([3]).cast::<f64>();
            "H3" "row(a) cast, plus b": [a: f32[3], b: f64[2 3]] a.broadcast([2, 3]).cast::<f64>() + b;
            "H3" "fill(a)·fill(b) of other axes": [a: f64[3], b: f64[2 1]] a.broadcast([2, 3]) * b.broadcast([2, 3]);
            "H3" "fill(a).t() + b": [a: f64[3], b: f64[3 2]] a.broadcast([2, 3]).t() + b;
            "H3" "zeros_like(x) + fill(a), reshaped": [x: f64[4 6], a: f64[]] (x.tape().zeros::<f64>([4, 6]) + a.broadcast([4, 6])).reshape([24]);
            "H3" "select of fills": [c: bool[3], a: f64[], b: f64[]] select(c, a.broadcast([3]), b.broadcast([3]));
            "H3" "fill(a)[1..3]": [a: f64[]] a.broadcast([5]).slice(s![1..3]);
            "H3" "fill(a) with axes inserted and removed": [a: f64[3]] a.broadcast([1, 2, 3]).insert_axis(Axis(3)).insert_axis(Axis(1)).remove_axis(Axis(0));
            "H4" "broadcast to its own lengths": [x: f64[n]] x.broadcast(x.dims().unwrap());
            "H4" "broadcast(broadcast(x))": [x: f64[3]] x.broadcast([2, 3]).broadcast([4, 2, 3]);
            "H4" "exp(broadcast(x))": [x: f64[3]] x.broadcast([2, 3]).exp();
            "H4" "broadcast to a length of 1": [x: f64[n]] x.broadcast([x.len_of(Axis(0)).unwrap()]).insert_axis(Axis(0));
            "H4" "transpose(broadcast(x))": [x: f64[3]] x.broadcast([2, 3]).t();
        },
        &expect![[r#"
            H1  the length of ln(x)
                dim_value{dim=n, dtype=i64}
            H1  the length of x.dot(y)
                dim_value{dim=m, dtype=i64}
            H3  x·fill(1)
                x
            H3  x + fill(y)
                add(x, y)
            H3  fill(a)·fill(b)
                broadcast{to=[3]}(mul(a, b))
            H3  fill(a) cast
                broadcast{to=[3]}(cast{to=f64}(a))
            H3  row(a) cast, plus b
                add(cast{to=f64}(a), b)
            H3  fill(a)·fill(b) of other axes
                mul(a, b)
            H3  fill(a).t() + b
                add(insert_axis{axis=1}(a), b)
            H3  zeros_like(x) + fill(a), reshaped
                broadcast{to=[24]}(a)
            H3  select of fills
                select(c, a, b)
            H3  fill(a)[1..3]
                broadcast{to=[2]}(a)
            H3  fill(a) with axes inserted and removed
                broadcast{to=[1, 2, 3, 1]}(insert_axis{axis=1}(a))
            H4  broadcast to its own lengths
                x
            H4  broadcast(broadcast(x))
                broadcast{to=[4, 2, 3]}(x)
            H4  exp(broadcast(x))
                broadcast{to=[2, 3]}(exp(x))
            H4  broadcast to a length of 1
                insert_axis{axis=0}(x)
            H4  transpose(broadcast(x))
                broadcast{to=[3, 2]}(insert_axis{axis=1}(x))
        "#]],
    );
}

#[test]
fn transposes_and_reshapes() {
    check(
        programs! {
            "H5" "x.t().t()": [x: f64[n m]] x.t().t();
            "H5" "axes permuted to where they are": [x: f64[n m]] x.permuted_axes([0, 1]);
            "H5" "two permutations": [x: f64[n m k]] x.permuted_axes([1, 2, 0]).permuted_axes([2, 1, 0]);
            "H5" "exp(x.t()).t()": [x: f64[n m]] x.t().exp().t();
            "H5" "x.t() + y.t()": [x: f64[n m], y: f64[n m]] x.t() + y.t();
            "H5" "x.dot(y).t()": [x: f64[n k], y: f64[k m]] x.dot(y).t();
            "H5" "x.t().dot(y.t()).t()": [x: f64[k n], y: f64[m k]] x.t().dot(y.t()).t();
            "H5" "(−2·a·x.dot(y)).t()": [x: f64[n k], y: f64[k m], a: f64[]] (-2.0 * a * x.dot(y)).t();
            "H5" "x.dot(y).t(), and x.dot(y)": [x: f64[n k], y: f64[k m]] (x.dot(y).t(), x.dot(y));
            "H5" "batches of x.dot(y), each transposed": [x: f64[3 n k], y: f64[3 k m]] x.dot(y).permuted_axes([0, 2, 1]);
            "H5" "batches of x.dot(y), otherwise permuted": [x: f64[3 n k], y: f64[3 k m]] x.dot(y).permuted_axes([1, 0, 2]);
            "H5" "x, y permuted, contracted": [x: f64[2 3 4], y: f64[4 5 3]] x.permuted_axes([2, 0, 1]).contract(y.permuted_axes([2, 1, 0]), &[Axis(0), Axis(2)], &[Axis(2), Axis(0)]);
            "H5" "x with free axes permuted, contracted": [x: f64[2 3 4], y: f64[4 5]] x.permuted_axes([1, 0, 2]).dot(y);
            "H5" "v.dot(x).t()": [v: f64[k], x: f64[k n]] v.dot(x).t();
            "H5" "insert_axis, remove_axis": [x: f64[n]] x.insert_axis(Axis(1)).remove_axis(Axis(1));
            "H6" "reshape(reshape(x))": [x: f64[6]] x.reshape([2, 3]).reshape([3, 2]);
            "H6" "reshape there and back": [x: f64[6]] x.reshape([2, 3]).reshape([6]);
            "H6" "reshape to its own lengths": [x: f64[n m]] x.reshape(x.dims().unwrap());
            "H6" "reshape that only inserts a 1": [x: f64[6]] x.reshape([6, 1]);
            "H6" "reshape(exp(x))": [x: f64[6]] x.exp().reshape([2, 3]);
            "H6" "reshape(insert_axis(x))": [x: f64[6]] x.insert_axis(Axis(0)).reshape([2, 3]);
            "H8" "−max(−x)": [x: f64[n]] -(-x).max_all();
            "H8" "−max(−x, axis)": [x: f64[n m]] -(-x).max_axis(Axis(0));
        },
        &expect![[r#"
            H5  x.t().t()
                x
            H5  axes permuted to where they are
                x
            H5  two permutations
                transpose{order=[0, 2, 1]}(x)
            H5  exp(x.t()).t()
                exp(x)
            H5  x.t() + y.t()
                transpose{order=[1, 0]}(add(x, y))
            H5  x.dot(y).t()
                dot{batch=[], contract=[0:1]}(y, x)
            H5  x.t().dot(y.t()).t()
                dot{batch=[], contract=[1:0]}(y, x)
            H5  (−2·a·x.dot(y)).t()
                mul(mul(-2.0, a), dot{batch=[], contract=[0:1]}(y, x))
            H5  x.dot(y).t(), and x.dot(y)
                %1 = dot{batch=[], contract=[1:0]}(x, y)
                transpose{order=[1, 0]}(%1), %1
            H5  batches of x.dot(y), each transposed
                dot{batch=[0:0], contract=[1:2]}(y, x)
            H5  batches of x.dot(y), otherwise permuted
                transpose{order=[1, 0, 2]}(dot{batch=[0:0], contract=[2:1]}(x, y))
            H5  x, y permuted, contracted
                dot{batch=[], contract=[2:0, 1:2]}(x, y)
            H5  x with free axes permuted, contracted
                dot{batch=[], contract=[2:0]}(transpose{order=[1, 0, 2]}(x), y)
            H5  v.dot(x).t()
                dot{batch=[], contract=[0:0]}(v, x)
            H5  insert_axis, remove_axis
                x
            H6  reshape(reshape(x))
                reshape{to=[3, 2]}(x)
            H6  reshape there and back
                x
            H6  reshape to its own lengths
                x
            H6  reshape that only inserts a 1
                reshape{to=[6, 1]}(x)
            H6  reshape(exp(x))
                reshape{to=[2, 3]}(exp(x))
            H6  reshape(insert_axis(x))
                reshape{to=[2, 3]}(x)
            H8  −max(−x)
                reduce{by=min, axes=[0]}(x)
            H8  −max(−x, axis)
                reduce{by=min, axes=[0]}(x)
        "#]],
    );
}

#[test]
fn joins() {
    check(
        programs! {
            "H7" "concatenate(x)": [x: f64[n]] x.tape().concatenate(Axis(0), &[x]);
            "H7" "concatenate with nothing": [x: f64[3], y: f64[0]] x.tape().concatenate(Axis(0), &[x, y]);
            "H7" "concatenate(x, x, x)": [x: f64[3]] x.tape().concatenate(Axis(0), &[x, x, x]);
            "H7" "concatenate(x[..3], x[3..5])": [x: f64[8]] x.tape().concatenate(Axis(0), &[x.slice(s![..3]), x.slice(s![3..5])]);
            "H7" "concatenate of fills": [a: f64[]] a.tape().concatenate(Axis(0), &[a.broadcast([2]), a.broadcast([3])]);
            "H7" "sum(stack(a, b))": [a: f64[], b: f64[]] a.tape().stack(Axis(0), &[a, b]).sum();
            "H7" "concatenate(concatenate(x, y), z)": [x: f64[2], y: f64[3], z: f64[4]] x.tape().concatenate(Axis(0), &[x.tape().concatenate(Axis(0), &[x, y]), z]);
        },
        &expect![[r#"
            H7  concatenate(x)
                x
            H7  concatenate with nothing
                concatenate{axis=0}(x, y)
            H7  concatenate(x, x, x)
                concatenate{axis=0}(x, x, x)
            H7  concatenate(x[..3], x[3..5])
                slice{ranges=[0 by 1; 5]}(x)
            H7  concatenate of fills
                broadcast{to=[5]}(a)
            H7  sum(stack(a, b))
                add(a, b)
            H7  concatenate(concatenate(x, y), z)
                concatenate{axis=0}(concatenate{axis=0}(x, y), z)
        "#]],
    );
}
