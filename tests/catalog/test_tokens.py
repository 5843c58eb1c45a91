import re

from hypothesis import given
from hypothesis import strategies as st

from headwater_catalog.tokens import beginning, fold, name_parts, normal, text_tokens, text_words, words_in


def test_a_name_gives_its_whole_its_parts_and_what_digits_set_apart():
    assert text_tokens("avg_3wk_spend") == ["avg_3wk_spend", "avg", "3wk", "spend", "3", "wk"]


def test_camel_case_parts_are_found_with_runs_of_capitals_kept_together():
    assert text_tokens("avgSpendUSD") == ["avgspendusd", "avg", "spend", "usd"]
    assert text_tokens("HTTPServer2x") == ["httpserver2x", "http", "server2x", "server", "2", "x"]


def test_a_name_of_one_part_is_one_token():
    assert text_tokens("spend") == ["spend"]
    assert text_tokens("3") == ["3"]


def test_underscores_alone_are_no_token():
    assert text_tokens("__") == []
    assert text_tokens("_ __") == []


def test_parts_of_a_name_come_without_the_whole():
    assert name_parts("avg_3wk_spend") == ["avg", "3wk", "spend"]


def test_text_gives_its_words_in_order_and_the_parts_of_compounds_after_them():
    assert text_tokens("Rolling 3 week avg_spend.") == ["rolling", "3", "week", "avg_spend", "avg", "spend"]


def test_letters_with_accents_are_one_token_however_they_are_written():
    assert text_tokens("cafe\u0301") == text_tokens("caf\u00e9") == ["caf\u00e9"]


def test_case_is_folded_beyond_ascii():
    assert fold("STRASSE") == fold("straße")


def test_an_overlong_word_is_cut_to_the_bytes_that_the_databases_hold():
    assert len(fold("é" * 500).encode()) <= 80


def test_words_tell_where_they_stand():
    assert [tuple(word) for word in words_in("a spend_usd")] == [
        ("a", 0, 1),
        ("spend_usd", 2, 11),
        ("spend", 2, 7),
        ("usd", 8, 11),
    ]


@given(st.text())
def test_tokens_hold_word_characters_only(text):
    for token in text_tokens(text):
        assert token
        assert all(character.isalnum() or character == "_" for character in token)


@given(st.text())
def test_words_stand_where_they_say(text):
    text = normal(text)

    for token, start, end in words_in(text):
        assert fold(text[start:end]) == token


@given(st.text() | st.text(st.characters(max_codepoint=127)))
def test_words_are_letters_digits_and_underscores_that_stand_together(text: str):
    assert text_words(text) == re.findall(r"\w+", normal(text))


def test_of_an_enormous_word_only_the_beginning_is_cut_into_parts():
    assert len(text_tokens("aB" * 100_000)) < 10
    assert len(text_tokens("".join(f"Part{n}" for n in range(100_000)))) < 1_000


def test_the_beginning_of_a_text_has_so_many_words():
    assert beginning("one, two; three. four", 2) == "one, two; "
    assert beginning("one, two.", 2) == "one, two."
    assert beginning("", 0) == ""
