"""Whom to ask: a tag, else CODEOWNERS by GitHub's rules, else the project file's word on the module."""

import json

import pytest

from headwater_catalog.codeowners import CodeOwners, read_codeowners
from headwater_catalog.owners import Ownership, codeowners_file, read_ownership
from headwater_catalog.read import read_project


@pytest.mark.parametrize(
    ("pattern", "fits", "fails"),
    [
        ("*", ["a.py", "p/q/a.py"], []),
        ("*.py", ["a.py", "p/q/a.py"], ["a.pyc", "a"]),
        ("a.py", ["a.py", "p/a.py"], ["ba.py"]),
        ("/a.py", ["a.py"], ["p/a.py"]),
        ("/p/", ["p/a.py", "p/q/a.py"], ["q/p/a.py", "p"]),
        ("p/", ["p/a.py", "q/p/a.py"], ["p", "op/a.py"]),
        ("/p/q", ["p/q", "p/q/a.py"], ["p/qu", "p/a.py"]),
        ("p/q", ["p/q/a.py"], ["o/p/q/a.py"]),
        ("p/*", ["p/a.py"], ["p/q/a.py", "o/p/a.py"]),
        ("/*", ["a.py"], ["p/a.py"]),
        ("p/*.py", ["p/a.py"], ["p/q/a.py"]),
        ("p/*/a.py", ["p/q/a.py"], ["p/a.py", "p/q/r/a.py"]),
        ("**/logs", ["logs", "p/logs/a.py", "p/q/logs"], ["p/mylogs"]),
        ("/p/**", ["p/a.py", "p/q/a.py"], ["p", "q/a.py"]),
        ("/p/**/a.py", ["p/a.py", "p/q/r/a.py"], ["a.py", "p/b.py"]),
        ("**/p/**/q/**/a.py", ["o/p/x/p/q/y/a.py"], ["p/a.py", "q/p/a.py"]),
        ("/fea*es/*_x?.py", ["features/a_x1.py"], ["features/a_x.py", "features/q/a_x1.py"]),
        ("/a\\ b/", ["a b/c.py"], ["a/b/c.py"]),
        ("/p/\\*.py", ["p/*.py"], ["p/a.py"]),
        ("/ünï/", ["ünï/a.py"], ["uni/a.py"]),
    ],
)
def test_a_pattern_means_the_paths_that_github_takes_it_for(pattern, fits, fails):
    rules, diagnostics = read_codeowners("CODEOWNERS", f"{pattern} @x".encode())

    owners = CodeOwners(rules)
    assert diagnostics == ()
    assert [path for path in fits if owners.of(path) is None] == []
    assert [path for path in fails if owners.of(path) is not None] == []


def test_the_last_rule_that_fits_counts_and_one_without_owners_clears():
    text = "* @all\n/p/ @p @q @p\n*.py @python  # not @everybody\n/p/q/\n/p/q/r.py maya@example.com\n"
    rules, _ = read_codeowners("CODEOWNERS", text.encode())
    owners = CodeOwners(rules)

    def of(path: str) -> tuple[str, ...] | None:
        rule = owners.of(path)
        return rule.owners if rule else None

    assert of("README.md") == ("@all",)
    assert of("p/data.csv") == ("@p", "@q")
    assert of("p/a.py") == ("@python",)
    assert of("p/q/a.py") == ()
    assert of("p/q/r.py") == ("maya@example.com",)


def test_lines_that_are_no_rules_are_told_and_have_no_effect():
    text = "\ufeff# Owners\n\n!p/ @x\n[ab].py @x\n/ @x\na***b @x\n*.py maya\n*.md @a/b @\n[Section] @x\n* @all\r\n"
    rules, diagnostics = read_codeowners("docs/CODEOWNERS", text.encode())

    assert [(rule.pattern, rule.owners, rule.line) for rule in rules] == [("*", ("@all",), 10)]
    assert [diagnostic.line for diagnostic in diagnostics] == [3, 4, 5, 6, 7, 8, 9]
    assert all(d.message.startswith("This line has no effect: ") for d in diagnostics)
    assert "'maya' is no owner. Use @user" in diagnostics[4].message


def test_files_and_patterns_of_any_kind_take_no_long_time():
    text = f"*{'a*' * 400}b @x\n{'**/a/' * 400}b @x\n\xff\0 @x\n" + "\\" * 999
    rules, _ = read_codeowners("CODEOWNERS", text.encode("latin-1"))
    owners = CodeOwners(rules)

    assert owners.of(f"{'a' * 4000}") is None
    assert owners.of("a/" * 2000 + "c") is None
    assert read_codeowners("CODEOWNERS", b"* @x\n" * 700_000)[0] == ()


def test_many_rules_for_folders_are_looked_up():
    text = "* @all\n" + "".join(f"/p{n}/q/ @team-{n}\n" for n in range(20_000)) + "p7/q/*.md @docs\n"
    rules, _ = read_codeowners("CODEOWNERS", text.encode())
    owners = CodeOwners(rules)

    found = [owners.of(f"p{n}/q/r/a.py") for n in range(20_000)]
    assert [rule.owners for rule in found if rule] == [(f"@team-{n}",) for n in range(20_000)]
    assert owners.of("p7/q/a.md") == ("p7/q/*.md", ("@docs",), 20_002)


def test_the_file_is_looked_for_where_github_and_gitlab_look():
    paths = [".gitlab/CODEOWNERS", "docs/CODEOWNERS", "CODEOWNERS", ".github/CODEOWNERS"]

    assert codeowners_file({}) is None
    for number, path in enumerate(paths, 1):
        assert codeowners_file(dict.fromkeys(paths[:number])) == path


PROJECT = """
[owners]
features = "data"
"features.growth" = ["growth", "Maya"]
"*.old" = "nobody in particular"
finance.spend = "finance"
wrong = 1
"""


@pytest.fixture
def ownership() -> Ownership:
    project = read_project(headwater_toml=PROJECT.encode())
    found, diagnostics = read_ownership("CODEOWNERS", b"/features/mail.py @mail\n/finance/\n", project)
    assert diagnostics == ()
    assert [(d.path, d.line) for d in project.diagnostics] == [("headwater.toml", 7)]
    return found


def test_a_tag_goes_before_codeowners_and_that_before_the_module(ownership: Ownership):
    mail = "features/mail.py", "features.mail"
    assert ownership.of(*mail, {"owner": "Priya"}) == (("Priya",), "tag")
    assert ownership.of(*mail, {"owner": ["Priya", "Jonas"]}).owners == ("Priya", "Jonas")
    assert ownership.of(*mail, {"owner": ""}) == (("@mail",), "CODEOWNERS:1")
    assert ownership.of("features/a.py", "features.a", {}) == (("data",), "headwater.toml")
    assert ownership.of("finance/spend.py", "finance.spend", {}).owners == ("finance",)
    assert ownership.of("a.py", "a", {}) == ((), "")


@pytest.mark.parametrize(
    ("module", "owners"),
    [
        ("features", ("data",)),
        ("features.signups", ("data",)),
        ("features.growth", ("growth", "Maya")),
        ("features.growth.weekly", ("growth", "Maya")),
        ("features.growth_more", ("data",)),
        ("featuresque", ()),
        ("a.old", ("nobody in particular",)),
        ("finance.spend.weekly", ("finance",)),
    ],
)
def test_of_the_modules_that_the_project_names_the_nearest_counts(
    ownership: Ownership, module: str, owners: tuple[str, ...]
):
    assert ownership.of("x.py", module, {}).owners == owners


def test_what_is_stored_says_the_same(ownership: Ownership):
    stored = json.loads(json.dumps(ownership.as_data()))

    assert Ownership.from_data(stored) == ownership
    assert Ownership.from_data({}) == Ownership()
    assert Ownership().as_data() == {}


def test_text_that_a_database_refuses_is_mended_before_anybody_sees_it():
    project = read_project(headwater_toml=b'[owners]\n"a\\u0000" = "b\\u0000"\n')

    assert read_ownership("CODEOWNERS", b"a\0 @b\0\n", project)[0].as_data() == {
        "path": "CODEOWNERS",
        "rules": [["a\ufffd", ["@b\ufffd"], 1]],
        "project": "headwater.toml",
        "defaults": [["a\ufffd", ["b\ufffd"]]],
    }


def test_files_that_name_nobody_are_as_good_as_none():
    assert read_ownership("CODEOWNERS", b"# later\n", read_project())[0] == Ownership()


def test_a_file_of_endless_patterns_is_bounded():
    lines = [b"/a/ @first", *(b"*%d*x @nobody" % n for n in range(3_000)), b"/b/ @last", b"*" + b"a*" * 5_000]

    rules, faults = read_codeowners("CODEOWNERS", b"\n".join(lines))
    owners = CodeOwners(rules)

    assert len(rules) == 2_002
    assert owners.of("a/x.py").owners == ("@first",)
    assert owners.of("b/x.py").owners == ("@last",)
    assert len(faults) == 100
    assert "2,000 lines before it" in faults[0].message
    assert "more than 1,000 characters" in read_codeowners("CODEOWNERS", lines[-1])[1][0].message


def test_rules_that_would_take_long_to_try_are_told_and_have_no_effect():
    many = "".join(f"*a{n}.py @x\n" for n in range(2_001))
    long = "".join(f"{'**/a*/' * 100}{n} @x\n" for n in range(200))

    for text, kept in ((many, 2_000), (long, 83)):
        rules, diagnostics = read_codeowners("CODEOWNERS", f"{text}/p/ @y\n".encode())

        assert (len(rules), rules[-1].pattern) == (kept + 1, "/p/")
        assert diagnostics and all("Name folders instead" in told.message for told in diagnostics)


def test_of_endless_patterns_of_modules_the_first_ones_count_and_the_rest_is_told():
    entries = "".join(f'"p{n:03}.*" = "@x"\n' for n in range(300))
    project = read_project(f'[tool.headwater.owners]\n{entries}"plain" = "@y"\n'.encode())
    ownership, (told,) = read_ownership(None, b"", project)

    assert ownership.of("", "p199.m", {}).owners == ("@x",)
    assert ownership.of("", "p200.m", {}).owners == ()
    assert ownership.of("", "plain.m", {}).owners == ("@y",)
    assert "only 200 count" in told.message
