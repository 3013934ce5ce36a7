//! A plan as text for people: steps with the ops and lines they come from, buffers, bytes, and what falls back to the reference.

use std::fmt::{self, Write};

use damo_graph::{DType, Graph, NodeId};

use crate::nest::Nest;
use crate::plan::{Plan, PlannedStep};
use crate::step::{Addend, Matrix, Place, Row, RowAccess, Step};

impl Plan {
    /// The plan as text. The same plan gives the same text.
    pub fn explain(&self, graph: &Graph) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write(graph, &mut text);
        text
    }

    fn write(&self, graph: &Graph, text: &mut String) -> fmt::Result {
        let lengths: Vec<String> = self.sizes.iter().map(|(symbol, length)| format!("{symbol} = {length}")).collect();
        writeln!(text, "plan for {}", if lengths.is_empty() { "known lengths".to_owned() } else { lengths.join(", ") })?;
        let fallbacks = self.steps.iter().filter(|step| matches!(step.step, Step::Reference(_))).count();
        writeln!(
            text,
            "  {} steps, {fallbacks} by the reference; arena {} bytes, at least {}, scratch {}",
            self.steps.len(),
            self.arena_bytes(),
            self.lower_bound_bytes(),
            self.scratch_bytes
        )?;
        for (at, step) in self.steps.iter().enumerate() {
            write_step(graph, at, step, text)?;
        }
        self.write_buffers(graph, text)
    }

    fn write_buffers(&self, graph: &Graph, text: &mut String) -> fmt::Result {
        writeln!(text, "  buffers")?;
        let lives = self.lives();
        for (id, (buffer, life)) in self.buffers.iter().zip(lives).enumerate() {
            let Some((first, last)) = life else { continue };
            write!(text, "  %{id}: {} {} bytes, ", buffer.dtype, buffer.bytes)?;
            match buffer.place {
                Place::Input(place) => {
                    let input = graph.inputs().get(place).and_then(|&node| graph.input(node));
                    writeln!(text, "input `{}`", input.map_or("?", |input| input.name.as_str()))?;
                }
                Place::Constant(place) => writeln!(text, "constant {place}")?,
                Place::Output(place) => writeln!(text, "output {place}")?,
                Place::Arena { offset } => writeln!(text, "arena at {offset}, steps {first} to {last}")?,
                Place::Nowhere => writeln!(text, "no memory")?,
            }
        }
        Ok(())
    }
}

/// One step: what it is, where it comes from, what it does.
fn write_step(graph: &Graph, at: usize, planned: &PlannedStep, text: &mut String) -> fmt::Result {
    let kind = planned.step.kind();
    let names: Vec<&str> = planned.nodes.iter().map(|&node| name(graph, node)).collect();
    writeln!(text, "  {at}. {kind}: {}", names.join(", "))?;
    let mut lines: Vec<String> =
        planned.nodes.iter().filter_map(|&node| graph.node(node).provenance().source.map(|source| source.to_string())).collect();
    lines.dedup();
    if !lines.is_empty() {
        writeln!(text, "     from {}", lines.join(", "))?;
    }
    let mut rules: Vec<&str> = planned.nodes.iter().flat_map(|&node| graph.node(node).provenance().rules.iter().copied()).collect();
    rules.dedup();
    if !rules.is_empty() {
        writeln!(text, "     made by {}", rules.join(", "))?;
    }
    match &planned.step {
        Step::Nest(nest) => write_nest(nest, text)?,
        Step::Bands(bands) => {
            write!(text, "     by {} of {}", bands.band, bands.length)?;
            for own in &bands.own {
                write!(text, ", {} bytes of {}", own.bytes, own.buffer)?;
            }
            writeln!(text)?;
            for member in &bands.nests {
                writeln!(text, "     along loop {}", member.axis)?;
                write_nest(&member.nest, text)?;
            }
        }
        Step::Contract(product) => {
            let matrix = |rows: usize, columns: usize, matrix: &Matrix| format!("[{rows}, {columns}] {matrix}");
            let (left, right) = (matrix(product.m, product.k, &product.left), matrix(product.k, product.n, &product.right));
            write!(text, "     {}", product.dtype)?;
            // Factors are shown as shortly as their dtype lets them be told apart.
            let number = |x: f64| if product.dtype == DType::F32 { (x as f32).to_string() } else { x.to_string() };
            if product.alpha.to_bits() != 1f64.to_bits() {
                write!(text, " {}", number(product.alpha))?;
            }
            write!(text, " times {left} by {right}")?;
            if let Some(Addend { matrix: addend, beta }) = &product.addend {
                write!(text, " plus {} times {}", number(*beta), matrix(product.m, product.n, addend))?;
            }
            writeln!(text, " to {}", matrix(product.m, product.n, &product.out))?;
            for axis in &product.batch {
                write!(text, "     {} times, by {}, {} and", axis.length, axis.left, axis.right)?;
                if product.addend.is_some() {
                    write!(text, " {}, to", axis.addend)?;
                }
                writeln!(text, " {}", axis.out)?;
            }
        }
        Step::Row(row) => writeln!(text, "     {row}")?,
        Step::Pick(pick) | Step::ScatterAdd(pick) => {
            writeln!(text, "     {} at axis {} by {} to {}", pick.data, pick.axis, pick.indices, pick.out)?;
        }
        Step::Convolve(convolution) => writeln!(text, "     {convolution}")?,
        Step::Pool(pooling) => writeln!(text, "     {pooling}")?,
        Step::Reference(reference) => {
            let inputs: Vec<String> = reference.inputs.iter().map(ToString::to_string).collect();
            let outputs: Vec<String> = reference.outputs.iter().map(ToString::to_string).collect();
            writeln!(text, "     {} to {}", inputs.join("; "), outputs.join("; "))?;
        }
    }
    for (old, new) in &planned.in_place {
        writeln!(text, "     in place: {new} takes the memory of {old}")?;
    }
    Ok(())
}

fn write_nest(nest: &Nest, text: &mut String) -> fmt::Result {
    nest.to_string().lines().try_for_each(|line| writeln!(text, "     {line}"))
}

/// What people call a node: the composite function it is part of, or its op.
pub(crate) fn name(graph: &Graph, node: NodeId) -> &'static str {
    let node = graph.node(node);
    node.provenance().within.unwrap_or(node.op().rules().name())
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let access = |access: &RowAccess| format!("{} at {} by {:?} and {}", access.buffer, access.offset, access.strides.as_slice(), access.step);
        write!(
            f,
            "{:?} of {:?} rows of {} {}: {} to {}",
            self.function,
            self.outer.as_slice(),
            self.length,
            self.dtype,
            access(&self.input),
            access(&self.out)
        )
    }
}
