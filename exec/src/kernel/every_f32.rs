//! Every function of one `f32` over the bit patterns of all of them, by every engine.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use damo_graph::op::scalar::{self, Scalar, Signature};
use damo_graph::{DType, Number};

use super::judge::{Buffer, distance, engines, rounded, run};
use super::tests::{access, apply, mixed, takes};
use crate::instruction_set::InstructionSet;
use crate::nest::{Instruction, Nest, Store};

/// Every so-many-th bit pattern is tried; `EVERY_F32=257` tries every 257th, for minutes, and `EVERY_F32=1` all of them, for hours:
/// `EVERY_F32=1 cargo test --release -p damo-exec --lib every_f32 -- --nocapture`.
const PATTERN_STEP: usize = 16_411;

/// So many patterns are tried at a time, and so many parts of them are shared out.
const PATTERNS: usize = 1 << 14;
const PARTS: usize = 64;

/// The largest error of a function by an engine, in ulps of `f32`, and where it is.
type Worst = (f64, f64);

/// The largest error of a function by each engine over a part of the bit patterns.
fn worst(scalar: &'static Scalar, part: usize, step: usize) -> Vec<Worst> {
    let nest = Nest {
        shape: [PATTERNS].into_iter().collect(),
        operands: vec![access(0, DType::F32, 0, &[1])],
        body: vec![Instruction::Load(0), apply(scalar, &[0], DType::F32)],
        stores: vec![Store { value: 1, to: access(1, DType::F32, 0, &[1]) }],
        reductions: vec![],
    };
    let engines: Vec<Option<InstructionSet>> = engines().collect();
    let mut worst = vec![(0.0, 0.0); engines.len()];
    let mut patterns = (0..=u32::MAX).step_by(step).skip(part).step_by(PARTS).peekable();
    while patterns.peek().is_some() {
        let xs: Vec<f64> = patterns.by_ref().take(PATTERNS).map(|bits| f64::from(f32::from_bits(bits))).collect();
        let exact: Vec<Number> = xs.iter().map(|&x| scalar.evaluate(&[Number::Real(x)]).unwrap()).collect();
        let padded = xs.iter().copied().chain(std::iter::repeat(1.0)).take(PATTERNS);
        let buffers = [Buffer::of(DType::F32, padded.map(Number::Real)), mixed(PATTERNS)];
        for (&engine, worst) in engines.iter().zip(&mut worst) {
            let mut buffers = buffers.clone();
            run(&nest, &mut buffers, engine, 1);
            for (place, (&x, &exact)) in xs.iter().zip(&exact).enumerate() {
                // What rounds to infinity or NaN has to be just that; all else is measured against the number before rounding.
                let rounded = rounded(DType::F32, exact);
                let expected = if rounded.to_real().is_finite() { exact } else { rounded };
                let error = distance(DType::F32, buffers[1].get(place), expected);
                if error.is_nan() || error > worst.0 {
                    *worst = (error, x);
                }
            }
        }
    }
    worst
}

#[test]
fn every_f32_function_of_one_number_is_within_its_ulps() {
    let step = std::env::var("EVERY_F32").ok().and_then(|step| step.parse().ok()).filter(|&step| step > 0).unwrap_or(PATTERN_STEP);
    let scalars: Vec<&'static Scalar> =
        scalar::ALL.iter().copied().filter(|scalar| scalar.signature == Signature::Same(1) && takes(scalar, DType::F32)).collect();
    let next = AtomicUsize::new(0);
    let found: Mutex<Vec<Vec<Worst>>> = Mutex::new(vec![vec![(0.0, 0.0); engines().count()]; scalars.len()]);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let task = next.fetch_add(1, Ordering::Relaxed)
                    && let Some(scalar) = scalars.get(task / PARTS)
                {
                    let part = worst(scalar, task % PARTS, step);
                    for (all, part) in found.lock().unwrap()[task / PARTS].iter_mut().zip(part) {
                        // The first of equal ones, whichever thread is first.
                        if part.0.is_nan() || part.0 > all.0 || part.0 == all.0 && part.1 < all.1 {
                            *all = part;
                        }
                    }
                }
            });
        }
    });
    let mut beyond = Vec::new();
    for (scalar, found) in scalars.iter().zip(found.into_inner().unwrap()) {
        for (engine, (error, x)) in engines().zip(found) {
            let told = format!("{:12} {engine:?}: {error:.3} ulps at {x:e}", scalar.name);
            println!("{told}");
            if error.is_nan() || error > scalar.narrow_ulps.max(0.5) + 0.01 {
                beyond.push(told);
            }
        }
    }
    assert!(beyond.is_empty(), "{beyond:#?}");
}
