"""What counts as late: many ticks, not one."""

from jambones.media.worker import Lateness


def test_a_few_very_late_ticks_move_only_the_highest_percentile() -> None:
    lateness = Lateness()
    for tick in range(250):
        lateness.note(0.1 if tick % 50 == 0 else 0.001)

    assert lateness.percentile_ms(90) == 1.0
    assert lateness.percentile_ms(99) == 100.0


def test_only_the_last_five_seconds_count() -> None:
    lateness = Lateness()
    for _ in range(250):
        lateness.note(0.1)
    for _ in range(250):
        lateness.note(0.002)

    assert (lateness.percentile_ms(90), lateness.max_ms()) == (2.0, 2.0)
