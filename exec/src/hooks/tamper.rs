//! What tests change to plant a fault: the parts of a plan, what a step has just written, bytes beside it.

#![expect(unsafe_code, reason = "it changes what a step has written")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a few dtypes are enough to plant a fault")]

use damo_graph::{AnyArray, DType};

use crate::kernel::Kernel;
use crate::nest::BufferId;
use crate::plan::{Plan, PlannedStep};
use crate::region::Region;
use crate::step::{Buffer, Step};
use crate::view::{View, ViewMut};

/// Kernels are made for up to so many threads.
const THREADS: usize = 16;

impl Plan {
    /// The steps, to be changed. After a change of a nest, [`compile_again`](Plan::compile_again).
    pub fn steps_mut(&mut self) -> &mut Vec<PlannedStep> {
        &mut self.steps
    }

    /// The buffers, to be changed.
    pub fn buffers_mut(&mut self) -> &mut [Buffer] {
        &mut self.buffers
    }

    /// The literal arrays, to be changed.
    pub fn constants_mut(&mut self) -> &mut [AnyArray] {
        &mut self.constants
    }

    /// Makes the kernels of all nests again. A nest that has become malformed keeps the kernel it had.
    pub fn compile_again(&mut self) {
        for step in &mut self.steps {
            let Step::Nest(nest) = &step.step else { continue };
            if let Ok(kernel) = Kernel::compile(nest, step.kernel.as_ref().and_then(Kernel::machine_code)) {
                self.scratch_bytes = self.scratch_bytes.max(kernel.scratch_bytes(THREADS));
                step.kernel = Some(kernel);
            }
        }
    }
}

/// A byte that is written where it must not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write {
    /// From the start of this buffer,
    pub buffer: BufferId,
    /// so many bytes on, or back.
    pub byte: isize,
    /// What is written.
    pub value: u8,
}

/// The moment after a step, before the next.
#[derive(Debug)]
pub struct Moment<'a> {
    /// Which step, from 0.
    pub at: usize,
    /// The plan.
    pub plan: &'a Plan,
    /// In which order work is done: 0 is the plain one.
    pub order: usize,
    regions: &'a [Region<'a>],
}

impl<'a> Moment<'a> {
    pub(crate) const fn new(at: usize, plan: &'a Plan, regions: &'a [Region<'a>], order: usize) -> Self {
        Moment { at, plan, order, regions }
    }

    /// The step.
    pub fn step(&self) -> &PlannedStep {
        &self.plan.steps[self.at]
    }

    /// Changes an element that the step wrote, counted in memory, if there is one. A truth value is changed as its byte.
    pub fn change(&self, buffer: BufferId, element: usize, change: impl Fn(f64) -> f64) {
        let (Some(known), Some(&region)) = (self.plan.buffers.get(buffer.index()), self.regions.get(buffer.index())) else { return };
        if !self.step().step.writes().contains(&buffer) {
            return;
        }
        let at = element as isize;
        match known.dtype {
            DType::F32 => changed::<f32>(region, at, |x| change(f64::from(x)) as f32),
            DType::F64 => changed::<f64>(region, at, change),
            DType::I64 => changed::<i64>(region, at, |x| change(x as f64) as i64),
            DType::Bool | DType::U8 => changed::<u8>(region, at, |x| change(f64::from(x)) as u8),
            _ => {}
        }
    }
}

/// Changes an element of memory, if it is there and may be written.
fn changed<T: damo_graph::Element>(region: Region<'_>, at: isize, change: impl Fn(T) -> T) {
    // SAFETY: between two steps of a call nobody else uses its memory.
    let Ok(old) = (unsafe { View::<T, 1>::new(region, at, [1], [1]) }) else { return };
    let Some(old) = old.iter().next() else { return };
    // SAFETY: as above.
    if let Ok(mut new) = unsafe { ViewMut::<T, 1>::new(region, at, [1], [1]) } {
        new.write(std::iter::once(change(old)));
    }
}
