//! Arrays as a call takes them: of any element type, any strides, owned or borrowed, to read or to write.

use std::any::Any;
use std::fmt::Debug;

use damo_graph::{AnyArray, DType, Element, for_each_dtype, with_any_array};
use ndarray::{Array1, ArrayBase, ArrayD, ArrayView, Data, DataMut, Dimension, IxDyn, RawData};

use crate::fresh;
use crate::layout::{Layout, Shape};
use crate::region::Region;

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

    /// Whether its elements are of that type, and lie in memory like this, seen from its first.
    fn lies_as(&self, dtype: DType, layout: &Layout) -> bool {
        if self.dtype() != dtype || !is_same(self.shape(), &layout.shape) {
            return false;
        }
        let shape = self.shape();
        // Where no step is taken along an axis, its stride says nothing.
        let same = |((&own, &other), &length): ((&isize, &isize), &usize)| own == other || length <= 1;
        self.strides().iter().zip(&layout.strides).zip(shape).all(same) || shape.contains(&0)
    }
}

/// An array that a call writes a result into. Every mutable ndarray array and view of a Damo element type is one.
pub trait Target {
    /// Its element type.
    fn dtype(&self) -> DType;
    /// Its lengths.
    fn shape(&self) -> &[usize];
    /// Whether its elements lie in row-major order without gaps.
    fn may_be_written(&self) -> bool;
    /// Its memory, to write, if its elements lie in row-major order without gaps.
    fn region(&mut self) -> Option<Region<'_>>;
    /// Copies a result of the same element type and shape into it; `false` if it is not of them.
    fn copy_from(&mut self, from: &Output) -> bool;
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

    fn may_be_written(&self) -> bool {
        self.is_standard_layout()
    }

    fn region(&mut self) -> Option<Region<'_>> {
        self.as_slice_mut().map(Region::writing)
    }

    fn copy_from(&mut self, from: &Output) -> bool {
        if from.shape() != ArrayBase::shape(self) {
            return false;
        }
        let Some(elements) = from.elements::<S::Elem>() else { return false };
        let mut to = self.view_mut();
        let Ok(from) = ArrayView::from_shape(to.raw_dim(), elements) else { return false };
        to.assign(&from);
        true
    }
}

/// The memory of an array, to write, if nobody else holds it and its elements lie in row-major order without gaps.
pub(crate) fn own_region(array: &mut AnyArray) -> Option<Region<'_>> {
    with_any_array!(array, |array| if array.is_unique() { array.as_slice_mut().map(Region::writing) } else { None })
}

/// From one call to the next, results of so many bytes stay where they are, and the caller gets copies: to make an array of elements and lengths
/// takes longer than to copy one that is there.
const SMALL: usize = 512;

/// An array that calls write again and again.
trait Small: Any + Argument + Target + Debug + Send + Sync {}

impl<T: Element> Small for ArrayD<T> {}

/// A result of a call: elements in row-major order.
#[derive(Debug)]
pub struct Output(Held);

#[derive(Debug)]
enum Held {
    /// What the call was given room for.
    Elements(OwnedElements, Shape),
    /// A small array of that element type and these lengths, which later calls of the same plan write again.
    Small(Box<dyn Small>, DType, Shape),
    /// What a meaning, or the debugger, has made.
    Array(Box<AnyArray>),
}

impl Output {
    pub(crate) fn new(elements: OwnedElements, shape: &[usize]) -> Self {
        Output(Held::Elements(elements, Shape::from_slice(shape)))
    }

    /// Zeros, for a small result: `None` if it is not small.
    pub(crate) fn small(dtype: DType, shape: &[usize]) -> Option<Self> {
        let bytes = shape.iter().try_fold(dtype.size(), |bytes, &length| bytes.checked_mul(length));
        bytes.filter(|&bytes| bytes <= SMALL).map(|_| Output(Held::Small(small_zeros(dtype, shape), dtype, Shape::from_slice(shape))))
    }

    /// Its lengths.
    pub fn shape(&self) -> &[usize] {
        match &self.0 {
            Held::Elements(_, shape) | Held::Small(.., shape) => shape,
            Held::Array(array) => array.shape(),
        }
    }

    /// Its elements, if they are of this type.
    pub fn elements<T: Element>(&self) -> Option<&[T]> {
        match &self.0 {
            Held::Elements(elements, _) => elements.as_slice(),
            Held::Small(array, ..) => small::<T>(&**array)?.as_slice(),
            Held::Array(array) => array.downcast::<T>()?.as_slice(),
        }
    }

    /// The elements as an array, if they are of this type: a copy of a small result; of another they are taken out, and none are left.
    pub fn take<T: Element>(&mut self) -> Option<ArrayD<T>> {
        match &mut self.0 {
            Held::Elements(elements, shape) => {
                let elements = std::mem::take(elements.as_mut_vec::<T>()?);
                // A vector needs no look whether its elements fill its shape.
                if shape.as_slice() == [elements.len()] {
                    return Some(Array1::from_vec(elements).into_dyn());
                }
                ArrayD::from_shape_vec(IxDyn(shape), elements).ok()
            }
            Held::Small(array, ..) => small::<T>(&**array).cloned(),
            Held::Array(array) => array.downcast::<T>().map(ArrayBase::to_owned),
        }
    }

    /// An array of these elements, of whatever type they are.
    pub fn into_any(self) -> Option<AnyArray> {
        match self.0 {
            Held::Elements(elements, shape) => elements.into_array(&shape),
            Held::Small(array, ..) => Some(array.to_any()),
            Held::Array(array) => Some(*array),
        }
    }

    /// Whether it is a small result like this, which can be written again: whoever took what it was has a copy.
    pub(crate) fn stays(&self, dtype: DType, shape: &[usize]) -> bool {
        matches!(&self.0, Held::Small(_, own, lengths) if *own == dtype && is_same(lengths, shape))
    }

    /// The memory, to write, if it is the call's.
    pub(crate) fn region(&mut self) -> Option<Region<'_>> {
        match &mut self.0 {
            Held::Elements(elements, _) => Some(elements.region()),
            Held::Small(array, ..) => Target::region(&mut **array),
            Held::Array(array) => own_region(array),
        }
    }

    /// Whether it has room for a result like this.
    pub(crate) fn has_room(&self, dtype: DType, shape: &[usize]) -> bool {
        matches!(&self.0, Held::Elements(elements, own) if elements.dtype() == dtype && own.as_slice() == shape)
    }

    /// Lets the elements be there that there was room for.
    ///
    /// # Safety
    ///
    /// They have been written.
    #[expect(unsafe_code, reason = "elements are written where no reference leads")]
    pub(crate) unsafe fn assume_written(&mut self) {
        if let Held::Elements(elements, shape) = &mut self.0 {
            // SAFETY: the caller's.
            unsafe { elements.assume_written(shape.iter().product()) };
        }
    }
}

/// Lengths are few: a loop over them takes less time than a call that compares memory.
pub(crate) fn is_same(lengths: &[usize], other: &[usize]) -> bool {
    lengths.len() == other.len() && lengths.iter().zip(other).all(|(length, other)| length == other)
}

fn small<T: Element>(array: &dyn Small) -> Option<&ArrayD<T>> {
    (array as &dyn Any).downcast_ref()
}

impl From<AnyArray> for Output {
    fn from(array: AnyArray) -> Self {
        Output(Held::Array(Box::new(array.in_row_major_order())))
    }
}

macro_rules! define_elements {
    ($(($variant:ident, $element:ty, $name:literal, $class:ident)),* $(,)?) => {
        fn small_zeros(dtype: DType, shape: &[usize]) -> Box<dyn Small> {
            match dtype { $(DType::$variant => Box::new(ArrayD::from_elem(IxDyn(shape), <$element>::default())),)* }
        }

        /// Memory for a result, which becomes an array when it is written.
        #[derive(Debug)]
        pub(crate) enum OwnedElements {
            $($variant(Vec<$element>),)*
        }

        impl OwnedElements {
            /// The dtype of the elements.
            pub const fn dtype(&self) -> DType {
                match self { $(OwnedElements::$variant(_) => DType::$variant,)* }
            }

            /// The elements, if they are of this type.
            pub fn as_slice<T: Element>(&self) -> Option<&[T]> {
                match self { $(OwnedElements::$variant(elements) => (elements as &dyn Any).downcast_ref::<Vec<T>>().map(Vec::as_slice),)* }
            }

            /// The elements, to change, if they are of this type.
            pub fn as_mut_vec<T: Element>(&mut self) -> Option<&mut Vec<T>> {
                match self { $(OwnedElements::$variant(elements) => (elements as &mut dyn Any).downcast_mut(),)* }
            }

            /// So many zeros.
            pub fn zeros(dtype: DType, count: usize) -> Self {
                match dtype { $(DType::$variant => {
                    // Zeros come from the system, page by page as they are first written.
                    let mut elements = vec![Default::default(); count];
                    fresh::prepare(&mut elements);
                    OwnedElements::$variant(elements)
                })* }
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
