//! Slices, picks, and the gradients of them.

use damo::prelude::*;
use expect_test::expect;
use ndarray::{Axis, arr1, s};

use crate::{check, programs};

#[test]
fn slices() {
    check(
        programs! {
            "I1" "x[2..8][1..4]": [x: f64[10]] x.slice(s![2..8]).slice(s![1..4]);
            "I1" "x[..;-1][..;-1]": [x: f64[10]] x.slice(s![..;-1]).slice(s![..;-1]);
            "I1" "x[..;2][1..;2]": [x: f64[10]] x.slice(s![..;2]).slice(s![1..;2]);
            "I1" "x[1..9;3][..;-1]": [x: f64[10]] x.slice(s![1..9;3]).slice(s![..;-1]);
            "I2" "x[..]": [x: f64[n]] x.slice(s![..]);
            "I2" "x[0..10] of 10": [x: f64[10]] x.slice(s![0..10]);
            "I2" "x[−1] of 10": [x: f64[10]] x.index_axis(Axis(0), -1);
            "I2" "x[0] of 1": [x: f64[1 m]] x.index_axis(Axis(0), 0);
            "I2" "x[0..1] of 1": [x: f64[1]] x.slice(s![0..1]);
        },
        &expect![[r#"
            I1  x[2..8][1..4]
                slice{ranges=[3 by 1; 3]}(x)
            I1  x[..;-1][..;-1]
                x
            I1  x[..;2][1..;2]
                slice{ranges=[2 by 4; 2]}(x)
            I1  x[1..9;3][..;-1]
                slice{ranges=[7 by -3; 3]}(x)
            I2  x[..]
                x
            I2  x[0..10] of 10
                x
            I2  x[−1] of 10
                remove_axis{axis=0}(slice{ranges=[9 by 1; 1]}(x))
            I2  x[0] of 1
                remove_axis{axis=0}(x)
            I2  x[0..1] of 1
                x
        "#]],
    );
}

#[test]
fn parts_of_views_and_joins() {
    check(
        programs! {
            "I7" "insert_axis(x)[0]": [x: f64[n]] x.insert_axis(Axis(0)).index_axis(Axis(0), 0);
            "I7" "x.t()[1]": [x: f64[4 5]] x.t().index_axis(Axis(0), 1);
            "I7" "broadcast(x)[1]": [x: f64[5]] x.broadcast([4, 5]).index_axis(Axis(0), 1);
            "I7" "stack(x, y)[1]": [x: f64[5], y: f64[5]] x.tape().stack(Axis(0), &[x, y]).index_axis(Axis(0), 1);
            "I7" "concatenate(x, y)[..2]": [x: f64[2], y: f64[5]] x.tape().concatenate(Axis(0), &[x, y]).slice(s![..2]);
            "I7" "stack(x, y)[.., 1], of both": [x: f64[5], y: f64[5]] x.tape().stack(Axis(0), &[x, y]).index_axis(Axis(1), 1);
            "I7" "concatenate(x, y)[3, 1..4]": [x: f64[n 3], y: f64[n 4]] x.tape().concatenate(Axis(1), &[x.exp(), y.exp()]).slice(s![3, 1..4]);
            "I7" "concatenate(x, y)[4..;-1]": [x: f64[2], y: f64[5]] x.tape().concatenate(Axis(0), &[x, y]).slice(s![2..5;-1]);
            "I7" "transpose(x)[1, 2..] of three axes": [x: f64[n m 5]] x.permuted_axes([2, 0, 1]).slice(s![1, 1.., ..;2]);
            "I7" "stack(exp(x), y)[0], and the stack": [x: f64[5], y: f64[5]] {
                let both = x.tape().stack(Axis(0), &[x.exp(), y]);
                (both.index_axis(Axis(0), 0), both)
            };
            "I7" "stack(exp(x), y)[0][2]": [x: f64[5], y: f64[5]] x.tape().stack(Axis(0), &[x.exp(), y]).index_axis(Axis(0), 0).index_axis(Axis(0), 2);
        },
        &expect![[r#"
            I7  insert_axis(x)[0]
                x
            I7  x.t()[1]
                remove_axis{axis=1}(slice{ranges=[0 by 1; 4, 1 by 1; 1]}(x))
            I7  broadcast(x)[1]
                x
            I7  stack(x, y)[1]
                y
            I7  concatenate(x, y)[..2]
                x
            I7  stack(x, y)[.., 1], of both
                remove_axis{axis=1}(concatenate{axis=0}(insert_axis{axis=0}(slice{ranges=[1 by 1; 1]}(x)), insert_axis{axis=0}(slice{ranges=[1 by 1; 1]}(y))))
            I7  concatenate(x, y)[3, 1..4]
                remove_axis{axis=0}(slice{ranges=[0 by 1; 1, 1 by 1; 3]}(concatenate{axis=1}(exp(slice{ranges=[3 by 1; 1, 0 by 1; 3]}(x)), exp(slice{ranges=[3 by 1; 1, 0 by 1; 4]}(y)))))
                require n >= 4
            I7  concatenate(x, y)[4..;-1]
                slice{ranges=[2 by -1; 3]}(y)
            I7  transpose(x)[1, 2..] of three axes
                remove_axis{axis=2}(slice{ranges=[1 by 1; n - 1, 0 by 2; floor(m + 1, 2), 1 by 1; 1]}(x))
                require n - 1 >= 0
                require m >= 2*floor(m + 1, 2) - 1
            I7  stack(exp(x), y)[0], and the stack
                %1 = exp(x)
                %1, concatenate{axis=0}(insert_axis{axis=0}(%1), insert_axis{axis=0}(y))
            I7  stack(exp(x), y)[0][2]
                remove_axis{axis=0}(exp(slice{ranges=[2 by 1; 1]}(x)))
        "#]],
    );
}

#[test]
fn diagonals() {
    check(
        programs! {
            "I7" "diag(x.dot(y))": [x: f64[4 5], y: f64[5 4]] x.dot(y).diag();
            "I7" "diag(to_diag(x))": [x: f64[4]] x.to_diag().diag();
            "I7" "trace(x.dot(y))": [x: f64[4 5], y: f64[5 4]] x.dot(y).trace();
        },
        &expect![[r#"
            I7  diag(x.dot(y))
                dot{batch=[0:1], contract=[1:0]}(x, y)
            I7  diag(to_diag(x))
                x
            I7  trace(x.dot(y))
                reduce{by=sum, axes=[0]}(dot{batch=[0:1], contract=[1:0]}(x, y))
        "#]],
    );
}

#[test]
fn parts_by_index() {
    check(
        programs! {
            "I7" "exp(x)[[7]]": [x: f64[10]] x.exp().select_axis(Axis(0), x.tape().constant(arr1(&[7i64])));
            "I7" "exp(x)[i], i of any length": [x: f64[10], i: i64[n]] x.exp().select_axis(Axis(0), i);
            "I7" "x.dot(y)[[3, 0]]": [x: f64[4 5], y: f64[5 6]] x.dot(y).select_axis(Axis(0), x.tape().constant(arr1(&[3i64, 0])));
            "I7" "x[i][.., 2], and x[i][1..3]": [x: f64[10 4], i: i64[n]] (x.select_axis(Axis(0), i).index_axis(Axis(1), 2), x.sin().select_axis(Axis(0), i).slice(s![1..3, ..]));
            "I7" "x[.., i][1, .., 2..], i a matrix": [x: f64[5 10 4], i: i64[n 3]] x.select_axis(Axis(1), i).slice(s![1, 1.., ..2, 2..]);
            "I8" "x[iota + 2]": [x: f64[10]] x.select_axis(Axis(0), x.tape().iota::<i64>(4) + 2);
            "I8" "x[[3, 4, 5]]": [x: f64[10]] x.select_axis(Axis(0), x.tape().constant(arr1(&[3i64, 4, 5])));
            "I8" "x[[7]]": [x: f64[10]] x.select_axis(Axis(0), x.tape().constant(arr1(&[7i64])));
        },
        &expect![[r#"
            I7  exp(x)[[7]]
                exp(select_axis{axis=0}(x, constant{dtype=i64, dims=[1], values=[7]}))
            I7  exp(x)[i], i of any length
                select_axis{axis=0}(exp(x), i)
            I7  x.dot(y)[[3, 0]]
                dot{batch=[], contract=[1:0]}(select_axis{axis=0}(x, constant{dtype=i64, dims=[2], values=[3, 0]}), y)
            I7  x[i][.., 2], and x[i][1..3]
                remove_axis{axis=1}(select_axis{axis=0}(slice{ranges=[0 by 1; 10, 2 by 1; 1]}(x), i)), sin(select_axis{axis=0}(x, slice{ranges=[1 by 1; 2]}(i)))
                require n >= 3
            I7  x[.., i][1, .., 2..], i a matrix
                remove_axis{axis=0}(select_axis{axis=1}(slice{ranges=[1 by 1; 1, 0 by 1; 10, 2 by 1; 2]}(x), slice{ranges=[1 by 1; n - 1, 0 by 1; 2]}(i)))
                require n - 1 >= 0
            I8  x[iota + 2]
                select_axis{axis=0}(x, add(iota{length=4, dtype=i64}, 2))
            I8  x[[3, 4, 5]]
                select_axis{axis=0}(x, constant{dtype=i64, dims=[3], values=[3, 4, 5]})
            I8  x[[7]]
                select_axis{axis=0}(x, constant{dtype=i64, dims=[1], values=[7]})
        "#]],
    );
}

#[test]
fn parts_of_products() {
    check(
        programs! {
            "I7" "x.dot(y)[i, j]": [x: f64[4 5], y: f64[5 6]] x.dot(y).index_axis(Axis(0), 1).index_axis(Axis(0), 2);
            "I7" "x.dot(y)[.., 1..3]": [x: f64[n 5], y: f64[5 m]] x.dot(y).slice(s![.., 1..3]);
            "I7" "x.dot(y)[i], x and y computed": [x: f64[n 5], y: f64[5 m]] x.exp().dot(y.sin()).index_axis(Axis(0), 1);
            "I7" "x.dot(x)[i]": [x: f64[4 4]] x.exp().dot(x.exp()).index_axis(Axis(0), 1);
            "I7" "batches of products, one of them": [x: f64[3 4 5], y: f64[3 5 6]] x.dot(y).index_axis(Axis(0), 2);
        },
        &expect![[r#"
            I7  x.dot(y)[i, j]
                dot{batch=[], contract=[0:0]}(remove_axis{axis=0}(slice{ranges=[1 by 1; 1, 0 by 1; 5]}(x)), remove_axis{axis=1}(slice{ranges=[0 by 1; 5, 2 by 1; 1]}(y)))
            I7  x.dot(y)[.., 1..3]
                dot{batch=[], contract=[1:0]}(x, slice{ranges=[0 by 1; 5, 1 by 1; 2]}(y))
                require m >= 3
            I7  x.dot(y)[i], x and y computed
                dot{batch=[], contract=[0:0]}(remove_axis{axis=0}(exp(slice{ranges=[1 by 1; 1, 0 by 1; 5]}(x))), sin(y))
                require n >= 2
            I7  x.dot(x)[i]
                %1 = exp(x)
                remove_axis{axis=0}(slice{ranges=[1 by 1; 1, 0 by 1; 4]}(dot{batch=[], contract=[1:0]}(%1, %1)))
            I7  batches of products, one of them
                remove_axis{axis=0}(dot{batch=[0:0], contract=[2:1]}(slice{ranges=[2 by 1; 1, 0 by 1; 4, 0 by 1; 5]}(x), slice{ranges=[2 by 1; 1, 0 by 1; 5, 0 by 1; 6]}(y)))
        "#]],
    );
}

#[test]
fn parts_of_functions_and_rows() {
    check(
        programs! {
            "I7" "exp(x)[2]": [x: f64[10]] x.exp().index_axis(Axis(0), 2);
            "I7" "(x + y)[2]": [x: f64[10 3], y: f64[3]] (x + y).index_axis(Axis(0), 2);
            "I7" "sum(x, axis)[1]": [x: f64[4 5]] x.sum_axis(Axis(1)).index_axis(Axis(0), 1);
            "I7" "softmax(x, axis 1)[1]": [x: f64[4 5]] x.softmax(Axis(1)).index_axis(Axis(0), 1);
            "I7" "(x + y + z)[1..3]": [x: f64[n m], y: f64[m], z: f64[]] (x.exp() + y.exp() + z.exp()).slice(s![1..3, 1..]);
            "I7" "exp(x)[2] and the sum of exp(x)": [x: f64[10]] (x.exp().index_axis(Axis(0), 2), x.exp().sum());
            "I7" "exp(x)[2] and exp(x)": [x: f64[10]] (x.exp().index_axis(Axis(0), 2), x.exp());
            "I7" "exp(x)[1..3][1], by way of a sum": [x: f64[10 4]] x.exp().slice(s![1..3, ..]).sum_axis(Axis(0)).index_axis(Axis(0), 1);
            "I7" "softmax(x, axis 1)[1, ..3]": [x: f64[4 5]] x.softmax(Axis(1)).slice(s![1..2, ..3]);
            "I7" "softmax(x, axis 1)[.., ..3]": [x: f64[4 5]] x.softmax(Axis(1)).slice(s![.., ..3]);
            "I7" "log_sum_exp(x, axis 0)[..2]": [x: f64[4 5]] x.log_sum_exp_axes(&[Axis(0)]).slice(s![..2]);
            "I7" "argmax(x, axis 1)[..2]": [x: f64[4 5]] x.argmax_axis(Axis(1)).slice(s![..2]);
            "I7" "max(exp(x), axis 0)[..;-1]": [x: f64[n m]] x.exp().max_axis(Axis(0)).slice(s![..;-1]);
            "I7" "exp(x).t()[1], and exp(x).t()": [x: f64[4 5]] {
                let y = x.exp().t();
                (y.index_axis(Axis(0), 1), y)
            };
            "I7" "exp(x)[2] and what cancels it": [x: f64[10]] (x.exp().index_axis(Axis(0), 2), x.exp().ln());
        },
        &expect![[r#"
            I7  exp(x)[2]
                remove_axis{axis=0}(exp(slice{ranges=[2 by 1; 1]}(x)))
            I7  (x + y)[2]
                remove_axis{axis=0}(add(slice{ranges=[2 by 1; 1, 0 by 1; 3]}(x), y))
            I7  sum(x, axis)[1]
                remove_axis{axis=0}(reduce{by=sum, axes=[1]}(slice{ranges=[1 by 1; 1, 0 by 1; 5]}(x)))
            I7  softmax(x, axis 1)[1]
                remove_axis{axis=0}(softmax{axis=1}(slice{ranges=[1 by 1; 1, 0 by 1; 5]}(x)))
            I7  (x + y + z)[1..3]
                add(add(exp(slice{ranges=[1 by 1; 2, 1 by 1; m - 1]}(x)), exp(slice{ranges=[1 by 1; m - 1]}(y))), exp(z))
                require n >= 3
                require m - 1 >= 0
            I7  exp(x)[2] and the sum of exp(x)
                %1 = exp(x)
                remove_axis{axis=0}(slice{ranges=[2 by 1; 1]}(%1)), reduce{by=sum, axes=[0]}(%1)
            I7  exp(x)[2] and exp(x)
                %1 = exp(x)
                remove_axis{axis=0}(slice{ranges=[2 by 1; 1]}(%1)), %1
            I7  exp(x)[1..3][1], by way of a sum
                remove_axis{axis=0}(reduce{by=sum, axes=[0]}(exp(slice{ranges=[1 by 1; 2, 1 by 1; 1]}(x))))
            I7  softmax(x, axis 1)[1, ..3]
                slice{ranges=[0 by 1; 1, 0 by 1; 3]}(softmax{axis=1}(slice{ranges=[1 by 1; 1, 0 by 1; 5]}(x)))
            I7  softmax(x, axis 1)[.., ..3]
                slice{ranges=[0 by 1; 4, 0 by 1; 3]}(softmax{axis=1}(x))
            I7  log_sum_exp(x, axis 0)[..2]
                log_sum_exp{axes=[0]}(slice{ranges=[0 by 1; 4, 0 by 1; 2]}(x))
            I7  argmax(x, axis 1)[..2]
                arg_extreme{extreme=max, axis=1}(slice{ranges=[0 by 1; 2, 0 by 1; 5]}(x))
            I7  max(exp(x), axis 0)[..;-1]
                reduce{by=max, axes=[0]}(exp(slice{ranges=[0 by 1; n, m - 1 by -1; m]}(x)))
            I7  exp(x).t()[1], and exp(x).t()
                %1 = exp(x)
                remove_axis{axis=1}(slice{ranges=[0 by 1; 4, 1 by 1; 1]}(%1)), transpose{order=[1, 0]}(%1)
            I7  exp(x)[2] and what cancels it
                remove_axis{axis=0}(exp(slice{ranges=[2 by 1; 1]}(x))), x
        "#]],
    );
}

#[test]
fn gradients_of_slices() {
    check(
        programs! {
            "I5" "gradient of x[1..4] and x[6..8]": [x: f64[10]] (x.slice(s![1..4]).exp().sum() + x.slice(s![6..8]).sin().sum()).grad(x);
            "I5" "gradient of every row": [x: f64[3 4]] {
                let rows = (0..3).map(|k| x.index_axis(Axis(0), k).exp().sum());
                rows.reduce(|sum, row| sum + row).unwrap().grad(x)
            };
            "I5" "gradient of a gather": [x: f64[10], i: i64[n]] x.select_axis(Axis(0), i).exp().sum().grad(x);
            "I6" "zeros.dot(y)": [y: f64[3 4]] y.tape().zeros::<f64>([2, 3]).dot(y);
        },
        &expect![[r#"
            I5  gradient of x[1..4] and x[6..8]
                add(pad{ranges=[6 by 1; 2], to=[10]}(cos(slice{ranges=[6 by 1; 2]}(x))), pad{ranges=[1 by 1; 3], to=[10]}(exp(slice{ranges=[1 by 1; 3]}(x))))
            I5  gradient of every row
                add(add(pad{ranges=[2 by 1; 1, 0 by 1; 4], to=[3, 4]}(exp(slice{ranges=[2 by 1; 1, 0 by 1; 4]}(x))), pad{ranges=[1 by 1; 1, 0 by 1; 4], to=[3, 4]}(exp(slice{ranges=[1 by 1; 1, 0 by 1; 4]}(x)))), pad{ranges=[0 by 1; 1, 0 by 1; 4], to=[3, 4]}(exp(slice{ranges=[0 by 1; 1, 0 by 1; 4]}(x))))
            I5  gradient of a gather
                scatter_add{axis=0, length=10}(exp(select_axis{axis=0}(x, i)), i)
            I6  zeros.dot(y)
                dot{batch=[], contract=[1:0]}(broadcast{to=[2, 3]}(0.0), y)
        "#]],
    );
}
