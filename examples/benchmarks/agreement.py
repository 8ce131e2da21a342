"""Our measures beside those of independent implementations, on the same tables.

usage: agreement.py REAL.csv FAKE.csv [--holdout HOLDOUT.csv] [--target COLUMN] [--rows 2000]

Whatever is installed is compared: sdmetrics (column shapes, pair trends), POT (Wasserstein), prdc
(precision, recall, density, coverage of the same points), anonymeter (attacks; needs a holdout).
"""

import argparse
import warnings

import numpy as np
import pandas as pd

from synthgan import metrics
from synthgan.metrics.space import Space
from synthgan.metrics.tables import encode, is_scaled


def show(name, ours, theirs):
    print(f"{name:44} {ours:8.4f} {theirs:8.4f} {ours - theirs:+8.4f}", flush=True)


def with_sdmetrics(real, fake):
    from sdmetrics.column_pairs import ContingencySimilarity, CorrelationSimilarity
    from sdmetrics.single_column import KSComplement, TVComplement

    scaled = [name for name in real if is_scaled(real[name])]
    ks = [KSComplement.compute(real[name], fake[name]) for name in scaled]
    show("sdmetrics KSComplement", 1 - metrics.kolmogorov_smirnov(real, fake).value, np.mean(ks))
    levels = [name for name in real if name not in scaled]
    tv = [TVComplement.compute(real[name], fake[name]) for name in levels]
    show("sdmetrics TVComplement", 1 - metrics.total_variation(real, fake).value, np.mean(tv))
    ours = metrics.pair_trends(real, fake).detail
    for measure, theirs, kinds, more in (
        ("1 - |difference of rho| / 2", CorrelationSimilarity, scaled, {"coefficient": "Spearman"}),
        ("1 - TV", ContingencySimilarity, levels, {}),
    ):
        same = ours[
            (ours["measure"] == measure) & ours["first"].isin(kinds) & ours["second"].isin(kinds)
        ]
        values = [
            theirs.compute(real[[a, b]], fake[[a, b]], **more)
            for a, b in zip(same["first"], same["second"], strict=True)
        ]
        show(f"sdmetrics {theirs.__name__}", same["value"].mean(), np.mean(values))


def with_ot(real, fake):
    import ot

    for name, ours in metrics.wasserstein(real, fake).detail["distance"].items():
        a, b = (frame[name].dropna().to_numpy(float) for frame in (real, fake))
        show(f"POT wasserstein_1d, {name}", ours, float(ot.wasserstein_1d(a, b)))


def with_prdc(real, fake):
    from prdc import compute_prdc

    (ours, theirs), is_level = encode(real, fake)
    space = Space.fit(ours, is_level)
    points = [space.points(table).astype(float) for table in (ours, theirs)]
    for name, value in compute_prdc(*points, nearest_k=5).items():
        show(f"prdc {name}", getattr(metrics, name)(real, fake).value, value)


def with_anonymeter(real, fake, holdout, target):
    from anonymeter.evaluators import InferenceEvaluator, LinkabilityEvaluator, SinglingOutEvaluator

    def risks(evaluator, **words):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            evaluator.evaluate(**words)
            return evaluator.risk(confidence_level=0.95)

    tables = real, fake, holdout
    for mode in ("univariate", "multivariate"):
        ours = metrics.singling_out(real, fake, holdout=holdout, mode=mode, random_state=0)
        theirs = risks(SinglingOutEvaluator(*tables[:2], control=holdout, n_attacks=500), mode=mode)
        show(f"anonymeter singling out, {mode}", ours.value, theirs.value)
    columns = list(real.columns)
    split = columns[::2], columns[1::2]
    ours = metrics.linkability(real, fake, holdout=holdout, columns=split, random_state=0)
    theirs = risks(
        LinkabilityEvaluator(
            *tables[:2], control=holdout, aux_cols=split, n_attacks=1000, n_neighbors=1
        )
    )
    show("anonymeter linkability", ours.value, theirs.value)
    secret = target or columns[-1]
    others = [name for name in columns if name != secret]
    ours = metrics.attribute_inference(real, fake, holdout=holdout, secret=secret, random_state=0)
    theirs = risks(
        InferenceEvaluator(
            *tables[:2], control=holdout, aux_cols=others, secret=secret, n_attacks=1000
        )
    )
    show(f"anonymeter inference of {secret}", ours.value, theirs.value)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("real")
    parser.add_argument("fake")
    parser.add_argument("--holdout")
    parser.add_argument("--target")
    parser.add_argument("--rows", type=int, default=2000)
    given = parser.parse_args()
    paths = [path for path in (given.real, given.fake, given.holdout) if path]
    tables = [pd.read_csv(path) for path in paths]
    tables = [table.sample(min(given.rows, len(table)), random_state=0) for table in tables]
    real, fake, *rest = (table.reset_index(drop=True) for table in tables)
    print(f"{'':44} {'ours':>8} {'theirs':>8}")
    for compare in (with_sdmetrics, with_ot, with_prdc):
        try:
            compare(real, fake)
        except ImportError as error:
            print(f"left out: {error}")
    if rest:
        try:
            with_anonymeter(real, fake, rest[0], given.target)
        except ImportError as error:
            print(f"left out: {error}")


if __name__ == "__main__":
    main()
