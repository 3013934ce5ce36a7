//! Rewrite rules that are wrong, and constants that are computed wrongly.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use damo::op::scalar::{Scalar, unary};
use damo_graph::functions::{abs, atan, cos, exp, min, sin, sqrt, tanh};
use damo_graph::op::term::Term;
use damo_graph::{AnyArray, Node, Real as _, Value};
use damo_passes::faults::Planted;
use damo_passes::rewrite::{Rewriter, Table};
use ndarray::ArrayD;

/// The same numbers as atan, and half its slope.
static FLATTER: Scalar = unary("flatter", f64::atan, |x, _| 0.5 / (1.0 + x * x), 1.0, 20);

/// A guard that asks a hash whose seed is another each time.
fn by_hash(_: &mut Rewriter<'_>, values: &[Value]) -> bool {
    RandomState::new().hash_one(values[0]).is_multiple_of(2)
}

damo_passes::rules! {
    /// Wrong, each in its own way.
    fn wrong {
        /// The sine of a small number is about the number.
        sine_is_its_argument [x] sin(x) => x;
        /// The cosine of a small number is about 1.
        cosine_is_one [x] cos(x) => 1.0.into();
        /// The first is the least.
        first_is_least [x, y] min(x, y) => x;
        /// One more part in ten billion.
        sine_and_a_little_more [x] sin(x) => sin(x) * (1.0 + 1e-10);
        /// A root is a power, said somebody.
        root_is_half [x] sqrt(x) => x * 0.5;
        /// Right, until the exponentials overflow.
        tangent_by_exponentials [x] tanh(x) => (exp(x) - exp(-x)) / (exp(x) + exp(-x));
        /// Right, until the square overflows.
        size_by_root [x] abs(x) => sqrt(x * x);
        /// The value is right, the slope is not.
        flatter_tangent [x] atan(x) => Term::apply(&FLATTER, [x]);
        /// Right, and asks a hash.
        angle_by_hash [x] atan(x) => -atan(-x), when(by_hash);
    }
}

/// The rule of that name alone.
fn only(name: &'static str) -> Planted {
    static TABLES: LazyLock<Vec<Table>> = LazyLock::new(|| wrong().into_iter().map(|rule| Table::new(vec![rule])).collect());
    Planted { rules: TABLES.iter().find(|table| table.find(name).is_some()), fold: None }
}

macro_rules! plants {
    ($($name:ident)*) => { $(pub(super) fn $name() -> Planted { only(stringify!($name)) })* };
}

plants! { sine_is_its_argument cosine_is_one first_is_least sine_and_a_little_more root_is_half tangent_by_exponentials size_by_root flatter_tangent angle_by_hash }

fn changed(results: &mut [AnyArray], is_it: fn(&AnyArray) -> bool, change: fn(f64) -> f64) {
    for array in results.iter_mut().filter(|array| is_it(array)) {
        let reals: ArrayD<f64> = array.to_reals().mapv(change);
        *array = AnyArray::from_reals(array.dtype(), &reals);
    }
}

/// Floats folded with an error of one part in a hundred billion.
pub(super) fn folded_nearly() -> Planted {
    fn fold(_: &Node, results: &mut [AnyArray]) {
        changed(results, |array| array.dtype().is_float(), |x| x * (1.0 + 1e-11));
    }
    Planted { rules: None, fold: Some(fold) }
}

/// Integers folded to the next.
pub(super) fn folded_to_the_next() -> Planted {
    fn fold(_: &Node, results: &mut [AnyArray]) {
        changed(results, |array| array.dtype().is_integer(), |x| x + 1.0);
    }
    Planted { rules: None, fold: Some(fold) }
}
