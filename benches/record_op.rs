//! What recording one op on a tape costs: at most 50 ns.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use damo::prelude::*;

/// How many ops are recorded on one tape: a large program.
const OPS: u64 = 10_000;

fn record_op(criterion: &mut Criterion) {
    criterion.bench_function("record one op", |bencher| {
        bencher.iter_custom(|ops| {
            let mut busy = Duration::ZERO;
            for tape_start in (0..ops).step_by(OPS as usize) {
                let tape = Tape::new();
                let x = tape.vector::<f32>("x");
                let mut y = x;
                let start = Instant::now();
                for _ in 0..OPS.min(ops - tape_start) {
                    y = y + x;
                }
                busy += start.elapsed();
                black_box(y.index());
            }
            busy
        });
    });
}

criterion_group!(benches, record_op);
criterion_main!(benches);
