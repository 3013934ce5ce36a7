"""JAX: everything under `jit`, parameters donated."""

import jax
import jax.numpy as jnp
from jax import lax

import data

FORMULAS = {"elemwise1": lambda a, b: a + a**10, "elemwise2": lambda a, b: a**2 + b**2 + 2*a*b, "elemwise3": lambda a, b: 2*a + 3*b,
            "elemwise4": lambda a, b: 2*a + b**10, "elemwise5": lambda a, b: jnp.sin(a)**2 + jnp.cos(b)**2,
            "elemwise6": lambda a, b: jnp.tanh(a*b + 1)*jnp.exp(-a)}


def layer_norm(x, scale, shift):
    m = x.mean(1, keepdims=True)
    v = ((x-m)**2).mean(1, keepdims=True)
    return (x-m)*lax.rsqrt(v + 1e-5)*scale + shift


def gelu(x, cotangent):
    y, vjp = jax.vjp(lambda x: jax.nn.gelu(x, approximate=False), x)
    return y, vjp(cotangent)[0]


def logistic_cost(parameters, x, y):
    w, b = parameters
    z = x @ w + b
    xent = jax.nn.softplus(z) - y*z
    return xent.mean() + 0.01*(w**2).sum(), (jax.nn.sigmoid(z) > 0.5, xent)


def hessian_times_vector(w, b, x, y, v):
    return jax.jvp(jax.grad(lambda w: logistic_cost((w, b), x, y)[0]), (w,), (v,))[1]


def jacobian(weights, x):
    return jax.jacrev(lambda x: jnp.tanh(weights @ x))(x)


OTHERS = {"softmax": lambda x: jax.nn.softmax(x, axis=1), "logsumexp": lambda x: jax.nn.logsumexp(x, axis=1), "layernorm": layer_norm,
          "gelu_fb": gelu, "reduce_sumab": lambda a, b: (a*b).sum(), "reduce_dot": lambda a, b: jnp.dot(a, b),
          "reduce_rows": lambda a: a.sum(1), "reduce_cols": lambda a: a.sum(0), "reduce_var": lambda a: a.var(),
          "gemm": lambda a, b: a @ b, "gemm_mlp": lambda a, b: a @ b, "gemv": lambda a, b: a @ b, "hvp": hessian_times_vector,
          "jacobian": jacobian}


def cross_entropy(z, y):
    return -jnp.take_along_axis(jax.nn.log_softmax(z, axis=1), y[:, None], axis=1).mean()


def network_cost(activation):
    def cost(parameters, x, y):
        layers, h = len(parameters)//2, x
        for i in range(layers):
            h = h @ parameters[2*i] + parameters[2*i+1]
            if i < layers-1:
                h = activation(h)
        return cross_entropy(h, y), None
    return cost


def convolve(x, w, b):
    return lax.conv_general_dilated(x, w, (1, 1), "VALID", dimension_numbers=("NCHW", "OIHW", "NCHW")) + b[:, None, None]


def pool_windows(x, k):
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, k, k), (1, 1, k, k), "VALID")


def pool_reshaped(x, k):
    n, channels, height, width = x.shape
    return x.reshape(n, channels, height//k, k, width//k, k).max((3, 5))


def cnn_cost(pool):
    def cost(parameters, x, y):
        w1, b1, w2, b2, w3, b3 = parameters
        h = jnp.tanh(convolve(jnp.tanh(pool(convolve(x, w1, b1), 5)), w2, b2))
        return cross_entropy(h.reshape(h.shape[0], -1) @ w3 + b3, y), None
    return cost


def lenet_cost(pool):
    def cost(parameters, x, y):
        w1, b1, w2, b2, w3, b3, w4, b4 = parameters
        h = jnp.tanh(pool(convolve(x, w1, b1), 2))
        h = jnp.tanh(pool(convolve(h, w2, b2), 2))
        h = jnp.tanh(h.reshape(h.shape[0], -1) @ w3 + b3)
        return cross_entropy(h @ w4 + b4, y), None
    return cost


COSTS = {"mlp": network_cost(jnp.tanh), "mlp256": network_cost(jax.nn.relu), "cnn": cnn_cost(pool_windows), "cnn_rs": cnn_cost(pool_reshaped),
         "lenet": lenet_cost(pool_windows), "lenet_rs": lenet_cost(pool_reshaped)}


def recurrent_cost(parameters, x):
    wx, wh, b = parameters

    def step(h, x):
        h = jnp.tanh(x @ wx + h @ wh + b)
        return h, h
    _, states = lax.scan(step, jnp.zeros((x.shape[1], wh.shape[0]), x.dtype), x)
    return (states*states).mean()


class Peer:
    def __init__(self, options):
        self.dtype = options.dtype
        if options.dtype == "float64":
            jax.config.update("jax_enable_x64", True)

    def version(self):
        return "jax %s" % jax.__version__

    def prepare(self, case, size):
        if case == "logreg":
            training, _ = data.logistic_regression(self.dtype)
            return self.train(logistic_cost, training, True)
        if case in ("mlp", "mlp256"):
            return self.train(COSTS[case], data.network(case, self.dtype))
        if case in COSTS:
            return self.train(COSTS[case], data.convolutional(case, self.dtype))
        if case == "rnn":
            parameters, x = data.recurrent(self.dtype)
            return self.call(jax.value_and_grad(recurrent_cost), [parameters, x])
        if case == "dispatch" and size == "1":
            return self.call(lambda x: x + 1, data.arrays(case, size, self.dtype))
        if case == "dispatch":
            return self.call(lambda *arrays: [x + 1 for x in arrays], data.arrays(case, size, self.dtype))
        if case.endswith("_out"):
            return self.into(FORMULAS[case.removesuffix("_out")], data.arrays(case, size, self.dtype))
        function = FORMULAS.get(case) or OTHERS.get(case)
        return None if function is None else self.call(function, data.arrays(case, size, self.dtype))

    def first_result(self, case):
        name = case.removeprefix("compile_")
        training = data.network(name, self.dtype) if name == "mlp" else data.convolutional(name, self.dtype)
        return lambda: self.train(COSTS[name], training)

    def call(self, function, arrays):
        function, arrays = jax.jit(function), jax.device_put(arrays)
        return lambda: jax.block_until_ready(function(*arrays))

    def into(self, formula, arrays):
        """The result takes the place of an array that is given away."""
        function = jax.jit(lambda out, a, b: formula(a, b), donate_argnums=0, keep_unused=True)
        a, b = jax.device_put(arrays)
        out = [jnp.zeros_like(a)]

        def call():
            out[0] = function(out[0], a, b).block_until_ready()
            return out[0]
        return call

    def train(self, cost, training, gives_more=False):
        rate = training.rate

        def step(parameters, x, y):
            (value, more), gradients = jax.value_and_grad(cost, has_aux=True)(parameters, x, y)
            return jax.tree.map(lambda p, g: p - rate*g, parameters, gradients), more if gives_more else value
        step = jax.jit(step, donate_argnums=0)
        state, x, y = [jax.device_put(training.parameters)], jax.device_put(training.x), jax.device_put(training.y)

        def call():
            state[0], results = step(state[0], x, y)
            return jax.block_until_ready((state[0], results))[1]
        return call
