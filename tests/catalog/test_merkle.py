"""Hashes of graphs: what counts is what a member is and needs, not where it stands."""

from headwater_catalog.merkle import circles_first, merkle_hashes


def test_a_change_is_felt_by_all_that_need_it_and_by_nobody_else():
    needs = {"b": {"x": ("a",)}, "c": {"x": ("b",)}}
    before = merkle_hashes({"a": "1", "b": "2", "c": "3", "d": "4"}, needs)
    after = merkle_hashes({"a": "9", "b": "2", "c": "3", "d": "4"}, needs)

    assert [key for key in before if before[key] != after[key]] == ["a", "b", "c"]


def test_what_members_are_called_does_not_count_but_the_names_they_ask_by_do():
    one = merkle_hashes({"a": "1", "b": "2"}, {"b": {"x": ("a",)}})
    other = merkle_hashes({"p": "1", "q": "2"}, {"q": {"x": ("p",)}})
    renamed = merkle_hashes({"a": "1", "b": "2"}, {"b": {"y": ("a",)}})

    assert sorted(one.values()) == sorted(other.values())
    assert one["b"] != renamed["b"]


def test_members_of_a_circle_differ_and_feel_each_other_and_what_needs_but_itself_may_move():
    circle = {"a": {"x": ("b",)}, "b": {"x": ("a",)}, "c": {"x": ("a",)}}
    before = merkle_hashes({"a": "1", "b": "1", "c": "3"}, circle)
    after = merkle_hashes({"a": "1", "b": "2", "c": "3"}, circle)

    assert len(set(before.values())) == 3
    assert all(before[key] != after[key] for key in "abc")
    assert (
        merkle_hashes({"a": "1"}, {"a": {"x": ("a",)}})["a"]
        == merkle_hashes({"b": "1"}, {"b": {"x": ("b",)}})["b"]
    )


def test_what_is_needed_comes_first_however_long_the_chain():
    own = {str(number): "" for number in range(5_000)}
    needs = {str(number): {"x": (str(number - 1),)} for number in range(1, 5_000)}
    back = dict(reversed(own.items()))

    assert list(circles_first(back, needs)) == [(key,) for key in own]


def test_members_that_need_each_other_come_together():
    needs = {"a": {"x": ("b", "z")}, "b": {"x": ("c",)}, "c": {"x": ("a",)}, "d": {"x": ("c",)}}
    found = list(circles_first(dict.fromkeys("dabcz", ""), needs))

    assert [set(circle) for circle in found] == [{"z"}, {"a", "b", "c"}, {"d"}]
