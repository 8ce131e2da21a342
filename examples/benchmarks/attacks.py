"""Attack models as a careful adversary would: with samples, and with the whole archive in hand.

    python examples/benchmarks/attacks.py [--data FOLDER] [--only NAME ...] [--seeds N]

Prints a line for each attack: what it found, and what finding nothing looks like. Real tables are
read from ``--data`` (tabular/NAME.csv); what is absent is skipped. Everything is seeded.

- archive: membership inference on Adult (1500 training rows), thyroid (1800) and California (1500).
  The attack on samples has 20 000 synthetic rows and reference rows of the same population
  (`synthgan.metrics.membership_inference`). The attacks on the archive ask its trees how real a row
  looks (mean over 8 draws of the free part of its cells), and add the ranks of both.
- people: 100 patients with six visits each; how many of their names and numbers are in the file.
- outlier: one income of 98 765 432.10 among 999 near 22 000; how near to it the file comes.
- edges: 1001 rows of random numbers; how many edges of the critic's bins are a value of a row.
- formats: decimals, resolution, gaps and metadata of one row; how many of them the file tells.
- seed: whether the file holds it.
"""

import argparse
import tempfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors.numpy import load
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

import synthgan
from synthgan import FCN, TabularGANSynthesizer
from synthgan.metrics import membership_inference
from synthgan.synthesizers.training_set import dither

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
TABLES = {"adult": 1500, "thyroid": 1800, "california_housing": 1500}
SYNTHETIC_ROWS, DRAWS = 20_000, 8
QUICK = {"network": FCN(width=16, depth=1), "max_steps": 60, "random_state": 918_273_645}


def contents(model):
    """Return all text and all arrays of a model's file."""
    text, arrays = "", {}
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "m")
        with zipfile.ZipFile(Path(folder) / "m") as archive:
            for name in archive.namelist():
                raw = archive.read(name)
                if name.endswith(".json"):
                    text += raw.decode()
                else:
                    arrays.update(load(raw))
    return text, arrays


def reload(model):
    """Return what someone has who was given the file."""
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "m")
        return synthgan.load(Path(folder) / "m")


def known_rows(rows, train):
    """Return the rows whose labels, and gaps, the training rows have, too."""
    good = np.ones(len(rows), dtype=bool)
    for name in rows:
        gaps = rows[name].isna()
        if not pd.api.types.is_numeric_dtype(rows[name]):
            good &= (rows[name].isin(train[name]) | gaps).to_numpy()
        if train[name].notna().all():
            good &= ~gaps.to_numpy()
    return rows[good]


def logits(model, rows):
    """Ask the trees of an archive how real rows look."""
    if model.critic_ is None or not len(model.critic_.trees):
        return np.zeros(len(rows))
    read = model.constraints_.apply(model.forms_.read(rows))
    grids, half_widths = model.encoder_.encode_cells(read, warn=False)
    rng = np.random.default_rng(0)
    draws = (dither(grids, half_widths, model.cell_groups_, rng) for _ in range(DRAWS))
    known = np.zeros((len(rows), model.critic_.n_known))
    return np.mean([model.critic_.logits(model._features(x), known) for x in draws], axis=0)


def attack_archive(data, seeds):
    for name, n_rows in TABLES.items():
        path = data / "tabular" / f"{name}.csv"
        if not path.exists():
            print(f"archive: {name} is skipped, as {path} is absent.")
            continue
        table = pd.read_csv(path, skipinitialspace=True, na_values=["?"])
        for seed in range(seeds):
            rows = table.sample(frac=1, random_state=seed).reset_index(drop=True)
            train, others = rows[:n_rows], known_rows(rows[n_rows:], rows[:n_rows])[: 2 * n_rows]
            model = reload(TabularGANSynthesizer(random_state=seed).fit(train))
            fake = model.sample(SYNTHETIC_ROWS, random_state=seed)
            samples = membership_inference(train, fake, holdout=others, random_state=0)
            trees = np.concatenate([logits(model, x) for x in (train, others)])
            nearest = nearest_scores(train, others, fake)
            is_member = np.repeat([1, 0], [len(train), len(others)])
            arms = samples.detail["value"]
            best = max(arms["both"], arms["neighbours"], arms["trees"])
            both = rankdata(trees) + rankdata(nearest)
            print(
                f"archive: {name} {n_rows} rows, seed {seed}: attack on samples {best:.3f} "
                f"({samples.interval[0]:.3f} to {samples.interval[1]:.3f}); on the archive: "
                f"trees {roc_auc_score(is_member, trees):.3f}, trees and nearest synthetic rows "
                f"{roc_auc_score(is_member, both):.3f}",
                flush=True,
            )


def nearest_scores(train, others, fake):
    """Score rows by how near the nearest synthetic rows are."""
    from synthgan.metrics.space import Space, nearest
    from synthgan.metrics.tables import encode

    arrays, is_level = encode(fake, train, others)
    space = Space.fit(arrays[0], is_level)
    points = [space.points(x).astype(np.float64) for x in arrays]
    return np.concatenate(
        [-np.log(nearest(x, points[0], 10)[0] + 1e-3).mean(1) for x in points[1:]]
    )


def attack_people():
    rng = np.random.default_rng(1)
    of = np.repeat(np.arange(100), 6)
    table = pd.DataFrame(
        {
            "patient": [f"Person {i * 7919 % 100_003}" for i in of],
            "ssn": [f"{i * 1_299_709 % 10**9:09d}" for i in of],
            "hiv": (np.arange(100) % 10 == 0)[of],
            "glucose": rng.normal(100, 10, len(of)).round(1),
        }
    )
    text, _ = contents(TabularGANSynthesizer(**QUICK).fit(table))
    for name in ("patient", "ssn"):
        found = sum(f'"{value}"' in text for value in table[name].unique())
        print(f"people: {found} of 100 values of {name!r} are in the file (0: none)")


def attack_outlier():
    rng = np.random.default_rng(0)
    income = np.append(rng.normal(22_000, 3000, 999).round(2), 98_765_432.10)
    model = TabularGANSynthesizer(**QUICK).fit(pd.DataFrame({"income": income}))
    _, arrays = contents(model)
    stored = np.concatenate([np.ravel(a) for a in arrays.values() if a.dtype == np.float64])
    # Of a mean of five, of which four are known.
    top = np.sort(income)[-5:-1].sum()
    guesses = np.concatenate([stored, 5 * stored - top])
    error = np.abs(guesses / income[-1] - 1).min()
    fake = model.sample(3000, random_state=0)["income"]
    print(
        f"outlier: told to a relative error of {error:.2g}; the largest of 3000 synthetic incomes "
        f"is {fake.max():.0f} (others: up to {np.sort(income)[-2]:.0f})"
    )


def attack_edges():
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(1001, 3)), columns=list("abc"))
    model = TabularGANSynthesizer(**QUICK).fit(table)
    cells = model.encoder_.encode(table, warn=False)
    widths = model.encoder_.encode_cells(table, warn=False)[1]
    real = model._features(cells)
    edges = model.critic_.margins.edges
    reach = 1e-5 if widths is None else widths.max() + 1e-5
    hits = sum(
        int((np.abs(e[:, None] - column).min(axis=1) < min(reach, 1e-5)).sum())
        for e, column in zip(edges, real.T, strict=False)
    )
    print(f"edges: {hits} of {sum(map(len, edges))} edges of bins are a value of a row (0: none)")


def attack_formats():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "decimals": rng.normal(50, 9, 300).round(1),
            "gap": rng.normal(size=300).round(2),
            "day": pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 99, 300), unit="D"),
        }
    )
    table.loc[0, "decimals"], table.loc[1, "gap"] = 50.12345, np.nan
    table.loc[2, "day"] += pd.Timedelta("13:37:11")
    table.attrs["note"] = "planted secret"
    model = TabularGANSynthesizer(**QUICK).fit(table)
    columns = {column.name: column for column in model.encoder_.schema_}
    ticks = pd.Timedelta(1, unit=np.datetime_data(table["day"].dtype)[0])
    told = {
        "decimals": columns["decimals"].decimals > 1,
        "resolution": columns["day"].resolution * ticks < pd.Timedelta("1D"),
        "a gap": columns["gap"].missing > 0,
    }
    try:
        import pyarrow as pa
    except ImportError:
        pass
    else:
        text, _ = contents(TabularGANSynthesizer(**QUICK).fit(pa.Table.from_pandas(table)))
        told["metadata"] = "planted secret" in text
    print(f"formats: of one row the file tells {[k for k, v in told.items() if v]} ([]: nothing)")


def attack_seed():
    table = pd.DataFrame({"x": np.random.default_rng(0).normal(size=100)})
    text, _ = contents(TabularGANSynthesizer(**QUICK).fit(table))
    print(f"seed: in the file: {str(QUICK['random_state']) in text} (False: no)")


ATTACKS = {
    "people": attack_people,
    "outlier": attack_outlier,
    "edges": attack_edges,
    "formats": attack_formats,
    "seed": attack_seed,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--only", nargs="+", choices=["archive", *ATTACKS])
    parser.add_argument("--seeds", type=int, default=1, help="of the archive attack")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    chosen = options.only or ["archive", *ATTACKS]
    for name, attack in ATTACKS.items():
        if name in chosen:
            attack()
    if "archive" in chosen:
        attack_archive(options.data, options.seeds)


if __name__ == "__main__":
    main()
