"""Numbers that tell by themselves whether they are whole: of cards, of accounts, and of people by country.

The rules are those of ISO/IEC 7812 (cards), ISO 13616 (accounts), ISO 7064, and of the offices that give the
numbers out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

__all__ = ["is_card", "is_iban", "is_national"]

_CARD: Final = re.compile(r"[2-6]\d{3}(?:[ -]?\d{4}){2}[ -]?\d{1,7}|3[47]\d{2}[ -]?\d{6}[ -]?\d{5}", re.ASCII)
_IBAN: Final = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", re.ASCII)


def is_card(text: str) -> bool:
    """Tell whether a text is the number of a payment card."""
    if _CARD.fullmatch(text) is None:
        return False
    digits = _digits(text)
    return 13 <= len(digits) <= 19 and _luhn(digits)


def is_iban(text: str) -> bool:
    """Tell whether a text is the number of a bank account, which leaves 1 modulo 97."""
    plain = text.replace(" ", "").upper()
    if _IBAN.fullmatch(plain) is None:
        return False
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def is_national(text: str) -> bool:
    """Tell whether a text is a number that one of several countries gives to a person."""
    plain = text.upper()
    return any(form.fullmatch(plain) and is_whole(plain) for form, is_whole in _NATIONAL)


def _digits(text: str) -> list[int]:
    return [int(c) for c in text if c.isdecimal()]


def _luhn(digits: Sequence[int]) -> bool:
    doubled = (2 * digit - 9 * (digit > 4) for digit in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_day(month: int, day: int) -> bool:
    return 1 <= month <= 12 and 1 <= day <= 31


def _always(_: str) -> bool:
    return True


def _italian(text: str) -> bool:
    """Weigh the characters of a codice fiscale: those at odd places by a table of their own."""
    odd = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23]
    values = [int(c) if c.isdecimal() else ord(c) - ord("A") for c in text[:15]]
    total = sum(odd[value] if at % 2 == 0 else value for at, value in enumerate(values))
    return text[15] == chr(ord("A") + total % 26)


def _spanish(text: str) -> bool:
    plain = text.replace("-", "")
    number = plain[:-1].replace("X", "0").replace("Y", "1").replace("Z", "2")
    return plain[-1] == "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23]


def _swedish(text: str) -> bool:
    digits = _digits(text)[-10:]
    # A number for coordination has 60 added to its day.
    return _is_day(digits[2] * 10 + digits[3], (digits[4] * 10 + digits[5]) % 60) and _luhn(digits)


def _finnish(text: str) -> bool:
    is_day = _is_day(int(text[2:4]), int(text[:2]))
    return is_day and text[10] == "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(text[:6] + text[7:10]) % 31]


def _polish(text: str) -> bool:
    digits = _digits(text)
    weighed = sum(a * b for a, b in zip(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3), strict=False))
    return _is_day(int(text[2:4]) % 20, int(text[4:6])) and (weighed + digits[10]) % 10 == 0


def _french(text: str) -> bool:
    plain = text.replace(" ", "").replace("2A", "19").replace("2B", "18")
    return plain.isdecimal() and len(plain) == 15 and 97 - int(plain[:13]) % 97 == int(plain[13:])


def _belgian(text: str) -> bool:
    plain = "".join(map(str, _digits(text)))
    if not _is_day(int(plain[2:4]), int(plain[4:6])):
        return False
    return any(97 - int(before + plain[:9]) % 97 == int(plain[9:]) for before in ("", "2"))


def _german(text: str) -> bool:
    """Follow ISO 7064, Mod 11,10, through the number that the tax office gives."""
    product = 10
    for digit in _digits(text)[:10]:
        product = ((digit + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(text.replace(" ", "")[10])


_FORMS: Final[Sequence[tuple[str, Callable[[str], bool]]]] = (
    (r"(?!000|666|9)\d{3}-(?!00)\d\d-(?!0000)\d{4}", _always),  # social security number, United States
    (r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]", _always),  # national insurance, UK
    (r"[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z]", _italian),
    (r"(?:\d{8}|[XYZ]-?\d{7})-?[A-Z]", _spanish),
    (r"(?:\d\d)?\d{6}[-+]\d{4}", _swedish),
    (r"\d{6}[-+A-FU-Y]\d{3}[0-9A-Y]", _finnish),
    (r"\d{11}", _polish),
    (r"[12] ?\d\d ?\d\d ?(?:\d\d|2[AB]) ?\d{3} ?\d{3} ?\d\d", _french),
    (r"\d\d\.?\d\d\.?\d\d-?\d{3}\.?\d\d", _belgian),
    (r"[1-9]\d ?\d{3} ?\d{3} ?\d{3}", _german),
)
_NATIONAL: Final = tuple((re.compile(form, re.ASCII), is_whole) for form, is_whole in _FORMS)
