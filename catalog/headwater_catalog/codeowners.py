"""CODEOWNERS: whom the files of a repository belong to, by GitHub's rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from headwater_catalog.read import Diagnostic

__all__ = ["CODEOWNERS_FILES", "CodeOwners", "Rule", "read_codeowners"]

CODEOWNERS_FILES: Final = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")
"""Where the file may be; the first one that is there counts."""

MAX_SIZE: Final = 3_000_000
"""Size in bytes above which the file is not read, as on GitHub."""

_LONGEST = 1_000
"""Characters of a pattern; no path that is read is longer."""

_MOST_WILD = 2_000
"""Rules with wildcards, each of which is tried on each file; rules that name one place are looked up."""

_MOST_CHARACTERS = 50_000
"""Characters of all patterns of such rules: to make expressions of so many takes a second or two."""

_MOST_TOLD = 100
"""Lines without effect that are told of one file."""

_WORD = re.compile(r"(?:\\.|[^\s\\])+|\\")
_OWNER = re.compile(r"@[^\s@]+|[^\s@]+@[^\s@]+")
_WILD = re.compile(r"[*?]|\\.")


class Rule(NamedTuple):
    """One line of the file: a pattern of paths, and their owners, who may be none."""

    pattern: str
    owners: tuple[str, ...]
    line: int


class CodeOwners:
    """The rules of a file; of those that fit a path the last one counts."""

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        self.rules = tuple(rules)
        self._exact: dict[str, int] = {}
        self._wild: list[tuple[int, re.Pattern[str]]] = []
        # Most rules of a large file name a folder, which is looked up; only the others are tried one by one.
        for number, rule in enumerate(self.rules):
            if _is_plain(rule.pattern):
                self._exact[rule.pattern.lstrip("/")] = number
            else:
                self._wild.append((number, _expression(rule.pattern)))
        self._wild.reverse()
        self._known: dict[str, Rule | None] = {}

    def of(self, path: str) -> Rule | None:
        """Return the rule that counts for the file at a path; None where no rule fits."""
        if path not in self._known:
            self._known[path] = self._find(path)
        return self._known[path]

    def _find(self, path: str) -> Rule | None:
        last = max((self._exact.get(place, -1) for place in _places(path)), default=-1)
        for number, expression in self._wild:
            if number < last:
                break
            if expression.match(path):
                last = number
                break
        return self.rules[last] if last >= 0 else None


def _is_plain(pattern: str) -> bool:
    """Tell whether a pattern names one place below the top."""
    return "/" in pattern.rstrip("/") and not _WILD.search(pattern)


def _places(path: str) -> Iterator[str]:
    """Yield the names by which a rule may mean a file: its own, and those of the folders above it."""
    yield path
    for at, character in enumerate(path):
        if character == "/":
            yield path[:at]
            yield path[: at + 1]


@lru_cache(maxsize=4_096)
def _expression(pattern: str) -> re.Pattern[str]:
    """Return what matches the paths that a pattern means.

    Groups between stars match as early as they can and never again (`(?>…)`): a later place would leave less
    to what follows, so that nothing is lost, and no pattern takes more than quadratic time.
    """
    is_anchored = "/" in pattern.rstrip("/")
    segments = pattern.strip("/").split("/")
    groups: list[list[str]] = [[]] if is_anchored and segments[0] != "**" else [[], []]
    for segment in segments:
        if segment == "**":
            groups.append([])
        else:
            groups[-1].append(_segment(segment))
    first, *others = groups
    found = "".join(f"{segment}/" for segment in first)
    for number, group in enumerate(others):
        body = "".join(f"{segment}/" for segment in group)
        is_last = number == len(others) - 1
        if body:
            found += f"(?:[^/]+/)*?{body}" if is_last else f"(?>(?:[^/]+/)*?{body})"
    return re.compile(_ended(found, pattern, segments))


def _ended(found: str, pattern: str, segments: Sequence[str]) -> str:
    """Return an expression with the end that its pattern has: a file, a folder with all in it, or both."""
    if pattern.endswith("/") or segments[-1] == "**":
        return rf"{found}.+\Z"
    found = found.removesuffix("/")
    # Another end than with .gitignore: `docs/*` are the files of the folder, not those of folders in it.
    return rf"{found}\Z" if pattern.endswith("/*") else rf"{found}(?:/.*)?\Z"


def _segment(segment: str) -> str:
    """Return what matches one name of a path."""
    first, *others = _between_stars(segment)
    found = _literal(first)
    for number, piece in enumerate(others):
        body = f"[^/]*?{_literal(piece)}"
        found += f"(?>{body})" if number < len(others) - 1 else f"[^/]*{_literal(piece)}"
    return f"(?=[^/]){found}"


def _between_stars(segment: str) -> list[str]:
    pieces = [""]
    for word in re.findall(r"\\.|\*+|.", segment, re.DOTALL):
        if word.startswith("*"):
            pieces.append("")
        else:
            pieces[-1] += word
    return pieces


def _literal(piece: str) -> str:
    words = (match.group() for match in re.finditer(r"\\.|.", piece, re.DOTALL))
    return "".join("[^/]" if word == "?" else re.escape(word[-1]) for word in words)


def read_codeowners(path: str, content: bytes) -> tuple[tuple[Rule, ...], tuple[Diagnostic, ...]]:
    """Read a CODEOWNERS file.

    Args:
        path: Where it stands, for the diagnostics.
        content: Its bytes.

    Returns:
        Its rules, and what is wrong with lines that are none and so have no effect.
    """
    if len(content) > MAX_SIZE:
        message = f"The file has {len(content):,} bytes; more than {MAX_SIZE:,} are not read. Shorten it."
        return (), (Diagnostic(path, 0, message),)
    rules: list[Rule] = []
    diagnostics: list[Diagnostic] = []
    wild, characters = 0, 0
    text = content.decode("utf-8-sig", "replace").replace("\0", "\ufffd")
    for number, line in enumerate(text.split("\n"), 1):
        words = list(_words(line))
        if not words:
            continue
        pattern, *owners = words
        is_wild = not _is_plain(pattern)
        wrong = _fault(pattern, owners)
        if is_wild and not wrong:
            wild, characters = wild + 1, characters + len(pattern)
            wrong = _TOO_MANY if wild > _MOST_WILD or characters > _MOST_CHARACTERS else ""
        if wrong and len(diagnostics) < _MOST_TOLD:
            diagnostics.append(Diagnostic(path, number, f"This line has no effect: {wrong}"))
        elif not wrong:
            rules.append(Rule(pattern, tuple(dict.fromkeys(owners)), number))
    return tuple(rules), tuple(diagnostics)


def _words(line: str) -> Iterator[str]:
    """Yield the words of a line up to its comment; a space with `\\` before it is part of a word."""
    for found in _WORD.finditer(line):
        if found.group().startswith("#"):
            return
        yield found.group()


_TOO_MANY = (
    f"more than {_MOST_WILD:,} lines before it have wildcards or bare names, or they and it have patterns of "
    f"more than {_MOST_CHARACTERS:,} characters. Name folders instead."
)


def _fault(pattern: str, owners: Sequence[str]) -> str:
    """Return what is wrong with a line, or nothing."""
    if len(pattern) > _LONGEST:
        return f"its pattern has more than {_LONGEST:,} characters. Shorten it."
    if pattern.startswith("!"):
        return "a pattern cannot be negated by '!'. Write a later line for what is to be different."
    if "[" in pattern or "]" in pattern:
        return f"'{pattern:.100}' has brackets, which are no part of patterns. Write a line for each name."
    if "***" in pattern or not pattern.strip("/"):
        return f"'{pattern:.100}' is no pattern of paths. Use /folder/, *.py or **/name."
    wrong = next((owner for owner in owners if not _OWNER.fullmatch(owner)), None)
    if wrong is not None:
        return f"'{wrong:.100}' is no owner. Use @user, @organisation/team or an e-mail address."
    return ""
