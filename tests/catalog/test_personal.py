"""Personal data in runs: found by classification, and hidden from those who may not see it."""

from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from headwater_catalog.answers.runs import run_json
from headwater_catalog.classified_runs import personal_names
from headwater_catalog.discreet_failures import vouched
from headwater_catalog.errors import Forbidden
from headwater_catalog.moments import moment_at
from headwater_catalog.personal import HIDDEN, require_whole, shown_run
from headwater_catalog.repositories import get_repository
from headwater_catalog.scan import scan
from support.git_repo import GitRepo
from support.run_catalog import Catalog, make_catalog

pytestmark = pytest.mark.runs

_SOURCE = """
    import pandas as pd
    from headwater import check_output, extract_columns, tag

    @tag(pii="true")
    def email(raw_email: pd.Series) -> pd.Series:
        print("saw", raw_email.iloc[0])
        return raw_email.str.lower()

    @check_output(values_in=["nobody"], importance="warn")
    def domain(email: pd.Series) -> pd.Series:
        return email.str.partition("@")[2]

    @tag(pii="barrier", pii_reason="counts only")
    def people(email: pd.Series) -> int:
        return len(email)

    @tag(PII="true")
    def table(raw_email: pd.Series) -> pd.DataFrame:
        return pd.DataFrame({"contact": raw_email})

    def orders(spend: pd.Series) -> pd.Series:
        return spend * 2

    def oldest(email: pd.Series) -> str:
        return email.max()

    def careless(email: pd.Series) -> int:
        raise ValueError(f"bad value {email.iloc[0]}")
"""
_PROJECT = """
    [tool.headwater.dataflows.crm]
    modules = ["crm"]
    sources.people = "people.csv"
"""


@pytest.fixture
def crm(catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    people = "raw_email,spend\nAda@example.org,1\nbo@example.com,2\n"
    files = {"crm.py": dedent(_SOURCE), "pyproject.toml": dedent(_PROJECT), "people.csv": people}
    git_repo.commit("Keep people", files=files)
    made = make_catalog(catalog_url, git_repo, tmp_path / "home")
    yield made
    made.database.dispose()


@pytest.mark.runs(databases=True)
def test_what_is_downstream_of_personal_data_is_personal_up_to_barriers(crm: Catalog):
    run = crm.run("domain", "people", "orders")

    assert run.job.error is None
    assert set(run.personal or ()) >= {"email", "domain"}
    assert not set(run.personal or ()) & {"people", "orders", "spend"}
    assert crm.run("orders").personal == []


@pytest.mark.runs(databases=True)
def test_columns_values_logs_and_checks_are_hidden_from_those_without_the_right(crm: Catalog):
    run = crm.run("domain", "orders", "oldest", "people")
    whole, masked = shown_run(run, True), shown_run(run, False)

    assert whole.table is not None and masked.table is not None
    assert [row[:2] for row in whole.table["rows"]] == [["example.org", "2"], ["example.com", "4"]]
    assert [row[:2] for row in masked.table["rows"]] == [[None, "2"], [None, "4"]]
    assert [column["stats"] is None for column in masked.table["columns"]] == [True, False]
    assert {value["name"]: value["text"] for value in masked.values} == {"oldest": HIDDEN, "people": "2"}
    assert "saw Ada" in whole.log and "Ada" not in masked.log
    assert whole.checks[0]["diagnostics"] and not masked.checks[0]["diagnostics"]
    assert (whole.is_masked, masked.is_masked) == (False, True)
    told = str(run_json(run, None)).lower()
    assert "ada@" not in told and "example" not in told


def test_all_columns_of_a_personal_table_are_hidden(crm: Catalog):
    shown = shown_run(crm.run("table"), False)

    assert shown.table is not None and shown.table["rows"] == [[None], [None]]


def test_an_error_that_quotes_personal_data_is_told_to_those_only_who_may_see_it(crm: Catalog):
    run = crm.run("careless")
    whole, masked = shown_run(run, True), shown_run(run, False)

    assert run.job.state == "failed"
    assert run.job.error is not None and run.job.error.startswith("ValueError in 'careless'.")
    assert "ada@" not in run.job.error.lower()
    assert whole.failure is not None and "bad value ada@example.org" in whole.failure["message"]
    assert masked.failure is not None and masked.failure["message"] == HIDDEN


def test_the_whole_file_is_for_those_only_who_may_see_all_of_it(crm: Catalog):
    personal, plain = crm.run("domain", "orders", save="csv"), crm.run("orders", "people", save="csv")
    require_whole(plain, False)
    require_whole(personal, True)

    with pytest.raises(Forbidden, match="holds personal data"):
        require_whole(personal, False)


def test_a_run_without_personal_data_is_shown_whole(crm: Catalog):
    run = crm.run("orders")

    assert shown_run(run, False) == shown_run(run, True)


def test_a_branch_that_drops_a_tag_or_puts_up_a_barrier_hides_what_main_hides(
    crm: Catalog, git_repo: GitRepo
):
    bare = dedent(_SOURCE).replace('@tag(pii="true")\n', "")
    barred = dedent(_SOURCE).replace("@check_output", '@tag(pii="barrier")\n@check_output')
    new = bare + "\ndef initial(email: pd.Series) -> pd.Series:\n    return email.str[0]\n"
    git_repo.git("checkout", "-q", "-b", "bare")
    git_repo.commit("Drop the tag", files={"crm.py": new})
    git_repo.git("checkout", "-q", "-b", "barred", "main")
    git_repo.commit("Put up a barrier", files={"crm.py": barred})
    git_repo.git("checkout", "-q", "main")
    scan(crm.database, crm.settings, "shop")

    run = crm.run("domain", "initial", "people", at="bare")
    assert set(run.personal or ()) >= {"email", "domain", "initial"} and "people" not in (run.personal or ())
    assert "domain" in (crm.run("domain", at="barred").personal or ())


def test_what_is_anonymised_is_so_at_commits_of_before_too(crm: Catalog, git_repo: GitRepo):
    code = (
        dedent(_SOURCE) + "\ndef digest(email: pd.Series) -> pd.Series:\n    return email.map(hash_email)\n"
    )
    project = dedent(_PROJECT) + '[tool.headwater.classifications.pii]\nanonymisers = ["hash_email"]\n'
    before = git_repo.commit("Hash it", files={"crm.py": code, "pyproject.toml": project})
    git_repo.commit("Go on", files={"notes.txt": "x"})
    scan(crm.database, crm.settings, "shop")

    with crm.database.read() as session:
        repository = get_repository(session, "shop")
        for at in (before, "main"):
            moment = moment_at(session, crm.settings, repository, at)
            assert personal_names(moment, "crm", ["digest"]) == ["email"]


def test_what_is_personal_is_known_before_a_run_begins(crm: Catalog):
    number, _ = crm.request("domain")

    assert set(crm.get(number).personal or ()) >= {"email", "domain"}


def test_of_a_run_for_which_nothing_was_noted_all_is_hidden(crm: Catalog):
    run = crm.run("orders", "people")
    run.personal = None
    shown = shown_run(run, False)

    assert shown.table is not None and shown.table["rows"] == [[None], [None]]
    assert [value["text"] for value in shown.values] == [HIDDEN]


_HOSTILE = """
    class Ada(Exception):
        pass

    def shouts(email: pd.Series) -> int:
        raise type(email.iloc[0] + "Error", (Exception,), {})("told")

    def odd(email: pd.Series) -> pd.DataFrame:
        return pd.DataFrame({email.iloc[0]: [object()]})
"""


@pytest.mark.parametrize(("output", "save"), [("shouts", None), ("odd", "csv")])
def test_no_error_carries_personal_data_to_lists_by_its_class_or_by_names_of_columns(
    crm: Catalog, git_repo: GitRepo, output: str, save: str | None
):
    git_repo.commit("Shout", files={"crm.py": dedent(_SOURCE) + dedent(_HOSTILE)})
    scan(crm.database, crm.settings, "shop")
    run = crm.run(output, save=save)
    whole, masked = shown_run(run, True), shown_run(run, False)

    assert run.job.state == "failed" and run.job.error is not None
    assert "example.org" not in run.job.error and "may see that" in run.job.error
    assert whole.failure is not None and "ada@example.org" in whole.failure["message"]
    assert masked.failure is not None and "example.org" not in str(masked.failure)


def test_lines_of_code_are_told_as_the_commit_has_them(tmp_path: Path):
    (tmp_path / "crm.py").write_text("def careless():\n    raise ValueError\n")
    true = {"path": "crm.py", "line": 2, "function": "careless", "code": "raise ValueError"}
    forged = [
        {**true, "code": "ada@example.org"},
        {**true, "function": "ada@example.org"},
        {**true, "path": "../ada"},
        {**true, "line": 99},
        {**true, "line": 0, "code": "raise ValueError"},
    ]
    failure = {"node": "ada@example.org", "error": "ValueError", "message": "", "frames": [true, *forged]}
    told = vouched(failure, {"careless"}, tmp_path)

    assert told["frames"] == [true]
    assert told["node"] is None
