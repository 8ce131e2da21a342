"""Any frame of text that looks like dates, numbers or codes comes back valid in its own format."""

import re
import string
import warnings
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from synthgan.exceptions import DataWarning
from synthgan.forms import Forms
from synthgan.privacy import Support
from tests.quick import quick

UNSHRUNK = [Phase.explicit, Phase.reuse, Phase.generate]  # an example takes a second
LABELS = [None, ".", "NA", "n/a", "missing", "-", ".a", "not done", "?"]


def is_date(spelled):
    """Return a check that a text is written exactly as the format says."""

    def check(text):
        try:
            return datetime.strptime(text, spelled).strftime(spelled) == text
        except ValueError:
            return False

    return check


@st.composite
def dates(draw):
    """Return a function of (number of rows, generator) that makes texts, and their check."""
    between = draw(st.sampled_from(["-", "/", ".", " ", ""]))
    month = draw(st.sampled_from(["%m", "%b", "%B"])) if between else "%m"
    order = draw(st.sampled_from([("%Y", month, "%d"), ("%d", month, "%Y"), (month, "%d", "%Y")]))
    day = between.join(order)
    clock = draw(st.sampled_from(["", " %H:%M", " %H:%M:%S", "T%H:%M:%S", " %I:%M %p"]))
    spelled = day + clock if between else "%Y%m%d" + clock
    days = draw(st.integers(400, 20_000))
    first = datetime(1960, 1, 1) + timedelta(days=draw(st.integers(0, 10_000)))

    def make(n, rng):
        moments = [first + timedelta(minutes=int(m)) for m in rng.integers(0, days * 1440, n)]
        return [moment.strftime(spelled) for moment in moments]

    return make, is_date(spelled)


@st.composite
def numbers(draw):
    before = draw(st.sampled_from(["", "", "$", "€ ", "EUR "]))
    sign_at = draw(st.sampled_from(["before", "digits", "after"]))
    after = draw(st.sampled_from(["", "", "%", " mg/dl", " kg"]))
    thousands, decimal = draw(st.sampled_from([("", "."), (",", "."), (".", ","), ("'", ".")]))
    places = draw(st.integers(1, 4))
    scale = draw(st.sampled_from([1.0, 30.0, 2000.0, 40_000.0]))
    signed = draw(st.booleans())
    whole = rf"\d{{1,3}}(?:{re.escape(thousands)}\d{{3}})*" if thousands else r"\d+"
    left, right = re.escape(before), re.escape(after)
    places_of_sign = {"before": "-?{0}{1}", "digits": "{0}-?{1}", "after": "{0}{1}-?"}
    digits = f"{whole}{re.escape(decimal)}[0-9]{{{places}}}"
    pattern = re.compile(places_of_sign[sign_at].format(left, digits) + right)

    def make(n, rng):
        values = rng.lognormal(np.log(scale), 1, n)
        if signed:
            values -= scale
        swap = {",": thousands, ".": decimal}
        texts = ["".join(swap.get(c, c) for c in f"{abs(x):,.{places}f}") for x in values.tolist()]
        signs = [
            "-" if x < 0 and set(t) & set("123456789") else ""
            for x, t in zip(values, texts, strict=True)
        ]
        written = {"before": "{1}{0}{2}", "digits": "{0}{1}{2}", "after": "{0}{2}{1}"}[sign_at]
        return [
            written.format(before, sign, text) + after
            for sign, text in zip(signs, texts, strict=True)
        ]

    return make, lambda text: bool(pattern.fullmatch(text))


@st.composite
def codes(draw):
    """Letters that all share, then digits or letters of one length each."""
    prefix = draw(st.text(string.ascii_uppercase, max_size=3))
    parts = draw(
        st.lists(st.tuples(st.sampled_from("dA"), st.integers(1, 4)), min_size=1, max_size=3)
    )
    between = draw(st.sampled_from(["-", "/", "_"]))
    alphabets = {"d": string.digits, "A": string.ascii_uppercase}
    pattern = re.compile(
        between.join(
            [prefix] * bool(prefix) + [f"[{'0-9' if c == 'd' else 'A-Z'}]{{{n}}}" for c, n in parts]
        )
    )

    def make(n, rng):
        return [
            between.join(
                [prefix] * bool(prefix)
                + ["".join(rng.choice(list(alphabets[c]), size)) for c, size in parts]
            )
            for _ in range(n)
        ]

    return make, lambda text: bool(pattern.fullmatch(text))


columns = st.lists(
    st.tuples(st.one_of(dates(), numbers(), codes()), st.sampled_from(LABELS)),
    min_size=1,
    max_size=4,
)


def is_rare(n, rng):
    """Choose the rows of a label: 15 %, and at least ten, which is enough to keep it."""
    return rng.permutation(n) < max(10, 0.15 * n)


def table(drawn, n, seed):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            f"column {i}": pd.Series(make(n, rng), dtype=object).mask(is_rare(n, rng), label)
            for i, ((make, _), label) in enumerate(drawn)
        }
    )


@settings(max_examples=60, deadline=None)
@given(columns, st.integers(40, 300), st.integers(0, 9))
def test_reading_and_writing_change_nothing(drawn, n, seed):
    frame = table(drawn, n, seed)
    forms = Forms.find(frame, Support(5))
    pd.testing.assert_frame_equal(forms.write(forms.read(frame)), frame)


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow], phases=UNSHRUNK
)
@given(columns, st.integers(60, 300), st.integers(0, 9))
def test_cells_come_back_valid_in_their_own_format(drawn, n, seed):
    frame = table(drawn, n, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        fake = quick(epochs=1).fit(frame).sample(200)
    for (name, cells), ((_, check), label) in zip(fake.items(), drawn, strict=True):
        valid = cells.isna() if label is None else cells == label
        valid |= cells.map(lambda text, check=check: isinstance(text, str) and check(text))
        assert valid.mean() >= 0.99, (name, frame[name].head(), cells[~valid].head())
