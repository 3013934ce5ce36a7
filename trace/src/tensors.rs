//! Things made of tensors: a single one, a tuple, an array or a vector of them.

use std::fmt;
use std::marker::PhantomData;

use damo_graph::{DType, Element, Error, ErrorKind};
use smallvec::SmallVec;

use crate::tape::Tape;
use crate::tensor::Tensor;

/// A [`Tensor`] whose element type is a value.
#[derive(Clone, Copy)]
pub struct Handle<'t> {
    tape: &'t Tape,
    index: u32,
    dtype: DType,
}

impl<'t> Handle<'t> {
    pub(crate) fn new(tape: &'t Tape, index: u32, dtype: DType) -> Self {
        Handle { tape, index, dtype }
    }

    /// The tape that it is written on.
    pub fn tape(&self) -> &'t Tape {
        self.tape
    }

    /// Its place among what the tape recorded.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Its element type.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The tensor, if its elements are of type `T`.
    pub fn tensor<T: Element>(&self) -> Option<Tensor<'t, T>> {
        (T::DTYPE == self.dtype).then_some(Tensor { tape: self.tape, index: self.index, element: PhantomData })
    }
}

impl<'t, T: Element> From<Tensor<'t, T>> for Handle<'t> {
    fn from(tensor: Tensor<'t, T>) -> Self {
        tensor.handle()
    }
}

impl fmt::Debug for Handle<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({} of {})", self.index, self.dtype)
    }
}

/// The handles of a few tensors.
pub type Handles<'t> = SmallVec<[Handle<'t>; 4]>;

/// The [`Elements`](Tensors::Elements) of a single tensor.
#[derive(Clone, Copy, Debug)]
pub struct Single<T>(PhantomData<T>);

/// A tensor, or a tuple (of up to twelve element types), array or vector of tensors: what `function` and `grad` take and give.
///
/// ```
/// use damo_trace::*;
/// let tape = Tape::new();
/// let (x, i) = (tape.vector::<f32>("x"), tape.vector::<i64>("i"));
/// assert_eq!((x, i).handles().len(), 2);
/// let (twice, same) = (x, i).rebuild(&mut [(x + x).handle(), i.handle()].into_iter());
/// assert_eq!(twice.dims()?.to_string(), "[x.0]");
/// # let _ = same;
/// # Ok::<(), Error>(())
/// ```
#[diagnostic::on_unimplemented(message = "`{Self}` is not made of tensors", note = "give a tensor, or a tuple, array or vector of tensors")]
pub trait Tensors<'t>: Sized {
    /// The element types without the tape: [`Single<T>`], `(A, B)`, `[T; N]` or `Vec<T>`.
    type Elements: 'static;

    /// The tensors in order.
    fn handles(&self) -> Handles<'t>;

    /// The same shape of things with other tensors in it, taken in order.
    ///
    /// One that is missing or of another element type is an error that its tape keeps.
    #[must_use]
    #[track_caller]
    fn rebuild(&self, handles: &mut dyn Iterator<Item = Handle<'t>>) -> Self;
}

/// The next handle as a tensor of the type of `like`.
#[track_caller]
fn take<'t, T: Element>(like: Tensor<'t, T>, handles: &mut dyn Iterator<Item = Handle<'t>>) -> Tensor<'t, T> {
    handles.next().and_then(|handle| handle.tensor()).unwrap_or_else(|| {
        like.tape.fail(Error::new(ErrorKind::Verify, format!("a tensor of {} is missing where tensors are put together again", T::DTYPE)));
        like.tape.poison()
    })
}

impl<'t, T: Element> Tensors<'t> for Tensor<'t, T> {
    type Elements = Single<T>;

    fn handles(&self) -> Handles<'t> {
        Handles::from_slice(&[self.handle()])
    }

    fn rebuild(&self, handles: &mut dyn Iterator<Item = Handle<'t>>) -> Self {
        take(*self, handles)
    }
}

impl<'t, T: Element, const N: usize> Tensors<'t> for [Tensor<'t, T>; N] {
    type Elements = [T; N];

    fn handles(&self) -> Handles<'t> {
        self.iter().map(|tensor| tensor.handle()).collect()
    }

    fn rebuild(&self, handles: &mut dyn Iterator<Item = Handle<'t>>) -> Self {
        self.map(|tensor| take(tensor, handles))
    }
}

impl<'t, T: Element> Tensors<'t> for Vec<Tensor<'t, T>> {
    type Elements = Vec<T>;

    fn handles(&self) -> Handles<'t> {
        self.iter().map(|tensor| tensor.handle()).collect()
    }

    fn rebuild(&self, handles: &mut dyn Iterator<Item = Handle<'t>>) -> Self {
        self.iter().map(|&tensor| take(tensor, handles)).collect()
    }
}

impl<'t> Tensors<'t> for () {
    type Elements = ();

    fn handles(&self) -> Handles<'t> {
        Handles::new()
    }

    fn rebuild(&self, _: &mut dyn Iterator<Item = Handle<'t>>) -> Self {}
}

macro_rules! tuple_of_tensors {
    ($($name:ident)+) => {
        impl<'t, $($name: Element),+> Tensors<'t> for ($(Tensor<'t, $name>,)+) {
            type Elements = ($($name,)+);

            #[allow(non_snake_case, reason = "the variables are named after their types")]
            fn handles(&self) -> Handles<'t> {
                let ($($name,)+) = self;
                [$($name.handle()),+].into_iter().collect()
            }

            #[allow(non_snake_case, reason = "the variables are named after their types")]
            fn rebuild(&self, handles: &mut dyn Iterator<Item = Handle<'t>>) -> Self {
                let ($($name,)+) = *self;
                ($(take($name, handles),)+)
            }
        }
    };
}
tuple_of_tensors!(A);
tuple_of_tensors!(A B);
tuple_of_tensors!(A B C);
tuple_of_tensors!(A B C D);
tuple_of_tensors!(A B C D E);
tuple_of_tensors!(A B C D E F);
tuple_of_tensors!(A B C D E F G);
tuple_of_tensors!(A B C D E F G H);
tuple_of_tensors!(A B C D E F G H I);
tuple_of_tensors!(A B C D E F G H I J);
tuple_of_tensors!(A B C D E F G H I J K);
tuple_of_tensors!(A B C D E F G H I J K L);
