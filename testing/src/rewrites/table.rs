//! The rows, by family; each file below holds one.

mod algebra;
mod differences;
mod exponentials;
mod gradients;
mod logarithms;
mod sigmoids;
mod softmaxes;
mod special;

use super::row::Row;

/// Every row, family by family.
pub fn all_rows() -> Vec<Row> {
    let families =
        [logarithms::ROWS, exponentials::ROWS, sigmoids::ROWS, softmaxes::ROWS, special::ROWS, algebra::ROWS, differences::ROWS, gradients::ROWS];
    families.concat()
}

/// Rows of the list that no program can be written for yet, with the reason.
pub const WAITING: &[(&str, &str)] = &[
    ("S27", "the logarithms of the Bessel functions K and I: there is no such op"),
    ("S29", "the sign and the logarithm of a determinant: there is no determinant"),
];
