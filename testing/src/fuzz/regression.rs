//! The files under `testing/regressions/`: the text of a graph, or what was taken for one, and below it in comments what it is run on.

use damo::{AnyArray, Graph};
use damo_graph::Result;

use super::examine::{EDGES, ENGINES, Outcome, examine, examine_text};
use super::fault::{Fault, Kind};
use super::quiet::catch;
use crate::strategies::arrays_for;
use crate::written::{read_array, write_array};

/// A case that once was at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Regression {
    /// What was wrong.
    pub about: String,
    /// The text.
    pub text: String,
    /// The arrays, as [`write_array`](crate::written::write_array) writes them, or none for those that a seed makes.
    pub arrays: Option<Vec<String>>,
    /// That seed.
    pub seed: u64,
}

/// What the lines that are not the text's begin with.
const SEED: &str = "# seed ";
const ABOUT: &str = "# found: ";
const INPUT: &str = "# input ";
const NO_INPUT: &str = "# inputs: none";

impl Regression {
    /// Reads a file.
    pub fn read(file: &str) -> Self {
        let mut found = Regression { about: String::new(), text: String::new(), arrays: None, seed: 0 };
        for line in file.lines() {
            if let Some(about) = line.strip_prefix(ABOUT) {
                about.clone_into(&mut found.about);
            } else if let Some(seed) = line.strip_prefix(SEED) {
                found.seed = seed.trim().parse().unwrap_or(0);
            } else if let Some(input) = line.strip_prefix(INPUT) {
                found.arrays.get_or_insert_default().push(input.to_owned());
            } else if line == NO_INPUT {
                found.arrays.get_or_insert_default();
            } else {
                found.text.push_str(line);
                found.text.push('\n');
            }
        }
        found
    }

    /// Writes the file.
    pub fn write(&self) -> String {
        let mut file = format!("{ABOUT}{}\n{}", self.about, self.text);
        if !file.ends_with('\n') {
            file.push('\n');
        }
        match self.arrays.as_deref() {
            None => file.extend([SEED, &self.seed.to_string(), "\n"]),
            Some([]) => file.extend([NO_INPUT, "\n"]),
            Some(arrays) => file.extend(arrays.iter().flat_map(|array| [INPUT, array, "\n"])),
        }
        file
    }

    /// The optimised graph and the plan of every engine, with what each gives, as text.
    ///
    /// # Errors
    ///
    /// Those of reading, optimising or running it.
    pub fn explain(&self) -> Result<String> {
        let graph = Graph::parse(&self.text)?;
        let arrays = match &self.arrays {
            Some(arrays) => arrays.iter().map(|text| read_array(text)).collect::<Result<Vec<AnyArray>>>()?,
            None => arrays_for(&graph, self.seed, EDGES).unwrap_or_default(),
        };
        let (optimised, _) = damo_passes::pipeline::optimise(&graph, &damo_passes::Settings::default())?;
        let mut text = format!("{}\n{}\n", optimised.explain_rewrites(), optimised.to_text());
        for &(name, engine) in ENGINES {
            let executable = damo_exec::Executable::new(optimised.clone(), damo_exec::Options { engine, ..damo_exec::Options::default() })?;
            let results = executable.call(&arrays.iter().map(|array| array as &dyn damo_exec::Argument).collect::<Vec<_>>())?;
            let results: Vec<String> = results.iter().map(write_array).collect();
            text.extend([name, " engine:\n", &results.join("\n"), "\n", &executable.explain(), "\n"]);
        }
        Ok(text)
    }

    /// Runs it again.
    ///
    /// # Errors
    ///
    /// What is at fault.
    pub fn examine(&self) -> Result<Outcome, Fault> {
        let Some(arrays) = &self.arrays else { return examine_text(&self.text, self.seed) };
        let arrays = arrays.iter().map(|text| read_array(text)).collect::<Result<Vec<AnyArray>>>();
        let arrays = arrays.map_err(|error| Fault::new(Kind::Misread, "the arrays of a regression", error.to_string()))?;
        match catch("reading", || Ok(Graph::parse(&self.text)))? {
            Ok(graph) => examine(&graph, Some(&arrays)),
            Err(_) => Ok(Outcome::NotRead),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_read_back() {
        let text =
            "graph {\n  %0 = input{name=\"x\", kind=argument, dtype=f64, dims=[2], place=0} : f64[2]\n  %1 = exp %0 : f64[2]\n  return %1\n}\n";
        let regression = Regression { about: "something".into(), text: text.into(), arrays: Some(vec!["f64[2] = [0.5, NaN]".into()]), seed: 0 };
        assert_eq!(Regression::read(&regression.write()), regression);
        assert_eq!(regression.examine(), Ok(Outcome::Ran));
        let of_seed = Regression { arrays: None, seed: 7, ..regression };
        assert_eq!(Regression::read(&of_seed.write()), of_seed);
        assert_eq!(of_seed.examine(), Ok(Outcome::Ran));
        let nonsense = Regression { text: "graph {\n%0 = é{\n}\n".into(), ..of_seed };
        assert_eq!(nonsense.examine(), Ok(Outcome::NotRead));
    }
}
