"""Membership by shadow models (LiRA): what an attacker gains who can train the recipe anew.

usage: lira.py TABLE.csv [--rows 100] [--models 12] [--fakes 8000] [--seed 0] [--max-steps N]

Each model learns half of 2 x ROWS rows, drawn anew. In turn each is the target and the others are
shadows: of a row, the statistic (how dense the fakes of a model are there) under models that learnt
it, and under models that did not, are two normal distributions, and the likelihood ratio of the
target's own statistic is the score. Prints the AUC, and the true positive rate at false positive
rates of 1 % and 10 %. Carlini et al. (2022), Membership inference attacks from first principles,
arXiv 2112.03570 (the online attack; one variance for all rows, as there are few shadows).
"""

import argparse

import numpy as np
import pandas as pd
from scipy.stats import norm

from synthgan import TabularGANSynthesizer
from synthgan.metrics.points import auc
from synthgan.metrics.space import Space, nearest
from synthgan.metrics.tables import encode

NEIGHBOURS = (1, 2, 5, 10, 20, 50)


def halves(n_rows, n_models, rng):
    """Who is in: every row is learnt by half of the models; (n_models, n_rows) of bool."""
    turns = np.argsort(rng.random((n_models, n_rows)), axis=0)
    return turns < n_models // 2


def densities(rows, fakes, rest):
    """Mean logarithm of the distances from each row to its nearest fakes, negative."""
    (ours, theirs, known), is_level = encode(rows, fakes, rest)
    space = Space.fit(known, is_level)
    points = [space.points(x).astype(float) for x in (ours, theirs)]
    near = nearest(*points, max(NEIGHBOURS))[0][:, np.array(NEIGHBOURS) - 1]
    return -np.log(near + 1e-6).mean(axis=1)


def likelihood_ratios(values, is_in):
    """Score of each row under each model, by all other models; (n_models, n_rows)."""
    scores = np.empty_like(values)
    for target in range(len(values)):
        shadows, inside = np.delete(values, target, 0), np.delete(is_in, target, 0)
        means = [np.where(side, shadows, 0).sum(0) / np.maximum(side.sum(0), 1)
                 for side in (inside, ~inside)]  # fmt: skip
        left = shadows - np.where(inside, means[0], means[1])
        spread = left.std() or 1.0
        first, second = (norm.logpdf(values[target], mean, spread) for mean in means)
        scores[target] = first - second
    return scores


def rate_at(scores, is_in, false_rate):
    """True positive rate where so many non-members are taken for members."""
    limit = np.quantile(scores[~is_in], 1 - false_rate)
    return float((scores[is_in] > limit).mean())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table")
    parser.add_argument("--rows", type=int, default=100, help="that each model learns (about)")
    parser.add_argument("--models", type=int, default=12, help="targets and shadows, 4 or more")
    parser.add_argument("--fakes", type=int, default=8000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--max-steps", type=int, default=None)
    given = parser.parse_args()
    if given.models < 4:
        parser.error("--models: give 4 or more")
    table = pd.read_csv(given.table).sample(frac=1, random_state=given.seed)
    rows, rest = table[: 2 * given.rows], table[2 * given.rows :]
    is_in = halves(len(rows), given.models, np.random.default_rng(given.seed))
    values = np.empty(is_in.shape)
    for i, inside in enumerate(is_in):
        model = TabularGANSynthesizer(max_steps=given.max_steps, random_state=given.seed + i)
        fakes = model.fit(rows[inside]).sample(given.fakes, random_state=given.seed)
        values[i] = densities(rows, fakes, rest)
        print(f"model {i + 1} of {given.models}", flush=True)
    # A row is hard to tell where it lies: each is compared with itself under other models.
    scores = likelihood_ratios(values, is_in)
    plain = auc(values[is_in], values[~is_in])
    told = auc(scores[is_in], scores[~is_in])
    print(f"{'density of fakes alone':28} AUC {plain:.3f}")
    rates = ", ".join(f"TPR {rate_at(scores, is_in, x):.3f} at FPR {x:g}" for x in (0.01, 0.1))
    print(f"{'LiRA':28} AUC {told:.3f}, {rates}")


if __name__ == "__main__":
    main()
