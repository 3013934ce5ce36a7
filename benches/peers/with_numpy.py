"""NumPy, with SciPy's special functions; derivatives are written by hand."""

import numpy as np
import scipy
from scipy.special import erf

import data

FORMULAS = {"elemwise1": lambda a, b: a + a**10, "elemwise2": lambda a, b: a**2 + b**2 + 2*a*b, "elemwise3": lambda a, b: 2*a + 3*b,
            "elemwise4": lambda a, b: 2*a + b**10, "elemwise5": lambda a, b: np.sin(a)**2 + np.cos(b)**2,
            "elemwise6": lambda a, b: np.tanh(a*b + 1)*np.exp(-a)}


def softmax(x):
    e = np.exp(x - x.max(1, keepdims=True))
    e /= e.sum(1, keepdims=True)
    return e


def log_sum_exp(x):
    m = x.max(1, keepdims=True)
    return np.log(np.exp(x - m).sum(1)) + m[:, 0]


def layer_norm(x, scale, shift):
    d = x - x.mean(1, keepdims=True)
    v = (d*d).mean(1, keepdims=True)
    return d / np.sqrt(v + x.dtype.type(1e-5)) * scale + shift


def gelu(x, cotangent):
    number = x.dtype.type
    half = number(0.5)
    p = half * (1 + erf(x * number(1/np.sqrt(2))))
    return x * p, cotangent * (p + x * (number(1/np.sqrt(2*np.pi)) * np.exp(-half*x*x)))


def hessian_times_vector(w, b, x, y, v):
    number = x.dtype.type
    p = 1/(1 + np.exp(-(x @ w + b)))
    return x.T @ (p*(1-p)*(x @ v)) / number(400) + number(.02)*v


def jacobian(weights, x):
    t = np.tanh(weights @ x)
    return (1 - t*t)[:, None] * weights


OTHERS = {"softmax": softmax, "logsumexp": log_sum_exp, "layernorm": layer_norm, "gelu_fb": gelu, "reduce_sumab": lambda a, b: (a*b).sum(),
          "reduce_dot": np.dot, "reduce_rows": lambda a: a.sum(1), "reduce_cols": lambda a: a.sum(0), "reduce_var": lambda a: a.var(),
          "gemm": np.matmul, "gemm_mlp": np.matmul, "gemv": np.matmul, "hvp": hessian_times_vector, "jacobian": jacobian}


class Peer:
    def __init__(self, options):
        self.dtype = np.dtype(options.dtype)

    def version(self):
        return "numpy %s, scipy %s" % (np.__version__, scipy.__version__)

    def first_result(self, case):
        return None

    def prepare(self, case, size):
        if case == "logreg":
            return self.logistic_regression()
        if case in ("mlp", "mlp256"):
            return self.network(case)
        if case == "rnn":
            return self.recurrent()
        if case == "elemwise3_out":
            return self.into(*data.arrays(case, size, self.dtype))
        if case == "dispatch":
            arrays = data.arrays(case, size, self.dtype)
            x, = arrays if len(arrays) == 1 else [None]
            return (lambda: x + 1) if x is not None else (lambda: [x + 1 for x in arrays])
        function = FORMULAS.get(case) or OTHERS.get(case)
        if function is None:
            return None
        arrays = data.arrays(case, size, self.dtype)
        return lambda: function(*arrays)

    def into(self, a, b):
        out, other = np.empty_like(a), np.empty_like(a)

        def call():
            np.multiply(a, 2, out=out)
            np.multiply(b, 3, out=other)
            return np.add(out, other, out=out)
        return call

    def logistic_regression(self):
        training, _ = data.logistic_regression(self.dtype)
        state, x, y, number = training.parameters, training.x, training.y, self.dtype.type
        rate = number(training.rate)

        def call():
            w, b = state
            z = x @ w + b
            xent = np.logaddexp(number(0), z) - y*z
            p = 1/(1 + np.exp(-z))
            d = (p - y) / number(400)
            state[:] = [w - rate*(x.T @ d + number(.02)*w), b - rate*d.sum()]
            return p > .5, xent
        return call

    def network(self, case):
        training = data.network(case, self.dtype)
        parameters, x, y, rate = training.parameters, training.x, training.y, self.dtype.type(training.rate)
        batch, layers, is_relu = len(y), len(training.parameters)//2, case == "mlp256"
        rows = np.arange(batch)

        def call():
            hidden = [x]
            for i in range(layers):
                z = hidden[-1] @ parameters[2*i] + parameters[2*i+1]
                hidden.append(z if i == layers-1 else (np.maximum(z, 0) if is_relu else np.tanh(z)))
            z = hidden[-1]
            z = z - z.max(1, keepdims=True)
            e = np.exp(z)
            s = e.sum(1, keepdims=True)
            cost = -(z[rows, y] - np.log(s[:, 0])).mean()
            d = e / s
            d[rows, y] -= 1
            d /= batch
            for i in range(layers-1, -1, -1):
                gw, gb = hidden[i].T @ d, d.sum(0)
                if i:
                    d = d @ parameters[2*i].T
                    d *= (hidden[i] > 0) if is_relu else (1 - hidden[i]*hidden[i])
                parameters[2*i] -= rate*gw
                parameters[2*i+1] -= rate*gb
            return cost
        return call

    def recurrent(self):
        (wx, wh, b), x = data.recurrent(self.dtype)
        moments, batch, units = x.shape

        def call():
            h = np.zeros((batch, units), self.dtype)
            states = [h]
            for t in range(moments):
                h = np.tanh(x[t] @ wx + h @ wh + b)
                states.append(h)
            stacked = np.stack(states[1:])
            cost = np.mean(stacked*stacked)
            g = stacked * self.dtype.type(2/stacked.size)
            gx, gh, gb, dh = np.zeros_like(wx), np.zeros_like(wh), np.zeros_like(b), np.zeros((batch, units), self.dtype)
            for t in range(moments-1, -1, -1):
                dz = (dh + g[t]) * (1 - states[t+1]**2)
                gx += x[t].T @ dz
                gh += states[t].T @ dz
                gb += dz.sum(0)
                dh = dz @ wh.T
            return cost, gx, gh, gb
        return call
