//! The type of a value: its dtype and its lengths.

use std::fmt;
use std::ops::Deref;

use smallvec::SmallVec;

use crate::dim::Dim;
use crate::dtype::DType;
use crate::symbol::Symbol;

/// The lengths of an array, outermost first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Dims(SmallVec<[Dim; 4]>);

impl Dims {
    /// No axes: a scalar.
    pub fn scalar() -> Self {
        Dims::default()
    }

    /// The product of the lengths: how many elements there are.
    pub fn count(&self) -> Dim {
        self.0.iter().fold(Dim::from(1), |product, dim| product * dim.clone())
    }

    /// All lengths, if all are known and not negative.
    pub fn known(&self) -> Option<Vec<usize>> {
        self.0.iter().map(|dim| dim.known().and_then(|length| usize::try_from(length).ok())).collect()
    }

    /// The lengths as a vector to change.
    pub fn to_vec(&self) -> Vec<Dim> {
        self.0.to_vec()
    }
}

impl Deref for Dims {
    type Target = [Dim];
    fn deref(&self) -> &[Dim] {
        &self.0
    }
}

impl<D: Into<Dim>> FromIterator<D> for Dims {
    fn from_iter<I: IntoIterator<Item = D>>(dims: I) -> Self {
        Dims(dims.into_iter().map(Into::into).collect())
    }
}

impl fmt::Display for Dims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (axis, dim) in self.0.iter().enumerate() {
            write!(f, "{}{dim}", if axis == 0 { "" } else { ", " })?;
        }
        f.write_str("]")
    }
}

/// The type of a value: what its elements are and how many there are along each axis.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Type {
    /// The element type.
    pub dtype: DType,
    /// The lengths.
    pub dims: Dims,
}

impl Type {
    /// A type with these lengths.
    pub fn new<D: Into<Dim>>(dtype: DType, dims: impl IntoIterator<Item = D>) -> Self {
        Type { dtype, dims: dims.into_iter().collect() }
    }

    /// A single number.
    pub fn scalar(dtype: DType) -> Self {
        Type { dtype, dims: Dims::scalar() }
    }

    /// How many axes it has.
    pub fn rank(&self) -> usize {
        self.dims.len()
    }

    /// The same lengths with another element type.
    #[must_use]
    pub fn with_dtype(&self, dtype: DType) -> Self {
        Type { dtype, dims: self.dims.clone() }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.dims.is_empty() { write!(f, "{}", self.dtype) } else { write!(f, "{}{}", self.dtype, self.dims) }
    }
}

/// What can be written where lengths are asked for: `()`, `(n, 784)`, `[2, 3]`, a slice or vector of lengths, or [`Dims`].
pub trait IntoDims {
    /// The lengths.
    fn into_dims(self) -> Dims;
}

impl IntoDims for Dims {
    fn into_dims(self) -> Dims {
        self
    }
}

impl IntoDims for &Dims {
    fn into_dims(self) -> Dims {
        self.clone()
    }
}

impl IntoDims for () {
    fn into_dims(self) -> Dims {
        Dims::scalar()
    }
}

impl<D: Into<Dim>, const N: usize> IntoDims for [D; N] {
    fn into_dims(self) -> Dims {
        self.into_iter().collect()
    }
}

impl<D: Into<Dim>> IntoDims for Vec<D> {
    fn into_dims(self) -> Dims {
        self.into_iter().collect()
    }
}

impl<D: Into<Dim> + Clone> IntoDims for &[D] {
    fn into_dims(self) -> Dims {
        self.iter().cloned().collect()
    }
}

/// One length of any shape is a vector of that length.
macro_rules! one_length {
    ($($length:ty),*) => { $(impl IntoDims for $length {
        fn into_dims(self) -> Dims { [self].into_dims() }
    })* };
}
one_length!(usize, i32, Symbol, Dim);

macro_rules! tuple_of_lengths {
    ($($name:ident)+) => {
        impl<$($name: Into<Dim>),+> IntoDims for ($($name,)+) {
            #[allow(non_snake_case, reason = "the variables are named after their types")]
            fn into_dims(self) -> Dims {
                let ($($name,)+) = self;
                [$($name.into()),+].into_iter().collect::<Dims>()
            }
        }
    };
}
tuple_of_lengths!(A);
tuple_of_lengths!(A B);
tuple_of_lengths!(A B C);
tuple_of_lengths!(A B C D);
tuple_of_lengths!(A B C D E);
tuple_of_lengths!(A B C D E F);
