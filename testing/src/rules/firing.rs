//! Whether a rule fires on its own left side, written as a program.

use damo_graph::op::input::InputKind;
use damo_graph::op::scalar::{ABS, EXP, Scalar};
use damo_graph::op::term::{Formula as Says, Term};
use damo_graph::types::Type;
use damo_graph::{DType, Error, Graph, Value};
use damo_passes::rewrite::{Rewriter, Table, standard};
use damo_passes::rule::{Formula, Rule};

use super::complaint::Wrong;

/// What a variable may stand for, so that a guard is satisfied.
#[derive(Clone, Copy)]
enum Stand {
    Input,
    /// A function of an input: something positive, something that is not negative.
    Of(&'static Scalar),
    Number(f64),
}

const STANDS: [Stand; 6] = [Stand::Input, Stand::Of(&EXP), Stand::Of(&ABS), Stand::Number(1.5), Stand::Number(-1.5), Stand::Number(3.0)];

/// What is wrong if the rule does not fire among those that Damo has.
pub(super) fn wrong_firing(rule: &Rule, formula: &Formula) -> Option<Wrong> {
    let known = standard().find(rule.name).is_some_and(|known| known.to_string() == rule.to_string());
    let own: Table;
    let table = if known {
        standard()
    } else {
        let others = damo_passes::rules::all().into_iter().filter(|other| other.name != rule.name);
        own = Table::new([rule.clone()].into_iter().chain(others).collect());
        &own
    };
    let variables = formula.domain.len();
    let mut seen: Option<String> = None;
    // Inputs first; of all that a guard may ask for, whatever satisfies it.
    let choices = if formula.guard.is_some() { STANDS.len().pow(variables as u32) } else { 1 };
    for choice in 0..choices {
        let stands: Vec<Stand> = (0..variables).map(|place| STANDS[choice / STANDS.len().pow(place as u32) % STANDS.len()]).collect();
        match fired(table, rule, formula, &stands) {
            Ok(names) if names.contains(&rule.name) => return None,
            Ok(names) if names.is_empty() => {}
            Ok(names) => seen = seen.or(Some(format!("what fires is {}", names.join(", ")))),
            Err(error) => seen = Some(format!("{error:#}").replace('\n', " ")),
        }
    }
    let why = if formula.guard.is_some() { "nothing fires, whatever its guard is offered" } else { "nothing fires" };
    Some(Wrong::NeverFires(seen.unwrap_or_else(|| why.to_owned())))
}

/// The rules that fire on the left side.
fn fired(table: &Table, rule: &Rule, formula: &Formula, stands: &[Stand]) -> Result<Vec<&'static str>, Error> {
    let dtype = if formula.integers { DType::I64 } else { DType::F64 };
    let mut graph = Graph::new();
    let mut values = Vec::new();
    for (place, stand) in stands.iter().enumerate() {
        let input = |graph: &mut Graph| graph.add_input(["x", "y", "z", "w"][place.min(3)], Type::scalar(dtype), InputKind::Argument);
        values.push(match stand {
            Stand::Input => input(&mut graph)?,
            Stand::Of(scalar) => {
                let input = input(&mut graph)?;
                graph.apply(scalar, &[input])?
            }
            Stand::Number(number) => graph.number(dtype, *number)?,
        });
    }
    let value = built(&mut graph, formula.left, &values, dtype)?;
    Rewriter::new(&mut graph, table.choose(rule.policy, &[]), [], None).normal_forms(&[value])?;
    Ok(graph.rewrites().iter().map(|rewrite| rewrite.rule).collect())
}

/// A formula as nodes of a graph.
fn built(graph: &mut Graph, term: Term, values: &[Value], dtype: DType) -> Result<Value, Error> {
    match term.formula() {
        Says::Argument(index) if *index < values.len() => Ok(values[*index]),
        Says::Argument(_) | Says::Result => Err(Error::new(damo_graph::ErrorKind::Verify, "a rule has a variable that stands for nothing")),
        Says::Constant(number) => graph.number(dtype, *number),
        Says::Apply(scalar, terms) => {
            let inputs = terms.iter().map(|&term| built(graph, term, values, dtype)).collect::<Result<Vec<_>, _>>()?;
            graph.apply(scalar, &inputs)
        }
    }
}
