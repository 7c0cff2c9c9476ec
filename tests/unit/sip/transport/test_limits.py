"""How many connections may come."""

from jambones.sip.transport.limits import ConnectionRules, Turnstile


def test_each_limit_has_its_reason() -> None:
    rules = ConnectionRules(total=5, per_source=3, unproven_per_source=2, trusted_proxy=lambda host: host == "proxy")
    door = Turnstile(rules)

    assert [door.enter("a") for _ in range(3)] == [None, None, "too-many-unproven"]
    door.proven("a")
    door.proven("a")
    assert [door.enter("a"), door.enter("a")] == [None, "too-many-of-source"]
    assert [door.enter("proxy"), door.enter("proxy"), door.enter("b")] == [None, None, "too-many"]


def test_who_leaves_makes_room() -> None:
    door = Turnstile(ConnectionRules(total=1, per_source=1, unproven_per_source=1))
    for _ in range(3):
        assert door.enter("a") is None
        door.leave("a", proven=False)
    assert door.enter("a") is None
    door.proven("a")
    door.leave("a", proven=True)
    assert door.enter("a") is None
    assert door.unproven == 1
