"""Codes of a learnt pattern: they are valid, in range, and tell of nobody."""

import hashlib
import json
import re
import uuid

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from synthgan.constraints.constraint_set import ConstraintSet
from synthgan.constraints.identifiers import Identifier
from synthgan.constraints.patterns import learn_pattern
from synthgan.exceptions import ArchiveError, DataError, DataWarning
from synthgan.privacy import Support

R = np.random.default_rng(0)
N = 1000
UPPER, LOWER, HEX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz", "0123456789abcdef"
DAYS = pd.Timestamp("2022-03-01") + pd.to_timedelta(R.integers(0, 700, N), unit="D")


def whole(low, high):
    return R.integers(low, high, N, endpoint=True)


def words(alphabet, k):
    return ["".join(row) for row in R.choice(list(alphabet), (N, k))]


def one_of(*options):
    return R.choice(options, N)


def joined(template, *columns):
    return [template.format(*row) for row in zip(*columns, strict=True)]


def mixed(*columns):
    return [columns[k][i] for i, k in enumerate(R.integers(0, len(columns), N))]


def learnt(values, min_support=5, name="code"):
    """Fit by what is found, through an archive; return the constraint."""
    frame = pd.DataFrame({name: pd.Series(values, dtype=object), "x": 1.5})
    with pytest.warns(DataWarning, match=f"column '{name}'"):
        (constraint,) = ConstraintSet(min_support=min_support).fit(frame).constraints_
    record = json.loads(json.dumps(constraint.to_dict()))
    constraint = Identifier.from_dict(record)
    assert constraint.to_dict() == record
    return constraint


def drawn(constraint, n=N):
    table = pd.DataFrame(index=range(n))
    return constraint.restore(table, np.random.default_rng(1))[constraint.column]


OCTET = r"(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
GROUP = r"(0|[1-9a-f][0-9a-f]{0,3})"
CHROMOSOME = r"chr([1-9]|1\d|2[0-2]|X|Y):[1-9]\d{4,8}"
CODES = {
    "IPv4": (joined("{}.{}.{}.{}", *[whole(0, 255)] * 2, whole(0, 255), whole(1, 254)),
             rf"{OCTET}(\.{OCTET}){{3}}"),
    "IPv4 of few networks": (joined("10.0.{}.{}", whole(0, 30), whole(1, 254)),
                             rf"10\.0(\.{OCTET}){{2}}"),
    "IPv6": ([":".join(f"{x:x}" for x in row) for row in R.integers(0, 65536, (N, 8))],
             rf"{GROUP}(:{GROUP}){{7}}"),
    "IPv6, short": (mixed(joined("2001:db8::{:x}:{:x}", whole(1, 65535), whole(1, 65535)),
                          joined("fe80::{:x}", whole(1, 65535))),
                    rf"2001:db8::{GROUP}:{GROUP}|fe80::{GROUP}"),
    "MAC": ([":".join(f"{x:02x}" for x in row) for row in R.integers(0, 256, (N, 6))],
            "[0-9a-f]{2}(:[0-9a-f]{2}){5}"),
    "MAC, upper case": (["-".join(f"{x:02X}" for x in row) for row in R.integers(0, 256, (N, 6))],
                        "[0-9A-F]{2}(-[0-9A-F]{2}){5}"),
    "chromosomes": (joined("chr{}:{}", one_of(*map(str, range(1, 23)), "X", "Y"),
                           whole(10_000, 240_000_000)), CHROMOSOME),
    "ICD": (joined("ICD-{}{:02d}.{}", one_of(*"ABCDEFGH"), whole(0, 99), whole(0, 9)),
            r"ICD-[A-H]\d\d\.\d"),
    "ICD and MHU": (joined("{}-{:05d}", one_of("ICD", "MHU"), whole(0, 99_999)),
                    r"(ICD|MHU)-\d{5}"),
    "phones": (mixed(joined("+34 6{:02d} {:03d} {:03d}", whole(0, 99), *[whole(0, 999)] * 2),
                     joined("(0034) 6{:02d}-{:06d}", whole(0, 99), whole(0, 999_999)),
                     joined("6{:08d}", whole(0, 10**8 - 1))),
               r"\+34 6\d\d \d{3} \d{3}|\(0034\) 6\d\d-\d{6}|6\d{8}"),
    "addresses": (mixed(joined("{} {} Street, Apt {}", whole(1, 900), one_of("Oak", "Elm"),
                               whole(1, 90)),
                        joined("Calle {} {}, 28{:03d} Madrid", one_of("Mayor", "Sol"),
                               whole(1, 90), whole(0, 60))),
                  r"\d{1,3} (Oak|Elm) Street, Apt \d{1,2}"
                  r"|Calle (Mayor|Sol) \d{1,3}, 280[0-6]\d Madrid"),
    "UUID, upper case": ([str(uuid.UUID(int=int(i) << 80, version=4)).upper()
                          for i in whole(1, 2**40)],
                         "[0-9A-F]{8}-[0-9A-F]{4}-4[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}"),
    "hashes": ([hashlib.sha256(str(i).encode()).hexdigest() for i in range(N)], "[0-9a-f]{64}"),
    "short hashes": (words(HEX, 7), "[0-9a-f]{7}"),
    "IBAN": (joined("DE{:02d} {:04d} {:04d} {:04d} {:04d} {:02d}", whole(2, 98),
                    *(whole(0, 9999) for _ in range(4)), whole(0, 99)), r"DE\d\d( \d{4}){4} \d\d"),
    "IBAN without blanks": (joined("GB{:02d}{}{:014d}", whole(2, 98), one_of("NWBK", "BARC"),
                                   whole(0, 10**14 - 1)), r"GB\d\d(NWBK|BARC)\d{14}"),
    "licence plates": (joined("{}-{} {}", one_of("M", "HH", "AÖ"), words(UPPER, 2), whole(1, 9999)),
                       r"(M|HH|AÖ)-[A-Z]{2} [1-9]\d{0,3}"),
    "URLs": (joined("https://example.org/p/{}?id={}", whole(1, 10**6), words(HEX, 6)),
             r"https://example\.org/p/[1-9]\d{0,6}\?id=[0-9a-f]{6}"),
    "files": (joined("IMG_{:04d}.{}", R.permutation(9999)[:N], one_of("jpg", "PNG")),
              r"IMG_\d{4}\.(jpg|PNG)"),
    "a sequence and a hash": (joined("PAT{}-{}", np.arange(N), words(HEX, 6)),
                              r"PAT\d{1,4}-[0-9a-f]{6}"),
    "postcodes": (mixed(joined("{:04d} {}", whole(1000, 9999), words(UPPER, 2)),
                        joined("{:05d}-{:04d}", whole(501, 99_950), whole(1, 9999)),
                        joined("SW{} {}{}", whole(1, 20), whole(0, 9), words(UPPER, 2))),
                  r"[1-9]\d{3} [A-Z]{2}|\d{5}-\d{4}|SW([1-9]|1\d|20) \d[A-Z]{2}"),
    "a check digit": ([f"{i:08d}-{sum(map(int, str(i))) % 10}" for i in whole(10**5, 10**8 - 1)],
                      r"\d{8}-\d"),
    "a sequence": ([f"PAT{i:04d}" for i in range(1, N + 1)], r"PAT\d{4}"),
    "names": (joined("{}, {}{}", one_of("Smith", "Müller", "Kim"), one_of(*UPPER), words(LOWER, 6)),
              r"(Smith|Müller|Kim), [A-Z][a-z]{6}"),
    "names of any length": ([f"{a}{b[:k]}, {c}{d}" for a, b, k, c, d in zip(
        one_of(*UPPER), words(LOWER, 8), whole(3, 8), one_of(*UPPER), words(LOWER, 4),
        strict=True)], r"[A-Z][a-z]{3,8}, [A-Z][a-z]{4}"),
    "upper and lower case": (joined("{}{}-{}", words(UPPER, 2), words(LOWER, 3), whole(100, 999)),
                             r"[A-Z]{2}[a-z]{3}-[1-9]\d\d"),
    "blanks": (joined("  AB{:06d} ", whole(0, 999_999)), r"  AB\d{6} "),
    "letters of any language": (joined("Ärzte/日本-{:06d}", whole(0, 999_999)),
                                r"Ärzte/日本-\d{6}"),
    "a sentence with numbers": (joined("Patient number {} has been seen in ward {}",
                                       R.permutation(10**6)[:N], one_of("A", "B")),
                                r"Patient number \d{1,6} has been seen in ward [AB]"),
}  # fmt: skip


@pytest.mark.parametrize("kind", CODES)
def test_codes_are_valid(kind):
    values, pattern = CODES[kind]
    assert all(re.fullmatch(pattern, value) for value in values)
    constraint = learnt(values)
    made = drawn(constraint)
    assert made.str.fullmatch(pattern).all()
    if len(set(values)) == N:
        assert made.is_unique
    assert made.isin(values).mean() < 0.16  # there are 8000 codes of ICD, of which 950 are taken


def test_numbers_and_dates_keep_their_range():
    values = joined("P-{:%Y%m%d}-{:03d}", DAYS, whole(100, 399))
    made = drawn(learnt(values)).str.extract(r"P-(\d{8})-(\d{3})")
    days = pd.to_datetime(made[0], format="%Y%m%d")
    assert days.between(DAYS.min(), DAYS.max()).all()
    assert days.nunique() > 500
    assert made[1].astype(int).between(100, 399).all()
    for form in ("%d.%m.%Y", "%Y/%m/%d", "%y%m%d", "%m-%d-%Y"):
        values = [f"{day:{form}}_{k}" for day, k in zip(DAYS, words(UPPER, 3), strict=True)]
        made = drawn(learnt(values)).str.split("_", expand=True)[0]
        assert pd.to_datetime(made, format=form).between(DAYS.min(), DAYS.max()).all(), form


def test_labels_that_enough_rows_share_stay():
    rare = joined("K{:06d}", R.permutation(10**6)[:N])
    values = pd.Series([*rare[:720], *["K-01"] * 180, *["none"] * 97, "odd one", *["few"] * 2])
    constraint = Identifier("code").fit(pd.DataFrame({"code": values}), Support(5))
    made = drawn(constraint)
    share = made.value_counts(normalize=True)
    assert share["K-01"] == pytest.approx(0.18, abs=0.03)
    assert share["none"] == pytest.approx(0.097, abs=0.03)
    assert made.nunique() == pytest.approx(values.nunique(), abs=40)
    assert made.str.fullmatch(r"K\d{6}|K-01|none").all()
    assert "odd" not in str(constraint.to_dict())
    assert "few" not in str(constraint.to_dict())
    frame = pd.DataFrame({"code": values, "x": 1.5})
    with pytest.warns(DataWarning, match="'code' has 723 value"):
        found = ConstraintSet(min_support=5).fit(frame).constraints_
    assert [repr(c) for c in found] == ["RareLabels(column='code')"]
    asked = ConstraintSet(min_support=5).fit(frame, condition_columns=["code"])
    assert asked.constraints_ == []


def test_rare_values_tokens_and_lengths_are_not_stored():
    usual = joined("{}-{}", one_of("ICD", "MHU"), whole(10_000, 89_999))
    plain = learn_pattern(usual, 5)
    for odd in ("XYZ-12345", "ICD-1234567", "icd_12345", "ICD-x", "", "ICD-12345-9"):
        assert learn_pattern([*usual, *[odd] * 4][: N + 4], 5) is not None
        text = str(learn_pattern([*usual, *(odd + str(i) * 2 for i in range(4))], 5))
        assert "XYZ" not in text
        assert "icd" not in text
    numbers = [f"N{i}" for i in (7, *R.integers(10**5, 10**6, N), 999_999_999)]
    (_, number) = learn_pattern(numbers, 5)
    assert number[0] == "number"
    assert 10**5 <= number[1] < number[2] < 10**6
    assert not {f"N{number[1]}", f"N{number[2]}"} & set(numbers)
    assert learn_pattern(usual, 5) == plain


def test_ends_of_ranges_are_those_of_no_few_people():
    days = pd.date_range("2000-01-01", periods=N, freq="7D")
    (_, part) = learn_pattern([f"D{day:%Y%m%d}" for day in days], 5)
    assert part[:2] == ["date", "%Y%m%d"]
    assert not set(part[2:]) & set(days.strftime("%Y-%m-%d"))


def test_people_are_counted_rather_than_rows():
    codes = [f"{'RARE' if who == 0 else 'AB'}-{who:03d}{k:03d}" for who in range(60)
             for k in range(30)]  # fmt: skip
    frame = pd.DataFrame({"visit": codes})
    people = np.repeat(np.arange(60), 30)
    made = Identifier("visit").fit(frame, Support(5, people)).restore(frame, R)["visit"]
    assert made.str.fullmatch(r"AB-\d{6}").all()
    assert made.is_unique


def test_prose_is_refused_and_names_are_not():
    told = ["pain", "knee", "left", "since", "no", "week"]
    notes = [" ".join(R.choice(told, R.integers(4, 20))) for _ in range(200)]
    assert learn_pattern(notes, 5) is None
    with pytest.raises(DataError, match="'note' is free text"):
        ConstraintSet(min_support=5).fit(pd.DataFrame({"note": notes}))


def test_many_codes_of_a_narrow_pattern_are_distinct():
    constraint = learnt([f"10.0.0.{i}" for i in range(1, 200)])
    made = drawn(constraint, 3000)
    assert made.is_unique
    assert made.str.fullmatch(rf"{OCTET}(\.{OCTET}){{3}}").all()
    made = drawn(learnt([f"PAT{i:03d}" for i in range(1, 200)]), 100_000)
    assert made.is_unique
    assert made.str.fullmatch(r"PAT\d{3,6}").all()


def test_gaps_stay():
    values = [None if i % 4 == 0 else f"Q{i:06d}" for i in R.permutation(10**6)[:N]]
    made = drawn(learnt(values))
    assert made.isna().mean() == pytest.approx(0.25, abs=0.05)
    assert made.dropna().is_unique


@pytest.mark.parametrize(
    "part",
    [
        ["number", 9, 1, 1],
        ["number", 0, 10**19, 1],
        ["number", 0, 9, 0],
        ["number", 0, 9, 1, 1],
        ["date", "%Y%m%d", "2020-01-02", "NaT"],
        ["date", "%Y%m%d", "2020-13-01", "2020-13-02"],
        ["date", "%Y%m%d", "2020-01-02", "2020-01-01"],
        ["date", "%c", "2020-01-01", "2020-01-02"],
        ["one of", ["a", "b"], [1.0]],
        ["one of", ["a", "b"], [0, 0]],
        ["one of", [], []],
        ["one of", [""], [1]],
        ["one of", [[]], [1]],
        ["one of", [7], [1]],
        ["one of", [[["one of", [[["one of", ["a"], [1]]]], [1]]]], [1]],
        ["one of", ["a" * 5000], [1]],
        [["number"], 1, 2],
        [],
        None,
    ],
)
def test_invalid_parts_of_an_archive_are_refused(part):
    record = Identifier("code").fit(pd.DataFrame({"code": ["A-1", "A-2"]})).to_dict()
    record["learnt"]["parts_"] = [part]
    with pytest.raises(ArchiveError):
        Identifier.from_dict(record)


@st.composite
def any_pattern(draw):
    """Draw a pattern: functions that make a part, and its regular expression."""
    letters = st.text(st.sampled_from(UPPER), min_size=1, max_size=4)
    makers, pattern = [], ""
    for i in range(draw(st.integers(1, 4))):
        if i:
            separator = draw(st.sampled_from("-_/.: #"))
            makers.append(lambda rng, separator=separator: separator)
            pattern += re.escape(separator)
        kind = draw(st.sampled_from(["text", "choice", "number", "padded", "date", "hex", "upper"]))
        if kind in ("text", "choice"):
            options = draw(st.lists(letters, min_size=1, max_size=1 + 4 * (kind == "choice")))
            makers.append(lambda rng, options=options: str(rng.choice(options)))
            pattern += f"({'|'.join(options)})"
        elif kind in ("number", "padded"):
            k = draw(st.integers(3, 9))
            form = f"0{k}d" if kind == "padded" else "d"
            makers.append(lambda rng, k=k, form=form: format(int(rng.integers(10**k)), form))
            pattern += rf"\d{{{k}}}" if kind == "padded" else rf"(0|[1-9]\d{{0,{k - 1}}})"
        elif kind == "date":
            makers.append(lambda rng: str(np.datetime64("2001-01-01") + int(rng.integers(7000))))
            pattern += r"(2\d{3}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01]))"
        else:
            alphabet = HEX if kind == "hex" else UPPER
            k = draw(st.integers(4, 12))
            makers.append(
                lambda rng, k=k, alphabet=alphabet: "".join(rng.choice(list(alphabet), k))
            )
            pattern += f"[{alphabet}]{{{k}}}"
    return makers, pattern


@given(any_pattern(), st.integers(0, 2**31))
def test_a_column_of_any_pattern_comes_back_in_it(one, seed):
    makers, pattern = one
    rng = np.random.default_rng([7, seed])
    values = ["".join(make(rng) for make in makers) for _ in range(200)]
    assume(len(set(values)) > 160)
    constraint = Identifier("code").fit(pd.DataFrame({"code": values}), Support(5))
    made = drawn(constraint, 200)
    assert made.str.fullmatch(pattern).mean() >= 0.99
    assert made.isin(values).mean() <= 0.5


def test_a_narrow_pattern_of_people_is_not_widened():
    codes = [f"{i:02d}" for i in np.repeat(np.arange(90), 3)]
    frame = pd.DataFrame({"patient": codes})
    constraint = Identifier("patient").fit(frame, Support(5, pd.factorize(frame["patient"])[0]))
    fresh = constraint.restore(pd.DataFrame(index=range(500)), np.random.default_rng(0))["patient"]
    assert fresh.str.fullmatch(r"\d{2}").all()
    assert fresh.nunique() > 50
