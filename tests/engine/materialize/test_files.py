"""Files that are written whole or not at all."""

import io
import os
import stat
import sys
from pathlib import Path

import pytest

from headwater.errors import InvalidInput, MissingExtra
from headwater.materialize.files import is_remote, opened, remove, replacing


def written(target, text: str, **options) -> None:
    with replacing(target, **options) as made, Path(made).open("a") as file:
        file.write(text)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_file_appears_when_it_is_whole(tmp_path) -> None:
    target = tmp_path / "out.csv.gz"

    with replacing(target) as made:
        Path(made).write_text("half")
        assert not target.exists()
        assert Path(made).name == "out.csv.gz"

    assert target.read_text() == "half"
    assert names(tmp_path) == ["out.csv.gz"]


def test_failure_leaves_what_was_there(tmp_path) -> None:
    target = tmp_path / "out.txt"
    target.write_text("before")

    with pytest.raises(ZeroDivisionError), replacing(str(target)) as made:
        Path(made).write_text("half")
        raise ZeroDivisionError

    assert target.read_text() == "before"
    assert names(tmp_path) == ["out.txt"]


def test_addition_begins_with_what_is_there(tmp_path) -> None:
    target = tmp_path / "out.txt"

    written(target, "one", append=True)
    written(target, "two", append=True)
    assert target.read_text() == "onetwo"
    written(target, "three")
    assert target.read_text() == "three"


def test_mode_and_links_of_a_file_are_kept(tmp_path) -> None:
    target, link = tmp_path / "out.txt", tmp_path / "link.txt"
    target.write_text("before")
    target.chmod(0o640)
    link.symlink_to(target)

    written(link, "after")

    assert link.is_symlink()
    assert target.read_text() == "after"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_new_file_has_the_mode_of_any_other(tmp_path) -> None:
    (tmp_path / "plain").write_text("")

    written(tmp_path / "out", "x")

    assert (tmp_path / "out").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_files_of_a_folder_join_those_that_are_there(tmp_path) -> None:
    target = tmp_path / "parts"

    for name in ("one", "two"):
        with replacing(target) as made:
            Path(made, "day=1").mkdir(parents=True)
            Path(made, "day=1", name).write_text(name)

    assert names(target / "day=1") == ["one", "two"]


def test_buffer_and_device_are_written_as_they_are() -> None:
    buffer = io.BytesIO()

    with replacing(buffer) as made:
        assert made is buffer
    with replacing(os.devnull) as made:
        assert made == os.devnull


def test_file_in_a_folder_that_takes_no_new_ones_is_written_in_its_place(tmp_path, monkeypatch) -> None:
    target = tmp_path / "out.txt"
    target.write_text("before")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # an administrator may write everywhere

    with replacing(target) as made:
        assert made == str(target)


def test_missing_folder_is_told(tmp_path) -> None:
    with (
        pytest.raises(FileNotFoundError, match="There is no such folder to save into"),
        replacing(tmp_path / "a" / "b"),
    ):
        pass


def test_opened_takes_paths_and_open_files(tmp_path) -> None:
    (tmp_path / "a").write_text("text")

    with opened(tmp_path / "a") as file:
        assert file.read() == "text"
    buffer = io.StringIO("open")
    with opened(buffer) as file:
        assert file.read() == "open"
    assert not buffer.closed


@pytest.mark.parametrize(
    ("path", "remote"),
    [
        ("s3://b/a.csv", True),
        ("file:///a", True),
        ("simplecache::s3://b/a", True),
        ("C://a", False),
        ("a/b", False),
        (Path("a"), False),
    ],
)
def test_path_with_a_protocol_is_remote(path, remote) -> None:
    assert is_remote(path) is remote


class TestRemote:
    """With fsspec, whose store in memory stands for any other."""

    @pytest.fixture
    def store(self):
        fsspec = pytest.importorskip("fsspec")
        store = fsspec.filesystem("memory")
        yield store
        store.store.clear()

    def test_file_is_put_whole(self, store) -> None:
        written("memory://folder/a.txt", "one")
        written("memory://folder/a.txt", "two", append=True)

        assert store.cat("/folder/a.txt") == b"onetwo"
        with opened("memory://folder/a.txt") as file:
            assert file.read() == "onetwo"

    def test_failure_leaves_what_was_there(self, store) -> None:
        written("memory://a.txt", "before")

        with pytest.raises(ZeroDivisionError), replacing("memory://a.txt") as made:
            Path(made).write_text("half")
            raise ZeroDivisionError

        assert store.cat("/a.txt") == b"before"

    def test_file_is_removed_if_it_is_there(self, store) -> None:
        written("memory://a.txt", "one")

        for _ in range(2):
            remove("memory://a.txt")
            assert not store.exists("/a.txt")
        with pytest.raises(InvalidInput, match="within an archive"):
            remove("zip://a.txt::memory://a.zip")

    def test_folder_is_put_file_by_file(self, store) -> None:
        with replacing("memory://parts") as made:
            Path(made, "day=1").mkdir(parents=True)
            Path(made, "day=1", "one").write_text("1")

        assert store.cat("/parts/day=1/one") == b"1"


def test_missing_fsspec_is_told(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    told = r"such as s3://bucket/file.csv, needs fsspec.*headwater\[remote\]"

    with pytest.raises(MissingExtra, match=told), opened("s3://bucket/a.csv"):
        pass
