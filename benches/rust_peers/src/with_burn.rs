//! Burn, on its own processor backend.

use burn::tensor::activation::{log_softmax, softmax, tanh};
use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::data::{Network, Random, length, product};
use crate::{Failure, Prepared, Repeated};

fn sum<const D: usize>(tensor: &Tensor<D>) -> f64 {
    tensor.clone().into_data().iter::<f32>().map(|element| f64::from(element.abs())).sum()
}

fn ready<const D: usize>(mut call: impl FnMut() -> Tensor<D> + 'static) -> Prepared {
    Ok(Some(Box::new(Repeated { call: move || Ok::<_, Failure>(call()), sum: sum::<D>, results: None })))
}

fn tensor<const D: usize>(numbers: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(numbers, shape), device)
}

pub fn prepare(case: &str, size: &str) -> Prepared {
    let device = Device::flex();
    let mut random = Random::default();
    if let Some([m, k, n]) = product(case, size) {
        let (a, b) = (tensor(random.normal(m * k, 1.0), [m, k], &device), tensor(random.normal(k * n, 1.0), [k, n], &device));
        return ready(move || a.clone().matmul(b.clone()));
    }
    match case {
        "softmax" => {
            let x = tensor(random.normal(128_000, 1.0), [128, 1000], &device);
            ready(move || softmax(x.clone(), 1))
        }
        "mlp" => train(&device.autodiff()),
        _ => {
            let (Some(length), Some(formula)) = (length(size), formula(case)) else { return Ok(None) };
            let (a, b) = (tensor(random.uniform(length), [length], &device), tensor(random.uniform(length), [length], &device));
            ready(move || formula(a.clone(), b.clone()))
        }
    }
}

fn formula(case: &str) -> Option<fn(Tensor<1>, Tensor<1>) -> Tensor<1>> {
    Some(match case {
        "elemwise1" => |a, _| a.clone() + a.powi_scalar(10),
        "elemwise2" => |a, b| a.clone().powi_scalar(2) + b.clone().powi_scalar(2) + a * 2 * b,
        "elemwise3" => |a, b| a * 2 + b * 3,
        "elemwise4" => |a, b| a * 2 + b.powi_scalar(10),
        "elemwise5" => |a, b| a.sin().powi_scalar(2) + b.cos().powi_scalar(2),
        "elemwise6" => |a, b| (a.clone() * b + 1).tanh() * a.neg().exp(),
        _ => return None,
    })
}

fn train(device: &Device) -> Prepared {
    let Network { w1, w2, images, labels } = Network::new();
    let labels: Vec<i32> = labels.into_iter().map(|label| label as i32).collect();
    let labels: Tensor<2, Int> = Tensor::from_data(TensorData::new(labels, [60, 1]), device);
    let x = tensor(images, [60, 784], device);
    let (mut w1, mut b1) = (tensor(w1, [784, 500], device).require_grad(), tensor(vec![0.0; 500], [1, 500], device).require_grad());
    let (mut w2, mut b2) = (tensor(w2, [500, 10], device).require_grad(), tensor(vec![0.0; 10], [1, 10], device).require_grad());
    ready(move || {
        let hidden = tanh(x.clone().matmul(w1.clone()) + b1.clone());
        let scores = hidden.matmul(w2.clone()) + b2.clone();
        let cost = log_softmax(scores, 1).gather(1, labels.clone()).mean().neg();
        let gradients = cost.backward();
        for parameter in [&mut w1, &mut b1, &mut w2, &mut b2] {
            if let Some(gradient) = parameter.grad(&gradients) {
                *parameter = Tensor::from_inner(parameter.clone().inner() - gradient * 0.01).require_grad();
            }
        }
        cost.inner()
    })
}
