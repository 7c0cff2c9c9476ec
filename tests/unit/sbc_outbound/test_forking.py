"""The best of several refusals."""

import pytest

from jambones.sbc_outbound.forking import best


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([486], 486),
        ([408, 486], 486),
        ([408, 480], 480),
        ([480, 486], 486),
        ([404, 486], 486),
        ([503, 404], 404),
        ([404, 603], 603),
        ([603, 600], 603),
        ([500, 302], 302),
        ([408, 404], 404),
        ([408, 408], 408),
    ],
)
def test_a_no_to_all_then_the_lowest_class_then_busy_before_silence(statuses: list[int], expected: int) -> None:
    assert statuses[best(statuses)] == expected
