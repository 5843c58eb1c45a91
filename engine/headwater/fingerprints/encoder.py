"""Values written as bytes that tell every difference, and the hash of those bytes.

Each value is written with its exact type and the length of what follows, so that no two values are written
alike: not 1, True, 1.0 and "1", not [1, [2]] and [[1], 2]. A value whose type is not known here has no
fingerprint, since what its state means cannot be told; subclasses of known types are unknown, too.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterable
from hashlib import blake2b
from importlib import import_module
from typing import Any, TypeVar

__all__ = ["DIGEST_SIZE", "SCHEME", "Encoder", "Unknown", "Writer", "fingerprint", "register"]

SCHEME = b"1"
"""Version of the way in which values are written; fingerprints of different schemes differ."""

DIGEST_SIZE = 20
"""Bytes of a fingerprint."""

Made = TypeVar("Made", bound=Callable[[Any], str | None])


class Unknown(Exception):
    """A value cannot be written so that every difference is told."""


class Encoder:
    """Collects the bytes of one value."""

    __slots__ = ("_open", "_parts")

    def __init__(self) -> None:
        """Start with nothing."""
        self._parts: list[bytes] = []
        self._open: set[int] = set()

    def add(self, kind: bytes, content: bytes = b"") -> None:
        """Write one thing: what it is, and its bytes."""
        self._parts.append(kind + b":" + len(content).to_bytes(8, "big") + content)

    def add_text(self, kind: bytes, text: str) -> None:
        """Write one thing by its text."""
        self.add(kind, text.encode("utf-8", "surrogatepass"))

    def add_large(self, kind: bytes, content: Any) -> None:
        """Write one thing by the hash of its bytes, so that many bytes are not copied."""
        digest = blake2b(content, digest_size=DIGEST_SIZE).digest()
        self._parts.append(kind + b"#" + len(content).to_bytes(8, "big") + digest)

    def write(self, value: Any) -> None:
        """Write any value.

        Raises:
            Unknown: The value, or one inside it, cannot be written.
        """
        writer = _WRITERS.get(type(value))
        if writer is None or _registered:
            writer = _find(type(value))
        writer(value, self)

    def write_all(self, kind: bytes, values: Collection[Any]) -> None:
        """Write several values in their order."""
        self._parts.append(kind + b"[" + len(values).to_bytes(8, "big"))
        if len(values) < _FEW or not self._write_alike(values):
            for value in values:
                self.write(value)

    def _write_alike(self, values: Collection[Any]) -> bool:
        """Write many texts or many numbers at once; tell whether they were."""
        kinds = set(map(type, values))
        kind = kinds.pop()
        if kinds or _registered or kind not in (str, float, int):
            return False
        try:
            numbers = array("d" if kind is float else "q", map(len, values) if kind is str else values)
        except OverflowError:
            return False
        self.add_large(b"all " + kind.__name__.encode(), numbers.tobytes())
        if kind is str:
            self.add_large(b"text", "".join(values).encode("utf-8", "surrogatepass"))
        return True

    def write_inside(self, kind: bytes, value: Any, parts: Collection[Any]) -> None:
        """Write the parts of a value that may hold itself.

        Raises:
            Unknown: It does hold itself.
        """
        if id(value) in self._open:
            raise Unknown("it holds itself")
        self._open.add(id(value))
        self.write_all(kind, parts)
        self._open.discard(id(value))

    def alone(self, values: Iterable[Any]) -> list[bytes]:
        """Return what each of several values would be written as."""
        kept, found = self._parts, []
        for value in values:
            self._parts = []
            self.write(value)
            found.append(b"".join(self._parts))
        self._parts = kept
        return found

    def digest(self) -> str:
        """Return the hash of all that was written."""
        return blake2b(b"".join(self._parts), digest_size=DIGEST_SIZE, person=SCHEME).hexdigest()


_FEW = 8
"""Up to how many values it does not pay to look whether all are alike."""

Writer = Callable[[Any, Encoder], None]
_WRITERS: dict[type, Writer] = {}
_registered: dict[type, Callable[[Any], str | None]] = {}
_HOMES = {
    "builtins": "plain_values",
    "numpy": "numpy_values",
    "pandas": "pandas_values",
    "polars": "polars_values",
    "pyarrow": "arrow_values",
}
"""Where the values of a package are written; other packages of Python itself are plain values, too."""


def fingerprint(value: Any) -> str | None:
    """Return the fingerprint of a value; None where it cannot be told from every other value.

    The order of a dictionary counts, that of a set does not. Floats count by their bits: 0.0 and -0.0
    differ, and so do NaNs of different bits. Tables count with their indexes, names and types, not with
    their layout in memory.
    """
    encoder = Encoder()
    try:
        encoder.write(value)
    except (Unknown, RecursionError, ValueError):
        # Values that nest too deep, and those that a package cannot hand out whole, are not told either.
        return None
    return encoder.digest()


def register(of: type) -> Callable[[Made], Made]:
    """Say how the values of a class, and of classes that extend it, are fingerprinted.

    The function that is decorated gets a value and returns a text that is different for different values,
    or None where it cannot tell. It goes before what is known of the class here.
    """

    def keep(tell: Made) -> Made:
        _registered[of] = tell
        return tell

    return keep


def _find(of: type) -> Writer:
    for base in of.__mro__ if _registered else ():
        if base in _registered:
            return _told_by(of, _registered[base])
    if of not in _WRITERS:
        package = of.__module__.partition(".")[0]
        home = import_module(f"headwater.fingerprints.{_HOMES.get(package, 'plain_values')}")
        for known, writer in home.WRITERS.items():
            _WRITERS.setdefault(known, writer)
        _WRITERS.setdefault(of, home.writer_of(of))
    return _WRITERS[of]


def _told_by(of: type, tell: Callable[[Any], str | None]) -> Writer:
    def write(value: Any, encoder: Encoder) -> None:
        text = tell(value)
        if text is None:
            raise Unknown(f"{of} is not told")
        encoder.add_text(b"registered", f"{of.__module__}.{of.__qualname__}")
        encoder.add_text(b"told", text)

    return write
