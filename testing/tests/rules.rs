//! The rules of Damo hold what they say, the judge finds out those that do not, and the chapter about them is not stale.

#![expect(clippy::unwrap_used, reason = "a test that cannot start fails")]

use damo_graph::functions::{abs, exp, exp_m1, ln, ln_1p, pow, sin, sqrt};
use damo_graph::op::input::InputKind;
use damo_graph::op::scalar;
use damo_graph::types::Type;
use damo_graph::{DType, ErrorKind, Graph, Value};
use damo_passes::Policy;
use damo_passes::path_order::outweighs;
use damo_passes::rewrite::{Rewriter, Table};
use damo_passes::rule::{Body, Rule};
use damo_testing::rules::{CLIMBING, Wrong, chapter, judge};

#[test]
fn the_rules_hold_what_they_say() {
    let complaints: Vec<String> = judge(&damo_passes::rules::all()).iter().map(ToString::to_string).collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn the_chapter_is_not_stale() {
    let (made, kept) = (chapter(), include_str!("../../docs/book/rules.md"));
    let stale: Vec<String> =
        made.lines().zip(kept.lines()).filter(|(made, kept)| made != kept).map(|(made, kept)| format!("- {kept}\n+ {made}")).collect();
    assert!(made == kept, "{}\nrun `cargo run -p damo-testing --example rules_chapter`", stale.join("\n"));
}

#[test]
fn what_is_excused_from_the_order_needs_it() {
    let rules = damo_passes::rules::all();
    for (name, _) in CLIMBING {
        let rule = rules.iter().find(|rule| rule.name == *name).unwrap();
        assert!(matches!(&rule.body, Body::Formula(formula) if !outweighs(formula.left, formula.right)), "{name}");
    }
}

fn never(_: &mut Rewriter<'_>, _: &[Value]) -> bool {
    false
}

damo_passes::rules! {
    /// Wrong in one way each.
    fn planted {
        /// The value is another.
        wrong_value [x, y] ln(x + y) => ln(x) + ln(y), rounds(2.0), on(0.1, 10.0);
        /// A sum with 0 is the number.
        false_exact [x] x + 0.0 => x;
        /// The root of a square is the number.
        false_exact_of_root [x] sqrt(x * x) => abs(x);
        /// Its error is more than it says.
        error_too_small [x, y] exp(x) * exp(y) => exp(x + y), extends(0.5), proof([800.0, -800.0], 1.0);
        /// It gives numbers where the formula has none.
        number_for_nothing [x] exp(ln(x)) => x, rounds(0.0), on(0.1, 10.0);
        /// It costs more and has no proof.
        no_proof [x] ln(1.0 + x) => ln_1p(x), rounds(1.0), on(-0.9, 10.0);
        /// Both sides are right there.
        proof_of_nothing [x] exp(x) - 1.0 => exp_m1(x), rounds(1.0), proof([3.0], 19.085_536_923_187_668);
        /// The value is not what it states.
        proof_of_another [x] exp(x) - 1.0 => exp_m1(x), rounds(1.0), proof([1e-20], 2e-20);
        /// It undoes the next.
        there [x] sin(x) => sin(x) * 1.0, rounds(0.5);
        /// The order does not matter.
        commuted [x, y] x * exp(y) => exp(y) * x;
        /// Everything is one of something.
        anything [x] x + 0.0 - 0.0 => x, rounds(0.0);
        /// Its guard is never satisfied.
        unsatisfied [x] pow(x, 5.0.into()) => x * (x * x) * (x * x), rounds(4.0), when(never);
        /// The other one takes it first.
        taken_before [x] ln(exp(x) * 2.0) => ln_1p(x), rounds(1.0);
        /// There is no such variable.
        not_bound [x, y] ln(exp(x)) => y, extends(0.0);
        /// no sentence
        no_sentence [x] abs(abs(x)) => abs(x);
        /// Its name is not like the others.
        NotSnake [x] abs(abs(x)) => abs(x);
        /// Its name is taken.
        no_proof [x] abs(abs(x)) => abs(x);
    }
}

#[test]
fn planted_rules_are_refused_by_name() {
    let complaints = judge(&planted());
    let refused = |name: &str, is_it: fn(&Wrong) -> bool| {
        let of_rule: Vec<&Wrong> = complaints.iter().filter(|complaint| complaint.rule == name).map(|complaint| &complaint.wrong).collect();
        assert!(of_rule.iter().any(|wrong| is_it(wrong)), "{name}: {of_rule:?}");
    };
    refused("wrong_value", |wrong| matches!(wrong, Wrong::Inaccurate { .. }));
    refused("false_exact", |wrong| matches!(wrong, Wrong::NotExact { .. }));
    refused("false_exact_of_root", |wrong| matches!(wrong, Wrong::NotExact { .. }));
    refused("error_too_small", |wrong| matches!(wrong, Wrong::Inaccurate { .. }));
    refused("number_for_nothing", |wrong| matches!(wrong, Wrong::Edge { .. }));
    refused("no_proof", |wrong| matches!(wrong, Wrong::PaysNothing { .. }));
    refused("proof_of_nothing", |wrong| matches!(wrong, Wrong::ProvesNothing { .. }));
    refused("proof_of_another", |wrong| matches!(wrong, Wrong::ProvesNothing { .. }));
    refused("there", |wrong| matches!(wrong, Wrong::Climbs));
    refused("commuted", |wrong| matches!(wrong, Wrong::Climbs));
    refused("anything", |wrong| matches!(wrong, Wrong::MatchesAnything));
    refused("unsatisfied", |wrong| matches!(wrong, Wrong::NeverFires(_)));
    refused("taken_before", |wrong| matches!(wrong, Wrong::NeverFires(_) | Wrong::Inaccurate { .. }));
    refused("not_bound", |wrong| matches!(wrong, Wrong::Unbound));
    refused("no_sentence", |wrong| matches!(wrong, Wrong::ReasonMisspelled));
    refused("NotSnake", |wrong| matches!(wrong, Wrong::NameMisspelled));
    refused("no_proof", |wrong| matches!(wrong, Wrong::NameTaken));
    for complaint in &complaints {
        assert!(complaint.to_string().contains("rules.rs:") && complaint.to_string().contains(complaint.rule), "{complaint}");
    }
}

damo_passes::rules! {
    /// They undo each other.
    fn circle {
        /// One way.
        forth [x] sin(x) => abs(exp(x)), rounds(0.5);
        /// And back.
        back [x] abs(exp(x)) => sin(x), rounds(0.5);
    }
}

#[test]
fn rules_that_undo_each_other_are_refused_and_named() {
    let climbs: Vec<&str> = judge(&circle()).iter().filter(|complaint| complaint.wrong == Wrong::Climbs).map(|complaint| complaint.rule).collect();
    assert_eq!(climbs, ["back"]);
    let error = rewritten(circle(), |graph, x| graph.apply(&scalar::SIN, &[x]).unwrap());
    assert_eq!(error.kind(), ErrorKind::Verify);
    let text = format!("{error:#}");
    assert!(text.contains("forth") && text.contains("back"), "{text}");
}

/// The error of rewriting a program by these rules alone.
fn rewritten(rules: Vec<Rule>, program: impl FnOnce(&mut Graph, Value) -> Value) -> damo_graph::Error {
    let mut graph = Graph::new();
    let x = graph.add_input("x", Type::scalar(DType::F64), InputKind::Argument).unwrap();
    let value = program(&mut graph, x);
    let table = Table::new(rules);
    Rewriter::new(&mut graph, table.choose(Policy::Stable, &[]), [], None).normal_forms(&[value]).unwrap_err()
}
