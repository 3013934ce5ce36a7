//! What a configuration says of rewriting: the policy, and the rules that may not fire.

use damo_passes::Policy;
use damo_passes::rewrite::standard;

use super::setting::{Refusal, Setting, nearest};

impl Setting for Policy {
    fn values() -> String {
        Policy::ALL.map(Policy::name).join(" | ")
    }

    fn parse(text: &str) -> Result<Self, Refusal> {
        let found = Policy::ALL.into_iter().find(|policy| policy.name() == text);
        found.ok_or_else(|| Refusal { reason: None, nearest: nearest(text, Policy::ALL.map(Policy::name)) })
    }

    fn show(&self) -> String {
        self.name().to_owned()
    }
}

/// Names of rewrite rules, written `log_one_plus+like_terms`; none is written as nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules(Vec<String>);

impl Rules {
    /// The names.
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

impl<S: Into<String>> FromIterator<S> for Rules {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        Rules(names.into_iter().map(Into::into).collect())
    }
}

impl Setting for Rules {
    fn values() -> String {
        "names of rules, joined by +".into()
    }

    fn parse(text: &str) -> Result<Self, Refusal> {
        let names: Vec<&str> = text.split('+').map(str::trim).filter(|name| !name.is_empty()).collect();
        for name in &names {
            if standard().find(name).is_none() {
                let known = standard().rules().iter().map(|rule| rule.name);
                return Err(Refusal { reason: Some("there is no rule of that name; the book lists them all"), nearest: nearest(name, known) });
            }
        }
        Ok(names.into_iter().collect())
    }

    fn show(&self) -> String {
        self.0.join("+")
    }
}
