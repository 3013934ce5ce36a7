//! Windows that slide over the last axes of an array: what pooling reduces.

use smallvec::SmallVec;

use super::attributes::Attributes;
use super::slice::Range;
use crate::dim::Dim;
use crate::error::Problem;
use crate::lengths::Lengths;
use crate::sizes::Sizes;
use crate::types::{Dims, Type};

/// Windows over the last axes: along each of them window `j` holds the places from `begins.start + j·begins.step` on, `length` of them.
///
/// Places outside of the array are in no window; each window holds a place inside.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Windows {
    /// Where the windows begin along each axis: before place 0 where they reach over the edge.
    pub begins: SmallVec<[Range; 4]>,
    /// How long a window is along each axis.
    pub lengths: SmallVec<[usize; 4]>,
}

impl Windows {
    pub(super) fn parse(attributes: &Attributes) -> Result<Self, Problem> {
        let begins = attributes.list("begins")?.into_iter().map(Range::parse).collect::<Result<_, _>>()?;
        Ok(Windows { begins, lengths: attributes.axes("lengths")?.into() })
    }

    pub(super) fn attributes(&self) -> Attributes {
        Attributes::none().with_list("begins", &self.begins).with_list("lengths", &self.lengths)
    }

    /// The lengths of an array with one element for each window.
    pub(super) fn infer(&self, x: &Type, lengths: &mut Lengths) -> Result<Dims, Problem> {
        let axes = self.begins.len();
        if axes == 0 || axes > x.rank() || self.lengths.len() != axes {
            let message = format!("windows with {} lengths slide along {axes} axes of {x}", self.lengths.len());
            return Err(Problem::axis(message).advise("give a length for each of the last axes that they slide along"));
        }
        let leading = x.rank() - axes;
        for (axis, (range, &length)) in self.begins.iter().zip(&self.lengths).enumerate() {
            let Range { start, step: stride, length: count } = range;
            if *stride < 1 || length == 0 {
                let message = format!("windows of length {length} with the stride {stride} slide along axis {}", leading + axis);
                return Err(Problem::axis(message).advise("a length and a stride are 1 or more"));
            }
            // Where nothing is known of the length, a window must fit.
            let least = Dim::from(i64::from(count.known().is_none()));
            if !lengths.at_least(count, &least) {
                return Err(Problem::shapes(format!("the window is larger than the array along axis {}: {count} windows", leading + axis)));
            }
            if count.known() == Some(0) {
                continue;
            }
            let last = start.clone() + (count.clone() - 1) * Dim::from(*stride);
            let is_met = lengths.at_least(start, &Dim::from(1 - length as i64)) && lengths.at_least(&x.dims[leading + axis], &(last + 1));
            if !is_met {
                let message = format!("a window along axis {} lies outside of the array's length {}", leading + axis, x.dims[leading + axis]);
                return Err(Problem::shapes(message).advise("pad by less than the length of the window"));
            }
        }
        Ok(x.dims[..leading].iter().chain(self.begins.iter().map(|range| &range.length)).cloned().collect())
    }

    /// The places in row-major order that each window holds in an array of that shape; the windows in row-major order, too.
    pub(super) fn places(&self, shape: &[usize], sizes: &Sizes) -> Result<Vec<Vec<usize>>, Problem> {
        let leading = shape.len() - self.begins.len();
        let mut windows: Vec<Vec<usize>> = (0..shape[..leading].iter().product()).map(|row| vec![row]).collect();
        for ((range, &length), &inside) in self.begins.iter().zip(&self.lengths).zip(&shape[leading..]) {
            let start = sizes.evaluate(&range.start).ok_or_else(|| Problem::shapes(format!("the start `{}` is not known", range.start)))?;
            let along: Vec<Vec<usize>> = (0..sizes.length(&range.length)?)
                .map(|window| {
                    let begin = i128::from(start) + window as i128 * i128::from(range.step);
                    (begin..begin + length as i128).filter_map(|place| usize::try_from(place).ok()).filter(|&place| place < inside).collect()
                })
                .collect();
            let within =
                |outer: &Vec<usize>, along: &Vec<usize>| outer.iter().flat_map(|&row| along.iter().map(move |&place| row * inside + place)).collect();
            windows = windows.iter().flat_map(|outer| along.iter().map(move |along| within(outer, along))).collect();
        }
        Ok(windows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::DType;
    use crate::error::ErrorKind;
    use crate::symbol::Symbol;

    fn windows(begins: &[(i64, i64, i64)], lengths: &[usize]) -> Windows {
        let range = |&(start, step, length): &(i64, i64, i64)| Range { start: start.into(), step, length: length.into() };
        Windows { begins: begins.iter().map(range).collect(), lengths: lengths.into() }
    }

    #[test]
    fn they_slide_over_the_last_axes() {
        let places = windows(&[(0, 1, 1), (-1, 2, 2)], &[2, 2]).places(&[2, 2, 3], &Sizes::default()).unwrap();
        assert_eq!(places, [vec![0, 3], vec![1, 2, 4, 5], vec![6, 9], vec![7, 8, 10, 11]]);
    }

    #[test]
    fn each_holds_something() {
        let infer = |windows: Windows, shape: &[i64]| windows.infer(&Type::new(DType::F32, shape.iter().copied()), &mut Lengths::default());
        assert_eq!(infer(windows(&[(0, 2, 2)], &[2]), &[3, 4]).unwrap().to_string(), "[3, 2]");
        assert_eq!(infer(windows(&[(-2, 2, 3)], &[2]), &[3, 4]).unwrap_err().kind, ErrorKind::Shapes);
        assert_eq!(infer(windows(&[(0, 2, 3)], &[2]), &[3, 4]).unwrap_err().kind, ErrorKind::Shapes);
        assert_eq!(infer(windows(&[(0, 1, -1)], &[6]), &[3, 4]).unwrap_err().kind, ErrorKind::Shapes);
        assert_eq!(infer(windows(&[(0, 0, 1)], &[2]), &[3, 4]).unwrap_err().kind, ErrorKind::Axis);
        assert_eq!(infer(windows(&[(0, 1, 1)], &[0]), &[3, 4]).unwrap_err().kind, ErrorKind::Axis);
        assert_eq!(infer(windows(&[(0, 1, 1), (0, 1, 1)], &[1, 1]), &[4]).unwrap_err().kind, ErrorKind::Axis);
        let n = Symbol::new("n");
        let halves = Windows {
            begins: [Range { start: 0.into(), step: 2, length: Dim::from(n).floor_div(&2.into()) }].into_iter().collect(),
            lengths: [2].into_iter().collect(),
        };
        assert_eq!(halves.infer(&Type::new(DType::F32, [n]), &mut Lengths::default()).unwrap().to_string(), "[floor(n, 2)]");
    }
}
