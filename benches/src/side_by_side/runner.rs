//! A process that measures what it is asked: Damo itself, or a peer.

use std::io::{self, BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::failure::Failure;
use crate::measure::Measurement;

/// A running process. It ends when this is dropped.
pub struct Runner {
    /// Who it is.
    pub name: String,
    /// What it says of its version.
    pub version: String,
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

/// What became of starting a process.
pub enum Started {
    /// It answers.
    Ready(Runner),
    /// It is not installed, or says why it cannot run.
    Unavailable(String),
}

/// What it says about a case.
pub enum Answer {
    /// It was measured.
    Measured(Measurement),
    /// It has no such case.
    Missing,
    /// It tried.
    Failed(String),
}

impl Runner {
    /// Starts a process and waits until it is ready.
    ///
    /// # Errors
    ///
    /// [`Failure::Process`] if its pipes break.
    pub fn start(name: &str, command: &mut Command) -> Result<Started, Failure> {
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) => return Ok(Started::Unavailable(error.to_string())),
        };
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Ok(Started::Unavailable("it has no pipes".to_owned()));
        };
        let mut runner = Runner { name: name.to_owned(), version: String::new(), child, input, output: BufReader::new(output).lines() };
        let first = runner.line()?;
        Ok(match first.as_deref().map(|line| line.split_once(' ').unwrap_or((line, ""))) {
            Some(("ready", version)) => {
                version.clone_into(&mut runner.version);
                Started::Ready(runner)
            }
            Some((_, why)) => Started::Unavailable(why.to_owned()),
            None => Started::Unavailable("it ends before it is ready".to_owned()),
        })
    }

    /// Asks it to measure a case.
    pub fn ask(&mut self, case: &str, size: &str) -> Answer {
        let answer = writeln!(self.input, "{case} {size}").map_err(|error| self.broken(error)).and_then(|()| self.line());
        match answer {
            Err(failure) => Answer::Failed(failure.to_string()),
            Ok(None) => Answer::Failed("the process ended".to_owned()),
            Ok(Some(line)) if line == "none" => Answer::Missing,
            Ok(Some(line)) => Measurement::of_line(&line, case, size)
                .map_or_else(|| Answer::Failed(line.trim_start_matches("failed ").to_owned()), Answer::Measured),
        }
    }

    fn line(&mut self) -> Result<Option<String>, Failure> {
        self.output.next().transpose().map_err(|error| self.broken(error))
    }

    fn broken(&self, source: io::Error) -> Failure {
        Failure::Process { what: format!("talk with {}", self.name), source }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        // Whoever has nothing left to do is ended; that it has ended by itself is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
