//! A call that keeps what it computed until the next one has computed its own.

use damo::Element;
use ndarray::ArrayD;

use crate::failure::Failure;
use crate::measure::Repeat;

/// A call and its last results.
struct Repeated<R, C> {
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

impl<R: Checksum, C: FnMut(&mut Option<R>) -> damo::Result<()>> Repeat<Failure> for Repeated<R, C> {
    fn call(&mut self) -> Result<(), Failure> {
        Ok((self.call)(&mut self.results)?)
    }

    fn checksum(&self) -> f64 {
        self.results.as_ref().map_or(f64::NAN, R::checksum)
    }
}

/// Repeats a call that gives new results.
#[expect(clippy::unnecessary_wraps, reason = "it is what families give")]
pub fn calling<R: Checksum + 'static>(mut call: impl FnMut() -> damo::Result<R> + 'static) -> super::Prepared {
    let call = move |results: &mut Option<R>| {
        *results = Some(call()?);
        Ok(())
    };
    Ok(Some(Box::new(Repeated { call, results: None })))
}

/// Repeats a call that writes into the caller's array.
#[expect(clippy::unnecessary_wraps, reason = "it is what families give")]
pub fn writing<R: Checksum + 'static>(target: R, mut call: impl FnMut(&mut R) -> damo::Result<()> + 'static) -> super::Prepared {
    let call = move |results: &mut Option<R>| results.as_mut().map_or(Ok(()), &mut call);
    Ok(Some(Box::new(Repeated { call, results: Some(target) })))
}
