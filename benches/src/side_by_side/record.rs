//! A dated record of a run, in Markdown.

use std::fmt::Write;
use std::path::Path;

use super::machine;
use super::options::Options;
use super::report::{Row, TITLES, digits, limits};
use crate::failure::Failure;
use crate::limits::Limits;

/// All rows on one number of threads, with the limits measured then.
pub struct Pass {
    /// The limits.
    pub limits: Limits,
    /// The rows.
    pub rows: Vec<Row>,
    /// Who took part, and in which version.
    pub versions: Vec<(String, String)>,
}

/// Writes the record.
///
/// # Errors
///
/// [`Failure::Record`] if the file cannot be written.
pub fn write(path: &Path, options: &Options, passes: &[Pass]) -> Result<(), Failure> {
    std::fs::write(path, text(options, passes)).map_err(|source| Failure::Record { path: path.to_owned(), source })
}

fn text(options: &Options, passes: &[Pass]) -> String {
    let mut lines = vec![
        format!("# {}: side by side with the peers", machine::day()),
        String::new(),
        format!("Machine: {}; {}; load {} at the end.", machine::processor(), machine::caches(), machine::load()),
        format!("Commit: {}. {}.", machine::commit(), machine::compiler()),
        format!(
            "{}, {} rounds of at least {} s each, everyone in turn; median µs per call.",
            options.dtype,
            options.rounds,
            options.min_time.as_secs_f64()
        ),
    ];
    for pass in passes {
        lines.push(String::new());
        lines.push(format!("## {} thread(s)", pass.limits.threads));
        lines.push(String::new());
        lines.push(pass.versions.iter().map(|(_, version)| version.as_str()).collect::<Vec<_>>().join(", "));
        lines.push(String::new());
        lines.extend(limits(&pass.limits).iter().map(|limit| format!("- {limit}")));
        lines.push(String::new());
        lines.extend(rows(pass));
    }
    lines.join("\n") + "\n"
}

/// The table of a pass: the columns of the report, then everybody's time, then remarks.
fn rows(pass: &Pass) -> Vec<String> {
    let peers: Vec<&str> = pass.versions.iter().map(|(name, _)| name.as_str()).filter(|&name| name != "damo").collect();
    let titles: Vec<&str> = TITLES.iter().copied().chain(peers.iter().copied()).collect();
    let mut lines = vec![format!("| {} |", titles.join(" | ")), "|---".repeat(titles.len()) + "|"];
    let mut remarks = Vec::new();
    for row in &pass.rows {
        let mut line = String::from("|");
        let times = peers.iter().map(|peer| row.time(peer).map_or_else(String::new, digits));
        for cell in row.cells(&pass.limits).into_iter().chain(times) {
            let _ = write!(line, " {} |", cell.replace("<=", "≤"));
        }
        lines.push(line);
        remarks.extend(row.remarks().into_iter().map(|remark| format!("- {} {}: {remark}", row.entry.case, row.entry.size)));
    }
    if !remarks.is_empty() {
        lines.push(String::new());
        lines.extend(remarks);
    }
    lines
}
