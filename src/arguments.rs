//! What can be given to a function and what comes back: arrays in the same tuples as the tensors were.

use damo_exec::array::{self, Output};
use damo_graph::Element;
use damo_trace::Single;
use ndarray::{ArrayBase, ArrayD, Data, DataMut, Dimension};
use smallvec::SmallVec;

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
    /// A list of them.
    type Views: AsRef<[&'a dyn array::Argument]>;

    /// The arrays, without their types.
    fn views(self) -> Self::Views;
}

impl<'a, T: Element, A: Argument<'a, T>> Arguments<'a, Single<T>> for A {
    type Views = [&'a dyn array::Argument; 1];

    fn views(self) -> Self::Views {
        [self.view()]
    }
}

impl<'a, T: Element, A: Argument<'a, T>, const N: usize> Arguments<'a, [T; N]> for [A; N] {
    type Views = [&'a dyn array::Argument; N];

    fn views(self) -> Self::Views {
        self.map(A::view)
    }
}

impl<'a, T: Element, G: Argument<'a, T>> Arguments<'a, Vec<T>> for Vec<G> {
    type Views = Vec<&'a dyn array::Argument>;

    fn views(self) -> Self::Views {
        self.into_iter().map(G::view).collect()
    }
}

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
    /// A list of them.
    type Views: AsMut<[&'a mut dyn array::Target]>;

    /// The arrays to write, without their types.
    fn views(self) -> Self::Views;
}

impl<'a, T: Element, A: Target<'a, T>> Targets<'a, Single<T>> for A {
    type Views = [&'a mut dyn array::Target; 1];

    fn views(self) -> Self::Views {
        [self.view()]
    }
}

impl<'a, T: Element, A: Target<'a, T>, const N: usize> Targets<'a, [T; N]> for [A; N] {
    type Views = [&'a mut dyn array::Target; N];

    fn views(self) -> Self::Views {
        self.map(A::view)
    }
}

impl<'a, T: Element, G: Target<'a, T>> Targets<'a, Vec<T>> for Vec<G> {
    type Views = Vec<&'a mut dyn array::Target>;

    fn views(self) -> Self::Views {
        self.into_iter().map(G::view).collect()
    }
}

/// What a function gives back: owned arrays in the same tuple, array or vector as its outputs.
pub trait Results {
    /// The arrays.
    type Arrays;

    /// Takes the arrays out; `None` if their count is another, or an element type.
    fn arrays(results: &mut [Output]) -> Option<Self::Arrays>;
}

impl<T: Element> Results for Single<T> {
    type Arrays = ArrayD<T>;

    fn arrays(results: &mut [Output]) -> Option<ArrayD<T>> {
        results.first_mut()?.take()
    }
}

impl<T: Element, const N: usize> Results for [T; N] {
    type Arrays = [ArrayD<T>; N];

    fn arrays(results: &mut [Output]) -> Option<Self::Arrays> {
        let mut arrays: SmallVec<[ArrayD<T>; N]> = SmallVec::new();
        for result in results {
            arrays.push(result.take()?);
        }
        arrays.into_inner().ok()
    }
}

impl<T: Element> Results for Vec<T> {
    type Arrays = Vec<ArrayD<T>>;

    fn arrays(results: &mut [Output]) -> Option<Self::Arrays> {
        // Collecting what may be missing would not know how many there are.
        let mut arrays = Vec::with_capacity(results.len());
        for result in results {
            arrays.push(result.take()?);
        }
        Some(arrays)
    }
}

impl<'a> Arguments<'a, ()> for () {
    type Views = [&'a dyn array::Argument; 0];

    fn views(self) -> Self::Views {
        []
    }
}

impl<'a> Targets<'a, ()> for () {
    type Views = [&'a mut dyn array::Target; 0];

    fn views(self) -> Self::Views {
        []
    }
}

impl Results for () {
    type Arrays = ();

    fn arrays(_: &mut [Output]) -> Option<()> {
        Some(())
    }
}

macro_rules! tuple_of_arrays {
    ($count:literal: $($argument:ident $element:ident)+) => {
        impl<'a, $($element: Element, $argument: Argument<'a, $element>),+> Arguments<'a, ($($element,)+)> for ($($argument,)+) {
            type Views = [&'a dyn array::Argument; $count];

            #[allow(non_snake_case, reason = "the variables are named after their types")]
            fn views(self) -> Self::Views {
                let ($($argument,)+) = self;
                [$($argument.view()),+]
            }
        }

        impl<'a, $($element: Element, $argument: Target<'a, $element>),+> Targets<'a, ($($element,)+)> for ($($argument,)+) {
            type Views = [&'a mut dyn array::Target; $count];

            #[allow(non_snake_case, reason = "the variables are named after their types")]
            fn views(self) -> Self::Views {
                let ($($argument,)+) = self;
                [$($argument.view()),+]
            }
        }

        impl<$($element: Element),+> Results for ($($element,)+) {
            type Arrays = ($(ArrayD<$element>,)+);

            fn arrays(results: &mut [Output]) -> Option<Self::Arrays> {
                let mut results = results.iter_mut();
                Some(($(results.next()?.take::<$element>()?,)+))
            }
        }
    };
}
tuple_of_arrays!(1: A T0);
tuple_of_arrays!(2: A T0 B T1);
tuple_of_arrays!(3: A T0 B T1 C T2);
tuple_of_arrays!(4: A T0 B T1 C T2 D T3);
tuple_of_arrays!(5: A T0 B T1 C T2 D T3 E T4);
tuple_of_arrays!(6: A T0 B T1 C T2 D T3 E T4 F T5);
tuple_of_arrays!(7: A T0 B T1 C T2 D T3 E T4 F T5 G T6);
tuple_of_arrays!(8: A T0 B T1 C T2 D T3 E T4 F T5 G T6 H T7);
tuple_of_arrays!(9: A T0 B T1 C T2 D T3 E T4 F T5 G T6 H T7 I T8);
tuple_of_arrays!(10: A T0 B T1 C T2 D T3 E T4 F T5 G T6 H T7 I T8 J T9);
tuple_of_arrays!(11: A T0 B T1 C T2 D T3 E T4 F T5 G T6 H T7 I T8 J T9 K T10);
tuple_of_arrays!(12: A T0 B T1 C T2 D T3 E T4 F T5 G T6 H T7 I T8 J T9 K T10 L T11);
