//! What a nest makes of a product and one array: their sum, each times a number, or nothing so simple.

use damo_graph::DType;
use damo_graph::op::scalar::{ADD, DIV, MUL, NEG, SUB, Scalar};

use crate::layout::Shape;
use crate::loops::same_places;
use crate::nest::{Access, Instruction, Nest};

/// What a register holds at every index.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Term {
    /// A number of the dtype.
    Number(f64),
    /// `product · (the product) + addend.1 · (the array at addend.0)`, of which one may be missing.
    Sum { product: Option<f64>, addend: Option<(Access, f64)> },
}

impl Term {
    /// An array times a number.
    pub const fn addend(times: (Access, f64)) -> Term {
        Term::Sum { product: None, addend: Some(times) }
    }

    /// Both parts times a number; `None` if that leaves the normal numbers of the dtype.
    pub fn scaled(self, by: impl Fn(f64) -> f64, dtype: DType) -> Option<Term> {
        Some(match self {
            Term::Number(number) => Term::Number(rounded(by(number), dtype)),
            Term::Sum { product, addend } => Term::Sum {
                product: match product {
                    Some(alpha) => Some(factor(by(alpha), dtype)?),
                    None => None,
                },
                addend: match addend {
                    Some((access, beta)) => Some((access, factor(by(beta), dtype)?)),
                    None => None,
                },
            },
        })
    }

    /// The sum of two terms; `None` if it has more than one array, or a part is lost.
    pub fn plus(self, other: Term, shape: &Shape, dtype: DType) -> Option<Term> {
        match (self, other) {
            (Term::Number(x), Term::Number(y)) => Some(Term::Number(rounded(x + y, dtype))),
            (Term::Sum { product: a, addend: x }, Term::Sum { product: b, addend: y }) => Some(Term::Sum {
                product: match (a, b) {
                    (Some(a), Some(b)) => Some(factor(a + b, dtype)?),
                    (one, other) => one.or(other),
                },
                addend: match (x, y) {
                    (Some((x, a)), Some((y, b))) if same_places(shape, &x, &y) => Some((x, factor(a + b, dtype)?)),
                    (Some(_), Some(_)) => return None,
                    (one, other) => one.or(other),
                },
            }),
            (Term::Number(_), Term::Sum { .. }) | (Term::Sum { .. }, Term::Number(_)) => None,
        }
    }
}

/// What the only store of a nest writes; `None` if it does more, or anything but adding and scaling in one dtype.
///
/// `operand` tells what the nest reads there.
pub(super) fn stored(nest: &Nest, dtype: DType, operand: impl Fn(&Access) -> Option<Term>) -> Option<Term> {
    let [store] = &nest.stores[..] else { return None };
    if !nest.reductions.is_empty() || store.to.dtype != dtype {
        return None;
    }
    let mut terms: Vec<Term> = Vec::with_capacity(nest.body.len());
    for instruction in &nest.body {
        terms.push(match instruction {
            Instruction::Load(place) => operand(&nest.operands[*place]).filter(|_| nest.operands[*place].dtype == dtype)?,
            Instruction::Constant(number, of) if *of == dtype => Term::Number(rounded(number.to_real(), dtype)),
            Instruction::Apply { scalar, arguments, dtype: of } if *of == dtype => {
                let argument = |place: usize| arguments.get(place).map(|&register| terms[register].clone());
                applied(scalar, argument(0)?, argument(1), &nest.shape, dtype)?
            }
            Instruction::Constant(..) | Instruction::Apply { .. } | Instruction::Index { .. } | Instruction::Cast { .. } => return None,
        });
    }
    terms.into_iter().nth(store.value)
}

fn applied(scalar: &Scalar, x: Term, y: Option<Term>, shape: &Shape, dtype: DType) -> Option<Term> {
    match (scalar, x, y) {
        (scalar, x, None) if *scalar == NEG => x.scaled(|x| -x, dtype),
        (scalar, x, Some(y)) if *scalar == ADD => x.plus(y, shape, dtype),
        (scalar, x, Some(y)) if *scalar == SUB => x.plus(y.scaled(|y| -y, dtype)?, shape, dtype),
        (scalar, x, Some(Term::Number(y))) if *scalar == MUL => x.scaled(|x| x * y, dtype),
        (scalar, Term::Number(x), Some(y)) if *scalar == MUL => y.scaled(|y| x * y, dtype),
        (scalar, x, Some(Term::Number(y))) if *scalar == DIV => x.scaled(|x| x / y, dtype),
        (_, Term::Number(_) | Term::Sum { .. }, _) => None,
    }
}

/// A number as the dtype has it.
fn rounded(x: f64, dtype: DType) -> f64 {
    if dtype == DType::F32 { f64::from(x as f32) } else { x }
}

/// A factor that may stand for several: with 0 a part would be lost, and with what is not normal its digits.
pub(super) fn factor(x: f64, dtype: DType) -> Option<f64> {
    let normal = if dtype == DType::F32 { (x as f32).is_normal() } else { x.is_normal() };
    normal.then(|| rounded(x, dtype))
}
