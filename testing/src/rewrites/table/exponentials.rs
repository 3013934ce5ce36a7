//! Exponentials less a number, their products and quotients, and what undoes a logarithm.

use ndarray::Axis;

use crate::rewrites::row::rows;

rows! {
    "S3" exp_minus_one {
        "exp(x) − 1": [x] x.exp() - 1.0;
        "exp(x) + (−1)": [x] x.exp() + (-1.0);
        "exp(x) − fill(1)": [x] (x.exp() - x.tape().full([3], 1.0)).index_axis(Axis(0), 2);
        "reshape(exp(x)) − 1": [x] (x.exp().reshape([1]) - 1.0).reshape(());
        "−(1 − exp(x))": [x] -(1.0 - x.exp());
    }
    "S3" exp_minus_two {
        "exp(x) − 2": [x] x.exp() - 2.0;
    }
    "S3" exp_minus_x {
        "exp(x) − x": [x] x.exp() - x;
    }
    "S3b" exp_minus_one {
        "−1 + exp(x)": [x] -1.0 + x.exp();
        "−fill(1) + exp(x)": [x] (-x.tape().full([3], 1.0) + x.exp()).index_axis(Axis(0), 0);
    }
    "S30" exp_of_sum {
        "exp(x)·exp(y)": [x y] x.exp() * y.exp();
    }
    "S30" exp_of_difference {
        "exp(x)/exp(y)": [x y] x.exp() / y.exp();
    }
    "S30" y_exp_negative {
        "y/exp(x)": [x y] y / x.exp();
    }
    "S30" log_product_of_exp {
        "ln(exp(x)·exp(y))": [x y] (x.exp() * y.exp()).ln();
    }
    "S31" one_plus_exp {
        "exp(softplus(x))": [x] x.softplus().exp();
    }
    "S31" exp {
        "exp_m1(softplus(x))": [x] x.softplus().exp_m1();
    }
    "S32" same_not_negative {
        "exp(ln(x))": [x] x.ln().exp();
    }
    "S32" one_plus_same {
        "exp(ln_1p(x))": [x] x.ln_1p().exp();
    }
    "S32" same_minus_one {
        "exp_m1(ln(x))": [x] x.ln().exp_m1();
    }
    "S32" same_from_minus_one {
        "exp_m1(ln_1p(x))": [x] x.ln_1p().exp_m1();
    }
    "S32" one_minus_exp_not_positive {
        "exp(log_1m_exp(x))": [x] x.log_1m_exp().exp();
    }
    "S32" minus_exp_not_positive {
        "exp_m1(log_1m_exp(x))": [x] x.log_1m_exp().exp_m1();
    }
    "S32" log_one_plus_not_negative {
        "softplus(ln(x))": [x] x.ln().softplus();
    }
    "S32" log_one_minus_not_negative {
        "log_1m_exp(ln(x))": [x] x.ln().log_1m_exp();
    }
    "S32" same_not_positive {
        "log_1m_exp(log_1m_exp(x))": [x] x.log_1m_exp().log_1m_exp();
    }
    "X1" one_minus_exp {
        "1 − exp(x)": [x] 1.0 - x.exp();
        "−exp(x) + 1": [x] -x.exp() + 1.0;
        "fill(1) − exp(x)": [x] (x.tape().full([3], 1.0) - x.exp()).index_axis(Axis(0), 1);
    }
    "X2" exp_plus_y_minus_one {
        "exp(x) + y − 1": [x y] x.exp() + y - 1.0;
        "y + exp(x) − 1": [x y] y + x.exp() - 1.0;
        "−1 + y + exp(x)": [x y] -1.0 + y + x.exp();
        "exp(x) − (1 − y)": [x y] x.exp() - (1.0 - y);
    }
    "X8" tanh {
        "(exp(x) − exp(−x))/(exp(x) + exp(−x))": [x] (x.exp() - (-x).exp()) / (x.exp() + (-x).exp());
        "sinh(x)/cosh(x)": [x] x.sinh() / x.cosh();
    }
    "X8" sinh {
        "(exp(x) − exp(−x))/2": [x] (x.exp() - (-x).exp()) / 2.0;
        "0.5·(exp(x) − exp(−x))": [x] 0.5 * (x.exp() - (-x).exp());
        "0.5·exp(x) − 0.5·exp(−x)": [x] 0.5 * x.exp() - 0.5 * (-x).exp();
    }
}
