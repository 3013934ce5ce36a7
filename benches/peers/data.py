"""Random arrays that come out the same here and in benches/src/random.rs, so that results can be compared."""

import numpy as np

STRIDE = np.uint64(0x9E3779B97F4A7C15)
CHUNK = 1 << 20

SIZES = {"1e%d" % power: 10**power for power in range(2, 8)}


def mix(bits):
    """The mixing of SplitMix64 (Steele, Lea and Flood 2014)."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


class Random:
    """Streams of random numbers, one for each array that is asked for."""

    def __init__(self, dtype):
        self.dtype = np.dtype(dtype)
        self.arrays = 0

    def _units(self, seed, start, count):
        places = np.arange(start + 1, start + count + 1, dtype=np.uint64)
        return (mix(seed + places * STRIDE) >> np.uint64(11)).astype(np.float64) / float(1 << 53)

    def _array(self, shape, dtype, numbers):
        """Fills an array chunk by chunk: `numbers(seed, start, count)`."""
        self.arrays += 1
        with np.errstate(over="ignore"):
            seed = mix(np.array([self.arrays], np.uint64))
            array = np.empty(shape, dtype)
            flat = array.reshape(-1)
            for start in range(0, flat.size, CHUNK):
                count = min(CHUNK, flat.size - start)
                flat[start:start + count] = numbers(seed, start, count)
        return array

    def uniform(self, *shape):
        """Numbers from 0.5 to 1.5."""
        return self._array(shape, self.dtype, lambda seed, start, count: 0.5 + self._units(seed, start, count))

    def normal(self, *shape, deviation=1.0):
        """Numbers of mean 0 (Box and Muller 1958)."""
        def numbers(seed, start, count):
            units = self._units(seed, 2 * start, 2 * count)
            return deviation * np.sqrt(-2.0 * np.log(1.0 - units[::2])) * np.cos(2.0 * np.pi * units[1::2])
        return self._array(shape, self.dtype, numbers)

    def below(self, bound, count):
        """Whole numbers from 0 to below a bound."""
        return self._array((count,), np.int32, lambda seed, start, number: bound * self._units(seed, start, number))

    def zeros(self, *shape):
        return np.zeros(shape, self.dtype)


class Training:
    """Parameters, a batch, and how far a step goes."""

    def __init__(self, parameters, x, y, rate=0.01):
        self.parameters, self.x, self.y, self.rate = parameters, x, y, rate


def logistic_regression(dtype):
    random = Random(dtype)
    # The weights are scaled so that scores are about 1: no saturated sigmoids, no denormals.
    w, b = random.normal(784, deviation=1 / 28), random.zeros()
    return Training([w, b], random.normal(400, 784), random.below(2, 400).astype(dtype)), random


def network(case, dtype):
    batch, widths = (60, [784, 500, 10]) if case.endswith("mlp") else (256, [784, 1024, 1024, 10])
    random, parameters = Random(dtype), []
    for inputs, outputs in zip(widths[:-1], widths[1:]):
        parameters += [random.normal(inputs, outputs, deviation=1 / np.sqrt(inputs)), random.zeros(outputs)]
    return Training(parameters, random.normal(batch, 784), random.below(10, batch))


def convolutional(case, dtype):
    random = Random(dtype)
    if "cnn" in case:
        parameters = [random.normal(6, 1, 7, 7, deviation=1 / 7), random.zeros(6),
                      random.normal(16, 6, 7, 7, deviation=1 / 17), random.zeros(16),
                      random.normal(16 * 44 * 44, 10, deviation=1 / 176), random.zeros(10)]
        # One image is learnt in two steps of 0.01; then all gradients are 0 or denormal. A small rate keeps the cost where it is.
        return Training(parameters, random.normal(1, 1, 256, 256), np.array([3], np.int32), 1e-8)
    parameters = [random.normal(20, 1, 5, 5, deviation=1 / 5), random.zeros(20),
                  random.normal(50, 20, 5, 5, deviation=1 / 22), random.zeros(50),
                  random.normal(800, 500, deviation=1 / 28), random.zeros(500),
                  random.normal(500, 10, deviation=1 / 22), random.zeros(10)]
    return Training(parameters, random.normal(64, 1, 28, 28), random.below(10, 64))


def recurrent(dtype):
    random = Random(dtype)
    wx, wh = random.normal(128, 128, deviation=1 / 12), random.normal(128, 128, deviation=1 / 12)
    return [wx, wh, random.zeros(128)], random.normal(100, 32, 128)


def arrays(case, size, dtype):
    """The arrays of the cases that are not training."""
    random = Random(dtype)
    uniform, normal = random.uniform, random.normal
    if case.startswith("elemwise"):
        return [uniform(SIZES[size]), uniform(SIZES[size])]
    if case in ("softmax", "logsumexp"):
        return [normal(128, 1000)]
    if case == "layernorm":
        return [normal(512, 768), uniform(768), normal(768)]
    if case == "gelu_fb":
        return [normal(SIZES[size]), normal(SIZES[size])]
    if case in ("reduce_sumab", "reduce_dot"):
        return [uniform(10**7), uniform(10**7)]
    if case.startswith("reduce_"):
        return [uniform(4096, 1024)]
    if case == "gemm":
        return [normal(int(size), int(size)), normal(int(size), int(size))]
    if case == "gemm_mlp":
        return [normal(60, 784), normal(784, 500)]
    if case == "gemv":
        return [normal(4096, 4096), normal(4096)]
    if case == "dispatch":
        return [uniform(1) for _ in range(int(size))]
    if case == "jacobian":
        return [normal(200, 200, deviation=1 / 14), normal(200)]
    if case == "hvp":
        training, random = logistic_regression(dtype)
        return [*training.parameters, training.x, training.y, random.normal(784)]
    raise KeyError(case)


if __name__ == "__main__":
    random = Random("float64")
    print(*random.uniform(3), *random.normal(2), *random.below(10, 5))
