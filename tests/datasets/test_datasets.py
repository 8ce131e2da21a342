import numpy as np
import pytest
from pandas.testing import assert_frame_equal

from synthgan.datasets import fetch_thyroid, load_thyroid, make_clinic
from synthgan.exceptions import DataError


def test_the_clinic_has_the_dependences_it_documents():
    t = make_clinic(20_000, random_state=0)
    assert t.shape == (20_000, 14)
    assert np.allclose(t["bmi"], (t["weight_kg"] / (t["height_cm"] / 100) ** 2).round(1))
    assert ((t["ward"] == "paediatrics") == (t["age"] < 16)).all()
    adults = t[t["age"] >= 20]
    heights = adults.groupby("sex", observed=True)["height_cm"].mean()
    assert 10 < heights["male"] - heights["female"] < 16
    assert adults["systolic_mmhg"].astype(float).corr(adults["age"]) > 0.4
    assert t["systolic_mmhg"].isna().mean() == pytest.approx(0.04, abs=0.005)
    old = t["age"] > 40
    assert t.loc[old, "cholesterol"].isna().mean() == pytest.approx(0.08, abs=0.01)
    assert t.loc[~old, "cholesterol"].isna().mean() == pytest.approx(0.35, abs=0.02)
    assert t.loc[t["diabetic"], "hba1c"].mean() == pytest.approx(7.4, abs=0.1)
    assert t.loc[t["diabetic"], "hba1c"].notna().all()
    assert t.loc[~t["diabetic"], "hba1c"].notna().mean() == pytest.approx(0.1, abs=0.01)
    stay = t.groupby("ward")["stay_days"].mean()
    assert stay.idxmax() == "orthopaedics"
    weekend = t["admitted"].dt.day_of_week >= 5
    assert weekend.mean() == pytest.approx(0.8 / 5.8, abs=0.01)
    assert t["outcome"].cat.ordered


def test_the_clinic_is_reproducible():
    assert_frame_equal(make_clinic(50, random_state=3), make_clinic(50, random_state=3))


def test_load_thyroid(thyroid_path, tmp_path):
    thyroid = load_thyroid(thyroid_path)
    assert thyroid.shape == (7200, 22)
    assert thyroid["Class"].value_counts().to_dict() == {3: 6666, 2: 368, 1: 166}
    with pytest.raises(DataError, match=r"none.csv' cannot be read: No such file"):
        load_thyroid(tmp_path / "none.csv")
    thyroid.drop(columns="TSH").to_csv(tmp_path / "short.csv")
    with pytest.raises(DataError, match=r"lacks the columns \['TSH'\]"):
        load_thyroid(tmp_path / "short.csv")


def test_fetch_thyroid_checks_the_content(thyroid_path, tmp_path, monkeypatch):
    pytest.importorskip("pooch")
    thyroid = load_thyroid(thyroid_path)
    halves = {"ann-train.data": thyroid[:3772], "ann-test.data": thyroid[3772:]}
    for name, half in halves.items():
        half.to_csv(tmp_path / name, sep=" ", header=False, index=False)
    fetched = fetch_thyroid(tmp_path)
    assert_frame_equal(fetched, thyroid.reset_index(drop=True))
    changed = halves["ann-test.data"].assign(TSH=0.5)
    changed.to_csv(tmp_path / "ann-test.data", sep=" ", header=False, index=False)
    with pytest.raises(DataError, match=r"are not the thyroid table .* removed: fetch again"):
        fetch_thyroid(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_fetch_thyroid_off_line(tmp_path, monkeypatch):
    pooch = pytest.importorskip("pooch")

    def offline(*args, **kwargs):
        raise OSError("no route to host")

    monkeypatch.setattr(pooch, "retrieve", offline)
    with pytest.raises(
        DataError, match=r"cannot be downloaded from .*no route.* connect to the internet"
    ):
        fetch_thyroid(tmp_path)


@pytest.mark.usefixtures("without_pooch")
def test_fetch_thyroid_without_pooch(tmp_path):
    with pytest.raises(DataError, match=r"pip install 'synthgan\[fetch\]'"):
        fetch_thyroid(tmp_path)
