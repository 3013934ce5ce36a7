//! The run itself: who takes part, in which order, and what is printed on the way.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::machine;
use super::options::Options;
use super::record::{self, Pass};
use super::report::{self, Row};
use super::runner::{Answer, Runner, Started};
use super::table::{self, Entry};
use crate::failure::Failure;
use crate::limits::Limits;
use crate::measure::Measurement;

/// The peers that Python runs.
const PYTHON_PEERS: [&str; 7] = ["numpy", "numexpr", "jax", "torch", "torch-compile", "pytensor", "pytensor-c"];
/// The peers that are built with `rust_peers`.
const RUST_PEERS: [&str; 2] = ["burn", "candle"];

/// The names of all peers, whether they are installed or not.
pub fn peers() -> impl Iterator<Item = &'static str> {
    PYTHON_PEERS.into_iter().chain(RUST_PEERS)
}

/// Measures all that is asked for, prints it, and writes the record.
///
/// # Errors
///
/// [`Failure::NoCase`] or [`Failure::NoPeer`] for names that are not known; [`Failure::Process`] if Damo's own process cannot be started;
/// [`Failure::Record`]. Peers that are not installed are left out.
pub fn run(options: &Options) -> Result<(), Failure> {
    if let Some(unknown) = options.peers.iter().find(|&name| !peers().any(|peer| peer == name)) {
        return Err(Failure::NoPeer(unknown.clone()));
    }
    let entries = table::asked_for(options)?;
    println!("{}; {}; {}; load {}", machine::processor(), machine::caches(), machine::commit(), machine::load());
    let processors = machine::processors();
    let mut passes = Vec::new();
    for &threads in &options.threads {
        machine::pin_for(options, threads, &processors);
        passes.push(pass(options, &entries, threads)?);
    }
    machine::pin(&processors);
    if let Some(path) = &options.record {
        record::write(path, options, &passes)?;
    }
    Ok(())
}

/// Everything on one number of threads.
fn pass(options: &Options, entries: &[Entry], threads: usize) -> Result<Pass, Failure> {
    let limits = Limits::measure(threads);
    for line in report::limits(&limits) {
        println!("{line}");
    }
    let mut runners = start_all(options, threads)?;
    let versions = runners.iter().map(|runner| (runner.name.clone(), runner.version.clone())).collect();
    println!("{}", report::line(&report::TITLES));
    let mut rows = Vec::new();
    for entry in entries {
        let row = if entry.is_first_result() { first_result(options, threads, &runners, entry)? } else { rounds(options, &mut runners, entry) };
        println!("{}", report::line(&row.cells(&limits)));
        for remark in row.remarks() {
            println!("# {remark}");
        }
        append_lines(options, threads, &row)?;
        rows.push(row);
    }
    drop(runners);
    // Once more, in case others were busy before; then the whole table, by the better of both.
    let limits = limits.or_better(&Limits::measure(threads));
    println!();
    for line in report::summary(&rows, &limits) {
        println!("{line}");
    }
    Ok(Pass { limits, rows, versions })
}

/// Damo and whichever peers are there.
fn start_all(options: &Options, threads: usize) -> Result<Vec<Runner>, Failure> {
    let mut runners = Vec::new();
    for name in std::iter::once("damo").chain(peers()) {
        let is_asked = name == "damo" || (!options.without_peers && (options.peers.is_empty() || options.peers.iter().any(|peer| peer == name)));
        if !is_asked {
            continue;
        }
        match Runner::start(name, &mut command(options, name, threads, false)?)? {
            Started::Ready(runner) => runners.push(runner),
            Started::Unavailable(why) => println!("# without {name}: {why}"),
        }
    }
    Ok(runners)
}

/// What starts a process that measures; `is_cold` is for what happens only once, so that nothing is taken from an earlier run.
fn command(options: &Options, name: &str, threads: usize, is_cold: bool) -> Result<Command, Failure> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = if name == "damo" {
        let own = std::env::current_exe().map_err(|source| Failure::Process { what: "find this program".to_owned(), source })?;
        let mut command = Command::new(own);
        command.arg("worker");
        command
    } else if RUST_PEERS.contains(&name) {
        let mut command = Command::new(rust_peers(folder));
        command.env("RAYON_NUM_THREADS", threads.to_string());
        command
    } else {
        let mut command = Command::new(&options.python);
        command.arg(folder.join("peers/worker.py"));
        if is_cold {
            command.arg("--cold");
        }
        command
    };
    if name != "damo" {
        command.args(["--peer", name]);
    }
    command.args(["--threads", &threads.to_string(), "--dtype", &options.dtype]);
    command.args(["--min-time", &options.min_time.as_secs_f64().to_string()]);
    Ok(command)
}

fn rust_peers(folder: &Path) -> PathBuf {
    folder.join("rust_peers/target/release/damo-rust-peers")
}

/// A case, round by round, everyone in turn; nobody is asked for what Damo does not have yet.
fn rounds(options: &Options, runners: &mut [Runner], entry: &Entry) -> Row {
    let mut results: Vec<(String, Vec<Measurement>)> = runners.iter().map(|runner| (runner.name.clone(), Vec::new())).collect();
    let mut is_out = vec![false; runners.len()];
    for _ in 0..options.rounds {
        for (place, runner) in runners.iter_mut().enumerate() {
            if is_out[place] {
                continue;
            }
            match runner.ask(entry.case, &entry.size) {
                Answer::Measured(measurement) => results[place].1.push(measurement),
                Answer::Missing if runner.name == "damo" => is_out.fill(true),
                Answer::Missing => is_out[place] = true,
                Answer::Failed(why) => {
                    is_out[place] = true;
                    println!("# {} failed {} {}: {why}", runner.name, entry.case, entry.size);
                }
            }
        }
    }
    results.retain(|(_, rounds)| !rounds.is_empty());
    Row { entry: entry.clone(), results, element: options.element_bytes() }
}

/// What happens only once in a process: everyone in a new one, once, however many rounds there are.
fn first_result(options: &Options, threads: usize, runners: &[Runner], entry: &Entry) -> Result<Row, Failure> {
    let mut results = Vec::new();
    for Runner { name, .. } in runners {
        let Started::Ready(mut fresh) = Runner::start(name, &mut command(options, name, threads, true)?)? else { continue };
        match fresh.ask(entry.case, &entry.size) {
            Answer::Measured(measurement) => results.push((name.clone(), vec![measurement])),
            Answer::Missing if name == "damo" => break,
            Answer::Missing => {}
            Answer::Failed(why) => println!("# {name} failed {} {}: {why}", entry.case, entry.size),
        }
    }
    Ok(Row { entry: entry.clone(), results, element: options.element_bytes() })
}

/// Appends every measurement of a row to the file that was asked for.
fn append_lines(options: &Options, threads: usize, row: &Row) -> Result<(), Failure> {
    let Some(path) = &options.lines else { return Ok(()) };
    let unwritten = |source| Failure::Record { path: path.clone(), source };
    let mut file = OpenOptions::new().create(true).append(true).open(path).map_err(unwritten)?;
    for (name, rounds) in &row.results {
        for round in rounds {
            writeln!(file, "{}", round.line(name, row.entry.case, &row.entry.size, &options.dtype, threads)).map_err(unwritten)?;
        }
    }
    Ok(())
}
