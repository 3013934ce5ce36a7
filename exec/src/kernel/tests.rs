//! What every engine promises of nests: every function, every shape, every reduction, the same bits on any number of threads.

#![expect(unsafe_code, reason = "it hands memory to the engine")]

use damo_graph::op::reduce::Reduction;
use damo_graph::op::scalar::{self, Scalar, Signature};
use damo_graph::{DType, Number, Problem};

use super::judge::{Buffer, agree, distance, engines, rounded, run};
use crate::layout::row_major;
use crate::nest::{Access, Accumulate, BufferId, Instruction, Nest, Store};
use crate::portable::Kernel;
use crate::portable::loops::Loop;
use crate::region::Region;

pub(super) fn access(buffer: u32, dtype: DType, offset: isize, strides: &[isize]) -> Access {
    Access { buffer: BufferId(buffer), dtype, offset, strides: strides.into() }
}

pub(super) fn apply(scalar: &'static Scalar, arguments: &[usize], dtype: DType) -> Instruction {
    Instruction::Apply { scalar, arguments: arguments.into(), dtype }
}

/// Numbers that functions go wrong at, as elements of a dtype.
fn edges(dtype: DType) -> Vec<Number> {
    let reals = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        -0.5,
        2.0,
        3.0,
        -2.5,
        1e-3,
        -1e-7,
        0.3,
        0.999,
        1.001,
        7.5,
        -17.0,
        88.0,
        -87.5,
        104.0,
        710.0,
        -745.0,
        1e5,
        -3e6,
        1e20,
        1e-40,
        -1e-44,
        6e-8,
        f64::MIN_POSITIVE,
        1e300,
        f64::MAX,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        65504.0,
        3.4e38,
        std::f64::consts::FRAC_PI_2,
    ];
    let integers = [0, 1, -1, 2, -2, 5, 7, 100, 127, -128, 255, i128::from(i64::MAX), i128::from(i64::MIN), i128::from(i32::MIN)];
    let all: Vec<Number> = if dtype == DType::Bool {
        vec![Number::Bool(false), Number::Bool(true)]
    } else if dtype.is_float() {
        reals.map(Number::Real).to_vec()
    } else {
        integers.map(Number::Integer).to_vec()
    };
    all.into_iter().map(|number| rounded(dtype, number)).collect()
}

/// Whether a function has a meaning on a dtype.
pub(super) fn takes(scalar: &Scalar, dtype: DType) -> bool {
    scalar.signature == Signature::Select || edges(dtype).first().is_some_and(|&x| scalar.evaluate(&[x; 3][..scalar.arity()]).is_some())
}

const DTYPES: [DType; 13] = [
    DType::Bool,
    DType::I8,
    DType::I16,
    DType::I32,
    DType::I64,
    DType::U8,
    DType::U16,
    DType::U32,
    DType::U64,
    DType::F16,
    DType::BF16,
    DType::F32,
    DType::F64,
];

#[test]
fn every_function_of_every_dtype_is_within_its_ulps() {
    for scalar in scalar::ALL {
        for dtype in DTYPES.into_iter().filter(|&dtype| takes(scalar, dtype)) {
            let arity = scalar.arity();
            let dtypes: Vec<DType> = (0..arity).map(|k| if scalar.signature == Signature::Select && k == 0 { DType::Bool } else { dtype }).collect();
            let result = if matches!(scalar.signature, Signature::Test(_)) { DType::Bool } else { dtype };
            // Every argument at every edge, as a table with one axis per argument; then each argument constant along the tile.
            let lengths: Vec<usize> = dtypes.iter().map(|&dtype| edges(dtype).len().min(if arity == 3 { 12 } else { 99 })).collect();
            let mut buffers: Vec<Buffer> =
                dtypes.iter().zip(&lengths).map(|(&dtype, &length)| Buffer::of(dtype, edges(dtype).into_iter().take(length))).collect();
            let count = lengths.iter().product();
            buffers.push(Buffer::of(result, (0..count).map(|_| Number::Bool(false))));
            let axis = |k: usize| (0..arity).map(|at| isize::from(at == k)).collect::<Vec<_>>();
            let mut body: Vec<Instruction> = (0..arity).map(Instruction::Load).collect();
            body.push(apply(scalar, &(0..arity).collect::<Vec<_>>(), result));
            let nest = Nest {
                shape: lengths.as_slice().into(),
                operands: (0..arity).map(|k| access(k as u32, dtypes[k], 0, &axis(k))).collect(),
                body,
                stores: vec![Store { value: arity, to: access(arity as u32, result, 0, &row_major(&lengths)) }],
                reductions: vec![],
            };
            // Half an ulp more: the meaning is rounded to the dtype too.
            agree(&nest, &buffers, scalar.ulps_in(dtype).floor());
            for (uniform, &of) in dtypes.iter().enumerate() {
                for value in edges(of).into_iter().take(5) {
                    let mut with_constant = nest.clone();
                    with_constant.body[uniform] = Instruction::Constant(value, of);
                    agree(&with_constant, &buffers, scalar.ulps_in(dtype).floor());
                }
            }
        }
    }
}

#[test]
fn the_common_functions_have_loops_of_their_own() {
    let common =
        [&scalar::ADD, &scalar::MUL, &scalar::EXP, &scalar::LN, &scalar::TANH, &scalar::SIGMOID, &scalar::SOFTPLUS, &scalar::SELECT, &scalar::GT];
    assert!(common.into_iter().all(|scalar| Loop::of(scalar, DType::F32).is_loop()));
}

#[test]
fn every_cast_is_the_elements_own() {
    for from in DTYPES {
        let mut numbers = edges(from);
        // Where integers end, and where floats no longer have all of them; the last is half way between two floats of 32 bits, and one more.
        let at_ends = [1 << 31, 1 << 32, 1 << 53, 1 << 63, (1 << 60) + (1 << 36)];
        let integers = at_ends.into_iter().flat_map(|end: i128| [end - 1, end, end + 1, -end - 1, -end, 1 - end]);
        if from != DType::Bool {
            numbers.extend(integers.map(|integer| {
                let real = integer as f64 + if integer.abs() < 1 << 40 { 0.75 } else { 0.0 };
                rounded(from, if from.is_float() { Number::Real(real) } else { Number::Integer(integer) })
            }));
        }
        for to in DTYPES {
            let nest = Nest {
                shape: [numbers.len()].into_iter().collect(),
                operands: vec![access(0, from, 0, &[1])],
                body: vec![Instruction::Load(0), Instruction::Cast { argument: 0, to }],
                stores: vec![Store { value: 1, to: access(1, to, 0, &[1]) }],
                reductions: vec![],
            };
            agree(&nest, &[Buffer::of(from, numbers.clone()), Buffer::of(to, numbers.iter().map(|_| Number::Bool(false)))], 0.0);
        }
    }
}

/// Small whole numbers, whose sums are exact, in no order.
pub(super) fn mixed(count: usize) -> Buffer {
    Buffer::of(DType::F32, (0..count).map(|k| Number::Real(((k * 7919) % 61) as f64 - 30.0)))
}

/// Row-major strides of axes in another order, and where to begin if some run backwards.
pub(super) fn strides(shape: &[usize], order: &[usize], backwards: &[usize]) -> (isize, Vec<isize>) {
    let permuted: Vec<usize> = order.iter().map(|&axis| shape[axis]).collect();
    let mut strides = vec![0; shape.len()];
    order.iter().zip(row_major(&permuted)).for_each(|(&axis, stride)| strides[axis] = stride);
    let mut offset = 0;
    for &axis in backwards {
        offset += (shape[axis] as isize - 1).max(0) * strides[axis];
        strides[axis] = -strides[axis];
    }
    (offset, strides)
}

#[test]
fn elements_that_are_apart_are_read() {
    for (dtype, step, count) in [DType::F32, DType::F64, DType::I32, DType::I64]
        .into_iter()
        .flat_map(|dtype| [-3isize, -2, -1, 2, 3].map(|step| (dtype, step)))
        .flat_map(|(dtype, step)| [1, 7, 8, 9, 16, 17, 40, 67].map(|count| (dtype, step, count)))
    {
        // The array ends with the last element that is read.
        let elements = (count - 1) * step.unsigned_abs() + 1;
        let first = if step < 0 { elements as isize - 1 } else { 0 };
        let nest = Nest {
            shape: [count].into_iter().collect(),
            operands: vec![access(0, dtype, first, &[step])],
            body: vec![Instruction::Load(0), apply(&scalar::ADD, &[0, 0], dtype)],
            stores: vec![Store { value: 1, to: access(1, dtype, 0, &[1]) }],
            reductions: vec![],
        };
        let numbers = (0..elements).map(|k| Number::Real(k as f64 + 1.0));
        agree(&nest, &[Buffer::of(dtype, numbers), Buffer::of(dtype, (0..count).map(|_| Number::Real(0.0)))], 0.0);
    }
}

const SHAPES: [&[usize]; 12] =
    [&[], &[1], &[5], &[1027], &[0], &[3, 0, 2], &[17, 33], &[2, 700], &[700, 3], &[4, 5, 6], &[1, 9, 1, 300], &[3, 2, 50, 7]];

#[test]
fn operands_of_any_strides_are_read_and_results_written() {
    for shape in SHAPES {
        let (rank, count) = (shape.len(), shape.iter().product::<usize>());
        let orders: Vec<Vec<usize>> = vec![(0..rank).collect(), (0..rank).rev().collect(), (0..rank).map(|k| (k + 1) % rank).collect()];
        for (order, result_order) in orders.iter().flat_map(|order| orders.iter().map(move |result| (order, result))) {
            for backwards in [vec![], (0..rank).step_by(2).collect::<Vec<_>>()] {
                let (offset, steps) = strides(shape, order, &backwards);
                let (result_offset, result_steps) = strides(shape, result_order, &backwards[..backwards.len() / 2]);
                // A row, a column and a single number beside it.
                let row: Vec<isize> = (0..rank).map(|axis| isize::from(axis + 1 == rank)).collect();
                let column: Vec<isize> = (0..rank).map(|axis| isize::from(axis == 0)).collect();
                let nest = Nest {
                    shape: shape.into(),
                    operands: vec![
                        access(0, DType::F32, offset, &steps),
                        access(0, DType::F32, 0, &row),
                        access(0, DType::F32, 0, &column),
                        access(0, DType::F32, 0, &vec![0; rank]),
                    ],
                    body: vec![
                        Instruction::Load(0),
                        Instruction::Load(1),
                        Instruction::Load(2),
                        Instruction::Load(3),
                        apply(&scalar::MUL, &[0, 1], DType::F32),
                        apply(&scalar::ADD, &[4, 2], DType::F32),
                        apply(&scalar::SUB, &[3, 5], DType::F32),
                    ],
                    stores: vec![
                        Store { value: 6, to: access(1, DType::F32, result_offset, &result_steps) },
                        Store { value: 4, to: access(2, DType::F32, offset, &steps) },
                        Store { value: 3, to: access(3, DType::F32, offset, &steps) },
                    ],
                    reductions: vec![],
                };
                agree(&nest, &[mixed(count.max(1100)), mixed(count), mixed(count), mixed(count)], 0.0);
            }
        }
    }
}

/// A nest that reduces `x·x + i` in every way over some axes, where `i` is the index of the last loop.
fn reducing(shape: &[usize], axes: &[usize], order: &[usize], with_store: bool) -> (Nest, Vec<Buffer>) {
    let (rank, count) = (shape.len(), shape.iter().product::<usize>());
    let (offset, steps) = strides(shape, order, &[]);
    let kept: Vec<usize> = (0..rank).map(|axis| if axes.contains(&axis) { 1 } else { shape[axis] }).collect();
    let result: Vec<isize> = row_major(&kept).iter().enumerate().map(|(axis, &stride)| if axes.contains(&axis) { 0 } else { stride }).collect();
    let results: usize = kept.iter().product();
    let kinds = if count == 0 {
        vec![Reduction::Sum, Reduction::Product, Reduction::Mean]
    } else {
        vec![Reduction::Sum, Reduction::Max, Reduction::Min, Reduction::Mean]
    };
    let mut body = vec![Instruction::Load(0), apply(&scalar::ABS, &[0], DType::F32)];
    if rank > 0 {
        body.extend([Instruction::Index { axis: rank - 1, dtype: DType::F32 }, apply(&scalar::ADD, &[1, 2], DType::F32)]);
    }
    let value = body.len() - 1;
    let mut nest = Nest { shape: shape.into(), operands: vec![access(0, DType::F32, offset, &steps)], body, stores: vec![], reductions: vec![] };
    let mut buffers = vec![mixed(count)];
    for (place, kind) in kinds.into_iter().enumerate() {
        nest.reductions.push(Accumulate { value, kind, axes: axes.into(), to: access(place as u32 + 1, DType::F32, 0, &result) });
        buffers.push(mixed(results));
    }
    if with_store {
        nest.stores.push(Store { value, to: access(buffers.len() as u32, DType::F32, 0, &row_major(shape)) });
        buffers.push(mixed(count));
    }
    (nest, buffers)
}

#[test]
fn reductions_over_any_axes_agree() {
    for shape in SHAPES {
        let rank = shape.len();
        for axes in (0..1usize << rank).map(|set| (0..rank).filter(|axis| set >> axis & 1 == 1).collect::<Vec<_>>()) {
            for order in [(0..rank).collect::<Vec<_>>(), (0..rank).rev().collect()] {
                for with_store in [false, true] {
                    let (nest, buffers) = reducing(shape, &axes, &order, with_store);
                    // Whole numbers this small are exact in any order, and the mean is rounded once.
                    agree(&nest, &buffers, 0.0);
                }
            }
        }
    }
}

#[test]
fn reductions_over_different_loops_share_a_nest() {
    let shape = [40, 70];
    let (mut nest, mut buffers) = reducing(&shape, &[0], &[0, 1], true);
    let (others, more) = reducing(&shape, &[1], &[0, 1], false);
    for (mut reduction, buffer) in others.reductions.into_iter().zip(more.into_iter().skip(1)) {
        reduction.to.buffer = BufferId(buffers.len() as u32);
        nest.reductions.push(reduction);
        buffers.push(buffer);
    }
    agree(&nest, &buffers, 0.0);
    // The store replaces the operand in place, after every sweep has read it.
    nest.stores[0].to = nest.operands[0].clone();
    agree(&nest, &buffers, 0.0);
}

#[test]
fn results_may_replace_operands() {
    for count in [1, 700, 5000] {
        let nest = Nest {
            shape: [count].into_iter().collect(),
            operands: vec![access(0, DType::F32, 0, &[1]), access(1, DType::F32, 0, &[1])],
            body: vec![
                Instruction::Load(0),
                Instruction::Load(1),
                apply(&scalar::ADD, &[0, 1], DType::F32),
                apply(&scalar::MUL, &[0, 2], DType::F32),
            ],
            stores: vec![Store { value: 2, to: access(0, DType::F32, 0, &[1]) }, Store { value: 3, to: access(1, DType::F32, 0, &[1]) }],
            reductions: vec![],
        };
        agree(&nest, &[mixed(count), mixed(count)], 0.0);
    }
}

#[test]
fn other_dtypes_reduce_too() {
    for (dtype, kinds) in [
        (DType::Bool, &[Reduction::All, Reduction::Any][..]),
        (DType::I8, &[Reduction::Sum, Reduction::Product, Reduction::Max, Reduction::Min]),
        (DType::U64, &[Reduction::Sum, Reduction::Product, Reduction::Max, Reduction::Min]),
        (DType::BF16, &[Reduction::Sum, Reduction::Max, Reduction::Mean]),
        (DType::F16, &[Reduction::Product, Reduction::Min]),
        (DType::F64, &[Reduction::Sum, Reduction::Product, Reduction::Mean]),
    ] {
        for (&kind, empty) in kinds.iter().flat_map(|kind| [(kind, false), (kind, true)]) {
            if empty && matches!(kind, Reduction::Max | Reduction::Min) {
                continue;
            }
            let (rows, columns) = (3, if empty { 0 } else { 6 });
            let numbers = (0..rows * columns).map(|k| Number::Integer(i128::from(k % 5 != 3) + i128::from(k % 4 == 0)));
            let nest = Nest {
                shape: [rows, columns].into_iter().collect(),
                operands: vec![access(0, dtype, 0, &[columns as isize, 1])],
                body: vec![Instruction::Load(0)],
                stores: vec![],
                reductions: vec![Accumulate { value: 0, kind, axes: [1].into_iter().collect(), to: access(1, dtype, 0, &[1, 0]) }],
            };
            agree(&nest, &[Buffer::of(dtype, numbers), Buffer::of(dtype, [Number::Bool(true); 3])], 0.0);
        }
    }
}

#[test]
fn long_sums_stay_accurate() {
    let count = 1 << 20;
    let tenths = Buffer::of(DType::F32, (0..count).map(|_| Number::Real(0.1)));
    for (shape, axes) in [(vec![count], vec![0]), (vec![count / 4, 4], vec![0]), (vec![1 << 10, 1 << 10], vec![0]), (vec![4, count / 4], vec![1])] {
        let kept: Vec<usize> = (0..shape.len()).map(|axis| if axes.contains(&axis) { 1 } else { shape[axis] }).collect();
        let result: Vec<isize> = row_major(&kept).iter().enumerate().map(|(axis, &stride)| if axes.contains(&axis) { 0 } else { stride }).collect();
        let results: usize = kept.iter().product();
        let nest = Nest {
            operands: vec![access(0, DType::F32, 0, &row_major(&shape))],
            shape: shape.as_slice().into(),
            body: vec![Instruction::Load(0)],
            stores: vec![],
            reductions: vec![Accumulate { value: 0, kind: Reduction::Sum, axes: axes.as_slice().into(), to: access(1, DType::F32, 0, &result) }],
        };
        for engine in engines() {
            let mut buffers = [tenths.clone(), Buffer::of(DType::F32, vec![Number::Real(0.0); results])];
            run(&nest, &mut buffers, engine, 1);
            let expected = f64::from(0.1f32) * (count / results) as f64;
            for place in 0..results {
                let found = buffers[1].get(place).to_real();
                assert!((found / expected - 1.0).abs() < 4.0 * f64::from(f32::EPSILON), "{engine:?} {shape:?}: {found}");
            }
        }
    }
}

#[test]
fn the_bits_do_not_depend_on_the_number_of_threads() {
    let (rows, columns) = (1500, 1000);
    let numbers = Buffer::of(DType::F32, (0..rows * columns).map(|k| Number::Real(1.0 / (1.0 + (k % 9973) as f64))));
    for axes in [vec![0], vec![1]] {
        let result: Vec<isize> = (0..2).map(|axis| isize::from(!axes.contains(&axis))).collect();
        let nest = Nest {
            shape: [rows, columns].into_iter().collect(),
            operands: vec![access(0, DType::F32, 0, &[columns as isize, 1])],
            body: vec![Instruction::Load(0), apply(&scalar::EXP, &[0], DType::F32)],
            stores: vec![Store { value: 1, to: access(1, DType::F32, 0, &[columns as isize, 1]) }],
            reductions: vec![Accumulate { value: 1, kind: Reduction::Sum, axes: axes.as_slice().into(), to: access(2, DType::F32, 0, &result) }],
        };
        let outcome = |engine, threads| {
            let mut buffers = [numbers.clone(), numbers.clone(), mixed(rows)];
            run(&nest, &mut buffers, engine, threads);
            (0..rows)
                .map(|place| buffers[2].get(place).to_real().to_bits())
                .chain((0..rows * columns).map(|place| buffers[1].get(place).to_real().to_bits()))
                .collect::<Vec<_>>()
        };
        for engine in engines() {
            let alone = outcome(engine, 1);
            assert!(alone == outcome(engine, 2) && alone == outcome(engine, 5));
        }
    }
}

#[test]
fn what_leaves_its_memory_is_refused() -> Result<(), Problem> {
    let nest = Nest {
        shape: [4].into_iter().collect(),
        operands: vec![access(0, DType::F32, 0, &[1])],
        body: vec![Instruction::Load(0)],
        stores: vec![Store { value: 0, to: access(1, DType::F32, 0, &[2]) }],
        reductions: vec![],
    };
    let kernel = Kernel::compile(&nest)?;
    let mut scratch = vec![0; kernel.scratch_bytes(1)];
    let (from, mut to) = ([1.0f32; 4], [0.0f32; 7]);
    let regions = [Region::reading(&from), Region::writing(&mut to)];
    // SAFETY: the arrays are borrowed.
    unsafe { kernel.run(&regions, &mut scratch, 1, 0) }?;
    // SAFETY: as above.
    let mut attempt = |regions: &[Region<'_>], scratch_bytes: usize| unsafe { kernel.run(regions, &mut scratch[..scratch_bytes], 1, 0) };
    assert!(attempt(&regions, 0).is_err());
    let enough = kernel.scratch_bytes(1);
    assert!(attempt(&regions[..1], enough).is_err());
    assert!(attempt(&[regions[0], regions[0]], enough).is_err());
    assert!(attempt(&[Region::reading(&from[..3]), regions[1]], enough).is_err());
    assert!(Kernel::compile(&Nest { body: vec![Instruction::Load(1)], ..nest }).is_err());
    Ok(())
}

#[test]
fn sums_that_are_not_finite_may_stand_beside_what_is_replaced() {
    let numbers = [f64::INFINITY, 1.0, f64::NEG_INFINITY, 2.0, 1.5e308];
    let nest = Nest {
        shape: [numbers.len()].into_iter().collect(),
        operands: vec![access(0, DType::F64, 0, &[1])],
        body: vec![Instruction::Load(0), apply(&scalar::IS_FINITE, &[0], DType::Bool), Instruction::Cast { argument: 1, to: DType::F64 }],
        stores: vec![Store { value: 2, to: access(0, DType::F64, 0, &[1]) }],
        reductions: vec![Accumulate { value: 0, kind: Reduction::Sum, axes: [0].into_iter().collect(), to: access(1, DType::F64, 0, &[0]) }],
    };
    agree(&nest, &[Buffer::of(DType::F64, numbers.map(Number::Real)), Buffer::of(DType::F64, [Number::Real(0.0)])], 0.0);
}

#[test]
fn sums_of_fractions_are_off_by_one_ulp_at_most() {
    for length in [1, 7, 31, 32, 64, 100, 1000, 10_000] {
        let rows = 3;
        let nest = Nest {
            shape: [rows, length].into_iter().collect(),
            operands: vec![access(0, DType::F32, 0, &[length as isize, 1])],
            body: vec![Instruction::Load(0), apply(&scalar::SIGMOID, &[0], DType::F32)],
            stores: vec![Store { value: 1, to: access(1, DType::F32, 0, &[length as isize, 1]) }],
            reductions: vec![Accumulate { value: 1, kind: Reduction::Sum, axes: [1].into_iter().collect(), to: access(2, DType::F32, 0, &[1, 0]) }],
        };
        let numbers = |count: usize| (0..count).map(|k| Number::Real((k * 7919 % 1009) as f64 / 20.0 - 25.0));
        let buffers = [rows * length, rows * length, rows].map(|count| Buffer::of(DType::F32, numbers(count)));
        for engine in engines() {
            let mut buffers = buffers.to_vec();
            run(&nest, &mut buffers, engine, 1);
            for row in 0..rows {
                let exact: f64 = (0..length).map(|k| buffers[1].get(row * length + k).to_real()).sum();
                let error = distance(DType::F32, buffers[2].get(row), Number::Real(exact));
                assert!(error <= 1.0, "{engine:?}, {length}: {error} ulps");
            }
        }
    }
}
