//! Composite functions: while one is being recorded, its ops carry its name and the line of its call.

use std::panic::Location;

use crate::tape::Tape;

/// What is said of every op recorded at the moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Scope {
    /// The outermost composite: the word that the user wrote.
    pub name: Option<&'static str>,
    /// Where the user wrote it; `None` asks for each op's own line.
    pub location: Option<&'static Location<'static>>,
}

/// Ends a scope when it is dropped.
pub(crate) struct ScopeGuard<'t> {
    tape: &'t Tape,
    before: Scope,
}

impl Drop for ScopeGuard<'_> {
    fn drop(&mut self) {
        self.tape.scope.set(self.before);
    }
}

impl Tape {
    /// Records a function made of several ops under one name: prints and errors use it.
    ///
    /// Within another such function, the outer name stays: it is the word that the user wrote.
    ///
    /// ```
    /// use damo_trace::*;
    /// fn swish<'t>(x: Tensor<'t, f32>) -> Tensor<'t, f32> {
    ///     x.tape().within("swish", || x * x.sigmoid())
    /// }
    /// let tape = Tape::new();
    /// let y = swish(tape.vector("x"));
    /// let value = tape.value_of(y)?;
    /// assert_eq!(tape.graph()?.node(value.node).provenance().within, Some("swish"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn within<R>(&self, name: &'static str, body: impl FnOnce() -> R) -> R {
        let _ends_here = self.enter_scope(name, None);
        body()
    }

    /// The same for a function of this library: its ops carry the line of its call, too.
    #[track_caller]
    pub(crate) fn composite(&self, name: &'static str) -> ScopeGuard<'_> {
        self.enter_scope(name, Some(Location::caller()))
    }

    fn enter_scope(&self, name: &'static str, location: Option<&'static Location<'static>>) -> ScopeGuard<'_> {
        let before = self.scope.get();
        self.scope.set(Scope { name: before.name.or(Some(name)), location: before.location.or(location) });
        ScopeGuard { tape: self, before }
    }
}
