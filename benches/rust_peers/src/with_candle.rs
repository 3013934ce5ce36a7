//! Candle, on the processor.

use candle_core::{Device, Result, Tensor, Var};

use crate::data::{Network, Random, length, product};
use crate::{Failure, Prepared, Repeated};

fn sum(tensor: &Tensor) -> f64 {
    tensor.flatten_all().and_then(|flat| flat.to_vec1::<f32>()).map_or(f64::NAN, |numbers| numbers.iter().map(|number| f64::from(number.abs())).sum())
}

fn ready(mut call: impl FnMut() -> Result<Tensor> + 'static) -> Prepared {
    Ok(Some(Box::new(Repeated { call: move || call().map_err(Failure::from), sum, results: None })))
}

pub fn prepare(case: &str, size: &str) -> Prepared {
    let device = Device::Cpu;
    let mut random = Random::default();
    if let Some([m, k, n]) = product(case, size) {
        let (a, b) = (Tensor::from_vec(random.normal(m * k, 1.0), (m, k), &device)?, Tensor::from_vec(random.normal(k * n, 1.0), (k, n), &device)?);
        return ready(move || a.matmul(&b));
    }
    match case {
        "softmax" => {
            let x = Tensor::from_vec(random.normal(128_000, 1.0), (128, 1000), &device)?;
            ready(move || candle_nn::ops::softmax_last_dim(&x))
        }
        "mlp" => train(&device),
        _ => {
            let (Some(length), Some(formula)) = (length(size), formula(case)) else { return Ok(None) };
            let (a, b) = (Tensor::from_vec(random.uniform(length), length, &device)?, Tensor::from_vec(random.uniform(length), length, &device)?);
            ready(move || formula(&a, &b))
        }
    }
}

fn formula(case: &str) -> Option<fn(&Tensor, &Tensor) -> Result<Tensor>> {
    Some(match case {
        "elemwise1" => |a, _| a + a.powf(10.0)?,
        "elemwise2" => |a, b| (a.sqr()? + b.sqr()?)? + ((a * 2.0)? * b)?,
        "elemwise3" => |a, b| (a * 2.0)? + (b * 3.0)?,
        "elemwise4" => |a, b| (a * 2.0)? + b.powf(10.0)?,
        "elemwise5" => |a, b| a.sin()?.sqr()? + b.cos()?.sqr()?,
        "elemwise6" => |a, b| ((a * b)? + 1.0)?.tanh()? * a.neg()?.exp()?,
        _ => return None,
    })
}

fn train(device: &Device) -> Prepared {
    let Network { w1, w2, images, labels } = Network::new();
    let x = Tensor::from_vec(images, (60, 784), device)?;
    let labels = Tensor::from_vec(labels, 60, device)?;
    let variable = |numbers: Vec<f32>, shape: (usize, usize)| Var::from_tensor(&Tensor::from_vec(numbers, shape, device)?);
    let parameters = [variable(w1, (784, 500))?, variable(vec![0.0; 500], (1, 500))?, variable(w2, (500, 10))?, variable(vec![0.0; 10], (1, 10))?];
    ready(move || {
        let [w1, b1, w2, b2] = &parameters;
        let hidden = x.matmul(w1)?.broadcast_add(b1)?.tanh()?;
        let scores = hidden.matmul(w2)?.broadcast_add(b2)?;
        let cost = candle_nn::loss::cross_entropy(&scores, &labels)?;
        let gradients = cost.backward()?;
        for parameter in &parameters {
            if let Some(gradient) = gradients.get(parameter) {
                parameter.set(&(parameter.as_tensor() - (gradient * 0.01)?)?)?;
            }
        }
        Ok(cost)
    })
}
