//! Constants, equal computations, and questions with one answer.

use damo::prelude::*;
use expect_test::expect;
use ndarray::Axis;

use crate::{check, programs};

#[test]
fn constants_and_equal_computations() {
    check(
        programs! {
            "C1" "x + (1 + 2)·3": [x: f64[n]] x + (x.tape().constant(1.0) + 2.0) * 3.0;
            "C1" "x·exp(0)": [x: f64[n]] x * x.tape().constant(0.0).exp();
            "C1" "x + iota(3)²": [x: i64[3]] x + x.tape().iota::<i64>(3) * x.tape().iota::<i64>(3);
            "C2" "exp(x) + exp(x)": [x: f64[n]] x.exp() + x.exp();
            "C2" "(x + y)·(y + x)": [x: f64[n], y: f64[n]] (x + y) * (y + x);
            "C6" "f32 → f64 → f32": [x: f32[n]] x.cast::<f64>().cast::<f32>();
            "C6" "f64 → f32 → f64": [x: f64[n]] x.cast::<f32>().cast::<f64>();
            "C6" "i32 → i64 → f64": [i: i32[n]] i.cast::<i64>().cast::<f64>();
            "C6" "bool → i64 → bool": [c: bool[n]] c.cast::<i64>().cast::<bool>();
        },
        &expect![[r#"
            C1  x + (1 + 2)·3
                add(x, 9.0)
            C1  x·exp(0)
                x
            C1  x + iota(3)²
                add(x, mul(iota{length=3, dtype=i64}, iota{length=3, dtype=i64}))
            C2  exp(x) + exp(x)
                mul(2.0, exp(x))
            C2  (x + y)·(y + x)
                mul(add(x, y), add(y, x))
            C6  f32 → f64 → f32
                x
            C6  f64 → f32 → f64
                cast{to=f64}(cast{to=f32}(x))
            C6  i32 → i64 → f64
                cast{to=f64}(i)
            C6  bool → i64 → bool
                c
        "#]],
    );
}

#[test]
fn choices() {
    check(
        programs! {
            "C5" "select(true, x, y)": [x: f64[n], y: f64[n]] select(x.tape().constant(true), x, y);
            "C5" "select(false, x, y)": [x: f64[n], y: f64[n]] select(x.tape().constant(false), x, y);
            "C5" "select(c, x, x)": [c: bool[n], x: f64[n]] select(c, x, x);
            "C5" "select(!c, x, y)": [c: bool[n], x: f64[n], y: f64[n]] select(!c, x, y);
            "C5" "select(length(x) ≤ 0, 0, length(x))": [x: f64[n]] select(length(x).le(0), 0, length(x));
            "C5" "select(c, a, b) + select(c, d, e)": [c: bool[n], a: f64[n], b: f64[n], d: f64[n], e: f64[n]] select(c, a, b) + select(c, d, e);
            "C5" "select(c, a, 1)·select(c, d, 2)": [c: bool[n], a: f64[n], d: f64[n]] select(c, a, 1.0) * select(c, d, 2.0);
            "C5" "max of select(c, a, b) and select(c, d, e), of other lengths": [c: bool[n 1], a: f64[n m], b: f64[m], d: f64[], e: f64[n 1]] select(c, a, b).max(select(c, d, e));
            "C5" "select(c, a, b)/select(c, d, e)": [c: bool[n], a: f64[n], b: f64[n], d: f64[n], e: f64[n]] select(c, a, b) / select(c, d, e);
            "C5" "select(c, a, b) + select(c, d, e), one of them shared": [c: bool[n], a: f64[n], b: f64[n], d: f64[n], e: f64[n]] (select(c, a, b) + select(c, d, e), select(c, a, b));
            "C5" "select(c, a, b) > select(c, d, e)": [c: bool[n], a: f64[n], b: f64[n], d: f64[n], e: f64[n]] select(c, a, b).gt(select(c, d, e));
            "C5" "select(c, select(c, a, b), d)": [c: bool[n], a: f64[n], b: f64[n], d: f64[n]] select(c, select(c, a, b), d);
        },
        &expect![[r#"
            C5  select(true, x, y)
                x
            C5  select(false, x, y)
                y
            C5  select(c, x, x)
                x
            C5  select(!c, x, y)
                select(c, y, x)
            C5  select(length(x) ≤ 0, 0, length(x))
                dim_value{dim=n, dtype=i64}
            C5  select(c, a, b) + select(c, d, e)
                select(c, add(a, d), add(b, e))
            C5  select(c, a, 1)·select(c, d, 2)
                select(c, mul(a, d), 2.0)
            C5  max of select(c, a, b) and select(c, d, e), of other lengths
                select(c, max(a, d), max(b, e))
            C5  select(c, a, b)/select(c, d, e)
                div(select(c, a, b), select(c, d, e))
            C5  select(c, a, b) + select(c, d, e), one of them shared
                %1 = select(c, a, b)
                add(%1, select(c, d, e)), %1
            C5  select(c, a, b) > select(c, d, e)
                gt(select(c, a, b), select(c, d, e))
            C5  select(c, select(c, a, b), d)
                select(c, a, d)
        "#]],
    );
}

#[test]
fn questions_with_one_answer() {
    check(
        programs! {
            "C3" "x == x": [x: f64[n]] x.equal(x);
            "C3" "i == i, of integers": [i: i64[n]] i.equal(i);
            "C3" "i ≠ i, of integers": [i: i64[n]] i.not_equal(i);
            "C3" "c & true": [c: bool[n]] c & true;
            "C3" "c & false": [c: bool[n]] c & false;
            "C3" "c | true": [c: bool[n]] c | true;
            "C3" "c | false": [c: bool[n]] c | false;
            "C3" "c ^ true": [c: bool[n]] c ^ true;
            "C3" "c ^ c": [c: bool[n]] c ^ c;
            "C3" "c & c": [c: bool[n]] c & c;
            "C3" "!!c": [c: bool[n]] !!c;
            "C4" "i < i, of integers": [i: i64[n]] i.lt(i);
            "C4" "i ≤ i, of integers": [i: i64[n]] i.le(i);
            "C4" "x < x": [x: f64[n]] x.lt(x);
            "C4" "max(x, x)": [x: f64[n]] x.max(x);
            "C4" "min(x, x)": [x: f64[n]] x.min(x);
            "C4" "length(x) < 0": [x: f64[n]] length(x).lt(0);
            "C4" "max(length(x), 0)": [x: f64[n]] length(x).max(0);
            "C4" "length(x) == −1": [x: f64[n]] length(x).equal(-1);
            "C4" "length(x) + length(y) < 0": [x: f64[n], y: f64[m]] (length(x) + length(y)).lt(0);
            "C4" "0 ≤ length(x), and −1 ≥ length(x)": [x: f64[n]] (length(x).ge(0), length(x).le(-1));
            "C4" "length(x) > 0, and length(x) == 0": [x: f64[n]] (length(x).gt(0), length(x).equal(0));
            "C4" "length(x) − 1 < 0": [x: f64[n]] (length(x) - 1).lt(0);
            "C4" "min(length(x), −2)": [x: f64[n]] length(x).min(-2);
        },
        &expect![[r#"
            C3  x == x
                equal(x, x)
            C3  i == i, of integers
                broadcast{to=[n]}(true)
            C3  i ≠ i, of integers
                broadcast{to=[n]}(false)
            C3  c & true
                c
            C3  c & false
                broadcast{to=[n]}(false)
            C3  c | true
                broadcast{to=[n]}(true)
            C3  c | false
                c
            C3  c ^ true
                not(c)
            C3  c ^ c
                broadcast{to=[n]}(false)
            C3  c & c
                c
            C3  !!c
                c
            C4  i < i, of integers
                broadcast{to=[n]}(false)
            C4  i ≤ i, of integers
                broadcast{to=[n]}(true)
            C4  x < x
                broadcast{to=[n]}(false)
            C4  max(x, x)
                x
            C4  min(x, x)
                x
            C4  length(x) < 0
                false
            C4  max(length(x), 0)
                dim_value{dim=n, dtype=i64}
            C4  length(x) == −1
                false
            C4  length(x) + length(y) < 0
                false
            C4  0 ≤ length(x), and −1 ≥ length(x)
                true, false
            C4  length(x) > 0, and length(x) == 0
                gt(dim_value{dim=n, dtype=i64}, 0), equal(dim_value{dim=n, dtype=i64}, 0)
            C4  length(x) − 1 < 0
                lt(sub(dim_value{dim=n, dtype=i64}, 1), 0)
            C4  min(length(x), −2)
                -2
        "#]],
    );
}

/// The length of a vector as a number.
fn length(x: Tensor<'_, f64>) -> Tensor<'_, i64> {
    match x.len_of(Axis(0)) {
        Ok(length) => x.tape().length(length),
        Err(_) => x.tape().constant(0),
    }
}
