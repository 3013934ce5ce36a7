//! The chapter of the book that lists every rule, printed from the tables.

use std::fmt::Write as _;

use damo_passes::Agreement;
use damo_passes::rule::{Body, Rule};

use super::CLIMBING;
use super::meaning::{Arithmetic, compute, cost};
use crate::rewrites::WAITING;

const HEAD: &str = "# Rules\n
Every rewrite rule of Damo, chapter by chapter, in the order in which they are tried. *Class* says how results may differ: *exact* keeps every
bit; *rounds* is another rounding of the same value; *extends* is also right where the formula as written overflows, vanishes or is 0/0. The
number after it is how far the right side may be from the true value, in ulps of float64. *Pays* is what a rule is for: a point where the
formula as written is wrong, or else what both sides cost, in additions. A rule fires under its policy and all that permit more.\n
`damo_testing::rules::judge` checks all of this, of these rules and of your own.\n
This file is written by `cargo run -p damo-testing --example rules_chapter`.\n";

/// Rows of the conformance list that have no rule yet, beside those of [`WAITING`], and why.
const ROWS_WAITING: &[(&str, &str)] = &[
    ("N1–N10", "loops: there is no loop op whose body could be rewritten"),
    ("I3–I6", "reads, writes and increments of parts that meet: there is no op that writes a part of an array in place of another"),
    ("linear algebra", "inverses, solves, determinants, decompositions: there are no such ops"),
];

/// Rows of the conformance list that are answered in part, or only under `fast`, and why.
const ROWS_IN_PART: &[(&str, &str)] = &[
    ("A1′", "x/y/z is not x/(y·z), nor x/(y/z) (x·z)/y: y·z may overflow or vanish where the quotients do not; neither Theano nor PyTensor has it"),
    (
        "B12",
        "products with zeros, the identity or a diagonal matrix only under `fast`: 0·∞ is not a number. A product over axes of length 1 is a product of elements, once derivatives have been taken. Batches that do not overlap are no product of the graph (they broadcast), nor are block diagonals",
    ),
    (
        "C5",
        "a function of two choices is a choice of functions where the function costs no more than a choice, gives its arguments' type, and nothing else needs the choices",
    ),
    ("H5", "the transpose of a product that is also needed as it is stays a view of it"),
    (
        "I7",
        "slices, and picks of no more than there is, where nothing else needs the rest; two different parts of one computation, or of both operands of `x.dot(x)`, leave it whole. Not along an axis of softmax, whose elements need each other, and not through `reshape`",
    ),
    (
        "R1",
        "numbers of at least 1 come out of a sum; other factors only under `fast`: the sum without them may overflow or vanish. None comes out of a product: aⁿ may",
    ),
    (
        "R3",
        "a maximum or minimum, all or any, over an unknown length stays: of nothing it is an error or another value. A product over an unknown length becomes a power only where the count is exact in the element type (float64, int64)",
    ),
    (
        "R5",
        "only under `fast`: a sum keeps what rounding drops and does not overflow on the way, a product of matrices does, and the squares of the factors may overflow where those of the products do not",
    ),
    ("S34", "ln(c/x) is not ln c − ln x: at x = c the difference rounds, and the quotient is 1"),
];

/// The whole page.
pub fn chapter() -> String {
    let mut page = HEAD.to_owned();
    for (name, about, rules) in damo_passes::rules::chapters() {
        push(&mut page, format_args!("\n## {name}\n\n{about}\n"));
        if rules.iter().any(|rule| matches!(rule.body, Body::Formula(_))) {
            page.push_str("\n| name | rule | why | class | policy | pays |\n|---|---|---|---|---|---|\n");
            for rule in &rules {
                formula_row(rule, &mut page);
            }
        }
        if rules.iter().any(|rule| matches!(rule.body, Body::Structural(_))) {
            page.push_str("\n| name | what it does, on more than a formula | class | policy |\n|---|---|---|---|\n");
            for rule in &rules {
                structural_row(rule, &mut page);
            }
        }
    }
    page.push_str(
        "\n## Why rewriting ends\n\nThe left side of a formula outweighs its right side in the recursive path order (`passes/src/path_order.rs`).",
    );
    if !CLIMBING.is_empty() {
        page.push_str(" It does not in these, which end for another reason:\n\n");
    }
    for (name, why) in CLIMBING {
        push(&mut page, format_args!("- `{name}`: {why}.\n"));
    }
    page.push_str("\n## What waits\n\nRows of the conformance list that no rule answers yet.\n\n| row | why |\n|---|---|\n");
    for (row, why) in WAITING.iter().chain(ROWS_WAITING) {
        push(&mut page, format_args!("| {row} | {why} |\n"));
    }
    page.push_str("\n## What is refused\n\nRows of the conformance list that are answered in part, or only under `fast`.\n\n| row | what and why |\n|---|---|\n");
    for (row, why) in ROWS_IN_PART {
        push(&mut page, format_args!("| {row} | {why} |\n"));
    }
    page
}

fn push(page: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = page.write_fmt(line);
}

fn formula_row(rule: &Rule, page: &mut String) {
    let Body::Formula(formula) = &rule.body else { return };
    let pays = match &formula.proof {
        Some((at, value)) => {
            let left = compute(formula.left, at, Arithmetic::Double);
            let at: Vec<String> = at.iter().map(|number| format!("{number:?}")).collect();
            format!("at {}: {value:?}, not {left:?}", at.join(", "))
        }
        None => format!("{} for {}", cost(formula.right), cost(formula.left)),
    };
    let condition = match (formula.guard.is_some(), formula.is_alone) {
        (true, _) => ", where it is known to hold",
        (false, true) => ", alone",
        (false, false) => "",
    };
    let Rule { name, reason, policy, .. } = rule;
    push(
        page,
        format_args!(
            "| `{name}` | `{}` => `{}`{condition} | {} | {} | {policy} | {pays} |\n",
            formula.left,
            formula.right,
            in_a_cell(reason),
            class(rule)
        ),
    );
}

fn structural_row(rule: &Rule, page: &mut String) {
    if let Body::Structural(_) = rule.body {
        push(page, format_args!("| `{}` | {} | {} | {} |\n", rule.name, in_a_cell(rule.reason), class(rule), rule.policy));
    }
}

fn class(rule: &Rule) -> String {
    match rule.agreement {
        Agreement::Exact => "exact".to_owned(),
        Agreement::Rounds => format!("rounds, {}", rule.ulps),
        Agreement::Extends => format!("extends, {}", rule.ulps),
    }
}

/// A bar would end the cell.
fn in_a_cell(text: &str) -> String {
    text.replace('|', "\\|")
}
