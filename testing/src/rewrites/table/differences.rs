//! Differences of nearly equal numbers.

use crate::rewrites::row::rows;

rows! {
    "X10" one_minus_cos {
        "1 − cos(x)": [x] 1.0 - x.cos();
        "−cos(x) + 1": [x] -x.cos() + 1.0;
    }
    "X10" root_difference {
        "sqrt(x + 1) − sqrt(x)": [x] (x + 1.0).sqrt() - x.sqrt();
        "−sqrt(x) + sqrt(1 + x)": [x] -x.sqrt() + (1.0 + x).sqrt();
    }
    "X10" log_difference {
        "ln(x + 1) − ln(x)": [x] (x + 1.0).ln() - x.ln();
        "−ln(x) + ln(1 + x)": [x] -x.ln() + (1.0 + x).ln();
    }
    "X12" variance {
        "mean(x·x) − mean(x)²": [x] (x * x).mean() - x.mean() * x.mean();
        "mean(x.powi(2)) − mean(x).powi(2)": [x] x.powi(2).mean() - x.mean().powi(2);
    }
    "X22" x_minus_log_one_plus {
        "x − ln(1 + x)": [x] x - (1.0 + x).ln();
        "x − ln_1p(x)": [x] x - x.ln_1p();
        "−ln(x + 1) + x": [x] -(x + 1.0).ln() + x;
    }
}
