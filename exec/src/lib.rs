//! Graph to plan to result: fusion, schedule, memory, and the engines that run it.
//!
//! | to read about | open |
//! |---|---|
//! | what a plan does, step by step | [`step`], [`nest`], [`layout`] |

pub mod layout;
pub mod nest;
pub mod step;
