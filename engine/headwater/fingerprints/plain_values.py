"""How values of Python itself are written for a fingerprint."""

from __future__ import annotations

import struct
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PosixPath, PurePath, PurePosixPath, PureWindowsPath, WindowsPath
from types import MappingProxyType
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from headwater.fingerprints.encoder import Encoder, Unknown, Writer

__all__ = ["WRITERS", "writer_of"]


def writer_of(of: type) -> Writer:
    """Return the writer of a class that has none of its own, which refuses its values."""
    return _refuse


def _refuse(value: Any, encoder: Encoder) -> None:
    raise Unknown(f"{type(value)} is not known")


def _none(value: None, encoder: Encoder) -> None:
    encoder.add(b"none")


def _singleton(value: Any, encoder: Encoder) -> None:
    encoder.add_text(b"singleton", repr(value))


def _bool(value: bool, encoder: Encoder) -> None:
    encoder.add(b"bool", b"1" if value else b"0")


def _int(value: int, encoder: Encoder) -> None:
    encoder.add(b"int", value.to_bytes((value.bit_length() + 8) // 8, "big", signed=True))


def _float(value: float, encoder: Encoder) -> None:
    encoder.add(b"float", struct.pack(">d", value))


def _complex(value: complex, encoder: Encoder) -> None:
    encoder.add(b"complex", struct.pack(">dd", value.real, value.imag))


def _str(value: str, encoder: Encoder) -> None:
    encoder.add_text(b"str", value)


def _bytes(value: bytes | bytearray, encoder: Encoder) -> None:
    encoder.add_large(type(value).__name__.encode(), value)


def _sequence(value: list[Any] | tuple[Any, ...], encoder: Encoder) -> None:
    encoder.write_inside(type(value).__name__.encode(), value, value)


def _deque(value: deque[Any], encoder: Encoder) -> None:
    encoder.write_inside(b"deque", value, (value.maxlen, *value))


def _set(value: set[Any] | frozenset[Any], encoder: Encoder) -> None:
    encoder.write_all(type(value).__name__.encode(), sorted(encoder.alone(value)))


def _mapping(value: Mapping[Any, Any], encoder: Encoder) -> None:
    parts = [*value.keys(), *value.values()]
    encoder.write_inside(type(value).__name__.encode(), value, parts)


def _defaultdict(value: defaultdict[Any, Any], encoder: Encoder) -> None:
    factory = value.default_factory
    # What a key that is not there gives belongs to the value; of other code the meaning is not known.
    if factory is not None and factory not in (bool, bytes, dict, float, int, list, set, str, tuple):
        raise Unknown(f"{factory} is not known")
    encoder.add_text(b"defaultdict", getattr(factory, "__name__", ""))
    _mapping(value, encoder)


def _by_repr(value: Any, encoder: Encoder) -> None:
    encoder.add_text(type(value).__qualname__.encode(), repr(value))


def _range(value: range, encoder: Encoder) -> None:
    encoder.write_all(b"range", (value.start, value.stop, value.step))


def _slice(value: slice, encoder: Encoder) -> None:
    encoder.write_all(b"slice", (value.start, value.stop, value.step))


def _fraction(value: Fraction, encoder: Encoder) -> None:
    encoder.write_all(b"fraction", (value.numerator, value.denominator))


def _decimal(value: Decimal, encoder: Encoder) -> None:
    sign, digits, exponent = value.as_tuple()
    encoder.write_all(b"decimal", (sign, digits, exponent))


def _date(value: date, encoder: Encoder) -> None:
    encoder.add_text(b"date", value.isoformat())


def _clock(value: datetime | time, encoder: Encoder) -> None:
    naive = value.replace(tzinfo=None)
    encoder.write_all(type(value).__name__.encode(), (naive.isoformat(), value.fold, value.tzinfo))


def _timedelta(value: timedelta, encoder: Encoder) -> None:
    encoder.write_all(b"timedelta", (value.days, value.seconds, value.microseconds))


def _timezone(value: timezone, encoder: Encoder) -> None:
    encoder.write_all(b"timezone", (value.utcoffset(None), value.tzname(None)))


def _zone(value: ZoneInfo, encoder: Encoder) -> None:
    if value.key is None:
        raise Unknown("a time zone read from a file has no name")
    encoder.add_text(b"zone", value.key)


def _path(value: PurePath, encoder: Encoder) -> None:
    encoder.add_text(type(value).__name__.encode(), str(value))


WRITERS: dict[type, Writer] = {
    type(None): _none,
    type(...): _singleton,
    type(NotImplemented): _singleton,
    bool: _bool,
    int: _int,
    float: _float,
    complex: _complex,
    str: _str,
    bytes: _bytes,
    bytearray: _bytes,
    list: _sequence,
    tuple: _sequence,
    deque: _deque,
    set: _set,
    frozenset: _set,
    dict: _mapping,
    OrderedDict: _mapping,
    Counter: _mapping,
    MappingProxyType: _mapping,
    defaultdict: _defaultdict,
    range: _range,
    slice: _slice,
    Fraction: _fraction,
    Decimal: _decimal,
    UUID: _by_repr,
    date: _date,
    datetime: _clock,
    time: _clock,
    timedelta: _timedelta,
    timezone: _timezone,
    ZoneInfo: _zone,
    **dict.fromkeys((Path, PosixPath, PurePosixPath, PureWindowsPath, WindowsPath), _path),
}
"""Writers by exact type."""
