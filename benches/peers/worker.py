#!/usr/bin/env python3
"""Measures one peer as `side_by_side` asks: prints `ready` and its version, then answers each line `CASE SIZE` by one line.

The answer is a measurement, `none`, or `failed` and why. `python worker.py --help` for the options.
"""

import argparse
import importlib
import os
import sys
import tempfile

MODULES = {"numpy": "with_numpy", "numexpr": "with_numexpr", "jax": "with_jax", "torch": "with_torch", "torch-compile": "with_torch",
           "pytensor": "with_pytensor", "pytensor-c": "with_pytensor"}
POOLS = ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "NUMBA", "VECLIB_MAXIMUM")


def read_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", required=True, choices=MODULES)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--dtype", default="float32", choices=["float32", "float64"])
    parser.add_argument("--min-time", type=float, default=0.5)
    parser.add_argument("--cold", action="store_true", help="use nothing that an earlier run left on the disk")
    return parser.parse_args()


def prepare_environment(options):
    """Threads and folders, before any library is imported. Which processors it may use is inherited."""
    threads = str(options.threads)
    for pool in POOLS:
        os.environ[pool + "_NUM_THREADS"] = threads
    os.environ["NUMEXPR_MAX_THREADS"] = os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = threads
    os.environ["MKL_DYNAMIC"] = os.environ["OMP_DYNAMIC"] = "FALSE"
    os.environ["JAX_PLATFORMS"], os.environ["CUDA_VISIBLE_DEVICES"] = "cpu", ""
    if options.threads == 1 and options.peer == "jax":
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    cache = os.environ.get("PEERS_CACHE", os.path.join(tempfile.gettempdir(), "damo-peers"))
    folder = "%s/%s-%s" % (cache, options.peer, "cold-%d" % os.getpid() if options.cold else threads)
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = folder
    if options.cold:
        os.environ["TORCHINDUCTOR_FORCE_DISABLE_CACHES"] = "1"
    flags = "floatX=%s,base_compiledir=%s" % (options.dtype, folder)
    if options.peer == "pytensor-c":
        flags += ",linker=cvm,gcc__cxxflags='-O3 -march=native'" + (",openmp=True" if options.threads > 1 else "")
        os.environ["MKL_THREADING_LAYER"] = "GNU"
    os.environ["PYTENSOR_FLAGS"] = flags


def one_line(error):
    return " ".join(repr(error).split())[:300]


def main():
    options = read_options()
    prepare_environment(options)
    # Whatever the libraries print goes elsewhere: the answers have the standard output for themselves.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    try:
        peer = importlib.import_module(MODULES[options.peer]).Peer(options)
    except Exception as error:
        print("unavailable", one_line(error), file=answers)
        return 1
    print("ready", peer.version(), file=answers)

    from measure import measure, measure_once
    kept, call = None, None
    for request in sys.stdin:
        case, size = request.split()
        try:
            if case.startswith("compile_"):
                # The data are made before the clock starts.
                build = peer.first_result(case)
                numbers = None if build is None else measure_once(build)
            else:
                if kept != (case, size):
                    call = None
                    call, kept = peer.prepare(case, size), (case, size)
                numbers = None if call is None else measure(call, options.min_time)
            answer = "none" if numbers is None else " ".join(
                [options.peer, case, size, options.dtype, str(options.threads), numbers])
        except Exception as error:
            kept, call, answer = None, None, "failed " + one_line(error)
        print(answer, file=answers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
