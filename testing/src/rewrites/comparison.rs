//! The table naive, Theano, PyTensor, Damo for every row, as Markdown.

use std::fmt::Write as _;

use damo::Config;
use ndarray::ArrayD;

use super::judge::{Computed, compute, judge, naive, place};
use super::peers::{PEERS, Peer};
use super::row::{Row, Typed};
use super::table::{WAITING, all_rows};
use super::truth::{Elements, Point, Truth, truths};
use crate::conformance::Stop;

/// What stands above the table.
const HEAD: &str = "# Numerical stability\n
Each formula is written as in the second column, in float64 (X21: in float32), and evaluated at the point in the third. *Naive* is the formula op by op
(of a gradient, what differentiating it so gives). The columns of Theano 1.0.5 and PyTensor 3.3.0 say what these give after all their
rewriting: they are facts of the conformance list, not run here. *Damo* is the compiled program under the default configuration; it
is marked ✓ if value and gradient of every spelling of the row are within 4 ulps of the truth at every witness, in float64 and float32,
and right at ±0, ±1, ±∞, NaN, the smallest and the largest number. The rows that are about a gradient show the gradient along the first input.\n
This file is written by `cargo run -p damo-testing --example stability_table`.\n
| row | formula | at | naive | Theano | PyTensor | Damo | truth |
|---|---|---|---|---|---|---|---|
";

/// The whole page.
///
/// # Errors
///
/// [`Stop`] if the numbers cannot be read or a formula cannot be compiled.
pub fn comparison(config: &Config) -> Result<String, Stop> {
    let (truths, rows) = (truths()?, all_rows());
    let mut page = HEAD.to_owned();
    for peer in PEERS {
        let of_peer: Vec<&Row> = rows.iter().filter(|row| row.id == peer.id).collect();
        let cells = if let Some(shown) = of_peer.get(peer.spelling) {
            let truth = |row: &Row| truths.get(row.truth).ok_or_else(|| Stop::Malformed(format!("no truth `{}`", row.truth)));
            let mut is_right = true;
            for row in &of_peer {
                let truth = truth(row)?;
                is_right &= judge::<f64>(row, truth, config).holds() && judge::<f32>(row, truth, config).holds();
            }
            let compared = if peer.is_single { compared::<f32> } else { compared::<f64> };
            compared(peer, shown, truth(shown)?, is_right, config)?
        } else {
            let why = WAITING.iter().find(|(id, _)| *id == peer.id).map_or("", |(_, why)| why);
            [why.to_owned(), String::new(), String::new(), "waits".to_owned(), String::new()]
        };
        let [formula, at, naive, damo, right] = cells;
        let Peer { id, theano, pytensor, .. } = peer;
        // Writing to a string cannot fail.
        let _ = writeln!(page, "| {id} | {formula} | {at} | {naive} | {theano} | {pytensor} | {damo} | {right} |");
    }
    Ok(page)
}

/// Formula, point, naive, Damo and truth.
fn compared<T: Typed>(peer: &Peer, row: &Row, truth: &Truth, is_right: bool, config: &Config) -> Result<[String; 5], Stop> {
    let point = truth.witnesses.get(peer.witness).ok_or_else(|| Stop::Malformed(format!("no witness of `{}`", row.truth)))?;
    let inputs = inputs::<T>(point).ok_or_else(|| Stop::Malformed(format!("a witness of `{}` is not a float", row.truth)))?;
    let Computed { value, gradients } = compute(row, truth, &inputs, config)?;
    let (naive, damo, right) = match (peer.naive_gradient, gradients.first()) {
        (Some(naive), Some(gradient)) => (naive.to_owned(), shown(gradient), point.gradient.as_ref().and_then(|all| all.first()).map(expected::<T>)),
        _ => (shown(&naive(row, &inputs)?), shown(&value), Some(expected::<T>(&point.value))),
    };
    let mark = if is_right { "✓" } else { "✗" };
    let formula = row.spelling.replace('|', "\\|");
    Ok([formula, place(&inputs), naive, format!("{damo} {mark}"), right.unwrap_or_default()])
}

fn inputs<T: Typed>(point: &Point) -> Option<Vec<ArrayD<T>>> {
    point.inputs.iter().map(crate::reference::Decimals::exactly).collect()
}

/// Computed numbers as a reader wants them.
fn shown<T: Typed>(array: &ArrayD<T>) -> String {
    listed(array.iter().map(|&number| plain(number)).collect())
}

/// The truth, rounded.
fn expected<T: Typed>(elements: &Elements) -> String {
    listed(elements.as_slice().iter().map(|number| number.as_ref().map_or("as written".to_owned(), |number| plain(number.nearest::<T>()))).collect())
}

fn plain<T: Typed>(number: T) -> String {
    // A zero has no sign here.
    if number.to_f64() == 0.0 { "0.0".to_owned() } else { format!("{number:?}") }
}

fn listed(numbers: Vec<String>) -> String {
    match <[String; 1]>::try_from(numbers) {
        Ok([only]) => only,
        Err(numbers) => format!("[{}]", numbers.join(", ")),
    }
}
