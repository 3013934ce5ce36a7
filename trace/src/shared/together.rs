//! Several states at one moment.

use std::sync::{PoisonError, RwLockWriteGuard};

use damo_graph::{AnyArray, Result};
use ndarray::arr0;
use smallvec::SmallVec;

use super::{AnyShared, Held};

/// So many locks are held in one frame of the stack; there are further frames for more.
const LOCKS: usize = 16;

/// A state that is locked to be written.
type Writing<'a> = RwLockWriteGuard<'a, Held>;

/// Several states that are read at one moment, or written at one moment. What it does allocates nothing.
#[derive(Clone, Debug)]
pub struct Together {
    states: Vec<AnyShared>,
    /// The places of the states in order of identity, as all lock them who lock several: so no two threads wait for each other.
    order: Vec<usize>,
    /// What is in a list where no value is yet.
    nothing: AnyArray,
}

impl Together {
    /// These states; one may be named twice.
    pub fn new(states: Vec<AnyShared>) -> Self {
        let mut order: Vec<usize> = (0..states.len()).collect();
        order.sort_by_key(|&place| states[place].identity());
        Together { states, order, nothing: arr0(false).into() }
    }

    /// The states.
    pub fn states(&self) -> &[AnyShared] {
        &self.states
    }

    /// Lists the values that all have at one moment: no [`swap`](Self::swap) comes between.
    pub fn read(&self, values: &mut Vec<AnyArray>) {
        values.clear();
        if self.states.is_empty() {
            return;
        }
        values.resize(self.states.len(), self.nothing.clone());
        self.locked(&self.order, AnyShared::lock_to_read, &mut |place, held| values[place] = held.array.clone(), || ());
    }

    /// Gives all states these values at one moment, or none of them; the list then has what they had before. Of two values for one state
    /// the last counts.
    ///
    /// # Errors
    ///
    /// As [`AnyShared::write`]; all states are left as they were.
    pub fn swap(&self, values: &mut [AnyArray]) -> Result<()> {
        self.states.iter().zip(&*values).try_for_each(|(state, value)| state.accept(value))?;
        // All stay locked to the end: who has seen one new value waits for the others.
        if !self.states.is_empty() {
            let write = &mut |place: usize, held: &mut Writing<'_>| values.get_mut(place).into_iter().for_each(|value| held.swap(value));
            self.locked(&self.order, AnyShared::lock_to_write, write, || ());
        }
        Ok(())
    }

    /// Runs `body` while no other `in_turn` with any of these states runs: who reads states in order to change them takes turns,
    /// so that no change is lost. Reading and writing alone do not wait for it.
    pub fn in_turn<R>(&self, body: impl FnOnce() -> R) -> R {
        if self.states.is_empty() {
            return body();
        }
        self.locked(&self.order, |state| state.0.turn.lock().unwrap_or_else(PoisonError::into_inner), &mut |_, _| (), body)
    }

    /// Locks the states at these places, each once, does something with each as soon as it is locked, and then something with all locked.
    fn locked<'a, G, R>(
        &'a self,
        order: &[usize],
        lock: impl Fn(&'a AnyShared) -> G + Copy,
        each: &mut impl FnMut(usize, &mut G),
        then: impl FnOnce() -> R,
    ) -> R {
        let is_again = |at: usize| at > 0 && self.states[order[at]] == self.states[order[at - 1]];
        let mut guards: SmallVec<[G; LOCKS]> = SmallVec::new();
        let mut locked = 0;
        while locked < order.len() && (is_again(locked) || guards.len() < LOCKS) {
            let place = order[locked];
            if !is_again(locked) {
                guards.push(lock(&self.states[place]));
            }
            guards.last_mut().into_iter().for_each(|guard| each(place, guard));
            locked += 1;
        }
        if locked == order.len() { then() } else { self.locked(&order[locked..], lock, each, then) }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr1;

    use super::*;
    use crate::Shared;

    fn numbers(values: &[AnyArray]) -> Vec<f64> {
        values.iter().map(|array| array.numbers()[0].to_real()).collect()
    }

    #[test]
    fn several_change_together_or_not_at_all() {
        let (a, b) = (Shared::new("a", arr0(1f64)), Shared::new("b", arr0(2f64)));
        let all = Together::new(vec![b.any().clone(), a.any().clone(), b.any().clone()]);
        let now = || {
            let mut values = Vec::new();
            all.read(&mut values);
            numbers(&values)
        };
        all.swap(&mut [arr0(3f64).into(), arr0(7f64).into(), arr1(&[0f64]).into()]).unwrap_err();
        assert_eq!(now(), [2.0, 1.0, 2.0]);
        let mut values = [arr0(8f64).into(), arr0(7f64).into(), arr0(9f64).into()];
        all.swap(&mut values).unwrap();
        assert_eq!((now(), numbers(&values)), (vec![9.0, 7.0, 9.0], vec![2.0, 1.0, 8.0]));
    }

    #[test]
    fn there_may_be_many() {
        let states: Vec<Shared<i64>> = (0..100).map(|place| Shared::new("state", arr0(place))).collect();
        let all = Together::new((0..300).map(|place: usize| states[place % 7 * 13 + place / 30].any().clone()).collect());
        let mut values = Vec::new();
        all.in_turn(|| all.read(&mut values));
        let expected: Vec<f64> = (0..300).map(|place: usize| (place % 7 * 13 + place / 30) as f64).collect();
        assert_eq!(numbers(&values), expected);
    }
}
