"""A simulated clinic: mixed types, missing values, known dependences; no real data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from synthgan.datasets.drawing import check_count

__all__ = ["make_clinic"]

_WARDS = np.array(["cardiology", "general", "orthopaedics", "paediatrics"])
_OUTCOMES = np.array(["recovered", "improved", "unchanged", "worse"])


def make_clinic(n: int = 2000, random_state: Any = None) -> pd.DataFrame:
    """Simulate the admissions of a clinic.

    Parameters
    ----------
    n : int, default=2000
        Rows.
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    clinic : DataFrame of shape (n, 14)
        ``admitted`` (date), ``ward`` (string), ``sex`` (category), ``age`` (int64), ``height_cm``,
        ``weight_kg``, ``bmi`` (float64, one decimal), ``smoker`` (bool), ``systolic_mmhg`` (Int64,
        4 % missing), ``cholesterol`` (float64 in mmol/l, missing in 8 % of those over 40
        and 35 % of the others), ``diabetic`` (bool), ``hba1c`` (float64 in %, measured for
        diabetics and every tenth other), ``stay_days`` (int64), ``outcome`` (ordered category).

    Notes
    -----
    Known dependences, which a good synthesizer reproduces:

    - ``bmi`` is ``weight_kg / (height_cm / 100)**2``, rounded to one decimal;
    - ``height_cm`` depends on ``sex`` and, below 18, on ``age``; paediatrics has all patients
      under 16 and nowhere else;
    - ``systolic_mmhg`` rises by 0.45 per year and 0.7 per unit of ``bmi``, and by 5 for smokers;
    - ``cholesterol`` rises with ``age`` and ``bmi``;
    - the odds of ``diabetic`` double every 10 years and every 5 units of ``bmi``;
      ``hba1c`` is 7.4 +- 0.9 for diabetics and 5.3 +- 0.3 for others;
    - ``stay_days`` is longest in orthopaedics, and rises with ``age``; ``outcome`` worsens
      with ``age``, smoking and diabetes;
    - fewer patients are admitted at weekends.

    Examples
    --------
    >>> make_clinic(3, random_state=0).shape
    (3, 14)
    """
    check_count(n)
    rng = check_random_state(random_state)
    days = np.arange(730)
    weekday_odds = np.where(np.isin(days % 7, [0, 6]), 0.4, 1.0)  # day 0 is a Sunday
    day = rng.choice(days, size=n, p=weekday_odds / weekday_odds.sum())
    age = np.clip(np.where(rng.rand(n) < 0.2, rng.gamma(2, 5, n), rng.normal(58, 17, n)), 0, 99)
    age = age.astype(np.int64)
    female = rng.rand(n) < 0.52
    grown = np.clip(age / 18, 0, 1) ** 0.6
    mean_height = 60 + grown * np.where(female, 105, 118)
    height = np.round(mean_height + rng.normal(0, 5, n) * (0.4 + grown), 1)
    mean_bmi = 16.5 + 9.5 * np.clip(age / 40, 0, 1)
    weight = np.round(mean_bmi * np.exp(rng.normal(0, 0.16, n)) * (height / 100) ** 2, 1)
    bmi = np.round(weight / (height / 100) ** 2, 1)
    smoker = (rng.rand(n) < np.where(female, 0.18, 0.25)) & (age >= 16)
    systolic = np.rint(85 + 0.45 * age + 0.7 * (bmi - 20) + 5 * smoker + rng.normal(0, 10, n))
    cholesterol = np.round(3.4 + 0.022 * age + 0.05 * (bmi - 20) + rng.normal(0, 0.7, n), 1)
    log_odds = -3.2 + np.log(2) * ((age - 50) / 10 + (bmi - 25) / 5)
    diabetic = rng.rand(n) < 1 / (1 + np.exp(-log_odds))
    hba1c = np.round(np.where(diabetic, rng.normal(7.4, 0.9, n), rng.normal(5.3, 0.3, n)), 1)
    adult_ward = np.array([0, 1, 2])[(rng.rand(n, 1) > np.array([0.3, 0.7])).sum(axis=1)]
    ward = np.where(age < 16, 3, adult_ward)
    stay = 1 + rng.poisson(np.array([3.0, 2.0, 6.0, 1.0])[ward] * (0.6 + age / 100))
    worse = 0.02 * (age - 50) + 0.5 * smoker + 0.7 * diabetic + rng.logistic(0, 1, n)
    outcome = np.digitize(worse, [0.2, 1.6, 3.0])
    no_cholesterol = rng.rand(n) < np.where(age > 40, 0.08, 0.35)
    no_hba1c = ~diabetic & (rng.rand(n) > 0.1)
    no_systolic = rng.rand(n) < 0.04
    return pd.DataFrame(
        {
            "admitted": pd.Timestamp("2023-01-01") + pd.to_timedelta(day, unit="D"),
            "ward": _WARDS[ward],
            "sex": pd.Categorical(np.where(female, "female", "male"), ["female", "male"]),
            "age": age,
            "height_cm": height,
            "weight_kg": weight,
            "bmi": bmi,
            "smoker": smoker,
            "systolic_mmhg": pd.Series(systolic, dtype="Int64").mask(no_systolic),
            "cholesterol": np.where(no_cholesterol, np.nan, cholesterol),
            "diabetic": diabetic,
            "hba1c": np.where(no_hba1c, np.nan, hba1c),
            "stay_days": stay.astype(np.int64),
            "outcome": pd.Categorical(_OUTCOMES[outcome], _OUTCOMES, ordered=True),
        }
    )
