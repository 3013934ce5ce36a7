//! Panics caught: their message and place, without a word on the terminal.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};

use super::fault::{Fault, Kind};

thread_local! {
    /// Where the last panic of this thread was.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps panics from being printed from now on, on every thread: for programs that look for them.
pub fn hide_panics() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(|location| format!("{}:{}", location.file(), location.line()));
        PLACE.with(|kept| *kept.borrow_mut() = place);
    }));
}

/// What a function gives, a panic in it being a fault.
pub(super) fn catch<T>(what: &str, run: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    PLACE.with(|kept| *kept.borrow_mut() = None);
    panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|payload| {
        let message = payload.downcast_ref::<String>().cloned().or_else(|| payload.downcast_ref::<&str>().map(ToString::to_string));
        let place = PLACE.with(|kept| kept.borrow().clone()).unwrap_or_else(|| what.to_owned());
        Err(Fault::new(Kind::Panic, place, format!("in {what}: {}", message.unwrap_or_default())))
    })
}
