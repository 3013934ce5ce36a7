//! What a tape knows once its records have been entered into a graph.

use std::collections::BTreeMap;

use damo_graph::op::Op;
use damo_graph::op::constant::Constant;
use damo_graph::op::pointwise::Pointwise;
use damo_graph::{AnyArray, DType, Error, ErrorKind, Graph, NodeId, Number, Provenance, Result, Type, Value};
use smallvec::SmallVec;

use crate::example::Examples;
use crate::record::{Record, Recorded};
use crate::shared::AnyShared;

/// The graph, which value of it each record is, and what is known of its inputs.
#[derive(Default)]
pub(crate) struct State {
    /// The program so far.
    pub graph: Graph,
    /// The value of each record that has been entered; `None` if it could not be computed.
    pub values: Vec<Option<Value>>,
    /// Example values of inputs, and what follows from them.
    pub examples: Examples,
    /// The inputs by name.
    pub inputs: BTreeMap<String, NodeId>,
    /// The states that are read, each with the record that stands for it.
    pub shareds: Vec<SharedInput>,
}

/// A state that the tape reads.
pub(crate) struct SharedInput {
    /// Its input in the graph.
    pub node: NodeId,
    /// The record that stands for it.
    pub index: u32,
    /// The state.
    pub shared: AnyShared,
}

impl State {
    /// Enters one record into the graph; `None` if something it reads could not be computed.
    pub fn enter(&mut self, record: &mut Record) -> Result<Option<Value>> {
        let what = std::mem::replace(&mut record.what, Recorded::Entered);
        self.graph.set_provenance(provenance(record));
        let op = match what {
            Recorded::Poison | Recorded::Entered => return Ok(None),
            Recorded::Adopted(value, dtype) => {
                self.check_dtype(value, dtype)?;
                return self.with_example(value);
            }
            Recorded::Pointwise(scalar) => Op::from(Pointwise(scalar)),
            Recorded::Real(dtype, number) => Op::from(Constant(AnyArray::full(dtype, &[], Number::Real(number)))),
            Recorded::Structural(op) => *op,
        };
        let inputs: Option<SmallVec<[Value; 4]>> = record.inputs.iter().map(|&index| self.value(index)).collect();
        let Some(inputs) = inputs else { return Ok(None) };
        let value = self.graph.add(op, &inputs)?;
        self.with_example(value)
    }

    /// Computes the example value of a new value, if there are examples.
    fn with_example(&mut self, value: Value) -> Result<Option<Value>> {
        if self.examples.are_given() {
            self.examples.value(&mut self.graph, value)?;
        }
        Ok(Some(value))
    }

    fn check_dtype(&self, value: Value, dtype: DType) -> Result<()> {
        let wrong = if !self.graph.contains(value) {
            "it is not in this tape's graph".to_owned()
        } else if self.graph.ty(value).dtype != dtype {
            format!("its elements are of type {}, not {dtype}", self.graph.ty(value).dtype)
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::Verify, "a value of a graph cannot be adopted as a tensor").at(self.graph.provenance().source).explain(wrong))
    }

    /// The value of a record, if it has one.
    pub fn value(&self, index: u32) -> Option<Value> {
        self.values.get(index as usize).copied().flatten().filter(|&value| self.graph.contains(value))
    }

    /// The type of a record, if it has one.
    pub fn ty(&self, index: u32) -> Option<Type> {
        let ty = self.graph.ty(self.value(index)?);
        Some(Type { dtype: ty.dtype, dims: self.graph.lengths().resolve_all(&ty.dims) })
    }
}

/// Where the nodes of a record come from.
pub(crate) fn provenance(record: &Record) -> Provenance {
    Provenance { within: record.within, ..Provenance::user(record.location) }
}
