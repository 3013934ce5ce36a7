//! The numbers that unknown lengths have in one call: found from the arrays given, and checked against what the graph demands.

use std::collections::BTreeMap;

use crate::dim::Dim;
use crate::error::{Error, ErrorKind, Problem, Result};
use crate::graph::Graph;
use crate::lengths::Relation;
use crate::symbol::Symbol;
use crate::types::Dims;

/// A length for each symbol.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sizes(BTreeMap<Symbol, i64>);

impl Sizes {
    /// The lengths that arrays of these shapes give to the symbols of a graph's inputs, in order of declaration.
    ///
    /// Everything a call can get wrong about lengths is found here: wrong ranks, wrong lengths, lengths that should agree and do not.
    pub fn bind(graph: &Graph, shapes: &[&[usize]]) -> Result<Sizes> {
        let mut sizes = Sizes::default();
        let mut given_by: BTreeMap<Symbol, usize> = BTreeMap::new();
        for (place, (&node, shape)) in graph.inputs().iter().zip(shapes).enumerate() {
            let ty = &graph.node(node).types()[0];
            if ty.rank() != shape.len() {
                return Err(argument_error(
                    graph,
                    place,
                    format!("it is declared with {} axes as {ty}, and the array has {}: {shape:?}", ty.rank(), shape.len()),
                ));
            }
            for (dim, &length) in ty.dims.iter().zip(*shape) {
                let Some(symbol) = dim.symbol() else { continue };
                let length = i64::try_from(length).unwrap_or(i64::MAX);
                let have = *sizes.0.entry(symbol).or_insert(length);
                let giver = *given_by.entry(symbol).or_insert(place);
                if have != length {
                    return Err(argument_error(
                        graph,
                        place,
                        format!("its length `{symbol}` is {length}, but `{}` has {symbol} = {have}", input_name(graph, giver)),
                    )
                    .operand(graph.operand(graph.inputs()[giver].into(), 0, 1)));
                }
            }
        }
        for (place, (&node, shape)) in graph.inputs().iter().zip(shapes).enumerate() {
            let ty = &graph.node(node).types()[0];
            for (axis, (dim, &length)) in ty.dims.iter().zip(*shape).enumerate() {
                sizes.solve(dim, length as i64);
                if let Some((symbol, negative)) = sizes.iter().find(|(_, length)| *length < 0) {
                    return Err(argument_error(
                        graph,
                        place,
                        format!("axis {axis} is declared as {dim}, and the array has {length}, so that `{symbol}` would be {negative}"),
                    ));
                }
                if sizes.evaluate(dim) != Some(length as i64) {
                    let expected = sizes.evaluate(dim).map_or_else(String::new, |length| format!(" = {length}"));
                    let expected = if dim.known().is_some() { String::new() } else { expected };
                    return Err(argument_error(
                        graph,
                        place,
                        format!("axis {axis} is declared as {dim}{expected}, and the array has {length}: {shape:?}"),
                    ));
                }
            }
        }
        sizes.check(graph)?;
        Ok(sizes)
    }

    /// For a length such as `2·n + 1` whose symbol is not known yet: solves for it.
    fn solve(&mut self, dim: &Dim, length: i64) {
        if let Some((symbol, factor, offset)) = dim.as_linear()
            && !self.0.contains_key(&symbol)
            && factor != 0
            && (length - offset) % factor == 0
        {
            self.0.insert(symbol, (length - offset) / factor);
        }
    }

    /// Checks every requirement the graph has of lengths.
    fn check(&self, graph: &Graph) -> Result<()> {
        for requirement in graph.lengths().requirements() {
            let (left, right) = (self.evaluate(&requirement.left), self.evaluate(&requirement.right));
            let (Some(left), Some(right)) = (left, right) else { continue };
            let holds = match requirement.relation {
                Relation::Equal => left == right,
                Relation::AtLeast => left >= right,
            };
            if !holds {
                let said = match requirement.relation {
                    Relation::Equal => "must be equal",
                    Relation::AtLeast => "must be at least the second",
                };
                return Err(Error::new(ErrorKind::Argument, format!("lengths do not fit in `{}`", requirement.op))
                    .at(requirement.source)
                    .explain(format!("`{}` is {left} and `{}` is {right} in this call; the first {said}", requirement.left, requirement.right))
                    .advise("give arrays whose lengths agree; nothing has been run or changed"));
            }
        }
        Ok(())
    }

    /// The lengths as given.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (Symbol, i64)>) -> Self {
        Sizes(pairs.into_iter().collect())
    }

    /// Each symbol with its length, in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (Symbol, i64)> {
        self.0.iter().map(|(&symbol, &length)| (symbol, length))
    }

    /// The number a length has.
    pub fn evaluate(&self, dim: &Dim) -> Option<i64> {
        dim.evaluate(&|symbol| self.0.get(&symbol).copied())
    }

    /// The number a length has, or a problem that names it.
    pub fn length(&self, dim: &Dim) -> Result<usize, Problem> {
        let length = self.evaluate(dim);
        length.and_then(|length| usize::try_from(length).ok()).ok_or_else(|| {
            Problem::shapes(match length {
                Some(negative) => format!("the length `{dim}` is {negative} here, which is negative"),
                None => format!("the length `{dim}` is not known: no input has it"),
            })
        })
    }

    /// All numbers of a shape.
    pub fn shape(&self, dims: &Dims) -> Result<Vec<usize>, Problem> {
        dims.iter().map(|dim| self.length(dim)).collect()
    }
}

fn input_name(graph: &Graph, place: usize) -> String {
    graph.inputs().get(place).and_then(|&node| graph.input(node)).map_or_else(|| place.to_string(), |input| input.name.clone())
}

fn argument_error(graph: &Graph, place: usize, message: String) -> Error {
    let node = graph.inputs()[place];
    Error::new(ErrorKind::Argument, format!("the array given for `{}` does not fit its declaration", input_name(graph, place)))
        .at(graph.node(node).provenance().source)
        .explain(message)
        .advise("give an array of the declared shape; nothing has been run or changed")
}
