"""PyTorch, op by op and under `torch.compile` (one full graph, fixed shapes)."""

import numpy as np
import torch
import torch.nn.functional as F

import data

FORMULAS = {"elemwise1": lambda a, b: a + a**10, "elemwise2": lambda a, b: a**2 + b**2 + 2*a*b, "elemwise3": lambda a, b: 2*a + 3*b,
            "elemwise4": lambda a, b: 2*a + b**10, "elemwise5": lambda a, b: torch.sin(a)**2 + torch.cos(b)**2,
            "elemwise6": lambda a, b: torch.tanh(a*b + 1)*torch.exp(-a)}

OTHERS = {"softmax": lambda x: torch.softmax(x, 1), "logsumexp": lambda x: torch.logsumexp(x, 1),
          "layernorm": lambda x, scale, shift: F.layer_norm(x, (768,), scale, shift), "reduce_sumab": lambda a, b: (a*b).sum(),
          "reduce_dot": torch.dot, "reduce_rows": lambda a: a.sum(1), "reduce_cols": lambda a: a.sum(0),
          "reduce_var": lambda a: a.var(correction=0), "gemm": lambda a, b: a @ b, "gemm_mlp": lambda a, b: a @ b,
          "gemv": lambda a, b: a @ b, "jacobian": lambda w, x: torch.func.jacrev(lambda x: torch.tanh(w @ x))(x)}


def tensors(arrays):
    return [torch.from_numpy(np.array(array)) for array in arrays]


def logistic_cost(parameters, x, y):
    w, b = parameters
    z = x @ w + b
    xent = F.binary_cross_entropy_with_logits(z, y, reduction="none")
    return xent.mean() + 0.01*(w**2).sum(), ((z.detach() > 0), xent.detach())


def network_cost(activation):
    def cost(parameters, x, y):
        layers, h = len(parameters)//2, x
        for i in range(layers):
            h = torch.addmm(parameters[2*i+1], h, parameters[2*i])
            if i < layers-1:
                h = activation(h)
        return F.cross_entropy(h, y), ()
    return cost


def cnn_cost(parameters, x, y):
    w1, b1, w2, b2, w3, b3 = parameters
    h = torch.tanh(F.max_pool2d(F.conv2d(x, w1, b1), 5))
    h = torch.tanh(F.conv2d(h, w2, b2))
    return F.cross_entropy(torch.addmm(b3, h.flatten(1), w3), y), ()


def lenet_cost(parameters, x, y):
    w1, b1, w2, b2, w3, b3, w4, b4 = parameters
    h = torch.tanh(F.max_pool2d(F.conv2d(x, w1, b1), 2))
    h = torch.tanh(F.max_pool2d(F.conv2d(h, w2, b2), 2))
    h = torch.tanh(torch.addmm(b3, h.flatten(1), w3))
    return F.cross_entropy(torch.addmm(b4, h, w4), y), ()


COSTS = {"mlp": network_cost(torch.tanh), "mlp256": network_cost(torch.relu), "cnn": cnn_cost, "lenet": lenet_cost}


def recurrent_cost(parameters, x):
    wx, wh, b = parameters
    h, states = torch.zeros(x.shape[1], wh.shape[0], dtype=x.dtype), []
    for t in range(x.shape[0]):
        h = torch.tanh(torch.addmm(b, x[t], wx) + h @ wh)
        states.append(h)
    states = torch.stack(states)
    return (states*states).mean()


class Peer:
    def __init__(self, options):
        self.dtype, self.is_compiled, self.peer = options.dtype, options.peer == "torch-compile", options.peer
        torch.set_num_threads(options.threads)
        torch.set_num_interop_threads(1)

    def version(self):
        return "%s %s" % (self.peer, torch.__version__)

    def compiled(self, function):
        if not self.is_compiled:
            return function
        torch._dynamo.reset()
        return torch.compile(function, dynamic=False, fullgraph=True)

    def prepare(self, case, size):
        if case == "logreg":
            training, _ = data.logistic_regression(self.dtype)
            return self.train(logistic_cost, training, True)
        if case in ("mlp", "mlp256"):
            return self.train(COSTS[case], data.network(case, self.dtype))
        if case in COSTS:
            return self.train(COSTS[case], data.convolutional(case, self.dtype))
        if case == "rnn":
            return self.recurrent()
        if case == "dispatch" and size == "1":
            return self.call(lambda x: x + 1, data.arrays(case, size, self.dtype))
        if case == "dispatch":
            return self.call(lambda *arrays: [x + 1 for x in arrays], data.arrays(case, size, self.dtype))
        if case in ("gelu_fb", "hvp"):
            return (self.gelu if case == "gelu_fb" else self.hessian_times_vector)(tensors(data.arrays(case, size, self.dtype)))
        if case.endswith("_out"):
            return self.into(case.removesuffix("_out"), tensors(data.arrays(case, size, self.dtype)))
        function = FORMULAS.get(case) or OTHERS.get(case)
        return None if function is None else self.call(function, data.arrays(case, size, self.dtype))

    def first_result(self, case):
        name = case.removeprefix("compile_")
        training = data.network(name, self.dtype) if name == "mlp" else data.convolutional(name, self.dtype)
        return lambda: self.train(COSTS[name], training)

    def call(self, function, arrays):
        function = self.compiled(function)
        arrays = [array if isinstance(array, torch.Tensor) else torch.from_numpy(array) for array in arrays]

        def call():
            with torch.no_grad():
                return function(*arrays)
        return call

    def into(self, name, arrays):
        a, b = arrays
        out, other = torch.empty_like(a), torch.empty_like(a)
        if self.is_compiled:
            return self.call(lambda a, b, out: out.copy_(FORMULAS[name](a, b)), [a, b, out])
        if name != "elemwise3":
            return None
        return self.call(lambda a, b, out: torch.add(torch.mul(a, 2, out=other), b, alpha=3, out=out), [a, b, out])

    def gelu(self, arrays):
        x, cotangent = arrays
        if self.is_compiled:
            def both(x, cotangent):
                y, vjp = torch.func.vjp(F.gelu, x)
                return y, vjp(cotangent)[0]
            return self.call(both, arrays)
        x.requires_grad_(True)

        def call():
            y = F.gelu(x)
            return y.detach(), torch.autograd.grad(y, x, cotangent)[0]
        return call

    def hessian_times_vector(self, arrays):
        w, b, x, y, v = arrays

        def cost(w, b, x, y):
            return logistic_cost((w, b), x, y)[0]
        if self.is_compiled:      # backward twice: forward over reverse cannot always be traced
            def product(w, b, x, y, v):
                return torch.func.grad(lambda w: (torch.func.grad(cost)(w, b, x, y) * v).sum())(w)
            return self.call(product, arrays)
        w.requires_grad_(True)

        def call():
            gradient, = torch.autograd.grad(cost(w, b, x, y), w, create_graph=True)
            return torch.autograd.grad(gradient, w, v)[0]
        return call

    def recurrent(self):
        parameters, x = data.recurrent(self.dtype)
        parameters, x = tensors(parameters), torch.from_numpy(x)
        if self.is_compiled:
            def both(wx, wh, b, x):
                gradients, cost = torch.func.grad_and_value(recurrent_cost)([wx, wh, b], x)
                return cost, gradients
            return self.call(both, [*parameters, x])
        for parameter in parameters:
            parameter.requires_grad_(True)

        def call():
            cost = recurrent_cost(parameters, x)
            return cost.detach(), torch.autograd.grad(cost, parameters)
        return call

    def train(self, cost, training, gives_more=False):
        parameters, (x, y), rate = tensors(training.parameters), tensors([training.x, training.y]), training.rate
        if y.dtype == torch.int32:
            y = y.long()
        if self.is_compiled:
            both = torch.func.grad_and_value(cost, has_aux=True)

            def step(parameters, x, y):
                gradients, (value, more) = both(parameters, x, y)
                for parameter, gradient in zip(parameters, gradients):
                    parameter.add_(gradient, alpha=-rate)
                return more if gives_more else value
            step = self.compiled(step)

            def call():
                with torch.no_grad():
                    return step(parameters, x, y)
            return call
        for parameter in parameters:
            parameter.requires_grad_(True)

        def call():
            value, more = cost(parameters, x, y)
            gradients = torch.autograd.grad(value, parameters)
            with torch.no_grad():
                torch._foreach_add_(parameters, gradients, alpha=-rate)
            return more if gives_more else value.detach()
        return call
