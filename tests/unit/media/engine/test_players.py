"""Players against a plain one: the samples that clips, rounds, offset and limit amount to, cut into frames."""

from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray

from jambones.media.engine.players import FRAME, Players
from jambones.media.messages import Play, Segment

SILENCE = 0xFF
Ends = list[tuple[int, int, int, int, str]]


def plain(pool: NDArray[np.uint8], play: Play, law: int, ticks: int) -> tuple[bytes, int | None]:
    """The first `ticks` frames of a playback, and how many samples it has (None: it goes on)."""
    one = b"".join(pool[segment[law] : segment[law] + segment[2]].tobytes() for segment in play.segments)
    need = ticks * FRAME
    rounds = play.rounds or (play.offset + need) // len(one) + 2
    sound = (one * rounds)[play.offset :]
    if play.limit >= 0:
        sound = sound[: play.limit]
    done = None if len(sound) > need or (play.rounds == 0 and play.limit < 0) else len(sound)
    return sound[:need].ljust(need, bytes([SILENCE])), done


def filled(players: Players, rows: int, ticks: int) -> list[bytes]:
    said = [b""] * rows
    silence = np.full(rows, SILENCE, np.uint8)
    for _ in range(ticks):
        frames = np.full((rows, FRAME), SILENCE, np.uint8)
        players.fill(frames, silence)
        said = [before + frames[row].tobytes() for row, before in enumerate(said)]
    return said


@pytest.mark.parametrize("seed", range(40))
def test_what_plays_is_what_the_plain_player_plays(seed: int) -> None:
    rng = Random(seed)
    pool = np.random.default_rng(seed).integers(0, 255, 20_000).astype(np.uint8)
    ended: Ends = []
    players = Players(6, pool, lambda *end: ended.append(end))
    plays: list[tuple[Play, int]] = []
    for row in range(5):
        segments: list[Segment] = []
        for _ in range(rng.randint(1, 4)):
            length = rng.choice([1, 7, 159, 160, 161, 320, 500, 1600])
            segments.append((rng.randint(0, 8000), rng.randint(8000, 18_000), length))
        whole = sum(segment[2] for segment in segments)
        offset = rng.choice([0, 0, rng.randrange(whole)])
        limit = rng.choice([-1, -1, rng.randint(1, 3 * whole)])
        plays.append((Play(row, row + 10, segments, rng.choice([0, 1, 1, 2, 5]), offset, limit), rng.randint(0, 1)))
    for play, law in plays:
        players.start(play, law)

    said = filled(players, 6, 60)

    for play, law in plays:
        expected, samples = plain(pool, play, law, 60)
        assert said[play.row] == expected
        ends = [(end[2], end[4]) for end in ended if end[:2] == (play.row, play.play)]
        assert ends == ([] if samples is None else [(samples, "done")])


def test_stop_tells_how_much_was_heard_and_where() -> None:
    ended: Ends = []
    players = Players(1, np.zeros(5000, np.uint8), lambda *end: ended.append(end))
    players.start(Play(0, 1, [(0, 0, 400), (0, 0, 800)], 1, 100, -1), 0)
    filled(players, 1, 3)

    players.stop(0, 1)

    assert ended == [(0, 1, 480, 580, "stopped")]
    assert filled(players, 1, 1) == [bytes([SILENCE]) * FRAME]


def test_a_new_playback_stops_the_one_before_and_a_stale_stop_does_nothing() -> None:
    ended: Ends = []
    players = Players(1, np.zeros(5000, np.uint8), lambda *end: ended.append(end))
    players.start(Play(0, 1, [(0, 0, 4000)], 1, 0, -1), 0)
    players.start(Play(0, 2, [(0, 0, 4000)], 1, 0, -1), 0)

    players.stop(0, 1)

    assert [end[1] for end in ended] == [1]
    assert players.playing(0)


@pytest.mark.parametrize(("segments", "offset", "limit"), [([], 0, -1), ([(0, 0, 10)], 10, -1), ([(0, 0, 10)], 0, 0)])
def test_nothing_to_play_is_done_at_once(segments: list[Segment], offset: int, limit: int) -> None:
    ended: Ends = []
    players = Players(1, np.zeros(500, np.uint8), lambda *end: ended.append(end))

    players.start(Play(0, 1, segments, 1, offset, limit), 0)

    assert [end[4] for end in ended] == ["done"]
    assert not players.playing(0)
