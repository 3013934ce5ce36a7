//! Softmax by hand, its logarithm, cross-entropies, and where the largest is.

use damo::prelude::*;
use ndarray::Axis;

use crate::rewrites::row::rows;

rows! {
    "S20" softmax {
        "exp(x)/sum(exp(x), keep)": [x] x.exp() / x.exp().sum_axis_keep(Axis(0));
        "exp(x)/sum(exp(x))": [x] x.exp() / x.exp().sum();
        "exp(x)·recip(sum(exp(x)))": [x] x.exp() * x.exp().sum().recip();
        "row softmax by hand": [x] {
            let row = x.insert_axis(Axis(0)).exp();
            (row / row.sum_axis_keep(Axis(1))).remove_axis(Axis(0))
        };
    }
    "S21" log_softmax {
        "ln(softmax(x))": [x] x.softmax(Axis(0)).ln();
        "ln(insert_axis(softmax(x)))": [x] x.softmax(Axis(0)).insert_axis(Axis(0)).ln().remove_axis(Axis(0));
        "ln(exp(x)/sum(exp(x)))": [x] (x.exp() / x.exp().sum()).ln();
        "x − ln(sum(exp(x)))": [x] x - x.exp().sum().ln();
    }
    "S21" log_softmax_first {
        "ln(softmax(x))[0]": [x] x.softmax(Axis(0)).ln().index_axis(Axis(0), 0);
        "ln(softmax(x)[0])": [x] x.softmax(Axis(0)).index_axis(Axis(0), 0).ln();
        "ln(transpose(softmax(x))[0, 0])": [x] {
            x.insert_axis(Axis(1)).softmax(Axis(0)).t().index_axis(Axis(1), 0).ln().remove_axis(Axis(0))
        };
    }
    "S22" softmax {
        "exp(log_softmax(x))": [x] x.log_softmax(Axis(0)).exp();
    }
    "S22" log_softmax {
        "x − log_sum_exp(x)": [x] x - x.log_sum_exp_keep(Axis(0));
    }
    "S23" log_softmax_first {
        "sum([1, 0, ..]·ln(softmax(x)))": [x] {
            let place = x.tape().iota::<i64>(x.len_of(Axis(0)).unwrap_or(Dim::from(1)));
            select(place.equal(0), x.softmax(Axis(0)).ln(), 0.0).sum()
        };
    }
    "S39" cross_entropy_first {
        "−sum(one_hot·ln(softmax(x)))": [x] {
            let target = x.tape().constant(ndarray::arr1::<T>(&[1.0, 0.0, 0.0]));
            -(target * x.softmax(Axis(0)).ln()).sum()
        };
        "−sum(one_hot·ln(exp(x)/sum(exp(x))))": [x] {
            let target = x.tape().constant(ndarray::arr1::<T>(&[1.0, 0.0, 0.0]));
            -(target * (x.exp() / x.exp().sum()).ln()).sum()
        };
        "−ln(softmax(x + b))[0]": [x] {
            let bias = x.tape().zeros::<T>([3]);
            -(x + bias).softmax(Axis(0)).ln().index_axis(Axis(0), 0)
        };
        "−ln(softmax(x))[row, label]": [x] {
            let rows = x.insert_axis(Axis(0)).softmax(Axis(1)).ln();
            -rows.index_axis(Axis(0), 0).select_axis(Axis(0), x.tape().constant(ndarray::arr1(&[0i64]))).sum()
        };
    }
    "S40" argmax_last {
        "argmax(exp(x))": [x] x.exp().argmax_axis(Axis(0)).cast::<T>();
        "argmax(softmax(x))": [x] x.softmax(Axis(0)).argmax_axis(Axis(0)).cast::<T>();
    }
    "S40" argmax_last_tanh {
        "argmax(tanh(x))": [x] x.tanh().argmax_axis(Axis(0)).cast::<T>();
    }
    "S40" argmax_last_sigmoid {
        "argmax(sigmoid(x))": [x] x.sigmoid().argmax_axis(Axis(0)).cast::<T>();
    }
    "S40" argmax_last_softplus {
        "argmax(softplus(x))": [x] x.softplus().argmax_axis(Axis(0)).cast::<T>();
    }
    "S40" argmax_log_of_negative {
        "argmax(ln(x)) where that is NaN": [x] x.ln().argmax_axis(Axis(0)).cast::<T>();
    }
}
