//! The chapter of the book about debug mode, its table of faults printed from the faults.

use std::fmt::Write as _;

use super::FAULTS;

const HEAD: &str = "# Debug mode\n
A program in debug mode checks itself while it runs, on the very plan, engine, arena and threads that it runs on otherwise. A frozen program
that is wrong, by a defect of Damo or of an op or rule of yours, says so, with your line, the formula, the worst element, and a small case that
shows it.\n
This file is written by `cargo run -p damo-testing --example debug_chapter`; the table at its end is a test.\n
## Switching it on\n
```sh
DAMO_FLAGS=\"mode=debug\" cargo run --example mlp
```\n
or `Config { mode: Mode::Debug, ..Config::default() }`. Nothing else changes.\n
| flag | what it does |
|---|---|
| `mode=debug` | checks calls |
| `debug.sample=0.01` | checks one call in a hundred, the first among them; the others run as fast as ever |
| `debug.raise=false` | a call with a fault goes on; `Function::findings` tells what was found |
| `mode=nan_guard` | only looks for NaN and infinity |
| `guard.limit=1e6` | in the mode `nan_guard`: numbers beyond it are errors, too |\n
## What is checked\n
| what | how |
|---|---|
| every step | what it computed is compared, element by element, with what its ops mean on the very inputs the step was given. How far apart they may be is computed for these numbers; there is no absolute tolerance, so 1e-100 is as far from 0 as 1 is |
| who is right | where they differ, numbers of many digits decide: a result closer to the truth than its meaning is reported as *improved*, and is no fault |
| memory | inputs, literals, results and the arena lie in memory of the debugger's own, between guards; what nobody has written, or needs any more, is poison; after each step every other byte must be what it was |
| every replacement by a rule, and every constant computed when frozen | both sides are evaluated from the same values, your values; the first in order that differs names the rule |
| derivatives | of the program as written and as it runs, in one direction |
| repetition | the same bits in another order of the work and on other threads, with arrays that lie in memory another way; the same graph and plan when made again |
| states | a call that fails leaves them as they were |\n
It does not know whether your formula is what you mean, and a derivative that is wrong before and after rewriting alike is for
[`check_gradients`](gradients.md).\n
## What it costs\n
A checked call takes about twice as long as a call by the reference engine, so often hundreds of times as long as a plain one, and several
times the memory: every value of the program *as written* is evaluated, one element after another, what rewriting spares among it. An outer product of which only a row is used is made in
full. Small lengths find the same faults. Rules are compared at the first call, the second, the fourth, and so on; what depends on lengths
alone, when lengths are new. Sampled out, a call costs a counter; in a program that is not in debug mode there is nothing.\n
## Findings, and what to do\n
| finding | it means | do |
|---|---|---|
| wrong value | a step computed something else than its ops mean | run with `engine=reference` meanwhile; report it with the reproducer |
| wrong rewrite | a rule changed a result, or a constant was computed wrongly | `without=` the rule that is named; report it |
| wrong gradient | rewriting kept the values and changed a derivative | the same |
| memory changed | a step wrote over what is not its own; the victim is named | report it; an op of yours that is `unsafe` may be at fault |
| unwritten read | a step, or you, would read what no step has written | report it |
| not an element | a truth value is neither true nor false | report it |
| not repeatable | bits, the graph, the plan or an op's result differ from one time to the next | an op of yours must keep no state, and depend on no thread and no hash; else report it |
| stale plan | a plan meets arrays that it was not made for; the call ends before it runs | report it |
| failed call changed a state | an update happened although the call failed | restore the state; report it |
| not finite | the first op that gives NaN or infinity from numbers (`nan_guard`) | look at the ranges of its inputs, which are printed |\n
`Finding::reproducer` gives the case cut down to a few nodes and elements; `Reproducer::rust` is a test to paste.\n
## Only NaN and infinity\n
`mode=nan_guard` looks at what each step writes, and only when something is not finite (or beyond `guard.limit`) asks which op made it from
which numbers, and where the formula stands. It is cheap enough to leave on.\n
## Every fault of the table is found\n
Each of these faults is planted into a small program by a hook that only tests have. Without it nothing is found; with it the first fault that
is told is the one named here. *Wrong derivative* is the error of `check_gradients`.\n
| kind | fault | planted into | finding | names |
|---|---|---|---|---|
";

/// The whole page.
pub fn chapter() -> String {
    let mut page = HEAD.to_owned();
    for fault in FAULTS {
        let names = fault.names.replace('`', "");
        let name = fault.name.replace('|', "\\|");
        // Writing to a string does not fail.
        let _ = writeln!(page, "| {} | {name} | {} | {} | {names} |", fault.category, fault.program(), fault.finding);
    }
    page
}
