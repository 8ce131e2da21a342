"""Code of the pages that people follow: it compiles, its names exist, and (slowly) it runs.

The slow test runs every page with a few steps of training: ``pytest -m slow tests/docs``.
"""

import ast
import importlib
import re
from pathlib import Path

import matplotlib
import pytest

from synthgan.synthesizers.base import BaseGANSynthesizer

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [
    page
    for folder in ("start", "guide")
    for page in sorted((DOCS / folder).glob("*.md"))
    if "```python" in page.read_text(encoding="utf-8")
]
_STEPS = 3
_TRAINED = {"ecgs-for-teaching"}  # asks for heart rates, which only trained networks give


def blocks_of(page):
    return re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def by_name(page):
    return page.stem


def test_there_are_pages():
    assert len(PAGES) >= 12


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_names_that_a_page_imports_exist(page):
    for block in blocks_of(page):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("synthgan"):
                module = importlib.import_module(node.module)
                assert all(hasattr(module, name.name) for name in node.names)


@pytest.fixture
def short(monkeypatch, page):
    """Train for a few steps, whatever a page asks for."""
    if page.stem in _TRAINED:
        return
    fit = BaseGANSynthesizer._fit_grids

    def fit_shortly(self, *args, **kwargs):
        monkeypatch.setattr(self, "max_steps", _STEPS)
        return fit(self, *args, **kwargs)

    monkeypatch.setattr(BaseGANSynthesizer, "_fit_grids", fit_shortly)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=by_name)
@pytest.mark.filterwarnings("ignore")
def test_code_of_a_page_runs(page, short, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    matplotlib.use("Agg")
    names = {"__name__": "page"}
    for block in blocks_of(page):
        exec(compile(block, str(page), "exec"), names)
