//! The programs that are measured side by side, written as a user of Damo would; one file for each family of cases.

mod convolution;
mod curvature;
mod dispatch;
mod first_result;
mod pointwise;
mod products;
mod recurrent;
mod reductions;
mod repeated;
mod rows;
mod training;

use damo::{Config, Float, Profile};

use crate::failure::Failure;
use crate::measure::Repeat;

/// A program that is ready to be called.
pub trait Case: Repeat<Failure> {
    /// Where the time of its calls went; `None` where each call makes its function anew.
    ///
    /// # Errors
    ///
    /// Those of the profile: the program must have been made ready in profile mode.
    fn profile(&self) -> Result<Option<Profile>, Failure>;
}

/// A case that is ready to be called; `None` if the family has no such case.
type Prepared = Result<Option<Box<dyn Case>>, Failure>;

/// What makes the cases of a family ready, by case and size.
type Family = fn(&str, &str, &Config) -> Prepared;

/// Makes a case ready to be called with elements of a type, as the peers call it; `None` if Damo has no such case yet.
///
/// # Errors
///
/// Those of tracing and freezing.
pub fn prepare(dtype: &str, case: &str, size: &str, config: &Config) -> Prepared {
    if dtype == "float64" { prepare_typed::<f64>(case, size, config) } else { prepare_typed::<f32>(case, size, config) }
}

fn prepare_typed<T: Float>(case: &str, size: &str, config: &Config) -> Prepared {
    let families: [Family; 10] = [
        pointwise::prepare::<T>,
        rows::prepare::<T>,
        reductions::prepare::<T>,
        products::prepare::<T>,
        training::prepare::<T>,
        recurrent::prepare::<T>,
        convolution::prepare::<T>,
        curvature::prepare::<T>,
        dispatch::prepare::<T>,
        first_result::prepare::<T>,
    ];
    for family in families {
        if let Some(ready) = family(case, size, config)? {
            return Ok(Some(ready));
        }
    }
    Ok(None)
}
