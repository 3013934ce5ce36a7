//! Logarithms of sums: of 1 and a small number, of exponentials.

use ndarray::Axis;

use crate::rewrites::row::rows;

rows! {
    "S1" log_one_plus {
        "ln(1 + x)": [x] (1.0 + x).ln();
        "ln(x + 1)": [x] (x + 1.0).ln();
        "ln(x − (−1))": [x] (x - (-1.0)).ln();
        "ln(1/2 + x + 1/2)": [x] (0.5 + x + 0.5).ln();
        "ln(2 + x − fill(1))": [x] (2.0 + x - x.tape().full((), 1.0)).ln();
        "ln(fill(1) + x)": [x] (x.tape().full([3], 1.0) + x).ln().index_axis(Axis(0), 1);
        "ln(x + fill(1)) of a row": [x] (x.insert_axis(Axis(0)) + x.tape().full([1], 1.0)).ln().remove_axis(Axis(0));
        "ln(1 + x) by an integer 1": [x] (x.tape().constant(1i64).cast::<T>() + x).ln();
        "ln(reshape(1 + x))": [x] (1.0 + x).reshape([1]).ln().reshape(());
        "ln(1 + reshape(x))": [x] (1.0 + x.reshape([1, 1])).ln().reshape(());
        "ln(x/1 + 1)": [x] (x / 1.0 + 1.0).ln();
    }
    "S1" log_one_plus_sum {
        "ln(1 + x + y)": [x y] (1.0 + x + y).ln();
        "ln(x + 1 + y)": [x y] (x + 1.0 + y).ln();
        "ln(x + (y + 1))": [x y] (x + (y + 1.0)).ln();
    }
    "S2" log_one_minus {
        "ln(1 − x)": [x] (1.0 - x).ln();
        "ln(−x + 1)": [x] (-x + 1.0).ln();
        "ln(1 + (−1)·x)": [x] (1.0 + (-1.0) * x).ln();
        "ln(−(x − 1))": [x] (-(x - 1.0)).ln();
        "ln(fill(1) − x)": [x] (x.tape().full([2], 1.0) - x).ln().index_axis(Axis(0), 0);
    }
    "S4" softplus {
        "ln(1 + exp(x))": [x] (1.0 + x.exp()).ln();
        "ln(exp(x) + 1)": [x] (x.exp() + 1.0).ln();
        "ln_1p(exp(x))": [x] x.exp().ln_1p();
        "ln(fill(1) + exp(x))": [x] (x.tape().full([2], 1.0) + x.exp()).ln().index_axis(Axis(0), 1);
        "ln(reshape(1 + exp(x)))": [x] (1.0 + x.exp()).reshape([1]).ln().reshape(());
        "−ln(1/(1 + exp(x)))": [x] -(1.0 / (1.0 + x.exp())).ln();
    }
    "S16" log_1m_exp {
        "ln(1 − exp(x))": [x] (1.0 - x.exp()).ln();
        "ln(−exp(x) + 1)": [x] (-x.exp() + 1.0).ln();
        "ln_1p(−exp(x))": [x] (-x.exp()).ln_1p();
        "ln(−exp_m1(x))": [x] (-x.exp_m1()).ln();
        "ln(−(exp(x) − 1))": [x] (-(x.exp() - 1.0)).ln();
    }
    "S17" log_sub_exp {
        "ln(exp(x) − exp(y))": [x y] (x.exp() - y.exp()).ln();
        "ln(−exp(y) + exp(x))": [x y] (-y.exp() + x.exp()).ln();
    }
    "S18" log_add_exp {
        "ln(exp(x) + exp(y))": [x y] (x.exp() + y.exp()).ln();
        "ln(exp(y) + exp(x))": [x y] (y.exp() + x.exp()).ln();
    }
    "S18" log_add_exp_3 {
        "ln(exp(x) + exp(y) + exp(z))": [x y z] (x.exp() + y.exp() + z.exp()).ln();
        "ln(exp(x) + (exp(y) + exp(z)))": [x y z] (x.exp() + (y.exp() + z.exp())).ln();
    }
    "S18" log_add_exp_4 {
        "ln(exp(x) + exp(y) + exp(z) + exp(w))": [x y z w] (x.exp() + y.exp() + z.exp() + w.exp()).ln();
        "ln((exp(x) + exp(y)) + (exp(z) + exp(w)))": [x y z w] ((x.exp() + y.exp()) + (z.exp() + w.exp())).ln();
    }
    "S19" log_sum_exp {
        "ln(sum(exp(x)))": [x] x.exp().sum().ln();
        "ln(sum(exp(x), axis))": [x] x.exp().sum_axis(Axis(0)).ln();
        "ln(sum(exp(x), keep))": [x] x.exp().sum_axis_keep(Axis(0)).ln().remove_axis(Axis(0));
        "ln(remove_axis(sum(exp(x), keep)))": [x] x.exp().sum_axis_keep(Axis(0)).remove_axis(Axis(0)).ln();
        "ln(transpose(sum(exp(x), axis, keep)))": [x] x.insert_axis(Axis(0)).exp().sum_axis_keep(Axis(1)).t().ln().reshape(());
        "ln(sum(transpose(exp(x)), axis))": [x] x.insert_axis(Axis(0)).exp().t().sum_axis(Axis(0)).ln().reshape(());
    }
    "S31" same_large {
        "ln(exp(x))": [x] x.exp().ln();
        "ln_1p(exp_m1(x))": [x] x.exp_m1().ln_1p();
        "ln(1 + exp_m1(x))": [x] (1.0 + x.exp_m1()).ln();
    }
    "S33" half_log {
        "ln(sqrt(x))": [x] x.sqrt().ln();
    }
    "S34" minus_log {
        "ln(1/x)": [x] (1.0 / x).ln();
        "ln(recip(x))": [x] x.recip().ln();
    }
    "S34" log_half {
        "ln(x/2)": [x] (x / 2.0).ln();
        "ln(x·0.5)": [x] (x * 0.5).ln();
    }
    "S34" log_three_over {
        "ln(3/x)": [x] (3.0 / x).ln();
    }
    "X3" log2_one_plus {
        "log2(1 + x)": [x] (1.0 + x).log2();
        "log2(x + 1)": [x] (x + 1.0).log2();
    }
    "X3" log10_one_plus {
        "log10(1 + x)": [x] (1.0 + x).log10();
    }
    "X4" log_mean_exp {
        "ln(mean(exp(x)))": [x] x.exp().mean().ln();
        "ln(sum(exp(x))/2)": [x] (x.exp().sum() / 2.0).ln();
        "ln(0.5·sum(exp(x)))": [x] (0.5 * x.exp().sum()).ln();
    }
    "X5" log_weighted_sum_exp {
        "ln(sum(w·exp(x)))": [w x] (w * x.exp()).sum().ln();
        "ln(sum(exp(x)·w))": [w x] (x.exp() * w).sum().ln();
        "ln(w.dot(exp(x)))": [w x] w.dot(x.exp()).ln();
    }
    "X6" log_scaled_exp {
        "ln(a·exp(x))": [a x] (a * x.exp()).ln();
        "ln(exp(x)·a)": [a x] (x.exp() * a).ln();
    }
    "X6" log_two_plus_two_exp {
        "ln(2 + 2·exp(x))": [x] (2.0 + 2.0 * x.exp()).ln();
        "ln(exp(x)·2 + 2)": [x] (x.exp() * 2.0 + 2.0).ln();
        "ln(2·(1 + exp(x)))": [x] (2.0 * (1.0 + x.exp())).ln();
    }
    "X9" log_cosh {
        "ln(cosh(x))": [x] x.cosh().ln();
        "ln((exp(x) + exp(−x))/2)": [x] ((x.exp() + (-x).exp()) / 2.0).ln();
    }
    "X13" literal_softplus {
        "ln(1 + exp(800)), all literal": [x] (1.0 + x.tape().full::<T>((), 800.0).exp()).ln();
        "ln(exp(800)), all literal": [x] x.tape().full::<T>((), 800.0).exp().ln();
    }
    "X13" literal_log_sum {
        "ln(exp(800) + exp(800)), all literal": [x] {
            let eights = x.tape().full::<T>([2], 800.0);
            eights.exp().sum().ln()
        };
    }
}
