//! A case as the files say it: its text, its arguments, and the arrays that others' systems computed.

use std::collections::BTreeMap;

use damo::AnyArray;
use ndarray::{ArrayD, IxDyn};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;

use super::stop::{Stop, malformed};

/// The cases of one pair of files, and the helper functions that their texts call.
#[derive(Debug)]
pub struct CaseFile {
    /// The text that defines the helpers.
    pub helpers: String,
    /// The cases, in the file's order.
    pub cases: Vec<Case>,
}

/// A small function with its inputs, results and derivatives.
#[derive(Debug)]
pub struct Case {
    /// Its name, unique in the file.
    pub name: String,
    /// What it is a case of.
    pub group: String,
    /// What its derivatives are worth.
    pub kind: Kind,
    /// Its expression, or the statements of its body.
    pub text: String,
    /// Its arguments, in order.
    pub arguments: Vec<Argument>,
    /// The results expected, as reals.
    pub results: Vec<ArrayD<f64>>,
    /// A cotangent for each result, if it has derivatives.
    pub cotangents: Vec<ArrayD<f64>>,
    /// The derivative of each result along the tangents.
    pub jvp: Vec<ArrayD<f64>>,
}

/// What the derivatives of a case are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The function is smooth at its inputs.
    Smooth,
    /// It is at a kink, and the derivatives are the oracle's choice.
    Convention,
    /// It has results only.
    Forward,
}

/// An argument of a case, with its derivatives.
#[derive(Debug)]
pub struct Argument {
    /// Its name in the text.
    pub name: String,
    /// Its value.
    pub value: AnyArray,
    /// The direction of the JVP and HVP, if derivatives go through it.
    pub tangent: Option<ArrayD<f64>>,
    /// The VJP.
    pub vjp: Option<ArrayD<f64>>,
    /// The derivative of the VJP along the tangents.
    pub hvp: Option<ArrayD<f64>>,
}

#[derive(Deserialize)]
struct FileEntry {
    helpers: String,
    cases: Vec<CaseEntry>,
}

#[derive(Deserialize)]
struct CaseEntry {
    name: String,
    group: String,
    kind: Kind,
    n_out: usize,
    #[serde(default)]
    expr: Option<String>,
    #[serde(default)]
    body: Option<String>,
    inputs: Vec<InputEntry>,
}

#[derive(Deserialize)]
struct InputEntry {
    name: String,
}

impl CaseFile {
    /// Reads the two files of a set of cases: `cases.json` and `cases.safetensors`.
    ///
    /// # Errors
    ///
    /// [`Stop::Malformed`] if a file is not what it should be or an array is missing.
    pub fn read(json: &[u8], arrays: &[u8]) -> Result<CaseFile, Stop> {
        let file: FileEntry = serde_json::from_slice(json).map_err(|error| malformed(error.to_string()))?;
        let arrays = SafeTensors::deserialize(arrays).map_err(|error| malformed(error.to_string()))?;
        let arrays: BTreeMap<String, TensorView<'_>> = arrays.tensors().into_iter().collect();
        let cases = file.cases.into_iter().map(|entry| case(entry, &arrays)).collect::<Result<_, _>>()?;
        Ok(CaseFile { helpers: file.helpers, cases })
    }
}

fn case(entry: CaseEntry, arrays: &BTreeMap<String, TensorView<'_>>) -> Result<Case, Stop> {
    let CaseEntry { name, group, kind, n_out, expr, body, inputs } = entry;
    let find = |key: &str| arrays.get(&format!("{name}/{key}")).map(array).transpose();
    let reals = |key: &str| Ok::<_, Stop>(find(key)?.map(|array| array.to_reals()));
    let arguments = inputs.into_iter().map(|input| {
        let of = |part: &str| reals(&format!("{part}/{}", input.name));
        let value = find(&format!("in/{}", input.name))?.ok_or_else(|| malformed(format!("no array {name}/in/{}", input.name)))?;
        Ok(Argument { value, tangent: of("t")?, vjp: of("vjp")?, hvp: of("hvp")?, name: input.name })
    });
    let arguments = arguments.collect::<Result<Vec<_>, Stop>>()?;
    let all = |part: &str| (0..n_out).map_while(|k| reals(&format!("{part}/{k}")).transpose()).collect::<Result<Vec<_>, _>>();
    let (results, cotangents, jvp) = (all("out")?, all("ct")?, all("jvp")?);
    if results.len() != n_out {
        return Err(malformed(format!("{name} has {} of {n_out} results", results.len())));
    }
    let text = expr.or(body).ok_or_else(|| malformed(format!("{name} has no text")))?;
    Ok(Case { name, group, kind, text, arguments, results, cotangents, jvp })
}

/// The array of a view; booleans are stored as bytes.
fn array(view: &TensorView<'_>) -> Result<AnyArray, Stop> {
    fn elements<T: Default + damo::Element, const N: usize>(view: &TensorView<'_>, read: fn([u8; N]) -> T) -> Result<AnyArray, Stop> {
        let (chunks, _) = view.data().as_chunks::<N>();
        let elements = chunks.iter().map(|&bytes| read(bytes)).collect();
        ArrayD::from_shape_vec(IxDyn(view.shape()), elements).map(AnyArray::from).map_err(|error| malformed(error.to_string()))
    }
    match view.dtype() {
        Dtype::F64 => elements(view, f64::from_le_bytes),
        Dtype::I64 => elements(view, i64::from_le_bytes),
        Dtype::U8 | Dtype::BOOL => elements(view, |[byte]| byte != 0),
        other => Err(malformed(format!("elements of type {other:?}"))),
    }
}
