"""Token buckets."""

from jambones.sbc.rates import Rates, TokenBucket


def test_a_bucket_gives_its_burst_then_its_rate() -> None:
    bucket = TokenBucket(rate=2, burst=3)

    assert [bucket.take(10) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(10.5), bucket.take(10.5)] == [True, False]


def test_a_rate_of_zero_is_no_limit() -> None:
    assert all(TokenBucket(0, 0).take(0) for _ in range(100))
    assert Rates(0, 0).take("a", 0)


def test_a_set_of_buckets_forgets_the_key_unused_longest() -> None:
    rates = Rates(1, 1, keys=2)
    for key in ("a", "b", "a", "c"):
        rates.take(key, 0)

    assert len(rates) == 2
    assert not rates.take("a", 0)
    assert rates.take("b", 0)  # was forgotten, so it starts full again
