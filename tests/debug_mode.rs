//! Debug mode and the guard against NaN, as a user meets them: what the README shows is what they say.

#[path = "../examples/debug_mode.rs"]
#[allow(dead_code, reason = "the example prints what is asserted here")]
mod example;

use damo::debug::{Finding, Repetition};
use damo::prelude::*;
use damo::{ErrorKind, Limit, Mode};
use ndarray::{Array1, ArrayD, arr0, arr1};

#[test]
fn the_readme_shows_what_the_example_says() {
    let readme = include_str!("../README.md");
    for line in example::report().unwrap().replace("tests/../", "").lines() {
        assert!(readme.contains(line), "the README lacks `{line}`");
    }
}

/// `mean(ln x)` under the guard.
fn guarded(limit: Limit, x: &Array1<f64>) -> damo::Result<ArrayD<f64>> {
    let tape = Tape::new();
    let input = tape.vector::<f64>("x");
    tape.function(input, (input.ln() * 3.0).mean()).freeze(&Config { mode: Mode::NanGuard, guard_limit: limit, ..Config::default() })?.call(x)
}

#[test]
fn the_guard_names_the_first_op_that_is_not_finite() {
    assert!(guarded(Limit::FINITE, &arr1(&[1.0, 2.0])).is_ok());
    let error = guarded(Limit::FINITE, &arr1(&[1.0, -2.0, 0.0])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Finding);
    let text = error.to_string();
    assert!(text.contains("NaN first appears here") && text.contains("`ln(x)`") && text.contains("element [1]"), "{text}");
    assert!(text.contains("between -2.0 and 1.0") && text.contains("tests/debug_mode.rs"), "{text}");
}

#[test]
fn the_guard_has_a_limit_for_large_numbers() {
    let error = guarded(Limit::of(2.0), &arr1(&[1.0, 100.0])).unwrap_err().to_string();
    assert!(error.contains("first appears here") && error.contains("element [1]"), "{error}");
    assert!(guarded(Limit::of(2.0), &arr1(&[1.0, 1.5])).is_ok());
}

#[test]
fn what_is_masked_is_no_concern_of_the_guard() {
    let tape = Tape::new();
    let x = tape.vector::<f64>("x");
    let safe = select(x.gt(0.0), x.ln(), 0.0);
    let f = tape.function(x, safe).freeze(&Config { mode: Mode::NanGuard, ..Config::default() }).unwrap();
    assert_eq!(f.call(&arr1(&[1.0, 0.0, -1.0])).unwrap(), arr1(&[0.0, 0.0, 0.0]).into_dyn());
}

#[test]
fn a_guarded_call_that_fails_changes_no_state() {
    let w = Shared::new("w", arr0(1.0));
    let tape = Tape::new();
    let (x, wt) = (tape.scalar::<f64>("x"), tape.shared(&w));
    let f = tape.function(x, wt).update(wt, wt - x.ln()).freeze(&Config { mode: Mode::NanGuard, ..Config::default() }).unwrap();
    assert!(f.call(&arr0(0.0)).is_err());
    assert_eq!(w.get(), arr0(1.0).into_dyn());
}

#[test]
fn findings_are_kept_where_they_are_not_raised() {
    let centre = std::sync::Arc::new(example::Centre::default());
    let tape = Tape::new();
    let x = tape.vector::<f64>("x");
    let y = tape.apply::<f64>(damo::op::custom::Custom(centre), &[x.handle()]);
    let config = Config { mode: Mode::Debug, debug_raise: false, ..Config::default() };
    let f = tape.function(x, y).freeze(&config).unwrap();
    f.call(&arr1(&[1.0, 2.0])).unwrap();
    let findings = f.findings();
    assert!(matches!(findings[..], [Finding::NotRepeatable { what: Repetition::Op, .. }, ..]), "{findings:?}");
    assert!(findings[0].is_fault() && findings[0].place().is_some_and(|place| place.formula == "centre(x)"));
}
