//! Calls of an executable under watch: which are, what is checked, and what was found.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

use damo_graph::{AnyArray, Result};

use crate::array::Argument;
use crate::cache::{Key, key};
use crate::debug::{Finding, Rewriting, Watch, repeat, rewriting, watch};
use crate::executable::{Executable, lock};
use crate::hooks::Hooks;
use crate::inputs::Inputs;
use crate::plan::Plan;
use crate::run::Call;

/// So many findings are kept.
const MOST_FINDINGS: usize = 256;

/// What is known of the calls of an executable.
#[derive(Default)]
pub(crate) struct Watched {
    calls: AtomicU64,
    /// The lengths that were seen, for what is only done the first time.
    seen: Mutex<BTreeSet<Key>>,
    findings: Mutex<Vec<Finding>>,
    /// How the graph was rewritten, when it is first asked for.
    history: Option<Box<History>>,
    rewriting: OnceLock<Rewriting>,
}

/// Tells how a graph was rewritten, and what was found on the way.
type History = dyn Fn() -> Result<(Rewriting, Option<Finding>)> + Send + Sync;

impl Executable {
    /// The same with somebody who tells how its graph was rewritten, to be checked on the data of calls that are watched.
    #[must_use]
    pub fn rewritten(mut self, history: impl Fn() -> Result<(Rewriting, Option<Finding>)> + Send + Sync + 'static) -> Self {
        self.watched.history = Some(Box::new(history));
        self
    }

    fn rewriting(&self, findings: &mut Vec<Finding>) -> Result<Option<&Rewriting>> {
        let Watched { history: Some(history), rewriting, .. } = &self.watched else { return Ok(None) };
        if rewriting.get().is_none() {
            let (told, found) = history()?;
            findings.extend(found);
            // Another call may have been told meanwhile: the same.
            return Ok(Some(rewriting.get_or_init(|| told)));
        }
        Ok(rewriting.get())
    }

    /// The same with faults planted.
    #[must_use]
    pub fn hooked(mut self, hooks: Hooks) -> Self {
        self.hooks = hooks;
        self
    }

    /// What has been found so far, the oldest first.
    pub fn findings(&self) -> Vec<Finding> {
        lock(&self.watched.findings).clone()
    }

    /// Keeps findings that were made elsewhere.
    pub fn keep(&self, findings: impl IntoIterator<Item = Finding>) {
        let mut kept = lock(&self.watched.findings);
        for finding in findings {
            if kept.len() < MOST_FINDINGS && !kept.contains(&finding) {
                kept.push(finding);
            }
        }
    }

    /// Whether the call that begins now is to be watched.
    pub(crate) fn is_watched_now(&self) -> bool {
        match self.options.watch {
            Watch::Off | Watch::Profile | Watch::Guard { .. } => false,
            Watch::Debug { every, .. } => self.watched.calls.fetch_add(1, Ordering::Relaxed).is_multiple_of(u64::from(every.max(1))),
        }
    }

    pub(crate) fn as_call<'a>(&'a self, plan: &'a Plan, inputs: Inputs<'a>) -> Call<'a> {
        let limit = match self.options.watch {
            Watch::Guard { limit } => Some(limit),
            Watch::Off | Watch::Profile | Watch::Debug { .. } => None,
        };
        Call { plan, graph: &self.graph, inputs, threads: self.options.threads, order: 0, limit, hooks: &self.hooks }
    }

    /// One call with everything checked, and nothing but what is asked of the case: no repetition, no rewriting.
    pub(crate) fn watched_once(&self, inputs: Inputs<'_>) -> Result<Vec<AnyArray>> {
        let plan = self.plan_of(inputs)?;
        let layouts = inputs.layouts();
        let (results, findings) = watch(&self.as_call(&plan, inputs), &layouts, false)?;
        self.keep(findings);
        Ok(results)
    }

    /// Runs a plan under watch.
    ///
    /// # Errors
    ///
    /// Those of an op, and the first fault where findings are raised.
    pub(crate) fn watch(&self, plan: &Plan, inputs: Inputs<'_>) -> Result<Vec<AnyArray>> {
        let Watch::Debug { cuts_down, .. } = self.options.watch else { return Ok(Vec::new()) };
        let layouts = inputs.layouts();
        if plan.layouts != layouts {
            // To run it would read and write beyond the arrays.
            let how = format!("it was made for {:?} and is given {:?}", plan.layouts, layouts);
            let finding = Finding::StalePlan { how };
            self.keep([finding.clone()]);
            return Err(finding.to_error());
        }
        let call = self.as_call(plan, inputs);
        let (results, mut findings) = watch(&call, &layouts, cuts_down)?;
        let is_first = lock(&self.watched.seen).insert(key(inputs));
        if !findings.iter().any(Finding::is_fault) {
            findings.extend(repeat(&call, &self.options, &layouts, &results, is_first, cuts_down)?);
        }
        findings.extend(self.check_rewriting(inputs, is_first)?);
        self.conclude(findings, results)
    }

    /// What a call by the reference engine is watched for: it is what steps are compared with, and only the rewriting may be wrong.
    ///
    /// # Errors
    ///
    /// The first fault where findings are raised.
    pub(crate) fn watch_reference(&self, inputs: Inputs<'_>, results: Vec<AnyArray>) -> Result<Vec<AnyArray>> {
        let is_first = lock(&self.watched.seen).insert(key(inputs));
        let findings = self.check_rewriting(inputs, is_first)?;
        self.conclude(findings, results)
    }

    /// Every replacement of a rule on these arrays.
    ///
    /// The data change from call to call, the rules do not: they are compared at the first call, the second, the fourth, and so on.
    fn check_rewriting(&self, inputs: Inputs<'_>, is_first: bool) -> Result<Vec<Finding>> {
        let mut findings = Vec::new();
        let is_due = is_first || self.watched.calls.load(Ordering::Relaxed).is_power_of_two();
        if is_due && let Some(program) = self.rewriting(&mut findings)? {
            let arrays: Vec<AnyArray> = inputs.iter().map(Argument::to_any).collect();
            let found = rewriting::check(program, &arrays)?;
            if is_first && !found.iter().any(Finding::is_fault) {
                findings.extend(rewriting::check_whole(program, &arrays)?);
            }
            findings.extend(found);
        }
        Ok(findings)
    }

    /// Keeps findings, and ends the call with the first fault if they are raised.
    fn conclude(&self, findings: Vec<Finding>, results: Vec<AnyArray>) -> Result<Vec<AnyArray>> {
        let raises = matches!(self.options.watch, Watch::Debug { raises: true, .. });
        let fault = findings.iter().find(|finding| finding.is_fault()).map(Finding::to_error);
        self.keep(findings);
        match fault.filter(|_| raises) {
            Some(fault) => Err(fault),
            None => Ok(results),
        }
    }
}

#[cfg(test)]
mod tests {
    use damo_graph::Graph;

    use super::*;
    use crate::executable::Options;

    #[test]
    fn one_call_in_so_many_is_watched() {
        let graph = Graph::parse("graph {\n%x = input{name=\"x\", kind=argument, dtype=f64, dims=[], place=0}\n%y = exp %x\nreturn %y\n}\n").unwrap();
        let watched = |watch| {
            let executable = Executable::new(graph.clone(), Options { watch, ..Options::default() }).unwrap();
            (0..7).map(|_| executable.is_watched_now()).collect::<Vec<_>>()
        };
        assert_eq!(watched(Watch::Debug { every: 3, raises: true, cuts_down: true }), [true, false, false, true, false, false, true]);
        assert_eq!(watched(Watch::DEBUG), [true; 7]);
        assert_eq!(watched(Watch::Off), [false; 7]);
    }
}
