//! Reads arrays in the IDX format of the MNIST files, plain or gzipped.
//!
//! The format: two zero bytes, a byte for the element type, a byte for the rank, one big-endian `u32` per length, then the elements,
//! big-endian, in row-major order (<http://yann.lecun.com/exdb/mnist/>).

use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use ndarray::{ArrayD, IxDyn};

/// Why a file is not the array it should be.
#[derive(Debug, thiserror::Error)]
pub enum IdxError {
    /// The file cannot be opened, read or unpacked.
    #[error("`{}` cannot be read: {reason}", path.display())]
    Io { path: PathBuf, reason: std::io::Error },
    /// The bytes are not IDX.
    #[error("`{}` is not an IDX file: {reason}", path.display())]
    Format { path: PathBuf, reason: String },
}

/// A number that IDX files may hold.
pub trait IdxElement: Sized {
    /// The byte that stands for it.
    const CODE: u8;
    /// How many bytes it takes.
    const SIZE: usize;
    /// The number of that many bytes.
    fn from_big_endian(bytes: &[u8]) -> Option<Self>;
}

macro_rules! idx_elements {
    ($($element:ty = $code:literal),*) => {
        $(impl IdxElement for $element {
            const CODE: u8 = $code;
            const SIZE: usize = size_of::<$element>();
            fn from_big_endian(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(<$element>::from_be_bytes)
            }
        })*
    };
}
idx_elements!(u8 = 0x08, i8 = 0x09, i16 = 0x0b, i32 = 0x0c, f32 = 0x0d, f64 = 0x0e);

/// The array in a file, unpacked if it is gzipped.
///
/// # Errors
///
/// [`IdxError::Io`] if it cannot be read; [`IdxError::Format`] if it is not IDX, holds other elements, or has too few or too many.
pub fn read<T: IdxElement>(path: &Path) -> Result<ArrayD<T>, IdxError> {
    let io = |reason| IdxError::Io { path: path.to_owned(), reason };
    let mut bytes = std::fs::read(path).map_err(io)?;
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut unpacked = Vec::new();
        MultiGzDecoder::new(&bytes[..]).read_to_end(&mut unpacked).map_err(io)?;
        bytes = unpacked;
    }
    parse(&bytes).map_err(|reason| IdxError::Format { path: path.to_owned(), reason })
}

/// The array in these bytes, or what is wrong with them.
pub fn parse<T: IdxElement>(bytes: &[u8]) -> Result<ArrayD<T>, String> {
    let [0, 0, code, rank, rest @ ..] = bytes else { return Err("it does not start with the two zero bytes of the format".into()) };
    if *code != T::CODE {
        return Err(format!("its elements are of type {code:#04x}, and {:#04x} was asked for", T::CODE));
    }
    let (lengths, data) = rest.split_at_checked(usize::from(*rank) * 4).ok_or("it ends in the middle of its lengths")?;
    let lengths: Vec<usize> = lengths.as_chunks().0.iter().map(|&length| u32::from_be_bytes(length) as usize).collect();
    let size = lengths.iter().try_fold(T::SIZE, |size, &length| size.checked_mul(length)).ok_or("its lengths are too large")?;
    if data.len() != size {
        return Err(format!("its lengths {lengths:?} need {size} bytes, and {} follow", data.len()));
    }
    let elements = data.chunks_exact(T::SIZE).filter_map(T::from_big_endian).collect();
    ArrayD::from_shape_vec(IxDyn(&lengths), elements).map_err(|error| error.to_string())
}
