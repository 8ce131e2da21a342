import hashlib
import http.server
import socket
import threading
from functools import partial

import pytest

from synthgan.datasets import ptbdb
from synthgan.datasets.ptbdb import fetch_ptbdb
from synthgan.exceptions import DataError, ParameterError

pytest.importorskip("pooch")

RECORDS = ["patient001/s0010_re", "patient001/s0014lre", "patient002/s0015lre"]


def write_sums(tree):
    files = sorted(p for p in tree.rglob("*") if p.is_file() and p.name != "SHA256SUMS.txt")
    sums = [
        f"{hashlib.sha256(p.read_bytes()).hexdigest()} {p.relative_to(tree).as_posix()}\n"
        for p in files
    ]
    (tree / "SHA256SUMS.txt").write_text("".join(sums))


def files_in(folder):
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def files_of(*records):
    names = {f"{record}.{ending}" for record in records for ending in ("dat", "hea", "xyz")}
    return names | {"RECORDS", "SHA256SUMS.txt"}


@pytest.fixture
def tree(tmp_path):
    """Make a small PTB-DB: three records, of a few bytes."""
    tree = tmp_path / "server"
    for record in RECORDS:
        (tree / record).parent.mkdir(parents=True, exist_ok=True)
        for ending in ("dat", "hea", "xyz"):
            (tree / f"{record}.{ending}").write_text(f"{ending} of {record}")
    (tree / "RECORDS").write_text("\n".join(RECORDS) + "\n")
    (tree / "LICENSE.txt").write_text("ODC-BY")
    write_sums(tree)
    return tree


@pytest.fixture
def requests_seen(tree, monkeypatch):
    """Serve it, and list the paths that were asked for."""
    seen = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            seen.append(self.path)

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Handler, directory=str(tree))
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(ptbdb, "_BASE_URL", f"http://127.0.0.1:{server.server_port}/")
    yield seen
    server.shutdown()
    thread.join()
    server.server_close()


def test_everything_is_fetched_once(requests_seen, tree, tmp_path):
    cache = tmp_path / "cache"
    folder = fetch_ptbdb(str(cache))
    assert folder == cache
    assert files_in(folder) == files_of(*RECORDS)
    for name in files_in(folder):
        assert (folder / name).read_bytes() == (tree / name).read_bytes()
    assert sorted(requests_seen) == sorted(f"/{name}" for name in files_of(*RECORDS))
    requests_seen.clear()
    assert fetch_ptbdb(cache) == folder
    assert requests_seen == []


def test_some_records(requests_seen, tmp_path):
    fetch_ptbdb(tmp_path / "cache", records=RECORDS[1])
    assert files_in(tmp_path / "cache") == files_of(RECORDS[1])
    requests_seen.clear()
    fetch_ptbdb(tmp_path / "cache", records=RECORDS[1:])
    assert files_in(tmp_path / "cache") == files_of(*RECORDS[1:])
    assert len(requests_seen) == 3


def test_the_default_folder(requests_seen, tmp_path, monkeypatch):
    import pooch

    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / project)
    assert fetch_ptbdb(records=RECORDS[0]) == tmp_path / "synthgan" / "ptbdb"


@pytest.mark.parametrize("records", ["s0010_re", [RECORDS[0], "patient001/s0010_re.dat"], []])
def test_records_that_are_not_there(requests_seen, tmp_path, records):
    with pytest.raises(ParameterError, match=r"^records=.* RECORDS of PTB-DB lists, such as 'pat"):
        fetch_ptbdb(tmp_path / "cache", records=records)
    assert files_in(tmp_path / "cache") == files_of()


def test_a_wrong_hash_is_named_and_removed(requests_seen, tree, tmp_path):
    (tree / f"{RECORDS[1]}.dat").write_text("something else")
    with pytest.raises(
        DataError, match=r"^'patient001/s0014lre.dat' from http.* does not have the hash .*was"
    ):
        fetch_ptbdb(tmp_path / "cache")
    assert f"{RECORDS[1]}.dat" not in files_in(tmp_path / "cache")
    assert files_in(tmp_path / "cache") <= files_of(*RECORDS)


def test_a_changed_file_is_fetched_again(requests_seen, tree, tmp_path):
    folder = fetch_ptbdb(tmp_path / "cache")
    changed = folder / f"{RECORDS[0]}.hea"
    changed.write_text("half")
    fetch_ptbdb(folder)
    assert changed.read_bytes() == (tree / f"{RECORDS[0]}.hea").read_bytes()
    changed.write_text("half")
    (tree / f"{RECORDS[0]}.hea").write_text("other")
    with pytest.raises(
        DataError, match=r"does not have the hash that SHA256SUMS\.txt lists; it was rem"
    ):
        fetch_ptbdb(folder)
    assert not changed.exists()


def test_a_file_that_the_server_lacks(requests_seen, tree, tmp_path):
    (tree / f"{RECORDS[2]}.xyz").unlink()
    with pytest.raises(DataError, match=r"^'patient002/s0015lre.xyz' of PTB-DB cannot be .*404"):
        fetch_ptbdb(tmp_path / "cache")
    assert files_in(tmp_path / "cache") < files_of(*RECORDS)


def test_a_list_of_hashes_that_is_none(requests_seen, tree, tmp_path):
    (tree / "SHA256SUMS.txt").write_text("<html>Log in to this network</html>")
    with pytest.raises(DataError, match="lists no hash of 'RECORDS'; it was removed: fetch again"):
        fetch_ptbdb(tmp_path / "cache")
    assert files_in(tmp_path / "cache") == set()


def test_a_list_of_hashes_without_a_record(requests_seen, tree, tmp_path):
    sums = (tree / "SHA256SUMS.txt").read_text().splitlines(keepends=True)
    (tree / "SHA256SUMS.txt").write_text("".join(x for x in sums if "s0010_re" not in x))
    with pytest.raises(
        DataError, match=r"lists no header of the records \['patient001/s0010_re'\]"
    ):
        fetch_ptbdb(tmp_path / "cache")


def test_no_file_is_written_outside_the_folder(requests_seen, tree, tmp_path):
    (tree / "RECORDS").write_text("patient001/../../outside\n")
    (tree / "outside.hea").write_text("header")
    write_sums(tree)
    with (tree / "SHA256SUMS.txt").open("a") as sums:
        sha256 = hashlib.sha256(b"header").hexdigest()
        sums.write(f"{sha256} patient001/../../outside.hea\n")
    with pytest.raises(DataError, match=r"lists no header of the records \['patient001/../../out"):
        fetch_ptbdb(tmp_path / "cache")
    assert sorted(requests_seen) == ["/RECORDS", "/SHA256SUMS.txt"]
    assert not (tmp_path / "outside.hea").exists()


def test_off_line(tmp_path, monkeypatch):
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setattr(ptbdb, "_BASE_URL", url)
        with pytest.raises(
            DataError, match=rf"be downloaded from {url} .*; connect to the internet, or put the"
        ):
            fetch_ptbdb(tmp_path / "cache")
    assert files_in(tmp_path / "cache") == set()


@pytest.mark.usefixtures("without_pooch")
def test_without_pooch(tmp_path):
    with pytest.raises(
        DataError, match=r"^fetch_ptbdb needs pooch: pip install 'synthgan\[fetch\]'"
    ):
        fetch_ptbdb(tmp_path)
