//! The rules: tables of them by what they are about. A rule that is not in one of these tables does not exist.

mod algebra;
mod exponentials;
mod factors;
mod inverses;
mod logarithms;
mod logic;
mod parts;
mod powers;
mod products;
mod reductions;
mod rows;
mod shapes;
mod stretched;
mod sums;
mod tails;
mod windows;

use crate::rule::Rule;

/// All rules, by chapter: its name, what it is about, and its rules in the order in which they are tried.
pub fn chapters() -> Vec<(&'static str, &'static str, Vec<Rule>)> {
    vec![
        ("Sums and products", "Numbers, signs and like terms brought together; nothing is taken in another order.", algebra::numbers()),
        (
            "Powers",
            "Powers with a number for an exponent.",
            [powers::powers(), powers::absolute_values(), powers::whole_powers()].into_iter().flatten().collect(),
        ),
        (
            "Logarithms",
            "Logarithms of what overflows, vanishes or is close to 1.",
            [logarithms::logarithms(), logarithms::of_many()].into_iter().flatten().collect(),
        ),
        (
            "Exponentials and shares",
            "Exponentials of differences, and what they are divided by.",
            [exponentials::exponentials(), exponentials::shares(), exponentials::shares_of_many()].into_iter().flatten().collect(),
        ),
        ("Differences", "Differences of nearly equal numbers.", sums::differences()),
        ("Tails", "The error function and its relatives.", tails::tails()),
        ("Inverses", "A function of its own inverse.", inverses::inverses()),
        ("Rows", "Sums of exponentials along axes: softmax and its relatives.", rows::rows()),
        ("Reductions", "Sums, products and extremes along axes.", reductions::reductions()),
        ("Windows", "The largest elements of windows.", windows::windows()),
        (
            "Shapes",
            "Views of views, and work done before a view rather than after.",
            [shapes::shapes(), stretched::stretched()].into_iter().flatten().collect(),
        ),
        ("Parts", "Slices and picks taken before the work, where nothing else needs the rest.", parts::parts()),
        ("Products of matrices", "Transposes of products, and products that are something simpler.", products::products()),
        ("Choices", "Comparisons, truth values and `select`.", [logic::formulas(), logic::choices()].into_iter().flatten().collect()),
        (
            "For speed",
            "Only under the policy `fast`: what is wrong where something is 0, infinite or not a number.",
            [algebra::fast(), products::fast(), factors::fast()].into_iter().flatten().collect(),
        ),
    ]
}

/// All rules, in the order in which they are tried.
pub fn all() -> Vec<Rule> {
    chapters().into_iter().flat_map(|(_, _, rules)| rules).collect()
}
