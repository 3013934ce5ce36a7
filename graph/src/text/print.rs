//! Writing a graph as text.

use std::fmt::{self, Display, Formatter};

use slotmap::SecondaryMap;

use super::word::Word;
use crate::any_array::AnyArray;
use crate::graph::{Graph, Node, NodeId, Value};
use crate::op::constant::Constant;
use crate::op::{Op, Primitive};
use crate::source::{Provenance, Source};

/// How many elements of a constant the short text shows before it leaves some out.
const SHOWN: usize = 6;

/// A graph to be written, exactly or for people.
pub(super) struct Text<'g> {
    pub graph: &'g Graph,
    pub exact: bool,
}

/// The place of each node among all.
struct Places(SecondaryMap<NodeId, usize>);

impl Places {
    fn show(&self, value: Value) -> String {
        match (self.0.get(value.node), value.result) {
            (Some(place), 0) => format!("%{place}"),
            (Some(place), result) => format!("%{place}.{result}"),
            (None, _) => "%?".into(),
        }
    }

    fn list(&self, values: &[Value]) -> String {
        values.iter().map(|&value| self.show(value)).collect::<Vec<_>>().join(", ")
    }
}

impl Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let places = Places(self.graph.nodes().enumerate().map(|(place, (node, _))| (node, place)).collect());
        f.write_str("graph {\n")?;
        for (place, (_, node)) in self.graph.nodes().enumerate() {
            write!(f, "  %{place} = ")?;
            self.node(f, node, &places)?;
            f.write_str("\n")?;
        }
        for requirement in self.graph.lengths().requirements() {
            write!(f, "  require {requirement}")?;
            if self.exact {
                write!(f, "   # {}", Word(&requirement.op))?;
                if let Some(source) = requirement.source {
                    write!(f, " at {}", Place(source))?;
                }
            }
            f.write_str("\n")?;
        }
        if !self.graph.outputs().is_empty() {
            writeln!(f, "  return {}", places.list(self.graph.outputs()))?;
        }
        f.write_str("}\n")
    }
}

impl Text<'_> {
    fn node(&self, f: &mut Formatter<'_>, node: &Node, places: &Places) -> fmt::Result {
        write!(f, "{}", Word(node.op().rules().name()))?;
        if self.exact {
            write!(f, "{}", node.op().rules().attributes())?;
        } else {
            f.write_str(&short_attributes(node.op()))?;
        }
        if !node.inputs().is_empty() {
            write!(f, " {}", places.list(node.inputs()))?;
        }
        f.write_str(" :")?;
        for (result, ty) in node.types().iter().enumerate() {
            write!(f, "{} {ty}", if result == 0 { "" } else { "," })?;
        }
        let Provenance { source, within, rules } = node.provenance();
        if !self.exact || source.is_none() && within.is_none() && rules.is_empty() {
            return Ok(());
        }
        f.write_str("   #")?;
        if let Some(source) = source {
            write!(f, " {}", Place(*source))?;
        }
        if let Some(within) = within {
            write!(f, " in {}", Word(within))?;
        }
        for (place, rule) in rules.iter().enumerate() {
            write!(f, "{} {}", if place == 0 { " by" } else { "," }, Word(rule))?;
        }
        Ok(())
    }
}

/// A place in the user's program, in quotes where the file's name would be misread.
struct Place(Source);

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", Word(self.0.file), self.0.line, self.0.column)
    }
}

/// The parameters of an op as printed, but with only the first elements of a long constant: nobody reads the thousandth.
pub(crate) fn short_attributes(op: &Op) -> String {
    let Op::Constant(Constant(array)) = op else { return op.rules().attributes().to_string() };
    if array.len() <= SHOWN {
        return op.rules().attributes().to_string();
    }
    let first = array.first_numbers(SHOWN / 2);
    let shown = AnyArray::from_numbers(array.dtype(), &[first.len()], first).map(|shown| Constant(shown).attributes());
    let values = shown.and_then(|shown| shown.get("values").map(|values| values.trim_end_matches(']').to_owned()).ok());
    let lengths: Vec<String> = array.shape().iter().map(ToString::to_string).collect();
    format!("{{dtype={}, dims=[{}], values={}, ...]}}", array.dtype(), lengths.join(", "), values.unwrap_or_default())
}
