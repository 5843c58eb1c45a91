"""Code for workers that stay: loaded once, and not taken for older code of the same module names."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from headwater.carried import carried

WORKER = """
import pathlib, pickle, sys
for name in sys.argv[1:]:
    found = pickle.loads(pathlib.Path(name).read_bytes()).load()
    print(found(20), sys.modules[found.__module__].__file__)
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "some_package" / "shared_name.py"
    path.parent.mkdir(parents=True)
    (path.parent / "__init__.py").touch()
    path.write_text(text)
    return path


def test_a_worker_takes_the_file_that_the_sender_has(tmp_path, monkeypatch) -> None:
    sent = []
    for number, text in enumerate(("def f(x): return x + 1\n", "def f(x): return x * 2\n")):
        path = written(tmp_path / str(number), text)
        with monkeypatch.context() as patch:
            patch.syspath_prepend(path.parents[1])
            for name in ("some_package", "some_package.shared_name"):
                patch.delitem(sys.modules, name, raising=False)
            from some_package.shared_name import f

            code = carried(f, pickle.dumps)
            for name in ("some_package", "some_package.shared_name"):
                patch.delitem(sys.modules, name, raising=False)
        assert code.files["some_package.shared_name"][0] == str(path)
        sent.append(tmp_path / f"{number}.pickle")
        sent[-1].write_bytes(pickle.dumps(code))
    again = [*sent, sent[0]]

    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    told = subprocess.run(
        [sys.executable, "-c", WORKER, *map(str, again)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()

    assert [line.split()[0] for line in told] == ["21", "40", "21"]
    assert "/1/some_package/" in told[1]


def test_a_module_is_found_in_the_folder_of_the_sender_though_another_has_one_of_the_name(
    tmp_path, load, monkeypatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    code = carried(load("def f(x): return x + 1\n", "of_two").f, pickle.dumps)
    (tmp_path / "sent").write_bytes(pickle.dumps(code))
    other = tmp_path / "other"
    other.mkdir()
    (other / "of_two.py").write_text("def g(x): return x\n")

    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(other), *filter(None, sys.path)])}
    told = subprocess.run(
        [sys.executable, "-c", WORKER, str(tmp_path / "sent")],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()

    assert told == ["21", str(tmp_path / "of_two.py")]


def test_packages_that_are_installed_are_never_exchanged() -> None:
    code = carried([pytest.raises, subprocess.run], pickle.dumps)

    assert not {"pytest", "_pytest", "_pytest.raises", "subprocess"} & set(code.files)
    assert code.load() == [pytest.raises, subprocess.run]


EDITED = """
import os, pathlib, pickle, sys
module = pathlib.Path(sys.argv[1])
for name in sys.argv[2:]:
    module.write_text(pathlib.Path(f"{name}.py").read_text())
    os.utime(module, (10**9, 10**9))
    print(pickle.loads(pathlib.Path(name).read_bytes()).load()(20))
"""


def edited(tmp_path: Path, sent: list[Path], module: str) -> list[str]:
    """Let a worker load what was sent, of one text of a module after the other, all as old and as long."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return subprocess.run(
        [sys.executable, "-c", EDITED, str(tmp_path / module), *map(str, sent)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()


def test_a_worker_takes_a_module_again_that_was_edited(tmp_path, load, monkeypatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    sent = []
    for number, text in enumerate(("def f(x): return x + 1\n", "def f(x): return x * 2\n")):
        code = carried(load(text, "edited").f, pickle.dumps)
        sent.append(tmp_path / f"{number}.pickle")
        sent[-1].write_bytes(pickle.dumps(code))
        Path(f"{sent[-1]}.py").write_text(text)

    assert edited(tmp_path, sent, "edited.py") == ["21", "40"]


def test_a_worker_takes_modules_again_where_one_beside_them_was_edited(tmp_path, load, monkeypatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    sent = []
    for number in (1, 2):
        text = f"FACTOR = {number}\n"
        load(text, "beside")
        code = carried(load("from beside import FACTOR\ndef f(x): return FACTOR * x\n").f, pickle.dumps)
        sent.append(tmp_path / f"{number}.pickle")
        sent[-1].write_bytes(pickle.dumps(code))
        Path(f"{sent[-1]}.py").write_text(text)

    assert edited(tmp_path, sent, "beside.py") == ["20", "40"]
