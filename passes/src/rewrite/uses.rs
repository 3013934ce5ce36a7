//! What else needs a value: what a rule asks that would otherwise do work twice.

use damo_graph::{Graph, NodeId, Value};
use slotmap::SecondaryMap;

use super::Rewriter;
use crate::rebuild::ancestors;

/// Which node of a program reads the results of each node, if it is the only one.
///
/// Of a node that came later nothing is known until it stands for one of the program.
#[derive(Clone, Debug, Default)]
pub(super) struct Uses {
    /// The only reader; `None` of a node that is an output or has several.
    readers: SecondaryMap<NodeId, Option<NodeId>>,
    /// The node of the program that a later one stands for.
    stands_for: SecondaryMap<NodeId, NodeId>,
    /// The node in whose turn a node was found to be needed by nothing that stays.
    gone_for: SecondaryMap<NodeId, NodeId>,
    turn: NodeId,
}

impl Uses {
    /// The uses in what outputs are computed from.
    pub fn of(graph: &Graph, outputs: &[Value]) -> Uses {
        let mut uses = Uses::default();
        for id in ancestors(graph, outputs.iter().copied()) {
            for input in graph.node(id).inputs() {
                uses.read(input.node, Some(id));
            }
        }
        for output in outputs {
            uses.read(output.node, None);
        }
        uses
    }

    fn read(&mut self, node: NodeId, by: Option<NodeId>) {
        let Some(entry) = self.readers.entry(node) else { return };
        entry.and_modify(|reader| *reader = reader.filter(|reader| Some(*reader) == by)).or_insert(by);
    }

    /// The turn of a node of the program: what replaces it needs it no more.
    pub fn begin(&mut self, turn: NodeId) {
        self.turn = turn;
        self.gone_for.insert(turn, turn);
    }

    /// What reads a node reads what stands for it.
    pub fn moved(&mut self, from: NodeId, to: NodeId) {
        let Some(&reader) = self.readers.get(from).filter(|_| from != to) else { return };
        if !self.readers.contains_key(to) {
            self.stands_for.insert(to, from);
        }
        self.read(to, reader);
    }

    /// Whether only the node whose turn it is needs a value, itself or through others that only it needs.
    pub fn is_only_for_turn(&mut self, node: NodeId) -> bool {
        let Some(&Some(reader)) = self.readers.get(node) else { return false };
        let is_gone = self.gone_for.get(reader) == Some(&self.turn);
        if is_gone {
            for gone in [Some(node), self.stands_for.get(node).copied()].into_iter().flatten() {
                self.gone_for.insert(gone, self.turn);
            }
        }
        is_gone
    }
}

/// How deep a value may be taken apart: rules that do so call each other, as deep as it is.
const DEPTH: usize = 64;
/// How many nodes of it are looked at.
const NODES: usize = 256;

impl Uses {
    /// Whether what only this node needs, and what only that needs, ends before it is too deep.
    fn is_shallow(&self, graph: &Graph, node: NodeId) -> bool {
        let (mut level, mut seen) = (vec![node], 0);
        for _ in 0..DEPTH {
            let mut next = Vec::new();
            for &reader in &level {
                let of_program = self.stands_for.get(reader).copied().unwrap_or(reader);
                let is_own = |input: &Value| self.readers.get(input.node).is_some_and(|only| *only == Some(reader) || *only == Some(of_program));
                next.extend(graph.node(reader).inputs().iter().filter(|input| is_own(input)).map(|input| input.node));
            }
            seen += next.len();
            if next.is_empty() {
                return true;
            }
            if seen > NODES {
                return false;
            }
            level = next;
        }
        false
    }
}

impl Rewriter<'_> {
    /// Whether a value may be taken apart by rules that go on with what it is made of: it is not deep.
    pub fn is_shallow(&self, value: Value) -> bool {
        self.uses.as_ref().is_some_and(|uses| uses.is_shallow(self.graph, value.node))
    }

    /// It also knows that these values and what they are computed from are the whole program: rules may take apart what nothing else needs.
    #[must_use]
    pub fn counting(mut self, outputs: &[Value]) -> Self {
        self.uses = Some(Uses::of(self.graph, outputs));
        self
    }

    /// Whether only the node whose turn it is needs a value, itself or through others that were asked for and only it needs: then the
    /// value may be computed in another way, and nothing is computed twice.
    pub fn is_only_use(&mut self, value: Value) -> bool {
        let is_only = self.looks_through(value);
        self.held_back |= !is_only && self.uses.is_some();
        is_only
    }

    /// The same, of a value that a rule replaces whatever else needs it: what it is made of may be needed by nothing else then.
    pub fn looks_through(&mut self, value: Value) -> bool {
        self.uses.as_mut().is_some_and(|uses| uses.is_only_for_turn(value.node))
    }

    /// Whether a rule was held back because something else needs what it would take apart.
    ///
    /// That may have changed when the program is rewritten again.
    pub fn was_held_back(&self) -> bool {
        self.held_back
    }
}
