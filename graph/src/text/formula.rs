//! A value as a formula for people: `1.0 / (1.0 + exp(-z))`, cut off where it gets deep.

#![expect(clippy::wildcard_enum_match_arm, reason = "all ops but a few read as calls")]

use super::super::graph::{Graph, Value};
use crate::op::Op;
use crate::op::scalar::{ADD, DIV, MUL, NEG, SUB};

/// How deep a formula is shown.
const DEPTH: usize = 4;

/// How tightly an operator binds: what is looser than its surroundings stands in parentheses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Sum,
    Product,
    Sign,
}

impl Graph {
    /// A value as a formula of a few levels, with inputs by their names and `…` for what lies deeper.
    pub fn formula(&self, value: Value) -> String {
        let mut text = String::new();
        self.write_formula(value, DEPTH, Binding::Sum, &mut text);
        text
    }

    fn write_formula(&self, value: Value, depth: usize, around: Binding, text: &mut String) {
        let node = self.node(value.node);
        match node.op() {
            Op::Input(input) => text.push_str(&input.name),
            Op::Constant(constant) if constant.0.len() == 1 => {
                let number = constant.shown();
                // A negative number binds as a change of sign does.
                let opens = number.starts_with('-') && around > Binding::Sum;
                open(opens, text);
                text.push_str(&number);
                close(opens, text);
            }
            Op::DimValue(length) => text.push_str(&length.dim.to_string()),
            Op::Constant(_) => text.extend(["constant ", &self.ty(value).to_string()]),
            _ if depth == 0 => text.push('…'),
            Op::Pointwise(op) => {
                let inputs = node.inputs();
                let scalar = op.0;
                if scalar == &NEG {
                    let opens = around > Binding::Product;
                    open(opens, text);
                    text.push('-');
                    self.write_formula(inputs[0], depth - 1, Binding::Sign, text);
                    close(opens, text);
                    return;
                }
                let operators =
                    [(&ADD, " + ", Binding::Sum), (&SUB, " - ", Binding::Sum), (&MUL, " * ", Binding::Product), (&DIV, " / ", Binding::Product)];
                match operators.iter().find(|(operator, ..)| *operator == scalar) {
                    Some((_, sign, binding)) => {
                        let opens = around > *binding;
                        open(opens, text);
                        self.write_formula(inputs[0], depth - 1, *binding, text);
                        text.push_str(sign);
                        let is_left_only = [&SUB, &DIV].contains(&scalar);
                        let right = if !is_left_only {
                            *binding
                        } else if *binding == Binding::Sum {
                            Binding::Product
                        } else {
                            Binding::Sign
                        };
                        self.write_formula(inputs[1], depth - 1, right, text);
                        close(opens, text);
                    }
                    None => self.write_call(scalar.name, inputs, depth, text),
                }
            }
            op => {
                let mut name = op.rules().name().to_owned();
                let attributes = op.rules().attributes().to_string();
                if attributes.len() <= 24 && attributes != "{}" {
                    name.push_str(&attributes);
                }
                self.write_call(&name, node.inputs(), depth, text);
            }
        }
    }

    fn write_call(&self, name: &str, inputs: &[Value], depth: usize, text: &mut String) {
        text.push_str(name);
        text.push('(');
        for (place, &input) in inputs.iter().enumerate() {
            if place > 0 {
                text.push_str(", ");
            }
            self.write_formula(input, depth - 1, Binding::Sum, text);
        }
        text.push(')');
    }
}

fn open(opens: bool, text: &mut String) {
    if opens {
        text.push('(');
    }
}

fn close(opens: bool, text: &mut String) {
    if opens {
        text.push(')');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::DType;
    use crate::op::input::InputKind;
    use crate::op::scalar;
    use crate::types::Type;

    #[test]
    fn formulas_read_as_people_write_them() {
        let mut graph = Graph::new();
        let z = graph.add_input("z", Type::scalar(DType::F64), InputKind::Argument).unwrap();
        let one = graph.number(DType::F64, 1.0).unwrap();
        let minus = graph.apply(&scalar::NEG, &[z]).unwrap();
        let e = graph.apply(&scalar::EXP, &[minus]).unwrap();
        let sum = graph.plus(one, e).unwrap();
        let p = graph.apply(&scalar::DIV, &[one, sum]).unwrap();
        assert_eq!(graph.formula(p), "1.0 / (1.0 + exp(-z))");
        assert_eq!(graph.formula(sum), "1.0 + exp(-z)");
        let difference = graph.apply(&scalar::SUB, &[z, sum]).unwrap();
        assert_eq!(graph.formula(difference), "z - (1.0 + exp(-z))");
        let product = graph.times(minus, difference).unwrap();
        assert_eq!(graph.formula(product), "-z * (z - (1.0 + exp(…)))");
    }
}
