//! Profile mode as a user meets it: the same bits, every step and line, counts that are right, tables, JSON and a trace.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../examples/profile.rs"]
#[allow(dead_code, reason = "the example prints what is looked at here")]
mod example;

#[path = "profile/bits.rs"]
mod bits;
#[path = "profile/json.rs"]
mod json;

use std::time::{Duration, Instant};

use damo::prelude::*;
use damo::profile::{MOST_EVENTS, MOST_PLANS};
use damo::{EngineChoice, ErrorKind, Mode};
use ndarray::{Array1, Array2, Axis, arr0};

/// Profile mode with these flags.
fn profiled(flags: &str) -> Config {
    Config { mode: Mode::Profile, ..Config::from_sources(None, Some(flags)).unwrap() }
}

/// A grid of small numbers.
fn grid(rows: usize, columns: usize) -> Array2<f32> {
    Array2::from_shape_fn((rows, columns), |(i, j)| ((i * 31 + j * 17) as f32 * 0.37).sin())
}

/// `tanh(x · w)` with a step of `w`, for any number of rows.
fn training(config: &Config) -> (Function<Single<f32>, Single<f32>>, Shared<f32>) {
    let w = Shared::new("w", grid(50, 40));
    let tape = Tape::new();
    let n = tape.dim("n");
    let (x, wt) = (tape.input::<f32>("x", (n, 50)), tape.shared(&w));
    let hidden = x.dot(wt).tanh();
    let cost = (hidden * hidden).mean();
    let [gradient] = cost.grad([wt]);
    (tape.function(x, cost).update(wt, wt - 0.1 * gradient).freeze(config).unwrap(), w)
}

#[test]
fn a_function_in_another_mode_has_no_profile() {
    for mode in [Mode::Fast, Mode::Debug, Mode::NanGuard] {
        let (train, _) = training(&Config { mode, ..Config::default() });
        train.call(&grid(3, 50)).unwrap();
        train.reset_profile();
        let error = train.profile().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("mode=profile"), "{error}");
    }
}

#[test]
fn a_function_that_was_not_called_has_an_empty_profile() {
    let (train, _) = training(&profiled(""));
    let profile = train.profile().unwrap();
    assert_eq!((profile.calls, profile.time, profile.plans.len(), profile.lines.len()), (0, Duration::ZERO, 0, 0));
    assert!(!profile.passes.is_empty() && profile.to_string().contains("0 calls in 0 ns"), "{profile}");
}

#[test]
fn calls_and_plans_are_counted() {
    let (train, _) = training(&profiled("plan_cache=2"));
    for rows in [3, 3, 4, 3, 5, 4] {
        train.call(&grid(rows, 50)).unwrap();
    }
    // 4 went when 5 came, and was made again.
    let profile = train.profile().unwrap();
    assert_eq!((profile.calls, profile.failed_calls, profile.plans_made, profile.plans_found), (6, 0, 4, 2));
    let plans: Vec<_> = profile.plans.iter().map(|plan| (plan.lengths.clone(), plan.calls, plan.made)).collect();
    assert_eq!(plans, [(3, 3, 1), (4, 2, 2), (5, 1, 1)].map(|(n, calls, made)| (vec![("n".to_owned(), n)], calls, made)));
    assert!(train.call(&grid(3, 49)).is_err());
    assert_eq!((train.profile().unwrap().calls, train.profile().unwrap().failed_calls), (6, 1));
    train.reset_profile();
    train.call(&grid(3, 50)).unwrap();
    let profile = train.profile().unwrap();
    assert_eq!((profile.calls, profile.failed_calls, profile.plans.len()), (1, 0, 1));
}

#[test]
fn times_are_parts_of_the_whole() {
    for flags in ["engine=native", "engine=portable", "engine=native,threads=2", "engine=portable,threads=2"] {
        let (train, _) = training(&profiled(flags));
        let start = Instant::now();
        for rows in [300, 20, 300, 300] {
            train.call(&grid(rows, 50)).unwrap();
        }
        let measured = start.elapsed();
        let profile = train.profile().unwrap();
        assert!(profile.time <= measured && profile.time > Duration::ZERO);
        assert_eq!(profile.phases.named().iter().map(|(_, time)| *time).sum::<Duration>(), profile.time);
        let plans: Duration = profile.plans.iter().map(|plan| plan.time).sum();
        let steps: Duration = profile.plans.iter().flat_map(|plan| &plan.steps).map(|step| step.measure.time).sum();
        assert_eq!((plans, steps), (profile.time, profile.phases.steps));
        // A line's time is a share, which is rounded.
        let lines: Duration = profile.lines.iter().map(|line| line.measure.time).sum();
        assert!(lines.abs_diff(steps) < Duration::from_micros(1), "{lines:?} of {steps:?}");
        for step in profile.plans.iter().flat_map(|plan| &plan.steps) {
            assert!(step.fastest * step.measure.calls as u32 <= step.measure.time, "{step:?}");
            let parts: Duration = step.parts.iter().map(|part| part.measure.time).sum();
            assert!(parts <= step.measure.time);
        }
        assert_eq!(profile.threads, if flags.ends_with('2') { 2 } else { 1 });
    }
}

#[test]
fn every_step_and_line_appears() {
    let (first, second);
    let tape = Tape::new();
    let x = tape.matrix::<f32>("x");
    first = line!() + 1;
    let product = x.dot(x.t());
    second = line!() + 1;
    let shares = (product * 0.01).softmax(Axis(1));
    let f = tape.function(x, (shares, product.sum())).freeze(&profiled("")).unwrap();
    f.call(&grid(300, 20)).unwrap();
    let profile = f.profile().unwrap();
    let explained = f.explain();
    let (plan, table) = (&profile.plans[0], profile.to_string());
    assert!(explained.contains(&format!("  {} steps, ", plan.steps.len())), "{explained}");
    for (at, step) in plan.steps.iter().enumerate() {
        assert!(explained.contains(&format!("{at}. {}: ", step.kind)), "{explained}");
        assert!(table.contains(&format!("{at}. {}", step.title())), "{table}");
        assert!(step.measure.time >= step.fastest && !step.sources.is_empty(), "{step:?}");
    }
    for line in [first, second] {
        let found = profile.lines.iter().find(|found| found.source.is_some_and(|source| source.line == line)).unwrap();
        assert!(found.measure.time > Duration::ZERO && found.measure.calls == 1 && found.steps > 0, "{found:?}");
        assert!(table.contains(&format!("tests/profile.rs:{line}")), "{table}");
    }
    let bands = plan.steps.iter().find(|step| !step.parts.is_empty()).expect("rows of a softmax of this size are done in bands");
    assert!(bands.parts.len() > 1 && bands.parts.iter().all(|part| part.measure.calls == 1), "{bands:?}");
}

#[test]
fn work_is_counted_from_the_plan() {
    let tape = Tape::new();
    let (x, w) = (tape.matrix::<f64>("x"), tape.matrix::<f64>("w"));
    let f = tape.function((x, w), (x.dot(w), (x * 2.0).exp(), x.sum())).freeze(&profiled("")).unwrap();
    let (xs, ws) = (Array2::<f64>::ones((30, 40)), Array2::<f64>::ones((40, 50)));
    for _ in 0..3 {
        f.call((&xs, &ws)).unwrap();
    }
    let profile = f.profile().unwrap();
    let steps = &profile.plans[0].steps;
    let product = steps.iter().find(|step| step.kind == "product").unwrap().measure;
    assert_eq!(product.flops, 3.0 * 2.0 * 30.0 * 40.0 * 50.0);
    assert_eq!((product.bytes_read, product.bytes_written), (3.0 * 8.0 * (1200.0 + 2000.0), 3.0 * 8.0 * 1500.0));
    let nests: Vec<_> = steps.iter().filter(|step| step.kind == "nest").map(|step| step.measure).collect();
    // A product, an exponential as 20 additions, and a sum.
    assert_eq!(nests.iter().map(|measure| measure.flops).sum::<f64>(), 3.0 * 1200.0 * 22.0);
    assert!(nests.iter().all(|measure| measure.bytes_read == 3.0 * 8.0 * 1200.0), "{nests:?}");
    assert_eq!(nests.iter().map(|measure| measure.bytes_written).sum::<f64>(), 3.0 * 8.0 * 1201.0);
    assert_eq!(profile.plans[0].memory.results, 8 * (1500 + 1200 + 1));
    assert!(product.bandwidth() > 0.0 && product.of_peak() > 0.0 && product.of_copy() > 0.0);
}

#[test]
fn calls_from_many_threads_are_added_up() {
    let (train, _) = training(&profiled("threads=2"));
    std::thread::scope(|scope| {
        for rows in 1..=4 {
            let train = &train;
            scope.spawn(move || (0..50).for_each(|_| drop(train.call(&grid(10 * rows, 50)).unwrap())));
        }
    });
    let profile = train.profile().unwrap();
    assert_eq!((profile.calls, profile.plans.len()), (200, 4));
    assert!(profile.plans.iter().all(|plan| plan.calls == 50));
}

#[test]
fn the_reference_engine_has_calls_and_no_steps() {
    let (train, _) = training(&Config { engine: EngineChoice::Reference, ..profiled("") });
    train.call(&grid(3, 50)).unwrap();
    let profile = train.profile().unwrap();
    assert_eq!((profile.calls, profile.plans.len(), profile.plans_found, profile.plans_made), (1, 0, 0, 0));
    assert!(profile.phases.steps > Duration::ZERO && profile.to_string().contains("no steps"), "{profile}");
}

#[test]
fn what_is_kept_has_a_limit() {
    let tape = Tape::new();
    let x = tape.vector::<f64>("x");
    let f = tape.function(x, x + 1.0).freeze(&profiled("")).unwrap();
    let calls = MOST_EVENTS / 5;
    for _ in 0..calls {
        f.call(&Array1::zeros(1)).unwrap();
    }
    for length in 2..MOST_PLANS + 3 {
        f.call(&Array1::zeros(length)).unwrap();
    }
    let profile = f.profile().unwrap();
    assert_eq!((profile.plans.len(), profile.unlisted_calls), (MOST_PLANS, 2));
    assert!(profile.untraced_calls > 0 && profile.plans[0].calls == calls as u64);
    let table = profile.to_string();
    assert!(table.contains("the trace lacks the last") && table.contains("2 calls ran still other plans"), "{table}");
    assert_eq!(profile.phases.named().iter().map(|(_, time)| *time).sum::<Duration>(), profile.time);
}

#[test]
fn a_failing_step_is_a_failed_call() {
    let s = Shared::new("s", arr0(0.0));
    let tape = Tape::new();
    let (x, i, st) = (tape.vector::<f64>("x"), tape.vector::<i64>("i"), tape.shared(&s));
    let f = tape.function((x, i), x.select_axis(Axis(0), i)).update(st, st + 1.0).freeze(&profiled("")).unwrap();
    assert!(f.call((&Array1::zeros(2), &Array1::from_elem(1, 5i64))).is_err());
    f.call((&Array1::zeros(2), &Array1::from_elem(1, 1i64))).unwrap();
    let profile = f.profile().unwrap();
    assert_eq!((profile.calls, profile.failed_calls, s.get()), (1, 1, arr0(1.0).into_dyn()));
    assert!(profile.to_string().contains("1 more failed"), "{profile}");
}

#[test]
fn the_chapter_shows_what_the_example_says() {
    let chapter = include_str!("../docs/book/profile.md");
    let profile = example::measure(3).unwrap();
    for (at, step) in profile.plans[0].steps.iter().enumerate() {
        assert!(chapter.contains(&format!("{at}. {}", step.title())), "the chapter lacks {}\n{profile}", step.title());
        assert!(step.parts.iter().all(|part| chapter.contains(&format!("- {}", part.title()))), "{profile}");
    }
    for line in &profile.lines {
        let source = line.source.unwrap();
        let place = format!("examples/profile.rs:{}", source.line);
        let ops = line.ops.iter().take(6).copied().collect::<Vec<_>>().join(", ");
        assert!(source.file.ends_with("examples/profile.rs") && chapter.contains(&format!("{place}  {ops}")), "{place}\n{profile}");
    }
    for heading in profile.to_string().lines().filter(|line| line.contains("per call")) {
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(chapter.lines().any(|line| words(line) == words(heading)), "{heading}");
    }
}
