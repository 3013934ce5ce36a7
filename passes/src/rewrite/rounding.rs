//! Arithmetic on the numbers of a program that is done now only if it is exact in their element type.

#![expect(clippy::wildcard_enum_match_arm, reason = "a rule looks for a few ops among all")]

use damo_graph::{AnyArray, DType, Number};

/// A number as an element of that type.
pub fn rounded(number: f64, dtype: DType) -> f64 {
    match dtype {
        DType::F64 => number,
        _ => AnyArray::full(dtype, &[], Number::Real(number)).only().map_or(f64::NAN, Number::to_real),
    }
}

/// The sum, if the element type has it.
pub fn exact_sum(left: f64, right: f64, dtype: DType) -> Option<f64> {
    let sum = left + right;
    // The rounding error of a sum (Knuth, TAOCP 2, section 4.2.2, theorem B).
    let (of_right, of_left) = (sum - left, sum - (sum - left));
    let error = (left - of_left) + (right - of_right);
    (error == 0.0 && sum.is_finite() && rounded(sum, dtype) == sum).then_some(sum)
}

/// The product, if the element type has it and it is not subnormal.
pub fn exact_product(left: f64, right: f64, dtype: DType) -> Option<f64> {
    let product = left * right;
    let is_exact = left.mul_add(right, -product) == 0.0 && rounded(product, dtype) == product;
    (is_exact && (product.is_normal() || left == 0.0 || right == 0.0)).then_some(product)
}

/// A quarter of the last digit of the largest number: what is added to it without notice.
pub fn negligible(dtype: DType) -> f64 {
    match dtype {
        DType::F16 => 8.0,
        DType::BF16 => 2f64.powi(118),
        DType::F32 => 2f64.powi(102),
        DType::F64 => 2f64.powi(969),
        _ => f64::INFINITY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_rounding_is_refused() {
        assert_eq!(exact_sum(2.0, -1.0, DType::F32), Some(1.0));
        assert_eq!(exact_sum(1e308, 1e308, DType::F64), None);
        assert_eq!(exact_sum(1.0, 1e-20, DType::F64), None);
        assert_eq!(exact_sum(16_777_216.0, 1.0, DType::F32), None);
        assert_eq!(exact_product(0.5, 4.0, DType::F16), Some(2.0));
        assert_eq!(exact_product(1e-200, 1e-200, DType::F64), None);
        assert_eq!(exact_product(0.1, 0.02, DType::F64), None);
        assert_eq!(exact_product(300.0, 300.0, DType::F16), None);
    }
}
