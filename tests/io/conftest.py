"""Places that the tests of image files use."""

import tempfile

import pytest

from synthgan.records import pixels


@pytest.fixture(params=["set", "set.zip"])
def place(tmp_path, request):
    return tmp_path / request.param


@pytest.fixture
def mapped(tmp_path, monkeypatch):
    """Let each array go to a file, in a folder of its own."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(pixels, "MOST_IN_MEMORY", 100)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder
