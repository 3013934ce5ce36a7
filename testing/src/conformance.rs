//! Conformance: small programs in NumPy's language, traced onto a tape and compared with what another system computed.
//!
//! The text of a case is read by a small interpreter ([`mod@self`]'s `token`, `parse`, `interpret`) whose functions (`library`) are
//! composed from Damo's ops; what it does not have makes a case "not covered", never "passed".
//!
//! ```
//! use damo_testing::conformance::{CaseFile, Outcome, judge};
//! let file = CaseFile::vendored()?;
//! let case = file.cases.iter().find(|case| case.name == "unary_tanh").expect("it is in the file");
//! assert_eq!(judge(case, &file.helpers, &damo::Config::default()), Outcome::Passed);
//! # Ok::<(), damo_testing::conformance::Stop>(())
//! ```

#![expect(clippy::wildcard_enum_match_arm, reason = "most operations of the interpreted language take two or three of its fifteen kinds of values")]

mod arguments;
mod arithmetic;
mod array;
mod case;
mod index;
mod interpret;
mod judge;
mod kinks;
mod library;
mod object;
mod parse;
mod replay;
mod stability;
mod stop;
mod syntax;
mod token;

pub use case::{Argument, Case, CaseFile, Kind};
pub use judge::{Outcome, Report, judge};
pub use stability::{Fact, FactReport, judge_fact};
pub use stop::Stop;

impl CaseFile {
    /// The cases that come with this crate: see `testing/conformance/README.md`.
    ///
    /// # Errors
    ///
    /// [`Stop::Malformed`] if the files were changed and are not what they should be.
    pub fn vendored() -> Result<CaseFile, Stop> {
        CaseFile::read(include_bytes!("../conformance/cases.json"), include_bytes!("../conformance/cases.safetensors"))
    }
}
