//! Why `if x > y` does not compile, said by the compiler.

use std::cmp::Ordering;

use crate::tensor::Tensor;

/// What `if x > y` and `if x == y` would need, and no tensor has: its values are not known while the program is written.
///
/// Nothing implements this. The compiler prints the name of a missing trait and no other words of ours, so the name is the advice:
/// compare with [`gt`](Tensor::gt), [`equal`](Tensor::equal) and their like, and choose with [`select`](crate::select).
#[diagnostic::on_unimplemented(
    message = "the values of a tensor are not known while the program is written",
    note = "compare with `x.gt(y)` and its like, and choose with `select(condition, yes, no)`"
)]
pub trait UseSelectOrCond {}

impl<T> PartialEq for Tensor<'_, T>
where
    Self: UseSelectOrCond,
{
    fn eq(&self, _: &Self) -> bool {
        false
    }
}

impl<T> PartialOrd for Tensor<'_, T>
where
    Self: UseSelectOrCond,
{
    fn partial_cmp(&self, _: &Self) -> Option<Ordering> {
        None
    }
}
