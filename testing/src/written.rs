//! Arrays as text, in the words of a graph's text: `f64[2, 3] = [1.0, -0.0, inf, 0.5, nan, 2.0]`.

use damo::op::Op;
use damo::op::constant::Constant;
use damo::{AnyArray, Graph};
use damo_graph::{Error, ErrorKind, Result};

/// An array as text that reads back bit for bit.
///
/// ```
/// use damo::AnyArray;
/// use damo_testing::written::{read_array, write_array};
/// let array = AnyArray::from(ndarray::arr2(&[[0.1f32, -0.0], [f32::NAN, 3.0]]));
/// assert_eq!(write_array(&array), "f32[2, 2] = [0.1, -0.0, nan, 3.0]");
/// assert_eq!(read_array(&write_array(&array))?, array);
/// # Ok::<(), damo::Error>(())
/// ```
pub fn write_array(array: &AnyArray) -> String {
    let attributes = Op::from(Constant(array.clone())).rules().attributes();
    let lengths: Vec<String> = array.shape().iter().map(ToString::to_string).collect();
    format!("{}[{}] = {}", array.dtype(), lengths.join(", "), attributes.get("values").unwrap_or("[]"))
}

/// Reads what [`write_array`] writes. A single number may be written without lengths and brackets: `f64 = 0.5`.
///
/// # Errors
///
/// [`ErrorKind::Parse`], saying what was expected.
pub fn read_array(text: &str) -> Result<AnyArray> {
    let wrong = |what: &str| Error::new(ErrorKind::Parse, format!("`{}` is not an array", text.trim())).explain(what.to_owned());
    let (ty, values) = text.split_once('=').ok_or_else(|| wrong("expected a type, `=`, and the elements, as in `f64[2] = [0.5, 1.0]`"))?;
    let (dtype, lengths) = match ty.trim().split_once('[') {
        Some((dtype, lengths)) => (dtype, lengths.strip_suffix(']').ok_or_else(|| wrong("the `]` after the lengths is missing"))?),
        None => (ty.trim(), ""),
    };
    let values = values.trim();
    let bare = values.strip_prefix('[').map(|rest| rest.strip_suffix(']').ok_or_else(|| wrong("the `]` after the elements is missing")));
    let values = bare.unwrap_or(Ok(values))?;
    if [dtype, lengths, values].iter().any(|part| part.contains(['{', '}', '\n', '#', '%', '='])) {
        return Err(wrong("an array is its type, `=`, and its elements"));
    }
    // The text of a graph knows how to read every element type.
    let graph = Graph::parse(&format!("graph {{\n%0 = constant{{dtype={dtype}, dims=[{lengths}], values=[{values}]}}\nreturn %0\n}}\n"))
        .map_err(|error| wrong(error.report().explanation.first().map_or("", String::as_str)))?;
    graph.evaluate(&[])?.pop().ok_or_else(|| wrong("it has no elements"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{arr0, arr1};

    #[test]
    fn every_kind_of_element_reads_back() {
        let arrays = [
            AnyArray::from(arr0(0.1f64)),
            AnyArray::from(arr1(&[f64::INFINITY, f64::NEG_INFINITY, f64::from_bits(1), -0.0])),
            AnyArray::from(arr1(&[true, false])),
            AnyArray::from(arr1(&[i64::MIN, i64::MAX])),
            AnyArray::from(ndarray::Array2::<f32>::zeros((0, 3))),
        ];
        for array in arrays {
            let text = write_array(&array);
            assert_eq!(write_array(&read_array(&text).unwrap()), text);
            assert_eq!(read_array(&text).unwrap().shape(), array.shape());
        }
        assert_eq!(read_array("f64 = 0.5").unwrap(), AnyArray::from(arr0(0.5)));
    }

    #[test]
    fn nonsense_is_an_error() {
        for text in ["", "f64", "f64[2 = [1]", "f64[2] = [1.0]", "f99 = 1", "f64[2] = [1, 2", "f64 = }", "f64 = 1.0\n}"] {
            assert_eq!(read_array(text).unwrap_err().kind(), ErrorKind::Parse, "{text}");
        }
    }
}
