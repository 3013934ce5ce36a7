//! What a graph has learned about unknown lengths: which must be equal, and the user's line that asks for it.

use std::collections::BTreeMap;
use std::fmt;

use crate::dim::Dim;
use crate::error::Problem;
use crate::source::Source;
use crate::symbol::Symbol;
use crate::types::Dims;

/// How two lengths must compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Relation {
    /// The left is the right.
    Equal,
    /// The left is the right or longer.
    AtLeast,
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Relation::Equal => "==",
            Relation::AtLeast => ">=",
        })
    }
}

/// Something the lengths of a call must satisfy, checked once before anything runs.
#[derive(Clone, Debug)]
pub struct Requirement {
    /// One length.
    pub left: Dim,
    /// How it must compare.
    pub relation: Relation,
    /// With this one.
    pub right: Dim,
    /// The op that asks.
    pub op: String,
    /// The user's line that asks.
    pub source: Option<Source>,
}

/// Requirements compare by what they demand, not by who asked first.
impl PartialEq for Requirement {
    fn eq(&self, other: &Self) -> bool {
        (&self.left, self.relation, &self.right) == (&other.left, other.relation, &other.right)
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.left, self.relation, self.right)
    }
}

/// The knowledge itself: a substitution that makes equal lengths look equal, and the list of requirements behind it.
#[derive(Clone, Debug, Default)]
pub struct Lengths {
    known_as: BTreeMap<Symbol, Dim>,
    requirements: Vec<Requirement>,
    /// Who is asking at the moment: the op and its line.
    pub(crate) asker: (&'static str, Option<Source>),
}

impl PartialEq for Lengths {
    fn eq(&self, other: &Self) -> bool {
        self.requirements == other.requirements
    }
}

impl Lengths {
    /// What the lengths of a call must satisfy, in the order it was found out.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// The length as far as it is known: symbols that must equal something are replaced by it.
    pub fn resolve(&self, dim: &Dim) -> Dim {
        if dim.known().is_some() || self.known_as.is_empty() {
            return dim.clone();
        }
        dim.substitute(&|symbol| self.known_as.get(&symbol).map(|known| self.resolve(known)))
    }

    /// All lengths, resolved.
    pub fn resolve_all(&self, dims: &Dims) -> Dims {
        dims.iter().map(|dim| self.resolve(dim)).collect()
    }

    /// Whether the two are known to be the same in every call.
    pub fn same(&self, left: &Dim, right: &Dim) -> bool {
        left == right || self.resolve(left) == self.resolve(right)
    }

    /// Demands that the two be equal, and gives the length they share; `None` if they never are.
    pub fn unify(&mut self, left: &Dim, right: &Dim) -> Option<Dim> {
        if left == right {
            return Some(left.clone());
        }
        let (left, right) = (self.resolve(left), self.resolve(right));
        if left == right {
            return Some(left);
        }
        if (left.clone() - right.clone()).known().is_some() {
            return None;
        }
        self.require(left.clone(), Relation::Equal, right.clone());
        // A symbol stands for the other side from now on; a number is the best thing to stand for.
        let (symbol, meaning) = match (left.symbol(), right.symbol()) {
            (Some(symbol), _) if right.known().is_some() => (symbol, right.clone()),
            (_, Some(symbol)) if !left.symbols().contains(&symbol) => (symbol, left.clone()),
            (Some(symbol), _) if !right.symbols().contains(&symbol) => (symbol, right.clone()),
            _ => return Some(left),
        };
        self.known_as.insert(symbol, meaning.clone());
        Some(meaning)
    }

    /// Demands that the first be no shorter than the second; `false` if it always is.
    pub fn at_least(&mut self, left: &Dim, right: &Dim) -> bool {
        let (left, right) = (self.resolve(left), self.resolve(right));
        let difference = left.clone() - right.clone();
        if let Some(difference) = difference.known() {
            return difference >= 0;
        }
        if !difference.is_never_negative() {
            self.require(left, Relation::AtLeast, right);
        }
        true
    }

    /// Writes a requirement down, once.
    pub fn require(&mut self, left: Dim, relation: Relation, right: Dim) {
        let requirement = Requirement { left, relation, right, op: self.asker.0.to_owned(), source: self.asker.1 };
        if !self.requirements.contains(&requirement) {
            self.requirements.push(requirement);
        }
    }

    /// The knowledge behind a list of requirements, which stays as it is: read back from a text.
    pub(crate) fn restored(requirements: Vec<Requirement>) -> Lengths {
        let mut lengths = Lengths::default();
        for Requirement { left, relation, right, .. } in &requirements {
            if *relation == Relation::Equal {
                lengths.unify(left, right);
            }
        }
        Lengths { requirements, ..lengths }
    }

    /// Whether no lengths can meet the requirements, as far as their differences tell. Each op saw only what was known before it.
    pub(crate) fn contradict(&self) -> bool {
        self.requirements.iter().any(|Requirement { left, relation, right, .. }| {
            let difference = (self.resolve(left) - self.resolve(right)).known();
            difference.is_some_and(|difference| match relation {
                Relation::Equal => difference != 0,
                Relation::AtLeast => difference < 0,
            })
        })
    }

    /// Whether the requirements say that two shapes are the same in every call; where there can be no call, all of one rank are.
    pub(crate) fn agree(&self, left: &Dims, right: &Dims) -> bool {
        let demanded = |left: &Dim, right: &Dim| {
            let mut unified = self.clone();
            unified.unify(left, right).is_some() && unified.learned_beyond(self).is_empty()
        };
        left.len() == right.len()
            && (left.iter().zip(&**right).all(|(left, right)| self.same(left, right) || demanded(left, right)) || self.contradict())
    }

    /// The same list with all that follows from it: a requirement such as `n == n*m` says more once `n` is known.
    pub(crate) fn closed(&self) -> Lengths {
        let mut closed = self.clone();
        loop {
            let known = closed.known_as.len();
            for Requirement { left, right, .. } in self.requirements.iter().filter(|requirement| requirement.relation == Relation::Equal) {
                closed.unify(left, right);
            }
            if closed.known_as.len() == known {
                closed.requirements.clone_from(&self.requirements);
                return closed;
            }
        }
    }

    /// The requirements that were added to a copy of `listed`, without those it says already in other words.
    pub(crate) fn learned_beyond(&self, listed: &Lengths) -> Vec<Requirement> {
        let resolved = |requirement: &Requirement| (listed.resolve(&requirement.left), requirement.relation, listed.resolve(&requirement.right));
        let said: Vec<(Dim, Relation, Dim)> = listed.requirements.iter().map(resolved).collect();
        let is_said = |requirement: &&Requirement| {
            let (left, relation, right) = resolved(requirement);
            let mirrored = (right.clone(), relation, left.clone());
            said.contains(&(left, relation, right)) || relation == Relation::Equal && said.contains(&mirrored)
        };
        if listed.contradict() {
            return Vec::new();
        }
        self.requirements.iter().skip(listed.requirements.len()).filter(|requirement| !is_said(requirement)).cloned().collect()
    }

    /// Broadcasts shapes against each other, aligned at the last axis: only a length known to be 1 stretches.
    pub fn broadcast(&mut self, shapes: &[&Dims]) -> Result<Dims, Problem> {
        let rank = shapes.iter().map(|dims| dims.len()).max().unwrap_or(0);
        let mut result: Vec<Dim> = vec![Dim::from(1); rank];
        for dims in shapes {
            let offset = rank - dims.len();
            for (axis, dim) in dims.iter().enumerate() {
                let slot = &mut result[offset + axis];
                if slot.is_one() {
                    *slot = dim.clone();
                } else if !dim.is_one() {
                    *slot = self.unify(slot, dim).ok_or_else(|| {
                        Problem::shapes(format!(
                            "the lengths {slot} and {dim} of axis {} (counted from the last, which is 1) differ and neither is 1",
                            rank - offset - axis
                        ))
                    })?;
                }
            }
        }
        Ok(result.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dim(name: &str) -> Dim {
        Dim::from(Symbol::new(name))
    }

    #[test]
    fn unknown_lengths_unify_and_stay_unified() {
        let mut lengths = Lengths::default();
        assert_eq!(lengths.unify(&dim("n"), &dim("m")), Some(dim("n")));
        assert_eq!(lengths.unify(&dim("m"), &Dim::from(5)), Some(Dim::from(5)));
        assert!(lengths.same(&dim("n"), &Dim::from(5)));
        assert_eq!(lengths.unify(&dim("n"), &Dim::from(6)), None);
        assert_eq!(lengths.requirements().iter().map(ToString::to_string).collect::<Vec<_>>(), ["n == m", "n == 5"]);
    }

    #[test]
    fn only_a_known_one_stretches() {
        let mut lengths = Lengths::default();
        let (row, matrix): (Dims, Dims) = ([Dim::from(1), dim("k")].into_iter().collect(), [dim("n"), Dim::from(3)].into_iter().collect());
        assert_eq!(lengths.broadcast(&[&row, &matrix]).unwrap().to_string(), "[n, 3]");
        let wrong: Dims = [4].into_iter().collect();
        assert!(lengths.broadcast(&[&matrix, &wrong]).is_err());
    }
}
