"""How long a call takes: the same way as benches/src/measure.rs."""

import os
import time

import numpy as np

BATCH, WARM_UP, PATIENCE = 20e-6, 0.1, 8.0
TICKS = os.sysconf("SC_CLK_TCK")
now = time.perf_counter


def busy():
    """Processor seconds of all programs and of this one."""
    with open("/proc/stat") as file:
        numbers = [int(word) for word in file.readline().split()[1:]]
    return sum(numbers[place] for place in (0, 1, 2, 5, 6, 7)) / TICKS, sum(os.times()[:4])


def checksum(results):
    """The sum of the magnitudes of everything in arrays, lists and tuples."""
    if isinstance(results, (list, tuple)):
        return sum(checksum(result) for result in results)
    return float(np.abs(np.asarray(results, dtype=np.float64)).sum())


def timed(call):
    start = now()
    results = call()
    return now() - start, results


def line(start, end, load, times, checks):
    (all_before, own_before), (all_after, own_after) = load
    foreign = max(0.0, ((all_after - all_before) - (own_after - own_before)) / max(end - start, 1e-9))
    median, fastest, low, high = (1e6 * float(np.quantile(times, share)) for share in (0.5, 0.0, 0.25, 0.75))
    return "%.3f %.3f %.3f %.3f %d %.3f %.6e %.6e" % (median, fastest, low, high, len(times), foreign, *checks)


def measure(call, least):
    """Calls it for at least so many seconds; its numbers as one line."""
    first, results = timed(call)
    first_check = checksum(results)
    timed(call)
    estimate, results = timed(call)
    checks = first_check, checksum(results)
    start = now()
    while max(first, estimate) < 1.0 and now() - start < WARM_UP:
        estimate, results = timed(call)
    batch = range(max(1, int(BATCH / max(estimate, 1e-8))))
    before, start, times = busy(), now(), []
    while now() - start < least or len(times) < 7:
        begin = now()
        for _ in batch:
            results = call()
        times.append((now() - begin) / len(batch))
        if now() - start > PATIENCE and len(times) >= 5:
            break
    return line(start, now(), (before, busy()), times, checks)


def measure_once(build):
    """From nothing to the first result of what `build` gives."""
    before, start = busy(), now()
    results = build()()
    end = now()
    check = checksum(results)
    return line(start, end, (before, busy()), [end - start], (check, check))
