"""What looks classified and says nothing of it: found by names, docs and types, with few false alarms."""

from __future__ import annotations

import pytest

from headwater_catalog.governance.suggestions import Suggestion, suggestions
from headwater_catalog.tree_snapshots import read_folder
from support.git_repo import GitRepo

_DAY = "2026-06-30"


def _found(git_repo: GitRepo, code: str, toml: str = "") -> tuple[Suggestion, ...]:
    git_repo.write("shop.py", f"from headwater import external_input, tag\n\n{code}")
    git_repo.write("headwater.toml", f'[dataflows.all]\nmodules = ["shop"]\n{toml}')
    return suggestions(read_folder(git_repo.path), _DAY)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("email", "an e-mail address"),
        ("customerEmail", "an e-mail address"),
        ("e_mail", "an e-mail address"),
        ("email2", "an e-mail address"),
        ("phone_number", "a phone number"),
        ("date_of_birth", "a date of birth"),
        ("birthdate", "a date of birth"),
        ("address", "a postal address"),
        ("billing_address", "a postal address"),
        ("last_name", "the name of a person"),
        ("ssn", "a number that identifies a person"),
        ("passport_number", "a number that identifies a person"),
        ("credit_card_number", "the number of a payment card"),
        ("iban", "a bank account"),
        ("client_ip", "an IP address"),
        ("ipv4", "an IP address"),
        ("home_latitude", "a position on the map"),
    ],
)
def test_names_of_personal_data_are_found(git_repo: GitRepo, name: str, kind: str):
    (found,) = _found(git_repo, f"def {name}(row: str) -> object: ...\n")

    assert (found.key, found.classification, found.value) == (f"shop:{name}", "pii", "true")
    assert (found.path, found.line) == ("shop.py", 3)
    assert found.reasons[0].startswith(f"its name looks like that of {kind} ('")


def test_words_of_a_name_are_told_as_they_are_written(git_repo: GitRepo):
    (found,) = _found(git_repo, "def client_ipv4(row: str) -> object: ...\n")

    assert found.reasons == ("its name looks like that of an IP address ('ipv4')",)


def test_names_of_columns_are_read_with_blanks_and_dashes_in_them(git_repo: GitRepo):
    names = (
        "E-Mail",
        "Email address",
        "last name",
        "date-of-birth",
        "email: work",
        "Email (count)",
        "store address",
    )
    code = "import pandas as pd\nfrom headwater import extract_columns\n\n"
    code += f"@extract_columns{names}\ndef table(raw: pd.DataFrame) -> pd.DataFrame: ...\n"
    found = {each.key.partition(":")[2] for each in _found(git_repo, code)}

    assert found == {"E-Mail", "Email address", "last name", "date-of-birth", "email: work"}


@pytest.mark.parametrize(
    "name",
    [
        *(
            "email_count",
            "ip_share",
            "has_email",
            "n_emails",
            "email_open_rate",
            "email_domain",
            "hashed_email",
        ),
        *("phone_ratio", "number_of_phones", "shop_address", "store_latitude", "ship_date", "zip_code_count"),
        *(
            "tip",
            "recipe",
            "description",
            "script",
            "emailing_cost",
            "addressable_market",
            "microphone_sales",
        ),
        *(
            "memory_address",
            "full_price",
            "name",
            "card_type",
            "birth_rate",
            "telephone_revenue",
            "street_view",
        ),
    ],
)
def test_what_is_about_such_data_and_is_none_is_left_alone(git_repo: GitRepo, name: str):
    assert _found(git_repo, f"def {name}(row: str) -> object: ...\n") == ()


@pytest.mark.parametrize("type_", ["bool", "int", "float"])
def test_types_say_that_it_is_none(git_repo: GitRepo, type_: str):
    assert _found(git_repo, f"def email(row: str) -> {type_}: ...\n") == ()


def test_docs_and_types_say_it_where_names_do_not(git_repo: GitRepo):
    found = _found(
        git_repo,
        "from pydantic import EmailStr\n"
        "def contact(row: str) -> EmailStr: ...\n"
        'def reach(row: str) -> str:\n    """The e-mail address of whoever ordered."""\n'
        'def reached(row: str) -> str:\n    """Number of e-mail addresses in a household."""\n',
    )

    assert {each.key: each.reasons for each in found} == {
        "shop:contact": ("its type EmailStr is that of an e-mail address",),
        "shop:reach": ("its docs speak of an e-mail address ('e-mail address')",),
    }


def test_what_says_something_or_is_reached_is_left_out(git_repo: GitRepo):
    code = (
        '@tag(pii="true")\ndef email() -> str: ...\n'
        "def phone(email: str) -> str: ...\n"
        '@tag(pii="false")\ndef ssn() -> str: ...\n'
        '@tag(pii="barrier", pii_reason="a", pii_reviewer="b")\ndef iban(email: str) -> str: ...\n'
    )

    assert _found(git_repo, code) == ()
    assert [each.key for each in _found(git_repo, code.replace('pii="true"', 'a="b"'))] == ["shop:email"]


def test_what_one_suggestion_brings_is_no_other_one(git_repo: GitRepo):
    code = (
        "def email(row: str) -> str: ...\ndef email_clean(email: str) -> str: ...\n"
        "def greeting(email_clean: str) -> str: ...\n"
    )
    (found,) = _found(git_repo, code)
    assert (found.key, found.reaches) == ("shop:email", 2)


def test_of_features_that_need_each_other_one_is_left(git_repo: GitRepo):
    code = "def email(phone: str) -> str: ...\ndef phone(email: str) -> str: ...\n"

    assert [each.key for each in _found(git_repo, code)] == ["shop:email"]


def test_inputs_are_found_declared_or_not(git_repo: GitRepo):
    code = (
        '@external_input(owner="crm")\ndef diagnosis() -> str: ...\n'
        "def shown(diagnosis: str, email: str) -> str: ...\n"
    )
    declared, undeclared = _found(git_repo, code)

    assert (declared.key, declared.classification, declared.owners) == ("input:diagnosis", "hipaa", ("crm",))
    assert (declared.path, declared.line) == ("shop.py", 3)
    assert (undeclared.key, undeclared.path, undeclared.reaches) == ("input:email", "", 1)


def test_a_repository_that_does_without_a_classification_hears_nothing_of_it(git_repo: GitRepo):
    code = "def diagnosis(row: str) -> str: ...\n"
    levels = '[classifications.hipaa]\nlevels = ["open", "closed"]\n'

    assert _found(git_repo, code, "[classifications]\nhipaa = false\n") == ()
    assert [each.value for each in _found(git_repo, code, levels)] == ["closed"]
