//! What stands around an array where a filter or a window reaches over its edge, and how many windows that makes.

use damo_graph::op::slice::Range;
use damo_graph::{Dim, Problem};

/// What stands around an array where a filter or a window reaches over its edge.
///
/// Pairs of counts are taken as they are; single counts stand on both sides:
///
/// ```
/// use damo_trace::Padding;
/// assert_eq!(Padding::from([1, 2]), Padding::from([(1, 1), (2, 2)]));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Padding {
    /// Nothing: all windows lie inside.
    #[default]
    Valid,
    /// As much as makes `ceil(n / stride)` windows, with the odd one after it: as long a result as the input, if the stride is 1.
    Same,
    /// So much before and after it along each axis. Negative counts cut off.
    Explicit(Vec<(i64, i64)>),
}

impl<const N: usize> From<[i64; N]> for Padding {
    fn from(both_sides: [i64; N]) -> Self {
        Padding::Explicit(both_sides.map(|count| (count, count)).into())
    }
}

impl<const N: usize> From<[(i64, i64); N]> for Padding {
    fn from(counts: [(i64, i64); N]) -> Self {
        Padding::Explicit(counts.into())
    }
}

/// A number for each axis that windows slide along, or the same for all.
pub(crate) fn per_axis(what: &str, given: Option<&[usize]>, axes: usize, otherwise: &[usize]) -> Result<Vec<usize>, Problem> {
    let Some(given) = given else { return Ok(otherwise.to_vec()) };
    if given.len() == axes {
        return Ok(given.to_vec());
    }
    let message = format!("{} numbers were given for the {what}, and it slides along {axes} axes", given.len());
    Err(Problem::axis(message).advise("give a number for each of these axes"))
}

/// An axis along which a window slides.
pub(crate) struct Slide {
    /// Its place among the axes that windows slide along.
    pub axis: usize,
    /// How long it is.
    pub length: Dim,
    /// The length of a window, from its first place to its last.
    pub reach: Dim,
    /// From one window to the next.
    pub stride: usize,
}

impl Slide {
    /// Where the windows begin. A window must fit.
    pub fn begins(&self, padding: &Padding) -> Result<Range, Problem> {
        let Slide { axis, length, reach, stride } = self;
        if *stride == 0 {
            return Err(Problem::axis(format!("the stride along spatial axis {axis} is 0")).advise("a step is 1 or more"));
        }
        let by = Dim::from(*stride);
        let (before, after) = match padding {
            Padding::Valid => (Dim::from(0), Dim::from(0)),
            Padding::Same => {
                let count = (length.clone() + Dim::from(stride - 1)).floor_div(&by);
                let total = (count.clone() - 1) * by + reach.clone() - length.clone();
                let total = match total.known() {
                    Some(total) => Dim::from(total.max(0)),
                    // With a stride no longer than the window it is never negative.
                    None if *stride == 1 || reach.known().is_some_and(|reach| reach >= *stride as i64) => total,
                    None => {
                        let message =
                            format!("the padding of an unknown length {length} by windows of length {reach} with the stride {stride} is not known");
                        return Err(Problem::shapes(message).advise("give the padding before and after it as numbers"));
                    }
                };
                return Ok(Range { start: -total.floor_div(&2.into()), step: *stride as i64, length: count });
            }
            Padding::Explicit(counts) => {
                let Some(&(before, after)) = counts.get(*axis) else {
                    let message = format!("{} paddings were given, and there is a spatial axis {axis}", counts.len());
                    return Err(Problem::axis(message).advise("give a padding for each of these axes"));
                };
                (Dim::from(before), Dim::from(after))
            }
        };
        let room = length.clone() + before.clone() + after;
        // Of unknown lengths the op demands it.
        if (room.clone() - reach.clone()).known().is_some_and(|spare| spare < 0) {
            let message = format!("a window of length {reach} does not fit into the length {room} of spatial axis {axis}");
            return Err(Problem::shapes(message).advise("pad more, or slide something smaller"));
        }
        Ok(Range { start: -before, step: *stride as i64, length: (room - reach.clone()).floor_div(&by) + Dim::from(1) })
    }
}
