//! Powers and roots, quotients whose parts cancel, and choices inside products.

use damo::prelude::*;
use ndarray::Axis;

use crate::rewrites::row::rows;

rows! {
    "S28" sum {
        "ln(prod(exp(x)))": [x] x.exp().prod().ln();
        "ln(prod(exp(x), axis))": [x] x.exp().prod_axis(Axis(0)).ln();
    }
    "S33" absolute {
        "sqrt(x·x)": [x] (x * x).sqrt();
        "sqrt(x.powi(2))": [x] x.powi(2).sqrt();
        "(x·x).powf(0.5)": [x] (x * x).powf(0.5);
    }
    "S33" same_not_negative {
        "sqrt(x)·sqrt(x)": [x] x.sqrt() * x.sqrt();
        "sqrt(x).powi(2)": [x] x.sqrt().powi(2);
    }
    "S35" branch_root {
        "select(x < 7, x, sqrt(x − 7))": [x] select(x.lt(7.0), x, (x - 7.0).sqrt());
        "x·select(x < 7, 1, 0) + select(x ≥ 7, sqrt(x − 7), 0)": [x] {
            select(x.lt(7.0), x, 0.0) + select(x.ge(7.0), (x - 7.0).sqrt(), 0.0)
        };
    }
    "S35" masked_product {
        "select(m > 1/2, a, 0)·x": [m a x] select(m.gt(0.5), a, 0.0) * x;
        "x·select(m > 1/2, a, 0)": [m a x] x * select(m.gt(0.5), a, 0.0);
        "select(m ≤ 1/2, 0, a)·x": [m a x] select(m.le(0.5), 0.0, a) * x;
        "x·(select(m ≤ 1/2, 0, a)·1)": [m a x] x * (select(m.le(0.5), 0.0, a) * 1.0);
    }
    "S36" a_plus_bx {
        "(a/x + b)·x": [a b x] (a / x + b) * x;
        "x·(b + a/x)": [a b x] x * (b + a / x);
    }
    "S36" ay_plus_bx {
        "(a/x + b/y)·x·y": [a b x y] (a / x + b / y) * x * y;
        "x·y·(b/y + a/x)": [a b x y] x * y * (b / y + a / x);
    }
    "S37" second {
        "(x·y)/x": [x y] (x * y) / x;
        "(y·x)/x": [x y] (y * x) / x;
        "y·x·recip(x)": [x y] (y * x) * x.recip();
    }
    "S37" recip_second {
        "x/y/x": [x y] x / y / x;
    }
    "S37" sign {
        "x/abs(x)": [x] x / x.abs();
    }
    "S37" two_signs {
        "4·x/abs(2·x)": [x] (4.0 * x) / (2.0 * x).abs();
    }
    "X11" hypot {
        "sqrt(x·x + y·y)": [x y] (x * x + y * y).sqrt();
        "sqrt(y.powi(2) + x.powi(2))": [x y] (y.powi(2) + x.powi(2)).sqrt();
        "(x·x + y·y).powf(0.5)": [x y] (x * x + y * y).powf(0.5);
    }
    "X20" norm {
        "sqrt(sum(x·x))": [x] (x * x).sum().sqrt();
        "sqrt(sum(x.powi(2)))": [x] x.powi(2).sum().sqrt();
        "sqrt(x.dot(x))": [x] x.dot(x).sqrt();
    }
    "X20" absolute {
        "sqrt(x·x) at 0": [x] (x * x).sqrt();
    }
}
