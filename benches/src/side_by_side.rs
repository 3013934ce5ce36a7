//! Damo and its peers, measured in turn in one go, case by case.

pub mod machine;
pub mod options;
pub mod profile;
pub mod record;
pub mod report;
pub mod run;
pub mod runner;
pub mod table;
pub mod worker;
