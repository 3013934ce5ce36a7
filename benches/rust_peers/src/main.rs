//! Burn and Candle, measured as `side_by_side` asks: prints `ready` and the version, then answers each line `CASE SIZE` by one line.

#[path = "../../src/load.rs"]
mod load;
#[expect(dead_code, reason = "the peers need a part of it")]
#[path = "../../src/measure.rs"]
mod measure;
#[path = "../../src/stream.rs"]
mod stream;

mod data;
mod with_burn;
mod with_candle;

use std::error::Error;
use std::io::{self, BufRead, Write};
use std::time::Duration;

use measure::{Repeat, measure};

/// What goes wrong inside a library.
type Failure = Box<dyn Error>;
/// A case that is ready to be called; `None` if the peer has no such case.
type Prepared = Result<Option<Box<dyn Repeat<Failure>>>, Failure>;

/// A call and its last results; `sum` adds up their magnitudes.
struct Repeated<R, C, S> {
    call: C,
    sum: S,
    results: Option<R>,
}

impl<R, C: FnMut() -> Result<R, Failure>, S: Fn(&R) -> f64> Repeat<Failure> for Repeated<R, C, S> {
    fn call(&mut self) -> Result<(), Failure> {
        self.results = Some((self.call)()?);
        Ok(())
    }

    fn checksum(&self) -> f64 {
        self.results.as_ref().map_or(f64::NAN, &self.sum)
    }
}

/// The value of an option of the command line.
fn option(name: &str) -> Option<String> {
    let words: Vec<String> = std::env::args().collect();
    words.iter().position(|word| word == name).and_then(|place| words.get(place + 1).cloned())
}

fn main() -> Result<(), Failure> {
    let peer = option("--peer").unwrap_or_default();
    let (version, prepare): (&str, fn(&str, &str) -> Prepared) = match peer.as_str() {
        "burn" => ("burn 0.22 (flex)", with_burn::prepare),
        "candle" => ("candle 0.11", with_candle::prepare),
        _ => return Err(format!("`--peer {peer}` is neither burn nor candle").into()),
    };
    let (dtype, threads) = (option("--dtype").unwrap_or_else(|| "float32".to_owned()), option("--threads").unwrap_or_else(|| "1".to_owned()));
    let seconds = option("--min-time").map_or(Ok(0.5), |text| text.parse())?;
    if dtype != "float32" {
        println!("unavailable its cases are written for float32");
        return Ok(());
    }
    println!("ready {version}");
    let mut kept: Option<(String, Box<dyn Repeat<Failure>>)> = None;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let answer =
            answer(&mut kept, &line, prepare, seconds, |measured, case, size| measured.line(&peer, case, size, &dtype, threads.parse().unwrap_or(1)));
        println!("{}", answer.unwrap_or_else(|error| format!("failed {error}").replace('\n', " ")));
        io::stdout().flush()?;
    }
    Ok(())
}

fn answer(
    kept: &mut Option<(String, Box<dyn Repeat<Failure>>)>,
    line: &str,
    prepare: fn(&str, &str) -> Prepared,
    seconds: f64,
    print: impl Fn(&measure::Measurement, &str, &str) -> String,
) -> Result<String, Failure> {
    let (case, size) = line.split_once(' ').ok_or("a request is a case and its size")?;
    if kept.as_ref().is_none_or(|(name, _)| name != line) {
        drop(kept.take());
        *kept = prepare(case, size)?.map(|ready| (line.to_owned(), ready));
    }
    let Some((_, ready)) = kept else { return Ok("none".to_owned()) };
    Ok(print(&measure(ready.as_mut(), Duration::try_from_secs_f64(seconds)?)?, case, size))
}
