//! Sums, products, quotients and powers.

#![expect(clippy::erasing_op, reason = "formulas such as 0·i are the point")]

use damo::prelude::*;
use expect_test::expect;

use crate::{check, programs};

#[test]
fn quotients_and_products() {
    check(
        programs! {
            "A1" "x/x": [x: f64[n]] x / x;
            "A1" "(x·y)/x": [x: f64[n], y: f64[n]] (x * y) / x;
            "A1" "x/y/x": [x: f64[n], y: f64[n]] x / y / x;
            "A1" "(a/b)·(b/c)·(c/d)": [a: f64[n], b: f64[n], c: f64[n], d: f64[n]] (a / b) * (b / c) * (c / d);
            "A1" "2·x/2": [x: f64[n]] 2.0 * x / 2.0;
            "A1" "(2·x)/(4·y)": [x: f64[n], y: f64[n]] (2.0 * x) / (4.0 * y);
            "A1" "(−x)/y/(−2·z)": [x: f64[n], y: f64[n], z: f64[n]] -x / y / (-2.0 * z);
            "A1" "x/y/z": [x: f64[n], y: f64[n], z: f64[n]] x / y / z;
            "A1" "x/(y/z)": [x: f64[n], y: f64[n], z: f64[n]] x / (y / z);
            "A1" "x/√v, stretched": [x: f64[n m], v: f64[n 1]] x / v.sqrt();
            "A1" "x/√(mean of v), stretched": [x: f64[n m], v: f64[n m]] x / v.mean_axis_keep(ndarray::Axis(1)).sqrt();
            "A1" "x/v, stretched": [x: f64[n m], v: f64[n 1]] x / v;
            "A1" "v/√x, stretched": [x: f64[n m], v: f64[n 1]] v / x.sqrt();
            "A2" "x·y·z": [x: f64[n], y: f64[n], z: f64[n]] x * y * z;
            "A2" "x + y + z, of a row and a matrix": [x: f64[n m], y: f64[m], z: f64[n m]] x + y + z;
            "A3" "0·x·y": [x: f64[n], y: f64[n]] 0.0 * x * y;
            "A3" "0·x/y": [x: f64[n], y: f64[n]] 0.0 * x / y;
            "A3" "0·i, of integers": [i: i64[n]] 0i64 * i;
            "A4" "i/(i + 1), of integers": [i: i64[n]] i / (i + 1);
            "A4" "(2·i)/2, of integers": [i: i64[n]] (2i64 * i) / 2;
            "A5" "x·NaN + NaN": [x: f64[n]] x * f64::NAN + f64::NAN;
            "A6" "2·a·a": [a: f32[n]] 2.0 * a * a;
            "A11" "0/x": [x: f64[n]] 0.0 / x;
            "A11" "x/1": [x: f64[n]] x / 1.0;
            "A11" "i/1, of integers": [i: i64[n]] i / 1;
            "A14" "(1 − x)·(1 − x)": [x: f64[n]] (1.0 - x) * (1.0 - x);
        },
        &expect![[r#"
            A1  x/x
                div(x, x)
            A1  (x·y)/x
                mul(y, div(x, x))
            A1  x/y/x
                div(div(x, x), y)
            A1  (a/b)·(b/c)·(c/d)
                mul(div(mul(a, div(b, b)), d), div(c, c))
            A1  2·x/2
                x
            A1  (2·x)/(4·y)
                div(mul(0.5, x), y)
            A1  (−x)/y/(−2·z)
                div(div(mul(0.5, x), y), z)
            A1  x/y/z
                div(div(x, y), z)
            A1  x/(y/z)
                div(x, div(y, z))
            A1  x/√v, stretched
                mul(x, recip(sqrt(v)))
            A1  x/√(mean of v), stretched
                mul(x, insert_axis{axis=1}(recip(sqrt(reduce{by=mean, axes=[1]}(v)))))
            A1  x/v, stretched
                div(x, v)
            A1  v/√x, stretched
                div(v, sqrt(x))
            A2  x·y·z
                mul(mul(x, y), z)
            A2  x + y + z, of a row and a matrix
                add(add(x, y), z)
            A3  0·x·y
                mul(mul(0.0, x), y)
            A3  0·x/y
                div(mul(0.0, x), y)
            A3  0·i, of integers
                mul(0, i)
            A4  i/(i + 1), of integers
                div(i, add(i, 1))
            A4  (2·i)/2, of integers
                div(mul(2, i), 2)
            A5  x·NaN + NaN
                add(mul(x, nan), nan)
            A6  2·a·a
                mul(mul(2.0, a), a)
            A11  0/x
                div(0.0, x)
            A11  x/1
                x
            A11  i/1, of integers
                div(i, 1)
            A14  (1 − x)·(1 − x)
                %1 = sub(1.0, x)
                mul(%1, %1)
        "#]],
    );
}

#[test]
fn signs_and_neutral_elements() {
    check(
        programs! {
            "A7" "−(−x)": [x: f64[n]] -(-x);
            "A7" "−x": [x: f64[n]] -x;
            "A7" "(−x)·2": [x: f64[n]] -x * 2.0;
            "A8" "(−1)·x": [x: f64[n]] -1.0 * x;
            "A8" "1·x": [x: f64[n]] 1.0 * x;
            "A8" "0 + x": [x: f64[n]] 0.0 + x;
            "A8" "x − 0": [x: f64[n]] x - 0.0;
            "A8" "x + (−0)": [x: f64[n]] x + (-0.0);
            "A8" "(−x)·(−y)·z": [x: f64[n], y: f64[n], z: f64[n]] -x * -y * z;
            "A8" "(−x)·(−y)·(−z)": [x: f64[n], y: f64[n], z: f64[n]] -x * -y * -z;
            "A8" "−(−a/b)": [a: f64[n], b: f64[n]] -(-a / b);
            "A8" "x − (−y)": [x: f64[n], y: f64[n]] x - (-y);
            "A8" "x + (−y)": [x: f64[n], y: f64[n]] x + (-y);
            "A8" "x·x": [x: f64[n]] x * x;
            "A8" "1/x": [x: f64[n]] 1.0 / x;
            "A12" "x − x": [x: f64[n]] x - x;
            "A12" "i − i, of integers": [i: i64[n]] i - i;
        },
        &expect![[r#"
            A7  −(−x)
                x
            A7  −x
                neg(x)
            A7  (−x)·2
                mul(-2.0, x)
            A8  (−1)·x
                mul(-1.0, x)
            A8  1·x
                x
            A8  0 + x
                x
            A8  x − 0
                x
            A8  x + (−0)
                x
            A8  (−x)·(−y)·z
                mul(mul(x, y), z)
            A8  (−x)·(−y)·(−z)
                neg(mul(mul(x, y), z))
            A8  −(−a/b)
                div(a, b)
            A8  x − (−y)
                add(x, y)
            A8  x + (−y)
                sub(x, y)
            A8  x·x
                mul(x, x)
            A8  1/x
                recip(x)
            A12  x − x
                sub(x, x)
            A12  i − i, of integers
                sub(i, i)
        "#]],
    );
}

#[test]
fn powers_and_inverses() {
    check(
        programs! {
            "A9" "x⁰": [x: f64[n]] x.powi(0);
            "A9" "x¹": [x: f64[n]] x.powi(1);
            "A9" "1ˣ": [x: f64[n]] tape_one(x).powf(x);
            "A9" "x²": [x: f64[n]] x.powi(2);
            "A9" "x³": [x: f64[n]] x.powi(3);
            "A9" "x¹⁷": [x: f64[n]] x.powi(17);
            "A9" "x^½": [x: f64[n]] x.powf(0.5);
            "A9" "x^−½": [x: f64[n]] x.powf(-0.5);
            "A9" "x⁻¹": [x: f64[n]] x.powi(-1);
            "A9" "x⁻²": [x: f64[n]] x.powi(-2);
            "A10" "|x·y|": [x: f64[n], y: f64[n]] (x * y).abs();
            "A10" "|x|·|y|": [x: f64[n], y: f64[n]] x.abs() * y.abs();
            "A13" "cosh(acosh(x))": [x: f64[n]] x.acosh().cosh();
            "A13" "tanh(atanh(x))": [x: f64[n]] x.atanh().tanh();
            "A13" "sinh(asinh(x))": [x: f64[n]] x.asinh().sinh();
            "A13" "asinh(sinh(x))": [x: f64[n]] x.sinh().asinh();
            "A13" "recip(recip(x))": [x: f64[n]] x.recip().recip();
            "A13" "−(−i), of integers": [i: i64[n]] -(-i);
        },
        &expect![[r#"
            A9  x⁰
                broadcast{to=[n]}(1.0)
            A9  x¹
                x
            A9  1ˣ
                broadcast{to=[n]}(1.0)
            A9  x²
                mul(x, x)
            A9  x³
                mul(mul(x, x), x)
            A9  x¹⁷
                pow(x, 17.0)
            A9  x^½
                pow(x, 0.5)
            A9  x^−½
                pow(x, -0.5)
            A9  x⁻¹
                recip(x)
            A9  x⁻²
                %1 = recip(x)
                mul(%1, %1)
            A10  |x·y|
                abs(mul(x, y))
            A10  |x|·|y|
                mul(abs(x), abs(y))
            A13  cosh(acosh(x))
                select(ge(x, 1.0), x, nan)
            A13  tanh(atanh(x))
                select(le(abs(x), 1.0), x, nan)
            A13  sinh(asinh(x))
                x
            A13  asinh(sinh(x))
                x
            A13  recip(recip(x))
                x
            A13  −(−i), of integers
                i
        "#]],
    );
}

/// 1 of the element type of a tensor.
fn tape_one(x: Tensor<'_, f64>) -> Tensor<'_, f64> {
    x.tape().constant(1.0)
}
