"""The independent scorer of the acceptance tests gives the same figures."""

import json

import pandas as pd
import pytest

from synthgan import Relation
from synthgan.metrics import relational
from tests.conftest import SHARED_DATA, acceptance_module

FOLDER = SHARED_DATA / "relational"
OURS = {
    "integrity": "key_integrity",
    "cardinality": "cardinality",
    "parent": "parent_c2st",
    "child": "child_c2st",
    "joined": "joined_c2st",
    "agg": "family_c2st",
    "steps": "step_c2st",
}


@pytest.mark.slow
@pytest.mark.parametrize("peer", ["tabularargn", "rctgan"])
def test_peers_of_real_tables(peer):
    scorer = acceptance_module("score_relational")
    folders = [FOLDER / "baseball" / "hold", FOLDER / "peers" / "baseball" / peer]
    if not all(folder.exists() for folder in folders):
        pytest.skip(f"{FOLDER} is absent: the real related tables are not part of the package")
    schema = json.loads((FOLDER / "baseball" / "schema_peers.json").read_text())
    theirs = scorer.score(schema, *map(str, folders))["fielding.playerID"]
    left_out = schema["players"]["ignore"]
    sets = []
    for folder in folders:
        tables = {name: pd.read_parquet(folder / f"{name}.parquet") for name in schema}
        sets.append({**tables, "players": tables["players"].drop(columns=left_out)})
    relation = Relation("fielding", "playerID", "players", order="yearID")
    read = relational.read_sets(*sets, None, [relation])
    for name, measure in OURS.items():
        score = getattr(relational, measure)(read["real"], read["fake"], random_state=0)
        assert score.value == pytest.approx(theirs[name], abs=0.03), name
