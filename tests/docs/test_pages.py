"""Code of the pages that people follow runs as it stands, with short training."""

import re
from pathlib import Path

import matplotlib
import pytest

from synthgan.synthesizers.base import BaseGANSynthesizer

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for folder in ("start", "guide")
    for page in (ROOT / "docs" / folder).glob("*.md")
    if "```python" in page.read_text(encoding="utf-8")
)
_STEPS = 3


@pytest.fixture
def short(monkeypatch):
    """Train for a few steps, whatever a page asks for."""
    fit = BaseGANSynthesizer._fit_grids

    def fit_shortly(self, *args, **kwargs):
        monkeypatch.setattr(self, "max_steps", _STEPS)
        return fit(self, *args, **kwargs)

    monkeypatch.setattr(BaseGANSynthesizer, "_fit_grids", fit_shortly)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
@pytest.mark.filterwarnings("ignore")
def test_code_of_a_page_runs(page, short, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    matplotlib.use("Agg")
    names = {"__name__": "page"}
    for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        exec(compile(block, str(page), "exec"), names)  # noqa: S102
