//! Slopes measured: Ridders' method on floats, and differences of tiny steps on numbers of many digits where floats do not resolve it.

use std::cell::OnceCell;

use damo::{AnyArray, Graph, Result as DamoResult};
use ndarray::ArrayD;

use crate::precise::{OutOfReach, Precise, evaluate};
use crate::sensitivity::{Sensitivity, roundings};
use damo_oracle::special::{Big, big, is_zero, magnitude};
use damo_oracle::{Truth, of_float};

/// A measured slope.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Estimate {
    /// The slope; NaN where there is none.
    pub value: f64,
    /// The smaller and the larger of the slopes on both sides: the same but at a kink.
    pub between: (f64, f64),
    /// How far the value may be from the true one.
    pub uncertainty: f64,
}

impl Estimate {
    const NONE: Estimate = Estimate { value: f64::NAN, between: (f64::NAN, f64::NAN), uncertainty: f64::INFINITY };

    /// Whether it is good enough to tell errors of that relative size.
    pub fn resolves(&self, relative: f64) -> bool {
        self.value.is_finite() && self.uncertainty <= relative * self.value.abs()
    }
}

/// A function of floats whose slopes are measured at a point: a graph of float64 inputs, by its meaning.
pub(super) struct Measured<'g> {
    graph: &'g Graph,
    at: Vec<ArrayD<f64>>,
    /// How far its results move by rounding.
    noise: Sensitivity,
}

/// The slopes along one direction, of every element of every output.
pub(super) struct Slopes<'m> {
    of: &'m Measured<'m>,
    direction: Vec<ArrayD<f64>>,
    quick: Vec<Vec<Estimate>>,
    precise: OnceCell<Option<Vec<Vec<Estimate>>>>,
}

/// How often the step of Ridders' method is made smaller, and how much (Numerical Recipes, 3rd edition, section 5.7).
const STEPS: usize = 9;
const SMALLER: f64 = 1.6;
/// The first step, relative to the point.
const FIRST: f64 = 0.1;
/// The error that one op makes, in ulps.
const ULPS: f64 = 2.0;
/// The bits of a number of many digits, and of the step that is taken, relative to the point.
const BITS: usize = 256;
const TINY: isize = -70;

impl<'g> Measured<'g> {
    pub fn new(graph: &'g Graph, at: Vec<ArrayD<f64>>) -> DamoResult<Self> {
        let noise = roundings(graph, &arrays(graph, &at), ULPS)?;
        Ok(Measured { graph, at, noise })
    }

    /// The slopes along a direction: one array for each input.
    pub fn along(&self, direction: Vec<ArrayD<f64>>) -> DamoResult<Slopes<'_>> {
        let (mut smallest, mut largest) = (f64::INFINITY, 0.0f64);
        for (&x, &d) in self.at.iter().flatten().zip(direction.iter().flatten()) {
            if d != 0.0 && x != 0.0 {
                (smallest, largest) = (smallest.min((x / d).abs()), largest.max((x / d).abs()));
            }
        }
        // Steps of the size of 1, which leave the domain where that is smaller; then of the size of the point itself.
        let mut quick = self.ridders(&direction, FIRST * if largest > 1.0 { largest } else { 1.0 })?;
        if smallest.is_finite() && smallest < 0.5 {
            for (quick, finer) in quick.iter_mut().flatten().zip(self.ridders(&direction, FIRST * smallest)?.into_iter().flatten()) {
                if finer.uncertainty < quick.uncertainty {
                    *quick = finer;
                }
            }
        }
        Ok(Slopes { of: self, direction, quick, precise: OnceCell::new() })
    }

    fn values(&self, direction: &[ArrayD<f64>], by: f64) -> DamoResult<Vec<f64>> {
        let moved: Vec<ArrayD<f64>> = self.at.iter().zip(direction).map(|(x, d)| x + &(d * by)).collect();
        Ok(self.graph.evaluate(&arrays(self.graph, &moved))?.iter().flat_map(AnyArray::to_reals).collect())
    }

    /// Central differences of falling steps, extrapolated to none (Ridders 1982): where neighbours in the table differ least.
    fn ridders(&self, direction: &[ArrayD<f64>], first: f64) -> DamoResult<Vec<Vec<Estimate>>> {
        let mut table: Vec<Vec<Vec<f64>>> = Vec::new();
        let mut steps = Vec::new();
        for k in 0..STEPS {
            let step = first / SMALLER.powi(k as i32);
            let (above, below) = (self.values(direction, step)?, self.values(direction, -step)?);
            let mut row = vec![above.iter().zip(&below).map(|(above, below)| (above - below) / (2.0 * step)).collect::<Vec<f64>>()];
            for order in 1..=k {
                let factor = SMALLER.powi(2 * order as i32);
                row.push(row[order - 1].iter().zip(&table[k - 1][order - 1]).map(|(now, before)| (now * factor - before) / (factor - 1.0)).collect());
            }
            table.push(row);
            steps.push(step);
        }
        let noises: Vec<f64> = self.noise.moved.iter().flatten().copied().collect();
        let best = |element: usize, noise: f64| {
            // What does not change in any step does not depend on it.
            if table.iter().all(|row| row[0][element] == 0.0) {
                return Estimate { value: 0.0, between: (0.0, 0.0), uncertainty: 0.0 };
            }
            let mut best = Estimate::NONE;
            for k in 1..STEPS {
                for order in 1..=k {
                    let now = table[k][order][element];
                    let change = (now - table[k][order - 1][element]).abs().max((now - table[k - 1][order - 1][element]).abs());
                    let uncertainty = change.max(2.0 * noise / steps[k]) + 8.0 * f64::EPSILON * now.abs();
                    if uncertainty < best.uncertainty {
                        best = Estimate { value: now, between: (now, now), uncertainty };
                    }
                }
            }
            best
        };
        let mut noises = noises.into_iter().enumerate();
        Ok(self.noise.values.iter().map(|array| noises.by_ref().take(array.len()).map(|(element, noise)| best(element, noise)).collect()).collect())
    }

    /// Differences of steps so small that nothing but the slope is left, on numbers of so many digits that all of it is.
    fn with_digits(&self, direction: &[ArrayD<f64>]) -> Result<Vec<Vec<Estimate>>, OutOfReach> {
        let mut sizes: Vec<isize> = Vec::new();
        for (&x, &d) in self.at.iter().flatten().zip(direction.iter().flatten()) {
            if d != 0.0 {
                let size = |number: f64| if number == 0.0 || !number.is_finite() { 0 } else { magnitude(&big(number, 64)) };
                sizes.push(size(x) - size(d));
            }
        }
        let (least, most) = (sizes.iter().copied().min().unwrap_or(0), sizes.iter().copied().max().unwrap_or(0));
        let bits = BITS + (most - least).unsigned_abs().min(4096);
        let step = |exponent: isize| Big::from_parts(1.into(), least + exponent).with_precision(bits).value();
        let at = |by: &Big| -> Result<Vec<Vec<Truth>>, OutOfReach> {
            let moved = self.at.iter().zip(direction).map(|(x, d)| {
                let mut moved = x.mapv(|x| of_float(x, bits));
                moved.zip_mut_with(d, |x, &d| {
                    if let Truth::Number(x) = x {
                        *x = &*x + big(d, bits) * by;
                    }
                });
                Precise::Reals(moved)
            });
            let results = evaluate(self.graph, &moved.collect::<Vec<_>>(), bits)?;
            Ok(results.into_iter().map(|array| if let Precise::Reals(array) = array { array.into_iter().collect() } else { Vec::new() }).collect())
        };
        let (coarse, fine) = (step(TINY), step(TINY - 8));
        let here = at(&Big::ZERO)?;
        let (right, left) = (at(&fine)?, at(&-fine.clone())?);
        let (far_right, far_left) = (at(&coarse)?, at(&-coarse.clone())?);
        let slope = |above: &Truth, below: &Truth, step: &Big| match (above, below) {
            (Truth::Number(above), Truth::Number(below)) => {
                let difference = above - below;
                if is_zero(&difference) { 0.0 } else { (difference / step).to_f64().value() }
            }
            _ => f64::NAN,
        };
        let two = |step: &Big| step + step;
        let mut all = Vec::new();
        for output in 0..here.len() {
            let estimates = (0..here[output].len()).map(|element| {
                let [here, right, left, far_right, far_left] = [&here, &right, &left, &far_right, &far_left].map(|all| &all[output][element]);
                let value = slope(right, left, &two(&fine));
                let (above, below) = (slope(right, here, &fine), slope(here, left, &fine));
                let uncertainty = (value - slope(far_right, far_left, &two(&coarse))).abs() + 4.0 * f64::EPSILON * value.abs();
                Estimate { value, between: (above.min(below), above.max(below)), uncertainty }
            });
            all.push(estimates.collect());
        }
        Ok(all)
    }
}

impl Slopes<'_> {
    /// The quick estimate of an element of an output.
    pub fn quick(&self, output: usize, element: usize) -> Estimate {
        self.quick.get(output).and_then(|elements| elements.get(element)).copied().unwrap_or(Estimate::NONE)
    }

    /// The same with many digits, if the graph can be computed so.
    pub fn precise(&self, output: usize, element: usize) -> Option<Estimate> {
        let all = self.precise.get_or_init(|| self.of.with_digits(&self.direction).ok()).as_ref()?;
        all.get(output)?.get(element).copied()
    }
}

/// The arrays of a graph's inputs, with their element types.
fn arrays(graph: &Graph, reals: &[ArrayD<f64>]) -> Vec<AnyArray> {
    graph.inputs().iter().zip(reals).map(|(&input, reals)| AnyArray::from_reals(graph.node(input).types()[0].dtype, reals)).collect()
}
