//! From an empty tape to the first result: what a user waits for a program to be compiled.

use damo::{Config, Float};

use super::repeated::beginning;
use super::{Prepared, convolution, training};

pub fn prepare<T: Float>(case: &str, _size: &str, config: &Config) -> Prepared {
    let config = config.clone();
    match case {
        "compile_mlp" => {
            let network = training::Network::<T>::of_case("mlp");
            beginning(move || network.freeze(&config)?.call((&network.images, &network.labels)))
        }
        "compile_cnn" => {
            let Some(network) = convolution::Network::<T>::of_case("cnn") else { return Ok(None) };
            beginning(move || network.freeze(&config)?.call((&network.images, &network.labels)))
        }
        _ => Ok(None),
    }
}
