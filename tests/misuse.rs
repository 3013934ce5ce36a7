//! Nothing a user can do panics: every misuse is a typed error that names the user's line and says what to do, and changes no state.

use std::panic::{AssertUnwindSafe, catch_unwind};

use damo::prelude::*;
use damo::{EngineChoice, ErrorKind, Result};
use ndarray::{Array, Array1, Array2, Axis, arr0, arr1, arr2, array, s};

/// The states that every misuse finds, and must leave as they are.
struct States {
    w: Shared<f32>,
    b: Shared<f32>,
}

impl States {
    fn new() -> Self {
        States { w: Shared::new("w", arr1(&[1f32, 2.0, 3.0])), b: Shared::new("b", arr0(5f32)) }
    }

    fn are_unchanged(&self) -> bool {
        self.w.get() == arr1(&[1f32, 2.0, 3.0]).into_dyn() && self.b.get() == arr0(5f32).into_dyn()
    }
}

/// A misuse: what it is, the kind of error it must give, words that must stand in it, and the deed.
type Misuse = (&'static str, ErrorKind, &'static [&'static str], fn(&States) -> Result<()>);

/// Traces on a new tape and gives the tape's verdict.
fn traced(program: impl FnOnce(&Tape)) -> Result<()> {
    let tape = Tape::new();
    program(&tape);
    tape.check()
}

/// Takes a tensor that nobody needs.
fn ignore<T>(_: T) {}

fn config() -> Config {
    Config::default()
}

/// Everything that can be wrong while a program is written down.
const WHILE_TRACING: &[Misuse] = &[
    ("dot of lengths that differ", ErrorKind::Shapes, &["dot", "x:", "y:", "784", "100"], |_| {
        traced(|tape| ignore(tape.input::<f32>("x", (3, 784)).dot(tape.input::<f32>("y", (100,)))))
    }),
    ("a filter for other channels", ErrorKind::Shapes, &["conv", "x:", "w:", "the input has 3 channels, and the filter takes 2"], |_| {
        traced(|tape| ignore(tape.input::<f32>("x", (1, 3, 8, 8)).conv(tape.input::<f32>("w", (4, 2, 3, 3)))))
    }),
    ("a filter larger than the input", ErrorKind::Shapes, &["conv", "a window of length 9 does not fit into the length 8", "pad more"], |_| {
        traced(|tape| ignore(tape.input::<f32>("x", (1, 3, 8, 8)).conv(tape.input::<f32>("w", (4, 3, 3, 9)))))
    }),
    ("a filter for images of other axes", ErrorKind::Shapes, &["conv", "the filter has 3 axes, and 4 were expected"], |_| {
        traced(|tape| ignore(tape.input::<f32>("x", (1, 3, 8, 8)).conv(tape.input::<f32>("w", (4, 3, 3)))))
    }),
    ("a stride of 0", ErrorKind::Axis, &["conv", "the stride along spatial axis 1 is 0"], |_| {
        traced(|tape| {
            let (x, w) = (tape.input::<f32>("x", (1, 3, 8, 8)), tape.input::<f32>("w", (4, 3, 3, 3)));
            ignore(x.conv_with(w, Conv::new().stride([1, 0])));
        })
    }),
    ("a dilation for another number of axes", ErrorKind::Axis, &["conv", "1 numbers were given for the dilation"], |_| {
        traced(|tape| {
            let (x, w) = (tape.input::<f32>("x", (1, 3, 8, 8)), tape.input::<f32>("w", (4, 3, 3, 3)));
            ignore(x.conv_with(w, Conv::new().dilation([1])));
        })
    }),
    ("a padding for another number of axes", ErrorKind::Axis, &["conv", "3 paddings"], |_| {
        traced(|tape| {
            let (x, w) = (tape.input::<f32>("x", (1, 3, 8, 8)), tape.input::<f32>("w", (4, 3, 3, 3)));
            ignore(x.conv_with(w, Conv::new().padding([1, 1, 1])));
        })
    }),
    ("groups that do not divide the filters", ErrorKind::Shapes, &["conv", "the 5 filters are not divided into 2 equal groups"], |_| {
        traced(|tape| {
            let (x, w) = (tape.input::<f32>("x", (1, 4, 8, 8)), tape.input::<f32>("w", (5, 2, 3, 3)));
            ignore(x.conv_with(w, Conv::new().groups(2)));
        })
    }),
    ("no groups", ErrorKind::Axis, &["conv", "0 groups"], |_| {
        traced(|tape| {
            let (x, w) = (tape.input::<f32>("x", (1, 4, 8, 8)), tape.input::<f32>("w", (5, 2, 3, 3)));
            ignore(x.conv_with(w, Conv::new().groups(0)));
        })
    }),
    ("an unknown length padded to the same by a stride longer than the filter", ErrorKind::Shapes, &["conv", "n", "give the padding"], |_| {
        traced(|tape| {
            let (x, w) = (tape.input::<f32>("x", (1, 1, tape.dim("n"))), tape.input::<f32>("w", (1, 1, 2)));
            ignore(x.conv_with(w, Conv::new().stride([3]).padding(Padding::Same)));
        })
    }),
    ("a window larger than the array", ErrorKind::Shapes, &["max_pool", "a window of length 9"], |_| {
        traced(|tape| ignore(tape.input::<f32>("x", (3, 8)).max_pool([9])))
    }),
    ("a window of length 0", ErrorKind::Axis, &["max_pool"], |_| traced(|tape| ignore(tape.input::<f32>("x", (3, 8)).max_pool([0])))),
    ("a window along more axes than there are", ErrorKind::Axis, &["avg_pool", "along 2 axes was given, and there are 1"], |_| {
        traced(|tape| ignore(tape.vector::<f32>("x").avg_pool([2, 2])))
    }),
    ("padding as long as the window", ErrorKind::Shapes, &["max_pool", "pad by less than the length of the window"], |_| {
        traced(|tape| ignore(tape.input::<f32>("x", (3, 8)).max_pool_with([2], Pool::new().padding([2]))))
    }),
    ("sum of shapes that do not broadcast", ErrorKind::Shapes, &["add", "3", "4"], |_| {
        traced(|tape| ignore(tape.input::<f32>("x", (3,)) + tape.input::<f32>("y", (4,))))
    }),
    ("select of shapes that do not broadcast", ErrorKind::Shapes, &["select"], |_| {
        traced(|tape| {
            let (x, y) = (tape.input::<f32>("x", (3,)), tape.input::<f32>("y", (4,)));
            ignore(select(x.gt(0.0), y, 0.0));
        })
    }),
    ("an axis to sum that is not there", ErrorKind::Axis, &["axis 5"], |_| traced(|tape| ignore(tape.matrix::<f32>("x").sum_axis(Axis(5))))),
    ("an axis to keep that is not there", ErrorKind::Axis, &["axis 2"], |_| traced(|tape| ignore(tape.matrix::<f32>("x").max_axis_keep(Axis(2))))),
    ("an axis of a scalar", ErrorKind::Axis, &["single number"], |_| traced(|tape| ignore(tape.scalar::<f32>("x").mean_axis(Axis(0))))),
    ("softmax over an axis that is not there", ErrorKind::Axis, &["softmax"], |_| traced(|tape| ignore(tape.vector::<f32>("x").softmax(Axis(1))))),
    ("the place of the largest along an axis that is not there", ErrorKind::Axis, &["axis 3"], |_| {
        traced(|tape| ignore(tape.vector::<f32>("x").argmax_axis(Axis(3))))
    }),
    ("a new axis beyond the end", ErrorKind::Axis, &["insert_axis"], |_| traced(|tape| ignore(tape.vector::<f32>("x").insert_axis(Axis(4))))),
    ("removing an axis that is not there", ErrorKind::Axis, &["remove_axis"], |_| {
        traced(|tape| ignore(tape.vector::<f32>("x").remove_axis(Axis(1))))
    }),
    ("removing an axis that is not 1", ErrorKind::Shapes, &["remove_axis"], |_| {
        traced(|tape| ignore(tape.input::<f32>("x", (3, 2)).remove_axis(Axis(0))))
    }),
    ("an order of axes that repeats one", ErrorKind::Axis, &["permuted_axes"], |_| {
        traced(|tape| ignore(tape.matrix::<f32>("x").permuted_axes([0, 0])))
    }),
    ("an order of too few axes", ErrorKind::Axis, &["permuted_axes"], |_| traced(|tape| ignore(tape.tensor3::<f32>("x").permuted_axes([1, 0])))),
    ("a reshape to another count", ErrorKind::Shapes, &["reshape"], |_| traced(|tape| ignore(tape.input::<f32>("x", (2, 3)).reshape((4, 2))))),
    ("a broadcast that shrinks", ErrorKind::Shapes, &["broadcast"], |_| traced(|tape| ignore(tape.input::<f32>("x", (3,)).broadcast((2, 4))))),
    ("a slice beyond the end", ErrorKind::Axis, &["slice"], |_| traced(|tape| ignore(tape.input::<f32>("x", (3,)).slice(s![2..9])))),
    ("a slice of too many axes", ErrorKind::Axis, &["slice"], |_| traced(|tape| ignore(tape.vector::<f32>("x").slice(s![.., ..])))),
    ("an index beyond the end", ErrorKind::Axis, &["index_axis"], |_| traced(|tape| ignore(tape.input::<f32>("x", (3,)).index_axis(Axis(0), 3)))),
    ("an index before the start", ErrorKind::Axis, &["index_axis"], |_| traced(|tape| ignore(tape.input::<f32>("x", (3,)).index_axis(Axis(0), -4)))),
    ("picking along an axis that is not there", ErrorKind::Axis, &["select_axis"], |_| {
        traced(|tape| ignore(tape.vector::<f32>("x").select_axis(Axis(1), tape.vector::<i64>("i"))))
    }),
    ("arrays end to end whose other axes differ", ErrorKind::Shapes, &["concatenate"], |_| {
        traced(|tape| {
            let (x, y) = (tape.input::<f32>("x", (2, 3)), tape.input::<f32>("y", (2, 4)));
            ignore(concatenate(Axis(0), &[x, y]));
        })
    }),
    ("a stack of shapes that differ", ErrorKind::Shapes, &["stack"], |_| {
        traced(|tape| ignore(stack(Axis(0), &[tape.input::<f32>("x", (2,)), tape.input::<f32>("y", (3,))])))
    }),
    ("a stack of nothing", ErrorKind::Shapes, &["stack"], |_| traced(|tape| ignore(tape.stack::<f32>(Axis(0), &[])))),
    ("nothing end to end", ErrorKind::Shapes, &["concatenate"], |_| traced(|tape| ignore(tape.concatenate::<f32>(Axis(0), &[])))),
    ("the trace of a vector", ErrorKind::Axis, &["trace"], |_| traced(|tape| ignore(tape.vector::<f32>("x").trace()))),
    ("one name for two inputs", ErrorKind::Declaration, &["`x`"], |_| traced(|tape| ignore(tape.vector::<f32>("x") + tape.vector::<f32>("x")))),
    ("the gradient of a vector", ErrorKind::Gradient, &["scalar"], |_| {
        traced(|tape| {
            let x = tape.vector::<f32>("x");
            ignore(x.exp().grad(x));
        })
    }),
    ("the gradient with respect to what does not matter", ErrorKind::Disconnected, &["`y`", "or_zero"], |_| {
        traced(|tape| {
            let (x, y) = (tape.vector::<f32>("x"), tape.vector::<f32>("y"));
            ignore(x.sum().grad([x, y]));
        })
    }),
    ("the gradient through rounding only", ErrorKind::Disconnected, &["`x`"], |_| {
        traced(|tape| {
            let x = tape.vector::<f32>("x");
            ignore(x.floor().sum().grad(x));
        })
    }),
    ("a cotangent of another shape", ErrorKind::Gradient, &["cotangent"], |_| {
        traced(|tape| {
            let (x, u) = (tape.input::<f32>("x", (3,)), tape.input::<f32>("u", (4,)));
            ignore(x.exp().vjp(x, u));
        })
    }),
    ("a tangent of another shape", ErrorKind::Gradient, &["tangent"], |_| {
        traced(|tape| {
            let (x, v) = (tape.input::<f32>("x", (3,)), tape.input::<f32>("v", (4,)));
            ignore(x.exp().jvp(x, v));
        })
    }),
    ("the value of a tensor without an example", ErrorKind::Declaration, &["input_with"], |_| {
        let tape = Tape::new();
        tape.vector::<f32>("x").exp().value().map(drop)
    }),
];

/// Tensors of one tape on another.
const ACROSS_TAPES: &[Misuse] = &[
    ("a sum across tapes", ErrorKind::ForeignTensor, &["add"], |_| {
        let other = Tape::new();
        traced(|tape| ignore(tape.vector::<f32>("x") + other.vector::<f32>("y")))
    }),
    ("a product across tapes", ErrorKind::ForeignTensor, &["dot"], |_| {
        let other = Tape::new();
        traced(|tape| ignore(tape.vector::<f32>("x").dot(other.vector::<f32>("y"))))
    }),
    ("a choice across tapes", ErrorKind::ForeignTensor, &["select"], |_| {
        let other = Tape::new();
        traced(|tape| {
            let x = tape.vector::<f32>("x");
            ignore(select(x.gt(0.0), x, other.vector::<f32>("y")));
        })
    }),
    ("a comparison across tapes", ErrorKind::ForeignTensor, &["gt"], |_| {
        let other = Tape::new();
        traced(|tape| ignore(tape.vector::<f32>("x").gt(other.vector::<f32>("y"))))
    }),
    ("arrays of two tapes end to end", ErrorKind::ForeignTensor, &["concatenate"], |_| {
        let other = Tape::new();
        traced(|tape| ignore(concatenate(Axis(0), &[tape.vector::<f32>("x"), other.vector::<f32>("y")])))
    }),
    ("a gradient across tapes", ErrorKind::ForeignTensor, &[], |_| {
        let other = Tape::new();
        traced(|tape| ignore(tape.vector::<f32>("x").sum().grad(other.vector::<f32>("y"))))
    }),
    ("an input of another tape", ErrorKind::ForeignTensor, &[], |_| {
        let (tape, other) = (Tape::new(), Tape::new());
        let x = tape.vector::<f32>("x");
        tape.function(other.vector::<f32>("x"), x).freeze(&config()).map(drop)
    }),
    ("an output of another tape", ErrorKind::ForeignTensor, &[], |_| {
        let (tape, other) = (Tape::new(), Tape::new());
        tape.function(tape.vector::<f32>("x"), other.vector::<f32>("x")).freeze(&config()).map(drop)
    }),
    ("an update by another tape", ErrorKind::ForeignTensor, &[], |states| {
        let (tape, other) = (Tape::new(), Tape::new());
        let w = tape.shared(&states.w);
        tape.function((), w).update(w, other.shared(&states.w) * 2.0).freeze(&config()).map(drop)
    }),
];

/// Everything that can be wrong with a function before it is called.
const WHILE_FREEZING: &[Misuse] = &[
    ("an input that is needed and not listed", ErrorKind::Declaration, &["`y`"], |_| {
        let tape = Tape::new();
        let (x, y) = (tape.vector::<f32>("x"), tape.vector::<f32>("y"));
        tape.function(x, x * y).freeze(&config()).map(drop)
    }),
    ("an input that is computed", ErrorKind::Declaration, &[], |_| {
        let tape = Tape::new();
        let x = tape.vector::<f32>("x").exp();
        tape.function(x, x + 1.0).freeze(&config()).map(drop)
    }),
    ("an input listed twice", ErrorKind::Declaration, &["`x`"], |_| {
        let tape = Tape::new();
        let x = tape.vector::<f32>("x");
        tape.function((x, x), x + 1.0).freeze(&config()).map(drop)
    }),
    ("a state listed as an input", ErrorKind::Declaration, &["`w`"], |states| {
        let tape = Tape::new();
        let w = tape.shared(&states.w);
        tape.function(w, w + 1.0).freeze(&config()).map(drop)
    }),
    ("an update of another shape", ErrorKind::Update, &["`w`", "f32[3]", "f32[4]"], |states| {
        let tape = Tape::new();
        let w = tape.shared(&states.w);
        tape.function((), w).update(w, tape.constant(array![1f32, 2.0, 3.0, 4.0])).freeze(&config()).map(drop)
    }),
    ("an update of an unknown length", ErrorKind::Update, &["`w`"], |states| {
        let tape = Tape::new();
        let (w, x) = (tape.shared(&states.w), tape.matrix::<f32>("x"));
        tape.function(x, x).update(w, x.sum_axis(Axis(0)).insert_axis(Axis(0)).sum_axis(Axis(1))).freeze(&config()).map(drop)
    }),
    ("an update of an input", ErrorKind::Update, &["shared"], |_| {
        let tape = Tape::new();
        let x = tape.vector::<f32>("x");
        tape.function(x, x).update(x, x * 2.0).freeze(&config()).map(drop)
    }),
    ("an update of a computed value", ErrorKind::Update, &["shared"], |states| {
        let tape = Tape::new();
        let w = tape.shared(&states.w) * 2.0;
        tape.function((), w).update(w, w * 2.0).freeze(&config()).map(drop)
    }),
    ("two updates of one state", ErrorKind::Update, &["`w`", "twice"], |states| {
        let tape = Tape::new();
        let w = tape.shared(&states.w);
        tape.function((), w).update(w, w * 2.0).update(w, w * 3.0).freeze(&config()).map(drop)
    }),
    ("a first error with others behind it", ErrorKind::Axis, &["axis 7"], |_| {
        let tape = Tape::new();
        let x = tape.matrix::<f32>("x");
        let poisoned = x.sum_axis(Axis(7)).dot(x) + x.reshape((3, 3)).sum();
        tape.function(x, poisoned.sum().grad(x)).freeze(&config()).map(drop)
    }),
];

/// A training step over `x: [n]`, `y: [n]` and indices, which updates both states.
fn step(tape: &Tape, states: &States) -> Result<Function<(f32, f32, i64), damo_results::One>> {
    let n = tape.dim("n");
    let (x, y, i) = (tape.input::<f32>("x", (n,)), tape.input::<f32>("y", (n,)), tape.vector::<i64>("i"));
    let (w, b) = (tape.shared(&states.w), tape.shared(&states.b));
    let cost = (x * y).sum() + w.select_axis(Axis(0), i).sum() * b;
    tape.function((x, y, i), cost).update(b, b - cost).update(w, w - cost).freeze(&config())
}

/// Names for the element types of results.
mod damo_results {
    use damo::prelude::{Tensor, Tensors};

    pub type One = <Tensor<'static, f32> as Tensors<'static>>::Elements;
}

fn stepped(states: &States, x: &Array1<f32>, y: &Array1<f32>, i: &Array1<i64>) -> Result<()> {
    step(&Tape::new(), states)?.call((x, y, i)).map(drop)
}

/// Everything that can be wrong with a call.
const WHILE_CALLING: &[Misuse] = &[
    ("lengths of one name that differ", ErrorKind::Argument, &["`y`", "n", "3", "2"], |states| {
        stepped(states, &arr1(&[1.0, 2.0]), &arr1(&[1.0, 2.0, 3.0]), &arr1(&[0]))
    }),
    ("lengths that an op needs equal", ErrorKind::Argument, &["add", "2", "3"], |_| {
        let tape = Tape::new();
        let (x, y) = (tape.vector::<f32>("x"), tape.vector::<f32>("y"));
        tape.function((x, y), x + y).freeze(&config())?.call((&arr1(&[1.0, 2.0]), &arr1(&[1.0, 2.0, 3.0]))).map(drop)
    }),
    ("a length of 1 where nothing stretches", ErrorKind::Argument, &["add"], |_| {
        let tape = Tape::new();
        let (x, y) = (tape.vector::<f32>("x"), tape.vector::<f32>("y"));
        tape.function((x, y), x + y).freeze(&config())?.call((&arr1(&[1.0]), &arr1(&[1.0, 2.0, 3.0]))).map(drop)
    }),
    ("a slice beyond the end of what came", ErrorKind::Argument, &["slice"], |_| {
        let tape = Tape::new();
        let x = tape.vector::<f32>("x");
        tape.function(x, x.slice(s![2..5])).freeze(&config())?.call(&arr1(&[1.0, 2.0, 3.0])).map(drop)
    }),
    ("a filter larger than what came", ErrorKind::Argument, &["conv", "tests/misuse.rs", "n - 2"], |_| {
        let tape = Tape::new();
        let (x, w) = (tape.input::<f32>("x", (1, 1, tape.dim("n"))), tape.input::<f32>("w", (1, 1, 3)));
        tape.function((x, w), x.conv(w)).freeze(&config())?.call((&Array::zeros((1, 1, 2)), &Array::zeros((1, 1, 3)))).map(drop)
    }),
    ("a window larger than what came", ErrorKind::Argument, &["max_pool", "tests/misuse.rs", "floor(x.0, 3)"], |_| {
        let tape = Tape::new();
        let x = tape.vector::<f32>("x");
        tape.function(x, x.max_pool([3])).freeze(&config())?.call(&arr1(&[1.0, 2.0])).map(drop)
    }),
    ("a reshape that does not fit what came", ErrorKind::Argument, &["reshape"], |_| {
        let tape = Tape::new();
        let x = tape.vector::<f32>("x");
        tape.function(x, x.reshape((2, 2))).freeze(&config())?.call(&arr1(&[1.0, 2.0, 3.0])).map(drop)
    }),
    ("a matrix for a vector", ErrorKind::Argument, &["`x`", "axes"], |_| {
        let tape = Tape::new();
        let x = tape.vector::<f32>("x");
        tape.function(x, x.exp()).freeze(&config())?.call(&Array2::<f32>::zeros((2, 2))).map(drop)
    }),
    ("another length than declared", ErrorKind::Argument, &["`x`", "784", "100"], |_| {
        let tape = Tape::new();
        let x = tape.input::<f32>("x", (784,));
        tape.function(x, x.exp()).freeze(&config())?.call(&Array1::<f32>::zeros(100)).map(drop)
    }),
    ("too few arrays", ErrorKind::Argument, &["2", "1"], |_| {
        let tape = Tape::new();
        let inputs = vec![tape.vector::<f32>("x"), tape.vector::<f32>("y")];
        let sum = inputs[0] + inputs[1];
        tape.function(inputs, sum).freeze(&config())?.call(vec![&arr1(&[1.0])]).map(drop)
    }),
    ("an array for the result of another shape", ErrorKind::Argument, &["4", "3"], |_| {
        let tape = Tape::new();
        let x = tape.vector::<f32>("x");
        tape.function(x, x.exp()).freeze(&config())?.call_into(&arr1(&[1.0, 2.0, 3.0]), &mut Array1::<f32>::zeros(4))
    }),
    ("an index beyond the end", ErrorKind::Execution, &["3"], |states| stepped(states, &arr1(&[1.0]), &arr1(&[1.0]), &arr1(&[0, 3]))),
    ("an index before the start", ErrorKind::Execution, &["-4"], |states| stepped(states, &arr1(&[1.0]), &arr1(&[1.0]), &arr1(&[-4]))),
    ("the largest of nothing", ErrorKind::Execution, &["max"], |_| {
        let tape = Tape::new();
        let x = tape.vector::<f32>("x");
        tape.function(x, x.max_all()).freeze(&config())?.call(&Array1::<f32>::zeros(0)).map(drop)
    }),
    ("the place of the largest of nothing", ErrorKind::Execution, &[], |_| {
        let tape = Tape::new();
        let x = tape.matrix::<f32>("x");
        tape.function(x, x.argmax_axis(Axis(1))).freeze(&config())?.call(&Array2::<f32>::zeros((2, 0))).map(drop)
    }),
    ("the place of the largest of no slopes, by the meaning of each op", ErrorKind::Execution, &["tests/misuse.rs", "empty"], |_| {
        let tape = Tape::new();
        let x = tape.vector::<f32>("x");
        let slopes = tape.scalar::<f32>("y").grad(or_zero(x));
        let by_meaning = Config { engine: EngineChoice::Reference, ..config() };
        tape.function(x, slopes.argmax_axis(Axis(0))).freeze(&by_meaning)?.call(&Array1::<f32>::zeros(0)).map(drop)
    }),
];

/// What needs no program at all, and so has no line in one.
const BESIDE_PROGRAMS: &[Misuse] = &[
    ("a state set to another shape", ErrorKind::Update, &["`w`", "f32[3]", "f32[2]", "help: a state keeps its shape"], |states| {
        states.w.set(arr1(&[1.0, 2.0]))
    }),
    ("a flag that does not exist", ErrorKind::Config, &["engin", "engine", "DAMO_FLAGS"], |_| {
        Config::from_sources(None, Some("engin=portable")).map(drop)
    }),
    ("a flag with a value that it does not take", ErrorKind::Config, &["threads", "many", "it takes a whole number"], |_| {
        Config::from_sources(None, Some("threads=many")).map(drop)
    }),
    ("a text that is no graph", ErrorKind::Parse, &["line 1", "expected a graph"], |_| damo::Graph::parse("this is no graph").map(drop)),
];

/// Runs each misuse and collects what is wrong with its error. What is beside programs has no line, and its words hold the advice.
fn judge(misuses: &[Misuse], is_program: bool) {
    let mut complaints = Vec::new();
    for (name, kind, words, deed) in misuses {
        let states = States::new();
        let error = match catch_unwind(AssertUnwindSafe(|| deed(&states))) {
            Ok(Err(error)) => error,
            Ok(Ok(())) => {
                complaints.push(format!("{name}: no error"));
                continue;
            }
            Err(_) => {
                complaints.push(format!("{name}: panicked"));
                continue;
            }
        };
        let text = error.to_string();
        let mut complain = |what: &str| complaints.push(format!("{name}: {what}\n{text}\n"));
        if error.kind() != *kind {
            complain(&format!("is {:?} instead of {kind:?}", error.kind()));
        }
        for word in words.iter().filter(|word| !text.contains(**word)) {
            complain(&format!("does not say `{word}`"));
        }
        if is_program && error.source_line().is_none_or(|line| line.file != file!()) {
            complain("does not point at the user's line");
        }
        if is_program && !text.contains("help:") {
            complain("gives no advice");
        }
        if !states.are_unchanged() {
            complain("changed a state");
        }
    }
    assert!(complaints.is_empty(), "{} complaints\n\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn wrong_programs_are_refused() {
    judge(WHILE_TRACING, true);
}

#[test]
fn tapes_do_not_mix() {
    judge(ACROSS_TAPES, true);
}

#[test]
fn wrong_functions_are_refused() {
    judge(WHILE_FREEZING, true);
}

#[test]
fn wrong_calls_are_refused() {
    judge(WHILE_CALLING, true);
}

#[test]
fn wrong_settings_and_texts_are_refused() {
    judge(BESIDE_PROGRAMS, false);
}

#[test]
fn a_right_call_after_a_wrong_one_works() {
    let states = States::new();
    let tape = Tape::new();
    let train = step(&tape, &states).unwrap();
    let (x, y) = (arr1(&[1f32, 2.0]), arr1(&[3f32, 4.0]));
    train.call((&x, &y, &arr1(&[9]))).unwrap_err();
    assert!(states.are_unchanged());
    // 1·3 + 2·4 + w[0]·b = 16
    assert_eq!(train.call((&x, &y, &arr1(&[0]))).unwrap()[[]], 16.0);
    assert_eq!((states.b.get()[[]], &states.w.get()), (5.0 - 16.0, &arr1(&[-15f32, -14.0, -13.0]).into_dyn()));
}

#[test]
fn nan_and_infinity_are_numbers_like_others() {
    let tape = Tape::new();
    let x = tape.vector::<f32>("x");
    let function = tape.function(x, (x.exp().sum(), x.max_axis(Axis(0)), x.gt(0.0), x.cast::<i64>())).freeze(&config()).unwrap();
    let (sum, max, positive, whole) = function.call(&arr1(&[f32::NAN, f32::INFINITY, -1.0])).unwrap();
    assert!(sum[[]].is_nan() && max[[]].is_nan());
    assert_eq!(positive, arr1(&[false, true, false]).into_dyn());
    assert_eq!(whole, arr1(&[0, i64::MAX, -1]).into_dyn());
}

#[test]
fn empty_arrays_are_arrays_like_others() {
    let tape = Tape::new();
    let (x, y) = (tape.matrix::<f32>("x"), tape.vector::<f32>("y"));
    let product = x.dot(y);
    let function = tape.function((x, y), (product, x.sum(), x.softmax(Axis(1)), x.t())).freeze(&config()).unwrap();
    let (product, sum, softmax, turned) = function.call((&arr2(&[[0f32; 0]; 3]), &Array1::zeros(0))).unwrap();
    assert_eq!(product, arr1(&[0f32; 3]).into_dyn());
    assert_eq!(sum, arr0(0f32).into_dyn());
    assert_eq!((softmax.shape(), turned.shape()), (&[3, 0][..], &[0, 3][..]));
}
