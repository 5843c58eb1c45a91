"""What was made lately is kept as far as there is room, and what is always needed in any case."""

from headwater_catalog.recent import Recent


def kept(recent: Recent[str], *keys: str) -> list[bool]:
    """Tell of each key whether its value is there without being made."""
    return [recent.latest(lambda key, wanted=wanted: key == wanted) is not None for wanted in keys]


def test_what_was_asked_for_longest_ago_makes_room():
    recent: Recent[str] = Recent(len, 4)
    for text in ("aa", "bb", "aa", "cc"):
        assert recent.get(text, lambda text=text: text) == text

    assert kept(recent, "aa", "bb", "cc") == [True, False, True]
    assert recent.latest(lambda key: key != "cc") == ("aa", "aa")


def test_a_value_is_made_once():
    recent: Recent[str] = Recent(len, 4)
    made: list[str] = []
    for _ in range(3):
        recent.get("a", lambda: made.append("a") or "a")

    assert made == ["a"]


def test_a_value_larger_than_all_the_room_is_kept_until_another_is_asked_for():
    recent: Recent[str] = Recent(len, 4)
    recent.get("long", lambda: "a" * 9)
    assert kept(recent, "long") == [True]

    recent.get("a", lambda: "a")
    assert kept(recent, "long", "a") == [False, True]


def test_what_somebody_holds_takes_no_room_until_they_ask_for_another():
    recent: Recent[str] = Recent(len, 4)
    for holder in ("first", "second", "third"):
        recent.get(holder, lambda: "a" * 9, holder=holder)
    for text in ("aa", "bb", "cc"):
        recent.get(text, lambda text=text: text)
    assert kept(recent, "first", "second", "third", "aa", "bb", "cc") == [True, True, True, False, True, True]

    recent.get("later", lambda: "a" * 9, holder="second")

    assert kept(recent, "first", "second", "third", "later") == [True, False, True, True]
