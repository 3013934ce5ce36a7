//! What can be given to a function and what comes back: arrays in the same tuples as the tensors were.

use damo_exec::array;
use damo_graph::{AnyArray, Element};
use damo_trace::Single;
use ndarray::{ArrayBase, ArrayD, Data, DataMut, Dimension};
use smallvec::SmallVec;

/// The arrays of one call.
pub type Views<'a> = SmallVec<[&'a dyn array::Argument; 4]>;

/// An array for one input: a reference to an owned or viewed `ndarray` array of elements `T`, of any strides.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be given for an input of `{T}`",
    note = "give `&array`, an `ndarray` array with elements of type `{T}`; a single number is `&arr0(x)`"
)]
pub trait Argument<'a, T> {
    /// The array, without its type.
    fn view(self) -> &'a dyn array::Argument;
}

impl<'a, T: Element, S: Data<Elem = T> + 'a, D: Dimension + 'a> Argument<'a, T> for &'a ArrayBase<S, D> {
    fn view(self) -> &'a dyn array::Argument {
        self
    }
}

/// Arrays for all inputs of a function: one, or a tuple, array or vector of them, as the inputs were listed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be given for inputs of `{I}`",
    note = "give as many `&array`s as the function has inputs, in the same tuple, array or vector"
)]
pub trait Arguments<'a, I> {
    /// The arrays, without their types.
    fn views(self) -> Views<'a>;
}

impl<'a, T: Element, A: Argument<'a, T>> Arguments<'a, Single<T>> for A {
    fn views(self) -> Views<'a> {
        SmallVec::from_iter([self.view()])
    }
}

impl<'a, T: Element, A: Argument<'a, T>, const N: usize> Arguments<'a, [T; N]> for [A; N] {
    fn views(self) -> Views<'a> {
        self.into_iter().map(A::view).collect()
    }
}

impl<'a, T: Element, G: Argument<'a, T>> Arguments<'a, Vec<T>> for Vec<G> {
    fn views(self) -> Views<'a> {
        self.into_iter().map(G::view).collect()
    }
}

/// The caller's arrays for results.
pub type TargetViews<'a> = SmallVec<[&'a mut dyn array::Target; 4]>;

/// The caller's array for one result: a mutable reference to an `ndarray` array of elements `T`, of any strides.
pub trait Target<'a, T> {
    /// The array to write, without its type.
    fn view(self) -> &'a mut dyn array::Target;
}

impl<'a, T: Element, S: DataMut<Elem = T> + 'a, D: Dimension + 'a> Target<'a, T> for &'a mut ArrayBase<S, D> {
    fn view(self) -> &'a mut dyn array::Target {
        self
    }
}

/// The caller's arrays for all results of a function, as the outputs were listed.
pub trait Targets<'a, O> {
    /// The arrays to write, without their types.
    fn views(self) -> TargetViews<'a>;
}

impl<'a, T: Element, A: Target<'a, T>> Targets<'a, Single<T>> for A {
    fn views(self) -> TargetViews<'a> {
        SmallVec::from_iter([self.view()])
    }
}

impl<'a, T: Element, A: Target<'a, T>, const N: usize> Targets<'a, [T; N]> for [A; N] {
    fn views(self) -> TargetViews<'a> {
        self.into_iter().map(A::view).collect()
    }
}

impl<'a, T: Element, G: Target<'a, T>> Targets<'a, Vec<T>> for Vec<G> {
    fn views(self) -> TargetViews<'a> {
        self.into_iter().map(G::view).collect()
    }
}

/// What a function gives back: owned arrays in the same tuple, array or vector as its outputs.
pub trait Results {
    /// The arrays.
    type Arrays;

    /// Takes the arrays in order; `None` if one is missing or has another element type.
    fn arrays(results: Vec<AnyArray>) -> Option<Self::Arrays>;
}

/// The array with its type, without a copy where nobody else holds it.
fn typed<T: Element>(array: Option<AnyArray>) -> Option<ArrayD<T>> {
    let array = array?;
    let typed = array.downcast::<T>()?.clone();
    drop(array);
    Some(typed.into_owned())
}

impl<T: Element> Results for Single<T> {
    type Arrays = ArrayD<T>;

    fn arrays(results: Vec<AnyArray>) -> Option<ArrayD<T>> {
        typed(results.into_iter().next())
    }
}

impl<T: Element, const N: usize> Results for [T; N] {
    type Arrays = [ArrayD<T>; N];

    fn arrays(results: Vec<AnyArray>) -> Option<Self::Arrays> {
        <Vec<T> as Results>::arrays(results)?.try_into().ok()
    }
}

impl<T: Element> Results for Vec<T> {
    type Arrays = Vec<ArrayD<T>>;

    fn arrays(results: Vec<AnyArray>) -> Option<Self::Arrays> {
        results.into_iter().map(|array| typed(Some(array))).collect()
    }
}

impl<'a> Arguments<'a, ()> for () {
    fn views(self) -> Views<'a> {
        SmallVec::new()
    }
}

impl<'a> Targets<'a, ()> for () {
    fn views(self) -> TargetViews<'a> {
        SmallVec::new()
    }
}

impl Results for () {
    type Arrays = ();

    fn arrays(_: Vec<AnyArray>) -> Option<()> {
        Some(())
    }
}

macro_rules! tuple_of_arrays {
    ($($argument:ident $element:ident)+) => {
        impl<'a, $($element: Element, $argument: Argument<'a, $element>),+> Arguments<'a, ($($element,)+)> for ($($argument,)+) {
            #[allow(non_snake_case, reason = "the variables are named after their types")]
            fn views(self) -> Views<'a> {
                let ($($argument,)+) = self;
                [$($argument.view()),+].into_iter().collect()
            }
        }

        impl<'a, $($element: Element, $argument: Target<'a, $element>),+> Targets<'a, ($($element,)+)> for ($($argument,)+) {
            #[allow(non_snake_case, reason = "the variables are named after their types")]
            fn views(self) -> TargetViews<'a> {
                let ($($argument,)+) = self;
                [$($argument.view()),+].into_iter().collect()
            }
        }

        impl<$($element: Element),+> Results for ($($element,)+) {
            type Arrays = ($(ArrayD<$element>,)+);

            fn arrays(results: Vec<AnyArray>) -> Option<Self::Arrays> {
                let mut results = results.into_iter();
                Some(($(typed::<$element>(results.next())?,)+))
            }
        }
    };
}
tuple_of_arrays!(A T0);
tuple_of_arrays!(A T0 B T1);
tuple_of_arrays!(A T0 B T1 C T2);
tuple_of_arrays!(A T0 B T1 C T2 D T3);
tuple_of_arrays!(A T0 B T1 C T2 D T3 E T4);
tuple_of_arrays!(A T0 B T1 C T2 D T3 E T4 F T5);
tuple_of_arrays!(A T0 B T1 C T2 D T3 E T4 F T5 G T6);
tuple_of_arrays!(A T0 B T1 C T2 D T3 E T4 F T5 G T6 H T7);
tuple_of_arrays!(A T0 B T1 C T2 D T3 E T4 F T5 G T6 H T7 I T8);
tuple_of_arrays!(A T0 B T1 C T2 D T3 E T4 F T5 G T6 H T7 I T8 J T9);
tuple_of_arrays!(A T0 B T1 C T2 D T3 E T4 F T5 G T6 H T7 I T8 J T9 K T10);
tuple_of_arrays!(A T0 B T1 C T2 D T3 E T4 F T5 G T6 H T7 I T8 J T9 K T10 L T11);
