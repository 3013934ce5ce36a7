//! Runs Damo and its peers in turn and prints how they compare: see `--help`, and `benches/README.md`.

use std::process::ExitCode;

use damo_benches::failure::Failure;
use damo_benches::side_by_side::options::{Command, USAGE};
use damo_benches::side_by_side::{profile, run, table, worker};

fn main() -> ExitCode {
    match side_by_side() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn side_by_side() -> Result<(), Failure> {
    match Command::read(std::env::args().skip(1))? {
        Command::Run(options) => run::run(&options),
        Command::Profile(options) => profile::run(&options),
        Command::Work(options) => worker::serve(&options),
        Command::Help => {
            println!("{USAGE}");
            Ok(())
        }
        Command::List => {
            for entry in table::all() {
                println!("{} {}", entry.case, entry.size);
            }
            Ok(())
        }
    }
}
