"""What a classifying tag reaches, and why."""

from headwater_catalog.query.classified import classify
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
