//! A call in its memory: what a call works with beside the caller's arrays is kept for the next, so that a steady one allocates nothing.

#![expect(unsafe_code, reason = "results are read after a plan has written them")]

use std::sync::Arc;

use damo_graph::{AnyArray, DType, Error, ErrorKind, Result};

use crate::array::{Output, OwnedElements, Target, own_region};
use crate::executable::Executable;
use crate::inputs::Inputs;
use crate::plan::Plan;
use crate::profile::meter::{Meter, Stopwatch};
use crate::region::Region;
use crate::run::{Arena, recycled};

/// What calls of one executable work with, one call at a time: [`Executable::frame`] makes it.
#[derive(Debug)]
pub struct Frame {
    /// Whose calls.
    pub(crate) executable: u64,
    /// The plan of the last call.
    pub(crate) plan: Option<Arc<Plan>>,
    arena: Arena,
    /// The room of a list.
    regions: Vec<Region<'static>>,
    /// Which of the caller's arrays a call writes itself.
    direct: Vec<bool>,
    /// Results for the caller's other arrays, all elements there.
    copies: Vec<Output>,
    /// What measures the calls, if they are.
    pub(crate) stopwatch: Option<Box<Stopwatch>>,
}

/// Where the results of a call go. There are as many results as the graph has outputs.
pub struct Outputs<'a, 't> {
    /// The first go to the caller's arrays, of any strides.
    pub targets: &'a mut [&'t mut dyn Target],
    /// The last become these, whatever they were; the memory of those that nobody else holds is used again.
    pub states: &'a mut [AnyArray],
    /// These become what is between, whatever they were; small ones are written again.
    pub results: &'a mut Vec<Output>,
}

impl Frame {
    pub(crate) fn new(executable: u64, is_measured: bool) -> Self {
        let stopwatch = is_measured.then(Box::default);
        Frame { executable, plan: None, arena: Arena::default(), regions: Vec::new(), direct: Vec::new(), copies: Vec::new(), stopwatch }
    }

    /// A call begins: where calls are measured, its time is counted from here to [`Executable::finish`].
    #[inline]
    pub fn begin(&mut self) {
        if let Some(stopwatch) = &mut self.stopwatch {
            stopwatch.begin();
        }
    }

    /// The arguments of a call are there. Gives whether it begins only now.
    #[inline]
    pub(crate) fn enter(&mut self) -> bool {
        self.stopwatch.as_mut().is_some_and(|stopwatch| stopwatch.enter())
    }

    /// Runs a plan of this executable on inputs that it fits.
    ///
    /// Fails as [`Executable::run`] does. Whatever happens, the caller's arrays have their results or are as they were.
    pub(crate) fn run<M: Meter>(
        &mut self,
        executable: &Executable,
        plan: &Plan,
        inputs: Inputs<'_>,
        outputs: &mut Outputs<'_, '_>,
        meter: &mut M,
    ) -> Result<()> {
        executable.check_targets(outputs, plan.outputs.iter().map(|(dtype, shape)| (*dtype, shape.as_slice())))?;
        let ran = self.run_into(executable, plan, inputs, outputs, meter);
        if ran.is_err() {
            outputs.results.clear();
        }
        ran
    }

    fn run_into<M: Meter>(
        &mut self,
        executable: &Executable,
        plan: &Plan,
        inputs: Inputs<'_>,
        outputs: &mut Outputs<'_, '_>,
        meter: &mut M,
    ) -> Result<()> {
        let (given, kept) = (outputs.targets.len(), plan.outputs.len() - outputs.states.len());
        outputs.results.truncate(kept - given);
        let ready = outputs.results.len();
        outputs.results.extend((given + ready..kept).map(|place| room_for(plan, place)));
        for (state, (dtype, shape)) in outputs.states.iter_mut().zip(&plan.outputs[kept..]) {
            // Whoever holds the array has it as a value that does not change.
            if state.dtype() != *dtype || state.shape() != shape.as_slice() || own_region(state).is_none() {
                let zeros = OwnedElements::zeros(*dtype, shape.iter().product()).into_array(shape);
                *state = zeros.ok_or_else(|| Error::new(ErrorKind::Execution, "a state has no memory"))?;
            }
        }
        let no_memory = || Error::new(ErrorKind::Execution, "a result has no memory");
        self.direct.clear();
        let mut regions: Vec<Region<'_>> = recycled(std::mem::take(&mut self.regions));
        let mut copied = 0;
        // A step that may fail must not have written to the caller's arrays.
        for (place, target) in outputs.targets.iter_mut().enumerate() {
            let is_direct = !plan.may_fail && target.may_be_written();
            self.direct.push(is_direct);
            if !is_direct {
                let (dtype, shape) = &plan.outputs[place];
                if self.copies.get(copied).is_none_or(|copy| !copy.has_room(*dtype, shape)) {
                    self.copies.truncate(copied);
                    self.copies.push(Output::new(OwnedElements::zeros(*dtype, shape.iter().product()), shape));
                }
                copied += 1;
            }
        }
        let mut copies = self.copies.iter_mut();
        for (target, &is_direct) in outputs.targets.iter_mut().zip(&self.direct) {
            let region = if is_direct { target.region() } else { copies.next().and_then(Output::region) };
            regions.push(region.ok_or_else(no_memory)?);
        }
        for (place, result) in (given..).zip(outputs.results.iter_mut()) {
            let (dtype, shape) = &plan.outputs[place];
            // What was there goes first, but for a small result like this.
            if place < given + ready && !result.stays(*dtype, shape) {
                *result = room_for(plan, place);
            }
            regions.push(result.region().ok_or_else(no_memory)?);
        }
        for state in outputs.states.iter_mut() {
            regions.push(own_region(state).ok_or_else(no_memory)?);
        }
        let ran = executable.as_call(plan, inputs).run(&regions, &mut self.arena, meter);
        self.regions = recycled(regions);
        ran?;
        // SAFETY: a plan says which results its machine code writes whole; all others were zeros before.
        outputs.results.iter_mut().for_each(|result| unsafe { result.assume_written() });
        let mut copies = self.copies.iter();
        for (target, _) in outputs.targets.iter_mut().zip(&self.direct).filter(|(_, is_direct)| !**is_direct) {
            if !copies.next().is_some_and(|copy| target.copy_from(copy)) {
                return Err(Error::new(ErrorKind::Execution, "a result does not fit the array it was made for"));
            }
        }
        Ok(())
    }
}

/// Memory for a new result of a plan.
fn room_for(plan: &Plan, place: usize) -> Output {
    let (dtype, shape) = &plan.outputs[place];
    if let Some(small) = Output::small(*dtype, shape) {
        return small;
    }
    let count = shape.iter().product();
    let elements = if plan.is_written[place] { OwnedElements::unwritten(*dtype, count) } else { OwnedElements::zeros(*dtype, count) };
    Output::new(elements, shape)
}

impl Outputs<'_, '_> {
    /// Puts results that were made elsewhere where they go.
    pub(crate) fn put(&mut self, results: impl ExactSizeIterator<Item = AnyArray>) {
        let kept = results.len() - self.states.len();
        self.results.clear();
        for (place, array) in results.enumerate() {
            if let Some(target) = self.targets.get_mut(place) {
                target.copy_from(&array.into());
            } else if let Some(state) = place.checked_sub(kept).and_then(|state| self.states.get_mut(state)) {
                *state = array;
            } else {
                self.results.push(array.into());
            }
        }
    }

    /// The element type and lengths of an array of the caller's.
    pub(crate) fn target(&self, place: usize) -> (DType, &[usize]) {
        (self.targets[place].dtype(), self.targets[place].shape())
    }
}
