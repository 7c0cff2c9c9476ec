"""Names of database operations: few, and without values."""

import pytest

from jambones.common.db.times import QueryTimes, named
from jambones.common.metrics import Metrics


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("SELECT * FROM accounts WHERE account_sid = $1", "select accounts"),
        ('\n  INSERT INTO "api_keys" (a) VALUES ($1) ON CONFLICT DO UPDATE SET a = 1', "insert api_keys"),
        ("UPDATE users SET email = $1", "update users"),
        ("DELETE FROM lcr WHERE account_sid = $1", "delete lcr"),
        ("WITH page AS (SELECT * FROM recent_calls) SELECT count(*) FROM page", "select recent_calls"),
        ("SELECT true", "select"),
        ("LOCK TABLE accounts", "other"),
    ],
)
def test_an_operation_is_named_by_verb_and_table(sql: str, name: str) -> None:
    assert named(sql) == name


def test_an_operation_is_measured_whatever_comes_of_it() -> None:
    metrics = Metrics(process=False)
    times = QueryTimes(metrics)
    with times.of_sql("SELECT 1 FROM accounts"):
        pass
    with pytest.raises(ZeroDivisionError), times.of("commit"):
        raise ZeroDivisionError

    text = metrics.render().decode()
    assert 'jambones_db_seconds_count{query="select accounts"} 1.0' in text
    assert 'jambones_db_seconds_count{query="commit"} 1.0' in text


def test_nothing_is_measured_without_metrics() -> None:
    with QueryTimes().of_sql("SELECT 1"):
        pass
