"""Text that is dates, times or numbers: read, learnt as such, and written back in its form."""

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from synthgan import GANImputer, load
from synthgan.exceptions import ArchiveError, DataError, DataWarning
from synthgan.forms import Forms
from synthgan.forms.text import TextForm
from synthgan.privacy import Support
from tests.quick import quick

N = 400
R = np.random.default_rng(0)
MOMENTS = pd.Timestamp("2015-01-01") + pd.to_timedelta(R.integers(0, 3000 * 86_400, N), unit="s")
AMOUNTS = R.lognormal(6, 1.5, N)

DATES = [
    "%Y-%m-%d %H:%M:%S", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y %H:%M", "%b-%Y", "%H:%M", "%I:%M %p",
    "%d%b%Y:%H:%M:%S", "%Y%m%d", "%Y%m%dT%H%M%S", "%Y-%m", "%A, %B %d, %Y", "%d-%b-%y", "%y%m%d",
    "%Y-%m-%dT%H:%M:%SZ", "%G-W%V", "%a %b %d %H:%M:%S %Y", "%Hh%M", "%Y-%m-%d %H:%M:%S.%f",
]  # fmt: skip
NUMBERS = {
    "plain": [f"{x:.3f}" for x in AMOUNTS],
    "dollars": [f"${x:,.2f}" for x in AMOUNTS],
    "german": [f"{x:,.2f}".translate(str.maketrans(",.", ".,")) for x in AMOUNTS],
    "swiss": [f"{x:,.2f}".replace(",", "'") for x in AMOUNTS],
    "percent": [f"{x:.1f} %" for x in AMOUNTS % 100],
    "brackets": [f"({x:,.2f})" if x < 300 else f"{x:,.2f}" for x in AMOUNTS],
    "negative": [f"{x:.2f}" for x in AMOUNTS - 400],
    "signed": [f"{x:+.2f}" for x in AMOUNTS - 400],
    "powers": [f"{x:.2E}" for x in AMOUNTS],
    "repr": [repr(x / 1e7) for x in AMOUNTS.tolist()],
    "padded": [f"{x:12.3f}" for x in AMOUNTS],
    "thousands": [f"{int(x):,}" for x in AMOUNTS * 9],
    "units": [f"{x:.1f} mg/dl" for x in AMOUNTS],
}
CODES = {
    "zip": [f"{i:05d}" for i in R.integers(501, 99_950, N)],
    "icd": [f"E{i / 10:.1f}" for i in R.integers(100, 140, N)],
    "same length": [str(i) for i in R.integers(10_000, 99_999, N)],
    "ratio": [f"{a}/{b}" for a, b in R.integers(60, 160, (N, 2))],
    "phone": [f"6{i // 1000:02d} {i % 1000:03d} 111" for i in R.integers(0, 99_999, N)],
    "flats": [f"{i}{c}" for i, c in zip(R.integers(1, 99, N), R.choice(list("ABC"), N))],  # noqa: B905
    "padded": ["01", "08", "04", *(f"{i:02d}" for i in R.integers(10, 99, N - 3))],
    "few": R.choice(["1", "2", "3"], N).tolist(),
    "often dates": [f"{a:02d}-{b}-{c}" for a, b, c in R.integers(0, (99, 10, 10), (N, 3))],
}


def read(values, support=5, name="column"):
    """Return forms, the table as it is read, and as it is written back."""
    frame = pd.DataFrame({name: values})
    forms = Forms.find(frame, Support(support))
    table = forms.read(frame)
    return forms, table, forms.write(table)


@pytest.mark.parametrize("spelled", DATES)
def test_dates_are_read_and_written_back(spelled):
    texts = MOMENTS.strftime(spelled).tolist()
    _forms, table, back = read(texts)
    kind = "m" if not set(spelled) & set("YyG") else "M"
    assert table["column"].dtype.kind == kind
    assert back["column"].tolist() == texts
    if kind == "M" and set(spelled) >= set("Ymd"):
        assert (table["column"].dt.date == MOMENTS.date).all()


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_are_read_and_written_back(name):
    _, table, back = read(NUMBERS[name])
    assert table["column"].dtype.kind in "if"
    assert back["column"].tolist() == NUMBERS[name]


def test_values_of_numbers():
    for name, wanted in {"dollars": AMOUNTS, "german": AMOUNTS, "percent": AMOUNTS % 100}.items():
        found = read(NUMBERS[name])[1]["column"]
        np.testing.assert_allclose(found, wanted, atol=0.051)
    found = read(NUMBERS["brackets"])[1]["column"]
    np.testing.assert_allclose(found, np.where(AMOUNTS < 300, -AMOUNTS, AMOUNTS), atol=0.0051)


@pytest.mark.parametrize("name", CODES)
def test_codes_stay_text(name):
    assert not read(CODES[name])[0]


@pytest.mark.parametrize("label", [".", " .", "NA", "N/A", "missing", ".a", "-", "not done"])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.7])
def test_labels_among_numbers_are_missing_values(label, share):
    texts = np.where(R.random(N) < share, label, NUMBERS["plain"]).tolist()
    _forms, table, back = read(texts)
    assert table["column"].isna().sum() == texts.count(label)
    assert list(table.columns) == ["column"]
    assert back["column"].tolist() == texts


def test_several_labels_have_a_column_of_marks():
    which = R.choice([".a", ".b", "", "gap"], N, p=[0.1, 0.1, 0.7, 0.1])
    texts = pd.Series(NUMBERS["plain"]).mask(which != "", which).mask(which == "gap", None)
    forms, table, back = read(texts)
    assert forms.marks == ["column (form)"]
    assert set(table["column (form)"].dropna()) == {"#", ".a", ".b"}
    assert_frame_equal(back, texts.to_frame("column"))


def test_flags_and_limits():
    flagged = [f"{x:.1f}{'*' if x > 500 else ''}" for x in AMOUNTS]
    assert set(read(flagged)[0].forms[0].formats) == {"#", "#*"}
    assert read(flagged)[2]["column"].tolist() == flagged
    limited = ["< 50.0" if x < 150 else f"{x:.1f}" for x in AMOUNTS]
    forms, _table, back = read(limited)
    assert forms.forms[0].missing == ("< 50.0",)  # comes back with no other number
    assert back["column"].tolist() == limited


def test_partial_dates_and_mixes_of_formats():
    cut = R.choice([7, 10, 16], N)
    partial = [text[:n] for text, n in zip(MOMENTS.strftime("%Y-%m-%dT%H:%M"), cut, strict=True)]
    mixed = np.where(R.random(N) < 0.5, MOMENTS.strftime("%d/%m/%Y"), MOMENTS.strftime("%Y-%m-%d"))
    for texts in (partial, mixed.tolist()):
        forms, _table, back = read(texts)
        assert forms.marks
        assert back["column"].tolist() == texts


def test_offsets_that_follow_a_time_zone():
    local = MOMENTS.tz_localize("UTC").tz_convert("Europe/Madrid")
    texts = [str(moment) for moment in local]
    _forms, table, back = read(texts)
    assert table["column"].dt.tz_convert("UTC").equals(pd.Series(local.tz_convert("UTC")))
    assert back["column"].tolist() == texts
    same = [str(moment) for moment in MOMENTS.tz_localize("UTC")]
    assert read(same)[2]["column"].tolist() == same


def test_a_rare_word_is_not_kept():
    texts = ["secret", *NUMBERS["plain"][1:]]
    forms, table, _ = read(texts)
    assert table["column"].isna().sum() == 1
    assert "secret" not in str(forms.to_state())


def test_integers_that_are_dates():
    whole = MOMENTS.strftime("%Y%m%d").astype(int)
    _, table, back = read(whole)
    assert table["column"].dtype.kind == "M"
    assert back["column"].tolist() == whole.tolist()
    assert not read(R.integers(19_000_000, 21_000_000, N))[0]


def test_numbers_and_words_in_a_column_of_objects():
    values = np.array([*AMOUNTS.round(2)[:-40].tolist(), *["n/a"] * 40], dtype=object)
    _, table, back = read(values)
    assert table["column"].isna().sum() == 40
    assert back["column"].tolist() == values.tolist()


def test_dates_among_other_text_are_refused_by_name():
    words = [f"see note {i}" for i in range(N)]
    mixed = np.where(R.random(N) < 0.3, words, MOMENTS.strftime("%d/%m/%Y"))
    with pytest.raises(DataError, match=r"column 'seen' mixes dates or times .* convert it"):
        read(mixed, name="seen")


@pytest.fixture(scope="module")
def model():
    lab = np.where(R.random(N) < 0.3, ".", NUMBERS["plain"])
    marked = np.where(R.random(N) < 0.2, R.choice([".a", ".b"], N), NUMBERS["german"])
    frame = pd.DataFrame(
        {"seen": MOMENTS.strftime("%d/%m/%Y"), "lab": lab, "marked": marked, "x": R.normal(size=N)}
    )
    with pytest.warns(DataWarning, match="need a look|are text that holds") as told:
        fitted = quick(condition_on="any").fit(frame)
    assert len([w for w in told if issubclass(w.category, DataWarning)]) == 1  # one message
    return frame, fitted


def test_conditions_in_the_form_of_the_table(model):
    _, fitted = model
    fake = fitted.sample(10, conditions={"seen": ("01/02/2016", "01/02/2018")})
    seen = pd.to_datetime(fake["seen"], format="%d/%m/%Y")
    assert seen.between("2016-02-01", "2018-02-01").all()
    wanted = pd.DataFrame({"seen": ["03/04/2017", "05/06/2018"]})
    assert fitted.sample(conditions=wanted)["seen"].tolist() == wanted["seen"].tolist()
    with pytest.raises(DataError, match="stands for a missing value"):
        fitted.sample(2, conditions={"lab": "."})


def test_models_keep_forms_in_their_archive(model, tmp_path):
    frame, fitted = model
    fitted.save(tmp_path / "m.synthgan")
    again = load(tmp_path / "m.synthgan")
    assert_frame_equal(again.sample(20, random_state=1), fitted.sample(20, random_state=1))
    assert list(again.sample(2).columns) == list(frame.columns)
    record = fitted.forms_.forms[0].to_state()
    for change in (
        {"formats": ("%Q",)},
        {"zone": "no/zone"},
        {"dtype": "int9"},
        {"kind": "number"},
    ):
        with pytest.raises(ArchiveError):
            TextForm.from_state({**record, **change})


@pytest.mark.filterwarnings("ignore::synthgan.exceptions.DataWarning")
@pytest.mark.parametrize("strategy", ["draw", "mean"])
def test_labels_of_missing_numbers_are_imputed(model, strategy):
    frame, _ = model
    parameters = {"synthesizer": quick(), "random_state": 0, "strategy": strategy, "n_draws": 2}
    full = GANImputer(**parameters).fit_transform(frame)
    assert not full["lab"].isin(["."]).any()
    assert not full["marked"].isin([".a", ".b"]).any()
    kept = frame["lab"] != "."
    assert full.loc[kept, "lab"].equals(frame.loc[kept, "lab"])
    assert full["seen"].equals(frame["seen"])
