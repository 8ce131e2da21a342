"""Every snippet of docs/ecosystem.md runs, with a few steps of training."""

import ast
import importlib.util
import re
import sys
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType

import pytest

from synthgan.synthesizers.base import BaseGANSynthesizer

PAGE = Path(__file__).parents[2] / "docs" / "ecosystem.md"
_STEPS = 3


def sections():
    """Return the code of each section, by its title."""
    parts = re.split(r"^##+ (.*)$", PAGE.read_text(encoding="utf-8"), flags=re.M)
    titles, texts = ["setup", *parts[1::2]], parts[::2]
    found = {
        title: "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
        for title, text in zip(titles, texts, strict=True)
    }
    return {title: code for title, code in found.items() if code}


CODE = sections()
SETUP = CODE.pop("setup")


class Recorder(ModuleType):
    """Stands in for mlflow and wandb, which are large; keeps what is logged."""

    def __init__(self, name):
        super().__init__(name)
        self.logged, self.finished = [], False

    def start_run(self):
        return nullcontext()

    def log_metrics(self, metrics, step):
        self.logged.append((metrics, step))

    def init(self, project, config):
        return self

    def log(self, metrics, step):
        self.logged.append((metrics, step))

    def finish(self):
        self.finished = True


@pytest.fixture
def short(monkeypatch):
    fit = BaseGANSynthesizer._fit_grids

    def fit_shortly(self, *args, **kwargs):
        monkeypatch.setattr(self, "max_steps", _STEPS)
        monkeypatch.setattr(self, "candidates", 1)
        return fit(self, *args, **kwargs)

    monkeypatch.setattr(BaseGANSynthesizer, "_fit_grids", fit_shortly)


def skip_where_absent(code):
    for node in ast.walk(ast.parse(code)):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            top = name.partition(".")[0]
            if importlib.util.find_spec(top) is None:
                pytest.skip(f"{top} is not installed")


def run(code):
    names = {"__name__": "page"}
    exec(compile(SETUP + "\n" + code, str(PAGE), "exec"), names)
    return names


def test_the_page_has_its_sections():
    assert {"Groups", "Weights", "Optuna", "skrub", "DuckDB", "PyTorch", "MLflow"} <= set(CODE)


SLOW = {"Cross-validation and scores", "Optuna", "Successive halving"}  # several fits each
TITLES = [
    pytest.param(title, marks=pytest.mark.slow if title in SLOW else ())
    for title in sorted(set(CODE) - {"MLflow", "Weights & Biases"})
]


@pytest.mark.parametrize("title", TITLES)
@pytest.mark.filterwarnings("ignore")
def test_snippet_runs(title, short):
    skip_where_absent(CODE[title])
    run(CODE[title])


@pytest.mark.parametrize(("title", "name"), [("MLflow", "mlflow"), ("Weights & Biases", "wandb")])
@pytest.mark.filterwarnings("ignore")
def test_callbacks_log_each_row_of_the_history(title, name, short, monkeypatch):
    recorder = Recorder(name)
    monkeypatch.setitem(sys.modules, name, recorder)
    history = run(CODE[title])["quick"].history_
    assert [step for _, step in recorder.logged] == history["step"].tolist()
    metrics, _ = recorder.logged[-1]
    assert metrics["epoch"] == history["epoch"].iloc[-1]
    assert recorder.finished == (name == "wandb")
