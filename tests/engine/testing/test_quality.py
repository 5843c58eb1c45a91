"""What features lack: types, documentation, tags, tests."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from headwater.testing import Reach, check_features

Load = Callable[..., ModuleType]

SOURCE = '''
    from headwater import check_output, config, parameterize, tag, value

    @tag(owner="growth")
    @check_output(range=(0, 10))
    def whole() -> int:
        """All there."""
        return 1

    def bare(whole: int) -> int:
        return whole

    def untyped(whole):
        """No types."""
        return whole

    @tag(owner="growth")
    @parameterize(low=({"n": value(1)}, "Low."), high={"n": value(9)})
    def level(n: int) -> int:
        return n

    @config.when(region="uk")
    @tag(owner="growth")
    def rate__uk() -> int:
        """Rate."""
        return 1

    @config.when(region="de")
    def rate__de() -> int:
        """Rate."""
        return 1
'''


def lacks(load: Load, **asked: object) -> list[tuple[str, str]]:
    found = check_features(load(SOURCE, "shop"), **asked)  # type: ignore[arg-type]
    return [(shortcoming.feature, shortcoming.lacks.split(":")[0]) for shortcoming in found]


def test_undocumented_and_untyped_features_are_told(load: Load) -> None:
    assert lacks(load) == [
        ("shop:bare", "has no docstring."),
        ("shop:high", "has no docstring."),
        ("shop:untyped", "cannot be read"),
    ]


def test_documentation_need_not_be_asked_for(load: Load) -> None:
    assert lacks(load, documented=False) == [("shop:untyped", "cannot be read")]


def test_missing_tags_are_told_for_every_variant(load: Load) -> None:
    assert lacks(load, documented=False, tags=["owner"]) == [
        ("shop:bare", "has no tag 'owner'."),
        ("shop:rate", "has no tag 'owner'."),
        ("shop:untyped", "cannot be read"),
    ]


def test_features_that_no_test_reaches_are_told(load: Load, tmp_path: Path) -> None:
    reach = Reach(tests={"shop:whole": ["test_a"], "shop:low": ["test_a"], "shop:bare": []})
    reach.write(tmp_path / "reach.json")

    for tested in (reach, tmp_path / "reach.json", str(tmp_path / "reach.json")):
        found = lacks(load, documented=False, tested=tested)
        assert [key for key, lack in found if lack == "is reached by no test."] == [
            "shop:bare",
            "shop:high",
            "shop:rate",
            "shop:rate",
        ]


def test_shortcoming_shows_its_place(load: Load) -> None:
    (bare, *_) = check_features(load(SOURCE, "shop"))

    assert repr(bare).endswith("shop.py:9: shop:bare has no docstring.")
