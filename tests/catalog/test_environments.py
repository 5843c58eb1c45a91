"""Environments that repositories name: built of wheels once per content, and runs in them."""

import base64
import hashlib
import io
import os
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from headwater_catalog import environments, interpreters
from headwater_catalog.errors import JobError
from headwater_catalog.kept_environments import environment_held, make_room, total_size
from headwater_catalog.run_settings import RunSettings
from headwater_catalog.scan import scan
from support.git_repo import GitRepo
from support.run_catalog import Catalog, make_catalog

PROJECT = """
[tool.headwater.environment]
requirements = "requirements.txt"
[tool.headwater.dataflows.shop]
modules = ["shop"]
"""
SHOP = """
def greeting() -> str:
    import tinyhello
    return tinyhello.HELLO

def has_pandas() -> bool:
    import importlib.util
    return importlib.util.find_spec("pandas") is not None

def has_server() -> bool:
    import importlib.util
    return importlib.util.find_spec("sqlalchemy") is not None
"""


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder that installers take wheels from, and nowhere else, as an administrator may say."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name in ("UV_FIND_LINKS", "PIP_FIND_LINKS"):
        monkeypatch.setenv(name, str(folder))
    for name in ("UV_OFFLINE", "UV_NO_INDEX", "PIP_NO_INDEX"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    _wheel(folder, "1.0", "hello")
    _wheel(folder, "2.0", "hello again")
    return folder


def _wheel(folder: Path, version: str, text: str, further: Mapping[str, str] | None = None) -> None:
    """Write a wheel of one module by hand."""
    files = {
        "tinyhello.py": f"HELLO = {text!r}\n",
        f"tinyhello-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: tinyhello\nVersion: {version}\n",
        f"tinyhello-{version}.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        **(further or {}),
    }
    record = f"tinyhello-{version}.dist-info/RECORD"
    lines = [f"{name},sha256={_digest(content)},{len(content)}" for name, content in files.items()]
    with zipfile.ZipFile(folder / f"tinyhello-{version}-py3-none-any.whl", "w") as archive:
        for name, content in {**files, record: "\n".join([*lines, f"{record},,", ""])}.items():
            archive.writestr(name, content)


def _digest(content: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture
def repo(git_repo: GitRepo) -> GitRepo:
    git_repo.write("pyproject.toml", PROJECT)
    git_repo.write("shop.py", SHOP)
    return git_repo


@pytest.fixture
def catalog(index: Path, repo: GitRepo, sqlite_catalog_url: str, tmp_path: Path) -> Iterator[Catalog]:
    repo.write("requirements.txt", "# what it needs\ntinyhello==1.0  # and no more\n")
    repo.commit("Begin")
    made = make_catalog(sqlite_catalog_url, repo, tmp_path / "home")
    yield made
    made.database.dispose()


def _values(run) -> dict[str, str]:
    assert run.job.state == "succeeded", run.job.error
    return {value["name"]: value["text"] for value in run.preview["values"]}


def test_a_run_has_the_packages_that_its_commit_lists_and_the_engine(catalog: Catalog, repo: GitRepo):
    first = catalog.run("greeting", "has_pandas", "has_server")
    repo.write("requirements.txt", "tinyhello>=2\n")
    repo.commit("Greet again")
    scan(catalog.database, catalog.settings, "shop")
    second, before = catalog.run("greeting"), catalog.run("greeting", at="main~1")

    assert _values(first) == {"greeting": "hello", "has_pandas": "False", "has_server": "False"}
    assert first.environment["packages"]["tinyhello"] == "1.0"
    assert first.environment["built_from"].startswith("requirements.txt sha256:")
    assert (_values(second)["greeting"], _values(before)["greeting"]) == ("hello again", "hello")
    built = [path for path in (catalog.settings.home / "environments").iterdir() if path.is_dir()]
    assert len(built) == 2


def test_what_has_no_wheel_is_not_built(catalog: Catalog, repo: GitRepo, index: Path, tmp_path: Path):
    marker = tmp_path / "executed"
    with tarfile.open(index / "bakery-1.0.tar.gz", "w:gz") as archive:
        content = f"open({str(marker)!r}, 'w')\nfrom setuptools import setup\nsetup(name='bakery')\n".encode()
        entry = tarfile.TarInfo("bakery-1.0/setup.py")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    repo.write("requirements.txt", "bakery==1.0\n")
    repo.commit("Bake")
    scan(catalog.database, catalog.settings, "shop")
    run = catalog.run("greeting")

    assert run.job.state == "failed"
    assert "'requirements.txt' lists could not be built; only wheels" in (run.job.error or "")
    assert "bakery" in (run.job.error or "")
    assert not marker.exists()
    assert [path.suffix for path in (catalog.settings.home / "environments").iterdir()] == [".lock"]
    assert catalog.leftovers() == []


def test_a_server_may_build_none(catalog: Catalog):
    catalog.settings = replace(catalog.settings, runs=RunSettings(environments=False))

    assert "this server builds none" in (catalog.run("greeting").job.error or "")


@pytest.mark.parametrize(
    "line",
    [
        *(
            "-r /etc/passwd",
            "--index-url http://10.0.0.1/",
            "-e .",
            "./local",
            "../up",
            "git+https://x/y",
            "a @ http://x/y",
        ),
        *(
            "a==${SECRET}",
            "a==1 --hash=md5:00",
            "a --config-settings x=y",
            "a; b @ c",
            "/etc/passwd",
            "file:///etc/passwd",
        ),
        *("a" * 2000, "a==1 \\\n--index-url=http://x", "a[b", "https://x/a-1.0-py3-none-any.whl", "-"),
    ],
)
def test_a_list_says_nothing_but_packages(tmp_path: Path, line: str):
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "requirements.txt").write_text(f"good==1\n{line}\n")

    with pytest.raises(JobError, match=r"requirements.txt:2: .* is no package by name and version"):
        environments.named_in(tmp_path)


def test_a_list_of_a_lock_is_taken_with_its_hashes(tmp_path: Path):
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    told = [
        "a==1.0",
        "b[c, d]>=2,<3 ; python_version >= '3.11'",
        "e (~=1.4)",
        f"f==2 --hash=sha256:{'0' * 64}",
        "g",
    ]
    text = "\n".join(told).replace(" --hash", " \\\n    --hash")
    (tmp_path / "requirements.txt").write_text(f"# made by a tool\n{text}\n    # via h\n")
    found = environments.named_in(tmp_path)

    assert found is not None
    assert list(found.packages) == told


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "not in the repository"),
        (b"\xff", "no text in UTF-8"),
        (b"a\n" * 1_000_000, "larger than 1,024 kB"),
    ],
)
def test_a_list_that_cannot_be_read_is_told(tmp_path: Path, content: bytes | None, reason: str):
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    if content is not None:
        (tmp_path / "requirements.txt").write_bytes(content)

    with pytest.raises(JobError, match=reason):
        environments.named_in(tmp_path)


def _wanted(digit: str) -> environments.Environment:
    return environments.Environment("requirements.txt", digit * 64, ("tinyhello==1.0",))


def _built(home: Path, wanted: environments.Environment, **how: Any) -> Path:
    with environment_held(home, wanted, environments.find_uv(), **how) as built:
        return built


def test_several_workers_build_one_environment(index: Path, tmp_path: Path):
    wanted = environments.Environment("requirements.txt", "0" * 64, ("tinyhello==1.0",))
    partial = tmp_path / "environments" / f"{wanted.key}.partial"
    partial.mkdir(parents=True)
    (partial / "left").touch()  # by a worker that was killed
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(_built(tmp_path, wanted))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [tmp_path / "environments" / wanted.key] * 4
    assert (found[0] / "bin" / "python").exists() and not (found[0] / "left").exists()
    assert not partial.exists()


def test_building_ends_when_the_worker_does(index: Path, tmp_path: Path):
    wanted = environments.Environment("requirements.txt", "1" * 64, ("tinyhello==1.0",))

    with pytest.raises(JobError, match="Cancelled by ana"):
        _built(tmp_path, wanted, stopping=lambda: "Cancelled by ana.")
    assert [path.suffix for path in (tmp_path / "environments").iterdir()] == [".lock"]


_INSTALLERS = [pytest.param(True, id="uv"), pytest.param(False, id="pip", marks=pytest.mark.slow)]


@pytest.mark.parametrize("with_uv", _INSTALLERS)
def test_either_installer_builds_it(index: Path, tmp_path: Path, with_uv: bool):
    uv = environments.find_uv() if with_uv else None
    if with_uv and uv is None:
        pytest.skip("needs uv: pip install uv")
    wanted = environments.Environment("requirements.txt", "2" * 64, ("tinyhello==2.0",))
    with environment_held(tmp_path, wanted, uv) as built:
        pass

    assert list(built.glob("lib/python3*/site-packages/tinyhello.py"))
    assert list(built.glob("lib/python3*/site-packages/__pycache__/tinyhello.*.pyc"))


def test_the_bytecode_of_what_runs_import_is_kept(tmp_path: Path):
    interpreters.own(tmp_path)

    for name in ("headwater.driver", "headwater_catalog.runner", "pandas"):
        spec = find_spec(name)
        assert spec is not None and spec.cached is not None and Path(spec.cached).exists()


def test_beyond_the_limit_those_go_that_were_not_used_for_longest(index: Path, tmp_path: Path):
    old, mid, new = (_built(tmp_path, _wanted(digit)) for digit in "123")
    for days, built in ((3, old), (2, mid), (1, new)):
        then = time.time() - days * 86_400
        os.utime(f"{built}.lock", (then, then))
    each = total_size(tmp_path) // 3
    _built(tmp_path, _wanted("1"))  # which is used again

    assert make_room(tmp_path, 4 * each) == 0
    assert make_room(tmp_path, 2 * each + each // 2) == 1
    assert (old.is_dir(), mid.is_dir(), new.is_dir()) == (True, False, True)
    assert {path.suffix for path in (tmp_path / "environments").glob(f"{mid.name}*")} == set()
    assert make_room(tmp_path, 0) == 2 and total_size(tmp_path) == 0
    assert _built(tmp_path, _wanted("2")) == mid and mid.is_dir()  # it is built anew


def test_one_that_a_run_is_in_never_goes(index: Path, tmp_path: Path):
    with environment_held(tmp_path, _wanted("1"), environments.find_uv()) as built:
        with environment_held(tmp_path, _wanted("1"), environments.find_uv()):  # runs share it
            assert make_room(tmp_path, 0) == 0
        assert make_room(tmp_path, 0) == 0 and (built / "bin" / "python").exists()
    assert make_room(tmp_path, 0) == 1 and not built.exists()


def test_what_is_broken_or_half_built_is_removed(index: Path, tmp_path: Path):
    built = _built(tmp_path, _wanted("1"))
    whole, place = _built(tmp_path, _wanted("2")), tmp_path / "environments"
    (built / "bin" / "python").unlink()
    (built / "bin" / "python").symlink_to(tmp_path / "a-python-that-went")
    for name in (f"{whole.name}.partial", f"{whole.name}.partial-x", f"{'0' * 32}.partial"):
        (place / name / "inside").mkdir(parents=True)
    beside = place / "of-somebody-else"
    beside.touch()
    make_room(tmp_path, 10**12)

    assert not built.exists() and whole.is_dir() and beside.exists()
    assert list(place.glob("*.partial*")) == []
    assert _built(tmp_path, _wanted("1")) == built and (built / "bin" / "python").exists()


def test_a_broken_environment_is_built_anew_where_it_is_needed(index: Path, tmp_path: Path):
    built = _built(tmp_path, _wanted("1"))
    (built / "bin" / "python").unlink()
    assert _built(tmp_path, _wanted("1")) == built

    assert (built / "bin" / "python").exists()


def test_the_worker_makes_room_after_a_run(catalog: Catalog):
    assert catalog.run("greeting").job.error is None
    assert total_size(catalog.settings.home) > 0
    catalog.settings = replace(catalog.settings, environments_limit=0)
    assert catalog.run("greeting").job.error is None

    assert total_size(catalog.settings.home) == 0


@pytest.mark.parametrize("with_uv", _INSTALLERS)
def test_nothing_that_a_wheel_brings_is_executed_while_it_is_installed(
    index: Path, tmp_path: Path, with_uv: bool
):
    uv = environments.find_uv() if with_uv else None
    if with_uv and uv is None:
        pytest.skip("needs uv: pip install uv")
    marker = tmp_path / "executed"
    leave = f"open({str(marker)!r}, 'a').write(__name__)\n"
    hostile = {
        "evil.pth": f"import os; {leave}",
        "sitecustomize.py": leave,
        "pip/__init__.py": leave,
        "pip/__main__.py": leave,
        "pip/_internal/self_outdated_check.py": leave,
        "compileall.py": leave,
        "unfinished.py": "def broken(\n",
    }
    if uv is None:  # uv refuses such wheels
        hostile["tinyhello-3.0.data/scripts/python"] = f"#!{sys.executable}\n{leave}"
    _wheel(index, "3.0", "hello at last", hostile)
    ours = Path(sys.executable).resolve()
    before = hashlib.sha256(ours.read_bytes()).hexdigest()
    wanted = environments.Environment("requirements.txt", "3" * 64, ("tinyhello==3.0",))
    with environment_held(tmp_path, wanted, uv) as built:
        pass
    with environment_held(tmp_path, wanted, uv):  # as a run does that finds it there
        pass

    assert not marker.exists()
    assert list(built.glob("lib/python3*/site-packages/evil.pth"))  # it was there to be executed
    assert list(built.glob("lib/python3*/site-packages/__pycache__/tinyhello.*.pyc"))
    assert hashlib.sha256(ours.read_bytes()).hexdigest() == before
