//! Arrays as a call takes them: of any element type, any strides, owned or borrowed, to read or to write.

use damo_graph::{AnyArray, DType, Element, for_each_dtype, with_any_array};
use ndarray::{ArrayBase, Data, DataMut, Dimension, RawData};

use crate::fresh;
use crate::view::Region;

/// An array given to a call. Every ndarray array and view of a Damo element type is one, and so is [`AnyArray`].
pub trait Argument {
    /// Its element type.
    fn dtype(&self) -> DType;
    /// Its lengths.
    fn shape(&self) -> &[usize];
    /// The step along each axis, in elements.
    fn strides(&self) -> &[isize];
    /// Its memory, to read.
    fn region(&self) -> Region<'_>;
    /// A copy.
    fn to_any(&self) -> AnyArray;
}

/// An array that a call writes a result into. Every mutable ndarray array and view of a Damo element type is one.
pub trait Target {
    /// Its element type.
    fn dtype(&self) -> DType;
    /// Its lengths.
    fn shape(&self) -> &[usize];
    /// Its memory, to write, if its elements lie in row-major order without gaps.
    fn region(&mut self) -> Option<Region<'_>>;
    /// Copies an array of the same element type and shape into it; `false` if it is not of them.
    fn copy_from(&mut self, from: &AnyArray) -> bool;
}

impl<S, D> Argument for ArrayBase<S, D>
where
    S: Data,
    <S as RawData>::Elem: Element,
    D: Dimension,
{
    fn dtype(&self) -> DType {
        S::Elem::DTYPE
    }

    fn shape(&self) -> &[usize] {
        ArrayBase::shape(self)
    }

    fn strides(&self) -> &[isize] {
        ArrayBase::strides(self)
    }

    fn region(&self) -> Region<'_> {
        match self.as_slice() {
            Some(elements) => Region::reading(elements),
            None => Region::of_array(&self.view().into_dyn()),
        }
    }

    fn to_any(&self) -> AnyArray {
        AnyArray::from(self.to_owned())
    }
}

impl Argument for AnyArray {
    fn dtype(&self) -> DType {
        self.dtype()
    }

    fn shape(&self) -> &[usize] {
        self.shape()
    }

    fn strides(&self) -> &[isize] {
        with_any_array!(self, |array| array.strides())
    }

    fn region(&self) -> Region<'_> {
        with_any_array!(self, |array| array.as_slice().map_or_else(|| Region::of_array(&array.view()), Region::reading))
    }

    fn to_any(&self) -> AnyArray {
        self.clone()
    }
}

impl<S, D> Target for ArrayBase<S, D>
where
    S: DataMut,
    <S as RawData>::Elem: Element,
    D: Dimension,
{
    fn dtype(&self) -> DType {
        S::Elem::DTYPE
    }

    fn shape(&self) -> &[usize] {
        ArrayBase::shape(self)
    }

    fn region(&mut self) -> Option<Region<'_>> {
        self.as_slice_mut().map(Region::writing)
    }

    fn copy_from(&mut self, from: &AnyArray) -> bool {
        let Some(from) = from.downcast::<S::Elem>().filter(|from| from.shape() == ArrayBase::shape(self)) else { return false };
        self.view_mut().into_dyn().assign(from);
        true
    }
}

macro_rules! define_elements {
    ($(($variant:ident, $element:ty, $name:literal, $class:ident)),* $(,)?) => {
        /// Memory for a result, which becomes an array when it is written.
        #[derive(Debug)]
        pub(crate) enum OwnedElements {
            $($variant(Vec<$element>),)*
        }

        impl OwnedElements {
            /// So many zeros.
            pub fn zeros(dtype: DType, count: usize) -> Self {
                match dtype { $(DType::$variant => OwnedElements::$variant(vec![Default::default(); count]),)* }
            }

            /// Room for so many elements, which are not there before [`OwnedElements::assume_written`].
            pub fn unwritten(dtype: DType, count: usize) -> Self {
                match dtype { $(DType::$variant => {
                    let mut elements = Vec::with_capacity(count);
                    fresh::prepare(elements.spare_capacity_mut());
                    OwnedElements::$variant(elements)
                })* }
            }

            /// Lets all the elements that there is room for be there.
            ///
            /// # Safety
            ///
            /// So many have been written.
            #[expect(unsafe_code, reason = "elements are written where no reference leads")]
            pub unsafe fn assume_written(&mut self, count: usize) {
                match self {
                    // SAFETY: the caller's.
                    $(OwnedElements::$variant(elements) => unsafe { elements.set_len(count) },)*
                }
            }

            /// The memory, to write: of all elements that there is room for.
            #[expect(unsafe_code, reason = "the memory may not be written yet")]
            pub fn region(&mut self) -> Region<'_> {
                match self {
                    $(OwnedElements::$variant(elements) => {
                        let bytes = elements.capacity() * size_of::<$element>();
                        // SAFETY: the vector owns this memory and is borrowed; it is read only where it was written.
                        unsafe { Region::from_raw(elements.as_mut_ptr().cast(), 0, bytes, true) }
                    })*
                }
            }

            /// An array of these elements in row-major order; `None` if their count is not the shape's.
            pub fn into_array(self, shape: &[usize]) -> Option<AnyArray> {
                match self { $(OwnedElements::$variant(elements) => Element::array_of(shape, elements),)* }
            }
        }
    };
}
for_each_dtype!(define_elements);
