//! The comparison of what was derived with what was measured, one element after another.

use damo::prelude::*;
use damo::{Graph, Result as DamoResult, Source};
use ndarray::{ArrayD, Dimension, IxDyn, Zip};

use super::blame::at_fault;
use super::finding::{Check, GradientError, WrongDerivative};
use super::program::{Compiled, Program, any, widened};
use super::slope::{Estimate, Measured, Slopes};
use super::{Checked, GradientCheck, Traced};
use crate::sensitivity::{epsilon, least_normal, roundings};

/// How far what was derived may be from what was measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowed {
    /// As a share of the larger.
    pub relative: f64,
    /// The least number that has all its digits.
    pub least: f64,
}

/// What is thought of an element.
pub(super) struct Verdict {
    pub is_right: bool,
    pub estimate: Estimate,
}

impl Allowed {
    /// Compares; `None` if there is no slope, or nothing is known of it.
    ///
    /// Digits are asked for where floats do not resolve the slope, and before anything is called wrong.
    pub fn judge(self, derived: f64, moved: f64, slopes: &Slopes<'_>, output: usize, element: usize) -> Option<Verdict> {
        let quick = slopes.quick(output, element);
        if quick.resolves(self.relative) && self.fits(derived, moved, &quick) {
            return Some(Verdict { is_right: true, estimate: quick });
        }
        let estimate = slopes.precise(output, element).filter(|estimate| estimate.value.is_finite()).unwrap_or(quick);
        // What is known to no digit is not known.
        let is_known =
            estimate.uncertainty.is_finite() && (estimate.uncertainty <= 1e-3 * estimate.value.abs() || estimate.uncertainty <= self.least);
        let is_told = is_known && estimate.value.is_finite() && (moved.is_finite() || !derived.is_finite());
        is_told.then(|| Verdict { is_right: self.fits(derived, moved, &estimate), estimate })
    }

    fn fits(self, derived: f64, moved: f64, estimate: &Estimate) -> bool {
        let moved = if moved.is_finite() { moved } else { 0.0 };
        let size = derived.abs().max(estimate.value.abs());
        let allowed = self.relative * size + 4.0 * estimate.uncertainty + 4.0 * moved + self.least;
        let (low, high) = estimate.between;
        // At a kink, any slope between those of both sides will do. Written so that NaN is wrong.
        (derived - estimate.value).abs() <= allowed || (low - allowed <= derived && derived <= high + allowed)
    }
}

/// What was derived: the elements of every output, and how far rounding moves them.
struct Derived {
    values: Vec<Vec<f64>>,
    moved: Vec<Vec<f64>>,
}

fn derive<T: Float>(compiled: &Compiled<T>, arrays: &[ArrayD<T>]) -> DamoResult<Derived> {
    let values = compiled.call(arrays.iter().collect::<Vec<_>>())?;
    let rounding = roundings(compiled.traced_graph(), &any(arrays), 4.0)?;
    Ok(Derived {
        values: values.iter().map(|array| array.iter().map(|x| x.to_f64()).collect()).collect(),
        moved: rounding.moved.iter().map(|array| array.iter().copied().collect()).collect(),
    })
}

/// A check under way.
struct Judge<'a, T> {
    program: &'a Program<T>,
    inputs: &'a [ArrayD<T>],
    allowed: Allowed,
    checked: Checked,
    asked: Source,
}

/// Where in the inputs or the result: which of them, which element in order, and its indices.
struct Place {
    which: usize,
    element: usize,
    index: Vec<usize>,
}

/// Every element of arrays of these shapes, or so many of them, evenly spread.
fn places(shapes: &[&[usize]], most: usize) -> Vec<Place> {
    let mut all = Vec::new();
    for (which, shape) in shapes.iter().enumerate() {
        let indices = ndarray::indices(IxDyn(shape)).into_iter().enumerate();
        all.extend(indices.map(|(element, index)| Place { which, element, index: index.slice().to_vec() }));
    }
    let count = all.len();
    let is_taken = |place: usize| count <= most || (place * most) / count != ((place + 1) * most) / count;
    all.into_iter().enumerate().filter(|(place, _)| is_taken(*place)).map(|(_, place)| place).collect()
}

/// 1 in one place and 0 in all others.
fn unit<T: Float>(shape: &[usize], element: Option<usize>) -> ArrayD<T> {
    let mut unit = ArrayD::from_elem(IxDyn(shape), T::from_f64(0.0));
    if let Some(x) = element.and_then(|element| unit.iter_mut().nth(element)) {
        *x = T::from_f64(1.0);
    }
    unit
}

pub(super) fn check<T: Float>(f: &impl Traced<T>, inputs: &[ArrayD<T>], settings: &GradientCheck, asked: Source) -> Result<Checked, GradientError> {
    let program = Program::compile(f, inputs, &settings.config, settings.second)?;
    let relative = settings.tolerance.unwrap_or_else(|| (16.0 * epsilon(T::DTYPE)).max(2e-9));
    let allowed = Allowed { relative, least: least_normal(T::DTYPE) };
    let mut judge = Judge { program: &program, inputs, allowed, checked: Checked::default(), asked };
    judge.first(settings.elements)?;
    judge.adjoint(settings.directions)?;
    judge.second(settings.elements)?;
    Ok(judge.checked)
}

impl<T: Float> Judge<'_, T> {
    fn point(&self) -> Vec<ArrayD<f64>> {
        self.inputs.iter().map(|array| array.mapv(T::to_f64)).collect()
    }

    fn shapes(&self) -> Vec<&[usize]> {
        self.inputs.iter().map(ArrayD::shape).collect()
    }

    /// The direction of one element.
    fn units(&self, place: &Place) -> Vec<ArrayD<T>> {
        self.shapes().iter().enumerate().map(|(which, shape)| unit(shape, (which == place.which).then_some(place.element))).collect()
    }

    /// Every element of the Jacobian, by forward and by reverse mode.
    fn first(&mut self, most: usize) -> Result<(), GradientError> {
        let wide = widened(self.program.value.traced_graph());
        let measured = Measured::new(&wide, self.point())?;
        let shape = self.program.shape.clone();
        let columns = places(&self.shapes(), most);
        let rows = places(&[&shape], most);
        let mut slopes = Vec::with_capacity(columns.len());
        for column in &columns {
            let direction = self.units(column);
            let along = measured.along(direction.iter().map(|array| array.mapv(T::to_f64)).collect())?;
            let derived = derive(&self.program.forward, &[self.inputs, &direction].concat())?;
            for row in &rows {
                let found = (derived.values[0][row.element], derived.moved[0][row.element]);
                self.compare(Check::Forward, Some(column), (0, row), found, &along, (0, row.element))?;
            }
            slopes.push(along);
        }
        for row in &rows {
            let derived = derive(&self.program.reverse, &[self.inputs, &[unit(&shape, Some(row.element))]].concat())?;
            for (column, slopes) in columns.iter().zip(&slopes) {
                let found = (derived.values[column.which][column.element], derived.moved[column.which][column.element]);
                self.compare(Check::Reverse, Some(column), (0, row), found, slopes, (0, row.element))?;
            }
        }
        // What was left out lies in some direction.
        let all: usize = self.inputs.iter().map(ArrayD::len).sum();
        if columns.len() < all || rows.len() < shape.iter().product() {
            let direction: Vec<ArrayD<T>> = self.shapes().iter().enumerate().map(|(k, shape)| weights(shape, k).mapv(T::from_f64)).collect();
            let along = measured.along(direction.iter().map(|array| array.mapv(T::to_f64)).collect())?;
            let derived = derive(&self.program.forward, &[self.inputs, &direction].concat())?;
            for row in &places(&[&shape], usize::MAX) {
                let found = (derived.values[0][row.element], derived.moved[0][row.element]);
                self.compare(Check::Forward, None, (0, row), found, &along, (0, row.element))?;
            }
        }
        Ok(())
    }

    /// ⟨J v, u⟩ = ⟨v, Jᵀ u⟩ for random v and u.
    fn adjoint(&mut self, directions: usize) -> Result<(), GradientError> {
        for direction in 0..directions {
            let seed = 1000 * (direction + 1);
            let v: Vec<ArrayD<T>> = self.shapes().iter().enumerate().map(|(k, shape)| weights(shape, seed + k).mapv(T::from_f64)).collect();
            let u: ArrayD<T> = weights(&self.program.shape, seed + 999).mapv(T::from_f64);
            let forward = derive(&self.program.forward, &[self.inputs, &v].concat())?;
            let reverse = derive(&self.program.reverse, &[self.inputs, std::slice::from_ref(&u)].concat())?;
            let product = |derived: &Derived, weights: &[ArrayD<T>]| {
                let (mut sum, mut moved, mut size) = (0.0, 0.0, 0.0f64);
                for ((&x, &by), weight) in derived.values.iter().flatten().zip(derived.moved.iter().flatten()).zip(weights.iter().flatten()) {
                    let weight = weight.to_f64();
                    sum += x * weight;
                    moved += by * weight.abs();
                    size += (x * weight).abs();
                }
                (sum, moved + 4.0 * f64::EPSILON * size)
            };
            let ((left, left_moved), (right, right_moved)) = (product(&forward, std::slice::from_ref(&u)), product(&reverse, &v));
            let moved = left_moved + right_moved;
            self.checked.derivatives += 1;
            if !left.is_finite() || !right.is_finite() || !moved.is_finite() {
                self.checked.untold += 1;
                continue;
            }
            if (left - right).abs() > self.allowed.relative * left.abs().max(right.abs()) + 4.0 * moved + self.allowed.least {
                let estimate = Estimate { value: right, between: (right, right), uncertainty: moved };
                let row = Place { which: 0, element: 0, index: Vec::new() };
                return Err(self.wrong(Check::Adjoint, None, (0, &row), (left, moved), estimate));
            }
        }
        Ok(())
    }

    /// Every element of the Hessian of ⟨u, f⟩ for a random u, by both ways.
    fn second(&mut self, most: usize) -> Result<(), GradientError> {
        let Some(second) = &self.program.second else { return Ok(()) };
        let u: ArrayD<T> = weights(&self.program.shape, self.inputs.len()).mapv(T::from_f64);
        let wide = widened(self.program.reverse.traced_graph());
        let mut at = self.point();
        at.push(u.mapv(T::to_f64));
        let measured = Measured::new(&wide, at)?;
        let columns = places(&self.shapes(), most);
        let rows = places(&self.shapes(), most);
        for column in &columns {
            let direction = self.units(column);
            let mut along: Vec<ArrayD<f64>> = direction.iter().map(|array| array.mapv(T::to_f64)).collect();
            along.push(ArrayD::zeros(u.raw_dim()));
            let slopes = measured.along(along)?;
            for (check, compiled) in [Check::ForwardOverReverse, Check::ReverseOverReverse].into_iter().zip(second) {
                let derived = derive(compiled, &[self.inputs, std::slice::from_ref(&u), &direction].concat())?;
                for row in &rows {
                    let found = (derived.values[row.which][row.element], derived.moved[row.which][row.element]);
                    self.compare(check, Some(column), (row.which, row), found, &slopes, (row.which, row.element))?;
                }
            }
        }
        Ok(())
    }

    fn compare(
        &mut self,
        check: Check,
        column: Option<&Place>,
        row: (usize, &Place),
        (derived, moved): (f64, f64),
        slopes: &Slopes<'_>,
        (output, element): (usize, usize),
    ) -> Result<(), GradientError> {
        self.checked.derivatives += 1;
        let Some(Verdict { is_right, estimate }) = self.allowed.judge(derived, moved, slopes, output, element) else {
            self.checked.untold += 1;
            return Ok(());
        };
        if !is_right {
            return Err(self.wrong(check, column, row, (derived, moved), estimate));
        }
        if estimate.value != 0.0 {
            self.checked.coarsest = self.checked.coarsest.max((estimate.uncertainty / estimate.value).abs());
        }
        Ok(())
    }

    fn wrong(&self, check: Check, column: Option<&Place>, row: (usize, &Place), (derived, moved): (f64, f64), estimate: Estimate) -> GradientError {
        let graph: &Graph = self.program.value.traced_graph();
        GradientError::Wrong(Box::new(WrongDerivative {
            check,
            input: column.map(|place| (place.which, place.index.clone())),
            output: (row.0, row.1.index.clone()),
            derived,
            measured: estimate.value,
            uncertainty: estimate.uncertainty,
            rounding: moved,
            at_fault: at_fault(graph, &any(self.inputs), self.allowed),
            asked: self.asked,
        }))
    }
}

/// Numbers between ½ and 1½ with both signs, the same on every run; float32 has them too.
pub(super) fn weights(shape: &[usize], seed: usize) -> ArrayD<f64> {
    let mut state = 0x9E37_79B9_7F4A_7C15u64.wrapping_mul(seed as u64 + 1);
    let mut array = ArrayD::zeros(IxDyn(shape));
    Zip::from(&mut array).for_each(|x: &mut f64| {
        // A step of splitmix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators").
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let unit = ((mixed ^ (mixed >> 31)) >> 44) as f64 / f64::from(1 << 20);
        *x = if unit < 0.5 { unit - 1.5 } else { unit };
    });
    array
}
