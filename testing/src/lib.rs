//! The judges: what Damo is tested with, and what a user may test with.
//!
//! | to judge | open |
//! |---|---|
//! | two arrays, in units in the last place | [`close`], [`assert_close!`] |
//! | programs by cases in a file of your own, on every engine | [`case_file`] |
//! | an array, by decimal numbers of many digits | [`mod@reference`] |
//! | a program, by its text as a formula | [`formula`] |
//! | how far results may be off, by the rounding of every op | [`sensitivity`] |
//! | the derivatives of a function | [`gradients`], and the chapter on [trusting them](mod@book) |
//! | anything at all, on random shapes, values and programs | [`strategies`] |
//! | everything at once, by programs and texts that nobody would write | [`fuzz`] |
//! | rewriting, by naive formulas and the numbers they should give | [`rewrites`] |
//! | rewrite rules, those of Damo and one's own | [`rules`] |
//! | functions against the numbers of another system | [`conformance`] |

pub mod case_file;
pub mod close;
pub mod conformance;
pub mod faults;
pub mod formula;
pub mod fuzz;
pub mod gradients;
mod precise;
pub mod reference;
pub mod rewrites;
pub mod rules;
pub mod sensitivity;
pub mod strategies;
pub mod written;

#[doc = include_str!("../../docs/book/gradients.md")]
pub mod book {}
