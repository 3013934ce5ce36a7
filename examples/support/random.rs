//! Random numbers with a seed, so that every run is the same.

use ndarray::{Array, ShapeBuilder};

/// A small generator: `SplitMix64` (Steele, Lea and Flood 2014).
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Uniform from -1 to 1.
    fn uniform(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    /// Weights of a layer, uniform within ±√(6 / (inputs + outputs)) (Glorot and Bengio 2010).
    pub fn weights<S: ShapeBuilder>(&mut self, shape: S, inputs: usize, outputs: usize) -> Array<f32, S::Dim> {
        let bound = (6.0 / (inputs + outputs) as f32).sqrt();
        Array::from_shape_simple_fn(shape, || bound * self.uniform())
    }

    /// Another order, each as likely (Fisher and Yates).
    pub fn shuffle(&mut self, order: &mut [usize]) {
        for last in (1..order.len()).rev() {
            order.swap(last, (self.next() % (last as u64 + 1)) as usize);
        }
    }
}
