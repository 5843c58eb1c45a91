"""Kinds of data that are often classified, and the words by which names, docs and types say them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["KINDS", "MEASURES", "NOT_SO", "PLACES", "Kind"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of data.

    Attributes:
        name: What it is called, with its article.
        classification: What it is classified as.
        phrases: Parts of names, one after the other, that say it.
        whole: Names that say it only as a whole.
        types: Names of types that say it.
        said: What docs say of it.
        may_be_number: Whether a number may be it.
    """

    name: str
    classification: str
    phrases: frozenset[tuple[str, ...]]
    whole: frozenset[tuple[str, ...]] = frozenset()
    types: frozenset[str] = frozenset()
    said: frozenset[str] = frozenset()
    may_be_number: bool = False


def _words(*texts: str) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(text.split()) for text in texts)


def _set(*texts: str) -> frozenset[str]:
    return frozenset(word for text in texts for word in text.split())


_PERSONAL: Final = "pii"
_HEALTH: Final = "hipaa"
KINDS: Final = (
    Kind(
        "an e-mail address",
        _PERSONAL,
        _words("email", "emails", "e mail", "mail address"),
        types=frozenset(("EmailStr", "NameEmail")),
        said=frozenset(("e-mail address", "email address", "e-mail addresses", "email addresses")),
    ),
    Kind(
        "a phone number",
        _PERSONAL,
        _words(
            "phone",
            "phones",
            "telephone",
            "msisdn",
            "mobile number",
            "cell number",
            "fax number",
            "phone number",
        ),
        types=frozenset(("PhoneNumber",)),
        said=frozenset(("phone number", "phone numbers", "telephone number", "mobile number")),
        may_be_number=True,
    ),
    Kind(
        "a date of birth",
        _PERSONAL,
        _words(
            "birth date",
            "birthdate",
            "birth day",
            "birthday",
            "birth year",
            "date of birth",
            "year of birth",
            "dob",
        ),
        said=frozenset(("date of birth", "birth date", "day of birth", "year of birth", "birthday")),
        may_be_number=True,
    ),
    Kind(
        "a postal address",
        _PERSONAL,
        _words(
            *("home address", "postal address", "street address", "billing address", "shipping address"),
            *("delivery address", "mailing address", "customer address", "address line", "street name"),
            *("house number", "street number"),
        ),
        whole=_words("address", "street"),
        said=frozenset(("home address", "postal address", "street address", "delivery address")),
    ),
    Kind(
        "the name of a person",
        _PERSONAL,
        _words(
            "first name",
            "last name",
            "full name",
            "given name",
            "family name",
            "maiden name",
            "surname",
            "person name",
        ),
        said=frozenset(("first name", "last name", "full name of", "family name", "surname")),
    ),
    Kind(
        "a number that identifies a person",
        _PERSONAL,
        _words(
            *("ssn", "social security number", "social security", "national id", "national identity number"),
            *("national insurance number", "passport number", "passport id", "passport no", "passport"),
            *("drivers license", "driver license", "driving licence", "drivers licence", "tax id", "aadhaar"),
            *("personnummer", "codice fiscale"),
        ),
        said=frozenset(("social security number", "passport number", "national insurance number")),
        may_be_number=True,
    ),
    Kind(
        "the number of a payment card",
        _PERSONAL,
        _words(
            "card number",
            "credit card",
            "credit card number",
            "debit card",
            "debit card number",
            "cardnumber",
        ),
        types=frozenset(("PaymentCardNumber",)),
        said=frozenset(("card number", "credit card number")),
        may_be_number=True,
    ),
    Kind(
        "a bank account",
        _PERSONAL,
        _words("iban", "bank account", "bank account number", "account holder"),
        said=frozenset(("iban", "bank account")),
    ),
    Kind(
        "an IP address",
        _PERSONAL,
        _words("ip address", "ip addr", "ipaddress", "client ip", "user ip", "remote ip", "source ip", "ipv"),
        whole=_words("ip", "ips"),
        types=frozenset(("IPv4Address", "IPv6Address", "IPvAnyAddress")),
        said=frozenset(("ip address", "ip addresses")),
        may_be_number=True,
    ),
    Kind(
        "a position on the map",
        _PERSONAL,
        _words(
            "latitude",
            "longitude",
            "lat lon",
            "lat lng",
            "geo position",
            "gps position",
            "gps coordinates",
            "geolocation",
        ),
        said=frozenset(("gps position", "latitude and longitude")),
        may_be_number=True,
    ),
    Kind(
        "data about somebody's health",
        _HEALTH,
        _words(
            *("diagnosis", "diagnoses", "icd code", "icd", "medication", "medications", "prescription"),
            *("blood pressure", "blood type", "blood glucose", "blood group", "patient id", "patient name"),
            *("medical record", "medical record number", "mrn", "health insurance", "pregnant", "pregnancy"),
            *("disability", "symptoms", "allergies", "vaccination", "bmi", "hiv status"),
        ),
        said=frozenset(("diagnosis", "medical record", "blood pressure", "health insurance number")),
        may_be_number=True,
    ),
)

MEASURES: Final = _set(
    "avg average bin bucket change changes click clicked clicks config consent cost count counts",
    "campaign campaigns category class cluster delta diff distance distinct domain entropy error",
    "errors exists flag fraction frequency growth has hash hashed hashes is known label lag length",
    "len mask masked max mean median min missing model n network nr num number opened opens open",
    "optin pct per percent percentage predicted prediction present price prob probability provider",
    "rank range rate ratio redacted revenue sales schema score segment sent share size spend status",
    "std subject sum template time timestamp token tokenized tokenised total traffic trend type",
    "unique unsubscribed valid validity invalid var verified volume bounce bounced confirmed in at",
    "encrypted anonymised anonymized pseudonym pseudonymous version format pattern regex device",
    "kind quality coverage interval queue server sender host gateway",
)
"""Words by which a name is about something, and is not the thing itself."""

PLACES: Final = _set(
    "airport branch centroid city country hotel office region", "shop site station stop store venue warehouse"
)
"""What has an address or a position and is no person."""

NOT_SO: Final = re.compile(
    r"\b(?:number of|count|counts|share|rate|ratio|whether|hash\w*|mean|average|how many|fraction|percentage"
    r"|domain|encrypt\w*|anonym\w*|pseudonym\w*|masked|length|sum|total)\b"
)
"""What docs say of something that is about such data, and is not the data itself."""
