"""What a classification reaches, and why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_catalog.errors import QueryError
from headwater_catalog.lineage_graph import LineageGraph, LineageNode
from headwater_catalog.query import parse_query
from headwater_catalog.query.classified import classify, flow_of
from headwater_catalog.query.evaluate import evaluate
from headwater_catalog.query.find import find
from headwater_catalog.query.index import Index
from headwater_catalog.query.subjects import Scope
from headwater_catalog.snapshot import Snapshot
from headwater_catalog.tree_snapshots import read_folder
from support.git_repo import GitRepo

_CODE = '''
from headwater import external_input, tag

@external_input
@tag(pii="true")
def birthday() -> str:
    """Day of birth."""

@tag(PII="True")
def email(raw: str) -> str: ...

def domain(email: str) -> str: ...

@tag(pii="false")
def claimed(domain: str) -> str: ...

@tag(pii="barrier")
def share(domain: str) -> float: ...

def report(share: float, email: str, birthday: str) -> str: ...

def summary(share: float) -> str: ...
'''


def _snapshot(git_repo: GitRepo, code: str = _CODE) -> Snapshot:
    git_repo.write("people.py", code)
    return read_folder(git_repo.path)


def test_it_flows_downstream_up_to_barriers_whatever_is_claimed(git_repo: GitRepo):
    found = classify(_snapshot(git_repo), "pii")

    assert found.carriers == {"people:email", "input:birthday"}
    assert found.barriers == {"people:share"}
    assert found.keys - found.carriers == {"people:domain", "people:claimed", "people:report"}


def test_why_is_a_shortest_way_from_what_says_it_of_itself(git_repo: GitRepo):
    found = classify(_snapshot(git_repo), "pii")

    assert found.why("people:claimed") == ("people:email", "people:domain", "people:claimed")
    assert found.why("people:report") in {
        ("people:email", "people:report"),
        ("input:birthday", "people:report"),
    }
    assert found.why("people:email") == ("people:email",)
    assert found.why("people:summary") == ()
    assert found.why("people:share") == ()


def test_in_a_circle_the_way_ends(git_repo: GitRepo):
    code = "from headwater import tag\n@tag(pii='true')\ndef a(c: int) -> int: ...\ndef b(a: int) -> int: ...\ndef c(b: int) -> int: ...\n"
    found = classify(_snapshot(git_repo, code), "pii")

    assert found.why("people:c") == ("people:a", "people:b", "people:c")


def test_it_is_found_once_for_a_snapshot(git_repo: GitRepo):
    snapshot = _snapshot(git_repo)

    assert classify(snapshot, "pii") is classify(snapshot, "PII")
    assert not classify(snapshot, "hipaa").keys


_LEVELS = """
from headwater import tag

@tag(confidentiality="internal")
def notes() -> str: ...

@tag(confidentiality="Restricted")
def salary(notes: str) -> int: ...

@tag(confidentiality="public")
def leaflet(salary: int, notes: str) -> str: ...

def summary(notes: str) -> str: ...

@tag(confidentiality="secrett")
def slip() -> str: ...
"""


def test_of_levels_the_highest_wins(git_repo: GitRepo):
    found = classify(_snapshot(git_repo, _LEVELS), "confidentiality")

    assert {key.partition(":")[2]: found.name(key) for key in found.keys} == {
        "notes": "internal",
        "salary": "restricted",
        "leaflet": "restricted",
        "summary": "internal",
        "slip": "restricted",
    }
    assert found.why("people:leaflet") == ("people:salary", "people:leaflet")
    assert list(found.contradicted()) == ["people:leaflet"]
    assert found.said.unknown == {"people:slip": "secrett"}


@pytest.mark.parametrize(
    ("term", "names"),
    [
        ("confidentiality", {"notes", "salary", "leaflet", "summary", "slip"}),
        ("confidentiality=internal", {"notes", "summary"}),
        ("Confidentiality>=Confidential", {"salary", "leaflet", "slip"}),
    ],
)
def test_levels_can_be_asked_for(git_repo: GitRepo, term: str, names: set[str]):
    scope = Scope("repo", _snapshot(git_repo, _LEVELS))
    query = parse_query(f'classification:"{term}"')

    assert {ranked.subject.name for ranked in evaluate(query, scope)} == names
    assert {ranked.subject.name for ranked in find(query, Index(scope))} == names


def test_a_level_that_is_not_there_is_told_with_those_that_are(git_repo: GitRepo):
    scope = Scope("repo", _snapshot(git_repo, _LEVELS))

    with pytest.raises(QueryError, match="No level of 'confidentiality' 'secret'"):
        find(parse_query("classification:confidentiality=secret"), Index(scope))


_UNTIL = """
from headwater import tag

@tag(pii="true")
def email() -> str: ...

@tag(pii="barrier", pii_reason="hashed", pii_reviewer="ann@example.com", pii_until="{until}")
def key(email: str) -> str: ...
"""


@pytest.mark.parametrize(
    ("until", "stops"),
    [("2026-06-30", True), ("2026-06-29", False), ("2026-07", False), ("", True), ("some day", False)],
)
def test_a_barrier_holds_until_its_last_day(git_repo: GitRepo, until: str, stops: bool):
    found = classify(_snapshot(git_repo, _UNTIL.format(until=until)), "pii", "2026-06-30")

    assert ("people:key" not in found.keys) == stops
    assert ("people:key" in found.barriers) == stops
    assert found.said.barriers["people:key"].reviewer == "ann@example.com"


def test_a_tag_may_be_there_in_letters_of_several_cases(git_repo: GitRepo):
    code = "from headwater import tag\n@tag(PII='true', pii='false')\ndef email() -> str: ...\n"

    assert classify(_snapshot(git_repo, code), "pii").carriers == {"people:email"}


def test_a_barrier_in_one_variant_alone_stops_nothing(git_repo: GitRepo):
    code = """
from headwater import config, tag
@tag(pii="true")
def email() -> str: ...
@config.when(safe=True)
@tag(pii="barrier")
def key__safe(email: str) -> str: ...
@config.when_not(safe=True)
def key__plain(email: str) -> str: ...
"""
    found = classify(_snapshot(git_repo, code), "pii")

    assert "people:key" in found.keys
    assert not found.barriers


_GUARDED = """
import pandas as pd
from headwater import config, inject, pipe_input, source, step, tag
from privacy import hash_email, mean_of

@tag(pii="true")
def email(raw: pd.Series) -> pd.Series: ...

@tag(pii="true")
def phone(raw: pd.Series) -> pd.Series: ...

{code}
"""


@pytest.mark.parametrize(
    ("code", "reached"),
    [
        ("def it(email: str) -> str:\n    return hash_email(email)", False),
        ("def it(email: str) -> str:\n    return privacy.hash_email(email.str.lower())", False),
        ("def it(email: str) -> str:\n    return email.map(hash_email)", False),
        ("def it(email: str) -> str:\n    return email.str.lower().apply(hash_email, args=(1,))", False),
        ("def it(email: str) -> str:\n    return hash_email(email) + email", True),
        ("def it(email: str) -> str:\n    return email.map(str.lower)", True),
        ("def it(email: str) -> str:\n    return email.join(hash_email)", True),
        ("def it(email: str, phone: str) -> str:\n    return hash_email(email) + phone", True),
        ("def it(email: str, phone: str) -> str:\n    return hash_email(email + phone)", False),
        ("def it(email: str) -> str:\n    return hash_email(email) + str(locals())", True),
        ("def it(email: str) -> str:\n    email = hash_email(email)\n    return email", True),
        ("def it(email: str) -> str:\n    return hash_email(kept := email) + kept", True),
        ("def it(email: str, hash_email: str) -> str:\n    return hash_email(email)", True),
        ("def it(email: str) -> str:\n    hash_email = str\n    return hash_email(email)", True),
        ("def it(email: str) -> str:\n    from keys import hash_email\n    return hash_email(email)", False),
        (
            "def it(email: str) -> str:\n    from keys import a as hash_email\n    return hash_email(email)",
            True,
        ),
        ("def it(email: str) -> str:\n    def hash_email(a): return a\n    return hash_email(email)", True),
        ("def it(email: str) -> str:\n    return [hash_email(email) for hash_email in (str,)][0]", True),
        ("def it(email: str) -> str:\n    return (lambda hash_email: hash_email(email))(str)", True),
        ("def it(email: str) -> str:\n    return mean_of(email, k=10)", False),
        ("def it(email: str) -> str:\n    return mean_of(email, k=4)", True),
        ("def it(email: str) -> str:\n    return mean_of(email, k=True)", True),
        ("def it(email: str) -> str:\n    return mean_of(email)", True),
        ("def it(email: str) -> str:\n    return email.map(mean_of)", True),
        ("@hash_email\ndef it(email: str) -> str:\n    return email", False),
        ("@mean_of(k=12)\ndef it(email: str) -> str:\n    return email", False),
        ("@mean_of(k=2)\ndef it(email: str) -> str:\n    return email", True),
        ("def hash_email(email: str) -> str:\n    return email\ndef it(hash_email: str) -> str: ...", False),
        (  # the address comes in under another name
            '@inject(email=source("phone"), phone=source("email"))\n'
            "def it(email: str, phone: str) -> str:\n    return hash_email(email) + phone",
            True,
        ),
        (
            '@pipe_input(step(str, source("email")).on_input("phone"))\n'
            "def it(email: str, phone: str) -> str:\n    return hash_email(email) + phone",
            True,
        ),
        (
            '@inject(a=source("email"))\ndef it(a: str, email: str) -> str:\n    return a + hash_email(email)',
            True,
        ),
        (
            "@config.when(a=1)\ndef it__1(email: str) -> str:\n    return hash_email(email)\n"
            "@config.when(a=2)\ndef it__2(email: str) -> str:\n    return email",
            True,
        ),
        (
            "@config.when(a=1)\ndef it__1(email: str) -> str:\n    return hash_email(email)\n"
            "@config.when(a=2)\ndef it__2() -> str:\n    return ''",
            False,
        ),
    ],
)
def test_an_anonymising_function_stops_what_passes_through_it_alone(
    git_repo: GitRepo, code: str, reached: bool
):
    git_repo.write(
        "headwater.toml",
        "[dataflows.all]\nmodules = ['people']\n[classifications.pii]\n"
        'anonymisers = ["hash_email", { function = "mean_of", at_least = { k = 5 } }]\n',
    )
    found = classify(_snapshot(git_repo, _GUARDED.format(code=code)), "pii")

    assert ("people:it" in found.keys) == reached


@given(data=st.data())
def test_it_is_what_a_brute_force_closure_says(data: st.DataObject):
    size = data.draw(st.integers(1, 9))
    keys = [f"m:f{number}" for number in range(size)]
    pairs = st.tuples(st.sampled_from(keys), st.sampled_from(keys))
    edges = data.draw(st.lists(pairs, max_size=25, unique=True))
    levels = data.draw(st.dictionaries(st.sampled_from(keys), st.integers(1, 3)))
    barriers = data.draw(st.sets(st.sampled_from(keys))) - levels.keys()
    guarded = data.draw(st.sets(st.sampled_from(edges))) if edges else set()
    nodes = {key: LineageNode(key, key[2:], "m", "int") for key in keys}
    graph = LineageGraph(nodes, dict.fromkeys(edges, ("all",)))

    flow = flow_of(graph, levels, barriers, guarded)

    # By hand: as long as anything changes, whatever a feature needs gives it its own level.
    expected = dict(levels)
    for _ in range(3 * size):
        for source, target in edges:
            if source in expected and target not in barriers and (source, target) not in guarded:
                expected[target] = max(expected.get(target, 0), expected[source])
    assert flow.levels == expected
    for key, before in flow.came_from.items():
        assert (before, key) in edges
        assert (before, key) not in guarded
        assert flow.levels[before] == flow.levels[key]


def test_a_barrier_holds_against_what_comes_from_elsewhere(git_repo: GitRepo):
    found = classify(_snapshot(git_repo), "pii", imported={"input:raw": 1, "people:share": 1})

    assert "input:raw" in found.keys
    assert "people:share" not in found.keys


def test_ten_thousand_tags_are_nothing_to_it(git_repo: GitRepo):
    """Neither of one feature, nor asked for: what nothing says is found without a look, and not kept."""
    many = ", ".join(f't{number}="{number}"' for number in range(10_000))
    snapshot = _snapshot(
        git_repo, f'from headwater import tag\n\n@tag({many}, pii="true")\ndef a() -> int: ...\n'
    )
    read = snapshot.variants["people:a"][0]

    assert len(read.tags) == 10_001, read.partial
    assert classify(snapshot, "pii").keys == {"people:a"}
    assert not any(classify(snapshot, f"made-up-{number}").keys for number in range(10_000))
    assert len(snapshot.kept["classified"].found) == 1
