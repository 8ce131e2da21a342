"""The recipe of docs/scaling.md: workers of Spark make the rows of a sample."""

import shutil
from io import BytesIO

import numpy as np
import pandas as pd
import pytest

from synthgan import FCN, TabularGANSynthesizer, load

sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed")
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java"),
]
N = 120


@pytest.fixture(scope="module")
def spark():
    builder = sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    session = builder.config("spark.sql.shuffle.partitions", "2").getOrCreate()
    yield session
    session.stop()


def test_the_recipe_makes_the_rows_of_the_sample(spark, tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=200), "label": rng.choice(["a", "b"], 200)})
    spark.createDataFrame(frame).write.parquet(str(tmp_path / "data"))
    network = FCN(width=16, depth=1)
    model = TabularGANSynthesizer(network=network, epochs=2, batch_size=50, random_state=0)
    model.fit(tmp_path / "data")

    archive = BytesIO()
    model.save(archive)
    content, n, step = archive.getvalue(), N, 50

    def make(batches):
        own = load(BytesIO(content))
        for batch in batches:
            for first in batch["id"].tolist():
                yield own.sample_rows(first, min(first + step, n), n, random_state=1)

    schema = "x double, label string"
    rows = spark.range(0, n, step, numPartitions=2).mapInPandas(make, schema)
    rows.write.parquet(str(tmp_path / "fake"))

    made = pd.concat([pd.read_parquet(path) for path in (tmp_path / "fake").glob("*.parquet")])
    expected = model.sample(n, random_state=1)
    key = ["x", "label"]
    made, expected = (one.sort_values(key, ignore_index=True) for one in (made, expected))
    pd.testing.assert_frame_equal(made, expected, check_dtype=False)
