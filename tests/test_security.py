"""What SECURITY.md promises: no code from files, no data in the wheel.

That the main jobs need no network is tested in tests/test_quiet.py.
"""

import ast
import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import synthgan

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "synthgan").rglob("*.py"))

CODE = {"eval", "exec", "compile", "__import__"}
MODULES = {
    "pickle", "cPickle", "_pickle", "dill", "cloudpickle", "marshal", "shelve", "code", "codeop",
    "runpy", "subprocess", "pty", "ctypes", "cffi", "yaml", "xmlrpc", "ftplib", "telnetlib",
}  # fmt: skip
NETWORK = {"socket", "ssl", "http", "urllib", "requests", "httpx", "aiohttp", "pooch", "asyncio"}
# Where a user asks for a download: fetch_..., and records of PhysioNet by their address.
ON_LINE = {"datasets/ptbdb.py", "datasets/thyroid.py", "io/records/wfdb_calls.py"}
CALLS = {
    "torch.load", "torch.hub.load", "torch.jit.load", "joblib.load", "os.system", "os.popen",
    "os.execv", "os.spawnv", "np.frombuffer", "pd.read_pickle", "pd.read_hdf", "pd.eval",
    "pyarrow.ipc.read_schema", "tempfile.mktemp",
}  # fmt: skip


def dotted(node):
    """Spell a name such as ``torch.load``."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    first = node.id if isinstance(node, ast.Name) else "?"
    return ".".join([first, *reversed(parts)])


def imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").split(".")[0]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_source_runs_no_code_from_data(path):
    tree = ast.parse(path.read_text())
    assert not set(imports(tree)) & MODULES
    network = set(imports(tree)) & NETWORK
    assert not network or path.relative_to(ROOT / "synthgan").as_posix() in ON_LINE
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = dotted(node.func)
        assert name not in CODE | CALLS, (name, node.lineno)
        if name.endswith(".eval"):  # of a module, which takes nothing
            assert not node.args, node.lineno
            assert not node.keywords, node.lineno
        words = {word.arg: ast.unparse(word.value) for word in node.keywords}
        assert words.get("shell", "False") == "False", node.lineno
        assert words.get("allow_pickle", "False") == "False", node.lineno
        assert words.get("weights_only", "True") == "True", node.lineno
        if name.endswith("np.load") or name == "numpy.load":
            assert words.get("allow_pickle") == "False", node.lineno


def test_the_scan_sees_what_it_is_to_see():
    tree = ast.parse("import urllib.request as u\nfrom pickle import loads\ntorch.hub.load(x)")
    assert {"urllib", "pickle"} <= set(imports(tree))
    assert "torch.hub.load" in {dotted(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}


def test_a_report_makes_a_browser_load_nothing(tmp_path):
    from synthgan.datasets import make_clinic

    clinic = make_clinic(60, random_state=0)[["age", "sex", "bmi"]]
    page = synthgan.evaluate(clinic[:30], clinic[30:], sections=["fidelity"]).to_html()
    for mark in ("<script", 'src="http', 'href="http', "url(http", "@import", "<iframe"):
        assert mark not in page


def test_the_wheel_holds_the_package_and_no_data(tmp_path):
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling is not installed here, and the build must not go on line")
    command = [sys.executable, "-m", "pip", "wheel", str(ROOT), "--no-deps", "--no-index"]
    done = subprocess.run(
        [*command, "--no-build-isolation", "-q", "-w", str(tmp_path)],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    info = f"synthgan-{synthgan.__version__}.dist-info/"
    assert {name for name in names if not name.startswith("synthgan/")} == {
        f"{info}{name}"
        for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
    }
    package = {name.removeprefix("synthgan/") for name in names if name.startswith("synthgan/")}
    sources = {path.relative_to(ROOT / "synthgan").as_posix() for path in SOURCES}
    templates = {f"report/templates/{name}.j2" for name in ("page.html", "parts.html", "style.css")}
    assert package - sources == {"py.typed", *templates}
    assert sources <= package
    assert wheel.stat().st_size < 2**20
