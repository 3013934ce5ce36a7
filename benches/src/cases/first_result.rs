//! From an empty tape to the first result: what a user waits for a program to be compiled.

use damo::{Config, Float};

use super::Prepared;
use super::repeated::calling;
use super::training::Network;

pub fn prepare<T: Float>(case: &str, _size: &str, config: &Config) -> Prepared {
    if case != "compile_mlp" {
        return Ok(None);
    }
    let network = Network::<T>::of_case("mlp");
    let config = config.clone();
    calling(move || network.freeze(&config)?.call((&network.images, &network.labels)))
}
