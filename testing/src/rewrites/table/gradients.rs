//! Formulas whose gradient is what goes wrong.

use ndarray::Axis;

use crate::rewrites::row::rows;

rows! {
    "X14" log_add_exp {
        "gradient of ln(exp(x) + exp(y))": [x y] (x.exp() + y.exp()).ln();
    }
    "X15" log_1m_exp {
        "gradient of ln(1 − exp(x))": [x] (1.0 - x.exp()).ln();
    }
    "X16" log_sub_exp {
        "gradient of ln(exp(x) − exp(y))": [x y] (x.exp() - y.exp()).ln();
    }
    "X17" softmax_first {
        "gradient of (exp(x)/sum(exp(x)))[0]": [x] (x.exp() / x.exp().sum()).index_axis(Axis(0), 0);
    }
    "X17" log_softmax_first {
        "gradient of ln(exp(x)/sum(exp(x)))[0]": [x] (x.exp() / x.exp().sum()).ln().index_axis(Axis(0), 0);
    }
    "X17" log_sum_exp {
        "gradient of ln(sum(exp(x)))": [x] x.exp().sum().ln();
    }
    "X18" sigmoid {
        "gradient of sigmoid(x)": [x] x.sigmoid();
        "gradient of 1/(1 + exp(−x))": [x] 1.0 / (1.0 + (-x).exp());
    }
    "X19" tanh {
        "gradient of tanh(x)": [x] x.tanh();
    }
    "X19" sech_squared {
        "1 − tanh(x)²": [x] 1.0 - x.tanh() * x.tanh();
        "1 − tanh(x).powi(2)": [x] 1.0 - x.tanh().powi(2);
    }
    "X23" log_erfc {
        "gradient of ln(erfc(x))": [x] x.erfc().ln();
    }
}
