//! The command line of `side_by_side`.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::failure::Failure;

/// What `--help` prints.
pub const USAGE: &str = "\
side_by_side: Damo and its peers, case by case in turn, with what the machine can do

  --cases NAMES      only these cases, separated by commas (a name stands for all that start with it, as `elemwise`)
  --sizes SIZES      only these sizes
  --threads LIST     on how many threads: 1 (the default), 2 or 1,2
  --dtype NAME       float32 (the default) or float64
  --min-time SECONDS how long each measurement lasts at least (0.5)
  --rounds COUNT     how often each is repeated, in turn with the others (3)
  --peers NAMES      only these peers
  --without-peers    Damo alone
  --python PATH      the Python that has the peers (python3)
  --cpu NUMBER       the processor that one thread runs on (the last)
  --record FILE      writes a record in Markdown
  --lines FILE       appends every measurement, one a line
  --profile          prints where Damo's time goes in each case, instead of comparing
  --list             prints the cases";

/// What the user asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// Only cases whose names start with one of these; all, if there are none.
    pub cases: Vec<String>,
    /// Only these sizes; all, if there are none.
    pub sizes: Vec<String>,
    /// On how many threads, one pass after another.
    pub threads: Vec<usize>,
    /// The type of the elements, as the peers call it.
    pub dtype: String,
    /// How long each measurement lasts at least.
    pub min_time: Duration,
    /// How often each is repeated.
    pub rounds: usize,
    /// Only these peers; all, if there are none.
    pub peers: Vec<String>,
    /// Whether only Damo runs.
    pub without_peers: bool,
    /// The Python that has the peers.
    pub python: PathBuf,
    /// The processor that one thread runs on.
    pub cpu: Option<usize>,
    /// Where a record is written.
    pub record: Option<PathBuf>,
    /// Where every measurement is appended.
    pub lines: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            cases: Vec::new(),
            sizes: Vec::new(),
            threads: vec![1],
            dtype: "float32".to_owned(),
            min_time: Duration::from_millis(500),
            rounds: 3,
            peers: Vec::new(),
            without_peers: false,
            python: PathBuf::from("python3"),
            cpu: None,
            record: None,
            lines: None,
        }
    }
}

/// What the command line asks to do.
#[derive(Clone, Debug)]
pub enum Command {
    /// Measure.
    Run(Box<Options>),
    /// Print the usage.
    Help,
    /// Print where Damo's time goes.
    Profile(Box<Options>),
    /// Print the cases.
    List,
    /// Measure Damo's cases as they are asked for on the standard input.
    Work(Box<Options>),
}

impl Command {
    /// Reads the words behind the program's name.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] for an option that is not known or whose value is missing or cannot be used.
    pub fn read(words: impl IntoIterator<Item = String>) -> Result<Self, Failure> {
        let mut words = words.into_iter().peekable();
        let is_worker = words.next_if(|word| word == "worker").is_some();
        let mut options = Options::default();
        let mut is_profile = false;
        while let Some(name) = words.next() {
            match name.as_str() {
                "--help" | "-h" => return Ok(Command::Help),
                "--list" => return Ok(Command::List),
                "--profile" => is_profile = true,
                "--without-peers" => options.without_peers = true,
                _ => {
                    let value = words.next().ok_or_else(|| Failure::Usage(format!("`{name}` is not known, or its value is missing")))?;
                    options.set(&name, &value)?;
                }
            }
        }
        let options = Box::new(options);
        Ok(match (is_worker, is_profile) {
            (true, _) => Command::Work(options),
            (false, true) => Command::Profile(options),
            (false, false) => Command::Run(options),
        })
    }
}

impl Options {
    fn set(&mut self, name: &str, value: &str) -> Result<(), Failure> {
        match name {
            "--cases" => self.cases = list(name, value)?,
            "--sizes" => self.sizes = list(name, value)?,
            "--threads" => self.threads = list(name, value)?,
            "--peers" => self.peers = list(name, value)?,
            "--dtype" if ["float32", "float64"].contains(&value) => value.clone_into(&mut self.dtype),
            "--min-time" => {
                let seconds: f64 = number(name, value)?;
                self.min_time = Duration::try_from_secs_f64(seconds).map_err(|error| refusal(name, value, &error))?;
            }
            "--rounds" => self.rounds = number(name, value)?,
            "--cpu" => self.cpu = Some(number(name, value)?),
            "--python" => self.python = PathBuf::from(value),
            "--record" => self.record = Some(PathBuf::from(value)),
            "--lines" => self.lines = Some(PathBuf::from(value)),
            "--dtype" => return Err(refusal(name, value, &"it is float32 or float64")),
            _ => return Err(Failure::Usage(format!("`{name}` is not known"))),
        }
        if self.rounds == 0 || self.threads.is_empty() || self.threads.contains(&0) {
            return Err(refusal(name, value, &"it must not be 0"));
        }
        Ok(())
    }

    /// The bytes of an element.
    pub fn element_bytes(&self) -> usize {
        if self.dtype == "float64" { 8 } else { 4 }
    }

    /// Whether this case and size are asked for.
    pub fn asks_for(&self, case: &str, size: &str) -> bool {
        let wants_case = self.cases.is_empty() || self.cases.iter().any(|name| case.starts_with(name.as_str()));
        wants_case && (self.sizes.is_empty() || self.sizes.iter().any(|wanted| wanted == size))
    }
}

fn refusal(name: &str, value: &str, why: &dyn std::fmt::Display) -> Failure {
    Failure::Usage(format!("`{name} {value}` cannot be used: {why}"))
}

fn number<T: FromStr<Err: std::fmt::Display>>(name: &str, value: &str) -> Result<T, Failure> {
    value.parse().map_err(|error| refusal(name, value, &error))
}

fn list<T: FromStr<Err: std::fmt::Display>>(name: &str, value: &str) -> Result<Vec<T>, Failure> {
    value.split(',').map(|word| number(name, word)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Command, Failure> {
        Command::read(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_are_read() {
        let Ok(Command::Run(options)) = read("--cases elemwise,gemm --threads 1,2 --min-time 0.2 --without-peers") else {
            panic!("it is a run");
        };
        assert!(options.asks_for("elemwise3", "1e4") && !options.asks_for("rnn", "1e4"));
        assert_eq!(options.threads, [1, 2]);
        assert!(options.without_peers);
    }

    #[test]
    fn profiles_take_the_same_options() {
        let Ok(Command::Profile(options)) = read("--profile --cases rnn --threads 2") else {
            panic!("it is a profile");
        };
        assert!(options.asks_for("rnn", "1e4") && options.threads == [2]);
    }

    #[test]
    fn what_cannot_be_used_is_told() {
        for line in ["--case gemm", "--threads 0", "--rounds", "--dtype float16", "--min-time -1"] {
            assert!(matches!(read(line), Err(Failure::Usage(_))), "{line}");
        }
    }
}
