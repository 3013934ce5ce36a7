//! One case on its whole way: text, verifier, passes, plan, every engine; and the comparison of what they give.

use damo::{AnyArray, ErrorKind, Graph, Policy};
use damo_exec::{Argument, Engine, Executable, Options};
use damo_graph::{Error, Result as GraphResult};
use damo_passes::{Settings, pipeline};

use super::fault::{Fault, Kind};
use super::quiet::catch;
use crate::sensitivity::{Sensitivity, epsilon, least_normal, roundings};
use crate::strategies::arrays_for;

/// Every engine: a new one joins here.
pub const ENGINES: &[(&str, Engine)] = &[("native", Engine::Native), ("portable", Engine::Portable), ("reference", Engine::Reference)];

/// How many in a hundred elements that a seed makes are edge values.
pub(super) const EDGES: u8 = 5;

/// How many roundings of each op, one after another, rewriting may change.
const REWRITTEN: f64 = 16.0;

/// The engines that make plans, whose choices are shaken as well.
const SHAKEN: &[(&str, Engine)] = &[("native, shaken", Engine::Native), ("portable, shaken", Engine::Portable)];

/// How many ulps the ops of the table state at most, and the sums of an engine beside them.
const STATED: f64 = 8.0;

/// How far a case that is not at fault came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Its text is not a graph, and the error says so.
    NotRead,
    /// It is a graph that no arrays of a few elements fit.
    NotRun,
    /// It ran, and an op refused a value, as an index out of range, on every engine alike.
    Refused,
    /// It ran on every engine.
    Ran,
}

/// Reads a text, which may be no graph at all, and examines what it says on arrays made by a seed.
pub fn examine_text(text: &str, seed: u64) -> Result<Outcome, Fault> {
    let graph = match catch("reading", || Ok(Graph::parse(text)))? {
        Ok(graph) => graph,
        Err(error) if error.kind() == ErrorKind::Parse => {
            return catch("printing an error", || Ok(error.to_string())).map(|_| Outcome::NotRead);
        }
        Err(error) => return Err(Fault::new(Kind::Invalid, "reading", error.to_string())),
    };
    let arrays = catch("finding lengths", || Ok(arrays_for(&graph, seed, EDGES)))?;
    examine(&graph, arrays.as_deref())
}

/// Verifies, writes and reads a graph, optimises it by every policy, and runs both on every engine, if there are arrays for it.
pub fn examine(graph: &Graph, arrays: Option<&[AnyArray]>) -> Result<Outcome, Fault> {
    catch("the verifier", || graph.verify().map_err(|error| Fault::new(Kind::Invalid, "the graph read", error.to_string())))?;
    catch("the text", || {
        let text = graph.to_text();
        let read = Graph::parse(&text).map_err(|error| Fault::new(Kind::Misread, "its own text", error.to_string()))?;
        let same = read == *graph && read.to_text() == text;
        let _ = (graph.to_short_text(), graph.to_dot());
        if same { Ok(()) } else { Err(Fault::new(Kind::Misread, "its own text", text)) }
    })?;
    // A program that cannot be called need not be compiled: its constants may be of any size.
    let Some(arrays) = arrays else { return Ok(Outcome::NotRun) };
    if graph.outputs().is_empty() {
        return Ok(Outcome::NotRun);
    }
    let written = catch("the meaning", || Ok(graph.evaluate(arrays)))?;
    if let Err(error) = &written {
        is_proper(error, "the meaning")?;
    }
    let mut outcome = Outcome::Refused;
    for policy in [Policy::Stable, Policy::Strict] {
        let settings = Settings { policy, verify: true, ..Settings::default() };
        let optimised = catch("the passes", || Ok(pipeline::optimise(graph, &settings)))?;
        let optimised = match optimised {
            Ok((optimised, _)) => optimised,
            Err(error) if error.kind() == ErrorKind::Verify => return Err(Fault::new(Kind::Invalid, "the passes", error.to_string())),
            // Constants may be folded that cannot be: a call would say the same.
            Err(_) => continue,
        };
        let results = run_everywhere(&optimised, arrays)?;
        let (Ok(written), Some(results)) = (&written, results) else { continue };
        outcome = Outcome::Ran;
        catch("the judge", || {
            if policy == Policy::Strict { same_bits(written, &results, &optimised) } else { agree(graph, arrays, &results, &optimised) }
        })?;
    }
    Ok(outcome)
}

/// Whether an error is one that a call may have.
fn is_proper(error: &Error, by: &str) -> Result<(), Fault> {
    let is_a_calls = [ErrorKind::Execution, ErrorKind::Argument, ErrorKind::Shapes, ErrorKind::Axis].contains(&error.kind());
    if is_a_calls { Ok(()) } else { Err(Fault::new(Kind::Refusal, by, error.to_string())) }
}

/// Runs a graph on every engine, and compares them; gives what the reference gives, if it can be run.
fn run_everywhere(graph: &Graph, arrays: &[AnyArray]) -> Result<Option<Vec<AnyArray>>, Fault> {
    let meant = catch("the meaning of the optimised graph", || Ok(graph.evaluate(arrays)))?;
    if let Err(error) = &meant {
        is_proper(error, "the optimised graph")?;
    }
    let shaken = SHAKEN.iter().map(|&(name, engine)| (name, engine, Some(shake_of(graph))));
    for (name, engine, shake) in ENGINES.iter().map(|&(name, engine)| (name, engine, None)).chain(shaken) {
        let ran: GraphResult<Vec<AnyArray>> = catch(&format!("the {name} engine"), || {
            let options = Options { engine, verify: true, shake, ..Options::default() };
            let executable = match Executable::new(graph.clone(), options) {
                Ok(executable) => executable,
                Err(error) => return Ok(Err(error)),
            };
            let views: Vec<&dyn Argument> = arrays.iter().map(|array| array as &dyn Argument).collect();
            let ran = executable.call(&views);
            let _ = executable.explain();
            Ok(ran)
        })?;
        match (&meant, &ran) {
            (Ok(meant), Ok(ran)) => catch("the judge", || engines_agree(graph, arrays, meant, ran, name))?,
            (Err(_), Err(error)) => is_proper(error, name)?,
            (Ok(_), Err(error)) => return Err(Fault::new(Kind::Refusal, name, format!("the meaning gives numbers, and it says: {error}"))),
            (Err(error), Ok(_)) => return Err(Fault::new(Kind::Refusal, name, format!("it gives numbers, and the meaning says: {error}"))),
        }
    }
    Ok(meant.ok())
}

/// The seed of the dice that choose in place of heuristics: another one for each graph.
fn shake_of(graph: &Graph) -> u64 {
    graph.to_text().bytes().fold(0, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)))
}

/// Whether an engine is as close to the meaning as the ops state.
fn engines_agree(graph: &Graph, arrays: &[AnyArray], meant: &[AnyArray], ran: &[AnyArray], name: &str) -> Result<(), Fault> {
    if meant.iter().zip(ran).all(|(meant, ran)| meant == ran) && meant.len() == ran.len() {
        return Ok(());
    }
    let expected = roundings(graph, arrays, STATED).map_err(|error| Fault::new(Kind::Engine, "the judge", error.to_string()))?;
    close(&expected, meant, ran, STATED)
        .map_err(|(place, message)| Fault::new(Kind::Engine, format!("{name}, {place}"), format!("{message}, on\n{}", graph.to_text())))
}

/// Whether an optimised graph is as close to the one written as rewriting may be.
fn agree(graph: &Graph, arrays: &[AnyArray], results: &[AnyArray], optimised: &Graph) -> Result<(), Fault> {
    let expected = roundings(graph, arrays, REWRITTEN).map_err(|error| Fault::new(Kind::Rewrite, "the judge", error.to_string()))?;
    let written = graph.evaluate(arrays).map_err(|error| Fault::new(Kind::Rewrite, "the judge", error.to_string()))?;
    close(&expected, &written, results, REWRITTEN).map_err(|(place, message)| {
        let rules = optimised.explain_rewrites();
        Fault::new(Kind::Rewrite, place, format!("{message}, by\n{rules}\nto\n{}", optimised.to_text()))
    })
}

/// Whether results are what is expected, as far as their conditioning goes: where they are not, and how.
fn close(expected: &Sensitivity, meant: &[AnyArray], found: &[AnyArray], ulps: f64) -> Result<(), (String, String)> {
    if !expected.is_settled {
        return Ok(());
    }
    for (place, (((value, moved), meant), found)) in expected.values.iter().zip(&expected.moved).zip(meant).zip(found).enumerate() {
        if (meant.dtype(), meant.shape()) != (found.dtype(), found.shape()) {
            let of = |array: &AnyArray| format!("{}{:?}", array.dtype(), array.shape());
            return Err(("type".into(), format!("output {place} is {} instead of {}", of(found), of(meant))));
        }
        let share = if meant.dtype().is_float() { ulps * epsilon(meant.dtype()) } else { 0.0 };
        for ((&value, &moved), found) in value.iter().zip(moved).zip(&found.to_reals()) {
            // Where roundings decide whether it is a number at all, or move it by as much as it is, nothing is said of it.
            if value == *found || !value.is_finite() || moved.is_infinite() || moved > 0.0 && moved >= value.abs() {
                continue;
            }
            if !meant.dtype().is_float() && (moved > 0.0 || !expected.is_tame) {
                continue;
            }
            if !found.is_finite() {
                return Err(("finite".into(), format!("output {place} is {found:e} instead of {value:e}")));
            }
            let allowed = 4.0 * moved + share * value.abs() + least_normal(meant.dtype());
            if expected.is_tame && (value - found).abs() > allowed {
                return Err(("value".into(), format!("output {place} is {found:e} instead of {value:e}; {allowed:e} allowed")));
            }
        }
    }
    Ok(())
}

/// Whether every bit is as written, under the policy that keeps them.
fn same_bits(written: &[AnyArray], results: &[AnyArray], optimised: &Graph) -> Result<(), Fault> {
    let differs = |(written, found): (f64, f64)| written.to_bits() != found.to_bits() && !(written.is_nan() && found.is_nan());
    for (place, (written, found)) in written.iter().zip(results).enumerate() {
        let pairs = written.to_reals().into_iter().zip(found.to_reals());
        if let Some((written, found)) = pairs.into_iter().find(|&pair| differs(pair)) {
            let rules = optimised.explain_rewrites();
            let message = format!("output {place} is {found:e} instead of {written:e}, by\n{rules}\nto\n{}", optimised.to_text());
            return Err(Fault::new(Kind::Rewrite, "strict", message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planted_faults_are_seen() {
        let text = "graph {\n%x = input{name=\"x\", kind=argument, dtype=f64, dims=[2], place=0}\n%y = exp %x\nreturn %y\n}\n";
        let graph = Graph::parse(text).unwrap();
        let array = |x: [f64; 2]| vec![AnyArray::from(ndarray::arr1(&x))];
        let (arrays, right) = (array([0.5, -1.0]), array([0.5f64.exp(), (-1f64).exp()]));
        assert_eq!(engines_agree(&graph, &arrays, &right, &right, "planted"), Ok(()));
        let off = array([0.5f64.exp() * (1.0 + 1e-12), (-1f64).exp()]);
        let faults = [
            engines_agree(&graph, &arrays, &right, &off, "planted").unwrap_err(),
            agree(&graph, &arrays, &off, &graph).unwrap_err(),
            agree(&graph, &arrays, &array([f64::NAN, 0.0]), &graph).unwrap_err(),
            same_bits(&right, &array([0.5f64.exp().next_up(), (-1f64).exp()]), &graph).unwrap_err(),
            catch("planted", || -> Result<(), Fault> { panic!("planted") }).unwrap_err(),
        ];
        assert_eq!(faults.map(|fault| fault.kind), [Kind::Engine, Kind::Rewrite, Kind::Rewrite, Kind::Rewrite, Kind::Panic]);
    }

    #[test]
    fn every_engine_is_listed() {
        assert_eq!(ENGINES.len(), damo::EngineChoice::ALL.len());
    }
}
