//! Sums and products seen flat: the leaves of a tree of additions or of multiplications, and the tree without some of them.
//!
//! Nothing is put in another order: a tree that loses leaves keeps its shape.

use std::rc::Rc;

use damo_graph::op::scalar::{ADD, DIV, MUL, NEG, RECIP, SUB};
use damo_graph::{DType, Result, Value};
use slotmap::Key as _;
use smallvec::SmallVec;

use super::Rewriter;
use super::pattern::bit;
use super::rounding::{exact_product, exact_sum, rounded};

/// Which trees are walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tree {
    /// Additions, subtractions, changes of sign, products with a number.
    Sum,
    /// Multiplications, divisions, reciprocals, changes of sign.
    Product,
}

/// How many leaves a tree is taken apart into; what lies deeper is a leaf of its own.
///
/// This keeps rewriting linear in the size of the graph.
pub(super) const MOST: usize = 16;

/// A leaf of a tree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leaf {
    /// What is added or multiplied; of a change of sign in a product there is only the number.
    pub value: Option<Value>,
    /// What it is multiplied with in a sum; its exponent (1 or −1) in a product.
    pub weight: f64,
    /// The number that it is everywhere, if it is.
    pub number: Option<f64>,
}

/// The leaves of a tree, from left to right.
#[derive(Clone, Debug)]
pub struct Leaves {
    /// Which tree.
    pub tree: Tree,
    /// The leaves.
    pub items: SmallVec<[Leaf; 8]>,
    /// The element type.
    pub dtype: DType,
    /// The functions of the table among the leaves, as bits.
    pub(super) functions: u128,
}

/// What leaves are known of: the value, the tree, and whether factors must not round.
type Of = (Value, Tree, bool);

/// The leaves that were looked for last.
#[derive(Debug)]
pub(super) struct KnownLeaves(Vec<Option<(Of, Rc<Leaves>)>>);

impl Default for KnownLeaves {
    fn default() -> Self {
        KnownLeaves(vec![None; 256])
    }
}

impl KnownLeaves {
    /// The only place for these leaves.
    fn place(&mut self, (value, tree, exactly): Of) -> &mut Option<(Of, Rc<Leaves>)> {
        let at = 4 * value.node.data().as_ffi() as usize + 2 * usize::from(tree == Tree::Sum) + usize::from(exactly);
        let count = self.0.len();
        &mut self.0[at % count]
    }
}

/// Leaves by their places, as bits.
pub type Places = u32;

impl Leaves {
    /// The leaves that are not numbers.
    pub fn values(&self) -> impl Iterator<Item = (usize, Value, f64)> + '_ {
        self.items.iter().enumerate().filter(|(_, leaf)| leaf.number.is_none()).filter_map(|(place, leaf)| Some((place, leaf.value?, leaf.weight)))
    }

    /// The places of the leaves that are numbers.
    pub fn numbers(&self) -> Places {
        self.items.iter().enumerate().filter(|(_, leaf)| leaf.number.is_some()).fold(0, |places, (place, _)| places | 1 << place)
    }

    /// Whether the numbers are of a size that may be moved about in a product without much risk that what is left overflows or vanishes.
    pub fn has_moderate_numbers(&self) -> bool {
        let moderate = 2f64.powi(-20)..=2f64.powi(20);
        self.items.iter().filter_map(|leaf| leaf.number).all(|number| moderate.contains(&number.abs()))
    }

    /// The places of all leaves.
    pub fn all(&self) -> Places {
        (1 << self.items.len()) - 1
    }

    /// All numbers together: their sum, or their product. `None` if that takes rounding.
    pub fn constant(&self) -> Option<f64> {
        let mut constants = self.items.iter().filter_map(|leaf| Some((leaf.number?, leaf.weight)));
        match self.tree {
            Tree::Sum => constants.try_fold(0.0, |sum, (number, weight)| exact_sum(sum, exact_product(number, weight, self.dtype)?, self.dtype)),
            Tree::Product => constants.try_fold(1.0, |product, (number, exponent)| {
                if exponent > 0.0 {
                    exact_product(product, number, self.dtype)
                } else {
                    exact_product(product, exact_reciprocal(number, self.dtype)?, self.dtype)
                }
            }),
        }
    }
}

/// 1/x, if x is a power of two.
fn exact_reciprocal(number: f64, dtype: DType) -> Option<f64> {
    let reciprocal = 1.0 / number;
    (reciprocal * number == 1.0 && f64::mul_add(reciprocal, number, -1.0) == 0.0 && rounded(reciprocal, dtype) == reciprocal).then_some(reciprocal)
}

/// A tree that is being built again without some of its leaves.
struct Rebuilding {
    tree: Tree,
    exactly: bool,
    dropped: Places,
    /// The place of a leaf that is multiplied with a number.
    scaled: Option<(usize, f64)>,
    /// The place of the next leaf.
    place: usize,
    /// What is left of a quotient that lost what is divided.
    reciprocal: Option<Value>,
}

impl Rebuilding {
    /// Steps over the next leaf; whether it stays.
    fn keeps_next(&mut self) -> bool {
        self.place += 1;
        self.dropped >> (self.place - 1) & 1 == 0
    }
}

/// How a node branches in a tree.
pub(super) enum Branch {
    /// Two branches, the second with a factor (of a sum) or an exponent (of a product).
    Two(Value, Value, f64),
    /// One branch, with a factor or exponent.
    One(Value, f64),
    /// The branch of a change of sign in a product.
    Negated(Value),
    /// No branch.
    Leaf,
}

impl Rewriter<'_> {
    /// The leaves of the tree that a value is the root of.
    pub fn leaves(&mut self, tree: Tree, value: Value) -> Rc<Leaves> {
        self.leaves_to(tree, value, true)
    }

    /// The same, where the factors of a sum may have been rounded in `f64`.
    pub fn rounded_leaves(&mut self, value: Value) -> Rc<Leaves> {
        self.leaves_to(Tree::Sum, value, false)
    }

    fn leaves_to(&mut self, tree: Tree, value: Value, exactly: bool) -> Rc<Leaves> {
        let of = (value, tree, exactly);
        if let Some((_, leaves)) = self.known_leaves.place(of).as_ref().filter(|(known, _)| *known == of) {
            return Rc::clone(leaves);
        }
        let mut leaves = Leaves { tree, items: SmallVec::new(), dtype: self.graph.ty(value).dtype, functions: 0 };
        self.walk(value, 1.0, exactly, MOST, &mut leaves);
        leaves.functions = leaves.values().fold(0, |functions, (_, value, _)| functions | self.function(value).map_or(0, bit));
        // Nodes never change, nor do their leaves.
        let leaves = Rc::new(leaves);
        *self.known_leaves.place(of) = Some((of, Rc::clone(&leaves)));
        leaves
    }

    /// Adds the leaves of a branch, at most as many as there is room for.
    fn walk(&mut self, value: Value, weight: f64, exactly: bool, room: usize, leaves: &mut Leaves) {
        if let Some(number) = self.uniform(value) {
            leaves.items.push(Leaf { value: Some(value), weight, number: Some(number) });
            return;
        }
        let branch = if room < 2 { Branch::Leaf } else { self.branch(leaves.tree, value, weight, exactly) };
        match branch {
            Branch::Two(left, right, factor) => {
                let before = leaves.items.len();
                self.walk(left, weight, exactly, room - 1, leaves);
                let used = leaves.items.len() - before;
                self.walk(right, weight * factor, exactly, room - used, leaves);
            }
            Branch::One(only, factor) => self.walk(only, weight * factor, exactly, room - 1, leaves),
            Branch::Negated(only) => {
                leaves.items.push(Leaf { value: None, weight: 1.0, number: Some(-1.0) });
                self.walk(only, weight, exactly, room - 1, leaves);
            }
            Branch::Leaf => leaves.items.push(Leaf { value: Some(value), weight, number: None }),
        }
    }

    pub(super) fn branch(&mut self, tree: Tree, value: Value, weight: f64, exactly: bool) -> Branch {
        let dtype = self.graph.ty(value).dtype;
        let Some(scalar) = self.function(value) else { return Branch::Leaf };
        let inputs = self.graph.node(value.node).inputs();
        let [first, second] = [inputs[0], inputs.get(1).copied().unwrap_or(inputs[0])];
        let divides = dtype.is_float();
        match tree {
            Tree::Sum if scalar == &ADD => Branch::Two(first, second, 1.0),
            Tree::Sum if scalar == &SUB => Branch::Two(first, second, -1.0),
            Tree::Sum if scalar == &NEG => Branch::One(first, -1.0),
            Tree::Sum if scalar == &MUL => {
                let (only, number) = match (self.uniform(first), self.uniform(second)) {
                    (Some(number), None) => (second, number),
                    (None, Some(number)) => (first, number),
                    (Some(_), Some(_)) | (None, None) => return Branch::Leaf,
                };
                let product = if exactly { exact_product(weight, number, dtype) } else { Some(weight * number) };
                if product.is_some_and(f64::is_normal) { Branch::One(only, number) } else { Branch::Leaf }
            }
            Tree::Sum if scalar == &DIV && divides => {
                let Some(reciprocal) = self.uniform(second).and_then(|number| exact_reciprocal(number, dtype)) else { return Branch::Leaf };
                let product = if exactly { exact_product(weight, reciprocal, dtype) } else { Some(weight * reciprocal) };
                if product.is_some_and(f64::is_normal) { Branch::One(first, reciprocal) } else { Branch::Leaf }
            }
            Tree::Product if scalar == &MUL => Branch::Two(first, second, 1.0),
            // x / x knows whether x is 0 or infinite, and stays together.
            Tree::Product if scalar == &DIV && divides && first != second => Branch::Two(first, second, -1.0),
            Tree::Product if scalar == &RECIP && divides => Branch::One(first, -1.0),
            Tree::Product if scalar == &NEG => Branch::Negated(first),
            Tree::Sum | Tree::Product => Branch::Leaf,
        }
    }

    /// The tree without some of its leaves; `None` if none is left.
    pub fn without(&mut self, tree: Tree, value: Value, dropped: Places) -> Result<Option<Value>> {
        self.without_to(tree, value, dropped, true)
    }

    /// The same for places of [`rounded_leaves`](Self::rounded_leaves).
    pub fn without_rounded(&mut self, value: Value, dropped: Places) -> Result<Option<Value>> {
        self.without_to(Tree::Sum, value, dropped, false)
    }

    /// A product without its numbers, one of its leaves multiplied with a number.
    pub(super) fn without_numbers(&mut self, value: Value, numbers: Places, scaled: Option<(usize, f64)>) -> Result<Option<Value>> {
        let mut rebuilding = Rebuilding { tree: Tree::Product, exactly: true, dropped: numbers, scaled, place: 0, reciprocal: None };
        self.rebuild(value, 1.0, MOST, &mut rebuilding)
    }

    fn without_to(&mut self, tree: Tree, value: Value, dropped: Places, exactly: bool) -> Result<Option<Value>> {
        let mut rebuilding = Rebuilding { tree, exactly, dropped, scaled: None, place: 0, reciprocal: None };
        self.rebuild(value, 1.0, MOST, &mut rebuilding)
    }

    /// Walks as [`walk`](Self::walk) does, so that leaves have the same places.
    fn rebuild(&mut self, value: Value, weight: f64, room: usize, of: &mut Rebuilding) -> Result<Option<Value>> {
        if self.uniform(value).is_some() {
            return Ok(of.keeps_next().then_some(value));
        }
        let branch = if room < 2 { Branch::Leaf } else { self.branch(of.tree, value, weight, of.exactly) };
        match branch {
            Branch::Two(left, right, factor) => {
                let before = of.place;
                let kept_left = self.rebuild(left, weight, room - 1, of)?;
                let kept_right = self.rebuild(right, weight * factor, room - (of.place - before), of)?;
                match (kept_left, kept_right) {
                    (Some(kept_left), Some(kept_right)) if (kept_left, kept_right) == (left, right) => Ok(Some(value)),
                    (Some(kept_left), Some(kept_right)) if of.tree == Tree::Product && factor > 0.0 && of.reciprocal == Some(kept_right) => {
                        self.times(kept_right, kept_left).map(Some)
                    }
                    (Some(kept_left), Some(kept_right)) => {
                        let scalar = match (of.tree, factor > 0.0) {
                            (Tree::Sum, true) => &ADD,
                            (Tree::Sum, false) => &SUB,
                            (Tree::Product, true) => &MUL,
                            (Tree::Product, false) => &DIV,
                        };
                        self.apply(scalar, &[kept_left, kept_right]).map(Some)
                    }
                    (Some(only), None) => Ok(Some(only)),
                    (None, Some(only)) if factor > 0.0 => Ok(Some(only)),
                    (None, Some(only)) if of.tree == Tree::Sum => self.apply(&NEG, &[only]).map(Some),
                    (None, Some(only)) => {
                        of.reciprocal = Some(self.apply(&RECIP, &[only])?);
                        Ok(of.reciprocal)
                    }
                    (None, None) => Ok(None),
                }
            }
            Branch::One(only, factor) => match self.rebuild(only, weight * factor, room - 1, of)? {
                Some(kept) if kept == only => Ok(Some(value)),
                Some(kept) if of.tree == Tree::Product => self.apply(&RECIP, &[kept]).map(Some),
                Some(kept) => self.scaled(kept, factor).map(Some),
                None => Ok(None),
            },
            Branch::Negated(only) => {
                let keeps_sign = of.keeps_next();
                match self.rebuild(only, weight, room - 1, of)? {
                    Some(kept) if keeps_sign && kept == only => Ok(Some(value)),
                    Some(kept) if keeps_sign => self.apply(&NEG, &[kept]).map(Some),
                    Some(kept) => Ok(Some(kept)),
                    None if keeps_sign => self.number(self.graph.ty(value).dtype, -1.0).map(Some),
                    None => Ok(None),
                }
            }
            Branch::Leaf => match of.scaled.filter(|(place, _)| *place == of.place) {
                Some((_, factor)) if of.keeps_next() => self.scaled(value, factor).map(Some),
                Some(_) => Ok(None),
                None => Ok(of.keeps_next().then_some(value)),
            },
        }
    }

    /// The value times a number.
    pub fn scaled(&mut self, value: Value, factor: f64) -> Result<Value> {
        if factor == 1.0 {
            Ok(value)
        } else if factor == -1.0 {
            self.apply(&NEG, &[value])
        } else {
            let number = self.number(self.graph.ty(value).dtype, factor)?;
            self.apply(&MUL, &[number, value])
        }
    }
}
