"""The processes of runs, as seen from outside: by the folder in which they work."""

from pathlib import Path

__all__ = ["working_in"]


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
