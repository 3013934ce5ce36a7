//! The truths can be reached: where one op of the table is the right program, it holds by itself.

#![expect(clippy::eq_op, reason = "x/x keeps what is NaN")]

use damo::Config;
use ndarray::Axis;

use super::row::rows;
use super::{judge, truths};

rows! {
    "op" log_one_plus { "ln_1p": [x] x.ln_1p(); }
    "op" log_one_minus { "ln_1p(−x)": [x] (-x).ln_1p(); }
    "op" exp_minus_one { "exp_m1": [x] x.exp_m1(); }
    "op" one_minus_exp { "−exp_m1": [x] -x.exp_m1(); }
    "op" softplus { "softplus": [x] x.softplus(); }
    "op" log_sigmoid { "−softplus(−x)": [x] -(-x).softplus(); }
    "op" log_one_minus_sigmoid { "−softplus": [x] -x.softplus(); }
    "op" sigmoid { "sigmoid": [x] x.sigmoid(); }
    "op" sigmoid_negative { "sigmoid(−x)": [x] (-x).sigmoid(); }
    "op" minus_sigmoid_squared { "−sigmoid²": [x] -(x.sigmoid() * x.sigmoid()); }
    "op" log_1m_exp { "log_1m_exp": [x] x.log_1m_exp(); }
    "op" log_add_exp { "log_add_exp": [x y] x.log_add_exp(y); }
    "op" softmax { "softmax": [x] x.softmax(Axis(0)); }
    "op" log_softmax { "log_softmax": [x] x.log_softmax(Axis(0)); }
    "op" log_softmax_first { "log_softmax[0]": [x] x.log_softmax(Axis(0)).index_axis(Axis(0), 0); }
    "op" one_minus_erf { "erfc": [x] x.erfc(); }
    "op" one_plus_erf { "erfc(−x)": [x] (-x).erfc(); }
    "op" erf { "erf": [x] x.erf(); }
    "op" log_erfc { "log_erfc": [x] x.log_erfc(); }
    "op" exp_over_erfc { "1/erfcx": [x] x.erfcx().recip(); }
    "op" exp_of_sum { "exp(x + y)": [x y] (x + y).exp(); }
    "op" exp_of_difference { "exp(x − y)": [x y] (x - y).exp(); }
    "op" y_exp_negative { "y·exp(−x)": [x y] y * (-x).exp(); }
    "op" absolute { "abs": [x] x.abs(); }
    "op" minus_log { "−ln": [x] -x.ln(); }
    "op" sign { "signum": [x] x.signum(); }
    "op" a_plus_bx { "a + b·x": [a b x] a + b * x; }
    "op" second { "y·(x/x)": [x y] y * (x / x); }
    "op" log2_one_plus { "ln_1p/ln 2": [x] x.ln_1p() * std::f64::consts::LOG2_E as T; }
    "op" tanh { "tanh": [x] x.tanh(); }
    "op" sinh { "sinh": [x] x.sinh(); }
    "op" log_cosh { "log_cosh": [x] x.log_cosh(); }
    "op" one_minus_cos { "2·sin²(x/2)": [x] (x * 0.5).sin() * (x * 0.5).sin() * 2.0; }
    "op" hypot { "hypot": [x y] x.hypot(y); }
    "op" share_of_two { "sigmoid(x − y)": [x y] (x - y).sigmoid(); }
    "op" binary_cross_entropy { "softplus": [z y] y * (-z).softplus() + (1.0 - y) * z.softplus(); }
}

#[test]
fn one_op_attains_its_truth() {
    let truths = truths().unwrap();
    let config = Config::default();
    let verdicts = ROWS.iter().flat_map(|row| [judge::<f64>(row, &truths[row.truth], &config), judge::<f32>(row, &truths[row.truth], &config)]);
    let wrong: Vec<String> = verdicts.filter(|verdict| !verdict.holds()).map(|verdict| verdict.to_string()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
