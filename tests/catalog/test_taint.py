"""What a change does to classifications, and through which step."""

import pytest

from headwater_catalog.governance.taint import taint_difference
from headwater_catalog.governance.witness import held_back, named, sources_of
from headwater_catalog.query.classified import classify
from headwater_catalog.snapshot import Snapshot
from headwater_catalog.tree_snapshots import read_folder
from support.git_repo import GitRepo

_CODE = """
from headwater import tag

@tag(pii="true")
def email() -> str: ...

def name() -> str: ...

def domain(email: str) -> str: ...

def greeting(name: str) -> str: ...

def letter(greeting: str) -> str: ...
"""
_HASHED = "\ndef greeting(name: str, email: str) -> str:\n    return name + hash_email(email)\n"
_ANONYMISERS = '[classifications.pii]\nanonymisers = ["hash_email"]\n'


def _read(git_repo: GitRepo, code: str, toml: str = "") -> Snapshot:
    git_repo.write("shop.py", code)
    git_repo.write("headwater.toml", f'[dataflows.all]\nmodules = ["shop"]\n{toml}')
    return read_folder(git_repo.path)


_NAMED = ("def name()", '@tag(pii="true")\ndef name()')
_NEEDED = ("greeting(name: str)", "greeting(name: str, email: str)")
_STOPPED = ("def greeting(name: str)", '@tag(pii="barrier")\ndef greeting(name: str, email: str)')


@pytest.mark.parametrize(
    ("change", "moved"),
    [
        (
            _NAMED,
            {
                "name": ("name", "is tagged so now"),
                "greeting": ("name", "is tagged so now"),
                "letter": ("name", "is tagged so now"),
            },
        ),
        (
            _NEEDED,
            {"greeting": ("email greeting", "needs it now"), "letter": ("email greeting", "needs it now")},
        ),
        (
            ("def letter", "def more(domain: str) -> str: ...\n\ndef letter"),
            {"more": ("domain more", "is new")},
        ),
        (_STOPPED, {}),
    ],
)
def test_what_rises_is_told_with_the_step_that_did_it(
    git_repo: GitRepo, change: tuple[str, str], moved: dict[str, tuple[str, str]]
):
    before = _read(git_repo, _CODE)
    after = _read(git_repo, _CODE.replace(*change))

    assert _told(taint_difference(before, after, "2026-06-30"), rises=True) == moved
    falls = _told(taint_difference(after, before, "2026-06-30"), rises=False)
    assert falls.keys() == moved.keys()
    opposite = {
        "is tagged so now": "is no longer tagged so",
        "needs it now": "no longer needs it",
        "is new": "is gone",
    }
    assert falls == {name: (step, opposite[cause]) for name, (step, cause) in moved.items()}


def _told(changes, *, rises):
    assert all(change.rises == rises for change in changes)
    return {change.key[5:]: (" ".join(key[5:] for key in change.through), change.cause) for change in changes}


def test_a_barrier_and_an_anonymising_function_make_a_difference(git_repo: GitRepo):
    leaking = _read(git_repo, _CODE.replace(*_NEEDED))
    stopped = _read(git_repo, _CODE.replace(*_STOPPED))
    day = "2026-06-30"

    (first, second) = taint_difference(leaking, stopped, day)
    assert (first.key, first.was, first.now, first.rises) == ("shop:greeting", "true", "false", False)
    assert (first.through, first.cause) == (("shop:greeting",), "has a barrier now")
    assert second.path == ("shop:email", "shop:greeting", "shop:letter")
    assert taint_difference(stopped, leaking, day)[0].cause == "has no barrier any more that holds"

    hashed = _CODE.replace("\ndef greeting(name: str) -> str: ...\n", _HASHED)
    plain, guarded = _read(git_repo, hashed), _read(git_repo, hashed, _ANONYMISERS)
    assert {change.cause for change in taint_difference(plain, guarded, day)} == {"anonymises it now"}
    assert {change.cause for change in taint_difference(guarded, plain, day)} == {"no longer anonymises it"}


def test_levels_that_others_are_put_between_do_not_rise(git_repo: GitRepo):
    code = 'from headwater import tag\n\n@tag(secrecy="internal")\ndef a() -> int: ...\n'
    levels = "[classifications.secrecy]\nlevels = [{}]\n"
    before = _read(git_repo, code, levels.format('"open", "internal", "closed"'))
    after = _read(git_repo, code, levels.format('"open", "team", "internal", "closed"'))
    renamed = _read(git_repo, code.replace("internal", "team"), levels.format('"open", "internal", "team"'))

    assert taint_difference(before, after, "2026-06-30") == ()
    (change,) = taint_difference(before, renamed, "2026-06-30")
    assert (change.was, change.now, change.cause) == ("internal", "team", "is tagged so now")


def test_what_moved_keeps_what_it_has(git_repo: GitRepo):
    before = _read(git_repo, _CODE)
    after = _read(git_repo, _CODE.replace("def domain", "def host"))
    moved = {"shop:host": "shop:domain"}

    assert taint_difference(before, after, "2026-06-30", moved=moved) == ()
    assert len(taint_difference(before, after, "2026-06-30")) == 2


def test_all_that_it_comes_from_is_told_with_a_shortest_way_from_each(git_repo: GitRepo):
    snapshot = _read(
        git_repo,
        _CODE.replace(*_NAMED).replace("letter(greeting: str)", "letter(greeting: str, domain: str)"),
    )
    found = classify(snapshot, "pii")

    witnesses = sources_of(snapshot, found, named(snapshot, "letter"))
    assert {witness.source: witness.path for witness in witnesses} == {
        "shop:email": ("shop:email", "shop:domain", "shop:letter"),
        "shop:name": ("shop:name", "shop:greeting", "shop:letter"),
    }
    assert sources_of(snapshot, classify(snapshot, "hipaa"), "shop:letter") == ()


def test_an_input_that_brings_more_than_it_says_is_told_with_what_it_brings(git_repo: GitRepo):
    code = (
        "from headwater import external_input, tag\n\n"
        '@external_input\n@tag(confidentiality="internal")\ndef host() -> str: ...\n\n'
        '@tag(confidentiality="public")\ndef link(host: str) -> str: ...\n'
    )
    found = classify(_read(git_repo, code), "confidentiality", imported={"input:host": 3})
    (witness,) = sources_of(_read(git_repo, code), found, "shop:link")

    assert found.name("shop:link") == "restricted"
    assert (witness.source, witness.level) == ("input:host", "restricted")


def test_what_a_barrier_holds_back_is_told(git_repo: GitRepo):
    snapshot = _read(git_repo, _CODE.replace(*_STOPPED))
    (held,) = held_back(snapshot, classify(snapshot, "pii"))

    assert held.key == "shop:greeting"
    assert held.sources == ("shop:email",)
    assert held.kept_free == ("shop:greeting", "shop:letter")
    assert held.came_by == ("shop:email",)
