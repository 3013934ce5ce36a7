//! The plans an executable has made: few, the latest used first, found by the lengths and strides of a call's arrays.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::array::Argument;
use crate::inputs::Inputs;
use crate::layout::{Layout, Strides, row_major};
use crate::plan::Plan;

/// What a plan depends on: the lengths and strides of all inputs, one after the other.
pub(crate) type Key = SmallVec<[isize; 24]>;

/// The key of a call.
pub(crate) fn key(inputs: Inputs<'_>) -> Key {
    let mut key = Key::new();
    for array in inputs.iter() {
        let (shape, strides) = (array.shape(), array.strides());
        key.extend(shape.iter().map(|&length| length as isize));
        // Where no step is taken along an axis, its stride says nothing.
        let empty = shape.contains(&0);
        key.extend(shape.iter().zip(strides).map(|(&length, &stride)| if empty || length == 1 { 0 } else { stride }));
    }
    key
}

/// Where the elements of an array lie, seen from its first.
pub(crate) fn layout(array: &dyn Argument) -> Layout {
    let shape = array.shape();
    let plain = row_major(shape);
    let empty = shape.contains(&0);
    let strides: Strides =
        array.strides().iter().zip(&plain).zip(shape).map(|((&own, &plain), &length)| if empty || length == 1 { plain } else { own }).collect();
    Layout { shape: shape.into(), strides, offset: 0 }
}

/// Plans, the latest used first.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    plans: Vec<(Key, Arc<Plan>)>,
    pub hits: u64,
    pub misses: u64,
}

impl Cache {
    /// The plan for a key, if it is there.
    pub fn find(&mut self, key: &Key) -> Option<Arc<Plan>> {
        let place = self.plans.iter().position(|(known, _)| known == key);
        let Some(place) = place else {
            self.misses += 1;
            return None;
        };
        self.hits += 1;
        self.plans[..=place].rotate_right(1);
        Some(Arc::clone(&self.plans[0].1))
    }

    /// Lets a plan be the latest used, if it is still kept.
    pub fn touch(&mut self, plan: &Arc<Plan>) {
        if let Some(place) = self.plans.iter().position(|(_, known)| Arc::ptr_eq(known, plan)) {
            self.plans[..=place].rotate_right(1);
        }
    }

    /// Keeps a plan, and at most so many.
    pub fn keep(&mut self, key: Key, plan: &Arc<Plan>, at_most: usize) {
        self.plans.retain(|(known, _)| *known != key);
        self.plans.insert(0, (key, Arc::clone(plan)));
        self.plans.truncate(at_most.max(1));
    }

    /// The plans, the latest used first.
    pub fn plans(&self) -> impl ExactSizeIterator<Item = &Arc<Plan>> {
        self.plans.iter().map(|(_, plan)| plan)
    }
}
