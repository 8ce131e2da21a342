"""Differential privacy: MST or AIM of dpmm on the codes that privacy.py wrote.

    PEER/bin/python examples/benchmarks/privacy_peers.py build/privacy/codes_3_0.npz --method mst

Runs in an environment of its own (``pip install dpmm``), which needs no synthgan. Fits the method
to the codes with the epsilon and delta of the file, makes as many rows, and writes their codes to
METHOD_EPSILON_SEED.npz beside the file; `privacy.py --peer METHOD` measures them. Prints the CPU
seconds. AIM may take hours where columns have many codes: fewer --iterations of inference a round
(1000) and --megabytes of its model (80) shorten it, --minutes ends the process.

References
----------
McKenna, Miklau and Sheldon (2021), Winning the NIST contest, arXiv 2108.04978 (MST). McKenna et al.
(2022), AIM, arXiv 2201.12677.
"""

import argparse
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd
from dpmm.models.aim import AIMGM
from dpmm.models.mst import MSTGM

METHODS = {"aim": AIMGM, "mst": MSTGM}


def synthesise(method, codes, sizes, epsilon, delta, seed, **more):
    """Return as many rows of codes as there are."""
    names = [f"c{i}" for i in range(len(sizes))]
    domain = {name: int(size) for name, size in zip(names, sizes, strict=True)}
    rng = np.random.RandomState(seed)  # dpmm takes no other generator
    model = METHODS[method](
        epsilon=epsilon, delta=delta, domain=domain, random_state=rng, n_jobs=1, **more
    )
    model.set_domain(domain)
    model.set_random_state(rng)
    model.fit(pd.DataFrame(codes, columns=names).astype(int))
    return model.generate(n_records=len(codes))[names].to_numpy()


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("codes", type=Path, help="codes_EPSILON_SEED.npz")
    parser.add_argument("--method", choices=METHODS, default="mst")
    parser.add_argument("--iterations", type=int, default=1000, help="of AIM")
    parser.add_argument("--megabytes", type=float, default=80, help="of AIM's model")
    parser.add_argument("--minutes", type=int, help="of wall time (default: no limit)")
    options = parser.parse_args()
    if not options.codes.name.startswith("codes_"):
        parser.error(f"{options.codes.name!r} is no file of privacy.py; give codes_*.npz.")
    if options.minutes:
        signal.alarm(60 * options.minutes)
    name = options.codes.stem.removeprefix("codes_")
    with np.load(options.codes) as file:
        codes, sizes = file["codes"], file["sizes"]
        epsilon, delta = float(file["epsilon"]), float(file["delta"])
    seed = int(name.rpartition("_")[2])
    more = {}
    if options.method == "aim":
        more = {"n_iters": options.iterations, "max_model_size": options.megabytes}
    begun = time.process_time()
    made = synthesise(options.method, codes, sizes, epsilon, delta, seed, **more)
    cpu_s = time.process_time() - begun
    np.savez_compressed(options.codes.with_name(f"{options.method}_{name}.npz"), codes=made)
    print(f"{options.method} {name}: epsilon left {epsilon:.3g}, {cpu_s:.1f} CPU seconds")


if __name__ == "__main__":
    main()
