"""What project files and files of policies declare, and what is said of their faults."""

from pathlib import Path

import pytest

from headwater_catalog.commit_snapshots import read_commit
from headwater_catalog.errors import SettingError
from headwater_catalog.git import GitSource
from headwater_catalog.moments import moment_at
from headwater_catalog.platform_policies import read_platform_policies
from headwater_catalog.repositories import get_repository, mirror_path
from headwater_catalog.rules import NO_RULES, USUAL_REVIEW, Anonymiser, PolicyException, Review, Rules
from headwater_catalog.snapshot import Snapshot
from headwater_catalog.tree_snapshots import read_folder
from support.git_repo import GitRepo
from support.scanned import Catalog

_DECLARED = """
[classifications]
hipaa = false
secrecy = { levels = ["open", "closed"], doc = "Who may know." }

[classifications.pii]
anonymisers = ["hash_email", { function = "mean_of", at_least = { k = 10 } }]

[teams]
growth = ["maya@example.com", "*@growth.example.com"]

[review]
trailers = ["Seen-by"]
merges = false

[policies.owned]
query = "-has:owner"
severity = "warning"
exceptions = [{ feature = "old.*", until = 2027-01-31, reason = "is being moved" }]
"""
_FEATURE = "def spend(orders: int) -> int: ...\n"


def _read(git_repo: GitRepo, **files: str) -> Snapshot:
    for path, text in {"spend.py": _FEATURE, **files}.items():
        git_repo.write(path, text)
    return read_folder(git_repo.path)


def test_all_of_it_is_read(git_repo: GitRepo):
    snapshot = _read(git_repo, **{"headwater.toml": _DECLARED})
    rules = snapshot.declared.rules

    assert not snapshot.diagnostics
    assert list(rules.classifications) == ["pii", "confidentiality", "secrecy"]
    assert rules.classification("PII").anonymisers == (
        Anonymiser("hash_email"),
        Anonymiser("mean_of", (("k", 10),)),
    )
    assert rules.classification("secrecy").names == ("open", "closed")
    assert rules.teams == {"growth": ("maya@example.com", "*@growth.example.com")}
    (policy,) = rules.policies
    assert (policy.name, policy.query, policy.severity) == ("owned", "-has:owner", "warning")
    assert policy.exceptions == (PolicyException("old.*", "is being moved", "2027-01-31"),)
    assert (policy.path, policy.line) == ("headwater.toml", 16)
    assert rules.review == Review(("Seen-by",), merges=False)


def test_policies_may_have_files_of_their_own(git_repo: GitRepo):
    files = {
        "headwater.toml": '[policies.owned]\nquery = "-has:owner"\n',
        "policies/people.toml": '[private]\nquery = "classification:pii"\n\n[owned]\nquery = "has:doc"\n',
        "policies/deeper/no.toml": '[deeper]\nquery = "has:doc"\n',
        "policies/readme.md": "no",
    }
    snapshot = _read(git_repo, **files)

    found = {policy.name: (policy.path, policy.query) for policy in snapshot.declared.rules.policies}
    assert found == {
        "owned": ("headwater.toml", "-has:owner"),
        "private": ("policies/people.toml", "classification:pii"),
    }
    (fault,) = snapshot.diagnostics
    assert (fault.path, fault.line) == ("policies/people.toml", 4)
    assert "'owned' is declared in headwater.toml:1 already" in fault.message


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[policies.owned]\nmessage = "?"', "policies.owned has no query"),
        ('[policies]\nowned = "-has:owner"', "policies.owned must be a table"),
        ('[policies.owned]\nquery = "a"\nseverity = "eror"', "Did you mean 'error'?"),
        ('[policies.owned]\nquery = "a"\nonly_new = "yes"', "only_new must be true or false"),
        ('[policies.owned]\nquery = "a"\nquerry = "b"', "Did you mean 'query'?"),
        (
            '[policies.owned]\nquery = "a"\nexceptions = [{ reason = "?" }]',
            "has no effect: it names a feature",
        ),
        ('[policies.owned]\nquery = "a"\nexceptions = [{ feature = "x", until = "soon" }]', "a day such as"),
        (
            '[policies.owned]\nquery = "a"\nexceptions = [{ feature = "x", until = 2026-01-01 }, { feature = "x" }]',
            "the one of 'x' is there twice",
        ),
        (
            '[policies.owned]\nquery = "a"\nexceptions = ['
            + ", ".join(f'{{ feature = "x{number}" }}' for number in range(501))
            + "]",
            "exceptions are 501; 500 count",
        ),
        (
            '[classifications.x]\nanonymisers = [{ function = "f", at_least = { k = 10 } }, "f"]',
            "f is there twice; the first counts",
        ),
        ('[classifications.x]\nlevels = ["one"]', "levels must be from 2 to 20 names"),
        ('[classifications.x]\nlevels = ["a", "A"]', "levels must be from 2 to 20 names"),
        ('[classifications.x]\nlevels = ["a", "barrier"]', "which stops a classification"),
        ('[classifications.x]\nanonymisers = ["not a name"]', "each must be the name of a function"),
        ('[classifications.x]\nanonymisers = [{ function = "f", at_least = { k = "ten" } }]', "each must be"),
        ("[classifications]\nx = 3", "classifications.x must be true, false, or a table"),
        ("[teams]\ngrowth = 3", "teams.growth must be a list of texts"),
    ],
)
def test_a_fault_is_told_where_it_is_and_the_rest_counts(git_repo: GitRepo, text: str, told: str):
    snapshot = _read(git_repo, **{"headwater.toml": f'{text}\n\n[owners]\nspend = "Growth"\n'})

    (fault,) = snapshot.diagnostics
    assert told in fault.message
    assert fault.path == "headwater.toml"
    assert fault.line > 0
    assert snapshot.features[0].owners == ("Growth",)


def test_there_is_an_end_to_policies_which_is_told(git_repo: GitRepo):
    files = {
        f"policies/{n}.toml": "".join(f'[p{n}_{k}]\nquery = "has:doc"\n' for k in range(450))
        for n in range(5)
    }
    snapshot = _read(git_repo, **files)

    assert len(snapshot.declared.rules.policies) == 2000
    assert [fault.message for fault in snapshot.diagnostics] == [
        "Of 2,250 policies the first 2,000 count. Put some of them together."
    ]


def test_links_are_not_followed(git_repo: GitRepo, tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "p.toml").write_text('[owned]\nquery = "-has:owner"\n')
    (git_repo.path / "policies").symlink_to(tmp_path / "elsewhere")

    assert _read(git_repo).declared.rules == NO_RULES


def test_it_is_the_same_after_it_was_plain_data(git_repo: GitRepo):
    rules = _read(git_repo, **{"headwater.toml": _DECLARED}).declared.rules

    assert rules != NO_RULES
    assert Rules.from_data(rules.as_data()) == rules
    assert Rules.from_data(NO_RULES.as_data()) is NO_RULES


@pytest.mark.parametrize("at_once", [True, False])
def test_every_commit_keeps_its_own(catalog_url: str, tmp_path: Path, git_repo: GitRepo, at_once: bool):
    declared = (
        {"spend.py": _FEATURE},
        {"headwater.toml": _DECLARED},
        {"policies/a.toml": '[documented]\nquery = "-has:doc"\n'},
        {"CODEOWNERS": "* @growth\n"},
        {"policies/a.toml": "[documented\n"},
        {"headwater.toml": "[classifications]\npii = false\n", "policies/a.toml": ""},
    )
    catalog, shas = Catalog(catalog_url, tmp_path / "home", git_repo.path), []
    for number, files in enumerate(declared):
        shas.append(git_repo.commit(f"{number}", files=files))
        if not at_once:
            catalog.scan_on()
    catalog.scan()

    with catalog.database.read() as session:
        repository = get_repository(session, "repo")
        with GitSource(mirror_path(catalog.settings, repository)) as source:
            for sha in shas:
                moment = moment_at(session, catalog.settings, repository, sha)
                assert moment.snapshot == read_commit(source, sha)
    assert catalog.same_as_new(git_repo.path)
    catalog.database.dispose()


def test_policies_of_a_platform_must_be_as_they_must_be(tmp_path: Path):
    (tmp_path / "a.toml").write_text('[owned]\nquery = "-has:owner"\n')
    (tmp_path / "b.toml").write_text('[documented]\nquery = "-has:doc"\nowner = "platform"\n')

    found = read_platform_policies(tmp_path)
    assert [(policy.name, policy.path, policy.line) for policy in found] == [
        ("owned", "", 0),
        ("documented", "", 0),
    ]
    for text, told in (
        ('[owned]\nquery = "x"', "'owned' is there twice"),
        ("[broken", "is not valid TOML"),
        ('[x]\nqerry = "y"', "'x.qerry' is unknown"),
    ):
        (tmp_path / "c.toml").write_text(text)
        with pytest.raises(SettingError, match=told):
            read_platform_policies(tmp_path)


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ('merges = "yes"', "review.merges must be true or false"),
        ('trailers = "Seen-by"', "review.trailers must be a list of texts"),
        ('trailers = ["Seen by"]', 'review.trailers must be at most 20 keys such as "Reviewed-by"'),
        ('trailer = ["Seen-by"]', "'review.trailer' is unknown and has no effect. Did you mean 'trailers'?"),
    ],
)
def test_what_cannot_be_read_of_reviews_is_told_and_as_usual(git_repo: GitRepo, declared: str, told: str):
    snapshot = _read(git_repo, **{"headwater.toml": f"[review]\n{declared}\n"})

    (diagnostic,) = snapshot.diagnostics
    assert told in diagnostic.message and diagnostic.path == "headwater.toml"
    assert snapshot.declared.rules.review == USUAL_REVIEW


def test_rules_without_reviews_are_read_as_before():
    """What the store has of repositories that were scanned by an earlier version."""
    data = Rules(teams={"a": ("b",)}).as_data()
    del data["review"]

    assert Rules.from_data(data).review == USUAL_REVIEW
