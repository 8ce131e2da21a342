"""Every public measure: a signature, a full docstring, a name by which it is pickled."""

import importlib
import inspect
import re
from functools import partial

import numpy as np
import pandas as pd
import pytest

from synthgan import metrics
from synthgan.exceptions import DataError
from synthgan.metrics import images, relational, signals
from synthgan.metrics.compared_sets import ComparedSets, Part

MEASURES = {
    name: getattr(home, name)
    for home in (metrics, signals, images, relational)
    for name in home.__all__
    if inspect.isfunction(getattr(home, name))
    and "holdout" in inspect.signature(getattr(home, name)).parameters
    and name not in ("read_images", "read_sets")
}
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 255, (30, 8, 8))
WINDOWS = RNG.normal(size=(30, 250))
TABLE = pd.DataFrame({"x": RNG.normal(size=30), "y": RNG.choice(["a", "b"], 30)})

every = pytest.mark.parametrize("name", sorted(MEASURES))


def sections(doc):
    """Text of each section of a numpydoc docstring."""
    parts = re.split(r"^([A-Z]\w+)\n-+$", doc, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@every
def test_docstring_names_each_parameter(name):
    doc = MEASURES[name].__doc__
    found = sections(inspect.cleandoc(doc))
    named = re.findall(r"^(\w[\w, ]*?)(?: : .*)?$", found["Parameters"], flags=re.M)
    documented = [one for line in named for one in line.split(", ")]
    assert sorted(documented) == sorted(inspect.signature(MEASURES[name]).parameters)
    assert "score : Score" in found["Returns"]
    assert re.match(r"[A-Z][^\n]+\.\n\n", doc)
    assert not re.search(r"\{\w+\}", doc)
    assert max(map(len, doc.splitlines())) <= 100


@every
def test_is_found_where_pickle_looks(name):
    measure = MEASURES[name]
    assert getattr(importlib.import_module(measure.__module__), measure.__qualname__) is measure
    assert measure.__name__ == measure.__qualname__ == name


@every
def test_wrong_arguments_are_refused_by_name(name):
    with pytest.raises(TypeError, match=rf"^{name}\(\) .*unexpected keyword argument 'nothing'"):
        MEASURES[name](TABLE, TABLE, nothing=1)


def test_floor_and_ceiling_compare_like_the_value():
    """The engine compares all three with the real set, with generators of the same seed."""
    seen = []

    def compare(real, other, rng):
        seen.append((real.copy(), other.copy(), int(rng.integers(1000))))
        return Part(float(other.mean()), pd.DataFrame({"value": [0.0]}))

    sets = {"real": np.arange(6.0)[:, None], "fake": np.ones((9, 1)), "holdout": np.full((7, 1), 2)}
    compared = ComparedSets(sets, lambda x, rng: x + 1, "windows", ("Read.",))
    score = compared.compare("test", compare, 0, most=8)
    assert (score.value, score.ceiling, score.floor) == (1.0, 2.0, 3.0)
    assert score.note == "Read. Drawn at random: 8 of 9 fake windows."
    assert len({draw for *_, draw in seen}) == 1
    assert all(np.array_equal(real, seen[0][0]) for real, *_ in seen)
    assert [len(other) for _, other, _ in seen] == [8, 7, 7]
    alone = {name: x for name, x in sets.items() if name != "holdout"}
    score = ComparedSets(alone, lambda x, rng: x + 1, "windows").compare("test", compare, 0, most=8)
    assert (score.ceiling, score.floor) == (None, 3.5)


def test_persons_go_with_their_rows():
    seen = []

    def compare(real, other, rng, *people):
        seen.append([one.tolist() for one in people])
        return Part(0.0, pd.DataFrame({"value": [0.0]}))

    sets = {name: pd.DataFrame({"x": range(4)}) for name in ("real", "fake", "holdout")}
    people = {name: 10 * np.arange(4) + i for i, name in enumerate(sets)}
    compared = ComparedSets(sets, lambda x, rng: x, "rows", people=people)
    compared.compare("test", compare, 0, most=4)
    real = people["real"].tolist()
    assert seen == [[real, people["fake"].tolist()], [real, people["holdout"].tolist()],
                    [real, [-1, -2, -3, -4]]]  # fmt: skip


@pytest.mark.parametrize("prefix", ["image", "signal"])
def test_privacy_measures_of_both_kinds_say_the_same(prefix):
    """They are made from one statement: only the words of the kind differ."""
    words = {"image": "image", "signal": "window"}
    for name in ("exact_copies", "near_copies", "closest_record", "neighbour_ratio",
                 "membership_inference", "reidentification"):  # fmt: skip
        docs = [
            sections(MEASURES[f"{one}_{name}"].__doc__)["Returns"].replace(word, "record")
            for one, word in words.items()
        ]
        assert docs[0] == docs[1]
        assert {"image": "window", "signal": "image"}[prefix] not in sections(
            MEASURES[f"{prefix}_{name}"].__doc__
        )["Returns"]


@pytest.mark.parametrize("fake", [False, True])
def test_a_set_is_needed(fake):
    name = "fake" if fake else "real"
    for measure, x, what in (
        (metrics.precision, TABLE, "table"),
        (partial(signals.spectrum, fs_hz=250), WINDOWS, "set of windows"),
        (images.pixel_statistics, IMAGES, "set of images"),
        (metrics.image_near_copies, IMAGES, "set of images"),
    ):
        with pytest.raises(DataError, match=f"the {name} {what} is None; give a DataFrame or an"):
            measure(*((x, None) if fake else (None, x)))


def test_an_option_is_needed_or_unknown():
    with pytest.raises(TypeError, match="fs_hz"):
        signals.spectrum(WINDOWS, WINDOWS)
    with pytest.raises(TypeError, match="quantile"):
        metrics.image_exact_copies(IMAGES, IMAGES, quantile=0.1)
