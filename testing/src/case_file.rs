//! Case files: programs of yours with inputs and the results they must give, in a text that people can read, run on every engine.
//!
//! ```text
//! # Anything after `#` is a comment.
//! case softplus at both ends
//! graph {
//!   %x = input{name="x", kind=argument, dtype=f64, dims=[n], place=0}
//!   %y = softplus %x
//!   return %y
//! }
//! input f64[3] = [-800.0, 0.0, 800.0]
//! expect f64[3] = [0.0, 0.6931471805599453, 800.0] within 2 ulps
//! ```
//!
//! A case is the line `case` with its name; a graph as [`Graph::to_text`] writes it and [`Graph::parse`] reads it (labels are free, types
//! and places of origin may be left out); a line `input` for each input and a line `expect` for each output, each with its element type,
//! lengths and elements in row-major order. `within 0 ulps` may be left out; it means bit for bit, but that signs of zero do not count.
//! A case without a graph is a case of a function of yours: see [`Case::check_function`].

use std::fmt;

use damo::prelude::*;
use damo::{AnyArray, Error, ErrorKind, Graph, Result};
use damo_exec::{Argument, Engine, Executable, Options};
use damo_passes::{Settings, pipeline};
use ndarray::{ArrayBase, ArrayD};

use crate::close::{NotClose, check_close};
use crate::fuzz::ENGINES;
use crate::written::{read_array, write_array};

/// The cases of a file.
///
/// ```
/// use damo_testing::case_file::CaseFile;
/// let file = CaseFile::read("
/// case a square
/// graph {
///   %x = input{name=\"x\", kind=argument, dtype=f32, dims=[n], place=0}
///   %y = mul %x, %x
///   return %y
/// }
/// input f32[2] = [3.0, -0.5]
/// expect f32[2] = [9.0, 0.25]
/// ")?;
/// file.check()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CaseFile {
    /// Its cases, in order.
    pub cases: Vec<Case>,
}

/// A program, arrays for it, and what it must give.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// The line of the file that it begins on, counted from 1.
    pub line: usize,
    /// The program, if it is in the file.
    pub graph: Option<Graph>,
    /// One array for each input.
    pub inputs: Vec<AnyArray>,
    /// One array for each output, and how far off, in ulps, each may be.
    pub expected: Vec<(AnyArray, f64)>,
}

/// A case that does not hold.
#[derive(Debug)]
#[non_exhaustive]
pub enum CaseError {
    /// The program could not be compiled or run.
    Failed {
        /// The case's name.
        case: String,
        /// On which engine.
        engine: &'static str,
        /// Why.
        error: Error,
    },
    /// There are more or fewer outputs than expected.
    Count {
        /// The case's name.
        case: String,
        /// How many there are.
        found: usize,
        /// How many were expected.
        expected: usize,
    },
    /// An output has another element type.
    Types {
        /// The case's name.
        case: String,
        /// On which engine.
        engine: &'static str,
        /// Which output.
        output: usize,
        /// What was found, and what was expected.
        types: [damo::DType; 2],
    },
    /// An output is not close to what was expected.
    Wrong {
        /// The case's name.
        case: String,
        /// On which engine.
        engine: &'static str,
        /// Which output.
        output: usize,
        /// How far off it is.
        how: NotClose,
    },
}

impl fmt::Display for CaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CaseError::Failed { case, engine, error } => write!(f, "case `{case}` on the {engine} engine: {error}"),
            CaseError::Count { case, found, expected } => write!(f, "case `{case}` has {found} outputs, and {expected} were expected"),
            CaseError::Types { case, engine, output, types: [found, expected] } => {
                write!(f, "case `{case}` on the {engine} engine: output {output} is of {found} instead of {expected}")
            }
            CaseError::Wrong { case, engine, output, how } => write!(f, "case `{case}` on the {engine} engine: output {output}: {how}"),
        }
    }
}

impl std::error::Error for CaseError {}

impl CaseFile {
    /// Reads a text.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Parse`], with the number of the line and what was expected there.
    pub fn read(text: &str) -> Result<CaseFile> {
        let mut file = CaseFile::default();
        let mut graph: Option<(usize, String)> = None;
        for (place, line) in text.lines().enumerate() {
            let number = place + 1;
            if let Some((start, text)) = &mut graph {
                text.push_str(line);
                text.push('\n');
                if line.trim() == "}" {
                    let read = Graph::parse(text).map_err(|error| {
                        at(number, "the graph above cannot be read").explain(format!("the graph begins on line {start}")).explain(error.to_string())
                    })?;
                    current(&mut file, number)?.graph = Some(read);
                    graph = None;
                }
                continue;
            }
            let said = line.split('#').next().unwrap_or_default().trim();
            let (word, rest) = said.split_once(char::is_whitespace).unwrap_or((said, ""));
            match word {
                "" => {}
                "case" if rest.trim().is_empty() => return Err(at(number, "a case needs a name")),
                "case" => {
                    let name = rest.trim().to_owned();
                    file.cases.push(Case { name, line: number, graph: None, inputs: Vec::new(), expected: Vec::new() });
                }
                "graph" => {
                    current(&mut file, number)?;
                    graph = Some((number, format!("{line}\n")));
                }
                "input" => {
                    let array = read_array(rest).map_err(|error| at(number, "an input cannot be read").explain(error.to_string()))?;
                    current(&mut file, number)?.inputs.push(array);
                }
                "expect" => {
                    let (array, ulps) = match rest.split_once("within") {
                        Some((array, within)) => {
                            let ulps = within.trim().strip_suffix("ulps").map(str::trim).and_then(|ulps| ulps.parse().ok());
                            let ulps = ulps.filter(|&ulps: &f64| ulps >= 0.0);
                            (array, ulps.ok_or_else(|| at(number, "expected `within 2 ulps`, or the like"))?)
                        }
                        None => (rest, 0.0),
                    };
                    let array = read_array(array).map_err(|error| at(number, "an expected result cannot be read").explain(error.to_string()))?;
                    current(&mut file, number)?.expected.push((array, ulps));
                }
                other => return Err(at(number, &format!("expected `case`, `graph {{`, `input` or `expect`, found `{other}`"))),
            }
        }
        match graph {
            Some((start, _)) => Err(at(start, "the graph that begins here has no `}` on a line of its own")),
            None => Ok(file),
        }
    }

    /// Checks every case on every engine.
    ///
    /// # Errors
    ///
    /// The first that does not hold.
    pub fn check(&self) -> Result<(), CaseError> {
        self.cases.iter().try_for_each(Case::check)
    }
}

/// An error on a line of the file.
fn at(line: usize, message: &str) -> Error {
    Error::new(ErrorKind::Parse, format!("line {line} of the case file cannot be read")).explain(message.to_owned())
}

/// The case being read.
fn current(file: &mut CaseFile, line: usize) -> Result<&mut Case> {
    file.cases.last_mut().ok_or_else(|| at(line, "expected `case` and a name before it"))
}

impl Case {
    /// Optimises the program, runs it on every engine, and compares.
    ///
    /// # Errors
    ///
    /// How it does not hold, and on which engine.
    pub fn check(&self) -> Result<(), CaseError> {
        let failed = |engine, error| CaseError::Failed { case: self.name.clone(), engine, error };
        let none = || Error::new(ErrorKind::Declaration, "the case has no graph").advise("write one, or call `check_function`");
        let graph = self.graph.as_ref().ok_or_else(|| failed("reference", none()))?;
        let (optimised, _) =
            pipeline::optimise(graph, &Settings { verify: true, ..Settings::default() }).map_err(|error| failed("reference", error))?;
        for &(name, engine) in ENGINES {
            self.compare(name, &self.run(&optimised, engine).map_err(|error| failed(name, error))?)?;
        }
        Ok(())
    }

    fn run(&self, graph: &Graph, engine: Engine) -> Result<Vec<AnyArray>> {
        let executable = Executable::new(graph.clone(), Options { engine, verify: true, ..Options::default() })?;
        executable.call(&self.inputs.iter().map(|array| array as &dyn Argument).collect::<Vec<_>>())
    }

    /// Traces a function of yours, runs it on every engine, and compares. All inputs and outputs are of type `T`.
    ///
    /// # Errors
    ///
    /// How it does not hold, and on which engine.
    ///
    /// ```
    /// use damo::prelude::*;
    /// use damo_testing::case_file::CaseFile;
    /// let file = CaseFile::read("case halves\n input f64[2] = [3.0, -0.5]\n expect f64[2] = [1.5, -0.25]")?;
    /// file.cases[0].check_function::<f64>(|x| vec![x[0] / 2.0])?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn check_function<T: Float>(&self, f: impl for<'t> Fn(&[Tensor<'t, T>]) -> Vec<Tensor<'t, T>>) -> Result<(), CaseError> {
        let failed = |engine, error| CaseError::Failed { case: self.name.clone(), engine, error };
        let wrong = |array: &AnyArray| Error::new(ErrorKind::Argument, format!("an input is of {} instead of {}", array.dtype(), T::DTYPE));
        let typed = |array: &AnyArray| array.downcast::<T>().map(ArrayBase::to_owned).ok_or_else(|| failed("reference", wrong(array)));
        let arrays = self.inputs.iter().map(typed).collect::<Result<Vec<ArrayD<T>>, _>>()?;
        for &engine in damo::EngineChoice::ALL {
            let run = || -> Result<Vec<ArrayD<T>>> {
                let tape = Tape::new();
                let inputs: Vec<Tensor<'_, T>> =
                    arrays.iter().enumerate().map(|(k, array)| tape.input::<T>(&format!("x{k}"), array.shape())).collect();
                let outputs = f(&inputs);
                let function = tape.function(inputs, outputs).freeze(&Config { engine, verify: true, ..Config::default() })?;
                function.call(arrays.iter().collect::<Vec<_>>())
            };
            let results = run().map_err(|error| failed(engine.name(), error))?;
            self.compare(engine.name(), &results.into_iter().map(AnyArray::from).collect::<Vec<_>>())?;
        }
        Ok(())
    }

    /// Compares outputs with those expected.
    fn compare(&self, engine: &'static str, found: &[AnyArray]) -> Result<(), CaseError> {
        if found.len() != self.expected.len() {
            return Err(CaseError::Count { case: self.name.clone(), found: found.len(), expected: self.expected.len() });
        }
        for (output, (found, (expected, ulps))) in found.iter().zip(&self.expected).enumerate() {
            if found.dtype() != expected.dtype() {
                return Err(CaseError::Types { case: self.name.clone(), engine, output, types: [found.dtype(), expected.dtype()] });
            }
            close(found, expected, *ulps).map_err(|how| CaseError::Wrong { case: self.name.clone(), engine, output, how })?;
        }
        Ok(())
    }
}

/// Compares arrays of any one element type; those that are no floats must be equal.
fn close(found: &AnyArray, expected: &AnyArray, ulps: f64) -> Result<(), NotClose> {
    macro_rules! floats {
        ($($element:ty)*) => { $(
            if let (Some(found), Some(expected)) = (found.downcast::<$element>(), expected.downcast::<$element>()) {
                return check_close(found, expected, ulps);
            }
        )* };
    }
    floats!(f64 f32 damo_graph::element::F16 damo_graph::element::BF16);
    check_close(&found.to_reals(), &expected.to_reals(), 0.0)
}

impl fmt::Display for CaseFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, case) in self.cases.iter().enumerate() {
            write!(f, "{}{case}", if place == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

/// The text that reads back.
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "case {}", self.name)?;
        if let Some(graph) = &self.graph {
            f.write_str(&graph.to_text())?;
        }
        for input in &self.inputs {
            writeln!(f, "input {}", write_array(input))?;
        }
        for (expected, ulps) in &self.expected {
            writeln!(f, "expect {} within {ulps} ulps", write_array(expected))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = include_str!("../cases/example.cases");

    #[test]
    fn the_example_holds_and_reads_back() {
        let file = CaseFile::read(FILE).unwrap();
        assert!(file.cases.len() >= 3);
        file.check().unwrap();
        let again = CaseFile::read(&file.to_string()).unwrap();
        assert_eq!(again.to_string(), file.to_string());
    }

    #[test]
    fn what_does_not_hold_is_told() {
        let wrong = FILE.replace("800.0] within", "801.0] within");
        let error = CaseFile::read(&wrong).unwrap().check().unwrap_err();
        assert!(matches!(error, CaseError::Wrong { .. } | CaseError::Failed { .. }), "{error}");
        let text = "case two\ninput f64 = 1.0\nexpect f64 = 2.0 within 1 ulps";
        let case = &CaseFile::read(text).unwrap().cases[0];
        let error = case.check_function::<f64>(|x| vec![x[0] * 3.0]).unwrap_err().to_string();
        assert!(error.contains("`two`") && error.contains("is 3e0 instead of 2e0"), "{error}");
        assert!(matches!(case.check_function::<f64>(|_| Vec::new()), Err(CaseError::Failed { .. } | CaseError::Count { .. })));
        assert!(matches!(case.check_function::<f32>(|x| x.to_vec()), Err(CaseError::Failed { .. })));
        assert!(matches!(case.check(), Err(CaseError::Failed { .. })));
    }

    #[test]
    fn nonsense_is_told_with_its_line() {
        let cases = [
            ("input f64 = 1.0", 1),
            ("case", 1),
            ("case a\nexpect f64 = 1.0 within x ulps", 2),
            ("case a\nhello", 2),
            ("case a\ngraph {\n", 2),
            ("case a\ninput f64[", 2),
        ];
        for (text, line) in cases {
            let error = CaseFile::read(text).unwrap_err();
            assert!(error.kind() == ErrorKind::Parse && error.to_string().contains(&format!("line {line} ")), "{text}: {error}");
        }
    }
}
