//! Error functions and other special functions.

use ndarray::Axis;

use crate::rewrites::row::rows;

rows! {
    "S24" one_plus_erf {
        "1 + erf(x)": [x] 1.0 + x.erf();
        "erf(x) + 1": [x] x.erf() + 1.0;
        "1 − erf(−x)": [x] 1.0 - (-x).erf();
        "1 − (−erf(x))": [x] 1.0 - (-x.erf());
        "fill(1) + erf(x)": [x] (x.tape().full([2], 1.0) + x.erf()).index_axis(Axis(0), 0);
    }
    "S24" one_minus_erf {
        "1 − erf(x)": [x] 1.0 - x.erf();
        "1 + (−erf(x))": [x] 1.0 + (-x.erf());
        "−erf(x) + 1": [x] -x.erf() + 1.0;
        "(−1)·erf(x) + 1": [x] -1.0 * x.erf() + 1.0;
    }
    "S24" erf_minus_one {
        "erf(x) − 1": [x] x.erf() - 1.0;
        "−1 + erf(x)": [x] -1.0 + x.erf();
    }
    "S24" erf {
        "1 − erfc(x)": [x] 1.0 - x.erfc();
        "1 + (−erfc(x))": [x] 1.0 + (-x.erfc());
        "−1 + erfc(−x)": [x] -1.0 + (-x).erfc();
        "erfc(−x) − 1": [x] (-x).erfc() - 1.0;
    }
    "S24" two_plus_erf {
        "2 + erf(x)": [x] 2.0 + x.erf();
    }
    "S24" two_minus_erf {
        "2 − erf(x)": [x] 2.0 - x.erf();
    }
    "S25" log_erfc {
        "ln(erfc(x))": [x] x.erfc().ln();
        "ln(1 − erf(x))": [x] (1.0 - x.erf()).ln();
    }
    "S26" exp_over_erfc {
        "exp(−x²)/erfc(x)": [x] (-(x * x)).exp() / x.erfc();
        "exp(−x.powi(2))/erfc(x)": [x] (-x.powi(2)).exp() / x.erfc();
    }
    "S26" scaled_exp_over_erfc {
        "y·exp(−x²)/erfc(x)": [y x] y * (-(x * x)).exp() / x.erfc();
        "(y/erfc(x))·exp(−x²)": [y x] (y / x.erfc()) * (-(x * x)).exp();
    }
    "S41" digamma {
        "polygamma(0, x)": [x] x.polygamma(0);
    }
    "S41" trigamma {
        "polygamma(1, x)": [x] x.polygamma(1);
    }
    "X21" log_erfc {
        "ln(erfc(x)) in every type": [x] x.erfc().ln();
    }
}
