//! The judges: what Damo is tested with, and what a user may test with.
//!
//! | to judge | open |
//! |---|---|
//! | two arrays, in units in the last place | [`close`] |
//! | an array, by decimal numbers of many digits | [`mod@reference`] |
//! | a program, by its text as a formula | [`formula`] |
//! | how far results may be off, by the rounding of every op | [`sensitivity`] |
//! | the derivatives of a function | [`gradients`] |
//! | anything at all, on random shapes, values and programs | [`strategies`] |
//! | rewriting, by naive formulas and the numbers they should give | [`rewrites`] |
//! | rewrite rules, those of Damo and one's own | [`rules`] |
//! | functions against the numbers of another system | [`conformance`] |

pub mod close;
pub mod conformance;
pub mod formula;
pub mod gradients;
pub mod reference;
pub mod rewrites;
pub mod rules;
pub mod sensitivity;
pub mod strategies;
