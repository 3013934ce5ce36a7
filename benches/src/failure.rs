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
    /// A case that is not in the table.
    #[error("there is no case `{case}` of size `{size}`; `--list` prints all")]
    UnknownCase {
        /// Its name.
        case: String,
        /// Its size.
        size: String,
    },
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
