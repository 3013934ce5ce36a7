//! An array whose element type is a value: what constants hold, what meanings take and give.

use std::fmt;
use std::hash::{Hash, Hasher};

use ndarray::{ArcArray, ArrayD, IxDyn};

use crate::dtype::{DType, Element};
use crate::for_each_dtype;
use crate::number::Number;

macro_rules! define_any_array {
    ($(($variant:ident, $element:ty, $name:literal, $class:ident)),* $(,)?) => {
        /// An array of any element type, cheap to clone: the elements are shared.
        #[derive(Clone)]
        pub enum AnyArray {
            $(#[doc = concat!("Elements of type `", $name, "`.")] $variant(ArcArray<$element, IxDyn>),)*
        }
    };
}
for_each_dtype!(define_any_array);

/// Runs the same code on the typed array inside an [`AnyArray`], whatever its element type.
///
/// ```
/// use damo_graph::{AnyArray, with_any_array};
/// let array = AnyArray::from(ndarray::arr1(&[1.0f32, 2.0]));
/// assert_eq!(with_any_array!(&array, |a| a.len()), 2);
/// ```
#[macro_export]
macro_rules! with_any_array {
    ($any:expr, |$array:ident| $body:expr) => {
        match $any {
            $crate::AnyArray::Bool($array) => $body,
            $crate::AnyArray::I8($array) => $body,
            $crate::AnyArray::I16($array) => $body,
            $crate::AnyArray::I32($array) => $body,
            $crate::AnyArray::I64($array) => $body,
            $crate::AnyArray::U8($array) => $body,
            $crate::AnyArray::U16($array) => $body,
            $crate::AnyArray::U32($array) => $body,
            $crate::AnyArray::U64($array) => $body,
            $crate::AnyArray::F16($array) => $body,
            $crate::AnyArray::BF16($array) => $body,
            $crate::AnyArray::F32($array) => $body,
            $crate::AnyArray::F64($array) => $body,
            $crate::AnyArray::C64($array) => $body,
            $crate::AnyArray::C128($array) => $body,
        }
    };
}

/// Runs the same code with a type alias bound to the Rust type of a dtype.
///
/// ```
/// use damo_graph::{DType, with_dtype};
/// assert_eq!(with_dtype!(DType::F64, T => size_of::<T>()), 8);
/// ```
#[macro_export]
macro_rules! with_dtype {
    ($dtype:expr, $alias:ident => $body:expr) => {
        match $dtype {
            $crate::DType::Bool => $crate::with_dtype!(@alias $alias = $crate::element::Bool => $body),
            $crate::DType::I8 => $crate::with_dtype!(@alias $alias = $crate::element::I8 => $body),
            $crate::DType::I16 => $crate::with_dtype!(@alias $alias = $crate::element::I16 => $body),
            $crate::DType::I32 => $crate::with_dtype!(@alias $alias = $crate::element::I32 => $body),
            $crate::DType::I64 => $crate::with_dtype!(@alias $alias = $crate::element::I64 => $body),
            $crate::DType::U8 => $crate::with_dtype!(@alias $alias = $crate::element::U8 => $body),
            $crate::DType::U16 => $crate::with_dtype!(@alias $alias = $crate::element::U16 => $body),
            $crate::DType::U32 => $crate::with_dtype!(@alias $alias = $crate::element::U32 => $body),
            $crate::DType::U64 => $crate::with_dtype!(@alias $alias = $crate::element::U64 => $body),
            $crate::DType::F16 => $crate::with_dtype!(@alias $alias = $crate::element::F16 => $body),
            $crate::DType::BF16 => $crate::with_dtype!(@alias $alias = $crate::element::BF16 => $body),
            $crate::DType::F32 => $crate::with_dtype!(@alias $alias = $crate::element::F32 => $body),
            $crate::DType::F64 => $crate::with_dtype!(@alias $alias = $crate::element::F64 => $body),
            $crate::DType::C64 => $crate::with_dtype!(@alias $alias = $crate::element::C64 => $body),
            $crate::DType::C128 => $crate::with_dtype!(@alias $alias = $crate::element::C128 => $body),
        }
    };
    (@alias $alias:ident = $element:ty => $body:expr) => {{
        type $alias = $element;
        $body
    }};
}

impl AnyArray {
    /// Its element type.
    pub fn dtype(&self) -> DType {
        fn of<T: Element>(_: &ArcArray<T, IxDyn>) -> DType {
            T::DTYPE
        }
        with_any_array!(self, |array| of(array))
    }

    /// Its lengths.
    pub fn shape(&self) -> &[usize] {
        with_any_array!(self, |array| array.shape())
    }

    /// How many elements it has.
    pub fn len(&self) -> usize {
        with_any_array!(self, |array| array.len())
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same array with its elements in row-major order in memory.
    #[must_use]
    pub fn in_row_major_order(&self) -> AnyArray {
        if with_any_array!(self, |array| array.is_standard_layout()) {
            return self.clone();
        }
        with_dtype!(self.dtype(), T => T::array_of(self.shape(), T::elements_of(self).unwrap_or_default().into_owned()))
            .unwrap_or_else(|| self.clone())
    }

    /// The elements in row-major order, as numbers.
    pub fn numbers(&self) -> Vec<Number> {
        with_dtype!(self.dtype(), T => T::elements_of(self).unwrap_or_default().iter().map(|element| element.to_number()).collect())
    }

    /// The first elements in row-major order, as numbers: `count` of them, or all there are.
    pub fn first_numbers(&self, count: usize) -> Vec<Number> {
        with_any_array!(self, |array| array.iter().take(count).map(|element| element.to_number()).collect())
    }

    /// The element at a place in row-major order, if it is there.
    pub fn element(&self, place: usize) -> Option<Number> {
        with_any_array!(self, |array| match array.as_slice() {
            Some(elements) => elements.get(place).map(|element| element.to_number()),
            None => array.iter().nth(place).map(|element| element.to_number()),
        })
    }

    /// An array of that dtype and shape from numbers in row-major order; `None` if their count is not the shape's.
    pub fn from_numbers(dtype: DType, shape: &[usize], numbers: impl IntoIterator<Item = Number>) -> Option<AnyArray> {
        let numbers: Vec<Number> = numbers.into_iter().collect();
        with_dtype!(dtype, T => T::array_of(shape, numbers.iter().map(|&number| T::from_number(number)).collect()))
    }

    /// The elements in other places: how an op that only moves elements says what it means, once for all element types.
    ///
    /// `movement` is given an array of this shape that holds the elements' places in row-major order, and moves those. Places that it
    /// makes up hold the element type's zero.
    pub fn rearranged<E>(&self, movement: impl FnOnce(ArrayD<usize>) -> Result<ArrayD<usize>, E>) -> Result<AnyArray, E> {
        let places = self.places_from(0);
        Ok(AnyArray::picked(&[self], &movement(places)?))
    }

    /// As [`AnyArray::rearranged`], of the elements of several arrays of one element type, whose places are counted on from array to array.
    pub fn rearranged_together<E>(
        arrays: &[&AnyArray],
        movement: impl FnOnce(Vec<ArrayD<usize>>) -> Result<ArrayD<usize>, E>,
    ) -> Result<AnyArray, E> {
        let mut start = 0;
        let mut places = Vec::with_capacity(arrays.len());
        for array in arrays {
            places.push(array.places_from(start));
            start += array.len();
        }
        Ok(AnyArray::picked(arrays, &movement(places)?))
    }

    /// The places of the elements in row-major order, the first being `start`, in an array of this shape.
    fn places_from(&self, start: usize) -> ArrayD<usize> {
        let mut next = start..;
        ArrayD::from_shape_simple_fn(IxDyn(self.shape()), || next.next().unwrap_or_default())
    }

    /// The elements at these places in row-major order; places that are not there hold the element type's zero.
    fn picked(arrays: &[&AnyArray], places: &ArrayD<usize>) -> AnyArray {
        fn pick<T: Element>(arrays: &[&AnyArray], places: &ArrayD<usize>) -> Option<AnyArray> {
            let mut all: Vec<T> = Vec::new();
            for array in arrays {
                all.extend_from_slice(&T::elements_of(array).unwrap_or_default());
            }
            T::array_of(places.shape(), places.iter().map(|&place| all.get(place).copied().unwrap_or_default()).collect())
        }
        let dtype = arrays.first().map_or(DType::Bool, |array| array.dtype());
        with_dtype!(dtype, T => pick::<T>(arrays, places)).unwrap_or_else(|| AnyArray::none(dtype))
    }

    /// An array of one number in every place.
    pub fn full(dtype: DType, shape: &[usize], number: Number) -> AnyArray {
        let count = shape.iter().product();
        with_dtype!(dtype, T => T::array_of(shape, vec![T::from_number(number); count])).unwrap_or_else(|| AnyArray::none(dtype))
    }

    /// The array with another element type, by [`Element::from_number`].
    #[must_use]
    pub fn cast(&self, dtype: DType) -> AnyArray {
        if dtype == self.dtype() {
            return self.clone();
        }
        AnyArray::with_shape_of(self.shape(), dtype, self.numbers())
    }

    /// Numbers that were an array's, as an array of the same shape.
    fn with_shape_of(shape: &[usize], dtype: DType, numbers: Vec<Number>) -> AnyArray {
        // There are as many numbers as the shape has places, so this always is an array.
        AnyArray::from_numbers(dtype, shape, numbers).unwrap_or_else(|| AnyArray::none(dtype))
    }

    /// No elements.
    fn none(dtype: DType) -> AnyArray {
        with_dtype!(dtype, T => T::into_any(ArcArray::from_vec(Vec::new()).into_dyn()))
    }

    /// As an array of reals: exact for every float, rounded for integers beyond 2⁵³.
    pub fn to_reals(&self) -> ArrayD<f64> {
        let reals =
            with_dtype!(self.dtype(), T => T::elements_of(self).unwrap_or_default().iter().map(|element| element.to_number().to_real()).collect());
        shaped(self.shape(), reals)
    }

    /// As an array of integers.
    pub fn to_integers(&self) -> ArrayD<i128> {
        shaped(self.shape(), self.numbers().into_iter().map(Number::to_integer).collect())
    }

    /// Reals rounded to a dtype.
    pub fn from_reals(dtype: DType, array: &ArrayD<f64>) -> AnyArray {
        AnyArray::with_shape_of(array.shape(), dtype, array.iter().map(|&x| Number::Real(x)).collect())
    }

    /// Integers wrapped to a dtype.
    pub fn from_integers(dtype: DType, array: &ArrayD<i128>) -> AnyArray {
        AnyArray::with_shape_of(array.shape(), dtype, array.iter().map(|&x| Number::Integer(x)).collect())
    }

    /// The typed array inside, if the elements are of type `T`.
    pub fn downcast<T: Element>(&self) -> Option<&ArcArray<T, IxDyn>> {
        T::from_any(self)
    }

    /// The only element, if there is just one.
    pub fn only(&self) -> Option<Number> {
        if self.len() == 1 { self.first_numbers(1).pop() } else { None }
    }
}

/// Values of the elements of an array of that shape, in row-major order, as an array.
fn shaped<N: Default + Clone>(shape: &[usize], values: Vec<N>) -> ArrayD<N> {
    // There is one value for each place, so this always is an array.
    ArrayD::from_shape_vec(IxDyn(shape), values).unwrap_or_default()
}

impl<T: Element, D: ndarray::Dimension> From<ndarray::Array<T, D>> for AnyArray {
    fn from(array: ndarray::Array<T, D>) -> Self {
        T::into_any(array.into_dyn().into_shared())
    }
}

/// The element type, the lengths and the elements in row-major order.
impl fmt::Debug for AnyArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:?} {:?}", self.dtype(), self.shape(), self.numbers())
    }
}

/// Bit for bit: the same dtype, shape and bits, so that NaN equals itself and −0 differs from 0.
impl PartialEq for AnyArray {
    fn eq(&self, other: &Self) -> bool {
        fn same<T: Element>(left: &AnyArray, right: &AnyArray) -> bool {
            let (left, right) = (T::elements_of(left).unwrap_or_default(), T::elements_of(right).unwrap_or_default());
            left.iter().zip(&*right).all(|(&left, &right)| left.to_bits() == right.to_bits())
        }
        self.dtype() == other.dtype() && self.shape() == other.shape() && with_dtype!(self.dtype(), T => same::<T>(self, other))
    }
}

impl Eq for AnyArray {}

impl Hash for AnyArray {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.dtype().hash(state);
        self.shape().hash(state);
        with_dtype!(self.dtype(), T => T::elements_of(self).unwrap_or_default().iter().for_each(|&element| element.to_bits().hash(state)));
    }
}
