//! The table of loops: which one computes a scalar function on elements of a dtype.
//!
//! Functions that are missing here fall back to their own meaning, element by element.

use damo_graph::{DType, Number, with_dtype};

use half::{bf16, f16};

use super::apply::{Apply, Argument, Function1, Function2, Function3, Typed, binary, select, spread, swapped, ternary, unary};
use super::combine::{maximum, minimum};
use super::functions;
use super::stored::{Stored, elements_mut};
use crate::functions as scalar;
use crate::functions::{Scalar, Signature};

/// The loop for a scalar function or a conversion.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Loop {
    /// One of its own.
    Own(Apply),
    /// By way of numbers, element by element.
    Numbers {
        /// What to compute; nothing of a conversion.
        scalar: Option<&'static Scalar>,
        read: Read,
        write: Write,
        /// Bytes of an element of the result.
        size: usize,
    },
}

/// Reads elements from a place on as numbers.
type Read = fn(Argument<'_>, usize, &mut [Number]);

/// Writes numbers as elements from a place on.
type Write = fn(&mut [u8], usize, &[Number]);

/// So many numbers at a time.
const NUMBERS: usize = 32;

impl Loop {
    /// Makes a tile from tiles.
    pub fn call(self, out: &mut [u8], arguments: &[Argument<'_>]) {
        match self {
            Loop::Own(apply) => apply(out, arguments),
            Loop::Numbers { scalar, read, write, size } => {
                let mut numbers = [[Number::Bool(false); NUMBERS]; 3];
                let count = out.len() / size;
                for start in (0..count).step_by(NUMBERS) {
                    let part = NUMBERS.min(count - start);
                    numbers.iter_mut().zip(arguments).for_each(|(numbers, &argument)| read(argument, start, &mut numbers[..part]));
                    if let Some(scalar) = scalar {
                        compute(scalar, &mut numbers, part, arguments.len());
                    }
                    write(out, start, &numbers[0][..part]);
                }
            }
        }
    }

    /// The loop for a function, of elements of a dtype (those that are chosen between, for a select).
    pub fn of(scalar: &'static Scalar, dtype: DType) -> Loop {
        if scalar.signature == Signature::Select {
            return Loop::Own(match dtype.size() {
                1 => select::<u8, false>,
                2 => select::<u16, false>,
                4 => select::<u32, true>,
                8 => select::<u64, true>,
                _ => select::<[u64; 2], false>,
            });
        }
        let found = TABLES.iter().flat_map(|table| table.iter()).find(|(known, of, _)| *known == scalar && *of == dtype);
        let result = if matches!(scalar.signature, Signature::Test(_)) { DType::Bool } else { dtype };
        found.map_or_else(|| Loop::numbers(Some(scalar), dtype, result), |(.., apply)| Loop::Own(*apply))
    }

    /// The loop that converts elements of one dtype to another, by `Element::from_number`.
    pub fn cast(from: DType, to: DType) -> Loop {
        let found = CASTS.iter().find(|cast| (cast.0, cast.1) == (from, to));
        found.map_or_else(|| Loop::numbers(None, from, to), |cast| Loop::Own(cast.2))
    }

    fn numbers(scalar: Option<&'static Scalar>, from: DType, to: DType) -> Loop {
        Loop::Numbers { scalar, read: with_dtype!(from, T => read_numbers::<T>), write: with_dtype!(to, T => write_numbers::<T>), size: to.size() }
    }

    /// The loop that repeats one element of so many bytes.
    pub fn spread(size: usize) -> Loop {
        Loop::Own(match size {
            1 => spread::<u8>,
            2 => spread::<u16>,
            4 => spread::<u32>,
            8 => spread::<u64>,
            _ => spread::<[u64; 2]>,
        })
    }

    /// Whether the function has a loop of its own.
    #[cfg(test)]
    pub fn is_loop(self) -> bool {
        matches!(self, Loop::Own(_))
    }
}

/// The meaning of a function of numbers in columns; the results take the place of the first.
fn compute(scalar: &'static Scalar, numbers: &mut [[Number; NUMBERS]; 3], count: usize, arity: usize) {
    let [first, second, third] = numbers;
    for ((x, y), z) in first.iter_mut().zip(second).zip(third).take(count) {
        *x = scalar.evaluate(&[*x, *y, *z][..arity.min(3)]).unwrap_or(Number::Real(f64::NAN));
    }
}

type Table = &'static [(&'static Scalar, DType, Apply)];

/// One entry per function: its name, its arguments and what it computes on one element.
macro_rules! table {
    ($dtype:ident: $from:ty, $to:ty, $wide:literal; $($scalar:ident($($argument:ident),+) => $result:expr;)*) => {
        &[$((&scalar::$scalar, DType::$dtype, table!(@ $scalar, $from, $to, $wide, ($($argument),+), $result)),)*]
    };
    (@ $scalar:ident, $from:ty, $to:ty, $wide:literal, ($x:ident), $result:expr) => {{
        struct F;
        impl Function1<$from, $to> for F {
            #[inline(always)]
            fn at($x: $from) -> $to {
                $result
            }
        }
        unary::<$from, $to, F, $wide>
    }};
    (@ $scalar:ident, $from:ty, $to:ty, $wide:literal, ($x:ident, $y:ident), $result:expr) => {{
        struct F;
        impl Function2<$from, $to> for F {
            #[inline(always)]
            fn at($x: $from, $y: $from) -> $to {
                $result
            }
        }
        binary::<$from, $to, F, $wide>
    }};
    (@ $scalar:ident, $from:ty, $to:ty, $wide:literal, ($x:ident, $y:ident, $z:ident), $result:expr) => {{
        struct F;
        impl Function3<$from, $to> for F {
            #[inline(always)]
            fn at($x: $from, $y: $from, $z: $from) -> $to {
                $result
            }
        }
        ternary::<$from, $to, F>
    }};
}

/// What `f32` and `f64` compute alike.
macro_rules! floats {
    ($dtype:ident, $float:ty) => {
        table! { $dtype: $float, $float, true;
            ADD(x, y) => x + y;
            SUB(x, y) => x - y;
            MUL(x, y) => x * y;
            DIV(x, y) => x / y;
            NEG(x) => -x;
            RECIP(x) => 1.0 / x;
            ABS(x) => x.abs();
            SQRT(x) => x.sqrt();
            MUL_ADD(x, y, z) => x.mul_add(y, z);
            MAX(x, y) => maximum!($float, x, y);
            MIN(x, y) => minimum!($float, x, y);
            SIGNUM(x) => if x > 0.0 { 1.0 } else if x < 0.0 { -1.0 } else { x };
            COPYSIGN(x, y) => x.copysign(y);
            FLOOR(x) => x.floor();
            CEIL(x) => x.ceil();
            TRUNC(x) => x.trunc();
            ROUND_TIES_EVEN(x) => x.round_ties_even();
        }
    };
}

/// Questions that all numbers answer.
macro_rules! comparisons {
    ($dtype:ident, $element:ty, $wide:literal) => {{
        struct Greater;
        impl Function2<$element, u8> for Greater {
            #[inline(always)]
            fn at(x: $element, y: $element) -> u8 {
                u8::from(x > y)
            }
        }
        struct GreaterOrEqual;
        impl Function2<$element, u8> for GreaterOrEqual {
            #[inline(always)]
            fn at(x: $element, y: $element) -> u8 {
                u8::from(x >= y)
            }
        }
        struct Equal;
        impl Function2<$element, u8> for Equal {
            #[inline(always)]
            fn at(x: $element, y: $element) -> u8 {
                u8::from(x == y)
            }
        }
        struct NotEqual;
        impl Function2<$element, u8> for NotEqual {
            #[inline(always)]
            fn at(x: $element, y: $element) -> u8 {
                u8::from(x != y)
            }
        }
        &[
            (&scalar::GT, DType::$dtype, binary::<$element, u8, Greater, $wide>),
            (&scalar::LT, DType::$dtype, swapped::<$element, u8, Greater, $wide>),
            (&scalar::GE, DType::$dtype, binary::<$element, u8, GreaterOrEqual, $wide>),
            (&scalar::LE, DType::$dtype, swapped::<$element, u8, GreaterOrEqual, $wide>),
            (&scalar::EQUAL, DType::$dtype, binary::<$element, u8, Equal, $wide>),
            (&scalar::NOT_EQUAL, DType::$dtype, binary::<$element, u8, NotEqual, $wide>),
        ]
    }};
}

/// Questions that only floats answer.
macro_rules! float_questions {
    ($dtype:ident, $float:ty) => {
        table! { $dtype: $float, u8, true;
            IS_NAN(x) => u8::from(x.is_nan());
            IS_FINITE(x) => u8::from(x.is_finite());
        }
    };
}

macro_rules! integers {
    ($dtype:ident, $integer:ty) => {
        table! { $dtype: $integer, $integer, false;
            ADD(x, y) => x.wrapping_add(y);
            SUB(x, y) => x.wrapping_sub(y);
            MUL(x, y) => x.wrapping_mul(y);
            NEG(x) => x.wrapping_neg();
            MAX(x, y) => if x > y { x } else { y };
            MIN(x, y) => if x < y { x } else { y };
        }
    };
}

static TABLES: &[Table] = &[
    floats!(F32, f32),
    floats!(F64, f64),
    comparisons!(F32, f32, true),
    comparisons!(F64, f64, true),
    float_questions!(F32, f32),
    float_questions!(F64, f64),
    integers!(I32, i32),
    integers!(I64, i64),
    comparisons!(I32, i32, false),
    comparisons!(I64, i64, false),
    comparisons!(Bool, u8, false),
    table! { Bool: u8, u8, false;
        AND(x, y) => x & y;
        OR(x, y) => x | y;
        XOR(x, y) => x ^ y;
        NOT(x) => 1 - x;
        MAX(x, y) => x | y;
        MIN(x, y) => x & y;
    },
    table! { F32: f32, f32, true;
        EXP(x) => functions::exp(f64::from(x)) as f32;
        EXP_DIFFERENCE(x, y) => functions::exp(f64::from(x) - f64::from(y)) as f32;
        EXP2(x) => functions::exp2(f64::from(x)) as f32;
        EXP_M1(x) => functions::exp_m1(f64::from(x)) as f32;
        LN(x) => functions::ln(f64::from(x)) as f32;
        LN_1P(x) => functions::ln_1p(f64::from(x)) as f32;
        LOG2(x) => (functions::ln(f64::from(x)) * std::f64::consts::LOG2_E) as f32;
        LOG10(x) => (functions::ln(f64::from(x)) * std::f64::consts::LOG10_E) as f32;
        TANH(x) => functions::tanh(f64::from(x)) as f32;
        SECH2(x) => functions::sech2(f64::from(x)) as f32;
        SIGMOID(x) => functions::sigmoid(f64::from(x)) as f32;
        SOFTPLUS(x) => functions::softplus(f64::from(x)) as f32;
    },
    &[(&scalar::SIN, DType::F32, sin), (&scalar::COS, DType::F32, cos), (&scalar::POW, DType::F32, pow32), (&scalar::POW, DType::F64, pow64)],
];

/// The conversions that have loops of their own.
static CASTS: &[(DType, DType, Apply)] = &[
    (DType::F32, DType::F64, convert::<f32, f64, true>),
    (DType::F64, DType::F32, convert::<f64, f32, true>),
    (DType::Bool, DType::F32, convert::<bool, f32, true>),
    (DType::Bool, DType::F64, convert::<bool, f64, true>),
    (DType::Bool, DType::I64, convert::<bool, i64, false>),
    (DType::I32, DType::F32, convert::<i32, f32, false>),
    (DType::I64, DType::F32, convert::<i64, f32, false>),
    (DType::I32, DType::F64, convert::<i32, f64, false>),
    (DType::I64, DType::F64, convert::<i64, f64, false>),
    (DType::F16, DType::F32, convert::<f16, f32, false>),
    (DType::BF16, DType::F32, convert::<bf16, f32, false>),
    (DType::F32, DType::F16, convert::<f32, f16, false>),
    (DType::F32, DType::BF16, convert::<f32, bf16, false>),
    (DType::U8, DType::F32, convert::<u8, f32, false>),
    (DType::U8, DType::F64, convert::<u8, f64, false>),
];

/// Sines of a tile: in lanes if all arguments are small enough.
fn sin(out: &mut [u8], arguments: &[Argument<'_>]) {
    struct Small;
    impl Function1<f32, f32> for Small {
        #[inline(always)]
        fn at(x: f32) -> f32 {
            functions::sin(f64::from(x)) as f32
        }
    }
    struct Any;
    impl Function1<f32, f32> for Any {
        fn at(x: f32) -> f32 {
            f64::from(x).sin() as f32
        }
    }
    if few_turns(arguments) { unary::<f32, f32, Small, true>(out, arguments) } else { unary::<f32, f32, Any, false>(out, arguments) }
}

/// Cosines, likewise.
fn cos(out: &mut [u8], arguments: &[Argument<'_>]) {
    struct Small;
    impl Function1<f32, f32> for Small {
        #[inline(always)]
        fn at(x: f32) -> f32 {
            functions::cos(f64::from(x)) as f32
        }
    }
    struct Any;
    impl Function1<f32, f32> for Any {
        fn at(x: f32) -> f32 {
            f64::from(x).cos() as f32
        }
    }
    if few_turns(arguments) { unary::<f32, f32, Small, true>(out, arguments) } else { unary::<f32, f32, Any, false>(out, arguments) }
}

fn few_turns(arguments: &[Argument<'_>]) -> bool {
    arguments.iter().all(|argument| match argument.typed::<f32>() {
        Typed::Tile(x) => x.iter().fold(true, |few, x| few & (f64::from(x.abs()) <= functions::TURNS)),
        Typed::Uniform(x) => f64::from(x.abs()) <= functions::TURNS,
    })
}

macro_rules! pow {
    ($name:ident, $float:ty, $power:expr) => {
        /// Powers; a square, by far the most common, is a product.
        fn $name(out: &mut [u8], arguments: &[Argument<'_>]) {
            struct Square;
            impl Function1<$float, $float> for Square {
                #[inline(always)]
                fn at(x: $float) -> $float {
                    x * x
                }
            }
            struct Power;
            impl Function2<$float, $float> for Power {
                fn at(x: $float, y: $float) -> $float {
                    $power(x, y)
                }
            }
            match arguments {
                [x, y] if matches!(y.typed::<$float>(), Typed::Uniform(2.0)) => unary::<$float, $float, Square, true>(out, &[*x]),
                _ => binary::<$float, $float, Power, false>(out, arguments),
            }
        }
    };
}
pow!(pow32, f32, |x: f32, y: f32| f64::from(x).powf(f64::from(y)) as f32);
pow!(pow64, f64, f64::powf);

/// Converts elements, by `Element::from_number`.
fn convert<T: Stored, U: Stored, const WIDE: bool>(out: &mut [u8], arguments: &[Argument<'_>]) {
    struct Convert<T, U>(T, U);
    impl<T: Stored, U: Stored> Function1<T::Raw, U::Raw> for Convert<T, U> {
        #[inline(always)]
        fn at(x: T::Raw) -> U::Raw {
            U::from_number(T::read(x).to_number()).write()
        }
    }
    unary::<T::Raw, U::Raw, Convert<T, U>, WIDE>(out, arguments);
}

/// Elements as numbers, from a place on.
fn read_numbers<T: Stored>(argument: Argument<'_>, start: usize, numbers: &mut [Number]) {
    match argument.typed::<T::Raw>() {
        Typed::Tile(x) => numbers.iter_mut().zip(x.iter().skip(start)).for_each(|(number, &x)| *number = T::read(x).to_number()),
        Typed::Uniform(x) => numbers.fill(T::read(x).to_number()),
    }
}

/// Numbers as elements, from a place on.
fn write_numbers<T: Stored>(out: &mut [u8], start: usize, numbers: &[Number]) {
    elements_mut::<T::Raw>(out).iter_mut().skip(start).zip(numbers).for_each(|(out, &number)| *out = T::from_number(number).write());
}
