//! Factors and a sum that follow a product become part of it: `alpha · left · right + beta · addend` is one step.
//!
//! A nest that reads a product, and nothing else does, goes into it, where all it does is to scale by numbers and to add one array; so do
//! nests that only scale that array. Products are never computed twice.
//!
//! A sum that a further nest reads stays a nest, because it becomes one with its reader: that costs less than a product which adds.

mod linear;

use std::collections::{BTreeMap, BTreeSet};

use smallvec::SmallVec;

use crate::choice::Choice;
use crate::draft::{Draft, DraftStep, Origin, users};
use crate::layout::Shape;
use crate::loops::{parts, pruned, seen_through, tidy};
use crate::nest::{Access, BufferId, Nest};
use crate::step::{Addend, Contraction, Matrix, Step};
use linear::{Term, factor, stored};

/// A number that is computed from numbers is followed through so many steps.
const DEEPEST_NUMBER: usize = 8;

/// The same program with factors and sums absorbed into products.
pub(crate) fn absorb(draft: Draft, choice: &mut Choice) -> Draft {
    let mut absorption = Absorption::of(draft);
    // The last first: what it takes in makes it a reader of those before.
    let mut open: Vec<usize> = (0..absorption.steps.len()).filter(|&place| absorption.product(place).is_some()).collect();
    choice.order(&mut open);
    while let Some(place) = open.pop() {
        if let Some(growth) = absorption.longest(place, choice) {
            open.extend(absorption.grow(place, growth));
        }
    }
    absorption.draft.steps = absorption.steps.into_iter().flatten().collect();
    absorption.draft
}

/// A product with the steps that went into it.
#[derive(Clone)]
struct Growth {
    product: Contraction,
    /// The nests it does the work of, by their places.
    nests: Vec<usize>,
    /// The place of the last of them in the program, which it takes: all that it reads is there.
    end: usize,
}

struct Absorption {
    draft: Draft,
    /// The steps by their first places; `None` where one has gone into another.
    steps: Vec<Option<DraftStep>>,
    writers: Vec<BTreeSet<usize>>,
    readers: Vec<BTreeSet<usize>>,
    /// Products that could grow as far as a buffer, if only no nest read it.
    waiting: BTreeMap<BufferId, Vec<usize>>,
}

impl Absorption {
    fn of(mut draft: Draft) -> Self {
        let [writers, readers] = users(&draft);
        let steps = std::mem::take(&mut draft.steps).into_iter().map(Some).collect();
        Absorption { draft, steps, writers, readers, waiting: BTreeMap::new() }
    }

    fn product(&self, place: usize) -> Option<&Contraction> {
        self.steps[place].as_ref()?.step.as_product()
    }

    fn nest(&self, place: usize) -> Option<&Nest> {
        self.steps[place].as_ref()?.step.as_nest()
    }

    /// The only step that writes a buffer of the arena.
    fn only_writer(&self, buffer: BufferId) -> Option<usize> {
        let writers = &self.writers[buffer.index()];
        let passing = self.draft.buffers[buffer.index()].origin == Origin::Temporary;
        writers.first().copied().filter(|_| passing && writers.len() == 1)
    }

    /// The farthest that a product can grow, to where no nest reads on.
    fn longest(&mut self, place: usize, choice: &mut Choice) -> Option<Growth> {
        let mut growth = Growth { product: self.product(place)?.clone(), nests: Vec::new(), end: place };
        let mut best = None;
        while let Some(next) = self.further(&growth) {
            growth = next;
            let out = growth.product.out.buffer;
            let is_read_on = self.readers[out.index()].iter().any(|&reader| self.nest(reader).is_some());
            if is_read_on {
                self.waiting.entry(out).or_default().push(place);
            }
            if choice.does(!is_read_on) {
                best = Some((growth.product.clone(), growth.nests.len(), growth.end));
            }
        }
        let (product, count, end) = best?;
        growth.nests.truncate(count);
        Some(Growth { product, nests: growth.nests, end })
    }

    /// A product with the nest that reads it.
    fn further(&self, growth: &Growth) -> Option<Growth> {
        let product = &growth.product;
        let readers = &self.readers[product.out.buffer.index()];
        let reader = readers.first().copied().filter(|_| readers.len() == 1 && self.only_writer(product.out.buffer).is_some())?;
        let (shape, result) = (product.shape(), product.out_access());
        let nest = tidy(&pruned(self.nest(reader)?));
        let mut of_product = nest.operands.iter().filter(|operand| operand.buffer == result.buffer);
        let (Some(operand), None) = (of_product.next(), of_product.next()) else { return None };
        if operand.offset != result.offset {
            return None;
        }
        // The nest in the loops of the product.
        let nest = seen_through(&nest, &shape, &parts((&nest.shape, &operand.strides), (&shape, &result.strides))?)?;
        let mut nests = growth.nests.clone();
        nests.push(reader);
        let mut operands: Vec<(Access, Term)> = Vec::with_capacity(nest.operands.len());
        for access in &nest.operands {
            let term = if access.buffer == result.buffer {
                let addend = product.addend_access().zip(product.addend);
                let addend = addend.map(|(access, addend)| self.source((access, addend.beta), &shape, product, &mut nests));
                Term::Sum { product: Some(product.alpha), addend }
            } else if let Some(number) = self.number(access, &shape, product, DEEPEST_NUMBER) {
                Term::Number(number)
            } else {
                Term::addend(self.source((access.clone(), 1.0), &shape, product, &mut nests))
            };
            operands.push((access.clone(), term));
        }
        let term = stored(&nest, product.dtype, |access| operands.iter().find(|(known, _)| known == access).map(|(_, term)| term.clone()))?;
        let Term::Sum { product: Some(alpha), addend } = term else { return None };
        let mut grown = Contraction { alpha, addend: None, ..product.clone() };
        grown.out = matrix(&nest.stores[0].to);
        for (axis, &step) in grown.batch.iter_mut().zip(&nest.stores[0].to.strides) {
            axis.out = step;
        }
        if let Some((access, beta)) = addend {
            grown.addend = Some(Addend { matrix: matrix(&access), beta });
            for (axis, &step) in grown.batch.iter_mut().zip(&access.strides) {
                axis.addend = step;
            }
        }
        Some(Growth { product: grown, nests, end: reader })
    }

    /// The number that every element a nest reads there is, if it is computed from numbers alone.
    fn number(&self, access: &Access, shape: &Shape, product: &Contraction, depth: usize) -> Option<f64> {
        let still = shape.iter().zip(&access.strides).all(|(&length, &stride)| length == 1 || stride == 0);
        let nest = self.nest(self.only_writer(access.buffer).filter(|_| still && depth > 0)?)?;
        let read = |access: &Access| self.number(access, &nest.shape, product, depth - 1).map(Term::Number);
        match stored(nest, product.dtype, read).filter(|_| nest.count() == 1)? {
            Term::Number(number) => Some(number),
            Term::Sum { .. } => None,
        }
    }

    /// An array times a number, or what it is in terms of the array before nests that only scale it, for no other readers than these.
    fn source(&self, from: (Access, f64), shape: &Shape, product: &Contraction, nests: &mut Vec<usize>) -> (Access, f64) {
        let (mut access, mut beta) = from;
        while let Some((before, by, place)) = self.scaling(&access, shape, product, nests) {
            let Some(scaled) = factor(beta * by, product.dtype) else { break };
            (access, beta) = (before, scaled);
            if !nests.contains(&place) {
                nests.push(place);
            }
        }
        (access, beta)
    }

    /// The nest that writes an array for these readers alone, if all it does is to scale another: that other, the factor, and its place.
    fn scaling(&self, access: &Access, shape: &Shape, product: &Contraction, readers: &[usize]) -> Option<(Access, f64, usize)> {
        let place = self.only_writer(access.buffer).filter(|_| self.readers[access.buffer.index()].iter().all(|reader| readers.contains(reader)))?;
        let nest = tidy(&pruned(self.nest(place)?));
        let [store] = &nest.stores[..] else { return None };
        if store.to.offset != access.offset {
            return None;
        }
        let nest = seen_through(&nest, shape, &parts((&nest.shape, &store.to.strides), (shape, &access.strides))?)?;
        let read = |access: &Access| {
            let number = self.number(access, shape, product, DEEPEST_NUMBER).map(Term::Number);
            Some(number.unwrap_or_else(|| Term::addend((access.clone(), 1.0))))
        };
        match stored(&nest, product.dtype, read)? {
            Term::Sum { product: None, addend: Some((access, beta)) } => Some((access, beta, place)),
            Term::Number(_) | Term::Sum { .. } => None,
        }
    }

    /// Puts a product in the place of the nests that went into it. Gives the products that can grow now.
    fn grow(&mut self, place: usize, growth: Growth) -> Vec<usize> {
        let Growth { product, nests, end } = growth;
        let mut nodes: SmallVec<_> = SmallVec::new();
        let mut unread: BTreeSet<BufferId> = BTreeSet::new();
        for gone in nests.into_iter().chain([place]) {
            nodes.extend(self.steps[gone].iter().flat_map(|step| step.nodes.iter().copied()));
            unread.extend(self.remove(gone));
        }
        nodes.sort_unstable();
        nodes.dedup();
        let addend = product.addend.map(|addend| addend.matrix.buffer);
        let step = Step::Contract(product);
        for buffer in step.reads() {
            self.readers[buffer.index()].insert(end);
        }
        for buffer in step.writes() {
            self.writers[buffer.index()].insert(end);
        }
        self.steps[end] = Some(DraftStep { step, nodes });
        self.drop_unread(unread);
        addend.and_then(|buffer| self.waiting.remove(&buffer)).unwrap_or_default()
    }

    /// Takes a step out; gives what it read.
    fn remove(&mut self, place: usize) -> SmallVec<[BufferId; 4]> {
        let Some(step) = self.steps[place].take() else { return SmallVec::new() };
        let reads = step.step.reads();
        for buffer in &reads {
            self.readers[buffer.index()].remove(&place);
        }
        for buffer in step.step.writes() {
            self.writers[buffer.index()].remove(&place);
        }
        reads
    }

    /// Takes out the nests that computed only numbers which nobody reads any more.
    fn drop_unread(&mut self, mut open: BTreeSet<BufferId>) {
        while let Some(buffer) = open.pop_last() {
            if !self.readers[buffer.index()].is_empty() {
                continue;
            }
            let writer = self.only_writer(buffer).filter(|&place| self.nest(place).is_some_and(|nest| nest.written().count() == 1));
            if let Some(writer) = writer {
                open.extend(self.remove(writer));
            }
        }
    }
}

/// The matrix whose rows and columns are the two innermost loops of an access.
fn matrix(access: &Access) -> Matrix {
    let inner = |place: usize| access.strides.len().checked_sub(place).and_then(|place| access.strides.get(place)).copied().unwrap_or(0);
    Matrix { buffer: access.buffer, offset: access.offset, rows: inner(2), columns: inner(1) }
}
