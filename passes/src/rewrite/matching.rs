//! Finding the left side of a rule in a graph.

use damo_graph::op::scalar::{MUL, RECIP, Scalar};
use damo_graph::{Result, Value};
use smallvec::{SmallVec, smallvec};

use super::Rewriter;
use super::leaves::{Leaves, Places, Tree};
use super::pattern::{Flat, Part, Pattern};

/// What each variable stands for.
pub(super) type Bindings = [Option<Value>; 4];

/// One way to find a sum or a product.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub bindings: Bindings,
    /// The leaves that it takes.
    pub used: Places,
    /// How many times the pattern's sum is there.
    pub scale: Option<f64>,
    /// What is left over of the numbers of a product.
    pub factor: f64,
}

/// How many ways to find a pattern are followed at once.
const WAYS: usize = 24;

impl Rewriter<'_> {
    /// All ways in which a value looks like a pattern.
    pub(super) fn solve(&mut self, pattern: &Pattern, value: Value, bindings: Bindings) -> Result<SmallVec<[Bindings; 2]>> {
        Ok(match pattern {
            Pattern::Variable(variable) => bound(*variable, value, bindings),
            Pattern::Number(number) => {
                let is_it = self.uniform(value) == Some(super::rounding::rounded(*number, self.graph.ty(value).dtype));
                if is_it { smallvec![bindings] } else { smallvec![] }
            }
            Pattern::Apply(scalar, arguments) => {
                let Some((found, inputs)) = self.pointwise(value) else { return Ok(smallvec![]) };
                if found != *scalar {
                    return Ok(smallvec![]);
                }
                let mut ways = self.solve_all(arguments.iter().zip(inputs.iter().copied()), bindings)?;
                if scalar.commutes && inputs.len() == 2 && inputs[0] != inputs[1] {
                    ways.extend(self.solve_all(arguments.iter().zip(inputs.iter().rev().copied()), bindings)?);
                }
                ways
            }
            Pattern::Flat(flat) => {
                // A square: whatever is squared may be a product itself.
                let factors = self.is(value, &MUL).filter(|factors| factors[0] == factors[1]);
                if let (Some(variable), Some(factors)) = (flat.square(), factors) {
                    return Ok(bound(variable, factors[0], bindings));
                }
                if let Some((variable, opposite)) = flat.alone() {
                    return self.solve_alone(variable, opposite, value, bindings);
                }
                let leaves = self.leaves(flat.tree, value);
                if flat.parts.len() > leaves.items.len() {
                    return Ok(smallvec![]);
                }
                self.solve_flat(flat, &leaves, value, true, bindings)?.into_iter().map(|found| found.bindings).collect()
            }
        })
    }

    /// A change of sign, or a reciprocal, of a variable alone: everything is one of something, so it must be written as one.
    fn solve_alone(&mut self, variable: usize, opposite: &'static Scalar, value: Value, bindings: Bindings) -> Result<SmallVec<[Bindings; 2]>> {
        if let Some(stands_for) = bindings[variable] {
            return Ok(if self.apply(opposite, &[stands_for])? == value { smallvec![bindings] } else { smallvec![] });
        }
        Ok(match self.is(value, opposite) {
            Some(inputs) => bound(variable, inputs[0], bindings),
            None => smallvec![],
        })
    }

    fn solve_all<'p>(&mut self, pairs: impl Iterator<Item = (&'p Pattern, Value)>, bindings: Bindings) -> Result<SmallVec<[Bindings; 2]>> {
        let mut ways: SmallVec<[Bindings; 2]> = smallvec![bindings];
        for (pattern, value) in pairs {
            let mut next = SmallVec::new();
            for way in ways {
                next.extend(self.solve(pattern, value, way)?);
            }
            ways = next;
        }
        Ok(ways)
    }

    /// All ways in which leaves are a sum or a product of a pattern; if not `whole`, leaves may be left over.
    pub(super) fn solve_flat(&mut self, flat: &Flat, leaves: &Leaves, root: Value, whole: bool, bindings: Bindings) -> Result<SmallVec<[Found; 2]>> {
        if flat.needs & !leaves.functions != 0 {
            return Ok(smallvec![]);
        }
        let mut ways: SmallVec<[Found; 2]> = smallvec![Found { bindings, used: 0, scale: whole.then_some(1.0), factor: 1.0 }];
        for part in &flat.parts {
            let mut next = SmallVec::new();
            for way in ways {
                match part.pattern {
                    Pattern::Variable(variable) if flat.takes_rest(variable) && way.bindings[variable].is_none() => {
                        next.extend(self.take_rest(flat, part, variable, leaves, root, way)?);
                    }
                    Pattern::Variable(_) | Pattern::Number(_) | Pattern::Flat(_) | Pattern::Apply(..) => {
                        self.take_part(part, leaves, way, &mut next)?;
                    }
                }
            }
            ways = next;
            ways.truncate(WAYS);
        }
        let all = leaves.all();
        let mut complete = SmallVec::new();
        for way in ways {
            complete.extend(take_numbers(flat, leaves, whole, way).filter(|way| !whole || way.used == all));
        }
        Ok(complete)
    }

    /// The ways in which one of the leaves that are left is a part.
    fn take_part(&mut self, part: &Part, leaves: &Leaves, way: Found, next: &mut SmallVec<[Found; 2]>) -> Result<()> {
        let before = next.len();
        for (place, value, weight) in leaves.values().filter(|(place, ..)| way.used >> place & 1 == 0) {
            let Some(scale) = scale(leaves.tree, part.weight, weight, way.scale) else { continue };
            for bindings in self.solve(&part.pattern, value, way.bindings)? {
                next.push(Found { bindings, used: way.used | 1 << place, scale, ..way });
            }
        }
        if let (Pattern::Variable(variable), true) = (&part.pattern, next.len() == before) {
            next.extend(self.take_tree(way.bindings[*variable], part, leaves, way));
        }
        Ok(())
    }

    /// The leaves of what a variable stands for, all of them, among the leaves that are left.
    fn take_tree(&mut self, stands_for: Option<Value>, part: &Part, leaves: &Leaves, mut way: Found) -> Option<Found> {
        let own = self.leaves(leaves.tree, stands_for?);
        if own.items.len() < 2 || own.numbers() != 0 {
            return None;
        }
        for (_, wanted, own_weight) in own.values() {
            let (place, scale) = leaves
                .values()
                .filter(|(place, value, _)| way.used >> place & 1 == 0 && *value == wanted)
                .find_map(|(place, _, weight)| scale(leaves.tree, part.weight * own_weight, weight, way.scale).map(|scale| (place, scale)))?;
            way.used |= 1 << place;
            way.scale = scale;
        }
        Some(way)
    }

    /// A variable that stands alone takes what the other parts left.
    fn take_rest(&mut self, flat: &Flat, part: &Part, variable: usize, leaves: &Leaves, root: Value, way: Found) -> Result<Option<Found>> {
        let numbers = leaves.numbers();
        // A number that is not a sign must be there as it is: dividing by it would round.
        let asks_for_number = flat.tree == Tree::Product && flat.constant.abs() != 1.0;
        let asked_for = super::rounding::rounded(flat.constant, leaves.dtype);
        if asks_for_number && leaves.constant() != Some(asked_for) {
            return Ok(None);
        }
        let takes_numbers = if flat.tree == Tree::Sum { flat.constant == 0.0 } else { !asks_for_number };
        let dropped = if takes_numbers { way.used } else { way.used | numbers };
        if leaves.all() & !dropped == 0 {
            return Ok(None);
        }
        let factor = match flat.tree {
            Tree::Sum => 1.0 / (way.scale.unwrap_or(1.0) * part.weight),
            Tree::Product if asks_for_number => 1.0,
            Tree::Product => flat.constant,
        };
        // Any other factor would round.
        if factor.abs() != 1.0 {
            return Ok(None);
        }
        if flat.tree == Tree::Sum && !takes_numbers && leaves.constant() != Some(flat.constant * way.scale.unwrap_or(1.0)) {
            return Ok(None);
        }
        let Some(mut rest) = self.without(flat.tree, root, dropped)? else { return Ok(None) };
        if flat.tree == Tree::Product && part.weight < 0.0 {
            rest = self.apply(&RECIP, &[rest])?;
        }
        rest = self.scaled(rest, factor)?;
        let mut bindings = way.bindings;
        bindings[variable] = Some(rest);
        Ok(Some(Found { bindings, used: leaves.all(), ..way }))
    }
}

/// Accounts for the numbers among the leaves: what the pattern asks for must be there.
fn take_numbers(flat: &Flat, leaves: &Leaves, whole: bool, mut way: Found) -> Option<Found> {
    let numbers = leaves.numbers();
    if way.used & numbers == numbers && numbers != 0 {
        return Some(way);
    }
    let scale = way.scale.unwrap_or(1.0);
    match flat.tree {
        Tree::Sum if flat.constant != 0.0 => {
            if leaves.constant() != Some(flat.constant * scale) {
                return None;
            }
            way.used |= numbers;
        }
        Tree::Product if whole => {
            if leaves.constant() != Some(flat.constant) {
                return None;
            }
            way.used |= numbers;
        }
        Tree::Product => way.factor = 1.0 / flat.constant,
        Tree::Sum => {}
    }
    Some(way)
}

/// How many times the pattern's sum is there, seen from one of its parts; products only fit as they are.
#[allow(clippy::option_option, reason = "whether it fits, and what is known then")]
fn scale(tree: Tree, pattern: f64, leaf: f64, known: Option<f64>) -> Option<Option<f64>> {
    match tree {
        Tree::Product => (pattern == leaf).then_some(known),
        Tree::Sum => {
            let scale = leaf / pattern;
            (scale * pattern == leaf && known.is_none_or(|known| known == scale)).then_some(Some(scale))
        }
    }
}

fn bound(variable: usize, value: Value, mut bindings: Bindings) -> SmallVec<[Bindings; 2]> {
    match bindings[variable] {
        Some(stands_for) if stands_for == value => smallvec![bindings],
        Some(_) => smallvec![],
        None => {
            bindings[variable] = Some(value);
            smallvec![bindings]
        }
    }
}
