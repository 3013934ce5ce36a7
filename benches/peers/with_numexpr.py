"""numexpr: formulas element by element and a few sums."""

import numexpr
import numpy as np

import data

TEXTS = {"elemwise1": "a + a**10", "elemwise2": "a**2 + b**2 + 2*a*b", "elemwise3": "2*a + 3*b", "elemwise4": "2*a + b**10",
         "elemwise5": "sin(a)**2 + cos(b)**2", "elemwise6": "tanh(a*b + 1)*exp(-a)", "reduce_sumab": "sum(a*b)",
         "reduce_rows": "sum(a, axis=1)", "reduce_cols": "sum(a, axis=0)", "dispatch": "a + 1"}


class Peer:
    def __init__(self, options):
        self.dtype = options.dtype
        numexpr.set_num_threads(options.threads)

    def version(self):
        return "numexpr %s%s" % (numexpr.__version__, "" if numexpr.use_vml else " (without VML)")

    def first_result(self, case):
        return None

    def prepare(self, case, size):
        text = TEXTS.get(case.removesuffix("_out"))
        if text is None or (case, size) == ("dispatch", "100"):
            return None
        arrays = dict(zip("ab", data.arrays(case, size, self.dtype)))
        if case.endswith("_out"):
            out = np.empty_like(arrays["a"])
            return lambda: numexpr.evaluate(text, local_dict=arrays, out=out)
        numexpr.evaluate(text, local_dict=arrays)      # compiles; this is what is repeated
        return lambda: numexpr.re_evaluate(local_dict=arrays)
