"""Nonces: made with a secret, judged without storage, used once per count."""

from jambones.sip.nonce import NonceIssuer, NonceState

NOW = 1_800_000_000.0


def make_issuer() -> NonceIssuer:
    return NonceIssuer(secret=b"k" * 32, lifetime=300)


def test_a_nonce_from_a_clock_far_ahead_is_not_taken() -> None:
    issuer = make_issuer()

    assert issuer.check(issuer.issue(NOW + 30, "r"), NOW, "r") is NonceState.FRESH
    assert issuer.check(issuer.issue(NOW + 3000, "r"), NOW, "r") is NonceState.EXPIRED


def test_a_nonce_holds_only_for_its_realm_and_source() -> None:
    issuer = make_issuer()
    nonce = issuer.issue(NOW, "atlanta", "192.0.2.1")

    assert issuer.check(nonce, NOW, "atlanta", "192.0.2.1") is NonceState.FRESH
    assert issuer.check(nonce, NOW, "atlanta", "192.0.2.2") is NonceState.FOREIGN
    assert issuer.check(nonce, NOW, "biloxi", "192.0.2.1") is NonceState.FOREIGN


def test_nonce_counts_may_arrive_out_of_order_within_the_window() -> None:
    issuer = make_issuer()

    assert [issuer.spend("n", c) for c in (1, 3, 2, 2, 3, 100, 99, 99, 20, 0)] == [
        True, True, True, False, False, True, True, False, False, False,
    ]  # fmt: skip


def test_a_nonce_without_count_serves_once() -> None:
    issuer = make_issuer()

    assert [issuer.spend("n", None), issuer.spend("n", None)] == [True, False]


def test_the_replay_window_is_bounded() -> None:
    issuer = NonceIssuer(secret=b"s", window=3)
    for n in range(10):
        issuer.spend(str(n), 1)

    assert list(issuer._used) == ["7", "8", "9"]


def test_text_that_is_no_nonce_is_foreign() -> None:
    for text in ("", "x", "é", "AAAA", "=" * 44, "A" * 44):
        assert make_issuer().check(text, NOW, "r") is NonceState.FOREIGN
