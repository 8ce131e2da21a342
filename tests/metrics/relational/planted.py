"""Related tables with planted dependence: patients, visits in order, labs of visits, drugs."""

import numpy as np
import pandas as pd

from synthgan import Relation

VISITS = Relation("visits", "patient", "patients", order="day")
LABS = Relation("labs", "visit", "visits")
DRUGS = Relation("drugs", "patient", "patients")
SEEN_BY = Relation("visits", "doctor", "doctors")
TWO_TABLES = [VISITS]
ALL_TABLES = [VISITS, LABS, DRUGS, SEEN_BY]


def hospital(n, seed, names=("patients", "visits")):
    """Patients whose visits depend on them (sex, age) and on the visit before (mmhg, ward)."""
    rng = np.random.default_rng(seed)
    sex = rng.choice(["f", "m"], n)
    age = rng.uniform(20, 90, n)
    patients = pd.DataFrame(
        {"patient": [f"p{seed}-{i}" for i in range(n)], "sex": sex, "age": age.round(1)}
    )
    n_visits = rng.poisson(1 + 4 * (sex == "m"))
    who = np.repeat(np.arange(n), n_visits)
    level = rng.normal(100 + 0.5 * age, 8)
    ward = np.where(rng.random(n) < 0.5, "heart", "lung")
    visits = pd.DataFrame(
        {
            "visit": np.arange(len(who)),
            "patient": patients["patient"].to_numpy()[who],
            "doctor": rng.integers(0, 6, len(who)),
            "day": rng.uniform(0, 3000, len(who)).round(),
            "mmhg": (level[who] + rng.normal(0, 2, len(who))).round(2),
            "ward": np.where(rng.random(len(who)) < 0.9, ward[who], "surgery"),
        }
    )
    of_visit = np.repeat(np.arange(len(visits)), rng.poisson(2, len(visits)))
    labs = pd.DataFrame(
        {
            "visit": of_visit,
            "value": (
                visits["mmhg"].to_numpy()[of_visit] / 10 + rng.normal(0, 0.5, len(of_visit))
            ).round(3),
        }
    )
    of_patient = np.repeat(np.arange(n), rng.poisson(1, n))
    drugs = pd.DataFrame(
        {
            "patient": patients["patient"].to_numpy()[of_patient],
            "dose": (2 * age[of_patient] + rng.normal(0, 5, len(of_patient))).round(1),
        }
    )
    doctors = pd.DataFrame({"doctor": range(6), "rank": ["chief", "senior", "junior"] * 2})
    tables = {
        "patients": patients, "visits": visits, "labs": labs, "drugs": drugs, "doctors": doctors
    }  # fmt: skip
    if names == ("patients", "visits"):
        tables["visits"] = visits.drop(columns=["visit", "doctor"])
    return {name: tables[name] for name in names}


def everything(n, seed):
    return hospital(n, seed, ("patients", "visits", "labs", "drugs", "doctors"))


def reassigned(tables, seed=0):
    """Deal the visits to other patients; each patient keeps the number of visits."""
    keys = tables["visits"]["patient"].sample(frac=1, random_state=seed).to_numpy()
    return {**tables, "visits": tables["visits"].assign(patient=keys)}


def disordered(tables, seed=0):
    """Shuffle the cells, except the day, among the visits of each patient."""
    visits = tables["visits"].sort_values("patient", kind="stable")
    some = visits.sample(frac=1, random_state=seed).sort_values("patient", kind="stable")
    cells = [name for name in visits if name not in ("patient", "day")]
    visits = visits.assign(**{name: some[name].to_numpy() for name in cells})
    return {**tables, "visits": visits}
