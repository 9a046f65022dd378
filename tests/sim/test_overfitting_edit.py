"""Points edited by hand: what moves, goes and comes, and what stays where it was."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.overfitting import Sample, edit

SAMPLE = Sample(np.array([0.1, 0.2, 0.3, 0.4]), np.array([1.0, 2.0, 3.0, 4.0]))


def points(sample: Sample) -> list[tuple[float, float]]:
    return list(zip(sample.x.tolist(), sample.y.tolist(), strict=True))


def test_indices_count_in_the_sample_as_given():
    edited = edit(SAMPLE, moved={3: (-0.4, 9.0)}, removed=[0, 2], added=[(0.5, 5.0), (0.6, 6.0)])
    assert points(edited) == [(0.2, 2.0), (-0.4, 9.0), (0.5, 5.0), (0.6, 6.0)]
    assert points(SAMPLE) == [(0.1, 1.0), (0.2, 2.0), (0.3, 3.0), (0.4, 4.0)]


def test_no_edit_is_a_copy():
    copy = edit(SAMPLE)
    assert points(copy) == points(SAMPLE)
    copy.x[0] = 7.0
    assert SAMPLE.x[0] == 0.1


@settings(deadline=None, derandomize=True, max_examples=50)
@given(
    st.integers(1, 8),
    st.dictionaries(st.integers(0, 7), st.tuples(st.floats(-1, 1), st.floats(-2, 2)), max_size=4),
    st.sets(st.integers(0, 7), max_size=4),
    st.lists(st.tuples(st.floats(-1, 1), st.floats(-2, 2)), max_size=3),
)
def test_edits_do_to_a_list_what_they_say(n, moved, removed, added):
    moved = {k: v for k, v in moved.items() if k < n and k not in removed}
    removed = {k for k in removed if k < n}
    sample = Sample(np.arange(n) / n, np.arange(n) * 1.0)
    expected = [moved.get(k, p) for k, p in enumerate(points(sample)) if k not in removed] + added
    if expected:
        assert points(edit(sample, moved, removed, added)) == expected
    else:
        with pytest.raises(ValueError, match="at least one point"):
            edit(sample, moved, removed, added)


@pytest.mark.parametrize(
    ("edits", "sentence"),
    [
        ({"moved": {4: (0.0, 0.0)}}, "point 4 does not exist"),
        ({"removed": [-1]}, "point -1 does not exist"),
        ({"moved": {1: (0.0, 0.0)}, "removed": [1]}, "both moved and removed"),
        ({"removed": range(4)}, "at least one point"),
        ({"added": [(np.nan, 0.0)]}, "finite"),
        ({"moved": {0: (0.0, np.inf)}}, "finite"),
    ],
)
def test_bad_edits_are_refused(edits, sentence):
    with pytest.raises(ValueError, match=sentence):
        edit(SAMPLE, **edits)
