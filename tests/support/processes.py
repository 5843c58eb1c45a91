"""The processes of runs, as seen from outside: by the folder in which they work, and what they do."""

from pathlib import Path

__all__ = ["is_running", "state_of", "working_in"]


def state_of(process: int) -> str:
    """Return the letter of what a process does (`S` sleeps, `Z` has ended); nothing where it is gone."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def is_running(process: int) -> bool:
    """Tell whether a process is there and has not ended."""
    return state_of(process) not in ("", "Z")


def working_in(folder: Path) -> list[int]:
    """Return the processes of this machine that have a place below a folder as their working directory."""
    place = folder.resolve()
    return [int(process.name) for process in Path("/proc").glob("[0-9]*") if _works_in(process, place)]


def _works_in(process: Path, place: Path) -> bool:
    try:
        where = (process / "cwd").readlink()
    except OSError:  # it has ended, or is a zombie
        return False
    return Path(str(where).removesuffix(" (deleted)")).is_relative_to(place)
