"""What everybody is told of why a run with personal data failed: nothing that code or data may have said."""

from __future__ import annotations

import builtins
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from headwater import errors

__all__ = ["plain_reason", "vouched", "withheld"]

_WITHHELD: Final = (
    "The run has personal data, so what the error says is shown on its page to those only who may see that."
)
_SCOPES: Final = frozenset(("<module>", "<lambda>", "<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"))


def plain_reason(failure: Mapping[str, Any]) -> str:
    """Return the reason of a run that failed as `vouched` says it."""
    where = f" in '{failure['node']}'" if failure["node"] else ""
    return f"{failure['error']}{where}. {_WITHHELD}"


def withheld(plain: str) -> str:
    """Return the reason of a run that failed beside its features, of which a plain sentence is known."""
    return f"{plain} {_WITHHELD}"


def vouched(failure: Mapping[str, Any], nodes: Collection[str], tree: Path | None = None) -> dict[str, Any]:
    """Return a failure with the names only that others than feature code vouch for; its message has the rest.

    Args:
        failure: What feature code did wrong: `node`, `error`, `message` and `frames`, all of it in its words.
        nodes: The names that nodes may have.
        tree: The files of the commit, by which lines of code are held; None: none are told.
    """
    error, message = failure["error"], failure["message"]
    is_known = _is_error(error)
    return {
        "node": failure["node"] if failure["node"] in nodes else None,
        "error": error if is_known else "Error",
        "message": message if is_known else f"{error}: {message}",
        "frames": [] if tree is None else [each for each in failure["frames"] if _is_code(each, tree)],
    }


def _is_error(name: str) -> bool:
    found = getattr(builtins, name, None) or getattr(errors, name, None)
    return isinstance(found, type) and issubclass(found, BaseException)


def _is_code(frame: Mapping[str, Any], tree: Path) -> bool:
    """Tell whether a line stands in a file of the commit as it is told."""
    try:
        file = (tree / frame["path"]).resolve()
        if not file.is_relative_to(tree.resolve()):
            return False
        text = file.read_text("utf-8")
        line = text.splitlines()[frame["line"] - 1]
    except (OSError, ValueError, IndexError):
        return False
    function = frame["function"]
    is_defined = function in _SCOPES or re.search(rf"\bdef {re.escape(function)}\b", text) is not None
    return is_defined and frame["line"] > 0 and frame["code"] == line.strip()
