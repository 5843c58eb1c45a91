"""Files that try to hang the reader or to fill the memory: each is bounded, told, and leaves the others alone."""

import json
import subprocess
import sys

import pytest

from headwater_catalog.read import read_project

_FINE = "def fine(a: int) -> int:\n    return a\n"

_READER = """
import json
import resource
import sys

from headwater_catalog.read import Content, read_project, read_tree
from headwater_catalog.tree_snapshots import snapshot_of

trees, memory, seconds = json.load(sys.stdin)
resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
for name, files in trees.items():
    contents = {path: Content(text.encode("latin-1")) for path, text in files.items()}
    snapshot = snapshot_of(read_tree(contents, read_project()))
    edges = len(snapshot.edges)
    features = [(f.key, len(json.dumps(f.tags)), list(f.partial)) for f in snapshot.features]
    problems = [(d.path, d.message) for d in snapshot.diagnostics]
    print(json.dumps([name, features, problems]), flush=True)
"""


def _read(trees, *, memory=1 << 30, seconds=120):
    """Read source trees in a process that may take so much; return features and problems of each."""
    done = subprocess.run(
        [sys.executable, "-c", _READER],
        input=json.dumps([trees, memory, seconds]),
        capture_output=True,
        text=True,
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, f"after {[name for name, *_ in found][-1:]}: {done.stderr[-2000:]}"
    return {name: (features, problems) for name, features, problems in found}


_TOLD = {
    "brackets": "x = " + "[" * 100_000,
    "pairs of brackets": "x = " + "[" * 100_000 + "]" * 100_000,
    "minus": "x = " + "-" * 100_000 + "1",
    "not": "x = " + "not " * 20_000 + "1",
    "lambdas": "x = " + "lambda:" * 20_000 + "1",
    "conditions": "x = " + "a if a else " * 20_000 + "a",
    "powers": "x = a" + "**a" * 20_000,
    "attributes": "x = a" + ".b" * 20_000,
    "calls": "x = a" + "()" * 20_000,
    "sums": "x = a" + "+a" * 20_000,
    "f-strings in f-strings": "x = " + "f'{" * 50_000,
    "parts of an f-string": "x = f'" + "{a}" * 100_000 + "'",
    "parts of a long f-string": "x = f'''" + "{a}\n" * 50_000 + "'''",
    "digits": "x = " + "9" * 100_000,
    "a text of ten megabytes": "x = '" + "a" * 10_000_000 + "'",
    "a list of a million": "x = [" + "1, " * 1_000_000 + "]",
    "open quotes": "'\n" * 10_000,
    "open brackets": "(\n" * 10_000,
    "broken definitions": "def (\n" * 10_000,
    "broken decorators": "@(\n" * 3_000,
    "indented": "".join(" " * depth + "if a:\n" for depth in range(500)),
    "elif": "if a: pass\n" + "elif a: pass\n" * 20_000,
    "nulls": "\0" * 100_000,
    "backslashes": "x = 1 \\\n" * 10_000,
    "a deep notebook": '{"cells": ' + "[" * 100_000,
    "a notebook of many values": '{"cells": [' + "[]," * 1_000_001 + "[]]}",
    "machine names": "# coding: punycode\n" + "a" * 1_500_000,
}
_READ = {
    "a long text": "x = '" + "a" * 1_500_000 + "'\n",
    "texts side by side": "x = " + "'a' " * 20_000 + "\n",
    "comparisons": "x = a" + "<a" * 10_000 + "\n",
    "a thousand decorators": "from headwater import tag\n" + "@tag(a='b')\n" * 1000 + _FINE,
    "a thousand checks": "from headwater import check_output\n"
    + "@check_output(range=(0, 1))\n" * 300
    + _FINE,
    "unknown decorators": "".join(f"@a{n}\n" for n in range(4_000)) + _FINE,
    "functions": "".join(f"def f{n}(a: int) -> int: ...\n" for n in range(500)),
    "one name again and again": "def f(a: int) -> int: ...\n" * 1000,
    "parameters": "def f(" + "".join(f"a{n}: int, " for n in range(2_000)) + ") -> int: ...\n",
    "a name of ten thousand": "def " + "n" * 10_000 + "(a: int) -> int: ...\n",
    "a keyword without end": "from headwater import tag\n@tag(" + "k" * 300_000 + "=1)\n" + _FINE,
    "a type without end": "def f(a: int) -> '" + "x" * 500_000 + "': ...\n",
    "a nested type": "def f(a: '" + "list[" * 50_000 + "') -> int: ...\n",
    "imports": "".join(f"import a{n}\n" for n in range(4_000)),
    "everything of others": "from a import *\n" * 4_000,
    "assignments": "a = " * 10_000 + "1\n",
    "documentation": 'def f(a: int) -> int:\n    """' + "Args:\n    x: y\n" * 10_000 + '"""\n',
    "spaces": 'def f(a: int) -> int:\n    """' + " " * 200_000 + 'x"""\n',
    "empty lines": "\n" * 200_000,
    "comments": "# x\n" * 50_000,
}


def test_code_that_is_too_deep_or_too_long_is_told_and_leaves_the_other_files() -> None:
    found = _read({name: {"bad.py": text + "\n", "good.py": _FINE} for name, text in _TOLD.items()})

    for name, (features, problems) in found.items():
        assert ["good:fine", 2, []] in features, name
        assert "bad.py" in {path for path, _ in problems}, name
        assert all(len(message) < 2100 for _, message in problems), name


def test_code_that_is_merely_long_is_read_with_messages_that_people_can_read() -> None:
    found = _read({name: {"bad.py": text, "good.py": _FINE} for name, text in _READ.items()})

    for name, (features, problems) in found.items():
        assert ["good:fine", 2, []] in features, name
        reasons = [reason for _, _, partial in features for reason in partial]
        assert all(len(text) < 2100 for text in (*reasons, *(message for _, message in problems))), name
        assert all(len(partial) <= 50 for _, _, partial in features), name


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "x = [" + "1," * 490_000 + "]",
        "x = {" + "'a': 1, " * 120_000 + "}",
        "x = a" + "()" * 450_000,
        "x = a" + "<a" * 450_000,
        "@a\n" * 300_000 + _FINE,
        "a;" * 450_000,
        "f(" * 450_000,
        "".join(f"def f{n}(a: int) -> int: ...\n" for n in range(25_000)),
        "".join(f"a{n} = 1\n" for n in range(90_000)),
    ],
    ids=["list", "dict", "calls", "comparisons", "decorators", "names", "open", "functions", "assignments"],
)
def test_a_megabyte_of_anything_takes_no_more_than_so_much(text: str) -> None:
    found = _read({"it": {"bad.py": text + "\n", "good.py": _FINE}}, memory=2 << 30, seconds=150)

    assert "good:fine" in {key for key, _, _ in found["it"][0]}


_EXPLODING = (
    "[0]*10**10",
    "'a'*10**9",
    "b'a'*10**9",
    "((0,)*1000)*1000000",
    "[x for x in range(10**6) for y in range(10**6) for z in range(10**6)]",
    "[[[[0 for a in range(99)] for b in range(99)] for c in range(99)] for d in range(99)]",
    "{i: {j: {k: 0 for k in range(99)} for j in range(99)} for i in range(99)}",
    "[i for i in range(10**9) if i < 0]",
    "[*range(10**10)]",
    "{**{str(i): i for i in range(10**9)}}",
    "'%1000000000d' % 1",
    "'{:1000000000}'.format(1)",
    "'{a:999999999}'.format_map({'a': 1})",
    "f'{1:1000000000}'",
    "f'{1:{10**9}}'",
    "f'{1:{9}{9}{9}{9}{9}{9}{9}{9}}'",
    "f'{1.0:.999999999f}'",
    "10**10**10",
    "2**2**2**2**2**2",
    "1 << 10**10",
    "-1 << 10**10",
    "pow(2, 10**10)",
    "int('9'*9000)",
    "str(10**3000*10**2999)",
    "sum(range(10**12))",
    "max(range(10**12))",
    "sorted(range(10**9))",
    "set(range(10**9))",
    "tuple(range(10**12))",
    "len(range(10**30))",
    "1.5 in range(10**12)",
    "list(range(10**12)[:10**11])",
    "enumerate(range(10**12))",
    "zip(*[range(10**9)]*1000)",
    "dict(zip(range(10**9), range(10**9)))",
    "map(str, range(10**10))",
    "any(range(10**10))",
    "','.join(str(i) for i in range(10**9))",
    "('a'*9000).join(['b']*9000)",
    "'a'.replace('a', 'b'*10**9)",
    "'a'.ljust(10**9)",
    "'1'.zfill(10**9)",
    "'\\t'.expandtabs(10**9)",
    "'aaa'.translate({97: 'b'*10**9})",
    "bytes(10**10)",
    "bytearray(10**10)",
    "round(10**3000, -10**10)",
    "[[[[[[[[0]*99]*99]*99]*99]*99]*99]*99]*99",
    "sum([[0]*1000]*1000, [])",
    "{" + ", ".join(f"{n * (2**61 - 1)}: 0" for n in range(500)) + "}",
    "1" + " < 2" * 2000,
    "(" * 80 + "1" + ",)" * 80,
)


def test_arguments_that_would_explode_are_left_unknown() -> None:
    head = "from headwater import parameterize, tag, value\n"
    files = {
        f"m{n}.py": f"{head}X = {text}\n@tag(a={text})\ndef one{n}(a: int) -> int: ...\n"
        f"@tag(b=X)\ndef two{n}(a: int) -> int: ...\n"
        f"@parameterize(p{n}=dict(a=value(X)))\ndef three{n}(a: int) -> int: ...\n"
        for n, text in enumerate(_EXPLODING)
    }
    ((features, problems),) = _read({"it": files}, seconds=120).values()

    for n, text in enumerate(_EXPLODING):
        mine = {
            key.partition(":")[2]: (tags, partial)
            for key, tags, partial in features
            if key[: len(f"m{n}:")] == f"m{n}:"
        }
        told = {path for path, _ in problems}
        assert mine.keys() >= {f"one{n}", f"two{n}"} or f"m{n}.py" in told, text
        assert all(tags < 100_100 for tags, _ in mine.values()), text


def test_constants_and_imports_that_lead_round_or_multiply_end() -> None:
    head = "from headwater import tag\n"
    feature = "def f{n}(a: int) -> int: ...\n"
    trees = {
        "itself": {"f.py": f"{head}A = B\nB = A\n@tag(a=A)\n{feature.format(n=0)}"},
        "a chain": {
            "f.py": f"{head}A0 = 1\n"
            + "".join(f"A{n} = A{n - 1} + 1\n" for n in range(1, 3000))
            + f"@tag(a=A2999)\n{feature.format(n=0)}"
        },
        "doubling": {
            "f.py": f"{head}A0 = [1]\n"
            + "".join(f"A{n} = [A{n - 1}, A{n - 1}]\n" for n in range(1, 60))
            + f"@tag(a=A59)\n{feature.format(n=0)}"
        },
        "a ring": {
            f"m{n}.py": f"{head}from m{(n + 1) % 100} import X\n@tag(a=X)\n{feature.format(n=n)}"
            for n in range(100)
        },
        "a ring of stars": {
            f"m{n}.py": f"{head}from m{(n + 1) % 50} import *\n@tag(a=X)\n{feature.format(n=n)}"
            for n in range(50)
        },
        "all of all": {
            f"m{n}.py": head
            + "".join(f"from m{k} import *\n" for k in range(20))
            + f"@tag(a=X)\n{feature.format(n=n)}"
            for n in range(20)
        },
    }
    found = _read(trees)

    for name, files in trees.items():
        features, _ = found[name]
        assert len(features) == len(files), name
        assert all(partial for _, _, partial in features), name


_PROJECTS = {
    "a large file": "a = '" + "x" * 2_000_000 + "'",
    "deep arrays": "a = " + "[" * 100_000,
    "deep tables": "a = " + "{a = " * 30_000,
    "a heading of many parts": "[a" + ".a" * 50_000 + "]",
    "a key of many parts": "a" + ".a" * 50_000 + " = 1",
    "a long number": "a = " + "9" * 5_000,
    "unknown keys": "[tool.headwater]\n" + "".join(f"k{n} = 1\n" for n in range(10_000)),
    "unknown keys without end": "[tool.headwater]\n" + "".join(f"{'k' * 9000}{n} = 1\n" for n in range(20)),
    "paths that lead out": "[tool.headwater.dataflows.d]\nmodules = ['a']\n[tool.headwater.dataflows.d.sources]\n"
    + "".join(f"s{n} = '../x'\n" for n in range(5_000)),
}


@pytest.mark.parametrize("name", _PROJECTS)
def test_a_project_file_without_end_is_told_in_few_words(name: str) -> None:
    told = read_project(_PROJECTS[name].encode()).diagnostics

    assert 1 <= len(told) <= 101
    assert all(len(diagnostic.message) < 2100 for diagnostic in told)
