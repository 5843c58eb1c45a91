"""A repository of any size, for scale tests and benchmarks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from headwater_catalog.demo.fast_import import commit_command
from headwater_catalog.demo.place import place
from headwater_catalog.demo.plumbing import Plumbing
from headwater_catalog.demo.synthetic_features import EDITS, INPUTS, SyntheticFeature, draw, grow
from headwater_catalog.errors import SettingError

__all__ = ["init_synthetic"]

_AUTHORS = (
    "Maya Lindqvist <maya.lindqvist@example.com>",
    "Tom Okafor <tom.okafor@example.com>",
    "Ines Duarte <ines.duarte@example.com>",
    "Ravi Menon <ravi.menon@example.com>",
)
_START = datetime(2024, 9, 2, 9, tzinfo=UTC)
_SPAN = timedelta(days=730)
_SUBJECTS = {
    "added": "Add {}",
    "logic": "Change how {} is computed",
    "docs": "Say more clearly what {} is",
    "tags": "Move {} to another stage",
    "format": "Reformat {}",
}
_IMPORTS = "from headwater import check_output, tag\n"


def init_synthetic(directory: Path, *, features: int, commits: int, seed: int = 0, together: int = 1) -> str:
    """Build a repository of so many features and commits and return its head.

    The features are layered, 50 to a layer, and each reads two or three from the three layers above its own.
    Nine tenths or more come with the first commit; every later commit adds or edits one to four,
    or more where several are edited together.

    Args:
        directory: A folder that does not exist, is empty, or holds this very repository.
        features: How many there are at the head, at least one.
        commits: How many lead to the head, at least one.
        seed: Another one gives another repository of the same size.
        together: How many functions that stand one after the other are edited alike where one is.

    Raises:
        Conflict: The folder holds something else.
        SettingError: A size is below one.
    """
    if min(features, commits) < 1:
        raise SettingError(
            f"A repository of {features} features and {commits} commits: give at least 1 of each."
        )

    def build(git: Plumbing) -> str:
        stream = b"".join(_stream(features, commits, seed, together))
        git.run("fast-import", "--quiet", "--date-format=raw", stdin=stream)
        return git.run("rev-parse", "refs/heads/main")

    return place(directory, build)


@dataclass
class _Repository:
    """The features as they stand at one commit, and the text of every file they are in."""

    outputs: tuple[str, ...] = ()
    features: list[SyntheticFeature] = field(default_factory=list)
    modules: dict[str, list[SyntheticFeature]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    @classmethod
    def start(cls, features: int, rng: Random) -> _Repository:
        """Return a repository of so many features; the last ones are the outputs of its dataflow for good."""
        repository = cls()
        for _ in range(features):
            repository.add(rng)
        repository.outputs = tuple(feature.name for feature in repository.features[-10:])
        return repository

    def add(self, rng: Random) -> SyntheticFeature:
        feature = grow(self.features, rng)
        self.modules.setdefault(feature.module, []).append(feature)
        return feature

    def write(self, changed: Iterable[SyntheticFeature]) -> dict[str, str]:
        """Return the files that differ from what was returned before."""
        texts = {"pyproject.toml": self._project(), ".gitattributes": "* text=auto eol=lf\n"}
        texts["features/__init__.py"] = '"""Feature functions, a package for each domain."""\n'
        for module, domain in {feature.module: feature.domain for feature in changed}.items():
            texts[f"features/{domain}/__init__.py"] = f'"""Features of {domain}."""\n'
            texts[f"{module.replace('.', '/')}.py"] = self._module(module, domain)
        different = {path: text for path, text in texts.items() if self.files.get(path) != text}
        self.files.update(different)
        return different

    def _module(self, module: str, domain: str) -> str:
        features = [feature.text() for feature in self.modules[module]]
        return "\n\n".join([f'"""Some features of {domain}."""\n\n{_IMPORTS}', *features])

    def _project(self) -> str:
        modules = "".join(f'    "{module}",\n' for module in self.modules)
        config = ", ".join(f"{name} = {value}" for name, value in INPUTS.items())
        outputs = "".join(f'    "{name}",\n' for name in self.outputs)
        return (
            '[project]\nname = "synthetic-features"\nversion = "1.0"\n\n'
            f"[tool.headwater.dataflows.everything]\nmodules = [\n{modules}]\nconfig = {{ {config} }}\n"
            f"outputs = [\n{outputs}]\n"
        )


def _stream(features: int, commits: int, seed: int, together: int) -> Iterator[bytes]:
    """Yield one command of `git fast-import` for each commit."""
    # Only random() is promised to be the same in every version of Python, so everything is drawn from it.
    rng = Random(seed)  # noqa: S311 - nothing here is a secret
    added_later = min(features // 10, commits - 1)
    repository = _Repository.start(features - added_later, rng)
    yield _commit(repository, repository.features, "Start with the features of all domains", _START, rng)
    for number in range(1, commits):
        additions = added_later * number // (commits - 1) - added_later * (number - 1) // (commits - 1)
        changes = _change(repository, additions, together, rng)
        date = _START + timedelta(seconds=int(_SPAN.total_seconds()) * number // commits)
        yield _commit(repository, [feature for feature, _ in changes], _message(changes), date, rng)


def _commit(
    repository: _Repository, changed: list[SyntheticFeature], message: str, date: datetime, rng: Random
) -> bytes:
    files = repository.write(changed)
    return commit_command(author=draw(rng, _AUTHORS), date=date, message=message, files=files)


def _change(
    repository: _Repository, additions: int, together: int, rng: Random
) -> list[tuple[SyntheticFeature, str]]:
    """Add and edit one to four features; each is touched once, so that no edit undoes another."""
    touched = {
        feature.name: (feature, "added") for feature in (repository.add(rng) for _ in range(additions))
    }
    wanted = min(draw(rng, range(1, 5)), len(repository.features))
    while len(touched) < wanted:
        first = draw(rng, range(len(repository.features)))
        if repository.features[first].name not in touched:
            kind = draw(rng, EDITS)
            for feature in repository.features[first : first + together]:
                if feature.name not in touched:
                    feature.edit(kind)
                    touched[feature.name] = (feature, kind)
    return list(touched.values())


def _message(changes: list[tuple[SyntheticFeature, str]]) -> str:
    subject, *others = [_SUBJECTS[kind].format(feature.name) for feature, kind in changes]
    return "\n\n".join([subject, "\n".join(others)]) if others else subject
