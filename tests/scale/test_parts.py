import errno

import pytest

from synthgan.exceptions import DataError
from synthgan.scale.parts import write_parts


def writer(folder):
    def write(number):
        (folder / f"part-{number}").write_text(str(number))
        return number + 1

    return write


def test_a_folder_appears_when_all_parts_are_written(tmp_path):
    seen = []

    def maker(folder):
        write = writer(folder)

        def spy(number):
            seen.append((tmp_path / "fake").exists())
            return write(number)

        return spy

    assert write_parts(tmp_path / "fake", 3, maker) == 6
    assert [path.name for path in sorted((tmp_path / "fake").iterdir())] == [
        "part-0", "part-1", "part-2",
    ]  # fmt: skip
    assert seen == [False] * 3
    assert [path.name for path in tmp_path.iterdir()] == ["fake"]


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "fake").mkdir()
    write_parts(tmp_path / "fake", 1, writer)
    assert len(list((tmp_path / "fake").iterdir())) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("odd")])
def test_what_breaks_off_leaves_nothing(tmp_path, error):
    def maker(folder):
        write = writer(folder)

        def broken(number):
            if number == 1:
                raise error
            return write(number)

        return broken

    with pytest.raises(type(error)):
        write_parts(tmp_path / "fake", 3, maker)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_nothing_and_is_said(tmp_path):
    def maker(folder):
        def full(number):
            (folder / "part-0").write_text("half")
            raise OSError(errno.ENOSPC, "No space left on device")

        return full

    with pytest.raises(DataError, match=r"'.*fake' cannot be written: No space left on device"):
        write_parts(tmp_path / "fake", 2, maker)
    assert not list(tmp_path.iterdir())


def test_folders_that_hold_files_are_refused(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "precious").write_text("kept")
    with pytest.raises(DataError, match="is a folder that holds files; give a new folder"):
        write_parts(tmp_path / "old", 1, writer)
    with pytest.raises(DataError, match="is a file; give a new folder"):
        write_parts(tmp_path / "old" / "precious", 1, writer)
    with pytest.raises(DataError, match="is not a folder in an existing folder"):
        write_parts(tmp_path / "no" / "fake", 1, writer)
    assert (tmp_path / "old" / "precious").read_text() == "kept"
