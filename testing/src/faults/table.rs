//! Every fault with what finds it.

use damo::op::reduce::Reduction;
use damo::op::scalar::{self, IntegerMeaning, Scalar, binary, unary};
use damo_exec::nest::{BufferId, Instruction};
use damo_exec::step::{Place, Step};
use damo_graph::{Number, Real as _};

use super::Category::{
    Constant, HashOrder, InPlace, KernelGrossly, KernelSlightly, Lifetime, Offsets, Partial, PastTheEnd, Race, Rule, RuleAtEdge, StalePlan,
    Transpose, Update,
};
use super::How::{Derivative, Failing, Passes, Run};
use super::plant::{
    after_steps, alternating, another, buffer_at, bytes, in_nest, in_order, in_plan, in_product, in_result, moved, operand, result, stray, stray_at,
};
use super::programs::{CHOICES, EDGES, FORMULAS, IMAGES, LONG, MANY_FORMULAS, PARTS, PICKS, PRODUCTS, SUMS, TRAINING, TWO_LAYOUTS, TWO_LENGTHS};
use super::{Category, Fault, How, WRONG_DERIVATIVE, derivatives, rules};
use damo::debug::Hooks;

static PRODUCT_NEXT: Scalar = binary("mul", |x, y| (x * y).next_up(), |x, y, _| [y, x], 0.5, 1);
static PRODUCT_OF_BYTES: Scalar = binary("mul", |x, y| x * y, |x, y, _| [y, x], 0.5, 1).integers(IntegerMeaning::Binary(|x, y| (x * y) & 0xff));
static EXP_OFF: Scalar = unary("exp", |x| x.exp() * (1.0 + 6.0 * f64::EPSILON), |_, y| y, 1.0, 20);
static EXP_SHORT: Scalar = unary("exp", |x| 1.0 + x + x * x * 0.5, |_, y| y, 1.0, 20);
static TANH_OFF: Scalar = unary("tanh", |x| x.tanh() * (1.0 - 8.0 * f64::EPSILON), |_, y| 1.0 - y * y, 1.0, 20);
static SINE_OF_FLOATS: Scalar = unary("sin", |x| f64::from((x as f32).sin()), |x, _| x.cos(), 1.0, 20);

const VALUE: &str = "wrong value";
const MEMORY: &str = "memory changed";
const UNWRITTEN: &str = "unwritten read";
const REWRITE: &str = "wrong rewrite";
const REPEAT: &str = "not repeatable";

const fn fault(category: Category, name: &'static str, how: How, finding: &'static str, names: &'static str) -> Fault {
    Fault { name, category, how, finding, names }
}

const fn is_product(step: &Step) -> bool {
    matches!(step, Step::Contract(_))
}

/// A nest that takes means of what it stores.
fn takes_means(step: &Step) -> bool {
    matches!(step, Step::Nest(nest) if nest.reductions.iter().any(|of| of.kind == Reduction::Mean))
}

/// All of them.
#[rustfmt::skip]
pub const FAULTS: &[Fault] = &[
    fault(KernelSlightly, "a product is rounded up", Run(SUMS, || another("mul", &PRODUCT_NEXT)), VALUE, "`x * 0.5`"),
    fault(KernelSlightly, "exp is off by 6 ulps", Run(CHOICES, || another("exp", &EXP_OFF)), VALUE, "exp"),
    fault(KernelSlightly, "tanh is off by 8 ulps", Run(PRODUCTS, || another("tanh", &TANH_OFF)), VALUE, "tanh"),
    fault(KernelSlightly, "one element of a matrix product is off by 64 ulps", Run(PARTS, || in_result(is_product, 3, |x| x * (1.0 + 64.0 * f64::EPSILON))), VALUE, "`dot(x, y)`"),
    fault(KernelSlightly, "one element of softmax is off by 64 ulps", Run(SUMS, || in_result(takes_means, 3, |x| x * (1.0 - 64.0 * f64::EPSILON))), VALUE, "softmax"),
    fault(KernelGrossly, "exp is three terms of its series", Run(CHOICES, || another("exp", &EXP_SHORT)), VALUE, "exp"),
    fault(KernelGrossly, "sin is computed in single precision", Run(PARTS, || another("sin", &SINE_OF_FLOATS)), VALUE, "sin"),
    fault(KernelGrossly, "a product of integers keeps 8 bits", Run(CHOICES, || another("mul", &PRODUCT_OF_BYTES)), VALUE, "k"),
    fault(KernelGrossly, "`>` is `<`", Run(CHOICES, || another("gt", &scalar::LT)), VALUE, "`gt(x, 0.25)`"),
    fault(KernelGrossly, "a mean is a sum", Run(SUMS, || in_nest("", |nest| nest.reductions.iter_mut().filter(|of| of.kind == Reduction::Mean).for_each(|of| of.kind = Reduction::Sum))), VALUE, "mean"),
    fault(KernelGrossly, "a maximum is a minimum", Run(SUMS, || in_nest("", |nest| nest.reductions.iter_mut().filter(|of| of.kind == Reduction::Max).for_each(|of| of.kind = Reduction::Min))), VALUE, "max"),
    fault(KernelGrossly, "the factor of a matrix product has the other sign", Run(TRAINING, || in_product(|product| product.alpha = -product.alpha)), VALUE, "dot"),
    fault(KernelGrossly, "what is added to a matrix product is added twice", Run(TRAINING, || in_product(|product| product.addend.iter_mut().for_each(|addend| addend.beta *= 2.0))), VALUE, "dot"),
    fault(KernelGrossly, "a factor is read by columns instead of rows", Run(PARTS, || in_product(|product| std::mem::swap(&mut product.right.rows, &mut product.right.columns))), VALUE, "`dot(x, y)`"),
    fault(KernelGrossly, "the first index of the largest elements is one on", Run(TRAINING, || in_result(|step| matches!(step, Step::Row(row) if row.out.step == 0), 0, |x| x + 1.0)), VALUE, "arg_extreme"),
    fault(KernelGrossly, "a picked row comes from elsewhere", Run(PICKS, || in_result(|step| matches!(step, Step::Pick(_)), 5, |x| x + 0.5)), VALUE, "select_axis"),
    fault(KernelGrossly, "of rows with the same index only one is added", Run(PICKS, || in_result(|step| matches!(step, Step::ScatterAdd(_)), 8, |x| x / 2.0)), VALUE, "scatter_add"),
    fault(KernelGrossly, "one element of a convolution is off by 512 ulps", Run(IMAGES, || in_result(|step| matches!(step, Step::Convolve(_)), 5, |x| x * (1.0 + 512.0 * f64::EPSILON))), VALUE, "conv"),
    fault(KernelGrossly, "filters slide one place too far", Run(IMAGES, || in_plan(|plan| plan.steps_mut().iter_mut().for_each(|step| if let Step::Convolve(convolution) = &mut step.step { convolution.slides[2].begin += 1 }))), VALUE, "conv"),
    fault(KernelGrossly, "windows are one place short", Run(IMAGES, || in_plan(|plan| plan.steps_mut().iter_mut().for_each(|step| if let Step::Pool(pooling) = &mut step.step { pooling.slides[2].taps -= 1 }))), VALUE, "max_pool"),
    fault(KernelGrossly, "a view that runs backwards begins one row off", Run(PARTS, || in_nest("cos", |nest| nest.operands.iter_mut().take(1).for_each(|operand| operand.offset -= 5))), VALUE, "cos"),
    fault(KernelGrossly, "zeros around an array are ones", Run(PARTS, || in_nest("", |nest| if let [Instruction::Constant(number, _)] = nest.body.as_mut_slice() { *number = Number::Real(1.0) })), VALUE, "pad"),
    fault(KernelGrossly, "a part is joined one row too early", Run(PARTS, || in_nest("cos", |nest| nest.stores.iter_mut().take(1).for_each(|store| store.to.offset -= 5))), VALUE, "concatenate"),
    fault(KernelGrossly, "a loop ends one row too soon", Run(SUMS, || in_nest("tanh", |nest| nest.shape.iter_mut().take(1).for_each(|length| *length = length.saturating_sub(1)))), VALUE, "tanh"),
    fault(KernelGrossly, "a truth value is 3", Run(CHOICES, || after_steps(|moment| moment.step().step.writes().iter().for_each(|&buffer| {
        if moment.plan.buffers()[buffer.index()].bytes == 12 { moment.change(buffer, 1, |_| 3.0); }
    }))), "not an element", "`gt(x, 0.25)`"),
    fault(Partial, "the derivative of a sine is off by 1e-8", Derivative(derivatives::right, derivatives::nearly), WRONG_DERIVATIVE, "`nearly_sin`"),
    fault(Partial, "the derivative by the second factor has the other sign", Derivative(derivatives::right, derivatives::flipped), WRONG_DERIVATIVE, "`flipped`"),
    fault(Partial, "only the second derivative is wrong", Derivative(derivatives::right, derivatives::once), WRONG_DERIVATIVE, "`sin_once`"),
    fault(Partial, "the derivative is wrong where its argument is negative", Derivative(derivatives::right, derivatives::at_negatives), WRONG_DERIVATIVE, "`cube`"),
    fault(Partial, "a part of the derivative is lost", Derivative(derivatives::right, derivatives::lost), WRONG_DERIVATIVE, "`stop_gradient`"),
    fault(Partial, "a rule gives the same numbers with half the slope", Passes(MANY_FORMULAS, rules::flatter_tangent), "wrong gradient", "flatter_tangent"),
    fault(Transpose, "a transpose turns the same way as the op", Derivative(derivatives::turned_right, derivatives::turned_the_same_way), WRONG_DERIVATIVE, "`turned`"),
    fault(Transpose, "a transpose is off by 1e-6", Derivative(derivatives::turned_right, derivatives::turned_and_too_large), WRONG_DERIVATIVE, "`turned`"),
    fault(Transpose, "a transpose does not turn back", Derivative(derivatives::turned_right, derivatives::not_turned), WRONG_DERIVATIVE, "`turned`"),
    fault(Rule, "sin x is replaced by the input x", Passes(FORMULAS, rules::sine_is_its_argument), REWRITE, "`sine_is_its_argument`"),
    fault(Rule, "cos x is replaced by the constant 1", Passes(FORMULAS, rules::cosine_is_one), REWRITE, "`cosine_is_one`"),
    fault(Rule, "the lesser of two is the first", Passes(FORMULAS, rules::first_is_least), REWRITE, "`first_is_least`"),
    fault(Rule, "sin x is a number 1e-10 larger", Passes(FORMULAS, rules::sine_and_a_little_more), REWRITE, "`sine_and_a_little_more`"),
    fault(Rule, "a root is a half", Passes(FORMULAS, rules::root_is_half), REWRITE, "`root_is_half`"),
    fault(RuleAtEdge, "tanh by exponentials, which overflow", Passes(EDGES, rules::tangent_by_exponentials), REWRITE, "`tangent_by_exponentials`"),
    fault(RuleAtEdge, "|x| is the root of a square, which overflows", Passes(EDGES, rules::size_by_root), REWRITE, "`size_by_root`"),
    fault(Constant, "floats are folded with an error of 1e-11", Passes(FORMULAS, rules::folded_nearly), REWRITE, "`fold`"),
    fault(Constant, "integers are folded to the next", Passes(FORMULAS, rules::folded_to_the_next), REWRITE, "`fold`"),
    fault(Constant, "a number in a loop is another", Run(SUMS, || in_nest("mul", |nest| nest.body.iter_mut().for_each(|instruction| if let Instruction::Constant(number, _) = instruction { *number = Number::Real(0.25) }))), VALUE, "`x * 0.5`"),
    fault(Constant, "a literal array of the plan is another", Run(FORMULAS, || in_plan(|plan| plan.constants_mut().iter_mut().for_each(|array| *array = damo::AnyArray::from_reals(array.dtype(), &array.to_reals().mapv(|x| x + 1.0))))), VALUE, "min"),
    fault(Offsets, "two buffers have each other's places", Run(PRODUCTS, || in_plan(|plan| {
        let (Some(a), Some(b)) = (result(plan, 1), operand(plan, 5, 0)) else { return };
        let places = [a, b].map(|buffer| plan.buffers()[buffer.index()].place);
        [a, b].iter().zip(places.into_iter().rev()).for_each(|(buffer, place)| plan.buffers_mut()[buffer.index()].place = place);
    })), MEMORY, "which is still needed"),
    fault(Offsets, "a buffer lies 64 bytes too low", Run(TRAINING, || in_plan(|plan| {
        let Some(buffer) = result(plan, 6).filter(|_| plan.steps().len() > 15) else { return };
        if let Place::Arena { offset } = &mut plan.buffers_mut()[buffer.index()].place { *offset -= 64; }
    })), MEMORY, "which is still needed"),
    fault(Lifetime, "memory is taken while its value is needed", Run(PRODUCTS, || in_plan(|plan| moved(plan, 4, |plan| operand(plan, 5, 0)))), MEMORY, "which is still needed"),
    fault(Lifetime, "a step is done before the one that it reads", Run(SUMS, || in_plan(|plan| if plan.steps().len() == 5 { plan.steps_mut().swap(3, 4) })), UNWRITTEN, "mean"),
    fault(Lifetime, "a step is missing", Run(TRAINING, || in_plan(|plan| if plan.steps().len() > 15 { plan.steps_mut().remove(2); })), UNWRITTEN, "tanh"),
    fault(Lifetime, "the step that makes an output is missing", Run(PRODUCTS, || in_plan(|plan| drop(plan.steps_mut().pop()))), UNWRITTEN, "output 1"),
    fault(InPlace, "a sum replaces the scores that others still read", Run(TRAINING, || in_plan(|plan| {
        if plan.steps().len() > 15 { moved(plan, 9, |plan| operand(plan, 9, 0)); }
    })), MEMORY, "+ b2`, which is still needed"),
    fault(InPlace, "a product replaces one of its factors", Run(TRAINING, || in_plan(|plan| moved(plan, 16, |plan| operand(plan, 16, 0)))), MEMORY, "which is still needed"),
    fault(PastTheEnd, "a byte behind a buffer of the arena", Run(TRAINING, || stray_at(|_| 1, |plan| result(plan, 1).map(|buffer| (buffer, bytes(plan, buffer))))), MEMORY, "which belongs to nobody"),
    fault(PastTheEnd, "a byte behind an output", Run(SUMS, || stray(|plan| buffer_at(plan, |place| place == Place::Output(1)).map(|buffer| (buffer, bytes(plan, buffer))))), MEMORY, "memory beside output 1"),
    fault(PastTheEnd, "a byte before an output", Run(SUMS, || stray(|plan| buffer_at(plan, |place| place == Place::Output(1)).map(|buffer| (buffer, -1)))), MEMORY, "memory beside output 1"),
    fault(PastTheEnd, "a byte of an output that is complete", Run(SUMS, || stray(|plan| buffer_at(plan, |place| place == Place::Output(0)).map(|buffer| (buffer, 17)))), MEMORY, "wrote over output 0"),
    fault(PastTheEnd, "a byte of the caller's array", Run(CHOICES, || stray(|_| Some((BufferId(1), 3)))), MEMORY, "the input `k`"),
    fault(PastTheEnd, "a byte of a literal array", Run(FORMULAS, || stray(|plan| buffer_at(plan, |place| matches!(place, Place::Constant(_))).map(|buffer| (buffer, 3)))), MEMORY, "the constant"),
    fault(PastTheEnd, "a byte of a value that is still needed", Run(TRAINING, || stray_at(|_| 4, |plan| operand(plan, 3, 0).map(|buffer| (buffer, 3)))), MEMORY, "which is still needed"),
    fault(Race, "parts write where earlier parts still read", Run(LONG, || in_plan(|plan| {
        let found = plan.steps().iter().find_map(|step| match &step.step {
            Step::Nest(nest) if nest.operands.iter().any(|operand| operand.offset == 1) => Some((nest.operands.iter().find(|operand| operand.offset == 1)?.buffer, nest.stores.first()?.to.buffer)),
            Step::Nest(_) | Step::Bands(_) | Step::Contract(_) | Step::Row(_) | Step::Pick(_) | Step::ScatterAdd(_) | Step::Convolve(_) | Step::Pool(_) | Step::Reference(_) => None,
        });
        let Some((from, to)) = found else { return };
        plan.buffers_mut()[to.index()].place = plan.buffers()[from.index()].place;
    })), REPEAT, "other bits"),
    fault(Race, "a result depends on who is first", Run(LONG, || in_order(|order| order % 2 == 1)), REPEAT, "other bits"),
    fault(Race, "a result depends on which of several threads is first", Run(LONG, || in_order(|order| order > 1)), REPEAT, "other bits"),
    fault(HashOrder, "a rule fires by a hash", Passes(MANY_FORMULAS, rules::angle_by_hash), REPEAT, "rewritten to another graph"),
    fault(HashOrder, "steps are ordered by a hash", Run(CHOICES, alternating), REPEAT, "planned in another way"),
    fault(StalePlan, "a plan for fewer rows is used", Run(TWO_LENGTHS, || Hooks { stale: true, ..Hooks::default() }), "stale plan", "is given"),
    fault(StalePlan, "a plan for rows is used on columns", Run(TWO_LAYOUTS, || Hooks { stale: true, ..Hooks::default() }), "stale plan", "is given"),
    fault(Update, "a state is written before the call ends, and the call fails", Failing(|state| {
        let state = state.clone();
        after_steps(move |_| drop(state.set(ndarray::arr1(&[0.0, 0.0, 7.0]))))
    }), "failed call changed a state", "`momentum`"),
];
