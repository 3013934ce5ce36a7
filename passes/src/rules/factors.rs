//! Factors of what is summed, taken out of the sum or summed apart: another order of sums and products, which may overflow where the
//! first did not, and keeps fewer digits where terms cancel.

use damo_graph::op::dot::Dot;
use damo_graph::op::insert_axis::InsertAxis;
use damo_graph::op::reduce::{Reduce, Reduction};
use damo_graph::op::remove_axis::RemoveAxis;
use damo_graph::op::scalar::MUL;
use damo_graph::op::transpose::Transpose;
use damo_graph::{NodeId, Result, Value};

use super::rows::reduction_of;
use crate::rewrite::Rewriter;
use crate::rewrite::leaves::{Places, Tree};

crate::structural_rules! {
    /// Factors of what is summed.
    pub fn fast {
        /// A factor that is the same for all terms of a sum is multiplied with the sum; wrong where that overflows or vanishes.
        common_factor_of_sum, rounds(2.0), fast(), at(&["reduce"]);
        /// A sum of products that vary along different axes is a product of matrices; where terms cancel it keeps fewer digits.
        sum_of_products, rounds(4.0), fast(), at(&["reduce"]);
    }
}

/// Axes as bits, counted from the last, so that they are the same for values of fewer axes.
type Along = u64;

/// The axes along which a value varies.
fn along(rewriter: &Rewriter<'_>, value: Value) -> Along {
    let dims = rewriter.graph.ty(value).dims.iter().rev().take(64).enumerate();
    dims.filter(|(_, length)| !length.is_one()).fold(0, |along, (axis, _)| along | 1 << axis)
}

/// Axes from the last, ascending, as axes of a value of that rank.
fn from_first(along: Along, rank: usize) -> Vec<usize> {
    (0..rank).filter(|axis| along >> (rank - 1 - axis) & 1 == 1).collect()
}

/// A sum over axes of a product of floats.
struct SumOfProduct {
    terms: Value,
    rank: usize,
    axes: Along,
    /// The factors that are no numbers: their places, and the axes they vary along.
    factors: Vec<(Places, Along)>,
    numbers: Places,
}

impl SumOfProduct {
    fn of(rewriter: &mut Rewriter<'_>, value: Value) -> Option<SumOfProduct> {
        let (Reduction::Sum, axes, terms) = reduction_of(rewriter, value)? else { return None };
        let ty = rewriter.graph.ty(terms);
        let rank = ty.rank();
        if !ty.dtype.is_float() || rank > 64 {
            return None;
        }
        let axes = axes.iter().fold(0, |along: Along, axis| along | 1 << (rank - 1 - axis));
        let leaves = rewriter.leaves(Tree::Product, terms);
        let factors: Vec<_> = leaves.values().map(|(place, factor, _)| (1 << place, along(rewriter, factor))).collect();
        (factors.len() > 1).then(|| SumOfProduct { terms, rank, axes, factors, numbers: leaves.numbers() })
    }

    /// The product of some factors, without axes that none of them varies along; those it keeps are `kept`.
    fn only(&self, rewriter: &mut Rewriter<'_>, of: impl Fn(Along) -> bool, with_numbers: bool, kept: Along) -> Result<Option<Value>> {
        let others = self.factors.iter().filter(|(_, along)| !of(*along)).fold(0, |places, (place, _)| places | place);
        let dropped = if with_numbers { others } else { others | self.numbers };
        let Some(mut product) = rewriter.without(Tree::Product, self.terms, dropped)? else { return Ok(None) };
        let rank = rewriter.graph.ty(product).rank();
        for axis in from_first(!kept, rank).into_iter().rev() {
            product = rewriter.add(RemoveAxis { axis }, &[product])?;
        }
        Ok(Some(product))
    }
}

/// A sum over some of the axes that a value is left with.
fn summed(rewriter: &mut Rewriter<'_>, value: Value, kept: &[usize], over: impl Fn(usize) -> bool) -> Result<Value> {
    let axes: Vec<usize> = (0..kept.len()).filter(|&place| over(kept[place])).collect();
    if axes.is_empty() { Ok(value) } else { rewriter.add(Reduce { reduction: Reduction::Sum, axes: axes.as_slice().into() }, &[value]) }
}

fn common_factor_of_sum(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let Some(sum) = SumOfProduct::of(rewriter, node.into()) else { return Ok(None) };
    let is_common = |along: Along| along & sum.axes == 0;
    let all = sum.factors.iter().fold(0, |all, (_, along)| all | along);
    if sum.axes & !all != 0 || !sum.factors.iter().any(|(_, along)| is_common(*along)) {
        return Ok(None);
    }
    let Some(common) = sum.only(rewriter, is_common, false, !sum.axes)? else { return Ok(None) };
    let Some(rest) = sum.only(rewriter, |along| !is_common(along), true, Along::MAX)? else { return Ok(None) };
    let rank = rewriter.graph.ty(rest).rank();
    let axes = from_first(sum.axes, rank);
    let rest = rewriter.add(Reduce { reduction: Reduction::Sum, axes: axes.as_slice().into() }, &[rest])?;
    rewriter.apply(&MUL, &[common, rest]).map(Some)
}

fn sum_of_products(rewriter: &mut Rewriter<'_>, node: NodeId) -> Result<Option<Value>> {
    let Some(sum) = SumOfProduct::of(rewriter, node.into()) else { return Ok(None) };
    let left = sum.factors[0].1;
    let Some(right) = sum.factors.iter().map(|(_, along)| *along).find(|along| *along != left) else { return Ok(None) };
    // It pays where each varies along an axis that the other does not: then there are fewer factors than products.
    let pays = left & !right != 0 && right & !left != 0 && sum.axes & !(left | right) == 0;
    if !pays || sum.factors.iter().any(|(_, along)| *along != left && *along != right) {
        return Ok(None);
    }
    let (Some(mut x), Some(mut y)) =
        (sum.only(rewriter, |along| along == left, true, left)?, sum.only(rewriter, |along| along == right, false, right)?)
    else {
        return Ok(None);
    };
    // What only one varies along is summed before.
    let has = |along: Along, axis: usize| along >> (sum.rank - 1 - axis) & 1 == 1;
    let [mut of_x, mut of_y] = [left, right].map(|along| from_first(along, sum.rank));
    x = summed(rewriter, x, &of_x, |axis| has(sum.axes & !right, axis))?;
    y = summed(rewriter, y, &of_y, |axis| has(sum.axes & !left, axis))?;
    of_x.retain(|&axis| !has(sum.axes & !right, axis));
    of_y.retain(|&axis| !has(sum.axes & !left, axis));
    let pairs = |reduced: bool| {
        let both = of_x.iter().enumerate().filter_map(|(place, axis)| Some((place, of_y.iter().position(|other| other == axis)?, *axis)));
        both.filter(|(.., axis)| has(sum.axes, *axis) == reduced).map(|(x, y, _)| (x, y)).collect()
    };
    let dot = Dot { batch: pairs(false), contract: pairs(true) };
    // The axes of the product, and their order in the sum.
    let free = |of: &[usize], other: &[usize]| of.iter().copied().filter(|axis| !other.contains(axis)).collect::<Vec<_>>();
    let batch = dot.batch.iter().map(|&(x, _)| of_x[x]).collect::<Vec<_>>();
    let found = [batch, free(&of_x, &of_y), free(&of_y, &of_x)].concat();
    let mut order: Vec<usize> = (0..found.len()).collect();
    order.sort_unstable_by_key(|&place| found[place]);
    let product = rewriter.add(dot, &[x, y])?;
    let mut product = rewriter.add(Transpose { order: order.as_slice().into() }, &[product])?;
    // Axes of length 1 that no factor varies along.
    for (place, axis) in (0..sum.rank).filter(|&axis| !has(sum.axes, axis)).enumerate() {
        if !found.contains(&axis) {
            product = rewriter.add(InsertAxis { axis: place }, &[product])?;
        }
    }
    Ok(Some(product))
}
