"""Computes rewrites.json: what naive formulas should give, at their witnesses and at the edges of the floats.

    pip install mpmath && python3 rewrites.py > rewrites.json

Each truth is a function written so that it is right everywhere, evaluated by mpmath at 2600 bits (the product of two of the smallest
doubles still has digits), with its gradient by dual numbers. Infinities and NaN follow IEEE 754. A value or slope that does not exist,
or depends on the sign of a zero, is null: there a program must do what it does as written.
"""

import itertools
import json
import sys

from mpmath import mp, mpf

mp.prec = 2600
INF, NAN = mpf("inf"), mpf("nan")
HUGE, TINY = mpf(2) ** 1100, mpf(2) ** -1200


def divide(a, b):
    if b == 0:
        return NAN  # a pole, whose side is the sign of the zero
    if mp.isinf(b) and not mp.isinf(a) and not mp.isnan(a):
        return mpf(0)
    return a / b


class Dual:
    """A number and its slope along each input."""

    def __init__(self, v, g=()):
        self.v, self.g = mpf(v), tuple(g)

    def chain(self, v, slope):
        return Dual(v, (scaled(slope, g) for g in self.g))

    def __add__(self, other):
        other = dual(other, self)
        return Dual(self.v + other.v, (a + b for a, b in zip(self.g, other.g)))

    def __neg__(self):
        return Dual(-self.v, (-g for g in self.g))

    def __sub__(self, other):
        return self + -dual(other, self)

    def __mul__(self, other):
        other = dual(other, self)
        return Dual(self.v * other.v, (scaled(other.v, a) + scaled(self.v, b) for a, b in zip(self.g, other.g)))

    def __truediv__(self, other):
        other = dual(other, self)
        q = divide(self.v, other.v)
        return Dual(q, (divide(a, other.v) - scaled(divide(q, other.v), b) for a, b in zip(self.g, other.g)))

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other):
        return dual(other, self) - self

    def __rtruediv__(self, other):
        return dual(other, self) / self


def dual(x, like):
    return x if isinstance(x, Dual) else Dual(x, (mpf(0) for _ in like.g))


def scaled(slope, g):
    return mpf(0) if g == 0 else slope * g


def nothing(x):
    """Neither a value nor a slope."""
    return Dual(NAN, (NAN for _ in x.g))


# Functions of one number, each right everywhere.


def exp_(v):
    if mp.isnan(v):
        return NAN
    return INF if v > 100000 else mpf(0) if v < -100000 else mp.exp(v)


def log_(v):
    return NAN if mp.isnan(v) or v < 0 else -INF if v == 0 else INF if mp.isinf(v) else mp.log(v)


def exp(x):
    e = exp_(x.v)
    return x.chain(e, e)


def log(x):
    return x.chain(log_(x.v), divide(mpf(1), x.v) if x.v >= 0 else NAN)


def log1p(x):
    return log(1 + x)


def expm1(x):
    e = exp_(x.v)
    return x.chain(e - 1, e)


def sigmoid_(v):
    if mp.isnan(v):
        return NAN
    return divide(mpf(1), 1 + exp_(-v)) if v >= 0 else exp_(v) / (1 + exp_(v))


def sigmoid(x):
    return x.chain(sigmoid_(x.v), sigmoid_(x.v) * sigmoid_(-x.v))


def softplus(x):
    v = x.v
    if mp.isnan(v):
        return nothing(x)
    return x.chain(max(v, mpf(0)) + log_(1 + exp_(-abs(v))), sigmoid_(v))


def log1mexp(x):
    v = x.v
    if mp.isnan(v) or v > 0:
        return nothing(x)
    return x.chain(log_(1 - exp_(v)), divide(mpf(-1), exp_(-v) - 1))


def logaddexp(x, y):
    if mp.isnan(x.v) or mp.isnan(y.v):
        return nothing(x)
    if mp.isinf(x.v) and x.v == y.v:
        return Dual(x.v, (NAN for _ in x.g))
    big, small = (x, y) if x.v >= y.v else (y, x)
    p = sigmoid_(big.v - small.v)
    q = sigmoid_(small.v - big.v)
    v = big.v if mp.isinf(big.v) else big.v + log_(1 + exp_(small.v - big.v))
    return Dual(v, (scaled(p, a) + scaled(q, b) for a, b in zip(big.g, small.g)))


def logsubexp(x, y):
    if mp.isnan(x.v) or mp.isnan(y.v) or x.v < y.v or x.v == INF == y.v:
        return nothing(x)
    if y.v == -INF:
        return x + 0 if x.v == -INF else Dual(x.v, (a for a in x.g))
    if x.v == INF:
        return Dual(INF, (NAN for _ in x.g))
    d = y.v - x.v
    v = x.v + log_(1 - exp_(d))
    p, q = divide(mpf(1), 1 - exp_(d)), divide(mpf(1), 1 - exp_(-d))
    return Dual(v, (scaled(p, a) + scaled(q, b) for a, b in zip(x.g, y.g)))


def logsumexp(xs):
    total = xs[0]
    for x in xs[1:]:
        total = logaddexp(total, x)
    return total


def softmax(xs):
    if any(not mp.isfinite(x.v) for x in xs):
        # Minus infinity beside a larger number has weight 0, one plus infinity all of it; anything else has no limit.
        finite = [x for x in xs if mp.isfinite(x.v)]
        if not any(mp.isnan(x.v) for x in xs) and [x.v for x in xs].count(INF) == 1:
            return [Dual(1 if x.v == INF else 0, (NAN for _ in x.g)) for x in xs]
        if not finite or any(mp.isnan(x.v) or x.v == INF for x in xs):
            return [nothing(x) for x in xs]
        total = logsumexp(finite)
        return [exp(x - total) if mp.isfinite(x.v) else Dual(0, (NAN for _ in x.g)) for x in xs]
    total = logsumexp(xs)
    return [exp(x - total) for x in xs]


def log_softmax(xs):
    if any(not mp.isfinite(x.v) for x in xs):
        finite = [x for x in xs if mp.isfinite(x.v)]
        if not any(mp.isnan(x.v) for x in xs) and [x.v for x in xs].count(INF) == 1:
            return [Dual(0 if x.v == INF else -INF, (NAN for _ in x.g)) for x in xs]
        if not finite or any(mp.isnan(x.v) or x.v == INF for x in xs):
            return [nothing(x) for x in xs]
        total = logsumexp(finite)
        return [x - total if mp.isfinite(x.v) else Dual(-INF, (NAN for _ in x.g)) for x in xs]
    total = logsumexp(xs)
    # The one that has all the weight: the digits of the difference are below its own.
    return [-logsumexp([y - x for y in xs]) for x in xs]


def gauss_(v):
    return mpf(0) if mp.isinf(v) or abs(v) > 2000 else mp.exp(-v * v)


def erf_(v):
    return NAN if mp.isnan(v) else mp.sign(v) * (1 if abs(v) > 60 else abs(mp.erf(v)))


def erfc_(v):
    return NAN if mp.isnan(v) else mpf(0) if v > 60 else mpf(2) if v < -60 else mp.erfc(v)


def erf(x):
    return x.chain(erf_(x.v), 2 / mp.sqrt(mp.pi) * gauss_(x.v))


def erfc(x):
    return x.chain(erfc_(x.v), -2 / mp.sqrt(mp.pi) * gauss_(x.v))


def erfcx_(v):
    """exp(v²)·erfc v."""
    if v < 30:
        return mp.exp(v * v) * mp.erfc(v)
    # The asymptotic series, to 200 digits or its smallest term: DLMF 7.12.1.
    total, term = mpf(1), mpf(1)
    for k in range(1, 450):
        term *= -(2 * k - 1) / (2 * v * v)
        total += term
        if abs(term) < mpf(10) ** -200:
            break
    return total / (v * mp.sqrt(mp.pi))


def log_erfc(x):
    v = x.v
    if not mp.isfinite(v):
        return x.chain(NAN if mp.isnan(v) else -INF if v > 0 else mp.log(2), NAN)
    if v < -60:
        return x.chain(mp.log(2) if v < -2000 else mp.log(erfc_(v)), -gauss_(v) / mp.sqrt(mp.pi))
    e = erfcx_(v)
    return x.chain(mp.log(e) - v * v, -2 / (mp.sqrt(mp.pi) * e))


def recip_erfcx(x):
    """exp(−x²)/erfc x."""
    v = x.v
    if not mp.isfinite(v):
        return x.chain(NAN if mp.isnan(v) else INF if v > 0 else 0, NAN)
    if v < -60:
        return x.chain(gauss_(v) / 2, -v * gauss_(v))
    e = erfcx_(v)
    return x.chain(1 / e, (2 / mp.sqrt(mp.pi) - 2 * v * e) / (e * e))


def sqrt(x):
    if mp.isnan(x.v) or x.v < 0:
        return nothing(x)
    r = x.v if mp.isinf(x.v) else mp.sqrt(x.v)
    return x.chain(r, divide(mpf("0.5"), r))


def absolute(x):
    return x.chain(abs(x.v), mp.sign(x.v) if x.v == x.v else NAN)


def log_cosh(x):
    v = x.v
    if not mp.isfinite(v):
        return x.chain(abs(v), mp.sign(v) if v == v else NAN)
    return x.chain(abs(v) + log_((1 + exp_(-2 * abs(v))) / 2), tanh_(v))


def tanh_(v):
    return v if v == 0 or mp.isnan(v) else mp.sign(v) * (1 - exp_(-2 * abs(v))) / (1 + exp_(-2 * abs(v)))


def sech2_(v):
    e = exp_(-2 * abs(v))
    return 4 * e / (1 + e) ** 2


def tanh(x):
    return x.chain(tanh_(x.v), sech2_(x.v))


def sech2(x):
    return x.chain(sech2_(x.v), -2 * tanh_(x.v) * sech2_(x.v))


def sinh(x):
    v = x.v
    e = exp_(abs(v))
    s = v if v == 0 or mp.isnan(v) else mp.sign(v) * (e - divide(mpf(1), e)) / 2
    return x.chain(s, (e + divide(mpf(1), e)) / 2)


def one_minus_cos(x):
    v = x.v
    if not mp.isfinite(v):
        return nothing(x)
    return x.chain(2 * mp.sin(v / 2) ** 2, mp.sin(v))


def hypot(x, y):
    if mp.isinf(x.v) or mp.isinf(y.v):
        return Dual(INF, (NAN for _ in x.g))
    r = mp.sqrt(x.v * x.v + y.v * y.v) if x.v == x.v and y.v == y.v else NAN
    p, q = (mpf(0), mpf(0)) if r == 0 else (x.v / r, y.v / r)
    return Dual(r, (scaled(p, a) + scaled(q, b) for a, b in zip(x.g, y.g)))


def signum(x):
    return x.chain(mp.sign(x.v) if x.v == x.v else NAN, mpf(0))


def only(x, holds, value):
    """`value` where the condition on x holds."""
    return value if holds(x.v) else nothing(x)


# The truths: a name, the function, its witnesses, and at which edges it is asked.

DOUBLE = ["-inf", "-1.7976931348623157e308", "-1", "-5e-324", "-0.0", "0.0", "5e-324", "1", "1.7976931348623157e308", "inf", "nan"]
# The smallest and the largest float32, exactly.
SMALL = repr(2.0**-149)
LARGE = "3.4028234663852886e38"
SINGLE = ["-inf", "-" + LARGE, "-1", "-" + SMALL, "-0.0", "0.0", SMALL, "1", LARGE, "inf", "nan"]
FEW = ["-inf", "-1", "0.0", "1", "inf", "nan"]
UNBOUNDED = ["-inf", "-1", "-5e-324", "-0.0", "0.0", "5e-324", "1", "inf", "nan"]

truths = {}


def truth(name, f, witnesses, edges="all", cost="sum", skip=None, slopes=True):
    """`edges`: "all" products of the edges of both formats, "few", "unbounded" (all but the largest numbers), "vector" or none.

    `skip` says at which of them a formula has no right value to be held to, `slopes` whether its gradient is asked for.
    """
    assert name not in truths, name
    points = edge_points(len(witnesses[0]), edges)
    truths[name] = (f, witnesses, [point for point in points if not skip or not skip(*map(floats, point))], cost, slopes)


def floats(given):
    return [float(x) for x in given] if isinstance(given, list) else float(given)


def edge_points(arity, edges):
    if edges == "none":
        return []
    if edges == "vector":
        return [[list(point)] for point in unique(DOUBLE, 2) + unique(SINGLE, 2)]
    lists = {"all": [DOUBLE, SINGLE], "few": [FEW], "unbounded": [UNBOUNDED]}[edges]
    points = []
    for choices in lists:
        points += [point for point in unique(choices, arity) if point not in points]
    return [list(point) for point in points]


def unique(choices, arity):
    return list(itertools.product(choices, repeat=arity))


def text(v):
    if mp.isnan(v):
        return None
    if abs(v) > HUGE:
        return "inf" if v > 0 else "-inf"
    if v != 0 and abs(v) < TINY:
        return "1e-999" if v > 0 else "-1e-999"
    return "0.0" if v == 0 else mp.nstr(v, 40, strip_zeros=True, min_fixed=-5, max_fixed=17)


def evaluate(f, inputs, cost, has_gradient, is_edge=False):
    """The value and the gradient of the cost, as texts.

    At an edge the gradient is given only at 0 and ±1: elsewhere it may be finite and yet pass through infinities.
    """
    flat = [x for given in inputs for x in (given if isinstance(given, list) else [given])]
    counted = itertools.count()

    def variable(x):
        place = next(counted)
        return Dual(mpf(float(x)), (mpf(int(k == place)) for k in range(len(flat))))

    result = f(*[[variable(x) for x in given] if isinstance(given, list) else variable(given) for given in inputs])
    many = isinstance(result, list)
    results = result if many else [result]
    total = results[0]
    for one in results[1:] if cost == "sum" else []:
        total = total + one
    slopes = iter([text(g) for g in total.g])
    finite = has_gradient and all(mp.isfinite(mpf(x)) for x in flat)
    if is_edge and any(abs(mpf(x)) not in (0, 1) for x in flat):
        finite = False
    gradient = [[next(slopes) for _ in given] if isinstance(given, list) else next(slopes) for given in inputs]
    value = [text(one.v) for one in results] if many else text(result.v)
    return {"inputs": inputs, "value": value, "gradient": gradient if finite else None}


# S: what Theano and PyTensor stabilise.

truth("log_one_plus", log1p, [["1e-20"], ["-1e-10"], ["0.5"], [repr(2.0**-70)]])
# At −1 the order of the additions decides, and each is right.
truth("log_one_plus_sum", lambda x, y: log1p(x + y), [["1e-20", "2e-20"], [repr(2.0**-70), repr(2.0**-71)]], "unbounded", skip=lambda x, y: -1 in (x, y))
truth("log_one_minus", lambda x: log1p(-x), [["1e-20"], ["1e-10"], ["0.5"], [repr(2.0**-70)]])
truth("exp_minus_one", expm1, [["1e-20"], ["1e-10"], [repr(2.0**-60)]])
truth("exp_minus_two", lambda x: exp(x) - 2, [["1e-20"], ["0.5"]])
truth("exp_minus_x", lambda x: exp(x) - x, [["1e-20"], ["0.5"]], "unbounded")
truth("softplus", softplus, [["800"], ["-40"], ["0"]])
truth("log_sigmoid", lambda x: -softplus(-x), [["-800"], ["40"], ["0"]])
truth("log_one_minus_sigmoid", lambda x: -softplus(x), [["40"], ["37"], ["-40"]])
truth("sigmoid_negative", lambda x: sigmoid(-x), [["40"], ["-40"], ["800"]])
truth("sigmoid", sigmoid, [["1000"], ["-100"], ["40"]])
truth("exp_over_two_plus_exp", lambda x: exp(x) / (2 + exp(x)), [["0.5"], ["-40"]], "none")
truth("exp_over_one_minus_exp", lambda x: exp(x) / (1 - exp(x)), [["0.5"], ["-40"]], "none")
truth("exp_plus_one_over_one_plus_exp", lambda x: exp(x + 1) / (1 + exp(x)), [["0.5"], ["-40"]], "none")
truth("three_sigmoid", lambda x: 3 * sigmoid(x), [["1.5"], ["-40"], ["-800"]])
truth("minus_sigmoid_squared", lambda x: -(sigmoid(x) * sigmoid(x)), [["1000"], ["-40"]])
truth("minus_sigmoid", lambda x: -sigmoid(x), [["1000"]])
truth("scaled_sigmoid", lambda x, y: y * sigmoid(x), [["1000", "3"]], "few")
truth("exp", exp, [["40"], ["-40"], ["700"]])
truth("exp_negative", lambda x: exp(-x), [["40"], ["-40"]])
truth("same", lambda x: x, [["40"], ["-40"], ["0.3"]])
truth("same_in_unit", lambda p: only(p, lambda v: 0 <= v <= 1, p), [["0.3"], ["1e-20"], ["0.75"]])
truth("log_1m_exp", log1mexp, [[repr(-(2.0**-55))], ["-500"], ["-1e-20"], ["-0.75"]])
truth("log_sub_exp", logsubexp, [["1000", "999"], ["-inf", "-inf"], ["-1", "-inf"], ["-inf", "-1"], ["-1000", "-1001"]])
truth("log_add_exp", logaddexp, [["1e4", "1e4"], ["-inf", "-inf"], ["inf", "-inf"], ["1000", "999"], ["-1000", "-1001"]])
truth("log_add_exp_3", lambda x, y, z: logsumexp([x, y, z]), [["1e4", "1e4", "9998"], ["-inf", "-inf", "-inf"]], "few")
truth("log_add_exp_4", lambda x, y, z, w: logsumexp([x, y, z, w]), [["1e4", "1e4", "9998", "1e4"], ["-800", "-801", "-802", "-inf"]], "none")
truth("log_sum_exp", logsumexp, [[["-800", "800"]], [["-800", "-805"]], [["1000", "999"]], [["inf", "0"]], [["-inf", "-inf"]]], "vector")
truth("softmax", softmax, [[["1000", "1001"]], [["1000", "999"]], [["-1000", "0"]]], "vector", "first")
truth("softmax_first", lambda x: softmax(x)[0], [[["1000", "999"]], [["-1000", "-1001"]]], "vector")
truth("log_softmax", log_softmax, [[["-10", "-10", "999"]], [["1000", "1001"]]], "vector", "first")
truth("log_softmax_first", lambda x: log_softmax(x)[0], [[["-10", "-10", "999"]], [["1000", "999"]], [["1e30", "2e30", "3e25"]]], "vector")
truth("cross_entropy_first", lambda x: -log_softmax(x)[0], [[["-10", "-10", "999"]], [["40", "0", "0"]]], "none")
truth("one_plus_erf", lambda x: erfc(-x), [["-10"], ["-6"], ["1"]])
truth("one_minus_erf", erfc, [["10"], ["6"], ["-1"]])
truth("erf_minus_one", lambda x: -erfc(x), [["10"], ["6"], ["-1"]])
truth("erf", erf, [["1e-20"], [repr(2.0**-70)], ["1"]])
truth("two_plus_erf", lambda x: 2 + erf(x), [["-10"], ["0.5"]])
truth("two_minus_erf", lambda x: 2 - erf(x), [["10"], ["0.5"]])
truth("log_erfc", log_erfc, [["30"], ["26.65"], ["11"], ["-1"]])
# These are themselves the slope of log erfc; their own slope is a difference of nearly equal numbers.
truth("exp_over_erfc", recip_erfcx, [["30"], ["1"]], slopes=False)
truth("scaled_exp_over_erfc", lambda y, x: y * recip_erfcx(x), [["3", "30"]], "none", slopes=False)
truth("sum", lambda x: x[0] + x[1], [[["400", "400"]], [["-400", "-400"]]], "none")
truth("exp_of_sum", lambda x, y: exp(x + y), [["800", "-800"], ["800", "-799"]], "few")
truth("exp_of_difference", lambda x, y: exp(x - y), [["800", "799"], ["-800", "-799"]], "few")
truth("y_exp_negative", lambda x, y: y * exp(-x), [["-2", "3"], ["2", "3"]], "few")
truth("log_product_of_exp", lambda x, y: x + y, [["800", "5"]], "few")
truth("same_large", lambda x: x, [["1000"], ["-1000"], ["1e-20"]])
truth("one_plus_exp", lambda x: 1 + exp(x), [["1"], ["-40"], ["700"]])
truth("same_not_negative", lambda x: only(x, lambda v: v >= 0, x), [["3e200"], ["1e-20"], ["1000"], ["0"]])
truth("one_plus_same", lambda x: only(x, lambda v: v >= -1, 1 + x), [["1e-20"], ["3e200"], ["-1"]])
truth("same_minus_one", lambda x: only(x, lambda v: v >= 0, x - 1), [["3e200"], ["0"], ["0.75"]])
truth("same_from_minus_one", lambda x: only(x, lambda v: v >= -1, x), [["3e200"], ["-1"], ["1e-20"]])
truth("one_minus_exp_not_positive", lambda x: only(x, lambda v: v <= 0, -expm1(x)), [["-1e-20"], ["-500"], ["-0.75"]])
truth("minus_exp_not_positive", lambda x: only(x, lambda v: v <= 0, -exp(x)), [["-40"], ["-500"], ["-0.75"]])
truth("log_one_plus_not_negative", lambda x: only(x, lambda v: v >= 0, log1p(x)), [["1e-20"], ["3e200"], ["0"]])
truth("log_one_minus_not_negative", lambda x: only(x, lambda v: v >= 0, log1p(-x)), [["1e-20"], ["0.75"], ["0"]])
truth("same_not_positive", lambda x: only(x, lambda v: v <= 0, x), [["-1e-20"], ["-40"], ["-500"]])
truth("absolute", absolute, [["-1e200"], [repr(-(2.0**100))], ["1e-200"], ["0"]])
truth("half_log", lambda x: log(x) * mpf("0.5"), [["1e-20"], ["3"]])
# As written it is −∞ at −∞, which is 1/x = −0; no negative number has a logarithm.
truth("minus_log", lambda x: -log(x), [["1e-310"], ["3"], [repr(2.0**-140)]], skip=lambda x: x == -INF)
# Not log x − log 2: near 2 that difference has no digits.
truth("log_half", lambda x: log(x / 2), [["2"], ["2.000000001"], ["3"]], "none")
truth("log_three_over", lambda x: log(3 / x), [["3"], ["4"], ["1"]], "none")
truth("branch_root", lambda x: x if x.v < 7 else sqrt(x - 7), [["5"], ["11"]])
truth("masked_product", lambda m, a, x: [Dual(2.25, [NAN] * 9), Dual(0, [NAN] * 9), Dual(-INF, [NAN] * 9)], [[["1", "0", "1"], ["1.5", "0", "1"], ["1.5", "-inf", "-inf"]]], "none")
truth("a_plus_bx", lambda a, b, x: a + b * x, [["1", "2", "0"], ["1", "2", "1e-320"]], "few")
truth("ay_plus_bx", lambda a, b, x, y: a * y + b * x, [["1", "2", "0", "3"], ["1", "2", "0", "0"]], "none")
truth("second", lambda x, y: only(x, lambda v: mp.isfinite(v) and v != 0, y + 0 * x), [["1e200", "1e200"], ["1e-200", "1e-200"], [repr(2.0**100), repr(2.0**100)], ["0", "3"]])
truth("recip_second", lambda x, y: only(x, lambda v: mp.isfinite(v) and v != 0, 1 / y + 0 * x), [["1e-300", "1e300"], ["3", "7"], [repr(2.0**-100), repr(2.0**100)]])
truth("sign", signum, [["0"], ["-3"], ["1e-320"]])
truth("two_signs", lambda x: 2 * signum(x), [["0"], ["-3"], ["1e308"]])
truth("mean_log_one_minus_sigmoid", lambda x: sum((-softplus(y) for y in x[1:]), -softplus(x[0])) / len(x), [[["50"]], [["50", "-50"]]], "none")
truth("argmax_last", lambda x: Dual(1, [0] * len(x)), [[["1000", "1001"]]], "none")
truth("argmax_last_tanh", lambda x: Dual(1, [0] * len(x)), [[["20", "30"]]], "none")
truth("argmax_last_sigmoid", lambda x: Dual(1, [0] * len(x)), [[["40", "50"]]], "none")
truth("argmax_last_softplus", lambda x: Dual(1, [0] * len(x)), [[["-1001", "-1000"]]], "none")
truth("argmax_log_of_negative", lambda x: Dual(0, [0] * len(x)), [[["-1", "2"]]], "none")
truth("digamma", lambda x: x.chain(mp.digamma(x.v), mp.psi(1, x.v)), [["2.5"], ["0.75"]], "none")
truth("trigamma", lambda x: x.chain(mp.psi(1, x.v), mp.psi(2, x.v)), [["2.5"], ["0.75"]], "none")

# The tutorial's logistic regression.

truth("binary_cross_entropy", lambda z, y: Dual(0, (0, 0)) + y * softplus(-z) + (1 - y) * softplus(z), [["800", "0"], ["-800", "1"], ["40", "1"], ["0.5", "0.25"]], "none")

# X: what both miss.

truth("one_minus_exp", lambda x: -expm1(x), [["1e-20"], [repr(2.0**-60)]])
truth("exp_plus_y_minus_one", lambda x, y: expm1(x) + y, [["1e-20", "1e-20"], [repr(2.0**-70), repr(2.0**-70)]], "unbounded")
truth("log2_one_plus", lambda x: log1p(x) / mp.log(2), [["1e-20"], ["1e-10"], [repr(2.0**-70)]])
truth("log10_one_plus", lambda x: log1p(x) / mp.log(10), [["1e-20"], ["1e-10"], [repr(2.0**-70)]])
# Beside 0 it is the difference of ln 2 and ln 2.
truth("log_mean_exp", lambda x: logsumexp(x) - mp.log(2), [[["1000", "1000"]], [["1000", "999"]], [["-1000", "-1001"]]], "vector",
      skip=lambda x: any(0 < abs(v) < 1e-30 for v in x))
truth("log_weighted_sum_exp", lambda w, x: logsumexp([log(a) + b for a, b in zip(w, x)]), [[["0.5", "0.5"], ["1000", "1000"]], [["0.25", "0.5"], ["-1000", "-1001"]]], "none")
truth("log_scaled_exp", lambda a, x: log(a) + x, [["2", "1000"], ["3", "-1000"]], "few", skip=lambda a, x: a < 0 and x == -INF)
truth("log_two_plus_two_exp", lambda x: mp.log(2) + softplus(x), [["800"], ["0"]])
truth("share_of_two", lambda x, y: sigmoid(x - y), [["1000", "1000"], ["-1000", "-999"], ["0", "1000"]], "few")
truth("tanh", tanh, [["1000"], ["1e-20"], ["20"], ["-1000"], [repr(2.0**-70)]])
truth("sinh", sinh, [["1e-20"], ["1"], ["-40"], [repr(2.0**-70)]])
truth("log_cosh", log_cosh, [["1000"], ["-1000"], ["1e-10"], ["1"], [repr(2.0**-20)]])
truth("one_minus_cos", one_minus_cos, [["1e-9"], ["1e-20"], [repr(2.0**-20)]])
truth("root_difference", lambda x: 1 / (sqrt(x + 1) + sqrt(x)), [["1e20"], [repr(2.0**80)], ["3"]])
truth("log_difference", lambda x: only(x, lambda v: v > 0, log1p(1 / x)), [["1e20"], [repr(2.0**80)], ["3"]])
truth("hypot", hypot, [["1e200", "1e200"], ["1e-200", "1e-200"], [repr(2.0**100), repr(2.0**100)], ["3", "4"]])
truth("variance", lambda x: (x[0] - x[1]) * (x[0] - x[1]) / 4, [[["1e8", "100000001"]], [["8388608", "8388609"]]], "none")
truth("literal_softplus", lambda x: Dual(800, (0,)), [["1"]], "none")
truth("literal_log_sum", lambda x: Dual(800 + mp.log(2), (0,)), [["1"]], "none")
truth("sech_squared", sech2, [["20"], ["1e-20"], ["-20"]])
truth("norm", lambda x: hypot(x[0], x[1]), [[["0", "0"]], [["1e200", "1e200"]], [["3e-200", "4e-200"]], [["3", "4"]]], "none")
truth("x_minus_log_one_plus", lambda x: x if x.v == INF else x - log1p(x), [["1e-9"], ["1e-20"], [repr(2.0**-40)], ["1"]], "unbounded")

if __name__ == "__main__":
    written = {}
    for name, (f, witnesses, points, cost, slopes) in truths.items():
        print(name, file=sys.stderr)
        written[name] = {
            "cost": cost,
            "witnesses": [evaluate(f, point, cost, slopes) for point in witnesses],
            "edges": [evaluate(f, point, cost, slopes, True) for point in points],
        }
    lines = ",\n".join(f" {json.dumps(name)}: " + "{\n" + ",\n".join(
        f'  "{part}": ' + (json.dumps(content) if part == "cost" else "[\n" + ",\n".join("   " + json.dumps(point) for point in content) + "\n  ]")
        for part, content in entry.items()) + "\n }" for name, entry in written.items())
    print("{\n" + lines + "\n}")
