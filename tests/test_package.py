"""The house: imports, names, layers."""

import subprocess
import sys
from pathlib import Path

import pytest

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
