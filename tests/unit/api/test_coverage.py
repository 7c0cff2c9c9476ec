"""docs/api-coverage.md says what is true, and every operation has its row in the table of access."""

import re
from pathlib import Path

from jambones.api.access import TABLE
from jambones.api.examples import EXAMPLES
from jambones.api.operations import Operation
from jambones.api.resources import RESOURCES

ROOT = Path(__file__).parents[3]
ROW = re.compile(
    r"\| ((?:GET|POST|PUT|DELETE) \S+) \| (?:core|later|ours) \| (served|empty list|404|501) \| \S+::\w+ \|"
)
OPERATIONS: dict[str, Operation] = {f"{o.method} {o.path}": o for resource in RESOURCES for o in resource}


def rows() -> dict[str, str]:
    """The state of each operation on the page."""
    return dict(ROW.findall((ROOT / "docs/api-coverage.md").read_text()))


def test_the_page_has_exactly_the_operations_of_the_code() -> None:
    assert set(rows()) == set(OPERATIONS)


def test_the_page_tells_what_is_there_from_what_is_not() -> None:
    for name, state in rows().items():
        assert (state == "501") is OPERATIONS[name].later, name


def test_every_operation_that_is_there_says_who_may_use_it() -> None:
    assert set(TABLE) == {operation.operation_id for operation in OPERATIONS.values() if not operation.later}


def test_operations_have_names_and_paths_of_their_own() -> None:
    ids = [operation.operation_id for operation in OPERATIONS.values()]
    assert len(ids) == len(set(ids))
    for operation in OPERATIONS.values():
        access = TABLE.get(operation.operation_id)
        has_sid = any(name.endswith("_sid") for name in operation.params)
        assert access is None or access.foreign is None or has_sid, operation.operation_id


def test_every_operation_that_takes_a_body_has_an_example() -> None:
    bodies = {o.operation_id for o in OPERATIONS.values() if o.body is not None and not o.later}
    assert set(EXAMPLES) == bodies
