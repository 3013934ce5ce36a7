//! The handwritten digits of `examples/data/mnist-10k`, as arrays to learn from.

use std::path::Path;

use damo::Float;
use ndarray::{Array1, Array2, Axis, Ix1, Ix3};

mod idx;

/// Handwritten digits and what they are.
pub struct Digits<T> {
    /// One row of 784 pixels per digit, from 0 (paper) to 1 (ink).
    pub pixels: Array2<T>,
    /// Which digit it is, from 0 to 9.
    pub labels: Array1<u8>,
}

#[allow(dead_code, reason = "each example uses some of it")]
impl<T: Float> Digits<T> {
    /// The 8,000 digits to train with.
    pub fn train() -> Result<Self, idx::IdxError> {
        Digits::read("train")
    }

    /// The 2,000 digits to test with.
    pub fn test() -> Result<Self, idx::IdxError> {
        Digits::read("test")
    }

    fn read(part: &str) -> Result<Self, idx::IdxError> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/mnist-10k");
        let (images_path, labels_path) = (folder.join(format!("{part}-images-idx3-ubyte.gz")), folder.join(format!("{part}-labels-idx1-ubyte.gz")));
        let shape = |path: &Path, error: ndarray::ShapeError| idx::IdxError::Format { path: path.to_owned(), reason: error.to_string() };
        let images = idx::read::<u8>(&images_path)?.into_dimensionality::<Ix3>().map_err(|error| shape(&images_path, error))?;
        let labels = idx::read::<u8>(&labels_path)?.into_dimensionality::<Ix1>().map_err(|error| shape(&labels_path, error))?;
        let (count, height, width) = images.dim();
        if labels.len() != count {
            return Err(idx::IdxError::Format { path: labels_path, reason: format!("it has {} labels for {count} images", labels.len()) });
        }
        let pixels = images.mapv(|ink| T::from_f64(f64::from(ink) / 255.0));
        let pixels = pixels.into_shape_with_order((count, height * width)).map_err(|error| shape(&images_path, error))?;
        Ok(Digits { pixels, labels })
    }

    /// Only the digits that are one of two, in their order.
    pub fn only(&self, [no, yes]: [u8; 2]) -> Self {
        let rows: Vec<usize> = self.labels.iter().enumerate().filter(|&(_, &label)| label == no || label == yes).map(|(row, _)| row).collect();
        self.rows(&rows)
    }

    /// Some of the digits, in that order.
    pub fn rows(&self, rows: &[usize]) -> Self {
        Digits { pixels: self.pixels.select(Axis(0), rows), labels: self.labels.select(Axis(0), rows) }
    }

    /// 1 for one digit and 0 for all others.
    pub fn is(&self, digit: u8) -> Array1<T> {
        self.labels.mapv(|label| T::from_f64(f64::from(u8::from(label == digit))))
    }

    /// One row per digit: 1 in the column of its label, else 0.
    pub fn one_hot(&self) -> Array2<T> {
        Array2::from_shape_fn((self.labels.len(), 10), |(row, digit)| T::from_f64(f64::from(u8::from(usize::from(self.labels[row]) == digit))))
    }
}
