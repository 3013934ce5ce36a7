//! A row: one spelling of a naive formula, written once for `f32` and `f64`.

use damo::Tensor;

use crate::reference::Precision;

/// A formula as a user writes it, of as many tensors as it names.
pub type Program<T> = for<'t> fn(&[Tensor<'t, T>]) -> Tensor<'t, T>;

/// One spelling of a formula.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The row of the conformance list that it is of.
    pub id: &'static str,
    /// What it should give, by its name among the [`truths`](super::truths).
    pub truth: &'static str,
    /// The formula in words.
    pub spelling: &'static str,
    pub(super) f32: Program<f32>,
    pub(super) f64: Program<f64>,
}

/// The element types that rows are written for.
pub trait Typed: Precision {
    /// The type's name.
    const NAME: &'static str;

    /// The row's formula in this type.
    fn program(row: &Row) -> Program<Self>;
}

impl Typed for f32 {
    const NAME: &'static str = "f32";

    fn program(row: &Row) -> Program<f32> {
        row.f32
    }
}

impl Typed for f64 {
    const NAME: &'static str = "f64";

    fn program(row: &Row) -> Program<f64> {
        row.f64
    }
}

/// A formula in one element type, which its body may call `T`.
macro_rules! program {
    ($element:ty, [$($x:ident)*] $body:expr) => {{
        fn program<'t>(inputs: &[damo::Tensor<'t, $element>]) -> damo::Tensor<'t, $element> {
            #[allow(dead_code, reason = "few formulas name their element type")]
            type T = $element;
            let &[$($x),*] = inputs else { panic!("a formula takes as many tensors as it names") };
            $body
        }
        program as crate::rewrites::Program<$element>
    }};
}
pub(super) use program;

/// A table of rows: the id in the list and the truth, then the spellings that share both.
macro_rules! rows {
    ($($id:literal $truth:ident { $($spelling:literal: [$($x:ident)*] $body:expr;)+ })*) => {
        pub(super) const ROWS: &[crate::rewrites::Row] = &[$($(crate::rewrites::Row {
            id: $id,
            truth: stringify!($truth),
            spelling: $spelling,
            f32: crate::rewrites::row::program!(f32, [$($x)*] $body),
            f64: crate::rewrites::row::program!(f64, [$($x)*] $body),
        },)+)*];
    };
}
pub(super) use rows;
