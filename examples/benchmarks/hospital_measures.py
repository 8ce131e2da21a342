"""The known dependences of `make_hospital`, measured with a weight for each patient."""

import numpy as np
import pandas as pd

DIAGNOSES = ["heart failure", "pneumonia", "hip fracture", "appendicitis", "delivery"]
WARDS = ["cardiology", "general", "orthopaedics", "surgery", "obstetrics"]
POSSIBLE = {*zip(DIAGNOSES, WARDS, strict=True), *((one, "general") for one in DIAGNOSES[:4])}
POSSIBLE |= {("pneumonia", "cardiology")}
DRUGS = ["furosemide", "amoxicillin", "enoxaparin", "cefuroxime", "oxytocin"]
COMMON = ["paracetamol", "pantoprazole"]
HALVINGS = np.geomspace(0.4, 6.0, 28)  # days
DAY = pd.Timedelta(days=1)
START = pd.Timestamp("2018-01-01")


class Hospital:
    """Four tables by row numbers, and what is measured of them with a weight for each patient."""

    def __init__(self, tables):
        patients, stays, measured, drugs = (tables[name].copy() for name in tables)
        self.n = len(patients)
        self.age = ((START - patients["birth_date"]) / (365.25 * DAY)).to_numpy()
        self.female = (patients["sex"] == "female").to_numpy()
        self.smoker = patients["smoker"].to_numpy(float, na_value=np.nan)
        self.dead = patients["death_date"].notna().to_numpy()
        self.patients = patients
        stays["of"] = pd.Index(patients["patient_id"]).get_indexer(stays["patient_id"])
        stays = stays.sort_values(["of", "admitted"], kind="stable").reset_index(drop=True)
        stays["days"] = (stays["discharged"] - stays["admitted"]) / DAY
        stays["what"] = pd.Index(DIAGNOSES).get_indexer(stays["diagnosis"])
        self.stays = stays
        for table, date in ((measured, "measured_at"), (drugs, "started")):
            table["stay"] = pd.Index(stays["stay_id"]).get_indexer(table["stay_id"])
            table.sort_values(["stay", date], kind="stable", inplace=True, ignore_index=True)
            table["of"] = stays["of"].to_numpy()[table["stay"]]
            table["what"] = stays["what"].to_numpy()[table["stay"]]
            table["begin"] = stays["admitted"].to_numpy()[table["stay"]]
            table["end"] = stays["discharged"].to_numpy()[table["stay"]]
        self.measured, self.drugs = measured, drugs
        self.fever = self._fever_sums()

    def measure(self, weights):
        """Return all statistics, by name."""
        found = {}
        for part in (
            self._stays_of_patients, self._diagnoses, self._stays, self._courses, self._temperature,
            self._heart_rate, self._pressure, self._prescriptions, self._deaths, self._rules,
        ):  # fmt: skip
            found |= part(weights)
        return found

    def _stays_of_patients(self, w):
        counts = np.bincount(self.stays["of"], minlength=self.n)
        at, rise, men = log_linear(
            np.column_stack([np.ones(self.n), self.age - 50, ~self.female]), counts, w
        )
        center = np.average(counts, weights=w)
        return {
            "stays of a patient: mean, women of 50": np.exp(at),
            "stays of a patient: rise per year of age": rise,
            "stays of a patient: log of men / women": men,
            "stays of a patient: share with none": np.average(counts == 0, weights=w),
            "stays of a patient: variance / mean": spread(counts, w) ** 2 / center,
        }

    def _diagnoses(self, w):
        of, what = self.stays["of"].to_numpy(), self.stays["what"].to_numpy()
        w, age = w[of], self.age[of]
        fertile = self.female[of] & (age >= 18) & (age < 45.01)
        found = {}
        for i, name in enumerate(DIAGNOSES):
            is_it = what == i
            found[f"{name}: share of stays"] = share(is_it, w)
            if name != "delivery":
                found[f"{name}: mean age"] = share(age[is_it], w[is_it])
        found["delivery: share of stays, women of 18-44"] = share(what[fertile] == 4, w[fertile])
        found["never: delivery, others"] = share(what[~fertile] == 4, w[~fertile])
        by = [share(what[s] == 1, w[s]) for s in (self.smoker[of] == i for i in (0, 1))]
        found["pneumonia: log of smokers / others"] = np.log(by[1] / by[0])
        ward = self.stays["ward"].to_numpy()
        for i, name in enumerate(DIAGNOSES):
            found[f"ward of {name}: {WARDS[i]}"] = share(ward[what == i] == WARDS[i], w[what == i])
        pairs = zip(self.stays["diagnosis"], ward, strict=True)
        found["never: another ward"] = share([one not in POSSIBLE for one in pairs], w)
        return found

    def _stays(self, w):
        stays, of = self.stays, self.stays["of"].to_numpy()
        days, age, w = stays["days"].to_numpy(), self.age[of], w[of]
        what = np.column_stack([stays["what"] == i for i in range(5)]).astype(float)
        *at, rise = log_linear(np.column_stack([what, age - 50]), days, w)
        found = {f"days of {name}: mean at 50": np.exp(at[i]) for i, name in enumerate(DIAGNOSES)}
        found["days: rise per year of age"] = rise
        cost, line = stays["cost_eur"].to_numpy(), 900 + 650 * days
        there = ~np.isnan(cost)
        log = np.log(cost[there] / line[there])
        ones = np.ones(there.sum())
        per = linear(np.column_stack([ones, days[there]]), cost[there], (w / line**2)[there])
        found |= {"cost: of a stay": per[0], "cost: of a day": per[1]}
        found["cost: sigma of the factor"] = np.sqrt(
            share((log - share(log, w[there])) ** 2, w[there])
        )
        counts = np.bincount(self.measured["stay"], minlength=len(stays))
        per = linear(np.column_stack([np.ones(len(days)), days]), counts, w / (0.5 + 1.2 * days))
        found |= {"measurements: of a stay": per[0], "measurements: of a day": per[1]}
        counts = np.bincount(self.drugs["stay"], minlength=len(stays))
        per = linear(np.column_stack([np.ones(len(age)), age - 50]), counts, w)
        return found | {"prescriptions: at 50": per[0], "prescriptions: of a year of age": per[1]}

    def _courses(self, w):
        """Return what holds between a stay and the next."""
        of, what = self.stays["of"].to_numpy(), self.stays["what"].to_numpy()
        at = np.flatnonzero(of[1:] == of[:-1])
        w, before = w[of[at]], what[at]
        again = before != 4
        found = {
            "diagnosis as in the stay before": share((what[at + 1] == before)[again], w[again])
        }
        begin, end = self.stays["admitted"].to_numpy(), self.stays["discharged"].to_numpy()
        gap = (begin[at + 1] - end[at]) / np.timedelta64(1, "D")
        for i, name in enumerate(DIAGNOSES):
            is_it = before == i
            found[f"log of median gap after {name}"] = np.log(median(gap[is_it], w[is_it]))
        return found | {"never: before the last stay ended": share(gap < 0, w)}

    def _fever_sums(self):
        """Return sums over the measurements of each patient and diagnosis, for each halving."""
        rows = self.measured
        days = ((rows["measured_at"] - rows["begin"]) / DAY).to_numpy()
        excess = rows["temperature_c"].to_numpy() - 36.8
        left = 0.5 ** (days[:, None] / HALVINGS)
        place = rows["of"].to_numpy() * 5 + rows["what"].to_numpy()
        sums = np.zeros((2, self.n * 5, len(HALVINGS)))
        np.add.at(sums[0], place, left * excess[:, None])
        np.add.at(sums[1], place, left**2)
        return sums.reshape(2, self.n, 5 * len(HALVINGS))

    def _temperature(self, w):
        products, squares = (w @ self.fever).reshape(2, 5, -1)
        fit = (products**2 / squares).sum(axis=0)
        best = int(np.clip(np.argmax(fit), 1, len(fit) - 2))
        bend = np.diff(fit[best - 1 : best + 2], n=2)[0]
        between = (fit[best - 1] - fit[best + 1]) / (2 * bend) if bend < 0 else 0.0
        power = np.log2(HALVINGS[1] / HALVINGS[0]) * between
        start = (products / squares)[:, best]
        return {
            **{
                f"temperature above at start, {x}": y for x, y in zip(DIAGNOSES, start, strict=True)
            },
            "temperature: log2 of days to half": np.log2(HALVINGS[best]) + power,
        }

    def _heart_rate(self, w):
        rows = self.measured
        rate = rows["heart_rate"].to_numpy(float, na_value=np.nan)
        excess, stay = rows["temperature_c"].to_numpy() - 36.8, rows["stay"].to_numpy()
        there, w = ~np.isnan(rate), w[rows["of"]]
        columns = np.column_stack([np.ones(len(rate)), excess])
        rest, slope = linear(columns[there], rate[there], w[there])
        left = rate - columns @ [rest, slope]
        pairs = np.flatnonzero((stay[1:] == stay[:-1]) & there[1:] & there[:-1])
        both = share(left[pairs] * left[pairs + 1], w[pairs])
        size = share(left[pairs] ** 2, w[pairs]) * share(left[pairs + 1] ** 2, w[pairs])
        return {
            "heart rate: at 36.8 degrees": rest,
            "heart rate: per degree": slope,
            "heart rate, rest: spread": spread(left[there], w[there]),
            "heart rate, rest: autocorrelation": both / np.sqrt(size),
        }

    def _pressure(self, w):
        """Return the parts of the spread: of patients, and of the measurements of a stay."""
        rows, of = self.measured, self.measured["of"].to_numpy()
        stay, own = rows["stay"].to_numpy(), w[of]
        pressure = rows["systolic_mmhg"].to_numpy(float)
        columns = np.column_stack([np.ones(len(rows)), self.age[of] - 50])
        at, slope = linear(columns, pressure, own)
        left = pressure - columns @ [at, slope]
        counts = np.bincount(stay, minlength=len(self.stays))
        means = np.bincount(stay, left, minlength=len(counts)) / np.maximum(counts, 1)
        patient = self.stays["of"].to_numpy()
        n, sums, squares = (
            np.bincount(patient, one, minlength=self.n) for one in (counts > 0, means, means**2)
        )
        shared = max(w @ (sums**2 - squares) / (w @ (n * (n - 1))), 0.0)
        pairs = np.flatnonzero(stay[1:] == stay[:-1])
        change = share((left[pairs + 1] - left[pairs]) ** 2, own[pairs])
        rest = max(share(left**2, own) - shared, 1e-9)
        return {
            "systolic: at 50": at,
            "systolic: per year of age": slope,
            "systolic: spread of patients": np.sqrt(shared),
            "systolic, rest: spread": np.sqrt(rest),
            "systolic, rest: autocorrelation": 1 - change / 2 / rest,
        }

    def _prescriptions(self, w):
        rows, w = self.drugs, w[self.drugs["of"]]
        drug = pd.Index([*DRUGS, *COMMON]).get_indexer(rows["drug"].astype(object))
        stay, own = rows["stay"].to_numpy(), drug == rows["what"].to_numpy()
        first = np.append(True, stay[1:] != stay[:-1])
        return {
            "drug of the diagnosis, first": share(own[first], w[first]),
            "drug of the diagnosis, others": share(own[~first], w[~first]),
            "never: drug of another diagnosis": share(~own & (drug < 5), w),
        }

    def _deaths(self, w):
        heart = np.bincount(self.stays["of"], self.stays["what"] == 0, minlength=self.n)
        columns = np.column_stack([np.ones(self.n), self.age - 50, heart])
        at, per_year, per_stay = logistic(columns, self.dead, w)
        return {
            "death: log odds at 50": at,
            "death: log odds per year of age": per_year,
            "death: log odds per stay for heart failure": per_stay,
        }

    def _rules(self, w):
        stays, own = self.stays, self.patients.iloc[self.stays["of"]].reset_index(drop=True)
        found = {
            "never: admitted before birth": (stays["admitted"] < own["birth_date"], stays),
            "never: discharged before admitted": (stays["days"] < 0, stays),
            "never: discharged after death": (stays["discharged"] > own["death_date"], stays),
        }
        for rows, date in ((self.measured, "measured_at"), (self.drugs, "started")):
            found[f"never: {date} out of the stay"] = (
                (rows[date] < rows["begin"]) | (rows[date] > rows["end"]), rows,
            )  # fmt: skip
        return {name: share(bad, w[rows["of"]]) for name, (bad, rows) in found.items()}


def share(values, w):
    """Return a weighted mean."""
    total = w.sum()
    return float(w @ np.asarray(values, float) / total) if total > 0 else np.nan


def spread(values, w):
    """Return a weighted standard deviation."""
    return np.sqrt(share((values - share(values, w)) ** 2, w))


def median(values, w):
    if not w.sum() > 0:
        return np.nan
    order = np.argsort(values)
    return values[order][np.searchsorted(np.cumsum(w[order]), w.sum() / 2)]


def linear(columns, y, w):
    return np.linalg.lstsq((columns.T * w) @ columns, (columns.T * w) @ y, rcond=None)[0]


def log_linear(columns, y, w):
    """Return coefficients of the log of the mean."""
    return newton(columns, y, w, np.exp, lambda mean: mean)


def logistic(columns, y, w):
    return newton(columns, y, w, lambda x: 1 / (1 + np.exp(-x)), lambda mean: mean * (1 - mean))


def newton(columns, y, w, mean_of, variance_of):
    columns, y = np.asarray(columns, float), np.asarray(y, float)
    found = np.zeros(columns.shape[1])
    for _ in range(25):
        mean = mean_of(np.clip(columns @ found, -20, 20))
        slope, size = columns.T @ (w * (y - mean)), (columns.T * (w * variance_of(mean))) @ columns
        step = np.linalg.lstsq(size, slope, rcond=None)[0]
        found = found + np.clip(step, -1, 1)
    return found
