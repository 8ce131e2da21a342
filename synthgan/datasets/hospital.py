"""A simulated hospital: four related tables with known dependences; no real data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from synthgan.datasets.drawing import check_count
from synthgan.records.related import Relation

__all__ = ["hospital_relations", "make_hospital"]

_START = np.datetime64("2018-01-01T00:00")
_DAY = 24 * 60  # minutes
_MOST_STAYS = 40
_DIAGNOSES = np.array(["heart failure", "pneumonia", "hip fracture", "appendicitis", "delivery"])
_HEART, _LUNG, _HIP, _APPENDIX, _BIRTH = range(5)
_WARDS = np.array(["cardiology", "general", "orthopaedics", "surgery", "obstetrics"])
# Shares of the wards for each diagnosis.
_WARD_OF = np.array(
    [
        [0.8, 0.2, 0.0, 0.0, 0.0],
        [0.05, 0.95, 0.0, 0.0, 0.0],
        [0.0, 0.1, 0.9, 0.0, 0.0],
        [0.0, 0.15, 0.0, 0.85, 0.0],
        [0.0, 0.0, 0.0, 0.0, 1.0],
    ]
)
_MEAN_DAYS = np.array([7.0, 6.0, 9.0, 3.0, 2.5])  # at the age of 50
_FEVER = np.array([0.2, 2.2, 0.4, 1.4, 0.1])  # degrees above normal at admission
_GAP_DAYS = np.array([60.0, 150.0, 300.0, 400.0, 600.0])  # median to the next admission
_DRUGS = np.array(["furosemide", "amoxicillin", "enoxaparin", "cefuroxime", "oxytocin"])  # as above
_ALL_DRUGS = np.array([*_DRUGS, "paracetamol", "pantoprazole"])
_LOWEST_DOSE = np.array([20.0, 500.0, 40.0, 750.0, 0.5, 500.0, 20.0])  # mg


def hospital_relations() -> tuple[Relation, ...]:
    """Return the relations between the tables of `make_hospital`.

    Returns
    -------
    relations : tuple of Relation

    Examples
    --------
    >>> for relation in hospital_relations():
    ...     print(relation)
    relation 'stays' -> 'patients' (key 'patient_id')
    relation 'measurements' -> 'stays' (key 'stay_id')
    relation 'prescriptions' -> 'stays' (key 'stay_id')
    """
    return (
        Relation("stays", "patient_id", "patients", order="admitted"),
        Relation("measurements", "stay_id", "stays", order="measured_at"),
        Relation("prescriptions", "stay_id", "stays", order="started"),
    )


def make_hospital(n: int = 1000, random_state: Any = None) -> dict[str, pd.DataFrame]:
    """Simulate patients of a hospital with their stays, measurements and prescriptions.

    Parameters
    ----------
    n : int, default=1000
        Patients.
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    tables : dict of str to DataFrame
        - ``patients``, n rows: ``patient_id`` (text such as ``"P-048213"``), ``sex`` (category),
          ``birth_date``, ``blood_group`` (text), ``smoker`` (boolean, 5 % missing),
          ``height_cm`` (float64), ``death_date`` (missing for those who live).
        - ``stays``, 0 to 40 a patient: ``stay_id`` (int64), ``patient_id``, ``admitted`` and
          ``discharged`` (time of day to the minute), ``diagnosis`` and ``ward`` (text),
          ``emergency`` (bool), ``cost_eur`` (float64, 6 % missing).
        - ``measurements``, from none to about 50 a stay: ``stay_id``, ``measured_at``,
          ``temperature_c`` (float64, one decimal), ``heart_rate`` (Int64, 4 % missing),
          ``systolic_mmhg`` (int64), ``creatinine`` (float64, measured in three of ten rows).
        - ``prescriptions``, from none to about 12 a stay: ``prescription_id`` (text), ``stay_id``,
          ``started``, ``drug`` (category), ``dose_mg`` (float64), ``as_needed`` (bool), ``n_days``
          (Int64, missing where as needed).

        Stays are in order of time within a patient, and so are the rows of a stay.

    Notes
    -----
    Known dependences, which a good synthesizer reproduces. Age is that on 1 January 2018.

    Across levels:

    - the mean number of stays is ``1.4 * exp(0.02 * (age - 50))``, times 1.25 for men; its spread
      is that of a negative binomial distribution, and many patients have no stay;
    - ``diagnosis`` depends on age and sex: deliveries are only of women of 18 to 44, appendicitis
      falls with age, heart failure and hip fracture rise with it; pneumonia is twice as frequent
      among smokers;
    - ``ward`` depends on ``diagnosis`` alone;
    - the mean length of stay is 7, 6, 9, 3 and 2.5 days for heart failure, pneumonia, hip
      fracture, appendicitis and delivery at the age of 50, and rises by 1 % per year of age;
    - ``cost_eur`` is 900 per stay and 650 per day, times a lognormal factor with a sigma of 0.15;
    - ``systolic_mmhg`` rises by 0.5 per year of age, and patients differ by a constant
      (standard deviation 8) that all their stays share;
    - three of four first drugs of a stay, and two of four others, are the one for its diagnosis;
    - ``death_date`` is present for more patients with age, and with stays for heart failure.

    Along time:

    - half of the later stays of a patient have the diagnosis of the stay before (no delivery);
      the others are drawn anew;
    - the median gap from discharge to the next admission is 60, 150, 300, 400 and 600 days after
      heart failure, pneumonia, hip fracture, appendicitis and delivery;
    - ``temperature_c`` starts 0.2, 2.2, 0.4, 1.4 and 0.1 above 36.8 and this excess halves every
      1.5 days; ``heart_rate`` rises by 9 per degree;
    - what is left of ``heart_rate`` and of ``systolic_mmhg`` has an autocorrelation of 0.8 between
      a measurement and the next of the stay.

    In counts:

    - the mean number of measurements of a stay is 0.5 plus 1.2 per day;
    - the mean number of prescriptions of a stay is ``0.5 + 0.03 * age``.

    Always: ``birth_date <= admitted <= discharged <= death_date``, the next stay starts after the
    last one ended, and ``measured_at`` and ``started`` are between ``admitted`` and ``discharged``.

    Examples
    --------
    >>> tables = make_hospital(50, random_state=0)
    >>> [*tables]
    ['patients', 'stays', 'measurements', 'prescriptions']
    >>> tables["patients"].shape
    (50, 7)
    """
    check_count(n)
    rng = check_random_state(random_state)
    age = np.clip(np.where(rng.rand(n) < 0.3, rng.uniform(18, 45, n), rng.normal(58, 18, n)), 0, 98)
    age = np.round(age, 3)
    female, smoker = rng.rand(n) < 0.52, rng.rand(n) < np.where(age < 16, 0.0, 0.25)
    born = _START - (age * 365.25 * _DAY).astype("timedelta64[m]")
    patients = pd.DataFrame(
        {
            "patient_id": _ids("P", n, rng),
            "sex": pd.Categorical(np.where(female, "female", "male"), ["female", "male"]),
            "birth_date": pd.Series(born.astype("datetime64[D]").astype("datetime64[us]")),
            "blood_group": rng.choice(["0", "A", "AB", "B"], n, p=[0.41, 0.43, 0.05, 0.11]),
            "smoker": pd.Series(smoker, dtype="boolean").mask(rng.rand(n) < 0.05),
            "height_cm": _heights(age, female, rng),
        }
    )
    stays = _make_stays(age, female, smoker, rng)
    patients["death_date"] = _deaths(age, stays, rng)
    owner = stays.pop("owner").to_numpy()
    stays.insert(0, "patient_id", patients["patient_id"].to_numpy()[owner])
    stays.insert(0, "stay_id", 100_000 + _numbers(900_000, len(stays), rng))
    measurements = _make_measurements(stays, age[owner], _shared(rng, n)[owner], rng)
    prescriptions = _make_prescriptions(stays, age[owner], rng)
    return {
        "patients": patients,
        "stays": stays,
        "measurements": measurements,
        "prescriptions": prescriptions,
    }


def _ids(letter: str, n: int, rng: np.random.RandomState) -> np.ndarray:
    """Return different keys in no order, such as P-048213."""
    numbers = _numbers(10**6, n, rng)
    return np.array([f"{letter}-{number:06d}" for number in numbers], dtype=object)


def _numbers(n_free: int, n: int, rng: np.random.RandomState) -> np.ndarray:
    """Draw n different numbers from 0 on, in no order; few of those that are free."""
    return rng.permutation(max(n_free, 10 * n))[:n].astype(np.int64)


def _heights(age: np.ndarray, female: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
    grown = np.clip(age / 18, 0, 1) ** 0.6
    mean = 55 + grown * np.where(female, 111, 124)
    return np.round(mean + rng.normal(0, 6, len(age)) * (0.3 + 0.7 * grown), 1)


def _shared(rng: np.random.RandomState, n: int) -> np.ndarray:
    """Return what the blood pressures of a patient have in common."""
    return rng.normal(0, 8, n)


def _draw(odds: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
    """Draw a column for each row of an array of odds."""
    share = np.cumsum(odds, axis=1)
    return (rng.rand(len(odds), 1) * share[:, -1:] >= share).sum(axis=1)


def _make_stays(
    age: np.ndarray, female: np.ndarray, smoker: np.ndarray, rng: np.random.RandomState
) -> pd.DataFrame:
    """Draw the stays of all patients, the first of each, then the second, and so on."""
    mean = 1.4 * np.exp(0.02 * (age - 50)) * np.where(female, 1.0, 1.25)
    counts = np.minimum(rng.poisson(mean * rng.gamma(1.5, 1 / 1.5, len(age))), _MOST_STAYS)
    fertile = female & (age >= 18) & (age < 45)
    odds = np.column_stack(
        [
            0.5 * np.exp(0.05 * (age - 60)),
            np.where(smoker, 0.8, 0.4),
            0.3 * np.exp(0.06 * (age - 65)),
            0.8 * np.exp(-0.04 * (age - 25)),
            np.where(fertile, 1.5, 0.0),
        ]
    )
    start = rng.randint(0, 2 * 365 * _DAY, len(age))  # minutes from _START on
    diagnosis, parts = np.full(len(age), -1), []
    for place in range(counts.max(initial=0)):
        who = np.flatnonzero(counts > place)
        stays_ill = (diagnosis[who] >= 0) & (diagnosis[who] != _BIRTH) & (rng.rand(len(who)) < 0.5)
        diagnosis[who] = np.where(stays_ill, diagnosis[who], _draw(odds[who], rng))
        what = diagnosis[who]
        mean_days = _MEAN_DAYS[what] * np.exp(0.01 * (age[who] - 50))
        days = np.maximum(rng.gamma(4, mean_days / 4), 0.1)
        minutes = np.rint(days * _DAY).astype(np.int64)
        gap = _GAP_DAYS[what] * np.exp(rng.normal(0, 0.7, len(who)))
        parts.append(np.column_stack([who, start[who], start[who] + minutes, what]))
        start[who] += minutes + 1 + np.rint(gap * _DAY).astype(np.int64)
    rows = np.concatenate(parts) if parts else np.empty((0, 4), np.int64)
    who, begin, end, what = rows[np.lexsort([rows[:, 1], rows[:, 0]])].T
    cost = (900 + 650 * (end - begin) / _DAY) * np.exp(rng.normal(0, 0.15, len(who)))
    planned = np.array([0.25, 0.1, 0.05, 0.1, 0.6])[what]
    return pd.DataFrame(
        {
            "owner": who,
            "admitted": _times(begin),
            "discharged": _times(end),
            "diagnosis": _DIAGNOSES[what].astype(object),
            "ward": _WARDS[_draw(_WARD_OF[what], rng)].astype(object),
            "emergency": rng.rand(len(who)) >= planned,
            "cost_eur": np.where(rng.rand(len(who)) < 0.06, np.nan, np.round(cost, 2)),
        }
    )


def _times(minutes: np.ndarray) -> np.ndarray:
    """Return minutes from the start as times."""
    return (_START + minutes.astype("timedelta64[m]")).astype("datetime64[us]")


def _deaths(age: np.ndarray, stays: pd.DataFrame, rng: np.random.RandomState) -> pd.Series:
    """Draw the day of death, after the last discharge; missing for those who live."""
    n_heart = np.bincount(
        stays["owner"][stays["diagnosis"] == _DIAGNOSES[_HEART]], minlength=len(age)
    )
    last = stays.groupby("owner")["discharged"].max().reindex(range(len(age)))
    last = last.fillna(pd.Timestamp(_START) + pd.Timedelta(days=730))
    dies = rng.rand(len(age)) < 1 / (1 + np.exp(5.5 - 0.06 * age - 0.5 * n_heart))
    later = pd.to_timedelta(1 + np.rint(rng.exponential(200, len(age))), unit="D")
    return (last.dt.normalize() + later).astype("datetime64[us]").where(dies)


def _make_measurements(
    stays: pd.DataFrame, age: np.ndarray, shared: np.ndarray, rng: np.random.RandomState
) -> pd.DataFrame:
    begin, end = _minutes(stays["admitted"]), _minutes(stays["discharged"])
    counts = rng.poisson(0.5 + 1.2 * (end - begin) / _DAY)
    stay, place, time = _within(begin, end, counts, rng)
    what = pd.Index(_DIAGNOSES).get_indexer(stays["diagnosis"])
    days = (time - begin[stay]) / _DAY
    excess = _FEVER[what[stay]] * 0.5 ** (days / 1.5)
    temperature = np.round(36.8 + excess + rng.normal(0, 0.2, len(stay)), 1)
    heart = np.rint(72 + 9 * (temperature - 36.8) + 9 * _autocorrelated(place, rng))
    pressure = 100 + 0.5 * age[stay] + shared[stay] + 8 * _autocorrelated(place, rng)
    creatinine = np.round(np.exp(rng.normal(-0.25 + 0.006 * age[stay], 0.25)), 2)
    return pd.DataFrame(
        {
            "stay_id": stays["stay_id"].to_numpy()[stay],
            "measured_at": _times(time),
            "temperature_c": temperature,
            "heart_rate": pd.Series(heart, dtype="Int64").mask(rng.rand(len(stay)) < 0.04),
            "systolic_mmhg": np.rint(pressure).astype(np.int64),
            "creatinine": np.where(rng.rand(len(stay)) < 0.3, creatinine, np.nan),
        }
    )


def _make_prescriptions(
    stays: pd.DataFrame, age: np.ndarray, rng: np.random.RandomState
) -> pd.DataFrame:
    begin, end = _minutes(stays["admitted"]), _minutes(stays["discharged"])
    stay, place, time = _within(begin, end, rng.poisson(0.5 + 0.03 * age), rng)
    what = pd.Index(_DIAGNOSES).get_indexer(stays["diagnosis"])[stay]
    is_own = rng.rand(len(stay)) < np.where(place == 0, 0.75, 0.5)
    drug = np.where(is_own, what, len(_DRUGS) + rng.randint(0, 2, len(stay)))
    times = 2.0 ** rng.choice(3, len(stay), p=[0.5, 0.35, 0.15])
    as_needed = rng.rand(len(stay)) < np.where(is_own, 0.05, 0.45)
    return pd.DataFrame(
        {
            "prescription_id": _ids("R", len(stay), rng),
            "stay_id": stays["stay_id"].to_numpy()[stay],
            "started": _times(time),
            "drug": pd.Categorical(_ALL_DRUGS[drug], sorted(_ALL_DRUGS)),
            "dose_mg": _LOWEST_DOSE[drug] * times,
            "as_needed": as_needed,
            "n_days": pd.Series(1 + rng.poisson(4, len(stay)), dtype="Int64").mask(as_needed),
        }
    )


def _minutes(times: pd.Series) -> np.ndarray:
    return (times.to_numpy().astype("datetime64[m]") - _START).astype(np.int64)


def _within(
    begin: np.ndarray, end: np.ndarray, counts: np.ndarray, rng: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the stay, the place within it, and the time of rows, in order of time."""
    stay = np.repeat(np.arange(len(counts)), counts)
    time = np.rint(begin[stay] + rng.rand(len(stay)) * (end - begin)[stay]).astype(np.int64)
    time = time[np.lexsort([time, stay])]
    place = np.arange(len(stay)) - np.repeat(np.cumsum(counts) - counts, counts)
    return stay, place, time


def _autocorrelated(place: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
    """Draw a series for each stay, of variance 1 and an autocorrelation of 0.8."""
    values = rng.normal(size=len(place))
    for i in range(1, int(place.max(initial=0)) + 1):
        rows = np.flatnonzero(place == i)
        values[rows] = 0.8 * values[rows - 1] + 0.6 * values[rows]
    return values
