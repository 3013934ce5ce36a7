//! Sigmoids, written by hand and taken apart.

use crate::rewrites::row::rows;

rows! {
    "S5" log_sigmoid {
        "ln(sigmoid(x))": [x] x.sigmoid().ln();
        "ln(1/(1 + exp(−x)))": [x] (1.0 / (1.0 + (-x).exp())).ln();
        "ln(recip(exp(−x) + 1))": [x] ((-x).exp() + 1.0).recip().ln();
        "−ln(1 + exp(−x))": [x] -(1.0 + (-x).exp()).ln();
        "ln(exp(x)/(1 + exp(x)))": [x] (x.exp() / (1.0 + x.exp())).ln();
    }
    "S6" log_one_minus_sigmoid {
        "ln(1 − sigmoid(x))": [x] (1.0 - x.sigmoid()).ln();
        "ln(−sigmoid(x) + 1)": [x] (-x.sigmoid() + 1.0).ln();
        "ln(1 − 1/(1 + exp(−x)))": [x] (1.0 - 1.0 / (1.0 + (-x).exp())).ln();
        "ln(1 − flatten(sigmoid(x)))": [x] (1.0 - x.sigmoid().flatten()).ln().reshape(());
        "ln(reshape(1 − sigmoid(x)))": [x] (1.0 - x.sigmoid()).reshape([1, 1]).ln().reshape(());
    }
    "S7" log_one_minus_sigmoid {
        "ln_1p(−sigmoid(x))": [x] (-x.sigmoid()).ln_1p();
        "ln_1p((−1)·sigmoid(x))": [x] (-1.0 * x.sigmoid()).ln_1p();
        "ln_1p(−1/(1 + exp(−x)))": [x] (-1.0 / (1.0 + (-x).exp())).ln_1p();
    }
    "S8" sigmoid_negative {
        "1 − sigmoid(x)": [x] 1.0 - x.sigmoid();
        "−sigmoid(x) + 1": [x] -x.sigmoid() + 1.0;
        "1 − 1/(1 + exp(−x))": [x] 1.0 - 1.0 / (1.0 + (-x).exp());
    }
    "S9" sigmoid {
        "exp(x)/(1 + exp(x))": [x] x.exp() / (1.0 + x.exp());
        "exp(x)/(exp(x) + 1)": [x] x.exp() / (x.exp() + 1.0);
        "exp(x)·recip(1 + exp(x))": [x] x.exp() * (1.0 + x.exp()).recip();
        "exp(x)·(1/(1 + exp(x)))": [x] x.exp() * (1.0 / (1.0 + x.exp()));
    }
    "S9" exp_over_two_plus_exp {
        "exp(x)/(2 + exp(x))": [x] x.exp() / (2.0 + x.exp());
    }
    "S9" exp_over_one_minus_exp {
        "exp(x)/(1 − exp(x))": [x] x.exp() / (1.0 - x.exp());
    }
    "S9" exp_plus_one_over_one_plus_exp {
        "exp(x + 1)/(1 + exp(x))": [x] (x + 1.0).exp() / (1.0 + x.exp());
    }
    "S10" sigmoid {
        "1/(1 + exp(−x))": [x] 1.0 / (1.0 + (-x).exp());
        "1/(exp(−x) + 1)": [x] 1.0 / ((-x).exp() + 1.0);
    }
    "S10" three_sigmoid {
        "3/(1 + exp(−x))": [x] 3.0 / (1.0 + (-x).exp());
    }
    "S10" minus_sigmoid_squared {
        "−exp(x)/((1 + exp(x))·(1 + exp(−x)))": [x] -x.exp() / ((1.0 + x.exp()) * (1.0 + (-x).exp()));
    }
    "S11" sigmoid_negative {
        "recip(1 + exp(x))": [x] (1.0 + x.exp()).recip();
        "1/(1 + exp(x))": [x] 1.0 / (1.0 + x.exp());
    }
    "S12" sigmoid {
        "exp(x)·sigmoid(−x)": [x] x.exp() * (-x).sigmoid();
        "sigmoid(−x)·exp(x)": [x] (-x).sigmoid() * x.exp();
    }
    "S12" sigmoid_negative {
        "exp(−x)·sigmoid(x)": [x] (-x).exp() * x.sigmoid();
    }
    "S12" minus_sigmoid {
        "−(exp(x)·sigmoid(−x))": [x] -(x.exp() * (-x).sigmoid());
        "−exp(x)·sigmoid(−x)": [x] (-x.exp()) * (-x).sigmoid();
    }
    "S12" scaled_sigmoid {
        "exp(x)·(y·sigmoid(−x))": [x y] x.exp() * (y * (-x).sigmoid());
        "−exp(x)·y·−sigmoid(−x)": [x y] -x.exp() * y * -(-x).sigmoid();
    }
    "S13" exp {
        "sigmoid(x)/(1 − sigmoid(x))": [x] x.sigmoid() / (1.0 - x.sigmoid());
    }
    "S13" exp_negative {
        "(1 − sigmoid(x))/sigmoid(x)": [x] (1.0 - x.sigmoid()) / x.sigmoid();
    }
    "S14" same {
        "logit(sigmoid(x))": [x] x.sigmoid().logit();
        "ln(sigmoid(x)/(1 − sigmoid(x)))": [x] (x.sigmoid() / (1.0 - x.sigmoid())).ln();
    }
    "S15" same_in_unit {
        "sigmoid(logit(p))": [p] p.logit().sigmoid();
        "sigmoid(ln(p/(1 − p)))": [p] (p / (1.0 - p)).ln().sigmoid();
    }
    "S38" mean_log_one_minus_sigmoid {
        "mean(ln(1 − sigmoid(x)))": [x] (1.0 - x.sigmoid()).ln().mean();
    }
    "tutorial" binary_cross_entropy {
        "−y·ln(p) − (1 − y)·ln(1 − p), p = 1/(1 + exp(−z))": [z y] {
            let p = 1.0 / (1.0 + (-z).exp());
            -y * p.ln() - (1.0 - y) * (1.0 - p).ln()
        };
    }
    "X7" share_of_two {
        "exp(x)/(exp(x) + exp(y))": [x y] x.exp() / (x.exp() + y.exp());
        "exp(x)/(exp(y) + exp(x))": [x y] x.exp() / (y.exp() + x.exp());
    }
}
