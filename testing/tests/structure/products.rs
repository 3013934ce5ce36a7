//! Products of matrices and vectors, with scalars and sums around them, and the tutorial's training step.

use damo::prelude::*;
use damo::{Config, Policy, Shared};
use damo_testing::formula::formula;
use expect_test::expect;
use ndarray::{Array1, Axis, arr0};

use crate::{check, check_under, programs};

#[test]
fn general_products() {
    check(
        programs! {
            "B1" "x.dot(y)": [x: f64[n k], y: f64[k m]] x.dot(y);
            "B1" "x.dot(y) of no rows": [x: f64[0 3], y: f64[3 4]] x.dot(y);
            "B2" "z + x.dot(y)": [x: f64[n k], y: f64[k m], z: f64[n m]] z + x.dot(y);
            "B2" "x.dot(y) + z": [x: f64[n k], y: f64[k m], z: f64[n m]] x.dot(y) + z;
            "B2" "z − x.dot(y)": [x: f64[n k], y: f64[k m], z: f64[n m]] z - x.dot(y);
            "B2" "x.dot(y) − z": [x: f64[n k], y: f64[k m], z: f64[n m]] x.dot(y) - z;
            "B2" "b·z + a·x.dot(y)": [x: f64[n k], y: f64[k m], z: f64[n m], a: f64[], b: f64[]] b * z + a * x.dot(y);
            "B2" "a·x.dot(y) + b·z": [x: f64[n k], y: f64[k m], z: f64[n m], a: f64[], b: f64[]] a * x.dot(y) + b * z;
            "B2" "b·z − a·x.dot(y)": [x: f64[n k], y: f64[k m], z: f64[n m], a: f64[], b: f64[]] b * z - a * x.dot(y);
            "B2" "a·x.dot(y) − b·z": [x: f64[n k], y: f64[k m], z: f64[n m], a: f64[], b: f64[]] a * x.dot(y) - b * z;
            "B2" "b·b·z·a + (a·a)·x.dot(y)·b": [x: f64[n k], y: f64[k m], z: f64[n m], a: f64[], b: f64[]] b * b * z * a + (a * a) * x.dot(y) * b;
            "B2" "z.t() + x.dot(y)": [x: f64[n k], y: f64[k m], z: f64[m n]] z.t() + x.dot(y);
            "B2" "z + y.t().dot(x.t()).t()": [x: f64[n k], y: f64[k m], z: f64[n m]] z + y.t().dot(x.t()).t();
            "B2" "b·z + a·x.dot(y).t()": [x: f64[n k], y: f64[k m], z: f64[m n], a: f64[], b: f64[]] b * z + a * x.dot(y).t();
            "B2" "x.t().dot(y.t())": [x: f64[k n], y: f64[m k]] x.t().dot(y.t());
            "B3" "z·c + a·x.dot(y) + b·r.dot(s).t()": [x: f64[n k], y: f64[k m], z: f64[n m], r: f64[m k], s: f64[k n], a: f64[], b: f64[], c: f64[]] z * c + a * x.dot(y) + b * r.dot(s).t();
            "B4" "a·z − b·(c·x.dot(y) + d·z)": [x: f64[n k], y: f64[k m], z: f64[n m], a: f64[], b: f64[], c: f64[], d: f64[]] a * z - b * (c * x.dot(y) + d * z);
            "B5" "v + z + x.dot(y), v a row": [x: f64[n k], y: f64[k m], z: f64[n m], v: f64[m]] v + z + x.dot(y);
            "B5" "x.dot(y) + x.dot(y)": [x: f64[n k], y: f64[k m]] x.dot(y) + x.dot(y);
            "B5" "a shared product": [x: f64[n k], y: f64[k m], z: f64[n m]] (z + x.dot(y), z * x.dot(y));
            "B6" "a + u.dot(v), scalars": [u: f64[n], v: f64[n], a: f64[]] a + u.dot(v);
            "B8" "a·x.dot(y)": [x: f64[n k], y: f64[k m], a: f64[]] a * x.dot(y);
            "B8" "(a·x).dot(b·y)": [x: f64[n k], y: f64[k m], a: f64[], b: f64[]] (a * x).dot(b * y);
            "B8" "−x.dot(y)·2": [x: f64[n k], y: f64[k m]] -x.dot(y) * 2.0;
            "B9" "z·(z + b·x.dot(y))": [x: f64[n k], y: f64[k m], z: f64[n m], b: f64[]] z * (z + b * x.dot(y));
        },
        &expect![[r#"
            B1  x.dot(y)
                dot{batch=[], contract=[1:0]}(x, y)
            B1  x.dot(y) of no rows
                dot{batch=[], contract=[1:0]}(x, y)
            B2  z + x.dot(y)
                add(z, dot{batch=[], contract=[1:0]}(x, y))
            B2  x.dot(y) + z
                add(dot{batch=[], contract=[1:0]}(x, y), z)
            B2  z − x.dot(y)
                sub(z, dot{batch=[], contract=[1:0]}(x, y))
            B2  x.dot(y) − z
                sub(dot{batch=[], contract=[1:0]}(x, y), z)
            B2  b·z + a·x.dot(y)
                add(mul(b, z), mul(a, dot{batch=[], contract=[1:0]}(x, y)))
            B2  a·x.dot(y) + b·z
                add(mul(a, dot{batch=[], contract=[1:0]}(x, y)), mul(b, z))
            B2  b·z − a·x.dot(y)
                sub(mul(b, z), mul(a, dot{batch=[], contract=[1:0]}(x, y)))
            B2  a·x.dot(y) − b·z
                sub(mul(a, dot{batch=[], contract=[1:0]}(x, y)), mul(b, z))
            B2  b·b·z·a + (a·a)·x.dot(y)·b
                add(mul(mul(mul(b, b), z), a), mul(mul(mul(a, a), dot{batch=[], contract=[1:0]}(x, y)), b))
            B2  z.t() + x.dot(y)
                add(transpose{order=[1, 0]}(z), dot{batch=[], contract=[1:0]}(x, y))
            B2  z + y.t().dot(x.t()).t()
                add(z, dot{batch=[], contract=[1:0]}(x, y))
            B2  b·z + a·x.dot(y).t()
                add(mul(b, z), mul(a, dot{batch=[], contract=[0:1]}(y, x)))
            B2  x.t().dot(y.t())
                dot{batch=[], contract=[0:1]}(x, y)
            B3  z·c + a·x.dot(y) + b·r.dot(s).t()
                add(add(mul(z, c), mul(a, dot{batch=[], contract=[1:0]}(x, y))), mul(b, dot{batch=[], contract=[0:1]}(s, r)))
            B4  a·z − b·(c·x.dot(y) + d·z)
                sub(mul(a, z), mul(b, add(mul(c, dot{batch=[], contract=[1:0]}(x, y)), mul(d, z))))
            B5  v + z + x.dot(y), v a row
                add(add(v, z), dot{batch=[], contract=[1:0]}(x, y))
            B5  x.dot(y) + x.dot(y)
                mul(2.0, dot{batch=[], contract=[1:0]}(x, y))
            B5  a shared product
                %1 = dot{batch=[], contract=[1:0]}(x, y)
                add(z, %1), mul(z, %1)
            B6  a + u.dot(v), scalars
                add(a, dot{batch=[], contract=[0:0]}(u, v))
            B8  a·x.dot(y)
                mul(a, dot{batch=[], contract=[1:0]}(x, y))
            B8  (a·x).dot(b·y)
                dot{batch=[], contract=[1:0]}(mul(a, x), mul(b, y))
            B8  −x.dot(y)·2
                mul(-2.0, dot{batch=[], contract=[1:0]}(x, y))
            B9  z·(z + b·x.dot(y))
                mul(z, add(z, mul(b, dot{batch=[], contract=[1:0]}(x, y))))
        "#]],
    );
}

#[test]
fn vectors_and_special_matrices() {
    check(
        programs! {
            "B7" "z + x.dot(v)": [x: f64[n k], v: f64[k], z: f64[n]] z + x.dot(v);
            "B7" "z + v.dot(x)": [x: f64[k n], v: f64[k], z: f64[n]] z + v.dot(x);
            "B7" "z + u.outer(v)": [u: f64[n], v: f64[m], z: f64[n m]] z + u.outer(v);
            "B7" "a column times a row": [u: f64[n 1], v: f64[1 m]] u.dot(v);
            "B7" "x.dot(a column)": [x: f64[n k], v: f64[k 1]] x.dot(v);
            "B7" "u.dot(v)": [u: f64[n], v: f64[n]] u.dot(v);
            "B7" "sum(u·v)": [u: f64[n], v: f64[n]] (u * v).sum();
            "B7" "sum(x·v, axis)": [x: f64[n k], v: f64[k]] (x * v).sum_axis(Axis(1));
            "B12" "zeros.dot(x)": [x: f64[3 4]] x.tape().zeros::<f64>([2, 3]).dot(x);
            "B12" "an inner length of 1": [x: f64[n 1], y: f64[1 m]] x.dot(y);
            "B12" "an inner length of 1, and batches": [x: f64[3 n 1], y: f64[3 1 m]] x.dot(y);
            "B12" "an inner length of 1, of three axes": [x: f64[n 1 k], y: f64[m 1 l]] x.contract(y, &[Axis(1)], &[Axis(1)]);
            "B12" "gradient of an inner length of 1": [x: f64[n 1], y: f64[1 m]] x.dot(y).sin().sum().grad(x);
            "B12" "to_diag(v).dot(x)": [v: f64[3], x: f64[3 4]] v.to_diag().dot(x);
            "B12" "eye.dot(x)": [x: f64[3 4]] x.tape().eye::<f64>(3).dot(x);
        },
        &expect![[r#"
            B7  z + x.dot(v)
                add(z, dot{batch=[], contract=[1:0]}(x, v))
            B7  z + v.dot(x)
                add(z, dot{batch=[], contract=[0:0]}(v, x))
            B7  z + u.outer(v)
                add(z, mul(insert_axis{axis=1}(u), insert_axis{axis=0}(v)))
            B7  a column times a row
                mul(u, v)
            B7  x.dot(a column)
                dot{batch=[], contract=[1:0]}(x, v)
            B7  u.dot(v)
                dot{batch=[], contract=[0:0]}(u, v)
            B7  sum(u·v)
                reduce{by=sum, axes=[0]}(mul(u, v))
            B7  sum(x·v, axis)
                reduce{by=sum, axes=[1]}(mul(x, v))
            B12  zeros.dot(x)
                dot{batch=[], contract=[1:0]}(broadcast{to=[2, 3]}(0.0), x)
            B12  an inner length of 1
                mul(x, y)
            B12  an inner length of 1, and batches
                mul(x, y)
            B12  an inner length of 1, of three axes
                mul(insert_axis{axis=2}(insert_axis{axis=2}(remove_axis{axis=1}(x))), insert_axis{axis=0}(insert_axis{axis=0}(remove_axis{axis=1}(y))))
            B12  gradient of an inner length of 1
                dot{batch=[], contract=[1:1]}(cos(mul(x, y)), y)
            B12  to_diag(v).dot(x)
                dot{batch=[], contract=[1:0]}(select(equal(insert_axis{axis=1}(iota{length=3, dtype=i64}), insert_axis{axis=0}(iota{length=3, dtype=i64})), insert_axis{axis=0}(v), 0.0), x)
            B12  eye.dot(x)
                dot{batch=[], contract=[1:0]}(cast{to=f64}(equal(insert_axis{axis=1}(iota{length=3, dtype=i64}), insert_axis{axis=0}(iota{length=3, dtype=i64}))), x)
        "#]],
    );
}

/// What needs `policy=fast`: the other operand may be infinite or not a number.
#[test]
fn special_matrices_for_speed() {
    check_under(
        Policy::Fast,
        programs! {
            "B12" "zeros.dot(x)": [x: f64[3 4]] x.tape().zeros::<f64>([2, 3]).dot(x);
            "B12" "to_diag(v).dot(x)": [v: f64[3], x: f64[3 4]] v.to_diag().dot(x);
            "B12" "x.dot(to_diag(v))": [v: f64[3], x: f64[4 3]] x.dot(v.to_diag());
            "B12" "x.t().dot(to_diag(v))": [v: f64[3], x: f64[3 4]] x.t().dot(v.to_diag());
            "B12" "to_diag(v).dot(u)": [v: f64[3], u: f64[3]] v.to_diag().dot(u);
            "B12" "eye.dot(x)": [x: f64[3 4]] x.tape().eye::<f64>(3).dot(x);
            "B12" "x.dot(eye)": [x: f64[4 3]] x.dot(x.tape().eye::<f64>(3));
            "R1" "sum(a·x)": [a: f64[], x: f64[n]] (a * x).sum();
            "R1" "sum(x/a)": [a: f64[], x: f64[n]] (x / a).sum();
            "R1" "sum(a·x, axis), a along the other": [a: f64[n], x: f64[n m]] (a.insert_axis(Axis(1)) * x).sum_axis(Axis(1));
            "R1" "sum(2·a·x·y, axis), a along the other": [a: f64[m], x: f64[n m], y: f64[n 1]] (2.0 * a * x * y).sum_axis(Axis(0));
            "R5" "sum((w[1, i, j]·g[k, 1, i])², i, j)": [w: f64[i j], g: f64[k i]] {
                let product = w.insert_axis(Axis(0)) * g.insert_axis(Axis(2));
                (product * product).sum_axes(&[Axis(1), Axis(2)])
            };
            "R5" "sum(x[i, j, 1]·y[1, j, k], j)": [x: f64[i j], y: f64[j k]] (x.insert_axis(Axis(2)) * y.insert_axis(Axis(0))).sum_axis(Axis(1));
            "R5" "sum(x[i, 1, k]·y[j, k], k)": [x: f64[i k], y: f64[j k]] (3.0 * x.insert_axis(Axis(1)) * y).sum_axis(Axis(2));
            "R5" "sum(u[i, 1]·v[j])": [u: f64[i], v: f64[j]] (u.insert_axis(Axis(1)) * v).sum();
            "R5" "sum(x·v, axis)": [x: f64[n k], v: f64[k]] (x * v).sum_axis(Axis(1));
        },
        &expect![[r#"
            B12  zeros.dot(x)
                broadcast{to=[2, 4]}(0.0)
            B12  to_diag(v).dot(x)
                mul(insert_axis{axis=1}(v), x)
            B12  x.dot(to_diag(v))
                mul(v, x)
            B12  x.t().dot(to_diag(v))
                mul(v, transpose{order=[1, 0]}(x))
            B12  to_diag(v).dot(u)
                mul(v, u)
            B12  eye.dot(x)
                x
            B12  x.dot(eye)
                x
            R1  sum(a·x)
                mul(a, reduce{by=sum, axes=[0]}(x))
            R1  sum(x/a)
                div(reduce{by=sum, axes=[0]}(x), a)
            R1  sum(a·x, axis), a along the other
                mul(a, reduce{by=sum, axes=[1]}(x))
            R1  sum(2·a·x·y, axis), a along the other
                mul(2.0, mul(a, reduce{by=sum, axes=[0]}(mul(x, y))))
            R5  sum((w[1, i, j]·g[k, 1, i])², i, j)
                dot{batch=[], contract=[0:1]}(reduce{by=sum, axes=[1]}(mul(w, w)), mul(g, g))
            R5  sum(x[i, j, 1]·y[1, j, k], j)
                dot{batch=[], contract=[1:0]}(x, y)
            R5  sum(x[i, 1, k]·y[j, k], k)
                dot{batch=[], contract=[1:1]}(mul(3.0, x), y)
            R5  sum(u[i, 1]·v[j])
                mul(reduce{by=sum, axes=[0]}(u), reduce{by=sum, axes=[0]}(v))
            R5  sum(x·v, axis)
                reduce{by=sum, axes=[1]}(mul(x, v))
        "#]],
    );
}

#[test]
fn the_training_step_of_the_tutorial() {
    let (w, b) = (Shared::new("w", Array1::<f64>::zeros(784)), Shared::new("b", arr0(0f64)));
    let tape = Tape::new();
    let n = tape.dim("n");
    let (x, y) = (tape.input::<f64>("x", (n, 784)), tape.input::<f64>("y", (n,)));
    let (wt, bt) = (tape.shared(&w), tape.shared(&b));
    let p = 1.0 / (1.0 + (-(x.dot(wt)) - bt).exp());
    let cross_entropy = -y * p.ln() - (1.0 - y) * (1.0 - p).ln();
    let cost = cross_entropy.mean() + 0.01 * (wt * wt).sum();
    let [gw, gb] = cost.grad([wt, bt]);
    let step = tape.function((x, y), (p.gt(0.5), cross_entropy)).update(wt, wt - 0.1 * gw).update(bt, bt - 0.1 * gb);
    let step = step.freeze(&Config::default()).unwrap();
    expect![[r#"
        %1 = sub(1.0, y)
        %2 = add(dot{batch=[], contract=[1:0]}(x, w), b)
        %3 = neg(%2)
        %4 = sigmoid(%2)
        %5 = recip(dim_value{dim=n, dtype=f64})
        %6 = sub(mul(%4, mul(%1, %5)), mul(sigmoid(%3), mul(y, %5)))
        gt(%4, 0.5), add(mul(y, softplus(%3)), mul(%1, softplus(%2))), sub(mul(0.998, w), mul(0.1, dot{batch=[], contract=[0:0]}(x, %6))), sub(b, mul(0.1, reduce{by=sum, axes=[0]}(%6)))"#]].assert_eq(&formula(step.graph()));
}
