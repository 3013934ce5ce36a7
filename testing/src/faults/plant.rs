//! How faults are planted into plans and runs. A plan that has no such part stays as it is: cases that are cut down have other plans.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use damo::debug::Hooks;
use damo::op::scalar::Scalar;
use damo_exec::Plan;
use damo_exec::hooks::tamper::{Moment, Write};
use damo_exec::nest::{BufferId, Instruction, Nest};
use damo_exec::step::{Contraction, Place, Step};

/// Hooks that change plans.
pub(super) fn in_plan(change: impl Fn(&mut Plan) + Send + Sync + 'static) -> Hooks {
    let change = move |plan: &mut Plan| {
        change(plan);
        plan.compile_again();
    };
    Hooks { plan: Some(Arc::new(change)), ..Hooks::default() }
}

/// Hooks that change all nests that compute a function of that name.
pub(super) fn in_nest(function: &'static str, change: impl Fn(&mut Nest) + Send + Sync + 'static) -> Hooks {
    in_plan(move |plan| {
        for step in plan.steps_mut() {
            let Step::Nest(nest) = &mut step.step else { continue };
            let computes = |instruction: &Instruction| matches!(instruction, Instruction::Apply { scalar, .. } if scalar.name == function);
            if function.is_empty() || nest.body.iter().any(computes) {
                change(nest);
            }
        }
    })
}

/// Hooks under which the function of that name is another.
pub(super) fn another(function: &'static str, by: &'static Scalar) -> Hooks {
    in_nest(function, move |nest| {
        for instruction in &mut nest.body {
            if let Instruction::Apply { scalar, .. } = instruction
                && scalar.name == function
            {
                *scalar = by;
            }
        }
    })
}

/// Hooks that change all products of matrices.
pub(super) fn in_product(change: impl Fn(&mut Contraction) + Send + Sync + 'static) -> Hooks {
    in_plan(move |plan| {
        for step in plan.steps_mut() {
            if let Step::Contract(product) = &mut step.step {
                change(product);
            }
        }
    })
}

/// Hooks that run after each step.
pub(super) fn after_steps(run: impl Fn(&Moment<'_>) + Send + Sync + 'static) -> Hooks {
    Hooks { step: Some(Arc::new(run)), ..Hooks::default() }
}

/// Hooks that change an element of what each step of a kind writes first.
pub(super) fn in_result(is_it: fn(&Step) -> bool, element: usize, change: fn(f64) -> f64) -> Hooks {
    after_steps(move |moment| {
        if is_it(&moment.step().step)
            && let Some(&buffer) = moment.step().step.writes().first()
        {
            moment.change(buffer, element, change);
        }
    })
}

/// Hooks that change results where work is done in such an order.
pub(super) fn in_order(is_it: fn(usize) -> bool) -> Hooks {
    after_steps(move |moment| {
        if is_it(moment.order)
            && let Some(&buffer) = moment.step().step.writes().first()
        {
            moment.change(buffer, 0, f64::next_up);
        }
    })
}

/// Hooks that write a byte after the last step, where a function of the plan says.
pub(super) fn stray(byte: impl Fn(&Plan) -> Option<(BufferId, isize)> + Send + Sync + 'static) -> Hooks {
    stray_at(|plan| plan.steps().len().saturating_sub(1), byte)
}

/// The same, after another step.
pub(super) fn stray_at(step: fn(&Plan) -> usize, byte: impl Fn(&Plan) -> Option<(BufferId, isize)> + Send + Sync + 'static) -> Hooks {
    let writes = move |at: usize, plan: &Plan| {
        let found = if at == step(plan) { byte(plan) } else { None };
        found.map(|(buffer, byte)| Write { buffer, byte, value: 77 }).into_iter().collect()
    };
    Hooks { writes: Some(Arc::new(writes)), ..Hooks::default() }
}

/// A buffer at such a place.
pub(super) fn buffer_at(plan: &Plan, is_it: impl Fn(Place) -> bool) -> Option<BufferId> {
    plan.buffers().iter().position(|buffer| is_it(buffer.place)).map(|place| BufferId(place as u32))
}

/// How many bytes a buffer has.
pub(super) fn bytes(plan: &Plan, buffer: BufferId) -> isize {
    plan.buffers()[buffer.index()].bytes as isize
}

/// Gives the buffers that a step writes first the memory of others, as far as there are such steps.
pub(super) fn moved(plan: &mut Plan, step: usize, onto: impl Fn(&Plan) -> Option<BufferId>) {
    let written = plan.steps().get(step).and_then(|step| step.step.writes().first().copied());
    if let (Some(buffer), Some(onto)) = (written, onto(plan)) {
        let place = plan.buffers()[onto.index()].place;
        plan.buffers_mut()[buffer.index()].place = place;
    }
}

/// What a step reads at a place among its operands.
pub(super) fn operand(plan: &Plan, step: usize, place: usize) -> Option<BufferId> {
    plan.steps().get(step).and_then(|step| step.step.reads().get(place).copied())
}

/// What a step writes first.
pub(super) fn result(plan: &Plan, step: usize) -> Option<BufferId> {
    plan.steps().get(step).and_then(|step| step.step.writes().first().copied())
}

/// Hooks under which every second plan has its first two steps exchanged, if they do not need each other: as if an order came from a hash.
pub(super) fn alternating() -> Hooks {
    let made = AtomicUsize::new(0);
    in_plan(move |plan| {
        let is_odd = made.fetch_add(1, Ordering::Relaxed) % 2 == 1;
        if is_odd && plan.steps().len() > 1 && result(plan, 0).is_some_and(|first| !plan.steps()[1].step.reads().contains(&first)) {
            plan.steps_mut().swap(0, 1);
        }
    })
}
