"""Feature code written for Hamilton gives here what it gives there, but for the differences we chose."""

from pathlib import Path

import pytest

from peer.allowed import ALLOWED, Allowed
from peer.case_files import names_of
from peer.comparison import differences
from peer.generated import cases
from support.peer import ROOT, Records, find_peer, run_cases

# The first test runs all cases, twice; the others look at what it found.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("peer")]

CASES = Path(__file__).parent / "cases"
GENERATED = 150
NAMES = [*names_of(CASES), *(f"generated_{number}" for number in range(GENERATED))]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Records, Records]:
    """Give the records of all cases, theirs and ours."""
    peer = find_peer()
    generated = tmp_path_factory.mktemp("generated")
    (generated / "generated.txt").write_text(cases(GENERATED))
    folders = [CASES, generated]
    return run_cases(folders, peer=peer), run_cases(folders)


@pytest.mark.parametrize("case", NAMES)
def test_case_gives_what_it_gives_there(both: tuple[Records, Records], case: str) -> None:
    theirs, ours = both

    found = differences(theirs[case], ours[case])
    assert [line for line in found if not any(allowed.covers(case, line) for allowed in ALLOWED)] == []


@pytest.mark.parametrize("allowed", ALLOWED, ids=lambda allowed: allowed.row)
def test_allowed_difference_is_still_there(both: tuple[Records, Records], allowed: Allowed) -> None:
    theirs, ours = both

    assert any(allowed.covers(case, line) for case in NAMES for line in differences(theirs[case], ours[case]))


def test_every_case_ran_in_both(both: tuple[Records, Records]) -> None:
    theirs, ours = both

    assert sorted(theirs) == sorted(ours) == sorted(NAMES)


def test_allowed_differences_are_told_in_the_decision() -> None:
    decision = (ROOT / "docs" / "decisions" / "0003-where-we-differ-from-hamilton.md").read_text()

    assert [allowed.row for allowed in ALLOWED if f"| {allowed.row} |" not in decision] == []
