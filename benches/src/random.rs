//! Random arrays that come out the same here and in `peers/data.py`, so that results of Damo and of its peers can be compared.

use damo::prelude::*;
use damo::{Config, Float};
use ndarray::{ArrayD, Dimension, IntoDimension};

use crate::stream::Stream;

/// Streams of random numbers, one for each array that is asked for.
#[derive(Debug, Default)]
pub struct Random {
    arrays: u64,
}

impl Random {
    /// The stream of the next array.
    fn stream(&mut self) -> Stream {
        self.arrays += 1;
        Stream::of_array(self.arrays)
    }

    /// Numbers from 0.5 to 1.5.
    pub fn uniform<T: Float>(&mut self, shape: &[usize]) -> ArrayD<T> {
        let stream = self.stream();
        in_large_pages(array(shape, |place| T::from_f64(stream.uniform(place))))
    }

    /// Numbers of mean 0 and this standard deviation.
    pub fn normal<T: Float>(&mut self, shape: &[usize], deviation: f64) -> ArrayD<T> {
        let stream = self.stream();
        in_large_pages(array(shape, |place| T::from_f64(deviation * stream.normal(place))))
    }

    /// Whole numbers from 0 to below a bound.
    pub fn below(&mut self, bound: u32, count: usize) -> ArrayD<i32> {
        let stream = self.stream();
        array(&[count], |place| (f64::from(bound) * stream.unit(place)) as i32)
    }
}

/// An array of what the places, counted row by row, are mapped to.
fn array<T: Clone>(shape: &[usize], mut element: impl FnMut(usize) -> T) -> ArrayD<T> {
    let dimension = shape.into_dimension();
    let mut place = 0;
    ArrayD::from_shape_simple_fn(dimension.slice().to_vec(), || {
        place += 1;
        element(place - 1)
    })
}

/// An array full of zeros.
pub fn zeros<T: Float>(shape: &[usize]) -> ArrayD<T> {
    in_large_pages(ArrayD::from_elem(shape.to_vec(), T::default()))
}

/// The same array in memory like that of a result. Results of many elements lie in large pages, as all large arrays of NumPy do, which the
/// peers work on; those of `ndarray` do not, and reading them costs up to a third more.
fn in_large_pages<T: Float>(array: ArrayD<T>) -> ArrayD<T> {
    let tape = Tape::new();
    let x = tape.vector::<T>("x");
    let copied = tape.function(x, x).freeze(&Config::default()).and_then(|copy| copy.call(&array.flatten()));
    copied.ok().and_then(|copy| copy.into_shape_with_order(array.raw_dim()).ok()).unwrap_or(array)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The wanted numbers are what `peers/data.py` prints.
    #[test]
    fn streams_are_those_of_the_peers() {
        let mut random = Random::default();
        let (uniform, normal) = (random.uniform::<f64>(&[3]), random.normal::<f64>(&[2], 1.0));
        let wanted = [1.249_748_241_358_03, 0.872_393_422_879_165_8, 0.938_283_906_284_552_8, 0.604_377_785_066_744_6, -0.017_570_676_519_781_232];
        for (got, wanted) in uniform.iter().chain(&normal).zip(wanted) {
            assert!((got - wanted).abs() < 1e-14, "{got} is not {wanted}");
        }
        assert_eq!(random.below(10, 5).as_slice(), Some([8, 4, 4, 8, 6].as_slice()));
    }
}
