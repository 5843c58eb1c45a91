"""Whoever reads while others scan sees one commit, whole, whatever is kept in memory of others."""

import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from headwater_catalog.errors import NotFound
from headwater_catalog.moments import moment_at
from headwater_catalog.repositories import add_repository, get_repository, remove_repository
from headwater_catalog.scan import scan
from headwater_catalog.search import heads, search
from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database
from support.demo_catalog import settings_in
from support.git_repo import GitRepo

_MODULES = ("a", "b", "c")
Features = dict[str, str]


@pytest.fixture
def settings(tmp_path: Path, catalog_url: str) -> Settings:
    return settings_in(tmp_path / "home", catalog_url)


def _source(features: Features, module: str) -> str:
    mine = {key.partition(":")[2]: body for key, body in features.items() if key.startswith(f"{module}:")}
    return "\n\n".join(f"def {name}(x: int) -> int:\n    return {body}\n" for name, body in mine.items())


def _changed(rng: Random, before: Features) -> Features:
    after = dict(before)
    for _ in range(rng.randrange(1, 4)):
        key = f"{rng.choice(_MODULES)}:f{rng.randrange(8)}"
        if key in after and rng.random() < 0.4:
            del after[key]
        else:
            after[key] = f"word{rng.randrange(1000)}"
    return after


def _commit(repository: GitRepo, features: Features, name: str) -> str:
    for module in _MODULES:
        repository.write(f"{module}.py", _source(features, module))
    repository.commit(name)
    return repository.git("rev-parse", "HEAD")


class _Reader(threading.Thread):
    """Reads the head and another commit again and again, and keeps what it saw of each."""

    def __init__(self, database: Database, settings: Settings, said: dict[str, Features], seed: int) -> None:
        super().__init__()
        self._database, self._settings, self._said = database, settings, said
        self._rng = Random(seed)
        self.ends = threading.Event()
        self.wrong: list[object] = []
        self.reads = 0

    def run(self) -> None:
        try:
            while not self.ends.is_set():
                self._look()
        except Exception as error:
            self.wrong.append(error)

    def _look(self) -> None:
        with self._database.read() as session:
            repository = get_repository(session, "shop")
            earlier = self._rng.choice(list(self._said))
            for at in (None, earlier):
                try:
                    moment = moment_at(session, self._settings, repository, at)
                except NotFound:  # it is not scanned yet, or was written anew
                    assert at is not None
                    continue
                said = self._said[moment.commit.sha]
                held = {each.key: each.source for each in moment.snapshot.features}
                found = {hit.key for hit in search([moment], "", limit=100).hits}
                by_code = {word: search([moment], f"code:{word}").total for word in set(said.values())}
                if (
                    {key: code.rpartition(" ")[2].strip() for key, code in held.items()} != said
                    or found != said.keys()
                    or by_code != {word: list(said.values()).count(word) for word in by_code}
                ):
                    self.wrong.append((at, moment.commit.sha, held, found, by_code, said))
                self.reads += 1


@pytest.fixture
def readers(database: Database, settings: Settings) -> Iterator[list[_Reader]]:
    """Give a list of readers, which end with the test."""
    started: list[_Reader] = []
    yield started
    for reader in started:
        reader.ends.set()
    for reader in started:
        reader.join()


@pytest.mark.parametrize("seed", [1])
def test_each_answer_is_that_of_one_commit_while_scans_go_on(
    database: Database, settings: Settings, git_repo: GitRepo, readers: list[_Reader], seed: int
):
    rng = Random(seed)
    said: dict[str, Features] = {}
    line: list[str] = []
    features: Features = {"a:f0": "word0"}
    line.append(_commit(git_repo, features, "Begin"))
    said[line[-1]] = features
    with database.write() as session:
        add_repository(session, "shop", str(git_repo.path), 0)
    scan(database, settings, "shop")
    for number in range(3):
        readers.append(_Reader(database, settings, said, number))
        readers[-1].start()
    for step in range(12):
        if rng.random() < 0.35 and len(line) > 2:  # the line is written anew from some commits back
            del line[-rng.randrange(1, len(line) - 1) :]
            git_repo.git("reset", "--quiet", "--hard", line[-1])
        features = _changed(rng, said[line[-1]])
        sha = _commit(git_repo, features, f"Step {step} of {seed}")
        said[sha] = features
        line.append(sha)
        scan(database, settings, "shop")
    for reader in readers:
        reader.ends.set()
        reader.join()

    assert [reader.wrong for reader in readers] == [[], [], []]
    assert all(reader.reads for reader in readers)


def test_a_repository_that_takes_the_place_of_another_is_found_by_its_own_name(
    database: Database, settings: Settings, git_repo: GitRepo
):
    git_repo.commit("Add", files={"m.py": "def f(a: int) -> int:\n    return a\n"})
    for name in ("before", "after"):
        with database.write() as session:
            add_repository(session, name, str(git_repo.path), 0)
        scan(database, settings, name)
        with database.read() as session:
            hits = search(heads(session, settings), "f").hits
            assert [(hit.repository, hit.key) for hit in hits] == [(name, "m:f")]
            assert search(heads(session, settings), f"repo:{name}").total == 1
        with database.write() as session:
            remove_repository(session, settings, get_repository(session, name))
