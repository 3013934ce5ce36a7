//! Judges the conformance cases of any two files: `cargo run -p damo-testing --example conformance -- cases.json cases.safetensors`.
//!
//! Without arguments it judges the cases that come with the crate. The engine is that of `DAMO_FLAGS`.

use std::process::ExitCode;

use damo::Config;
use damo_testing::conformance::{CaseFile, Report};

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let file = match &paths[..] {
        [] => CaseFile::vendored()?,
        [json, arrays] => CaseFile::read(&std::fs::read(json)?, &std::fs::read(arrays)?)?,
        _ => return Err("give cases.json and cases.safetensors, or nothing".into()),
    };
    let report = Report::of(&file, &Config::from_env()?);
    print!("{report}");
    Ok(if report.failures().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
