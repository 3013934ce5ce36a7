//! What can go wrong while the benches run side by side.

use std::io;
use std::path::PathBuf;

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Damo refused a program or a call.
    #[error(transparent)]
    Damo(#[from] damo::Error),
    /// An option that is not known, or whose value cannot be used.
    #[error("{0}\n{usage}", usage = crate::side_by_side::options::USAGE)]
    Usage(String),
    /// Nothing of the table is asked for.
    #[error("no case has such a name and size; `--list` prints all")]
    NoCase,
    /// A peer that is not known.
    #[error("there is no peer `{0}`; there are {known}", known = crate::side_by_side::run::peers().collect::<Vec<_>>().join(", "))]
    NoPeer(String),
    /// Talking with a process that measures.
    #[error("cannot {what}: {source}")]
    Process {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// A record cannot be written.
    #[error("cannot write `{}`: {source}", path.display())]
    Record {
        /// Its path.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}
