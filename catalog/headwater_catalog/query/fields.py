"""The fields that a query may name: what each means, with an example and a line of help."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, ClassVar, Final

from headwater.errors import did_you_mean
from headwater_catalog.query import reach
from headwater_catalog.query.comparisons import COUNT_HINT, TIME_HINT, read_count, read_time
from headwater_catalog.query.subjects import Scope, Subject, TextField, tag_values
from headwater_catalog.query.traits import HAS, IS, UPKEEP, Trait
from headwater_catalog.snapshot import SnapshotFeature
from headwater_catalog.tokens import text_tokens

__all__ = ["FIELDS", "BaseField", "Field", "KeyField", "LabelField", "MomentField", "ValueField", "WordField"]

Accepts = Callable[[Any], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of the query language.

    Attributes:
        name: How a query names it.
        example: A term with it.
        help: What such a term finds, in one sentence.
    """

    name: str
    example: str
    help: str

    def check(self, value: str) -> None:
        """Require that a value can be understood.

        Raises:
            ValueError: It cannot; the message says what is expected.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class WordField(Field):
    """A field that looks for words and phrases in one of a feature's texts."""

    text: TextField


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueField(Field):
    """A field that looks at values of a feature; one that is accepted is enough.

    Attributes:
        values: The values that a feature has.
        read: Returns what accepts the wanted values; takes the text of the term, whether that stood in
            quotes, and the instant that ages count from.
        facet: The values that are counted among hits, each of which a term accepts as it stands; None for
            a field that makes no sense there.
        expected: What a value must be, for messages.
        needs_history: Whether only the history knows its values.
        alike: Returns what tells a feature's values apart if it has one variant only: where that is equal,
            they are. An index then works them out once.
    """

    values: Callable[[Scope, Subject], Iterable[Any]]
    read: Callable[[str, bool, int], Accepts]
    facet: Callable[[Scope, Subject], Iterable[str]] | None = None
    expected: str = ""
    needs_history: bool = False
    alike: Callable[[SnapshotFeature], Hashable] | None = None

    def check(self, value: str) -> None:
        """Require that a value can be understood."""
        try:
            self.read(value, False, 0)
        except ValueError as error:
            raise ValueError(self.expected or str(error)) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelField(ValueField):
    """A field whose values are the names of what a feature may have, or may be.

    Attributes:
        traits: What each name means.
    """

    traits: Mapping[str, Trait]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyField(Field):
    """A field that means a set of features, found through their lineage."""

    find: Callable[[Scope, str], frozenset[str]]
    form: Callable[[str], None]
    expected: str

    def check(self, value: str) -> None:
        """Require that a value can be understood."""
        try:
            self.form(value)
        except ValueError:
            raise ValueError(self.expected) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseField(Field):
    """A field that compares with an earlier moment."""

    needs_base: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentField(Field):
    """The field that says which moment the whole query looks at."""


def _plain(value: str, quoted: bool, _now: int) -> Accepts:
    """Accept the value itself in any case; what begins with it if a star follows."""
    wanted = value.casefold()
    if wanted.endswith("*") and not quoted:
        start = wanted[:-1]
        return lambda found: found.casefold().startswith(start)
    return lambda found: found.casefold() == wanted


def _tag(value: str, quoted: bool, _now: int) -> Accepts:
    if "=" in value:
        return _plain(value, quoted, 0)
    accepts = _plain(value, quoted, 0)
    return lambda found: accepts(found.partition("=")[0])


def _person(value: str, _quoted: bool, _now: int) -> Accepts:
    """Accept a name or an address that has every word."""
    wanted = frozenset(text_tokens(value))
    if not wanted:
        raise ValueError("the name of a person, or words of it")
    return lambda found: wanted <= frozenset(text_tokens(found))


def _count(value: str, _quoted: bool, _now: int) -> Accepts:
    return read_count(value)


def _time(value: str, _quoted: bool, now: int) -> Accepts:
    return read_time(value, now)


def _upkeep(value: str, _quoted: bool, _now: int) -> Accepts:
    wanted = value.casefold()
    if wanted not in UPKEEP:
        raise ValueError(f"one of: {', '.join(UPKEEP)}.{did_you_mean(wanted, UPKEEP)}")
    return lambda found: bool(found == wanted)


def _tags(_scope: Scope, subject: Subject) -> Iterator[str]:
    for variant in subject.variants:
        for key in variant.tags:
            values = tag_values(variant.tags, key)
            yield from (f"{key}={value}" for value in values or ("",))


def _packages(_scope: Scope, subject: Subject) -> Iterator[str]:
    """Yield the module and the packages around it."""
    parts = subject.module.split(".")
    return (".".join(parts[:end]) for end in range(1, len(parts) + 1))


def _types(_scope: Scope, subject: Subject) -> Iterator[str]:
    """Yield what a type may be asked by: its text, its name and its last name, alone or in a union."""
    for text in {variant.type for variant in subject.variants}:
        yield text
        for part in text.split(" | "):
            bare = part.partition("[")[0]
            yield from (part, bare, bare.rpartition(".")[2])


def _short_types(_scope: Scope, subject: Subject) -> Iterator[str]:
    for text in {variant.type for variant in subject.variants}:
        yield from (part.partition("[")[0].rpartition(".")[2] for part in text.split(" | ") if part)


def _dataflows(_scope: Scope, subject: Subject) -> Iterator[str]:
    return (dataflow for variant in subject.variants for dataflow in variant.dataflows)


def _dependency_count(_scope: Scope, subject: Subject) -> Iterable[int]:
    return (len({needed.name for variant in subject.variants for needed in variant.dependencies}),)


def _owners(_scope: Scope, subject: Subject) -> Iterable[str]:
    return subject.owners


def _repository(scope: Scope, _subject: Subject) -> Iterable[str]:
    return (scope.repository,)


def _past(read: Callable[[Any], Iterable[Any]]) -> Callable[[Scope, Subject], Iterable[Any]]:
    def values(scope: Scope, subject: Subject) -> Iterable[Any]:
        past = (scope.pasts or {}).get(subject.key)
        return () if past is None else read(past)

    return values


def _text(name: str, example: str, text: TextField, help: str) -> Field:
    return WordField(name=name, example=example, text=text, help=help)


def _labels(name: str, example: str, traits: Mapping[str, Trait], help: str) -> Field:
    def values(scope: Scope, subject: Subject) -> Iterator[str]:
        return (label for label, trait in traits.items() if trait.test(scope, subject))

    def read(value: str, _quoted: bool, _now: int) -> Accepts:
        wanted = value.casefold()
        if wanted not in traits:
            raise ValueError(f"one of: {', '.join(traits)}.{did_you_mean(wanted, traits)}")
        return lambda found: bool(found == wanted)

    return LabelField(
        name=name, example=example, help=help, values=values, read=read, facet=values, traits=traits
    )


def _reach(name: str, example: str, find: Callable[[Scope, str], frozenset[str]], help: str) -> Field:
    expected = "a name, maybe with a number of steps: spend@2"
    return KeyField(
        name=name, example=example, find=find, help=help, form=reach.check_reach, expected=expected
    )


_NAME: Final = "a name"

_ALL = (
    _text("name", "name:spend", TextField.NAME, "The word is in the name."),
    _text("doc", 'doc:"rolling window"', TextField.DOC, "The words are in the documentation."),
    _text("code", "code:fillna", TextField.CODE, "The words are in the code."),
    ValueField(
        name="tag",
        example="tag:pii=true",
        help="It has the tag, with this value if one is given.",
        values=_tags,
        read=_tag,
        facet=_tags,
        alike=lambda variant: id(variant.tags),
    ),
    KeyField(
        name="classification",
        example="classification:pii",
        help="It carries the tag, or depends on what does with no barrier between.",
        find=reach.classified,
        form=reach.check_level,
        expected="the key of a tag, maybe with a level: confidentiality>=internal",
    ),
    ValueField(
        name="owner",
        example="owner:growth",
        help="This is whom to ask about it.",
        values=_owners,
        read=_plain,
        facet=_owners,
        alike=lambda variant: (variant.owners, id(variant.tags)),
    ),
    ValueField(
        name="module",
        example="module:features.spend",
        help="It is in this module, or in this package.",
        values=_packages,
        read=_plain,
        facet=_packages,
        alike=attrgetter("module"),
    ),
    ValueField(
        name="type",
        example="type:Series",
        help="Its value has this type, by the full or the last name, whatever its arguments.",
        values=_types,
        read=_plain,
        facet=_short_types,
        alike=attrgetter("type"),
    ),
    ValueField(
        name="repo",
        example="repo:shop",
        help="It is in this repository.",
        values=_repository,
        read=_plain,
        facet=_repository,
        alike=lambda variant: None,
    ),
    ValueField(
        name="dataflow",
        example="dataflow:marketing",
        help="It is in this dataflow.",
        values=_dataflows,
        read=_plain,
        facet=_dataflows,
        alike=attrgetter("dataflows"),
    ),
    ValueField(
        name="author",
        example="author:maya",
        help="This person changed it last; words of a name or an address.",
        values=_past(lambda past: past.authors),
        read=_person,
        needs_history=True,
    ),
    ValueField(
        name="changed",
        example="changed:<30d",
        help="It changed last then: an age, or a day, month or year.",
        values=_past(lambda past: (past.changed,)),
        read=_time,
        expected=TIME_HINT,
        needs_history=True,
    ),
    BaseField(
        name="changed_by",
        example="changed_by:maya",
        help="This person has changed it since the base.",
    ),
    ValueField(
        name="added",
        example="added:>2024-01-31",
        help="It was first there then.",
        values=_past(lambda past: (past.added,)),
        read=_time,
        expected=TIME_HINT,
        needs_history=True,
    ),
    ValueField(
        name="upkeep",
        example="upkeep:drifted",
        help="The history says this of how it is kept up.",
        values=_past(lambda past: past.upkeep),
        read=_upkeep,
        needs_history=True,
    ),
    ValueField(
        name="removed",
        example="removed:<1y",
        help="It went away then; a query that says this also looks at features that are gone.",
        values=_past(lambda past: () if past.removed is None else (past.removed,)),
        read=_time,
        expected=TIME_HINT,
        needs_history=True,
    ),
    BaseField(
        name="new",
        example="new:tag:pii",
        help="It meets the term and did not at the base; `new:feature`: it was not there at all.",
    ),
    _labels("has", "has:owner", HAS, "It has something of this kind."),
    _labels("is", "is:partial", IS, "It is of this kind."),
    ValueField(
        name="dependencies",
        example="dependencies:>5",
        help="It needs so many names.",
        values=_dependency_count,
        read=_count,
        expected=COUNT_HINT,
    ),
    ValueField(
        name="users",
        example="users:0",
        help="So many features need it directly.",
        values=lambda scope, subject: (len(scope.graph.children(subject.key)),),
        read=_count,
        expected=COUNT_HINT,
    ),
    ValueField(
        name="variants",
        example="variants:>1",
        help="So many functions make it.",
        values=lambda _scope, subject: (len(subject.variants),),
        read=_count,
        expected=COUNT_HINT,
    ),
    KeyField(
        name="source",
        example="source:raw_orders",
        help="It depends on this input from outside, by its name or the path of its declared source.",
        find=reach.sourced,
        form=lambda value: None,
        expected=_NAME,
    ),
    KeyField(
        name="uses",
        example="uses:spend",
        help="It needs this directly.",
        find=reach.users_of,
        form=lambda value: None,
        expected=_NAME,
    ),
    KeyField(
        name="used_by",
        example="used_by:spend",
        help="This needs it directly.",
        find=reach.used_by,
        form=lambda value: None,
        expected=_NAME,
    ),
    _reach("upstream", "upstream:spend@2", reach.upstream, "This needs it, in so many steps at most."),
    _reach("downstream", "downstream:email", reach.downstream, "It needs this, in so many steps at most."),
    KeyField(
        name="between",
        example="between:email..spend",
        help="It is on a way downstream from the one to the other, or is one of them.",
        find=reach.between,
        form=reach.check_between,
        expected="two names with .. between them: email..spend",
    ),
    MomentField(
        name="at",
        example="at:v2.3",
        help="Look at this commit, tag or branch.",
    ),
)

FIELDS: Final[Mapping[str, Field]] = {field.name: field for field in _ALL}
"""Every field by its name, in the order of the manual."""
