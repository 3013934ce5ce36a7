//! Damo's side of a run: a process that measures each case that it is asked for, as every peer does.
//!
//! It prints `ready` and its version, then answers each line `CASE SIZE` by one line: a measurement, `none`, or `failed` and why.

use std::io::{self, BufRead, Write};

use damo::Config;

use super::options::Options;
use crate::cases::{Case, prepare};
use crate::failure::Failure;
use crate::measure::{Measurement, measure, measure_once};

/// A case that is kept from one round to the next.
struct Kept {
    name: String,
    case: Box<dyn Case>,
}

/// Answers until the input ends.
///
/// # Errors
///
/// [`Failure::Process`] if the input or output breaks. A case that fails is an answer.
pub fn serve(options: &Options) -> Result<(), Failure> {
    let broken = |source: io::Error| Failure::Process { what: "talk with the process that asks".to_owned(), source };
    let mut output = io::stdout();
    let mut kept = None;
    writeln!(output, "ready damo {}", env!("CARGO_PKG_VERSION")).map_err(broken)?;
    for line in io::stdin().lock().lines() {
        let line = line.map_err(broken)?;
        let answer = match line.split_once(' ') {
            Some((case, size)) => answer(options, &mut kept, case, size),
            None => format!("failed `{line}` is not a case and its size"),
        };
        writeln!(output, "{answer}").and_then(|()| output.flush()).map_err(broken)?;
    }
    Ok(())
}

fn answer(options: &Options, kept: &mut Option<Kept>, case: &str, size: &str) -> String {
    match measured(options, kept, case, size) {
        Ok(Some(measurement)) => measurement.line("damo", case, size, &options.dtype, options.threads[0]),
        Ok(None) => "none".to_owned(),
        Err(failure) => format!("failed {}", failure.to_string().replace('\n', " ")),
    }
}

fn measured(options: &Options, kept: &mut Option<Kept>, case: &str, size: &str) -> Result<Option<Measurement>, Failure> {
    let name = format!("{case} {size}");
    if kept.as_ref().is_none_or(|kept| kept.name != name) {
        // What the last case holds goes first, so that two never share the memory.
        drop(kept.take());
        let config = Config { threads: options.threads[0], ..Config::from_env()? };
        *kept = prepare(&options.dtype, case, size, &config)?.map(|case| Kept { name, case });
    }
    let Some(kept) = kept else { return Ok(None) };
    let repeat = kept.case.as_mut();
    if case.starts_with("compile_") { measure_once(repeat).map(Some) } else { measure(repeat, options.min_time).map(Some) }
}
