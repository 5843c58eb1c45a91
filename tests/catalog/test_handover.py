"""Files are taken over from folders that feature code had as what they are, and from where they are."""

import os
from pathlib import Path

import pytest

from headwater_catalog.handover import (
    file_sizes,
    is_file,
    kept_sha256,
    open_file,
    open_folder,
    open_kept,
    take_file,
)


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """Give a folder that feature code had, with a file of the server's beside it."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    (tmp_path / "secret").write_text("secret")
    return folder


def _put(how: str, place: Path, secret: Path) -> None:
    if how == "link":
        place.symlink_to(secret)
    elif how == "second name":
        place.hardlink_to(secret)
    elif how == "pipe":
        os.mkfifo(place)
    elif how == "folder":
        place.mkdir()


@pytest.mark.parametrize("how", ["link", "second name", "pipe", "folder", "nothing"])
def test_what_is_no_file_of_its_own_stays_where_it_is(theirs: Path, tmp_path: Path, how: str):
    secret, target = tmp_path / "secret", tmp_path / "taken"
    _put(how, theirs / "made", secret)
    mode = secret.stat().st_mode
    with open_folder(theirs) as held:
        with pytest.raises(OSError):
            take_file("made", held, target)
        with pytest.raises(OSError):
            open_file("made", held)
        assert file_sizes(held) == {}

    assert not target.exists() and not target.is_symlink()
    assert secret.stat().st_mode == mode


@pytest.mark.parametrize("how", ["link", "pipe", "folder", "nothing"])
def test_where_files_are_kept_no_link_leads_to_another(theirs: Path, tmp_path: Path, how: str):
    _put(how, theirs / "kept", tmp_path / "secret")

    assert not is_file(theirs / "kept")
    for open_it in (open_kept, kept_sha256):
        with pytest.raises(OSError):
            open_it(theirs / "kept")


def test_a_kept_file_of_which_a_backup_has_a_second_name_is_opened(theirs: Path, tmp_path: Path):
    _put("second name", theirs / "kept", tmp_path / "secret")

    assert is_file(theirs / "kept")
    with open_kept(theirs / "kept") as file:
        assert file.read() == b"secret"


def test_a_link_to_a_folder_is_no_folder(theirs: Path, tmp_path: Path):
    (tmp_path / "victim").mkdir()
    (theirs / "values").symlink_to(tmp_path / "victim")

    with pytest.raises(OSError), open_folder(theirs / "values"):
        pass


def test_a_folder_that_is_held_stays_the_same(theirs: Path, tmp_path: Path):
    (theirs / "made").write_text("theirs")
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "made").write_text("of another")
    with open_folder(theirs) as held:
        theirs.rename(tmp_path / "moved")
        theirs.symlink_to(tmp_path / "victim")
        size = take_file("made", held, tmp_path / "taken")

    assert (size, (tmp_path / "taken").read_text()) == (6, "theirs")
    assert (tmp_path / "victim" / "made").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, which can make files of other users")
def test_a_file_that_was_taken_over_is_nobody_elses_any_more(theirs: Path, tmp_path: Path):
    (theirs / "made").write_text("x")
    os.chown(theirs / "made", 60600, 60600)
    (theirs / "made").chmod(0o666)
    with open_folder(theirs) as held:
        take_file("made", held, tmp_path / "taken")
    found = (tmp_path / "taken").stat()

    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (0, 0, 0o640)
