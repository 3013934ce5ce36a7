//! Declaring what a program is given: lengths, inputs, states and constants.

use damo_graph::op::constant::Constant;
use damo_graph::op::input::{Input, InputKind};
use damo_graph::types::IntoDims;
use damo_graph::{AnyArray, Dim, Dims, Element, Error, ErrorKind, Result, Source, Symbol, Type, Value};
use ndarray::{ArrayBase, Data, Dimension};

use crate::into_tensor::IntoConstant;
use crate::shared::Shared;
use crate::state::SharedInput;
use crate::tape::Tape;
use crate::tensor::Tensor;

impl Tape {
    /// A length that is not known before a call. The same name is the same length.
    #[allow(clippy::unused_self, reason = "a length belongs to the program that it is written in")]
    pub fn dim(&self, name: &str) -> Symbol {
        Symbol::new(name)
    }

    /// Declares an input: `-> [dims]`. Dims are given as `()`, `(n, 784)`, `[2, 3]`, a slice or a vector.
    ///
    /// # Errors
    ///
    /// Kept by the tape: [`ErrorKind::Declaration`] if the name is taken, [`ErrorKind::Axis`] if a length is negative.
    #[track_caller]
    pub fn input<T: Element>(&self, name: &str, dims: impl IntoDims) -> Tensor<'_, T> {
        self.declared(self.declare(name, Type { dtype: T::DTYPE, dims: dims.into_dims() }, InputKind::Argument))
    }

    /// Declares an input together with an example of it: `-> [name.0, name.1, ..]`.
    ///
    /// From then on every op is evaluated as it is recorded, [`Tensor::value`] shows the result, and what an op refuses is an
    /// error on its line. The lengths stay unknown: the program is not tied to the example.
    #[track_caller]
    pub fn input_with<T: Element, S: Data<Elem = T>, D: Dimension>(&self, name: &str, example: &ArrayBase<S, D>) -> Tensor<'_, T> {
        let array = AnyArray::from(example.as_standard_layout().into_owned());
        let dims = unknown_dims(name, array.shape().len());
        let value = self.declare(name, Type { dtype: T::DTYPE, dims: dims.clone() }, InputKind::Argument);
        if let Ok(value) = &value
            && let Ok(mut state) = self.flush()
        {
            state.examples.give(value.node, &dims, array);
            self.evaluate_from_now_on();
        }
        self.declared(value)
    }

    /// A state as an input of the program. The same state is the same tensor, however often it is asked for.
    ///
    /// # Errors
    ///
    /// Kept by the tape: [`ErrorKind::Declaration`] if another input or state has the name.
    #[track_caller]
    pub fn shared<T: Element>(&self, shared: &Shared<T>) -> Tensor<'_, T> {
        let state = shared.any();
        if let Ok(known) = self.flush()
            && let Some(input) = known.shareds.iter().find(|input| input.shared == *state)
        {
            return Tensor { tape: self, index: input.index, element: std::marker::PhantomData };
        }
        let value = self.declare(state.name(), state.ty().clone(), InputKind::Shared);
        if let Ok(value) = &value
            && let Ok(mut known) = self.flush()
        {
            known.examples.give_state(value.node, state.read());
        }
        let node = value.as_ref().map(|value| value.node).ok();
        let tensor = self.declared(value);
        if let Some(node) = node
            && let Ok(mut known) = self.flush()
        {
            known.shareds.push(SharedInput { node, index: tensor.index(), shared: state.clone() });
        }
        tensor
    }

    /// Numbers that are part of the program: `-> []` for a number, else the lengths of the array.
    ///
    /// ```
    /// use damo_trace::*;
    /// let tape = Tape::new();
    /// let x = tape.vector("x");
    /// let y = x * tape.constant(ndarray::arr1(&[1.0f32, 2.0, 4.0]));
    /// assert_eq!(y.dims()?.to_string(), "[3]");
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn constant<T: Element>(&self, value: impl IntoConstant<T>) -> Tensor<'_, T> {
        self.structural(Constant(value.into_constant()), &[])
    }

    /// Enters an input into the graph, at once: its place is its turn.
    #[track_caller]
    fn declare(&self, name: &str, ty: Type, kind: InputKind) -> Result<Value> {
        let here = self.here();
        let mut state = self.flush()?;
        if let Some(&other) = state.inputs.get(name) {
            return Err(Error::new(ErrorKind::Declaration, format!("there are two inputs named `{name}`"))
                .at(Source::from(self.location()))
                .operand(state.graph.operand(other.into(), 0, 1))
                .explain("prints, errors and saved states know inputs by name")
                .advise("give one of them another name"));
        }
        let place = state.graph.inputs().len();
        let before = state.graph.set_provenance(here);
        let value = state.graph.add(Input { name: name.into(), ty, kind, place }, &[]);
        state.graph.set_provenance(before);
        if let Ok(value) = value {
            state.inputs.insert(name.to_owned(), value.node);
        }
        value
    }

    #[track_caller]
    fn declared<T: Element>(&self, value: Result<Value>) -> Tensor<'_, T> {
        match value {
            Ok(value) => self.adopt(value),
            Err(error) => {
                self.keep(error);
                self.poison()
            }
        }
    }
}

/// Lengths `name.0`, `name.1` …
fn unknown_dims(name: &str, rank: usize) -> Dims {
    (0..rank).map(|axis| Symbol::new(&format!("{name}.{axis}"))).collect()
}

/// Declares the inputs of unknown lengths by rank.
macro_rules! inputs_of_rank {
    ($($(#[$doc:meta])* $name:ident $rank:literal;)*) => {
        impl Tape { $(
            $(#[$doc])*
            ///
            /// The lengths are not known before a call, and named after the input. Errors as for [`input`](Tape::input).
            #[track_caller]
            pub fn $name<T: Element>(&self, name: &str) -> Tensor<'_, T> {
                self.input(name, unknown_dims(name, $rank))
            }
        )* }
    };
}

inputs_of_rank! {
    /// Declares a single number: `-> []`
    scalar 0;
    /// Declares a vector: `-> [x.0]`
    vector 1;
    /// Declares a matrix: `-> [x.0, x.1]`
    matrix 2;
    /// Declares a tensor of rank 3: `-> [x.0, x.1, x.2]`
    tensor3 3;
    /// Declares a tensor of rank 4: `-> [x.0, x.1, x.2, x.3]`
    tensor4 4;
}

impl Tape {
    /// Declares a matrix of one row, which broadcasts along the rows of another: `-> [1, x.1]`
    #[track_caller]
    pub fn row<T: Element>(&self, name: &str) -> Tensor<'_, T> {
        self.input(name, [Dim::from(1), unknown_dims(name, 2)[1].clone()])
    }

    /// Declares a matrix of one column, which broadcasts along the columns of another: `-> [x.0, 1]`
    #[track_caller]
    pub fn col<T: Element>(&self, name: &str) -> Tensor<'_, T> {
        self.input(name, [unknown_dims(name, 2)[0].clone(), Dim::from(1)])
    }
}
