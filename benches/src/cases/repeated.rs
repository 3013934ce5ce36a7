//! A call that keeps what it computed until the next one has computed its own.

use damo::{Element, Function, Profile};
use ndarray::ArrayD;

use super::Case;
use crate::failure::Failure;
use crate::measure::Repeat;

/// A function, a call of it and its last results.
struct Repeated<F, R, C> {
    function: F,
    call: C,
    results: Option<R>,
}

/// Results that can be summed.
pub trait Checksum {
    /// The sum of the magnitudes.
    fn checksum(&self) -> f64;
}

impl<T: Element> Checksum for ArrayD<T> {
    fn checksum(&self) -> f64 {
        self.iter().map(|element| element.to_number().to_real().abs()).sum()
    }
}

impl<A: Checksum, B: Checksum> Checksum for (A, B) {
    fn checksum(&self) -> f64 {
        self.0.checksum() + self.1.checksum()
    }
}

impl<A: Checksum, const N: usize> Checksum for [A; N] {
    fn checksum(&self) -> f64 {
        self.iter().map(A::checksum).sum()
    }
}

impl<T: Checksum> Checksum for Vec<T> {
    fn checksum(&self) -> f64 {
        self.iter().map(T::checksum).sum()
    }
}

impl<F, R: Checksum, C: FnMut(&F, &mut Option<R>) -> damo::Result<()>> Repeat<Failure> for Repeated<F, R, C> {
    fn call(&mut self) -> Result<(), Failure> {
        Ok((self.call)(&self.function, &mut self.results)?)
    }

    fn checksum(&self) -> f64 {
        self.results.as_ref().map_or(f64::NAN, R::checksum)
    }
}

impl<I, O, R: Checksum, C: FnMut(&Function<I, O>, &mut Option<R>) -> damo::Result<()>> Case for Repeated<Function<I, O>, R, C> {
    fn profile(&self) -> Result<Option<Profile>, Failure> {
        Ok(Some(self.function.profile()?))
    }
}

impl<R: Checksum, C: FnMut(&(), &mut Option<R>) -> damo::Result<()>> Case for Repeated<(), R, C> {
    fn profile(&self) -> Result<Option<Profile>, Failure> {
        Ok(None)
    }
}

/// Repeats a call of a function that gives new results.
#[expect(clippy::unnecessary_wraps, reason = "it is what families give")]
pub fn calling<I: 'static, O: 'static, R: Checksum + 'static>(
    function: Function<I, O>,
    mut call: impl FnMut(&Function<I, O>) -> damo::Result<R> + 'static,
) -> super::Prepared {
    let call = move |function: &Function<I, O>, results: &mut Option<R>| {
        *results = Some(call(function)?);
        Ok(())
    };
    Ok(Some(Box::new(Repeated { function, call, results: None })))
}

/// Repeats a call of a function that writes into the caller's array.
#[expect(clippy::unnecessary_wraps, reason = "it is what families give")]
pub fn writing<I: 'static, O: 'static, R: Checksum + 'static>(
    function: Function<I, O>,
    target: R,
    mut call: impl FnMut(&Function<I, O>, &mut R) -> damo::Result<()> + 'static,
) -> super::Prepared {
    let call = move |function: &Function<I, O>, results: &mut Option<R>| results.as_mut().map_or(Ok(()), |target| call(function, target));
    Ok(Some(Box::new(Repeated { function, call, results: Some(target) })))
}

/// Repeats all there is from an empty tape to the first result.
#[expect(clippy::unnecessary_wraps, reason = "it is what families give")]
pub fn beginning<R: Checksum + 'static>(mut begin: impl FnMut() -> damo::Result<R> + 'static) -> super::Prepared {
    let call = move |(): &(), results: &mut Option<R>| {
        *results = Some(begin()?);
        Ok(())
    };
    Ok(Some(Box::new(Repeated { function: (), call, results: None })))
}
