"""PyTensor: its default (numba), and its C linker, with MKL where that is installed."""

import glob
import sys
import warnings

import numpy as np

import data

warnings.filterwarnings("ignore")
import pytensor  # noqa: E402
import pytensor.tensor as pt  # noqa: E402

FORMULAS = {"elemwise1": lambda a, b: a + a**10, "elemwise2": lambda a, b: a**2 + b**2 + 2*a*b, "elemwise3": lambda a, b: 2*a + 3*b,
            "elemwise4": lambda a, b: 2*a + b**10, "elemwise5": lambda a, b: pt.sin(a)**2 + pt.cos(b)**2,
            "elemwise6": lambda a, b: pt.tanh(a*b + 1)*pt.exp(-a)}


def layer_norm(x, scale, shift):
    m = x.mean(1, keepdims=True)
    v = ((x-m)**2).mean(1, keepdims=True)
    return (x-m)/pt.sqrt(v + np.float32(1e-5))*scale + shift


def gelu(x, cotangent):
    number = np.dtype(x.dtype).type
    y = number(.5)*x*(1 + pt.erf(x*number(1/np.sqrt(2))))
    return [y, pt.grad((y*cotangent).sum(), x)]


def logistic_cost(parameters, x, y):
    w, b = parameters
    z = pt.dot(x, w) + b
    xent = pt.softplus(z) - y*z      # the stable form, as the other peers have it
    return xent.mean() + np.dtype(x.dtype).type(0.01)*(w**2).sum(), [pt.sigmoid(z) > 0.5, xent]


def hessian_times_vector(w, b, x, y, v):
    gradient = pt.grad(logistic_cost((w, b), x, y)[0], w)
    return pt.grad((gradient*v).sum(), w)


OTHERS = {"softmax": lambda x: pt.special.softmax(x, axis=1), "logsumexp": lambda x: pt.logsumexp(x, axis=1), "layernorm": layer_norm,
          "gelu_fb": gelu, "reduce_sumab": lambda a, b: (a*b).sum(), "reduce_dot": pt.dot, "reduce_rows": lambda a: a.sum(1),
          "reduce_cols": lambda a: a.sum(0), "reduce_var": lambda a: a.var(), "gemm": pt.dot, "gemm_mlp": pt.dot, "gemv": pt.dot,
          "hvp": hessian_times_vector}


def cross_entropy(z, y, n):
    return -pt.special.log_softmax(z, axis=1)[pt.arange(n), y].mean()


def network_cost(activation):
    def cost(parameters, x, y):
        layers, h = len(parameters)//2, x
        for i in range(layers):
            h = pt.dot(h, parameters[2*i]) + parameters[2*i+1]
            if i < layers-1:
                h = activation(h)
        value = cross_entropy(h, y, x.type.shape[0])
        return value, value
    return cost


def convolve(x, w, b, n, channels, height, filters, k):
    """No compiled convolution for networks: rows are gathered, then one product."""
    out = height - k + 1
    r, at = np.arange(out), np.arange(k)
    index = ((r[None, None, :, None] + at[:, None, None, None])*height + r[None, None, None, :] + at[None, :, None, None]).reshape(-1)
    rows = x.transpose(2, 3, 0, 1).reshape((height*height, n*channels))
    columns = rows[index].reshape((k*k, out*out, n, channels)).transpose(3, 0, 2, 1).reshape((channels*k*k, n*out*out))
    z = pt.dot(w.reshape((filters, channels*k*k)), columns) + b[:, None]
    return z.reshape((filters, n, out, out)).transpose(1, 0, 2, 3)


def pool(x, n, channels, height, k):
    return x.reshape((n, channels, height//k, k, height//k, k)).max(axis=(3, 5))


def cnn_cost(parameters, x, y):
    w1, b1, w2, b2, w3, b3 = parameters
    h = pt.tanh(pool(convolve(x, w1, b1, 1, 1, 256, 6, 7), 1, 6, 250, 5))
    h = pt.tanh(convolve(h, w2, b2, 1, 6, 50, 16, 7))
    value = cross_entropy(pt.dot(h.reshape((1, 16*44*44)), w3) + b3, y, 1)
    return value, value


def lenet_cost(parameters, x, y):
    w1, b1, w2, b2, w3, b3, w4, b4 = parameters
    h = pt.tanh(pool(convolve(x, w1, b1, 64, 1, 28, 20, 5), 64, 20, 24, 2))
    h = pt.tanh(pool(convolve(h, w2, b2, 64, 20, 12, 50, 5), 64, 50, 8, 2))
    h = pt.tanh(pt.dot(h.reshape((64, 800)), w3) + b3)
    value = cross_entropy(pt.dot(h, w4) + b4, y, 64)
    return value, value


COSTS = {"mlp": network_cost(pt.tanh), "mlp256": network_cost(lambda h: pt.maximum(h, np.float32(0))), "cnn_rs": cnn_cost, "lenet_rs": lenet_cost}


def compiled(inputs, outputs, updates=None):
    function = pytensor.function(inputs, outputs, updates=updates)
    function.trust_input = True
    return function


class Peer:
    def __init__(self, options):
        self.dtype, self.peer, self.blas = options.dtype, options.peer, ""
        if self.peer == "pytensor-c" and glob.glob(sys.prefix + "/lib/libmkl_rt.so.*"):
            library = sorted(glob.glob(sys.prefix + "/lib/libmkl_rt.so.*"))[-1].rsplit("/", 1)[-1]
            pytensor.config.blas__ldflags = "-L%s/lib -Wl,-rpath,%s/lib -l:%s" % (sys.prefix, sys.prefix, library)
            self.blas = " with MKL"

    def version(self):
        return "%s %s%s" % (self.peer, pytensor.__version__, self.blas)

    def variable(self, array):
        return pt.tensor(None, shape=array.shape, dtype=str(array.dtype))

    def prepare(self, case, size):
        if case == "logreg":
            training, _ = data.logistic_regression(self.dtype)
            return self.train(logistic_cost, training)
        if case in ("mlp", "mlp256"):
            return self.train(COSTS[case], data.network(case, self.dtype))
        if case in COSTS:
            return self.train(COSTS[case], data.convolutional(case, self.dtype))
        if case == "rnn":
            return self.recurrent()
        if case == "jacobian":
            return self.jacobian(*data.arrays(case, size, self.dtype))
        if case == "dispatch" and size == "1":
            return self.call(lambda x: x + 1, data.arrays(case, size, self.dtype))
        if case == "dispatch":
            return self.call(lambda *arrays: [x + 1 for x in arrays], data.arrays(case, size, self.dtype))
        if case in FORMULAS:
            return self.formula(case, size)
        return self.call(OTHERS[case], data.arrays(case, size, self.dtype)) if case in OTHERS else None

    def first_result(self, case):
        name = {"compile_mlp": "mlp", "compile_cnn": "cnn_rs"}[case]
        training = data.network(name, self.dtype) if name == "mlp" else data.convolutional(name, self.dtype)
        return lambda: self.train(COSTS[name], training)

    def call(self, function, arrays):
        variables = [self.variable(array) for array in arrays]
        function = compiled(variables, function(*variables))
        return lambda: function(*arrays)

    def formula(self, case, size):
        """One function serves vectors of all lengths."""
        a, b = (pt.tensor(name, shape=(None,), dtype=self.dtype) for name in "ab")
        inputs = [a] if case == "elemwise1" else [a, b]
        function = compiled(inputs, FORMULAS[case](a, b))
        arrays = data.arrays(case, size, self.dtype)[:len(inputs)]
        return lambda: function(*arrays)

    def jacobian(self, weights, x):
        from pytensor.gradient import jacobian
        w, v = self.variable(weights), self.variable(x)
        function = compiled([w, v], jacobian(pt.tanh(pt.dot(w, v)), v, vectorize=True))
        return lambda: function(weights, x)

    def train(self, cost, training):
        parameters = [pytensor.shared(np.array(parameter), borrow=True) for parameter in training.parameters]
        x, y, rate = self.variable(training.x), self.variable(training.y), np.dtype(self.dtype).type(training.rate)
        value, outputs = cost(parameters, x, y)
        gradients = pt.grad(value, parameters)
        updates = [(parameter, parameter - rate*gradient) for parameter, gradient in zip(parameters, gradients)]
        function = compiled([x, y], outputs, updates)
        return lambda: function(training.x, training.y)

    def recurrent(self):
        parameters, xs = data.recurrent(self.dtype)
        wx, wh, b = parameters = [pytensor.shared(parameter) for parameter in parameters]
        x = self.variable(xs)

        def step(x, h, wx, wh, b):
            return pt.tanh(pt.dot(x, wx) + pt.dot(h, wh) + b)
        states = pytensor.scan(step, sequences=[x], outputs_info=[pt.zeros((32, 128), dtype=self.dtype)], non_sequences=parameters,
                               strict=True, return_updates=False)
        cost = (states*states).mean()
        function = compiled([x], [cost, *pt.grad(cost, parameters)])
        return lambda: function(xs)
