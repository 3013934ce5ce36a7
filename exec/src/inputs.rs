//! The arrays that a call reads: the caller's, and behind them the states'.

use damo_graph::AnyArray;

use crate::array::Argument;
use crate::layout::Layout;

/// One array per input of a graph, in order of declaration.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    arguments: &'a [&'a dyn Argument],
    states: &'a [AnyArray],
}

impl<'a> Inputs<'a> {
    /// The caller's arrays, and those of states.
    pub const fn new(arguments: &'a [&'a dyn Argument], states: &'a [AnyArray]) -> Self {
        Inputs { arguments, states }
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.arguments.len() + self.states.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The array for an input, if it is there.
    pub fn get(&self, place: usize) -> Option<&'a dyn Argument> {
        match place.checked_sub(self.arguments.len()) {
            None => self.arguments.get(place).copied(),
            Some(state) => self.states.get(state).map(|array| array as &dyn Argument),
        }
    }

    /// All arrays.
    pub fn iter(&self) -> impl Iterator<Item = &'a dyn Argument> + use<'a> {
        self.arguments.iter().copied().chain(self.states.iter().map(|array| array as &dyn Argument))
    }

    /// All shapes.
    pub(crate) fn shapes(&self) -> Vec<&'a [usize]> {
        self.iter().map(Argument::shape).collect()
    }

    /// How all lie in memory, each seen from its first element.
    pub(crate) fn layouts(&self) -> Vec<Layout> {
        self.iter().map(crate::cache::layout).collect()
    }
}
