//! The chapter of the book about debug mode, its table of faults printed from the faults.

use std::fmt::Write as _;

use super::FAULTS;

const HEAD: &str = "# Debug mode\n\nTODO\n";

/// The whole page.
pub fn chapter() -> String {
    let mut page = HEAD.to_owned();
    for fault in FAULTS {
        // Writing to a string does not fail.
        let _ = writeln!(page, "| {} | {} | {} | {} | {} |", fault.category, fault.name, fault.program(), fault.finding, fault.names.trim_matches('`'));
    }
    page
}
