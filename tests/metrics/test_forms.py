"""Text that is dates or numbers is compared as what it is."""

import numpy as np
import pandas as pd
import pytest

from synthgan import evaluate, metrics
from synthgan.exceptions import DataError
from synthgan.metrics.tables import check_tables

pytestmark = pytest.mark.usefixtures("few_trees")

N = 400


def table(seed, shift=0):
    rng = np.random.default_rng(seed)
    days = pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 365, N) + shift, unit="D")
    lab = [f"{x:.3f}" for x in rng.lognormal(5, 0.8, N)]
    flagged = np.where(rng.random(N) < 0.2, rng.choice([".a", ".b"], N), lab)
    missing = np.where(rng.random(N) < 0.3, ".", lab)
    return pd.DataFrame(
        {"seen": days.strftime("%d/%m/%Y"), "lab": missing, "flagged": flagged, "x": rng.random(N)}
    )


def test_forms_are_compared_on_a_scale():
    real, fake = table(0), table(1)
    shapes = metrics.column_shapes(real, fake)
    assert shapes.detail.loc["seen", "measure"] == "1 - KS"
    assert shapes.detail.loc[["seen", "lab", "flagged"], "value"].min() > 0.9
    assert shapes.detail.loc["flagged (form)", "measure"] == "1 - TV"
    late = metrics.column_shapes(real, table(1, shift=120)).detail
    assert late.loc["seen", "value"] == pytest.approx(1 - 120 / 365, abs=0.08)
    assert metrics.c2st(real, fake, random_state=0).value < 0.56
    assert metrics.c2st(real, table(1, shift=120), random_state=0).value > 0.6
    written = real.assign(seen=pd.to_datetime(real["seen"], format="%d/%m/%Y"))
    dated = fake.assign(seen=pd.to_datetime(fake["seen"], format="%d/%m/%Y"))
    assert metrics.column_shapes(written, dated).value == shapes.value


def test_partial_dates_are_compared_with_dates():
    real, fake = table(0), table(1)
    seen = pd.to_datetime(real["seen"], format="%d/%m/%Y")
    real["seen"] = seen.dt.strftime("%Y-%m-%d").mask(real.index < 8, seen.dt.strftime("%Y-%m"))
    fake["seen"] = pd.to_datetime(fake["seen"], format="%d/%m/%Y")
    for first, second in ((real, fake), (fake, real)):
        shapes = metrics.column_shapes(first, second).detail
        assert shapes.loc["seen", "measure"] == "1 - KS"
        assert shapes.loc["seen", "value"] > 0.9
    fake["seen"] = fake["seen"].dt.tz_localize("UTC")
    with pytest.raises(DataError, match="'seen' holds text in the real table and dates in the"):
        metrics.column_shapes(real, fake)


def test_invalid_dates_count_as_missing():
    real, fake = table(0), table(1)
    fake.loc[:99, "seen"] = "47/52/2023"
    assert metrics.missing_shares(real, fake).detail.loc["seen", "value"] == 0.25


def test_a_mix_stays_text():
    real = table(0)
    real["seen"] = real["seen"].where(real.index % 2 == 0, [f"note {i} a" for i in range(N)])
    frames = check_tables(real=real, fake=real)
    assert pd.api.types.is_string_dtype(frames["real"]["seen"].dtype)
    assert metrics.column_shapes(real, real).value == 1


def test_read_tables_are_read_alike_again():
    once = check_tables(real=table(0), fake=table(1))
    again = check_tables(**once)
    for name, frame in once.items():
        pd.testing.assert_frame_equal(again[name], frame)


def test_a_report_of_text(tmp_path):
    report = evaluate(table(0), table(1), target="x", sections=["fidelity"])
    assert report["column_shapes"].value > 0.9
    assert "flagged (form)" in report.to_html()
