"""Privacy of windows and images, by what was planted."""

import inspect
import math
from functools import partial

import numpy as np
import pytest
from sklearn.datasets import load_digits

from synthgan import metrics
from synthgan.exceptions import DataError, ParameterError
from synthgan.metrics import signals

pytestmark = pytest.mark.usefixtures("few_trees")

FS_HZ = 100.0
NAMES = ["closest_record", "exact_copies", "membership_inference", "near_copies",
         "neighbour_ratio", "reidentification"]  # fmt: skip
MEASURES = {
    "signal": {
        name: partial(getattr(signals, f"signal_{name}"), fs_hz=FS_HZ, random_state=0)
        for name in NAMES
    },
    "image": {name: partial(getattr(metrics, f"image_{name}"), random_state=0) for name in NAMES},
}
by_kind = pytest.mark.parametrize("kind", ["signal", "image"])
by_name = pytest.mark.parametrize("name", NAMES)


def windows(n_people, seed, n_each=4):
    """Persons differ in rate and shape; their windows in phase and noise."""
    rng = np.random.default_rng(seed)
    t_s = np.arange(200) / FS_HZ
    parts = []
    for _ in range(n_people):
        rate_hz, width_s, height = rng.uniform(1, 3), rng.uniform(0.02, 0.1), rng.uniform(0.5, 2)
        phase = rng.uniform(0, 1, (n_each, 1))
        turn = (t_s * rate_hz + phase) % 1 - 0.5
        parts.append(height * np.exp(-((turn / rate_hz / width_s) ** 2)))
    x = np.concatenate(parts)
    return x + 0.01 * rng.normal(size=x.shape)


def pictures(n_people, seed, n_each=4):
    """A person is a handwritten digit; their images are it with noise."""
    digits = load_digits().images * 15.9
    order = np.random.default_rng(0).permutation(len(digits))  # writers stand together
    some = order[200 * seed : 200 * seed + n_people]
    base = digits[some].repeat(n_each, axis=0)
    rng = np.random.default_rng(seed)
    return np.clip(base + 4 * rng.normal(size=base.shape), 0, 255)


MAKE = {"signal": windows, "image": pictures}
N, EACH = 36, 4


@pytest.fixture(scope="module", params=["signal", "image"])
def people(request):
    """Kind, windows or images learnt, held out, fresh; and whose the first two are."""
    sets = [MAKE[request.param](N, seed) for seed in range(3)]
    names = [np.repeat(np.arange(N) + N * i, EACH) for i in range(2)]
    return request.param, *sets, *names


def run(people, name, fake, **more):
    kind, real, holdout, _, groups, others = people
    known = {"holdout": holdout, "groups": groups, "holdout_groups": others, **more}
    return MEASURES[kind][name](real, fake, **known)


def is_leak(score):
    if score.higher_is_better:
        return score.interval[1] < score.detail.loc["holdout", "low"]
    reference = score.ceiling
    if "holdout" in score.detail.index and "high" in score.detail:
        reference = score.detail.loc["holdout", "high"]
    return score.interval[0] > reference


@by_name
def test_copies_are_a_leak_and_other_people_are_not(people, name):
    _, real, _, fresh, *_ = people
    copied = run(people, name, real)
    assert is_leak(copied)
    assert copied.value < 0.05 if copied.higher_is_better else copied.value > 0.9
    safe = run(people, name, fresh)
    assert not is_leak(safe)
    assert safe.floor is not None
    assert safe.ceiling is not None


@by_name
def test_without_shapes_nothing_leaks(people, name):
    kind, real, *_ = people
    turn = signals.phase_randomised if kind == "signal" else metrics.images.phase_randomised_images
    apart = turn(real, np.random.default_rng(1))
    if kind == "image":
        apart = np.clip(apart, 0, 255)
    if name in ("membership_inference", "closest_record") and kind == "signal":
        pytest.skip("the spectrum of a window is kept, and is that of a person who was learnt")
    assert not is_leak(run(people, name, apart))


@by_name
def test_no_verdict_without_a_holdout(people, name):
    _, real, *_ = people
    score = run(people, name, real, holdout=None, holdout_groups=None)
    assert "Without a holdout the value cannot be judged." in score.note
    assert score.ceiling is None
    assert math.isnan(score.value) == (
        name in ("closest_record", "membership_inference", "reidentification")
    )


@by_name
def test_the_same_in_another_order(people, name):
    kind, real, holdout, fresh, groups, others = people
    fake = np.concatenate([real[:40], fresh[:80]])
    score = run(people, name, fake)
    turn = np.random.default_rng(0).permutation(len(real))
    moved = MEASURES[kind][name](
        real[turn], fake[::-1], holdout=holdout[turn],
        groups=groups[turn], holdout_groups=others[turn],
    )  # fmt: skip
    assert moved.value == pytest.approx(score.value, abs=1e-3)


def test_a_generator_near_half_of_the_images_is_seen():
    """Digits of a generator that overfits: noise round 60 that it learnt, among others."""
    digits = load_digits().images * 15.9
    order = np.random.default_rng(0).permutation(len(digits))
    real, holdout, rest = np.split(digits[order], [60, 360])
    rng = np.random.default_rng(1)
    near = real[rng.integers(60, size=1500)]
    fake = np.concatenate([near, rest[rng.integers(len(rest), size=1500)]])
    fake = np.clip(fake + 40 * rng.normal(size=fake.shape), 0, 255)
    score = metrics.image_membership_inference(real, fake, holdout=holdout, random_state=0)
    assert score.interval[0] > 0.7
    assert metrics.image_exact_copies(real, fake, holdout=holdout).value == 0


def test_fakes_of_one_person_are_found(people):
    kind, real, _, fresh, groups, _ = people
    rng = np.random.default_rng(0)
    noise = (0.01 if kind == "signal" else 4) * rng.normal(size=(40, *real.shape[1:]))
    of_few = np.concatenate([real[:20], real[:20]]) + noise
    of_few = of_few if kind == "signal" else np.clip(of_few, 0, 255)
    score = run(people, "reidentification", np.concatenate([of_few, fresh[:60]]))
    assert score.interval[0] > score.ceiling
    # Fakes that point to five persons are five events.
    assert score.interval[1] - score.interval[0] > 0.3
    assert score.detail.loc["same person", "value"] > 0.2
    # Windows of the same persons that were not learnt say the same as those that were.
    more = MAKE[kind](N, 0, 6)
    unseen = np.tile([False] * EACH + [True] * 2, N)
    if kind == "image":
        again = run(
            (kind, more[~unseen], None, None, groups, None),
            "reidentification",
            of_few,
            holdout=np.concatenate([more[unseen], people[2]]),
            holdout_groups=np.r_[np.repeat(np.arange(N), 2), people[5]],
        )
        assert again.detail.loc["same person", "value"] > 0.5
        assert again.detail.loc["same person", "n_rows"] == 2 * N
        assert "of persons who also have real images" in again.note


@by_kind
def test_nobody_is_reidentified_where_nobody_is_known(kind):
    sets = [MAKE[kind](10, seed) for seed in range(3)]
    score = MEASURES[kind]["reidentification"](sets[0], sets[1], holdout=sets[2])
    assert math.isnan(score.value)
    assert "Not measured: the persons of the records are not known" in score.note
    one = MEASURES[kind]["reidentification"](
        sets[0], sets[1], holdout=sets[2], groups=["a"] * len(sets[0])
    )
    assert "Not measured: all records belong to a single person" in one.note


def test_windows_with_gaps_are_left_out_with_their_persons():
    sets = [windows(12, seed) for seed in range(3)]
    gaps = [x.copy() for x in sets]
    gaps[0][5, 3] = gaps[2][7, 0] = np.nan
    groups = np.repeat(np.arange(12), EACH)
    words = {"groups": groups, "holdout_groups": groups + 12}
    for name in NAMES:
        score = MEASURES["signal"][name](gaps[0], gaps[1], holdout=gaps[2], **words)
        assert "Left out: 1 of 48 real windows with missing samples." in score.note
        whole = MEASURES["signal"][name](
            np.delete(sets[0], 5, axis=0), sets[1], holdout=np.delete(sets[2], 7, axis=0),
            groups=np.delete(groups, 5), holdout_groups=np.delete(groups, 7) + 12,
        )  # fmt: skip
        assert score.value == pytest.approx(whole.value, nan_ok=True)


@by_kind
def test_all_are_public(kind):
    for name in NAMES:
        measure = MEASURES[kind][name].func
        parameters = list(inspect.signature(measure).parameters.values())
        assert [p.name for p in parameters if p.name != "fs_hz"][:7] == [
            "real", "fake", "holdout", "target", "random_state", "groups", "holdout_groups",
        ]  # fmt: skip
        assert all(p.kind == p.KEYWORD_ONLY for p in parameters[2:])
        home = signals if kind == "signal" else metrics
        assert measure.__name__ in home.__all__


@by_kind
def test_bad_input(kind):
    x = MAKE[kind](5, 0)
    with pytest.raises(ParameterError, match=r"quantile=2 is not allowed"):
        MEASURES[kind]["near_copies"](x, x, quantile=2)
    with pytest.raises(DataError, match="groups has the shape"):
        MEASURES[kind]["exact_copies"](x, x, groups=[1, 2])
    with pytest.raises(DataError, match="fake"):
        MEASURES[kind]["exact_copies"](x, x[:, :5])
