//! Functions of the op table against true values of many digits: they are as accurate as the table states, to a fraction of an ulp.

#![expect(clippy::unwrap_used, reason = "a test that cannot start fails")]

use damo_graph::Number;
use damo_graph::functions::{erfc, ndtr, sech2, sigmoid};
use damo_graph::op::scalar::{self, Scalar};
use damo_graph::op::term::Term;
use damo_oracle::{Truth, truth, ulps};

/// Numbers between two, without a pattern.
fn between(low: f64, high: f64, count: u64) -> impl Iterator<Item = f64> {
    // Weyl's sequence: multiples of the golden ratio, less whole numbers.
    (1..=count).map(move |k| low + (high - low) * (k as f64 * 0.618_033_988_749_894_9).fract())
}

/// The largest error of a function on an interval, in ulps, and where.
fn worst(function: &Scalar, term: Term, low: f64, high: f64, count: u64) -> (f64, f64) {
    let error = |x: f64| {
        let found = function.evaluate(&[Number::Real(x)]).unwrap().to_real();
        let Ok(Truth::Number(truth)) = truth(term, &[x]) else { return 0.0 };
        ulps(found, &truth)
    };
    between(low, high, count).map(|x| (error(x), x)).fold((0.0, 0.0), |worst, here| if here.0 > worst.0 { here } else { worst })
}

/// A function, as a formula, and the intervals it is judged on.
type Case<'a> = (&'a Scalar, Term, &'a [(f64, f64)]);

#[test]
fn tails_and_shares_are_as_accurate_as_declared() {
    let x = Term::argument(0);
    let intervals: &[Case<'_>] = &[
        (&scalar::SIGMOID, sigmoid(x), &[(-5.0, 0.0), (0.0, 5.0), (-40.0, -5.0), (-700.0, -40.0)]),
        (&scalar::SECH2, sech2(x), &[(0.0, 3.0), (3.0, 20.0), (20.0, 360.0)]),
        (&scalar::ERFC, erfc(x), &[(-6.0, 0.25), (0.25, 0.85), (0.85, 1.5), (1.5, 3.0), (3.0, 6.0), (6.0, 26.0)]),
        (&scalar::NDTR, ndtr(x), &[(-5.0, 0.0), (0.0, 5.0), (-37.0, -5.0)]),
    ];
    for (function, term, intervals) in intervals {
        for &(low, high) in *intervals {
            let (error, at) = worst(function, *term, low, high, 500);
            println!("{} on {low}..{high}: {error} at {at}", function.name);
            assert!(error <= function.ulps, "{} is {error} ulps off at {at}", function.name);
        }
    }
}
