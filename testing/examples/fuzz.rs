//! Fuzzes Damo: `cargo run --release -p damo-testing --example fuzz -- --seconds 60 --seed 1`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use damo_testing::fuzz::{Case, Fault, Generator, Outcome, Regression, hide_panics, shrink};

/// How many faults that are alike are cut down and saved.
const ALIKE: usize = 2;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let flag = |name: &str| arguments.iter().position(|argument| argument == name).and_then(|place| arguments.get(place + 1)).cloned();
    let (seconds, seed) = (flag("--seconds").map_or(Some(60), |text| text.parse().ok()), flag("--seed").map_or(Some(1), |text| text.parse().ok()));
    let (Some(seconds), Some(seed)) = (seconds, seed) else {
        eprintln!("usage: fuzz [--seconds N] [--seed S] [--save FOLDER], or fuzz --run FILE");
        return ExitCode::from(2);
    };
    if let Some(path) = flag("--run") {
        return run_again(Path::new(&path));
    }
    let folder = flag("--save").unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/regressions").to_owned());
    hide_panics();
    let (start, mut generator) = (Instant::now(), Generator::new(seed));
    let mut outcomes: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    let mut faults: Vec<(Fault, usize)> = Vec::new();
    let mut cases = 0u64;
    while start.elapsed() < Duration::from_secs(seconds) {
        cases += 1;
        let case = match generator.next_case() {
            Ok(case) => case,
            Err(fault) => {
                println!("while tracing: {fault}");
                faults.push((fault, 1));
                continue;
            }
        };
        let result = case.examine();
        let outcome = match &result {
            Ok(Outcome::NotRead) => "not a graph",
            Ok(Outcome::NotRun) => "no arrays fit",
            Ok(Outcome::Refused) => "refused alike",
            Ok(Outcome::Ran) => "ran",
            Err(_) => "FAULT",
        };
        *outcomes.entry((case.about, outcome)).or_default() += 1;
        let Err(fault) = result else { continue };
        match faults.iter_mut().find(|(known, _)| known.is_like(&fault)) {
            Some((_, count)) if *count >= ALIKE => *count += 1,
            Some((_, count)) => {
                *count += 1;
                report(case, fault, Path::new(&folder));
            }
            None => {
                faults.push((fault.clone(), 1));
                report(case, fault, Path::new(&folder));
            }
        }
    }
    println!("{cases} cases in {seconds} s, seed {seed}");
    for ((about, outcome), count) in &outcomes {
        println!("  {about:20} {outcome:14} {count:8}");
    }
    for (fault, count) in &faults {
        println!("{count} times {} at {}", fault.kind.name(), fault.place);
    }
    if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs a saved case again, and prints what became of it.
fn run_again(path: &Path) -> ExitCode {
    let file = match std::fs::read_to_string(path) {
        Ok(file) => file,
        Err(error) => {
            eprintln!("{}: {error}", path.display());
            return ExitCode::from(2);
        }
    };
    let regression = Regression::read(&file);
    println!("{}", regression.explain().unwrap_or_else(|error| error.to_string()));
    match regression.examine() {
        Ok(outcome) => {
            println!("{outcome:?}");
            ExitCode::SUCCESS
        }
        Err(fault) => {
            println!("{fault}");
            ExitCode::FAILURE
        }
    }
}

/// Cuts a case down, prints it and saves it.
fn report(case: Case, fault: Fault, folder: &Path) {
    let (case, fault) = shrink(case, fault);
    let file = case.regression(&fault).write();
    // The same text always has the same name (Fowler, Noll and Vo: FNV-1a).
    let hash = file.bytes().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let path = folder.join(format!("{}-{hash:016x}.graph", fault.kind.name()));
    println!("\n{fault}\n{file}");
    match std::fs::write(&path, file) {
        Ok(()) => println!("saved as {}", path.display()),
        Err(error) => println!("not saved as {}: {error}", path.display()),
    }
}
