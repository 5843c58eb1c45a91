"""Findings in the formats that other programs read: SARIF, JUnit, and annotations of GitHub and GitLab."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from importlib.metadata import version
from typing import Any, Final
from urllib.parse import quote
from xml.etree import ElementTree

from headwater_catalog.governance.findings import Finding

__all__ = ["FORMATS"]

_Json = Mapping[str, Any]
Failing = Collection[str]
"""The severities that make a check fail."""
_SARIF: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_MOST_ANNOTATIONS: Final = 10  # GitHub shows no more of each kind of one step
_NOWHERE: Final = "headwater.toml"
"""Where a finding is shown that no file has: GitHub refuses a file of which one result stands nowhere."""


def sarif(found: _Json, _failing: Failing = ()) -> str:
    """Return the findings of a check as SARIF 2.1.0, which code scanning reads."""
    rules = {finding["rule"]: finding for finding in found["findings"]}
    driver = {
        "name": "Headwater",
        "version": version("headwater"),
        "rules": [
            {
                "id": rule,
                "shortDescription": {"text": rule},
                "defaultConfiguration": {"level": finding["severity"]},
            }
            for rule, finding in sorted(rules.items())
        ],
    }
    notes = [
        {
            "level": "note",
            "message": {"text": f"Not known here: {each['rule']}. {each['reason']}"},
        }
        for each in found["unknown"]
    ]
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": notes}],
        "results": [_result(finding) for finding in found["findings"]],
    }
    return json.dumps({"$schema": _SARIF, "version": "2.1.0", "runs": [run]}, indent=2)


def _result(finding: _Json) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding["rule"],
        "level": finding["severity"],
        "message": {"text": _told(finding)},
        "partialFingerprints": {"headwaterFinding/v1": finding["fingerprint"]},
    }
    uri = quote(finding["path"] or _NOWHERE, errors="surrogatepass")
    place: dict[str, Any] = {"artifactLocation": {"uri": uri, "uriBaseId": "%SRCROOT%"}}
    if finding["line"]:
        end = max(finding["line"], finding["end_line"])
        place["region"] = {"startLine": finding["line"], "endLine": end}
    logical = [{"fullyQualifiedName": finding["key"]}] if finding["key"] else []
    result["locations"] = [{"physicalLocation": place, "logicalLocations": logical}]
    return result


def junit(found: _Json, failing: Failing = ("error",)) -> str:
    """Return the findings of a check as JUnit XML: failed tests, and skipped ones for what is unknown.

    What does not make the check fail is a test that passes, with the finding as its output.
    """
    cases = [*found["findings"], *found["unknown"]]
    failures = sum(finding["severity"] in failing for finding in found["findings"])
    counts = {"tests": str(max(1, len(cases))), "failures": str(failures)}
    suite = ElementTree.Element("testsuite", {"name": "headwater check", **counts})
    suite.set("skipped", str(len(found["unknown"])))
    for finding in found["findings"]:
        case = ElementTree.SubElement(suite, "testcase", classname=_text(finding["rule"]))
        case.set("name", _text(finding["key"] or finding["about"]))
        if finding["path"]:
            case.set("file", _text(finding["path"]))
        told = _text(f"{_place(finding)}{finding['severity']}: {_told(finding)}")
        if finding["severity"] not in failing:
            ElementTree.SubElement(case, "system-out").text = told
            continue
        failure = ElementTree.SubElement(case, "failure", type=finding["severity"])
        failure.set("message", _text(finding["message"]))
        failure.text = told
    for each in found["unknown"]:
        case = ElementTree.SubElement(suite, "testcase", classname=_text(each["rule"]), name="policy")
        ElementTree.SubElement(case, "skipped", message=_text(each["reason"]))
    if not cases:
        ElementTree.SubElement(suite, "testcase", classname="headwater", name="policies")
    suites = ElementTree.Element("testsuites", counts)
    suites.append(suite)
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True)


def github(found: _Json, _failing: Failing = ()) -> str:
    """Return the findings of a check as the commands by which a GitHub workflow annotates a change."""
    return "\n".join(_commands(found))


def _commands(found: _Json) -> Iterator[str]:
    kinds = {"error": "error", "warning": "warning", "note": "notice"}
    shown: Counter[str] = Counter()
    more: list[str] = []
    for finding in found["findings"]:
        shown[finding["severity"]] += 1
        if shown[finding["severity"]] > _MOST_ANNOTATIONS:
            more.append(f"{_place(finding)}{finding['severity']}: {finding['rule']}: {_told(finding)}")
            continue
        place = {"file": finding["path"], "line": finding["line"], "endLine": finding["end_line"]}
        place["title"] = finding["rule"]
        told = ",".join(f"{name}={_escaped(str(value), ':,')}" for name, value in place.items() if value)
        yield f"::{kinds[finding['severity']]} {told}::{_escaped(_told(finding))}"
    for each in found["unknown"]:
        title, told = _escaped(each["rule"], ":,"), _escaped(each["reason"])
        yield f"::warning title={title}::Not known here: {told}"
    if more:
        yield f"{len(more)} findings more, beside the {_MOST_ANNOTATIONS} of each severity that GitHub shows:"
        # No command, whatever they say: one begins a line, blanks aside, or has its old mark anywhere.
        yield from (f"- {_escaped(each).replace('##[', '##%5B')}" for each in more)


def _escaped(text: str, also: str = "") -> str:
    """Return a text as a workflow command has it: nothing in it can begin another command."""
    return "".join(f"%{ord(c):02X}" if c in f"%\r\n{also}" else c for c in text)


def gitlab(found: _Json, _failing: Failing = ()) -> str:
    """Return the findings of a check as a code quality report of GitLab."""
    severities = {"error": "critical", "warning": "minor", "note": "info"}
    report = [
        {
            "description": _told(finding),
            "check_name": finding["rule"],
            "fingerprint": finding["fingerprint"],
            "severity": severities[finding["severity"]],
            "location": {"path": finding["path"] or _NOWHERE, "lines": {"begin": max(1, finding["line"])}},
        }
        for finding in found["findings"]
    ]
    report += [
        {
            "description": f"Not known here: {each['rule']}. {each['reason']}",
            "check_name": each["rule"],
            "fingerprint": Finding("unknown", "warning", "", about=each["rule"]).fingerprint,
            "severity": severities["warning"],
            "location": {"path": _NOWHERE, "lines": {"begin": 1}},
        }
        for each in found["unknown"]
    ]
    return json.dumps(report, indent=2)


def _told(finding: _Json) -> str:
    because = finding["because"]
    return f"{finding['message']} Its way: {' -> '.join(because)}" if len(because) > 1 else finding["message"]


def _place(finding: _Json) -> str:
    """Return what stands before a finding in a line: its place, where it has one."""
    place = f"{finding['path']}:{finding['line']}" if finding["line"] else finding["path"]
    return f"{place}: " if place else ""


def _text(text: str) -> str:
    """Return a text as XML can hold it."""
    return "".join(c for c in text if c in "\t\n\r" or _is_of_xml(ord(c)))


def _is_of_xml(code: int) -> bool:
    ranges: Iterable[range] = (range(0x20, 0xD800), range(0xE000, 0xFFFE), range(0x10000, 0x110000))
    return any(code in each for each in ranges)


FORMATS: Final[Mapping[str, Callable[[_Json, Failing], str]]] = {
    "sarif": sarif,
    "junit": junit,
    "github": github,
    "gitlab": gitlab,
}
"""What turns the JSON of a check into each format."""
