//! What becomes of the sums of a product: scaled, and added to something.

use super::lanes::Multiply;
use crate::view::View;

/// Makes of each sum `alpha · sum + beta · addend`, each of the three operations rounded.
///
/// The addend may be the very elements that the results are written to: each is read before its result is written.
#[derive(Clone, Copy, Debug)]
pub struct Blend<'a, T, const N: usize> {
    /// The factor of the sums.
    pub alpha: T,
    /// The factor of the addend, and the addend, as long as the results. Without it nothing is added: not even 0 times what was there.
    pub addend: Option<(T, View<'a, T, N>)>,
}

impl<T: Multiply, const N: usize> Blend<'_, T, N> {
    /// The sums as they are.
    pub const PLAIN: Self = Blend { alpha: T::ONE, addend: None };
}

impl<T: Multiply> Blend<'_, T, 1> {
    /// The part for the results from `start` to before `end`.
    #[must_use]
    pub fn range(self, start: usize, end: usize) -> Self {
        Blend { addend: self.addend.map(|(beta, addend)| (beta, addend.range(start, end))), ..self }
    }

    /// The results of sums, one after the other.
    pub fn of(self, sums: impl IntoIterator<Item = T>) -> impl Iterator<Item = T> {
        let mut added = self.addend.map(|(beta, addend)| addend.iter().map(move |x| beta * x));
        sums.into_iter().map(move |sum| match added.as_mut().and_then(Iterator::next) {
            Some(added) => self.alpha * sum + added,
            None => self.alpha * sum,
        })
    }
}

impl<'a, T: Multiply> Blend<'a, T, 2> {
    /// The part for the rows from `start` to before `end`.
    #[must_use]
    pub fn part(self, start: usize, end: usize) -> Self {
        Blend { addend: self.addend.map(|(beta, addend)| (beta, addend.part(start, end))), ..self }
    }

    /// The part for the first row.
    #[must_use]
    pub fn first_row(self) -> Blend<'a, T, 1> {
        let row = |(beta, addend): (T, View<'a, T, 2>)| Some((beta, addend.rows().next()?));
        Blend { alpha: self.alpha, addend: self.addend.and_then(row) }
    }

    /// The part for the first column.
    #[must_use]
    pub fn first_column(self) -> Blend<'a, T, 1> {
        Blend { alpha: self.alpha, addend: self.addend.map(|(beta, addend)| (beta, addend.transposed())) }.first_row()
    }
}
