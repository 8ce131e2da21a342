"""What a release says of itself in several places agrees."""

import re
from pathlib import Path

import pytest

import synthgan

ROOT = Path(__file__).resolve().parents[1]
CONDA_NAMES = {"matplotlib-base": "matplotlib", "pytorch": "torch"}

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
tomllib = pytest.importorskip("tomllib", reason="tomllib is in Python 3.11 and later")


def read_yaml(name):
    return yaml.safe_load((ROOT / name).read_text())


def test_the_version_is_the_same_everywhere():
    changes = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - ", (ROOT / "CHANGELOG.md").read_text(), re.M)
    found = {
        "CHANGELOG.md": changes[0],
        "CITATION.cff": str(read_yaml("CITATION.cff")["version"]),
        "conda": read_yaml("conda/recipe/meta.yaml")["package"]["version"],
    }
    assert set(found.values()) == {synthgan.__version__}, found


def test_the_conda_recipe_requires_what_the_package_does():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    recipe = read_yaml("conda/recipe/meta.yaml")
    run = [one.replace(" ", "") for one in recipe["requirements"]["run"]]
    named = {re.sub(r"^[a-z-]+", lambda m: CONDA_NAMES.get(m[0], m[0]), one) for one in run}
    assert named == {*project["dependencies"], f"python{project['requires-python']}"}
    commands = [f"{name} = {home}" for name, home in project["scripts"].items()]
    assert recipe["build"]["entry_points"] == commands


def test_issue_forms_have_what_a_form_needs():
    forms = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
    assert [form.stem for form in forms] == ["bug", "config", "feature", "question"]
    for form in forms:
        content = yaml.safe_load(form.read_text())
        if form.stem != "config":
            assert {"name", "description", "body"} <= set(content), form.name
            fields = [one for one in content["body"] if one["type"] != "markdown"]
            assert all(one["id"] and one["attributes"]["label"] for one in fields), form.name


def test_the_changelog_is_short():
    assert len((ROOT / "CHANGELOG.md").read_text().splitlines()) <= 120


def test_every_citation_of_the_paper_is_in_its_bibliography():
    text = (ROOT / "paper" / "paper.md").read_text().split("---", 2)[2]
    cited = set(re.findall(r"(?<![\w.])@([A-Za-z]\w*)", text))
    known = re.findall(r"^@\w+\{(\w+),", (ROOT / "paper" / "paper.bib").read_text(), re.M)
    assert len(known) == len(set(known))
    assert cited == set(known)
