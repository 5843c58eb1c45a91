"""Policies and the rules that always hold: on one moment, and on what a change brings."""

from pathlib import Path

import pytest

from headwater_catalog.governance import policies as judging
from headwater_catalog.governance.changed import Change, authors_of
from headwater_catalog.governance.check import Checked, check
from headwater_catalog.governance.policies import Ground, judge
from headwater_catalog.query.index import Index
from headwater_catalog.query.subjects import Scope
from headwater_catalog.rules import Policy, PolicyException
from headwater_catalog.tree_snapshots import read_folder
from headwater_catalog.two_trees import read_trees
from support.git_repo import GitRepo

_DAY = "2026-06-30"
_CODE = '''\
from headwater import tag


@tag(owner="CRM", pii="true")
def email(raw: str) -> str:
    """The address."""


@tag(owner="CRM")
def audience(email: str) -> str:
    """Who gets mail."""


@tag(owner="CRM", deprecated="use audience")
def mailing(raw: str) -> str:
    """The old one."""


def users(mailing: str) -> int: ...
'''


def _checked(git_repo: GitRepo, policies: str, code: str = _CODE, **files: str) -> Checked:
    for path, text in {"shop.py": code, "headwater.toml": policies, **files}.items():
        git_repo.write(path, text)
    return check("shop", read_folder(git_repo.path), _DAY)


def _since(git_repo: GitRepo, at: str | None = None, base: str = "HEAD~1") -> Checked:
    trees = read_trees(git_repo.path, at, base)
    change = Change(trees.before, trees.after, authors_of(trees.commits, trees.before, trees.after))
    return check("shop", trees.after.snapshot, _DAY, change=change)


def _told(checked: Checked) -> list[tuple[str, str, str]]:
    return [
        (finding.rule, finding.key.partition(":")[2], finding.about.rpartition(":")[2])
        for finding in checked.findings
    ]


@pytest.mark.parametrize(
    ("policy", "found"),
    [
        ('query = "-has:owner"', [("p", "users", "")]),
        ('query = "-has:doc"\nscope = "has:owner"', []),
        ('query = "dependencies:>0 classification:pii"', [("p", "audience", ""), ("p", "email", "")]),
        ('query = "classification:pii -tag:pii"', [("p", "audience", "")]),
        ('needs = "is:deprecated"', [("p", "users", "mailing")]),
        ('query = "has:owner"\nneeds = "is:deprecated"', []),
        ('query = "is:output -has:check"', [("p", "audience", "")]),
        ('query = "-has:owner"\nexceptions = [{ feature = "users" }]', []),
        ('query = "-has:owner"\nexceptions = [{ feature = "shop:*", until = 2026-06-30 }]', []),
        (
            'query = "-has:owner"\nexceptions = [{ feature = "shop:*", until = 2026-06-29 }]',
            [("p", "users", "")],
        ),
        ('query = "-has:owner"\nexceptions = [{ feature = "user" }]', [("p", "users", "")]),
    ],
)
def test_what_meets_its_query_breaks_it(git_repo: GitRepo, policy: str, found: list[tuple[str, str, str]]):
    flow = '[dataflows.all]\nmodules = ["shop"]\noutputs = ["audience"]\n'
    checked = _checked(git_repo, f"{flow}[policies.p]\n{policy}\n")

    assert sorted(_told(checked)) == found


def test_a_finding_says_what_where_whose_and_why(git_repo: GitRepo):
    policy = '[policies.private]\nquery = "classification:pii -tag:pii"\nmessage = "Leaves the house."\nowner = "DPO"\n'
    (finding,) = _checked(git_repo, policy).findings

    assert (finding.path, finding.line, finding.end_line) == ("shop.py", 9, 11)
    assert finding.message == "Leaves the house."
    assert finding.because == ("shop:email", "shop:audience")
    assert (finding.owners, finding.owner, finding.severity) == (("CRM",), "DPO", "error")
    assert (
        finding.fingerprint == _checked(git_repo, policy, f"# Moved down.\n{_CODE}").findings[0].fingerprint
    )


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ('query = "owner:("', "Policy 'p' cannot be checked: "),
        ('query = "downstream:nothing"', "No feature or input 'nothing'"),
        ('query = "has:owner at:main"', "a policy holds at all of them"),
        ('query = "colour:red"', "Policy 'p' cannot be checked: "),
    ],
)
def test_one_that_cannot_be_checked_is_an_error_and_not_silence(git_repo: GitRepo, policy: str, told: str):
    (finding,) = _checked(git_repo, f"[policies.p]\n{policy}\n").findings

    assert (finding.rule, finding.severity) == ("policy-unread", "error")
    assert (finding.path, finding.line) == ("headwater.toml", 1)
    assert told in finding.message


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ('query = "changed:<30d"', "which only a catalog knows"),
        ('query = "new:tag:pii"', "compares with a base"),
        ('query = "has:doc"\nonly_new = true', "give a base"),
        ('changed_only_by = ["ann@example.com"]', "give a base"),
    ],
)
def test_what_cannot_be_known_is_told_as_unknown(git_repo: GitRepo, policy: str, told: str):
    checked = _checked(git_repo, f"[policies.p]\n{policy}\n")

    assert not checked.findings
    (unknown,) = checked.unknown
    assert unknown.rule == "p"
    assert told in unknown.reason


def test_only_what_a_change_brings_is_told(git_repo: GitRepo):
    policies = (
        '[policies.owned]\nquery = "-has:owner"\n[policies.old]\nneeds = "is:deprecated"\nonly_new = true\n'
    )
    git_repo.commit("Begin", files={"shop.py": _CODE, "headwater.toml": policies})
    more = "\n\ndef spend(mailing: str, raw: str) -> int: ...\n"
    git_repo.commit("Add", files={"shop.py": f"# A line.\n{_CODE}{more}"})

    checked = _since(git_repo, "HEAD")
    assert _told(checked) == [("old", "spend", "mailing"), ("owned", "spend", "")]
    assert [finding.key for finding in checked.before] == ["shop:users"]

    git_repo.commit("Mend", files={"shop.py": _CODE.replace("def users", '@tag(owner="CRM")\ndef users')})
    checked = _since(git_repo)
    assert not checked.findings
    assert {finding.key for finding in checked.cleared} == {"shop:users", "shop:spend"}


def test_what_moves_is_not_new(git_repo: GitRepo):
    policies = '[policies.owned]\nquery = "-has:owner"\n'
    git_repo.commit("Begin", files={"shop.py": _CODE, "headwater.toml": policies})
    git_repo.move("shop.py", "sales/shop.py")
    git_repo.commit("Move")

    checked = _since(git_repo)
    assert (checked.findings, checked.cleared, checked.taint) == ((), (), ())
    assert [finding.key for finding in checked.before] == ["sales.shop:users"]


def test_a_policy_that_is_new_tells_only_of_what_is_new(git_repo: GitRepo):
    git_repo.commit("Begin", files={"shop.py": _CODE})
    git_repo.commit("Rule", files={"headwater.toml": '[policies.owned]\nquery = "-has:owner"\n'})

    assert not _since(git_repo).findings
    assert [finding.key for finding in _since(git_repo).before] == ["shop:users"]


@pytest.mark.parametrize(
    ("allowed", "names"),
    [
        (["owners"], {"audience"}),
        (["@crm"], {"audience", "users"}),
        (["bob@*"], set()),
        (["Bob Example"], set()),
        (["ann@example.com"], {"audience", "users"}),
    ],
)
def test_only_whom_it_names_may_change_it(git_repo: GitRepo, allowed: list[str], names: set[str]):
    code = _CODE.replace('owner="CRM"', 'owner="@crm"').replace(
        "def users", '@tag(owner="Bob Example")\ndef users'
    )
    policies = f'[policies.theirs]\nchanged_only_by = {allowed}\n[teams]\ncrm = ["ann@example.com"]\n'
    git_repo.commit("Begin", files={"shop.py": code, "headwater.toml": policies})
    changed = code.replace("Who gets mail.", "Who gets mail from us.").replace("-> int", "-> float")
    sha = git_repo.commit("Change", files={"shop.py": changed}, author="Bob Example <bob@example.com>")

    checked = _since(git_repo)
    assert {(finding.key, finding.about) for finding in checked.findings} == {
        (f"shop:{name}", sha) for name in names
    }
    assert all("Bob Example <bob@example.com> changed it by" in each.message for each in checked.findings)


_BARRIER = """
from headwater import tag

@tag(pii="true")
def email() -> str: ...

@tag({tags})
def key(email: str) -> str:
    return _hashed(email)

def _hashed(text: str) -> str:
    return text[:{length}]

@tag(pii="false")
def claims(email: str) -> str: ...
"""
_REVIEWED = 'pii="barrier", pii_reason="hashed", pii_reviewer="ann", pii_until="2027-01-31"'


@pytest.mark.parametrize(
    ("tags", "rules"),
    [
        (_REVIEWED, []),
        ('pii="barrier"', [("barrier-unexplained", "warning", "key")]),
        (_REVIEWED.replace("2027", "2026"), [("barrier-expired", "error", "key")]),
        ('pii="false"', [("claim-contradicted", "error", "key")]),
        ('confidentiality="secrett"', [("level-unknown", "warning", "key")]),
    ],
)
def test_what_features_say_of_classifications_must_be_true(
    git_repo: GitRepo, tags: str, rules: list[tuple[str, str, str]]
):
    checked = _checked(git_repo, "", _BARRIER.format(tags=tags, length=3))

    assert [(f.rule, f.severity, f.key[5:]) for f in checked.findings] == sorted(
        [("claim-contradicted", "error", "claims"), *rules],
        key=lambda rule: (rule[1], rule[0], rule[2] != "key"),
    )


def test_a_barrier_whose_code_changed_is_to_be_looked_at_again(git_repo: GitRepo):
    def commit(tags: str, length: int) -> list[tuple[str, str, str]]:
        git_repo.commit("Next", files={"shop.py": _BARRIER.format(tags=tags, length=length)})
        return _told(_since(git_repo))

    git_repo.commit("Begin", files={"shop.py": _BARRIER.format(tags=_REVIEWED, length=3)})
    # It is a function that the barrier calls which changed.
    assert commit(_REVIEWED, 300) == [("barrier-changed", "key", "pii")]
    assert commit(_REVIEWED.replace("2027", "2028"), 30) == []
    assert commit(f'{_REVIEWED.replace("2027", "2028")}, note="x"', 30) == []
    # Neither another reason nor the same day in other words is another look.
    told = _REVIEWED.replace("2027-01-31", "20280131").replace("hashed", "safe")
    assert commit(told, 300) == [("barrier-changed", "key", "pii")]


def test_a_barrier_that_moved_and_calls_something_else_is_to_be_looked_at_again(git_repo: GitRepo):
    barrier = f"from headwater import tag\nfrom lib import hashed\n\n@tag({_REVIEWED})\ndef key(email: str) -> str:\n"
    barrier += "    return hashed(email)\n"
    lib = "def hashed(text):\n    return text[:{}]\n"
    git_repo.commit("Begin", files={"shop.py": barrier, "lib.py": lib.format(3)})
    (git_repo.path / "shop.py").unlink()
    git_repo.commit("Move it", files={"crm.py": barrier})
    assert _told(_since(git_repo)) == []

    (git_repo.path / "crm.py").unlink()
    git_repo.commit("Move it again", files={"people.py": barrier, "lib.py": lib.format(300)})
    assert _told(_since(git_repo)) == [("barrier-changed", "key", "pii")]


def test_policies_that_take_too_long_are_told(git_repo: GitRepo):
    git_repo.write("shop.py", _CODE)
    policies = [Policy(f"p{number}", query="-has:owner") for number in range(3)]
    judged = judge(policies, Ground(Index(Scope("shop", read_folder(git_repo.path))), _DAY), seconds=-1)

    found = [(each.rule, each.about) for each in judged.findings]
    assert found == [("policy-unread", f"p{number}") for number in range(3)]
    assert "The policies before it took" in judged.findings[0].message


def test_a_query_that_takes_too_long_is_told_and_the_others_are_judged(
    git_repo: GitRepo, monkeypatch: pytest.MonkeyPatch
):
    clock = iter(range(0, 100_000, 3))  # each look at it is three seconds later
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    git_repo.write("shop.py", _CODE)
    slow = " OR ".join(
        f"downstream:{name} users:{number}" for number in range(30) for name in ("email", "raw")
    )
    policies = [Policy("slow", query=slow), Policy("owned", query="-has:owner")]
    judged = judge(policies, Ground(Index(Scope("shop", read_folder(git_repo.path))), _DAY), seconds=1e6)

    (slow, owned) = judged.findings
    assert (slow.rule, slow.about, owned.rule) == ("policy-unread", "slow", "owned")
    assert slow.message == "Policy 'slow' cannot be checked: It takes more than 10 seconds."


def test_there_is_an_end_to_the_findings_of_one_policy(git_repo: GitRepo, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(judging, "_MOST_FINDINGS", 2)

    assert len(_checked(git_repo, '[policies.p]\nquery = "module:shop"\n').findings) == 2


def test_the_policy_of_the_platform_counts_where_both_have_one(git_repo: GitRepo, tmp_path: Path):
    git_repo.write("shop.py", _CODE)
    git_repo.write("headwater.toml", '[policies.p]\nquery = "is:leaf is:root has:owner"\n')
    found = check("shop", read_folder(git_repo.path), _DAY, more=[Policy("p", query="-has:owner")])

    assert _told(found) == [("p", "users", "")]


def test_a_query_is_held_against_the_day_that_is_asked_for(git_repo: GitRepo):
    code = (
        _CODE
        + '\n@tag(owner="CRM", pii="barrier", pii_until="2026-07-01")\ndef hashed(email: str) -> str:\n    """It."""\n'
    )
    policy = '[policies.free]\nscope = "name:hashed"\nquery = "classification:pii"\n'
    assert ("free", "hashed", "") not in _told(_checked(git_repo, policy, code))
    later = check("shop", read_folder(git_repo.path), "2026-07-02")

    assert ("free", "hashed", "") in _told(later)


def test_exceptions_take_time_too(git_repo: GitRepo, monkeypatch: pytest.MonkeyPatch):
    git_repo.write("shop.py", _CODE)
    index = Index(Scope("shop", read_folder(git_repo.path)))
    looks = 0

    def covers(*_: object) -> bool:
        nonlocal looks
        looks += 1
        return False

    monkeypatch.setattr(judging, "_covers", covers)
    monkeypatch.setattr("time.monotonic", lambda: 6.0 * looks)
    slow = Policy("slow", query="module:shop", exceptions=(PolicyException("z*"),) * 9)
    judged = judge([slow], Ground(index, _DAY), seconds=1e6)

    (found,) = judged.findings
    assert found.message == "Policy 'slow' cannot be checked: It takes more than 10 seconds."
