//! What is fuzzed: programs as users write them with their gradients, graphs of every op, and their texts with faults planted.

use damo::prelude::*;
use damo::{AnyArray, Graph};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config as Proptest, RngAlgorithm, TestRng, TestRunner};

use super::examine::{Outcome, examine, examine_text};
use super::fault::Fault;
use super::mutate::{Dice, mutate};
use super::quiet::catch;
use super::regression::Regression;
use crate::strategies::{Formulas, Graphs, Program, RandomGraph, edge_values, formulas, programs};
use crate::written::write_array;

/// A case: a text that may be a graph, and the arrays it is run on.
#[derive(Clone, Debug)]
pub struct Case {
    /// What kind of case it is.
    pub about: &'static str,
    /// The text.
    pub text: String,
    /// The arrays, or none for those that a seed makes for whatever the text says.
    pub arrays: Option<Vec<AnyArray>>,
    /// That seed.
    pub seed: u64,
}

impl Case {
    /// Examines it.
    ///
    /// # Errors
    ///
    /// What is at fault.
    pub fn examine(&self) -> Result<Outcome, Fault> {
        match &self.arrays {
            Some(arrays) => {
                let graph = catch("reading", || Ok(Graph::parse(&self.text)))?;
                graph.map_or(Ok(Outcome::NotRead), |graph| examine(&graph, Some(arrays)))
            }
            None => examine_text(&self.text, self.seed),
        }
    }

    /// It as a file.
    pub fn regression(&self, fault: &Fault) -> Regression {
        let arrays = self.arrays.as_ref().map(|arrays| arrays.iter().map(write_array).collect());
        Regression { about: fault.to_string().lines().next().unwrap_or_default().to_owned(), text: self.text.clone(), arrays, seed: self.seed }
    }
}

/// Makes cases, the same for the same seed.
pub struct Generator {
    runner: TestRunner,
    dice: Dice,
    /// Texts to plant faults in.
    texts: Vec<String>,
    graphs: BoxedStrategy<RandomGraph>,
    programs: BoxedStrategy<Program>,
    formulas: BoxedStrategy<Formulas>,
}

/// How many texts are kept to plant faults in.
const KEPT: usize = 256;

impl Generator {
    /// One with its seed.
    pub fn new(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Generator {
            runner: TestRunner::new_with_rng(Proptest::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes)),
            dice: Dice::new(seed),
            texts: Vec::new(),
            graphs: Graphs::default().strategy().boxed(),
            programs: programs(12).boxed(),
            formulas: formulas(8, prop_oneof![3 => -3.0..3.0f64, 1 => edge_values()]).boxed(),
        }
    }

    /// The next case.
    ///
    /// # Errors
    ///
    /// A fault found while it was traced.
    pub fn next_case(&mut self) -> Result<Case, Fault> {
        let seed = self.dice.roll();
        let case = match self.dice.below(8) {
            0 => {
                let program = one(&mut self.runner, &self.programs);
                let arrays = program.as_ref().map(|program| program.inputs.clone()).unwrap_or_default();
                traced("a program", arrays, seed, |tape| program.as_ref().map(|program| program.trace::<f64>(tape)).unwrap_or_default())?
            }
            1 | 2 => {
                let program = one(&mut self.runner, &self.formulas);
                let arrays = program.as_ref().map(|program| program.inputs.clone()).unwrap_or_default();
                traced("a formula", arrays, seed, |tape| program.as_ref().map(|program| program.trace::<f32>(tape)).unwrap_or_default())?
            }
            3..=5 => {
                let RandomGraph { graph, arrays } =
                    one(&mut self.runner, &self.graphs).unwrap_or(RandomGraph { graph: Graph::new(), arrays: Vec::new() });
                Case { about: "a graph", text: graph.to_text(), arrays: Some(arrays), seed }
            }
            _ if !self.texts.is_empty() => {
                let text = self.texts[self.dice.below(self.texts.len())].clone();
                let other = self.texts[self.dice.below(self.texts.len())].clone();
                Case { about: "a text with faults", text: mutate(&text, &other, &mut self.dice), arrays: None, seed }
            }
            _ => Case { about: "an empty graph", text: Graph::new().to_text(), arrays: None, seed },
        };
        if case.arrays.is_some() {
            let place = self.dice.below(KEPT);
            if self.texts.len() < KEPT { self.texts.push(case.text.clone()) } else { self.texts[place].clone_from(&case.text) }
        }
        Ok(case)
    }
}

/// A value of a strategy.
fn one<T: std::fmt::Debug>(runner: &mut TestRunner, strategy: &BoxedStrategy<T>) -> Option<T> {
    strategy.new_tree(runner).ok().map(|tree| tree.current())
}

/// A program with the gradient of its last value.
fn traced<T: Float>(
    about: &'static str,
    arrays: Vec<ndarray::ArrayD<f64>>,
    seed: u64,
    trace: impl for<'t> Fn(&'t Tape) -> (Vec<Tensor<'t, T>>, Vec<Tensor<'t, T>>),
) -> Result<Case, Fault> {
    let graph = catch("tracing", || {
        let tape = Tape::new();
        let (inputs, computed) = trace(&tape);
        let mut outputs: Vec<Tensor<'_, T>> = computed.iter().rev().take(3).copied().collect();
        if let Some(last) = outputs.first() {
            outputs.extend(last.sum().grad(or_zero(inputs.clone())));
        }
        Ok(tape.function(inputs, outputs).graph())
    })?;
    let graph = graph.map_err(|error| Fault::new(super::fault::Kind::Invalid, "tracing", error.to_string()))?;
    let arrays = arrays.into_iter().map(|array| AnyArray::from(array.mapv(T::from_f64))).collect();
    Ok(Case { about, text: graph.to_text(), arrays: Some(arrays), seed })
}
