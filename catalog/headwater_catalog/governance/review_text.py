"""The review of a change in Markdown, for a comment on a pull request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from headwater_catalog.governance.markdown import code, prose

__all__ = ["MOST", "review_markdown"]

MOST: Final = 60_000
"""How many bytes a review has at most: GitHub takes 65,536 of a comment, and somebody may add a line."""

_Json = Mapping[str, Any]
_MOST_LISTED: Final = (200, 50, 20, 8, 3)  # of each list; the first with which all of it fits is taken
_MOST_STEPS: Final = 12  # of a way
_LONGEST_STEP: Final = 80  # characters
_MOST_NAMED: Final = 5  # names in a line
_EFFECTS: Final = {
    "loosens": "**loosens**",
    "either": "**look at it**",
    "tightens": "tightens",
    "neither": "only words",
}


def review_markdown(told: _Json, most: int = MOST) -> str:
    """Return a review, as `review_json` gives it, in Markdown.

    Args:
        told: The review.
        most: How many bytes it has at most. Of long lists the first are told, and how many more there are.
    """
    for listed in _MOST_LISTED:
        lines = list(_Writer(told, listed).lines())
        if _size(lines) <= most:
            break
    return "\n".join(_cut(lines, most))


def _size(lines: Iterable[str]) -> int:
    return sum(len(line.encode("utf-8", "replace")) + 1 for line in lines)


def _cut(lines: Sequence[str], most: int) -> list[str]:
    """Return the first lines, so many bytes of them at most: whole ones, so that none leaves markup open."""
    if _size(lines) <= most:
        return list(lines)
    kept, left = [], most - 100
    for line in lines:
        left -= _size([line])
        if left < 0:
            break
        kept.append(line)
    return [*kept, "", f"And {len(lines) - len(kept):,} more lines, which `--json` has."]


class _Writer:
    """Writes one review, with so many entries of each list at most."""

    def __init__(self, told: _Json, most: int) -> None:
        self._told, self._most = told, most

    def lines(self) -> Iterator[str]:
        told = self._told
        before = code(told["before"][:10]) if told["before"] else "nothing"
        yield f"## Headwater review of {code(told['repository'])}"
        yield ""
        yield f"**{_summary(told)}**"
        yield ""
        after, day = code(told["after"][:10]), code(told["day"])
        yield f"From {before} to {after}, barriers and exceptions as of {day}."
        yield from self._section("New findings", told["findings"], _finding)
        yield from self._section("Rules that this changes", told["rules"], _rule)
        rises = [change for change in told["taint"] if change["rises"]]
        falls = [change for change in told["taint"] if not change["rises"]]
        yield from self._section("Classified from now on", rises, _taint)
        yield from self._section("No longer classified, or less", falls, _taint)
        yield from self._section("Changed features", told["changed"], _changed)
        yield from self._section("Changed dataflows", told["dataflows"], _dataflow)
        yield from self._reach()
        yield from self._section("Whom to ask", told["owners"], _owner)
        yield from self._datasets()
        yield from self._section("Cleared findings", told["cleared"], _finding)
        yield from self._section("Let through by an exception", told["excepted"], _finding)
        yield from self._section("Not known here", told["unknown"], _unknown)

    def _section(
        self, title: str, entries: Sequence[_Json], write: Callable[[_Json], Iterator[str]]
    ) -> Iterator[str]:
        if not entries:
            return
        yield ""
        yield f"### {title} ({len(entries):,})"
        yield ""
        yield from self._list(entries, write)

    def _list(self, entries: Sequence[_Json], write: Callable[[_Json], Iterator[str]]) -> Iterator[str]:
        for entry in entries[: self._most]:
            first, *more = write(entry)
            yield f"- {first}"
            yield from (f"  - {line}" for line in more)
        if (left := len(entries) - self._most) > 0:
            yield f"- and {left:,} more"

    def _reach(self) -> Iterator[str]:
        told = self._told
        if not told["reached"] and not told["outputs"]:
            return
        yield ""
        yield f"### Downstream ({len(told['reached']):,})"
        yield ""
        modules = sorted(told["modules"], key=lambda each: -each["reached"])
        yield from self._list([each for each in modules if each["reached"]], _module)
        yield from self._list(told["outputs"], _outputs)

    def _datasets(self) -> Iterator[str]:
        datasets = self._told["datasets"]
        if datasets is None:
            yield from ("", "### Datasets", "", "Which saved datasets this makes stale only a catalog knows.")
        else:
            yield from self._section("Datasets that become stale", datasets, _dataset)


def _summary(told: _Json) -> str:
    of_meaning = sum(change["is_of_meaning"] for change in told["changed"])
    said = [_findings(told["findings"])]
    loosened = sum(change["effect"] == "loosens" for change in told["rules"])
    said += [f"{_counted(loosened, 'rule')} loosened"] if loosened else []
    rises = sum(change["rises"] for change in told["taint"])
    said += [f"{_counted(rises, 'feature')} newly classified"] if rises else []
    if of_meaning:
        reaching = "reaches" if of_meaning == 1 else "reach"
        more = f"which {reaching} {len(told['reached']):,} more"
        said.append(f"{_counted(of_meaning, 'feature')} changed in meaning, {more}")
    elif told["changed"]:
        said.append(f"{_counted(len(told['changed']), 'feature')} changed, none in meaning")
    else:
        said.append("no feature changed")
    return f"{'; '.join(said)}."


def _findings(findings: Sequence[_Json]) -> str:
    counts = {s: sum(f["severity"] == s for f in findings) for s in ("error", "warning", "note")}
    told = ", ".join(_counted(count, name) for name, count in counts.items() if count)
    return f"New findings: {told}" if told else "No new finding"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


# One entry: its line, and lines below it


def _finding(finding: _Json) -> Iterator[str]:
    of = f" {code(finding['key'])}" if finding["key"] else ""
    place = f" ({_place(finding)})" if finding["path"] else ""
    yield f"{finding['severity']} {code(finding['rule'])}:{of}{place} {prose(finding['message'])}".rstrip()
    if len(finding["because"]) > 1:
        yield f"its way: {_way(finding['because'])}"
    told = [f"ask {_named(finding['owners'])}"] if finding["owners"] else []
    told += [f"policy of {code(finding['owner'])}"] if finding["owner"] else []
    if told:
        yield "; ".join(told)


def _rule(change: _Json) -> Iterator[str]:
    of = f" {code(change['name'])}" if change["name"] else ""
    about = f" for {code(change['about'])}" if change["about"] else ""
    place = f" ({_place(change)})" if change["path"] else ""
    of_them = f" of {_named(change['keys'])}" if change["keys"] else ""
    yield f"{_EFFECTS[change['effect']]}: {change['kind']}{of}{about}{of_them} {change['change']}{place}"
    yield from (prose(detail) for detail in change["details"][:_MOST_STEPS])


def _taint(change: _Json) -> Iterator[str]:
    was, now = (code(change[side]) if change[side] else "not there" for side in ("was", "now"))
    at = code(change["through"][-1])
    of = f"{code(change['classification'])} of {code(change['key'])}"
    yield f"{of}: {was} to {now}, as {at} {change['cause']}"
    if len(change["path"]) > 1:
        yield f"{'its way' if change['rises'] else 'the way that it had'}: {_way(change['path'])}"


def _changed(change: _Json) -> Iterator[str]:
    moved = f"moved, was {code(change['origin'])}" if change["origin"] else ""
    classes = [name for name in change["classes"] if name != "moved" or not moved]
    owners = f" ({_named(change['owners'])})" if change["owners"] else ""
    yield f"{code(change['key'])}: {', '.join([*([moved] if moved else []), *classes])}{owners}"
    shown = change["because"][:_MOST_NAMED]
    yield from (prose(reason) for reason in shown)
    if (left := len(change["because"]) - len(shown)) > 0:
        yield f"and {left:,} more reasons"


def _dataflow(change: _Json) -> Iterator[str]:
    yield f"{code(change['name'])} {change['change']}"
    yield from (prose(detail) for detail in change["details"][:_MOST_NAMED])


def _module(counts: _Json) -> Iterator[str]:
    yield f"module {code(counts['name'])}: {_counted(counts['reached'], 'feature')}"


def _outputs(made: _Json) -> Iterator[str]:
    yield f"outputs of dataflow {code(made['dataflow'])}: {_named(made['names'])}"


def _owner(asked: _Json) -> Iterator[str]:
    who = code(asked["name"]) if asked["name"] else "nobody"
    yield f"{who}: {asked['changed']:,} changed, {asked['reached']:,} reached"


def _dataset(dataset: _Json) -> Iterator[str]:
    yield f"{code(dataset['name'])}, saved by run {dataset['run']}: {_named(dataset['outputs'])}"


def _unknown(each: _Json) -> Iterator[str]:
    yield f"{code(each['rule'])}: {prose(each['reason'])}"


def _named(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(map(code, names[:_MOST_NAMED])) + (f" and {more:,} more" if more > 0 else "")


def _way(keys: Sequence[str]) -> str:
    half = _MOST_STEPS // 2
    short = [code(key.rpartition(":")[2], _LONGEST_STEP) for key in keys]
    return " → ".join(short if len(short) <= _MOST_STEPS else [*short[:half], "…", *short[-half:]])


def _place(each: _Json) -> str:
    return code(f"{each['path']}:{each['line']}" if each["line"] else each["path"])
