from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

from headwater_catalog.read import Content, LinkCache, Reading, read_directory, read_project, read_tree

FEATURE = "def {name}(x: int) -> int: ...\n"
DECLARED = '[tool.headwater.dataflows.main]\nmodules = ["features.*", "base"]\n'


def read(files: Mapping[str, str], project: str = "", cache: LinkCache | None = None) -> Reading:
    contents = {path: Content(text.encode()) for path, text in files.items()}
    return read_tree(contents, read_project(project.encode()), cache)


def names(reading: Reading) -> dict[str, list[str]]:
    return {module: [f.name for f in linked.functions] for module, linked in reading.modules.items()}


def test_declared_dataflows_take_their_modules_in_order() -> None:
    files = {
        "features/b.py": FEATURE.format(name="b"),
        "features/a.py": FEATURE.format(name="a"),
        "src/base.py": FEATURE.format(name="c"),
        "other.py": FEATURE.format(name="d"),
    }

    reading = read(files, DECLARED)

    assert reading.dataflows[0].modules == ("features.a", "features.b", "base")
    assert names(reading) == {"features.a": ["a"], "features.b": ["b"], "base": ["c"]}
    assert reading.diagnostics == ()


def test_a_declared_module_that_does_not_exist_is_told_with_the_nearest() -> None:
    reading = read({"features/spend.py": ""}, '[tool.headwater.dataflows.a]\nmodules = ["features.spent"]\n')

    [diagnostic] = reading.diagnostics
    assert (diagnostic.path, diagnostic.line) == ("pyproject.toml", 1)
    assert "Did you mean 'features.spend'?" in diagnostic.message


def test_unannotated_functions_are_faults_only_where_declared() -> None:
    text = (
        "from headwater import hamilton_exclude\n"
        "def f(x) -> int: ...\n"
        "def g(x: int): ...\n"
        "def h(x: int) -> int: ...\n"
        "def main() -> None: ...\n"
        "def test_h() -> None: ...\n"
        "@hamilton_exclude\ndef i(x): ...\n"
    )

    declared, laid_out = read({"base.py": text}, DECLARED), read({"base.py": text})

    assert names(declared) == {"base": ["h", "main", "test_h"]}
    faults = [d for d in declared.diagnostics if d.path == "base.py"]
    assert [(d.line, d.message.split(".")[0]) for d in faults] == [
        (2, "'f' is left out: parameter 'x' has no type"),
        (3, "'g' is left out: the result has no type"),
    ]
    assert names(laid_out) == {"base": ["h"]}
    assert laid_out.diagnostics == ()


def test_the_layout_of_packages_makes_dataflows() -> None:
    files = {
        "shop/__init__.py": "",
        "shop/spend.py": FEATURE.format(name="a"),
        "shop/deep/__init__.py": "",
        "shop/deep/more.py": FEATURE.format(name="b"),
        "src/labs/x.py": FEATURE.format(name="c"),
        "loose.py": FEATURE.format(name="d"),
        "tests/test_spend.py": FEATURE.format(name="e"),
        "shop/helpers.py": "def _f(): ...\ndef g(x): ...\n",
    }

    reading = read(files)

    assert [(d.name, d.modules, d.origin) for d in reading.dataflows] == [
        ("labs", ("labs.x",), "layout"),
        ("main", ("loose",), "layout"),
        ("shop", ("shop.deep.more", "shop.spend"), "layout"),
    ]


def test_functions_that_cannot_be_features_are_passed_over_where_nothing_is_declared() -> None:
    source = """
    def kept(a: int, *, b: int = 1) -> int: return a
    def writes(a: int) -> None: ...
    def spreads(*parts: int) -> int: return 1
    def options(a: int, **more: int) -> int: return a
    def by_place(a: int, /) -> int: return a
    """

    reading = read({"shop/spend.py": dedent(source)})

    assert names(reading) == {"shop.spend": ["kept"]}
    assert reading.diagnostics == ()


def test_one_broken_file_is_told_and_the_others_are_read() -> None:
    reading = read({"a.py": FEATURE.format(name="a"), "b.py": "def broken(:", "tests/c.py": "def broken(:"})

    assert names(reading) == {"a": ["a"]}
    assert [(d.path, d.line) for d in reading.diagnostics] == [("b.py", 1)]


def test_two_files_of_one_module_are_told() -> None:
    reading = read({"a.py": FEATURE.format(name="x"), "a/__init__.py": FEATURE.format(name="y")})

    assert names(reading) == {"a": ["y"]}
    assert [d.path for d in reading.diagnostics] == ["a.py"]


def test_a_package_called_src_keeps_its_name() -> None:
    files = {"src/__init__.py": "", "src/a.py": FEATURE.format(name="x")}

    assert list(read(files).modules) == ["src.a"]


def test_a_cache_gives_the_same_modules_until_they_or_what_they_use_change() -> None:
    files = {
        "p/a.py": "from p.b import N\ndef f(x: int = N) -> int: ...\n",
        "p/b.py": "N = 1\n" + FEATURE.format(name="g"),
        "p/c.py": "from p.later import M\ndef h(x: int = M) -> int: ...\n",
    }
    cache = LinkCache()
    first = read(files, cache=cache)

    same = read(files, cache=cache)
    changed = read({**files, "p/b.py": "N = 2\n" + FEATURE.format(name="g")}, cache=cache)
    added = read({**files, "p/later.py": "M = 3\n"}, cache=cache)
    back = read(files, cache=cache)

    assert all(same.modules[name] is first.modules[name] for name in first.modules)
    assert changed.modules["p.a"].functions[0].parameters[0].default == 2
    assert changed.modules["p.c"] is first.modules["p.c"]
    assert added.modules["p.c"].functions[0].parameters[0].default == 3
    assert {n: m.functions for n, m in back.modules.items()} == {
        n: m.functions for n, m in first.modules.items()
    }


def test_nothing_of_a_directory_is_run_by_reading_it(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    (tmp_path / "features").mkdir()
    (tmp_path / "features/__init__.py").write_text(f"open({str(mark)!r}, 'w').close()\n")
    (tmp_path / "features/evil.py").write_text(
        f"MARK = open({str(mark)!r}, 'w').close()\n"
        "from headwater import tag\n"
        "@tag(**__import__('os').environ, a=MARK)\n"
        "def f(x: MARK = MARK) -> int: ...\n"
    )
    (tmp_path / "pyproject.toml").write_text('[tool.headwater.dataflows.a]\nmodules = ["features.evil"]\n')
    (tmp_path / "features/link.py").symlink_to("/etc/passwd")
    (tmp_path / ".venv/lib").mkdir(parents=True)
    (tmp_path / ".venv/lib/x.py").write_text("def broken(:")

    reading = read_directory(tmp_path)

    assert names(reading) == {"features.evil": ["f"]}
    assert reading.modules["features.evil"].functions[0].partial
    assert reading.diagnostics == ()
    assert not mark.exists()


def test_the_project_file_of_our_own_is_found_in_a_directory(tmp_path: Path) -> None:
    (tmp_path / "base.py").write_text(FEATURE.format(name="a"))
    (tmp_path / "headwater.toml").write_text('[dataflows.d]\nmodules = ["base"]\n')

    assert [dataflow.name for dataflow in read_directory(tmp_path).dataflows] == ["d"]
