//! The JSON of a profile has the fields that its documentation lists; a trace is one whose events lie within each other.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{grid, profiled, training};

fn is_number(value: &Value) -> bool {
    value.as_f64().is_some_and(|number| number >= 0.0)
}

#[test]
fn json_has_the_fields_that_are_documented() {
    let (train, _) = training(&profiled(""));
    for rows in [300, 20, 300] {
        train.call(&grid(rows, 50)).unwrap();
    }
    let profile = train.profile().unwrap();
    let json: Value = serde_json::from_str(&profile.to_json()).unwrap();
    for field in ["threads", "calls", "failed_calls", "seconds", "plans_found", "plans_made", "peak_bytes", "unlisted_calls", "untraced_calls"] {
        assert!(is_number(&json[field]), "{field} of {json}");
    }
    assert_eq!((json["calls"].as_u64(), json["plans_made"].as_u64()), (Some(3), Some(2)));
    assert!(json["function"].as_str().unwrap().starts_with("tests/profile.rs:") && json["engine"].is_string());
    for phase in ["waiting", "finding", "making", "preparing", "steps", "finishing"] {
        assert!(is_number(&json["phases"][phase]), "{phase} of {json}");
    }
    for pass in json["passes"].as_array().unwrap() {
        assert!(pass["pass"].is_string() && ["seconds", "nodes_before", "nodes_after"].iter().all(|field| is_number(&pass[field])));
    }
    let measured = |value: &Value| {
        let fields =
            ["calls", "seconds", "share", "bytes_read", "bytes_written", "flops", "bytes_per_second", "flops_per_second", "of_copy", "of_peak"];
        fields.iter().all(|field| is_number(&value[field]))
    };
    assert_eq!(json["plans"].as_array().unwrap().len(), 2);
    for (plan, own) in json["plans"].as_array().unwrap().iter().zip(&profile.plans) {
        assert!(["calls", "made", "making_seconds", "seconds"].iter().all(|field| is_number(&plan[field])));
        assert!(["arena", "arena_bound", "scratch", "results"].iter().all(|field| is_number(&plan["memory"][field])));
        assert!(is_number(&plan["lengths"]["n"]));
        assert_eq!(plan["steps"].as_array().unwrap().len(), own.steps.len());
        for step in plan["steps"].as_array().unwrap() {
            assert!(measured(step) && is_number(&step["fastest_seconds"]), "{step}");
            assert!(step["kind"].is_string() && step["shape"].is_string() && step["ops"].is_array() && step["parts"].is_array());
            assert!(step["sources"].as_array().unwrap().iter().all(|source| source.as_str().unwrap().starts_with("tests/profile.rs:")));
        }
    }
    assert!(json["lines"].as_array().unwrap().iter().all(|line| measured(line) && line["ops"].is_array() && is_number(&line["steps"])));
    assert!(json["limits"]["copy"].as_array().unwrap().iter().all(|level| is_number(&level["bytes"]) && is_number(&level["bytes_per_second"])));
    assert!(["f32", "f64"].iter().all(|dtype| is_number(&json["limits"]["flops_per_second"][dtype])));
}

#[test]
fn events_of_a_trace_lie_within_each_other() {
    let (train, _) = training(&profiled("threads=2"));
    std::thread::scope(|scope| {
        for rows in [10, 300] {
            let train = &train;
            scope.spawn(move || (0..20).for_each(|_| drop(train.call(&grid(rows, 50)).unwrap())));
        }
    });
    let profile = train.profile().unwrap();
    let trace: Value = serde_json::from_str(&profile.to_chrome_trace()).unwrap();
    let mut of_thread: BTreeMap<u64, Vec<(f64, f64, String)>> = BTreeMap::new();
    for event in trace["traceEvents"].as_array().unwrap() {
        let name = event["name"].as_str().unwrap().to_owned();
        assert!(is_number(&event["pid"]) && is_number(&event["tid"]));
        match event["ph"].as_str() {
            Some("M") => assert_eq!(name, "thread_name"),
            Some("X") => {
                let [start, length] = ["ts", "dur"].map(|field| event[field].as_f64().unwrap());
                of_thread.entry(event["tid"].as_u64().unwrap()).or_default().push((start, start + length, name));
            }
            other => panic!("an event of {other:?}"),
        }
    }
    assert_eq!(of_thread.len(), 2);
    let (mut calls, mut steps) = (0, 0);
    // Sums of times in microseconds are rounded.
    let tolerance = 1e-3;
    for events in of_thread.values() {
        let (mut call, mut last): (Option<(f64, f64)>, f64) = (None, 0.0);
        for (start, end, name) in events {
            if name.starts_with("call of tests/profile.rs") {
                assert!(call.is_none_or(|(_, end)| *start >= end - tolerance), "calls of a thread come one after the other");
                (call, last) = (Some((*start, *end)), *start);
                calls += 1;
            } else {
                let (_, over) = call.unwrap();
                assert!(*start >= last - tolerance && *end <= over + tolerance, "{name} from {start} to {end} in a call until {over}");
                last = *end;
                steps += usize::from(name.contains(": "));
            }
        }
    }
    let expected: usize = profile.plans.iter().map(|plan| plan.calls as usize * plan.steps.len()).sum();
    assert_eq!((calls, steps), (40, expected));
}
