"""Classifications at every commit of a history are what follows by hand from what its features say."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from headwater_catalog.moments import moment_at
from headwater_catalog.query.classified import classify
from headwater_catalog.repositories import get_repository
from support.git_repo import GitRepo
from support.scanned import Catalog
from support.slow import slow

_MODULES = ("people", "money")
_NAMES = tuple("abcdefgh")
_LEVELS = ("public", "internal", "confidential", "restricted")
_SAID = (*[None] * 4, *_LEVELS, "barrier", "barrier")


class _Variant(NamedTuple):
    said: str | None
    needs: tuple[str, ...]


_State = Mapping[str, tuple[str, Sequence[_Variant]]]
"""The module and the variants of each feature, by its name."""


def _drawn(rng: random.Random) -> tuple[str, Sequence[_Variant]]:
    """Draw a feature, which may need any other, in circles too, and what nothing makes."""
    variants = [
        _Variant(rng.choice(_SAID), tuple(rng.sample([*_NAMES, "raw"], k=rng.choice((0, 1, 1, 2)))))
        for _ in range(rng.choice((1, 1, 1, 2)))
    ]
    return rng.choice(_MODULES), variants


def _moved_on(rng: random.Random, state: _State) -> _State:
    after = dict(state)
    for name in rng.sample(_NAMES, k=rng.randint(1, 3)):
        after.pop(name, None)
        if rng.random() < 0.8:
            after[name] = _drawn(rng)
    return after


def _written(state: _State) -> Mapping[str, str]:
    texts = {module: ["from headwater import config, tag\n"] for module in _MODULES}
    for name, (module, variants) in sorted(state.items()):
        for number, variant in enumerate(variants):
            suffix = f"__{number}" if len(variants) > 1 else ""
            lines = [f'@config.when(side="{number}")'] if suffix else []
            lines += [f'@tag(confidentiality="{variant.said}")'] if variant.said else []
            given = ", ".join(f"{need}: int" for need in variant.needs if need != name)
            texts[module].append("\n".join([*lines, f"def {name}{suffix}({given}) -> int: ...\n"]))
    return {f"{module}.py": "\n\n".join(text) for module, text in texts.items()}


def _closure(state: _State) -> Mapping[str, str]:
    """Work out by hand what is confidential, and how much: as long as anything changes, needs give their own."""
    levels: dict[str, int] = {}
    barriers = set()
    for name, (_, variants) in state.items():
        said = [variant.said for variant in variants]
        if all(each == "barrier" for each in said):
            barriers.add(name)
        levels[name] = max((_LEVELS.index(each) for each in said if each in _LEVELS), default=0)
    for _ in range(len(_NAMES) * len(_LEVELS)):
        for name, (_, variants) in state.items():
            needs = {need for variant in variants for need in variant.needs if need in state}
            if name not in barriers:
                levels[name] = max(levels[name], *(levels[need] for need in needs), 0)
    return {f"{state[name][0]}:{name}": _LEVELS[level] for name, level in levels.items() if level}


def _history(rng: random.Random, git_repo: GitRepo, commits: int) -> Iterator[tuple[str, _State]]:
    state: _State = {name: _drawn(rng) for name in _NAMES}
    declared = '[dataflows.all]\nmodules = ["people", "money"]\n'
    for number in range(commits):
        files = {**_written(state), "notes.txt": str(number), "headwater.toml": declared}
        yield git_repo.commit(f"Step {number}", files=files), state
        state = _moved_on(rng, state)


@pytest.mark.parametrize("seed", [0, *slow(1, 2)])
def test_every_commit_has_what_a_brute_force_closure_says(
    catalog_url: str, tmp_path: Path, git_repo: GitRepo, seed: int
):
    """Whether commits are read as they come, by a scanner that remembers or a new one, or all at once."""
    rng = random.Random(seed)
    catalog = Catalog(catalog_url, tmp_path / "home", git_repo.path)
    expected = {}
    for sha, state in _history(rng, git_repo, 16):
        expected[sha] = _closure(state)
        match rng.randrange(3):
            case 0:
                catalog.scan_on()
            case 1:
                catalog.scan()
    catalog.add("new", git_repo.path)
    for name in ("repo", "new"):
        catalog.scan(name)

    assert any(len(set(found.values())) > 1 for found in expected.values())
    with catalog.database.read() as session:
        for name in ("repo", "new"):
            repository = get_repository(session, name)
            for sha, levels in expected.items():
                snapshot = moment_at(session, catalog.settings, repository, sha).snapshot
                found = classify(snapshot, "confidentiality")
                assert {key: found.name(key) for key in found.levels} == levels, sha
    catalog.database.dispose()
