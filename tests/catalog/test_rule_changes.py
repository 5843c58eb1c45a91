"""What a change does to the rules themselves."""

from __future__ import annotations

import pytest

from headwater_catalog.governance.rule_changes import rule_changes
from headwater_catalog.snapshot import Snapshot
from headwater_catalog.tree_snapshots import read_folder
from support.git_repo import GitRepo

_DAY = "2026-06-30"
_BARRIER = 'pii="barrier", pii_reason="a keyed hash", pii_reviewer="ines", pii_until="2026-12-31"'
_POLICY = '[policies.owned]\nquery = "-has:owner"\n'
_EXCEPTED = _POLICY + 'exceptions = [{ feature = "shop:email", until = 2026-12-31, reason = "old" }]\n'
_ANONYMISED = '[classifications.pii]\nanonymisers = [{ function = "mean_of", at_least = { k = 10 } }]\n'


def _read(git_repo: GitRepo, code: str, toml: str) -> Snapshot:
    git_repo.write("shop.py", f"from headwater import tag\n\n{code}")
    git_repo.write("headwater.toml", toml)
    return read_folder(git_repo.path)


def _told(git_repo: GitRepo, before: tuple[str, str], after: tuple[str, str]) -> list[tuple[str, ...]]:
    found = rule_changes(_read(git_repo, *before), _read(git_repo, *after), _DAY)
    return [(each.effect, each.kind, each.name, each.about, each.change, *each.details) for each in found]


@pytest.mark.parametrize(
    ("before", "after", "told", "back"),
    [
        (
            "",
            _POLICY,
            ("tightens", "policy", "owned", "", "added", "severity error", "query -has:owner"),
            ("loosens", "policy", "owned", "", "removed"),
        ),
        (
            _POLICY,
            _POLICY + 'severity = "warning"\n',
            ("loosens", "policy", "owned", "", "changed", "severity was error, now warning"),
            ("tightens", "policy", "owned", "", "changed", "severity was warning, now error"),
        ),
        (
            _POLICY,
            _POLICY + "only_new = true\n",
            ("loosens", "policy", "owned", "", "changed", "only_new was false, now true"),
            ("tightens", "policy", "owned", "", "changed", "only_new was true, now false"),
        ),
        (
            _POLICY,
            _POLICY.replace("-has", "module:shop -has"),
            ("either", "policy", "owned", "", "changed", "query was -has:owner, now module:shop -has:owner"),
            ("either", "policy", "owned", "", "changed", "query was module:shop -has:owner, now -has:owner"),
        ),
        (
            _POLICY,
            _POLICY + 'message = "Say it."\n',
            ("neither", "policy", "owned", "", "changed", "message was nothing, now Say it."),
            ("neither", "policy", "owned", "", "changed", "message was Say it., now nothing"),
        ),
        (
            _POLICY,
            _EXCEPTED,
            ("loosens", "exception", "shop:email", "owned", "added", "until 2026-12-31", "reason old"),
            ("tightens", "exception", "shop:email", "owned", "removed"),
        ),
        (
            _EXCEPTED,
            _EXCEPTED.replace("2026-12-31", "2027-12-31"),
            (
                *("loosens", "exception", "shop:email", "owned", "changed"),
                "until was 2026-12-31, now 2027-12-31",
            ),
            (
                *("tightens", "exception", "shop:email", "owned", "changed"),
                "until was 2027-12-31, now 2026-12-31",
            ),
        ),
        (
            "",
            "[classifications]\nhipaa = false\n",
            ("loosens", "classification", "hipaa", "", "removed"),
            ("tightens", "classification", "hipaa", "", "added"),
        ),
        (
            '[classifications.secrecy]\nlevels = ["open", "closed"]\n',
            '[classifications.secrecy]\nlevels = ["open", "inner", "closed"]\n',
            (
                *("either", "classification", "secrecy", "", "changed"),
                "levels were open, closed, now open, inner, closed",
            ),
            (
                *("either", "classification", "secrecy", "", "changed"),
                "levels were open, inner, closed, now open, closed",
            ),
        ),
        (
            '[classifications.pii]\ndoc = "Data about a person."\n',
            _ANONYMISED + 'doc = "Data about a person."\n',
            ("loosens", "anonymiser", "mean_of", "pii", "added", "at least k = 10"),
            ("tightens", "anonymiser", "mean_of", "pii", "removed"),
        ),
        (
            _ANONYMISED,
            _ANONYMISED.replace("10", "3"),
            ("loosens", "anonymiser", "mean_of", "pii", "changed", "at least k was 10, now 3"),
            ("tightens", "anonymiser", "mean_of", "pii", "changed", "at least k was 3, now 10"),
        ),
        (
            '[teams]\ngrowth = ["a@example.com"]\n',
            '[teams]\ngrowth = ["a@example.com", "b@example.com"]\n',
            ("loosens", "team", "growth", "", "changed", "with b@example.com"),
            ("tightens", "team", "growth", "", "changed", "without b@example.com"),
        ),
        (
            "",
            '[review]\ntrailers = ["Reviewed-by"]\n',
            (
                *("tightens", "review", "", "", "changed"),
                "trailers were Reviewed-by, Approved-by, now Reviewed-by",
            ),
            (
                *("loosens", "review", "", "", "changed"),
                "trailers were Reviewed-by, now Reviewed-by, Approved-by",
            ),
        ),
        (
            "",
            "[review]\nmerges = false\n",
            ("tightens", "review", "", "", "changed", "merges was true, now false"),
            ("loosens", "review", "", "", "changed", "merges was false, now true"),
        ),
        (
            '[owners]\nshop = "crm"\n',
            "",
            ("loosens", "owners", "", "", "changed", "was crm, now nobody"),
            ("either", "owners", "", "", "changed", "was nobody, now crm"),
        ),
    ],
)
def test_what_files_declare_differently_is_told_with_what_it_does(
    git_repo: GitRepo, before: str, after: str, told: tuple[str, ...], back: tuple[str, ...]
):
    code = "def email() -> str: ...\n"

    assert _told(git_repo, (code, before), (code, after)) == [told]
    assert _told(git_repo, (code, after), (code, before)) == [back]
    assert _told(git_repo, (code, after), (code, after)) == []


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (
            "",
            f"@tag({_BARRIER})\n",
            (
                *("loosens", "barrier", "shop:email", "pii", "added"),
                *("reason a keyed hash", "reviewer ines", "until 2026-12-31"),
            ),
        ),
        (f"@tag({_BARRIER})\n", "", ("tightens", "barrier", "shop:email", "pii", "removed")),
        (
            f"@tag({_BARRIER})\n",
            f"@tag({_BARRIER})\n".replace("2026-12", "2029-12"),
            (
                *("loosens", "barrier", "shop:email", "pii", "changed"),
                "until was 2026-12-31, now 2029-12-31",
            ),
        ),
        (
            f"@tag({_BARRIER})\n",
            f"@tag({_BARRIER})\n".replace("ines", "maya"),
            ("neither", "barrier", "shop:email", "pii", "changed", "reviewer was ines, now maya"),
        ),
        (
            '@tag(pii="true")\n',
            "",
            ("loosens", "tag", "shop:email", "pii", "changed", "says nothing, said true"),
        ),
        (
            "",
            '@tag(confidentiality="internal")\n',
            ("tightens", "tag", "shop:email", "confidentiality", "changed", "says internal, said nothing"),
        ),
        (
            '@tag(confidentiality="restricted")\n',
            '@tag(confidentiality="internal")\n',
            ("loosens", "tag", "shop:email", "confidentiality", "changed", "says internal, said restricted"),
        ),
    ],
)
def test_what_features_say_differently_is_told(
    git_repo: GitRepo, before: str, after: str, told: tuple[str, ...]
):
    code = "def email() -> str: ...\n"

    assert _told(git_repo, (before + code, ""), (after + code, "")) == [told]


@pytest.mark.parametrize(
    ("was", "now", "effect"),
    [
        ("2026-12-31", "20260101", "tightens"),
        ("2026-12-31", "20261231", "neither"),
        ("20261231", "2027-01-01", "loosens"),
        ("soon", "2027-01-01", "loosens"),  # which was no day, so that the barrier stopped nothing
        ("2026-12-31", "soon", "tightens"),
        ("soon", "later", "neither"),
    ],
)
def test_last_days_of_barriers_are_compared_as_days_however_they_are_written(
    git_repo: GitRepo, was: str, now: str, effect: str
):
    code = "@tag({barrier})\ndef email() -> str: ...\n"
    before, after = (code.format(barrier=_BARRIER.replace("2026-12-31", day)) for day in (was, now))

    ((told, *_),) = _told(git_repo, (before, ""), (after, ""))
    assert told == effect


def test_barriers_of_new_features_are_told_and_what_is_gone_says_nothing(git_repo: GitRepo):
    code = "def email() -> str: ...\n"
    new = f"@tag({_BARRIER})\ndef key(email: str) -> str: ...\n"
    personal = '@tag(pii="true")\ndef name() -> str: ...\n'

    come = _told(git_repo, (code, ""), (code + new + personal, ""))
    assert [each[:5] for each in come] == [("loosens", "barrier", "shop:key", "pii", "added")]
    assert _told(git_repo, (code + new + personal, ""), (code, "")) == []


def test_what_moved_says_what_it_said(git_repo: GitRepo):
    before = _read(
        git_repo,
        f'@tag({_BARRIER})\ndef key(a: str) -> str: ...\n@tag(pii="true")\ndef b() -> str: ...\n',
        "",
    )
    git_repo.write("crm.py", (git_repo.path / "shop.py").read_text())
    (git_repo.path / "shop.py").unlink()
    after = read_folder(git_repo.path)

    assert rule_changes(before, after, _DAY, {"shop:key": "crm:key", "shop:b": "crm:b"}) == ()
    (only,) = rule_changes(before, after, _DAY)
    assert (only.kind, only.name, only.path, only.line) == ("barrier", "crm:key", "crm.py", 3)
