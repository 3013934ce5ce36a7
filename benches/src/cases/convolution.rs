//! The place of the convolutional networks `cnn`, `cnn_rs`, `lenet` and `lenet_rs`, and of `compile_cnn`: Damo has no convolution yet.

use damo::{Config, Float};

use super::Prepared;

#[expect(clippy::unnecessary_wraps, clippy::extra_unused_type_parameters, reason = "it is what families give")]
pub fn prepare<T: Float>(_case: &str, _size: &str, _config: &Config) -> Prepared {
    Ok(None)
}
