"""`headwater check` and `headwater why`, without a catalog and in one, and the formats that other programs read."""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from headwater_catalog.cli import command_line
from headwater_catalog.demo.plumbing import Plumbing
from headwater_catalog.demo.replay import read_story, replay
from support.git_repo import GitRepo

_POLICIES = """
[private]
query = "module:features.audiences classification:pii"
message = "Personal data leaves the house."
owner = "privacy"

[owned]
query = "-has:owner"
severity = "warning"
"""


def headwater(*words: str | Path) -> Result:
    return CliRunner().invoke(command_line(), [str(word) for word in words])


_PLAIN = "def spend(orders: int) -> int: ...\n"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "repository"
    replay(read_story(), Plumbing.create(folder))
    (folder.parent / "policies.toml").write_text(_POLICIES)
    return folder


def _commit(demo: Path, subject: str) -> str:
    found = ["git", "-C", str(demo), "log", "--format=%H", f"--grep={subject}", "main"]
    return subprocess.run(found, capture_output=True, text=True, check=True).stdout.strip()


def _check(demo: Path, subject: str, *words: str) -> Result:
    sha = _commit(demo, subject)
    policies = ("--policies", str(demo.parent / "policies.toml"))
    return headwater("check", demo, "--at", sha, "--base", f"{sha}~1", *policies, *words)


def test_the_leak_of_the_demo_is_found_with_its_way(demo: Path):
    done = _check(demo, "Export an audience for the newsletter")

    assert done.exit_code == 1
    assert "features/audiences.py:7: error: private: Personal data leaves the house." in done.stdout
    assert (
        "    email_normalized -> contact_key -> newsletter_audience\n    ask CRM; policy of privacy\n"
        in done.stdout
    )
    assert (
        "+ pii of features.audiences:contact_key: not there to true, as 'contact_key' is new\n" in done.stdout
    )
    assert "2 errors since " in done.stdout


def test_the_commit_that_hashes_the_address_clears_it(demo: Path):
    done = _check(demo, "Hash the contact key")
    told = json.loads(_check(demo, "Hash the contact key", "--json").stdout)

    assert done.exit_code == 0
    assert (
        "- pii of features.audiences:newsletter_audience: true to false, as 'contact_key' has a barrier now"
        in done.stdout
    )
    assert [finding["key"] for finding in told["cleared"]] == [
        "features.audiences:contact_key",
        "features.audiences:newsletter_audience",
    ]
    assert told["findings"] == []
    assert {change["cause"] for change in told["taint"]} == {"has a barrier now"}


def test_the_files_as_they_lie_there_are_checked(git_repo: GitRepo):
    git_repo.commit("Begin", files={"a.py": "def spend(orders: int) -> int: ...\n"})
    git_repo.write("a.py", "def spend(orders: int) -> int: ...\n\n\ndef net(spend: int) -> int: ...\n")
    git_repo.write("policies/a.toml", '[owned]\nquery = "-has:owner"\n')

    both = json.loads(headwater("check", git_repo.path, "--json").stdout)
    new = json.loads(headwater("check", git_repo.path, "--base", "main", "--json").stdout)
    everything = json.loads(headwater("check", git_repo.path, "--base", "main", "--all", "--json").stdout)

    assert [finding["key"] for finding in both["findings"]] == ["a:spend", "a:net"]
    assert [finding["key"] for finding in new["findings"]] == ["a:net"]
    assert [finding["key"] for finding in everything["findings"]] == ["a:net", "a:spend"]
    assert new["after"] is None
    assert new["before"] == git_repo.git("rev-parse", "HEAD")


def test_a_branch_is_compared_with_where_it_began(git_repo: GitRepo):
    git_repo.commit("Begin", files={"a.py": "def spend(orders: int) -> int: ...\n"})
    git_repo.write("policies/a.toml", '[owned]\nquery = "-has:owner"\n')
    git_repo.commit("Rule")
    git_repo.branch("side")
    git_repo.commit("Add", files={"b.py": "def net(spend: int) -> int: ...\n"})
    git_repo.checkout("main")
    git_repo.commit("Go on", files={"c.py": "def gross(spend: int) -> int: ...\n"})

    told = json.loads(headwater("check", git_repo.path, "--at", "side", "--base", "main", "--json").stdout)
    assert [finding["key"] for finding in told["findings"]] == ["b:net"]


@pytest.mark.parametrize(
    ("words", "told", "code"),
    [
        (("--base", "nothing"), "No commit, branch or tag 'nothing'", 3),
        (("--day", "tomorrow"), "it must be a day such as 2027-06-30", 2),
        (("--format", "xml"), "'xml' is not one of", 2),
    ],
)
def test_what_is_wrong_is_told(demo: Path, words: tuple[str, ...], told: str, code: int):
    done = headwater("check", demo, *words)

    assert told in done.stderr
    assert done.exit_code == code


def test_a_day_decides_what_has_expired(git_repo: GitRepo):
    tags = 'pii="barrier", pii_reason="r", pii_reviewer="a", pii_until="2026-06-30"'
    git_repo.write("a.py", f"from headwater import tag\n@tag({tags})\ndef key(email: str) -> str: ...\n")

    assert headwater("check", git_repo.path, "--day", "2026-06-30").exit_code == 0
    late = headwater("check", git_repo.path, "--day", "2026-07-01")
    assert late.exit_code == 1
    assert "barrier-expired" in late.stdout


def test_warnings_fail_where_they_are_to(demo: Path):
    words = (
        "check",
        demo,
        "--policies",
        demo.parent / "policies.toml",
        "--at",
        _commit(demo, "Start the feature"),
    )

    assert headwater(*words).exit_code == 0
    assert headwater(*words, "--strict").exit_code == 1


def test_sarif_is_what_the_standard_says(demo: Path):
    sarif = json.loads(_check(demo, "Export an audience for the newsletter", "--format", "sarif").stdout)

    (run,) = sarif["runs"]
    assert sarif["version"] == "2.1.0"
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["private"]
    assert len(run["results"]) == 2
    for result in run["results"]:
        assert result["ruleId"] == "private"
        assert result["level"] in ("none", "note", "warning", "error")
        assert "email_normalized -> " in result["message"]["text"]
        (place,) = result["locations"]
        assert place["physicalLocation"]["artifactLocation"]["uri"] == "features/audiences.py"
        region = place["physicalLocation"]["region"]
        assert 0 < region["startLine"] <= region["endLine"]
        assert len(result["partialFingerprints"]["headwaterFinding/v1"]) == 20


def test_sarif_has_a_place_for_what_stands_nowhere(git_repo: GitRepo, tmp_path: Path):
    """Code scanning refuses the whole of a file in which one result has none."""
    (tmp_path / "all.toml").write_text('[broken]\nquery = "("\n[owned]\nquery = "-has:owner"\n')
    git_repo.write("a b/é.py", "def spend(orders: int) -> int: ...\n")
    done = headwater("check", git_repo.path, "--policies", tmp_path / "all.toml", "--format", "sarif")

    results = json.loads(done.stdout)["runs"][0]["results"]
    places = [each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for each in results]
    assert sorted(places) == ["a%20b/%C3%A9.py", "headwater.toml"]


def test_what_stands_nowhere_is_told_in_junit_and_gitlab_too(git_repo: GitRepo, tmp_path: Path):
    (tmp_path / "all.toml").write_text('[broken]\nquery = "("\n')
    git_repo.write("a.py", _PLAIN)
    words = "check", git_repo.path, "--policies", tmp_path / "all.toml", "--format"
    (suite,) = ElementTree.fromstring(headwater(*words, "junit").stdout)
    (told,) = json.loads(headwater(*words, "gitlab").stdout)

    assert (suite[0][0].text or "").startswith("error: Policy 'broken' cannot be checked")
    assert suite[0].get("file") is None
    assert told["location"] == {"path": "headwater.toml", "lines": {"begin": 1}}


def test_github_shows_ten_of_each_kind_and_says_that_there_are_more(git_repo: GitRepo):
    code = "".join(f"def f{number}(orders: int) -> int: ...\n" for number in range(12))
    git_repo.write("a.py", code)
    git_repo.write(
        "policies/a.toml", '[o]\nquery = "-has:owner"\n[d]\nquery = "-has:doc"\nseverity = "note"\n'
    )

    lines = headwater("check", git_repo.path, "--format", "github").stdout.splitlines()
    assert [sum(line.startswith(f"::{kind} ") for line in lines) for kind in ("error", "notice")] == [10, 10]
    assert lines[-5].startswith("4 findings more")
    assert lines[-1] == "- a.py:12: note: d: 'f11' breaks 'd' (-has:doc)."


def test_what_github_does_not_show_is_no_command_in_the_log(git_repo: GitRepo):
    """The runner takes a line for a command behind any blanks, and an old mark anywhere in it."""
    code = "".join(f"def f{number}(orders: int) -> int: ...\n" for number in range(12))
    git_repo.write("::set-output name=a::/a.py", code)
    message = "see ##[set-output name=b;]c"
    git_repo.write("policies/a.toml", f'[o]\nquery = "-has:owner"\nmessage = "{message}"\n')

    lines = headwater("check", git_repo.path, "--format", "github").stdout.splitlines()
    assert len(lines) == 13
    for line in lines[10:]:
        assert not line.strip().startswith("::")
        assert "##[" not in line
    assert lines[-1] == "- ::set-output name=a::/a.py:12: error: o: see ##%5Bset-output name=b;]c"


def test_a_policy_that_two_files_have_is_refused(git_repo: GitRepo, tmp_path: Path):
    for name, query in (("a", "-has:owner"), ("b", "is:deprecated")):
        (tmp_path / f"{name}.toml").write_text(f'[o]\nquery = "{query}"\n')
    done = headwater(
        "check", git_repo.path, *("--policies", tmp_path / "a.toml", "--policies", tmp_path / "b.toml")
    )

    assert done.exit_code != 0
    assert "'o' is there twice" in done.output


def test_junit_has_a_failed_test_for_each_finding(demo: Path):
    done = _check(demo, "Export an audience for the newsletter", "--format", "junit")
    (suite,) = ElementTree.fromstring(done.stdout)

    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("2", "2", "0")
    assert [case.get("name") for case in suite] == [
        "features.audiences:contact_key",
        "features.audiences:newsletter_audience",
    ]
    clean = ElementTree.fromstring(_check(demo, "Hash the contact key", "--format", "junit").stdout)
    assert clean[0].get("failures") == "0"
    assert len(clean[0]) == 1


def test_annotations_cannot_be_made_to_say_something_else(git_repo: GitRepo):
    message = "50%\\n::error file=x::gone, really: yes"
    git_repo.write("a.py", "def spend(orders: int) -> int: ...\n")
    git_repo.write("policies/a.toml", f'["own:ed,"]\nquery = "-has:owner"\nmessage = "{message}"\n')

    (line,) = headwater("check", git_repo.path, "--format", "github").stdout.splitlines()
    assert line == (
        "::error file=a.py,line=1,endLine=1,title=own%3Aed%2C::50%25%0A::error file=x::gone, really: yes"
    )


def test_gitlab_gets_a_report_of_code_quality(demo: Path):
    report = json.loads(_check(demo, "Export an audience for the newsletter", "--format", "gitlab").stdout)

    assert [finding["location"] for finding in report] == [
        {"path": "features/audiences.py", "lines": {"begin": 7}},
        {"path": "features/audiences.py", "lines": {"begin": 13}},
    ]
    assert len({finding["fingerprint"] for finding in report}) == 2
    assert {finding["severity"] for finding in report} == {"critical"}


def test_it_needs_no_database_and_imports_none(git_repo: GitRepo):
    git_repo.write("a.py", "def spend(orders: int) -> int: ...\n")
    program = (
        "import sys\nfrom headwater_catalog.cli import command_line\n"
        f"command_line()(['check', {str(git_repo.path)!r}], standalone_mode=False)\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'sqlalchemy', 'flask', 'pandas', 'pyarrow'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.endswith("[]\n")


def test_why_tells_every_source_with_its_way(demo: Path):
    leak = _commit(demo, "Export an audience for the newsletter")
    done = headwater("why", "newsletter_audience", "pii", "--path", demo, "--at", leak)
    told = json.loads(headwater("why", "newsletter_audience", "--path", demo, "--at", leak, "--json").stdout)

    assert done.stdout == (
        "pii: features.audiences:newsletter_audience is true, because of\n"
        "  features.customers:email_normalized (true): email_normalized -> contact_key -> newsletter_audience\n"
    )
    assert [each["classification"] for each in told["classifications"]] == ["pii", "hipaa", "confidentiality"]
    assert headwater("why", "contact_key", "pii", "--path", demo, "--at", "main").stdout == (
        "pii: features.audiences:contact_key is a barrier, which nothing passes.\n"
    )


def test_why_asks_a_catalog_too(demo: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path / "home"))
    assert headwater("init", demo).exit_code == 0

    told = json.loads(headwater("why", "email_domain", "pii", "--json").stdout)
    (found,) = told["classifications"]
    assert found["level"] == "true"
    assert found["sources"][0]["path"] == [
        "features.customers:email_normalized",
        "features.customers:email_domain",
    ]
    missing = headwater("why", "email_domains")
    assert missing.exit_code == 3
    assert "email_domain" in missing.stderr


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"policies/rules.toml": "[few\n"}, "not valid TOML"),
        ({"pyproject.toml": "[tool.headwater\n"}, "not valid TOML"),
        ({"headwater.toml": '[dataflows.all]\nmodules = ["a", "nope"]\n'}, "'nope', which does not exist"),
        ({"policies/rules.toml": '[x]\nqurey = "-has:owner"\n'}, "Did you mean 'query'?"),
        ({"policies/rules.toml": '[x]\nquery = "classification:pi"\n'}, "Did you mean 'pii'?"),
        (
            {"policies/rules.toml": f'[x]\nquery = "{" OR ".join(["name:a"] * 600)}"\n'},
            "longer than 4,000 characters",
        ),
    ],
)
def test_what_cannot_be_read_of_the_rules_fails_and_is_never_known(
    git_repo: GitRepo, files: dict[str, str], told: str
):
    """A check must not pass since it looked at less than it should."""
    git_repo.commit("Begin", files={"a.py": "def spend(orders: int) -> int: ...\n", **files})
    for arguments in ((), ("--base", "HEAD")):
        done = headwater("check", git_repo.path, *arguments)

        assert done.exit_code == 1, done.output
        assert told in done.stdout


def test_a_policy_about_nothing_is_told_and_problems_in_the_code_are_counted(git_repo: GitRepo):
    git_repo.write("a.py", "def spend(orders: int) -> int: ...\n\ndef broken(:\n")
    git_repo.write("policies/a.toml", '[x]\nscope = "module:exprot"\nquery = "-has:owner"\n')
    done = headwater("check", git_repo.path)

    assert done.exit_code == 0
    assert (
        "note: policy-idle: Policy 'x' is about nothing: its scope, module:exprot, has no feature."
        in done.stdout
    )
    assert done.stdout.rstrip().endswith("; 1 problem in the code, which `headwater read` tells.")


def test_what_is_unknown_fails_a_strict_check_and_is_told_in_every_format(git_repo: GitRepo):
    git_repo.write("a.py", "def spend(orders: int) -> int: ...\n")
    git_repo.write("policies/a.toml", '[old]\nquery = "changed:<30d"\n')

    assert headwater("check", git_repo.path).exit_code == 0
    assert headwater("check", git_repo.path, "--strict").exit_code == 1
    for form in ("github", "gitlab", "sarif", "junit", "text"):
        assert "old" in headwater("check", git_repo.path, "--format", form).stdout
    assert headwater("check", git_repo.path, "--format", "github").stdout.startswith("::warning title=old::")


def test_it_goes_to_the_top_of_the_repository_as_git_does(git_repo: GitRepo, monkeypatch: pytest.MonkeyPatch):
    git_repo.commit("Begin", files={"policies/a.toml": '[o]\nquery = "-has:owner"\n', "deep/er/a.py": _PLAIN})
    monkeypatch.chdir(git_repo.path / "deep" / "er")

    assert "1 error in 1 feature under 1 policy" in headwater("check").stdout
    assert headwater("check", "--base", "HEAD").exit_code == 0


def test_the_first_commit_of_all_is_checked_against_nothing(git_repo: GitRepo):
    git_repo.write("policies/a.toml", '[o]\nquery = "-has:owner"\n')
    git_repo.write("a.py", _PLAIN)
    done = headwater("check", git_repo.path, "--base", "HEAD")

    assert done.exit_code == 1
    assert "1 error in 1 feature" in done.stdout


def test_where_there_is_no_history_it_says_what_to_do(git_repo: GitRepo, tmp_path: Path):
    git_repo.commit("Begin", files={"a.py": _PLAIN})
    git_repo.commit("Go on", files={"b.py": _PLAIN.replace("spend", "visits")})
    shallow = tmp_path / "shallow"
    subprocess.run(
        ["git", "clone", "-q", "--depth", "1", f"file://{git_repo.path}", str(shallow)], check=True
    )
    plain = tmp_path / "plain"
    plain.mkdir()

    assert (
        "This clone is shallow: fetch its history" in headwater("check", shallow, "--base", "HEAD~1").output
    )
    told = headwater("check", plain, "--base", "main")
    assert (told.exit_code, "is no git repository" in told.output) == (3, True)


def test_warnings_are_no_failures_of_junit_unless_they_fail_the_check(git_repo: GitRepo):
    git_repo.write("a.py", _PLAIN)
    git_repo.write("policies/a.toml", '[o]\nquery = "-has:owner"\nseverity = "warning"\n')
    found = [
        ElementTree.fromstring(headwater("check", git_repo.path, "--format", "junit", *strict).stdout)[0]
        for strict in ((), ("--strict",))
    ]

    assert [suite.get("failures") for suite in found] == ["0", "1"]
    assert "warning: " in (found[0][0][0].text or "")


def test_messages_stay_in_their_line_and_exceptions_are_counted(git_repo: GitRepo):
    git_repo.write("a.py", _PLAIN + _PLAIN.replace("spend", "visits"))
    told = "one\\na.py:1: error: made-up: two"
    rule = f'[o]\nquery = "-has:owner"\nmessage = "{told}"\nexceptions = [{{ feature = "spend" }}]\n'
    git_repo.write("policies/a.toml", rule)
    lines = headwater("check", git_repo.path).stdout.splitlines()

    assert not any(line.startswith("a.py:1:") for line in lines)
    assert lines[-1] == "1 error in 2 features under 1 policy; 1 let through by exceptions."


def test_no_name_makes_two_lines_of_one(git_repo: GitRepo):
    name = "email_\nb.py:1: made up"
    code = f"@extract_columns({name!r})\ndef table(raw: pd.DataFrame) -> pd.DataFrame: ...\n"
    git_repo.write("a.py", f"import pandas as pd\nfrom headwater import extract_columns\n\n{code}")
    git_repo.write("policies/a.toml", '[o]\nquery = "-has:owner"\n')
    commands = ("check", git_repo.path), ("suggest", git_repo.path), ("why", name, "--path", git_repo.path)

    for words in commands:
        told = headwater(*words).stdout.splitlines()
        assert any(name.replace("\n", " ") in line for line in told)
        assert not any(line.startswith("b.py") for line in told)


def test_what_is_called_like_personal_data_of_another_dataflow_is_told(git_repo: GitRepo):
    people = 'from headwater import tag\n\n@tag(pii="true")\ndef email(raw: str) -> str: ...\n'
    needs = "def domain(email: str) -> str: ...\n"
    git_repo.write("people/__init__.py", "")
    git_repo.write("people/mail.py", people)
    git_repo.write("export/__init__.py", "")
    git_repo.write("export/crm.py", needs)
    done = headwater("check", git_repo.path)

    assert (
        "warning: same-name-input: The input 'email' of 'domain' has the name of 'people.mail:email'"
        in done.stdout
    )
    declared = 'from headwater import external_input, tag\n\n@external_input\n@tag(pii="false")\ndef email() -> str: ...\n\n'
    git_repo.write("export/crm.py", declared + needs)
    assert "same-name-input" not in headwater("check", git_repo.path).stdout
