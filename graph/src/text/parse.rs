//! Reading a graph back from its text.

use std::collections::HashMap;

use smallvec::SmallVec;

use super::Vocabulary;
use super::expression::{find_outside, parse_dim, split_list};
use super::word::{keep, read_word};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Problem, Result};
use crate::graph::{Graph, Inputs, NodeId, Value};
use crate::lengths::{Lengths, Relation, Requirement};
use crate::op::attributes::{Attributes, malformed};
use crate::op::custom::Custom;
use crate::op::pointwise::Pointwise;
use crate::op::{Op, PARSERS, Types};
use crate::source::{Provenance, Source};
use crate::types::{Dims, Type};
use crate::verify::check_types;

/// A line that says something: its number from 1, what it says, and its comment.
#[derive(Clone, Copy)]
struct Line<'t> {
    number: usize,
    code: &'t str,
    comment: &'t str,
}

impl<'t> Line<'t> {
    fn new(number: usize, line: &'t str) -> Self {
        let (code, comment) = match find_outside(line, |_, c| c == '#') {
            Some(place) => (&line[..place], &line[place + 1..]),
            None => (line, ""),
        };
        Line { number, code: code.trim(), comment: comment.trim() }
    }

    /// The error that something else should stand here.
    fn expected(self, expected: &str, found: &str) -> Error {
        let found: String = if found.chars().count() > 60 { found.chars().take(60).chain("...".chars()).collect() } else { found.into() };
        let found = if found.is_empty() { "nothing".into() } else { format!("`{found}`") };
        self.error(format!("expected {expected}, found {found}"))
    }

    fn error(self, message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Parse, format!("line {} of the graph's text cannot be read", self.number)).explain(message)
    }

    fn problem(self, problem: Problem) -> Error {
        let error = self.error(problem.message);
        problem.advice.into_iter().fold(error, Error::advise)
    }

    /// What an op said against its operands, told of this line.
    fn refused(self, error: &Error) -> Error {
        let report = error.report();
        let told = report.operands.iter().cloned().fold(self.error(report.title.clone()), Error::operand);
        let told = report.explanation.iter().fold(told, Error::explain);
        report.advice.iter().fold(told, Error::advise)
    }
}

/// Reads a whole text.
pub(super) fn parse(text: &str, vocabulary: Vocabulary<'_>) -> Result<Graph> {
    let lines: Vec<Line> = text.lines().enumerate().map(|(place, line)| Line::new(place + 1, line)).filter(|line| !line.code.is_empty()).collect();
    let end = Line { number: text.lines().count().max(1), code: "", comment: "" };
    let [first, body @ .., last] = lines.as_slice() else {
        return Err(lines.first().unwrap_or(&end).expected("a graph: `graph {`, its nodes, and `}`", lines.first().map_or("", |line| line.code)));
    };
    if first.code.strip_prefix("graph").is_none_or(|rest| rest.trim() != "{") {
        return Err(first.expected("`graph {`", first.code));
    }
    if last.code != "}" {
        return Err(last.expected("`}` at the end of the graph", last.code));
    }
    // Requirements come first: with them and what follows from them known, every type is inferred as well as it ever was.
    let requirements = body.iter().filter_map(|line| Some(read_requirement(*line, statement(line.code, "require")?))).collect::<Result<Vec<_>>>()?;
    let listed = Lengths::restored(requirements);
    let mut reader = Reader { graph: Graph::new(), labels: HashMap::new(), vocabulary };
    let known = listed.closed();
    *reader.graph.lengths_mut() = known.clone();
    for &line in body {
        if let Some(node) = line.code.strip_prefix('%') {
            reader.read_node(line, node)?;
        } else if let Some(values) = statement(line.code, "return") {
            let outputs = reader.read_values(line, values)?;
            reader.graph.set_outputs(outputs);
        } else if statement(line.code, "require").is_none() {
            return Err(line.expected("`%label = op ...`, `require`, `return` or `}`", line.code));
        }
    }
    let mut graph = reader.graph;
    let learned = graph.lengths().learned_beyond(&known);
    *graph.lengths_mut() = if learned.is_empty() { listed } else { Lengths::restored([listed.requirements(), &learned].concat()) };
    Ok(graph)
}

/// What follows a keyword, if the line begins with it.
fn statement<'t>(code: &'t str, keyword: &str) -> Option<&'t str> {
    code.strip_prefix(keyword).filter(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace)).map(str::trim)
}

fn read_requirement(line: Line<'_>, text: &str) -> Result<Requirement> {
    let relations = [("==", Relation::Equal), (">=", Relation::AtLeast)];
    let found = relations.iter().find_map(|&(sign, relation)| Some((text.split_once(sign)?, relation)));
    let ((left, right), relation) = found.ok_or_else(|| line.expected("two lengths with `==` or `>=` between them", text))?;
    let side = |text: &str| parse_dim(text.trim()).map_err(|problem| line.problem(problem));
    let (op, source) = read_asker(line.comment).unwrap_or_default();
    Ok(Requirement { left: side(left)?, relation, right: side(right)?, op, source })
}

/// Reads `op at file:line:column`.
fn read_asker(comment: &str) -> Option<(String, Option<Source>)> {
    let (op, rest) = read_word(comment)?;
    match rest.trim() {
        "" => Some((op, None)),
        rest => {
            let (source, rest) = read_source(statement(rest, "at")?)?;
            rest.trim().is_empty().then_some((op, Some(source)))
        }
    }
}

/// Reads `file:line:column`, and gives what follows.
fn read_source(text: &str) -> Option<(Source, &str)> {
    let (file, rest) = read_word(text)?;
    let rest = rest.strip_prefix(':')?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != ':').unwrap_or(rest.len());
    let (line, column) = rest[..end].split_once(':')?;
    Some((Source { file: keep(&file), line: line.parse().ok()?, column: column.parse().ok()? }, &rest[end..]))
}

/// Reads `file:line:column in function by rule, rule`; `None` if the comment is not about where a node comes from.
fn read_provenance(comment: &str) -> Option<Provenance> {
    let mut provenance = Provenance::default();
    let mut rest = comment;
    if let Some((source, after)) = read_source(rest) {
        provenance.source = Some(source);
        rest = after.trim();
    }
    if let Some(within) = statement(rest, "in") {
        let (word, after) = read_word(within)?;
        provenance.within = Some(keep(&word));
        rest = after.trim();
    }
    if let Some(rules) = statement(rest, "by") {
        let (rule, mut after) = read_word(rules)?;
        provenance.rules.push(keep(&rule));
        while let Some(next) = after.trim_start().strip_prefix(',') {
            let (rule, then) = read_word(next.trim_start())?;
            provenance.rules.push(keep(&rule));
            after = then;
        }
        rest = after.trim();
    }
    rest.is_empty().then_some(provenance)
}

/// The graph read so far.
struct Reader<'t, 'v> {
    graph: Graph,
    labels: HashMap<&'t str, NodeId>,
    vocabulary: Vocabulary<'v>,
}

impl<'t> Reader<'t, '_> {
    /// Reads `label = op{parameters} inputs : types`.
    fn read_node(&mut self, line: Line<'t>, text: &'t str) -> Result<()> {
        let (label, call) = text.split_once('=').ok_or_else(|| line.expected("`=` after the label", text))?;
        let (label, call) = (label.trim(), call.trim());
        if label.is_empty() || !label.chars().all(|c| c.is_alphanumeric() || c == '_') {
            return Err(line.expected("a label of letters and digits after `%`", label));
        }
        if self.labels.contains_key(label) {
            return Err(line.error(format!("the label `%{label}` is used a second time")));
        }
        let (name, rest) = read_word(call).ok_or_else(|| line.expected("the name of an op after `=`", call))?;
        let rest = rest.trim_start();
        let (attributes, rest) = match rest.strip_prefix('{') {
            Some(inside) => {
                let end = find_outside(inside, |_, c| c == '}').ok_or_else(|| line.expected("`}` after the parameters", rest))?;
                (&inside[..end], &inside[end + 1..])
            }
            None => ("", rest),
        };
        let (inputs, types) = match find_outside(rest, |_, c| c == ':') {
            Some(colon) => (&rest[..colon], Some(&rest[colon + 1..])),
            None => (rest, None),
        };
        let inputs = self.read_values(line, inputs)?;
        let op = self.read_op(&name, attributes).map_err(|problem| line.problem(problem))?;
        let place = self.graph.inputs().len();
        if let Op::Input(input) = &op
            && input.place != place
        {
            return Err(line.expected(&format!("`place={place}` of the next input"), &format!("place={}", input.place)));
        }
        self.graph.set_provenance(read_provenance(line.comment).unwrap_or_default());
        let node = match types {
            Some(types) => self.restore_node(line, op, &inputs, types)?,
            None => self.graph.add_node(op, &inputs).map_err(|error| line.refused(&error))?,
        };
        self.graph.set_provenance(Provenance::default());
        self.labels.insert(label, node);
        Ok(())
    }

    /// Adds a node with its printed types, if they are the inferred ones.
    fn restore_node(&mut self, line: Line<'_>, op: Op, inputs: &[Value], types: &str) -> Result<NodeId> {
        let types = split_list(types).into_iter().map(read_type).collect::<Result<Types, _>>().map_err(|problem| line.problem(problem))?;
        let mut lengths = std::mem::take(self.graph.lengths_mut());
        lengths.asker = (op.rules().name(), self.graph.provenance().source);
        let checked = {
            let read: SmallVec<[&Type; 4]> = inputs.iter().map(|&value| self.graph.ty(value)).collect();
            check_types(&op, &read, &types, &mut lengths)
        };
        *self.graph.lengths_mut() = lengths;
        checked.map_err(|message| line.error(format!("in `{}`, {message}", op.rules().name())))?;
        Ok(self.graph.restore_node(op, inputs, types))
    }

    fn read_values(&self, line: Line<'_>, text: &str) -> Result<Inputs> {
        split_list(text)
            .into_iter()
            .map(|text| {
                let label = text.strip_prefix('%').ok_or_else(|| line.expected("a value such as `%0`", text))?;
                let (label, result) = match label.split_once('.') {
                    Some((label, result)) => (label, result.parse().map_err(|_| line.expected("the number of a result after `.`", text))?),
                    None => (label, 0),
                };
                let node = *self.labels.get(label).ok_or_else(|| line.expected("a value of a line above", text))?;
                let value = Value { node, result };
                if self.graph.contains(value) { Ok(value) } else { Err(line.expected("a result that the node has", text)) }
            })
            .collect()
    }

    fn read_op(&self, name: &str, text: &str) -> Result<Op, Problem> {
        let attributes = Attributes::parse(text)?;
        if let Some(op) = self.vocabulary.customs.iter().find(|op| op.name() == name && op.attributes() == attributes) {
            return Ok(Custom(op.clone()).into());
        }
        let scalar = self.vocabulary.scalars.iter().find(|scalar| scalar.name == name).map(|scalar| Pointwise(scalar));
        let parser = PARSERS.iter().find(|(have, _)| *have == name && !name.is_empty());
        let op = match (scalar, parser) {
            (Some(scalar), _) => scalar.into(),
            (None, Some((_, parse))) => parse(&attributes)?,
            (None, None) => Pointwise::named(name).ok_or_else(|| unknown_op(name))?.into(),
        };
        let has = op.rules().attributes();
        match attributes.iter().find(|(name, _)| has.get(name).is_err()) {
            Some((name, _)) => Err(malformed(format!("the op has no parameter `{name}`"))),
            None => Ok(op),
        }
    }
}

fn unknown_op(name: &str) -> Problem {
    malformed(format!("no op is called `{name}`")).advise("give the functions and ops of your own to `Graph::parse_with` or `Graph::parse_with_ops`")
}

/// Reads a type as it is printed: `f32` or `f32[n, 3]`.
fn read_type(text: &str) -> Result<Type, Problem> {
    let (name, dims) = match text.split_once('[') {
        Some((name, rest)) => (name, rest.strip_suffix(']').ok_or_else(|| malformed(format!("`{text}` lacks its `]`")))?),
        None => (text, ""),
    };
    let dtype = DType::parse(name.trim()).ok_or_else(|| malformed(format!("`{text}` is not a type such as `f32[n, 3]`")))?;
    let dims: SmallVec<[_; 4]> = split_list(dims).into_iter().map(parse_dim).collect::<Result<_, _>>()?;
    Ok(Type { dtype, dims: dims.into_iter().collect::<Dims>() })
}
