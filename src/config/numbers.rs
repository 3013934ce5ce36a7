//! Numbers that configuration keys take: shares and limits, kept as they are written.

use super::setting::{Refusal, Setting};

/// A share of all calls: 1 is every call, 0.01 one in a hundred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Share(u32);

impl Share {
    /// Every call.
    pub const ALL: Share = Share(1);

    /// One call in so many, and at least every call.
    pub const fn one_in(calls: u32) -> Share {
        Share(if calls == 0 { 1 } else { calls })
    }

    /// One call in how many.
    pub const fn every(self) -> u32 {
        self.0
    }
}

impl Setting for Share {
    fn values() -> String {
        "a share of 1, more than 0".into()
    }

    fn parse(text: &str) -> Result<Self, Refusal> {
        let share: f64 = text.parse().map_err(|_| Refusal::default())?;
        let is_share = share > 0.0 && share <= 1.0 && 1.0 / share <= f64::from(u32::MAX);
        if is_share { Ok(Share((1.0 / share).round() as u32)) } else { Err(Refusal::default()) }
    }

    fn show(&self) -> String {
        (1.0 / f64::from(self.0)).to_string()
    }
}

/// The largest size of numbers that are taken for sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limit(u64);

impl Limit {
    /// Every finite number.
    pub const FINITE: Limit = Limit(f64::MAX.to_bits());

    /// Numbers up to that size; of what is no positive number only the finite ones.
    pub fn of(number: f64) -> Limit {
        if number > 0.0 && number.is_finite() { Limit(number.to_bits()) } else { Limit::FINITE }
    }

    /// The size.
    pub const fn number(self) -> f64 {
        f64::from_bits(self.0)
    }
}

impl Setting for Limit {
    fn values() -> String {
        "a positive number".into()
    }

    fn parse(text: &str) -> Result<Self, Refusal> {
        let number: f64 = text.parse().map_err(|_| Refusal::default())?;
        if number > 0.0 && number.is_finite() { Ok(Limit::of(number)) } else { Err(Refusal::default()) }
    }

    fn show(&self) -> String {
        format!("{:?}", self.number())
    }
}
