//! Where Damo's time goes in the cases that are asked for: profile mode on each.

use std::time::Instant;

use damo::{Config, Mode};

use super::options::Options;
use super::{machine, table};
use crate::cases::prepare;
use crate::failure::Failure;

/// Calls each case for the time that was asked for, in profile mode, and prints its profile.
///
/// # Errors
///
/// [`Failure::NoCase`] for names that are not known, and those of tracing, freezing and calling.
pub fn run(options: &Options) -> Result<(), Failure> {
    let entries = table::asked_for(options)?;
    let processors = machine::processors();
    for &threads in &options.threads {
        machine::pin_for(options, threads, &processors);
        let config = Config { threads, mode: Mode::Profile, ..Config::from_env()? };
        for entry in &entries {
            let (case, size) = (entry.case, &entry.size);
            let Some(mut ready) = prepare(&options.dtype, case, size, &config)? else { continue };
            let start = Instant::now();
            while start.elapsed() < options.min_time {
                ready.call()?;
            }
            if let Some(profile) = ready.profile()? {
                println!("{case} {size}, {}, {threads} thread(s)\n\n{profile}", options.dtype);
            }
        }
    }
    machine::pin(&processors);
    Ok(())
}
