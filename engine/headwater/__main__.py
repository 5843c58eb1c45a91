"""Run a script with `hamilton` answered by Headwater: python -m headwater SCRIPT [ARGUMENT...]."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from headwater import compat

__all__ = ["main"]


def main(arguments: list[str]) -> int:
    """Run the script as `python SCRIPT` would."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print("usage: python -m headwater SCRIPT [ARGUMENT...]", file=sys.stderr)
        return 0 if arguments else 2
    script = Path(arguments[0])
    if not script.is_file():
        print(f"python -m headwater: there is no script {script}", file=sys.stderr)
        return 2
    compat.activate_with_children()
    sys.argv = arguments
    # With -m the first entry is the current folder; a script expects its own.
    sys.path[0] = str(script.resolve().parent)
    runpy.run_path(str(script), run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
