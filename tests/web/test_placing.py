"""Where boxes stand while a drawing grows."""

from hypothesis import given
from hypothesis import strategies as st

from headwater.display.layout import Placement
from headwater_catalog.exploration import Opening, Wave
from headwater_web.placing import placed

_SIZE = (150.0, 40.0)


def _boxes(placement: Placement) -> dict[str, tuple[float, float, float, float]]:
    return {
        key: (x, y, min(x + _SIZE[0], placement.rights[key]), y + _SIZE[1])
        for key, (x, y) in placement.positions.items()
    }


@st.composite
def _growing(draw):
    """Return a first wave with edges, and waves of which each belongs to a node that is there."""
    first = [f"n{number}" for number in range(draw(st.integers(1, 5)))]
    edges = [(a, b) for a in first for b in first if a < b and draw(st.booleans())]
    waves = [Wave(tuple(first))]
    there = list(first)
    for number in range(draw(st.integers(0, 6))):
        new = tuple(f"w{number}.{at}" for at in range(draw(st.integers(1, 5))))
        origin = Opening(draw(st.sampled_from(there)), draw(st.sampled_from(["up", "down"])))
        waves.append(Wave(new, origin))
        there += new
    return waves, edges


@given(_growing())
def test_nothing_overlaps_and_all_lies_inside(growing):
    waves, edges = growing
    keys = [key for wave in waves for key in wave.keys]
    placement = placed(waves, edges, dict.fromkeys(keys, _SIZE))
    boxes = list(_boxes(placement).values())

    assert len(boxes) == len(keys)
    for at, (left, top, right, bottom) in enumerate(boxes):
        assert left >= 0 and top >= 0 and right <= placement.width and bottom <= placement.height + 0.01
        for other_left, other_top, other_right, other_bottom in boxes[:at]:
            apart_x = right <= other_left or other_right <= left
            apart_y = bottom <= other_top or other_bottom <= top
            assert apart_x or apart_y


@given(_growing())
def test_what_is_there_moves_only_all_together(growing):
    waves, edges = growing
    sizes = {key: _SIZE for wave in waves for key in wave.keys}
    before, after = placed(waves[:-1] or waves, edges, sizes), placed(waves, edges, sizes)

    moves = {
        (round(after.positions[key][0] - x, 3), round(after.positions[key][1] - y, 3))
        for key, (x, y) in before.positions.items()
    }
    assert len(moves) == 1


@given(_growing())
def test_what_an_opening_brings_stands_beside_its_node_on_the_side_asked_for(growing):
    waves, edges = growing
    placement = placed(waves, edges, {key: _SIZE for wave in waves for key in wave.keys})
    for wave in waves[1:]:
        x = placement.positions[wave.origin.key][0]
        for key in wave.keys:
            is_left = placement.positions[key][0] < x
            assert is_left == (wave.origin.side == "up")
