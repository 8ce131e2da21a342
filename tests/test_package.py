"""Structure of the package: imports, names, sizes, parameters that estimators share."""

import ast
import inspect
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from sklearn.base import BaseEstimator

import synthgan

ROOT = Path(__file__).resolve().parents[1]


def test_import_is_light():
    code = (
        "import sys, synthgan;"
        "heavy = {'torch', 'pandas', 'sklearn', 'numpy'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_public_names():
    for name in synthgan.__all__:
        assert getattr(synthgan, name) is not None
        assert name in dir(synthgan)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = synthgan.nothing


def test_public_names_are_documented():
    for name in synthgan.__all__:
        if name != "__version__":
            assert len(getattr(synthgan, name).__doc__.splitlines()) > 1, name


def test_imports_point_one_way():
    pytest.importorskip("importlinter")
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


SOURCES = sorted((ROOT / "synthgan").rglob("*.py"))
MOST_LINES, MOST_IN_BODY, MOST_PARAMETERS = 450, 60, 16
# Each parameter is a plain keyword, so that `set_params`, a search and the command line can name
# it. `HistGradientBoostingClassifier` of scikit-learn has 22 for the same reason.
MANY_PARAMETERS = {
    "TabularGANSynthesizer": 18,
    "SignalGANSynthesizer": 17,
    "ImageGANSynthesizer": 20,
}


def test_files_are_short():
    files = [*SOURCES, *(ROOT / "tests").rglob("*.py")]
    lines = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files}
    assert {name: n for name, n in lines.items() if n > MOST_LINES} == {}


def functions():
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield path, node


def test_bodies_are_short():
    long = {}
    for path, node in functions():
        body = node.body[1:] if ast.get_docstring(node) is not None else node.body
        n_lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
        if n_lines > MOST_IN_BODY:
            long[f"{path.relative_to(ROOT)}: {node.name}"] = n_lines
    assert long == {}


def test_constructors_have_few_parameters():
    many = {}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.ClassDef):
                continue
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and method.name == "__init__":
                    n = len(method.args.args) + len(method.args.kwonlyargs) - 1
                    if n > MOST_PARAMETERS:
                        many[node.name] = n
    assert many == MANY_PARAMETERS


def test_every_folder_says_what_belongs_there():
    for path in SOURCES:
        if path.name == "__init__.py" and path.parent.name != "synthgan":
            says = ast.get_docstring(ast.parse(path.read_text()))
            assert len((says or "").splitlines()) >= 3, path


def parameters_of(estimator):
    """Return the text of each parameter in the docstring of a class."""
    doc = inspect.cleandoc(estimator.__doc__)
    section = doc.partition("Parameters\n----------\n")[2].partition("\n\n")[0]
    parts = [part.partition(" : ") for part in re.split(r"^(?=\w.* : )", section, flags=re.M)]
    return {name: text for names, _, text in parts if names for name in names.split(", ")}


def test_parameters_that_estimators_share_are_documented_once():
    estimators = [getattr(synthgan, name) for name in MANY_PARAMETERS]
    texts = [parameters_of(estimator) for estimator in estimators]
    for estimator, text in zip(estimators, texts, strict=True):
        assert list(text) == list(inspect.signature(estimator).parameters)
    shared = ("loss", "optimizer", "max_steps", "callbacks", "device", "random_state", "warm_start")
    for name in shared:
        assert len({text[name].strip() for text in texts}) == 1, name
    for path in (ROOT / "synthgan" / "synthesizers").glob("*.py"):
        if path.name not in ("base.py", "imputer.py", "oversampler.py"):
            assert "\n    warm_start : " not in path.read_text(), path


def depth(cls):
    """Return how many classes lead from a class to BaseEstimator."""
    bases = [base for base in cls.__bases__ if issubclass(base, BaseEstimator)]
    return 0 if cls is BaseEstimator else 1 + max(map(depth, bases))


def test_estimators_are_two_levels_deep():
    folder = ROOT / "synthgan" / "synthesizers"
    modules = [import_module(f"synthgan.synthesizers.{path.stem}") for path in folder.glob("*.py")]
    every = {one for module in modules for one in vars(module).values() if isinstance(one, type)}
    own = [one for one in every if one.__module__.startswith("synthgan.synthesizers")]
    depths = {one.__name__: depth(one) for one in own if issubclass(one, BaseEstimator)}
    assert depths["ChildTableSynthesizer"] == depths["SignalGANSynthesizer"] == 2
    assert max(depths.values()) == 2


def test_estimators_are_asked_for_no_private_parts():
    """Other modules call functions; `_validate_params` and the hooks of SavedModel are stated."""
    stated = {"_validate_params", "_to_archive", "_from_archive"}
    for path in (ROOT / "synthgan" / "synthesizers").glob("*.py"):
        if path.name == "base.py":  # builds objects of its own class
            continue
        asked = set(re.findall(r"\b(?:model|models\[\w+\]|own)\.(_[a-z]\w*)\(", path.read_text()))
        assert asked <= stated, path
