"""Models inside of archives that do not fit together are refused by name."""

import json
import tracemalloc

import numpy as np
import pytest
import safetensors.numpy

import synthgan
from synthgan.state.archive import FORMAT
from tests.state.packing import DATA, MANIFEST, SCHEMA, TABLES, WEIGHTS, pack, refused, unpack


@pytest.fixture(params=["table", "signal", "image"])
def archive(request, tmp_path):
    """A sound archive of each kind, its members, and how to write them anew."""
    members = unpack(DATA / f"format-{FORMAT}-{request.param}.synthgan")
    return tmp_path / "m.synthgan", members


def of_kind(kind, tmp_path):
    return tmp_path / "m.synthgan", unpack(DATA / f"format-{FORMAT}-{kind}.synthgan")


def edited(path, members, member, edit):
    """Change a JSON member by a function."""
    data = json.loads(members[member])
    edit(data)
    pack(path, {**members, member: json.dumps(data).encode()})


def with_arrays(path, members, member, **changes):
    """Replace arrays of a member; None drops one."""
    held = {**safetensors.numpy.load(members[member]), **changes}
    # safetensors writes an array as it lies in memory.
    kept = {name: np.asarray(a, order="C") for name, a in held.items() if a is not None}
    pack(path, {**members, member: safetensors.numpy.save(kept)})


def test_unknown_classes(archive):
    for name in ("X", "object", "GridEncoder", "os.system", "BaseGANSynthesizer", 3, None, ["a"]):
        edited(*archive, MANIFEST, lambda data, name=name: data.update({"class": name}))
        refused(
            archive[0], r"class .* is not one of \['ImageGANSynthesizer', .*'SignalGAN.*Tabular"
        )


def test_parts_that_no_archive_may_name(archive):
    trap = {"part": "Trap", "parameters": {}}
    for part in (
        trap,
        {"part": "Predicate", "parameters": {"function": "print", "columns": None}},
        {"part": "FCN", "parameters": {"nothing": 1}},
        {"part": ["FCN"], "parameters": {}},
        {"tuple": 5},
        {"dict": [[{"tuple": [[]]}, 1]]},
        {},
        "fcn",
        None,
        7,
    ):
        edited(*archive, MANIFEST, lambda data, part=part: data.update(network=part))
        refused(archive[0], "holds no loadable model")
    edited(*archive, MANIFEST, lambda data: data["parameters"].update(optimizer=trap))
    refused(archive[0], "holds no loadable model")
    for name in ("device", "callbacks", "fit", "__class__"):
        edited(*archive, MANIFEST, lambda data, name=name: data["parameters"].update({name: "x"}))
        refused(archive[0], "manifest has parameters that")
    edited(*archive, MANIFEST, lambda data: data["parameters"].update(verbose="loud"))
    refused(archive[0], "The 'verbose' parameter of")


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"width": 10**6}, "is .* of torch.float32, where the network has"),
        ({"width": 2**40}, "holds no loadable model"),
        ({"width": 10**25}, "its JSON has a number of 26 digits"),
        ({"depth": 10**9}, "The 'depth' parameter"),
        ({"fourier": 10**9}, "The 'fourier' parameter"),
        ({"latent_dim": 10**9}, "where the network has"),
        ({"width": {"tuple": [10**5] * 3}}, "weights and network differ"),
        ({"width": {"tuple": [3] * 10**5}}, "width=.* is not allowed; give up to 1000"),
    ],
)
def test_networks_of_another_size_take_no_memory(tmp_path, parameters, match):
    path, members = of_kind("table", tmp_path)
    edited(path, members, MANIFEST, lambda data: data["network"]["parameters"].update(parameters))
    synthgan.load(DATA / f"format-{FORMAT}-table.synthgan")  # imports what loading needs
    tracemalloc.start()
    refused(path, match)
    assert tracemalloc.get_traced_memory()[1] < 2**26
    tracemalloc.stop()


def test_weights_that_do_not_fit(archive):
    _, members = archive
    weights = safetensors.numpy.load(members[WEIGHTS])
    name = max(
        (n for n, w in weights.items() if w.dtype == np.float32), key=lambda n: weights[n].size
    )
    weight = weights[name]
    for changed, match in (
        (weight.ravel(), "where the network has"),
        (weight[:-1], "where the network has"),
        (weight.astype(np.float64), "of torch.float64, where the network has"),
        (weight.astype(np.float16), "of torch.float16, where the network has"),
        (weight.astype(np.int32), "of torch.int32, where the network has"),
        (np.full_like(weight, np.nan), "holds NaN or infinite numbers"),
        (np.where(weight == weight.max(), np.inf, weight), "holds NaN or infinite numbers"),
        (None, "weights and network differ in"),
    ):
        with_arrays(*archive, WEIGHTS, **{name: changed})
        refused(archive[0], match)
    with_arrays(*archive, WEIGHTS, more=weight)
    refused(archive[0], r"weights and network differ in \['more'\]")


def test_members_of_other_models(tmp_path):
    models = {kind: of_kind(kind, tmp_path) for kind in ("table", "signal", "image")}
    for kind, (path, members) in models.items():
        for other in set(models) - {kind}:
            for member in (SCHEMA, WEIGHTS, TABLES):
                pack(path, {**members, member: models[other][1][member]})
                refused(path, "holds no loadable model")
        pack(path, {**members, WEIGHTS: members[TABLES], TABLES: members[WEIGHTS]})
        refused(path, "holds no loadable model")


def test_tables_of_the_encoder_that_do_not_fit(tmp_path):
    path, members = of_kind("table", tmp_path)
    tables = safetensors.numpy.load(members[TABLES])
    start = next(name for name in tables if name.endswith(".start"))
    edges = start.replace("start", "edges")
    for changes, match in (
        ({start: None}, "the tables of a column lacks"),
        ({start: tables[start][:-1]}, "the tables of a column do not match each other"),
        ({start: tables[start][None]}, "where an array of shape"),
        ({start: tables[start].astype(np.float32)}, "do not match each other"),
        ({start: tables[start].astype(bool)}, "where an array of shape"),
        ({start: np.full_like(tables[start], np.nan)}, "where an array of finite numbers"),
        ({start: tables[start][::-1]}, "not ascending"),
        ({edges: tables[edges] * 2}, "not ascending"),
        ({"99.start": tables[start]}, "encoder has tables of unknown columns"),
        ({"evil": tables[start]}, "encoder has tables of unknown columns"),
    ):
        with_arrays(path, members, TABLES, **changes)
        refused(path, match)


def test_trees_that_lead_astray(tmp_path):
    """Following a tree checks nothing: a wrong one would read any memory, or never end."""
    path, members = of_kind("table", tmp_path)
    tables = safetensors.numpy.load(members[TABLES])
    for name, value, match in (
        ("left", 0, "invalid nodes"),
        ("right", 2**32 - 1, "invalid nodes"),
        ("left", 10**6, "invalid nodes"),
        ("feature_idx", 10**6, "invalid nodes"),
        ("feature_idx", -1, "invalid nodes"),
        ("num_threshold", np.nan, "invalid nodes"),
        ("is_leaf", 7, "invalid nodes"),
        ("value", np.inf, "where an array of finite numbers"),
    ):
        array = tables[f"critic.node_{name}"].copy()
        array[:] = (
            array.dtype.type(value)
            if array.dtype.kind == "f"
            else np.int64(value).astype(array.dtype)
        )
        with_arrays(path, members, TABLES, **{f"critic.node_{name}": array})
        refused(path, match)
    sizes = tables["critic.tree_sizes"]
    for wrong in (sizes + 1, -sizes, sizes * 2**50, sizes[:0], sizes.astype(float)):
        with_arrays(path, members, TABLES, **{"critic.tree_sizes": wrong})
        refused(path, "holds no loadable model")
    for name in ("bin_counts", "bin_edges", "bin_shares", "n_known"):
        for wrong in (tables[f"critic.{name}"][:-1], -1 - tables[f"critic.{name}"], None):
            with_arrays(path, members, TABLES, **{f"critic.{name}": wrong})
            refused(path, "holds no loadable model")


def test_schemas_that_do_not_fit(tmp_path):
    path, members = of_kind("table", tmp_path)

    def column(data, which, **changes):
        for schema in (data["schema"], data["encoder"]["schema"]):
            for one in schema["columns"]:
                if one["name"] == which:
                    one.update(changes)

    def cells(data, name):
        names = [one["name"] for one in data["encoder"]["schema"]["columns"]]
        return data["encoder"]["cells"][names.index(name)]

    edits = {
        "of dtype float64 cannot be of kind integer": lambda d: column(d, "age", dtype="float64"),
        "has the invalid dtype": lambda d: column(
            d, "age", dtype="datetime64[ns, dateutil//etc/passwd]"
        ),
        "has kind='code', where one of": lambda d: column(d, "age", kind="code"),
        "has decimals=99": lambda d: column(d, "height", decimals=99),
        "has resolution=-1": lambda d: column(d, "admitted", resolution=-1),
        "has missing=2": lambda d: column(d, "age", missing=2),
        "has a duplicate column name": lambda d: column(d, "age", name="ward"),
        "cannot have categories": lambda d: column(d, "age", categories=["a"]),
        r"encoder lacks \['cells'\]": lambda d: d["encoder"].pop("cells"),
        "encoder has cells of": lambda d: d["encoder"]["cells"].pop(),
        "codec is .*; one of": lambda d: cells(d, "ward")["codec"].update(name="eval"),
        "column cannot have the levels": lambda d: cells(d, "ill")["codec"].update(
            levels=["a", "b"]
        ),
        "has invalid levels": lambda d: cells(d, "ward")["codec"].update(levels=["a", "a", "b"]),
        "shares for 3 levels": lambda d: cells(d, "ward")["codec"].update(shares=[1]),
        "has the unexpected .*'code'": lambda d: cells(d, "ward").update(code="x"),
        "schema has 13 columns, X 14 of": lambda d: d.update(n_features_in=14),
        "schema has .* there is no y": lambda d: d.update(y_container=None),
        "constraint is .*; one of": lambda d: d["constraints"]["constraints"][0].update(name="os"),
        "which the table lacks": lambda d: d["constraints"]["columns"].remove("twice"),
        "container has kind='pickle'": lambda d: d["container"].update(kind="pickle"),
        "container of kind 'array' has dtype None": lambda d: d["container"].update(kind="array"),
        "container has the invalid dtype": lambda d: d["container"].update(
            kind="array", dtype="<U999999999"
        ),
    }
    for match, edit in edits.items():
        edited(path, members, SCHEMA, edit)
        refused(path, match)


def constraints_of(data):
    return {record["name"]: record for record in data["constraints"]["constraints"]}


def test_constraints_that_do_not_fit(tmp_path):
    path, members = of_kind("table", tmp_path)
    edits = [
        lambda c: c["Identifier"]["learnt"].update(fit="x"),
        lambda c: c["Identifier"]["learnt"].update(parts_=[["digit", 1, 10**9]]),
        lambda c: c["Identifier"]["learnt"].update(parts_=[["eval", 1, 2]]),
        lambda c: c["Identifier"]["parameters"].update(function="print"),
        lambda c: c["FixedCombinations"]["learnt"]["combinations_"].append(["x"]),
        lambda c: c["FixedCombinations"]["learnt"].update(shares_=[]),
        lambda c: c["FixedCombinations"]["parameters"].update(columns=["city", "ward"]),
        lambda c: c["Inequality"]["learnt"].update(middle_="high"),
        lambda c: c["Inequality"]["parameters"].update(low="city"),
        lambda c: c["Formula"]["parameters"].update(kind="__import__('os')"),
        lambda c: c["Formula"]["learnt"].update(low_=None),
        lambda c: c["Range"]["parameters"].update(low=[]),
        lambda c: c["Range"].update(
            name="Predicate", parameters={"function": "print", "columns": None}
        ),
    ]
    for edit in edits:
        edited(path, members, SCHEMA, lambda data, edit=edit: edit(constraints_of(data)))
        refused(path, "constraint|Predicate needs a function")


def test_sizes_of_signals_and_images_that_no_one_has(tmp_path):
    path, members = of_kind("image", tmp_path)
    for shape in ([10**6, 10**6, 3], [2**62, 1, 3], [8, 8, 2], [8, 8], [0, 8, 3], [8.0, 8, 3]):
        edited(path, members, SCHEMA, lambda d, s=shape: d["encoder"].update(image_shape=s))
        refused(path, "encoder has")
    edited(path, members, SCHEMA, lambda d: d["encoder"].update(image_shape=[16, 16, 3]))
    refused(path, "holds no loadable model")
    path, members = of_kind("signal", tmp_path)
    for name, value in (
        ("n_samples", 10**12),
        ("n_samples", 21),
        ("n_leads", 10**9),
        ("n_leads", 3),
    ):
        edited(path, members, SCHEMA, lambda d, n=name, v=value: d["encoder"].update({n: v}))
        refused(path, "holds no loadable model")
    for name, wrong in (
        ("kept", np.array([0, 0])),
        ("kept", np.array([0, 7])),
        ("gains", np.zeros((2, 20))),
        ("matrix", np.full((2, 2), np.inf)),
    ):
        with_arrays(path, members, TABLES, **{name: wrong})
        refused(path, "encoder")


def test_a_grid_that_no_table_has(tmp_path):
    path, members = of_kind("table", tmp_path)
    encoder = {"part": "GridEncoder", "parameters": {"side": 10**6}}
    edited(path, members, MANIFEST, lambda d: d["parameters"].update(encoder=encoder))
    refused(path, "side=1000000 gives 1000000000000 positions; up to 4194304 are allowed")
