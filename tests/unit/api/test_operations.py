"""Finding the operation of a path."""

import pytest

from jambones.api.app import without_prefix
from jambones.api.operations import Resource, Router
from jambones.api.resources import RESOURCES


async def nothing() -> None:
    return None


def router() -> Router:
    resource = Resource("Things")
    resource.get("/Things", summary="", id="list")(nothing)
    resource.get("/Things/me", summary="", id="me")(nothing)
    resource.get("/Things/{sid}", summary="", id="show")(nothing)
    resource.put("/Things/{sid}", summary="", id="update")(nothing)
    resource.get("/Things/{sid}/parts/{part}", summary="", id="part")(nothing)
    return Router(list(resource))


@pytest.mark.parametrize(
    ("method", "path", "operation_id", "params"),
    [
        ("GET", "/Things", "list", {}),
        ("GET", "/things/", "list", {}),
        ("GET", "/Things/me", "me", {}),
        ("GET", "/Things/X", "show", {"sid": "X"}),
        ("PUT", "/Things/me", "update", {"sid": "me"}),
        ("GET", "//THINGS//a/PARTS/B/", "part", {"sid": "a", "part": "B"}),
    ],
)
def test_paths_find_their_operation(method: str, path: str, operation_id: str, params: dict[str, str]) -> None:
    operation, found, _ = router().find(method, path)
    assert operation is not None
    assert (operation.operation_id, found) == (operation_id, params)


def test_an_unknown_method_names_those_the_path_has() -> None:
    assert router().find("DELETE", "/Things/a") == (None, {}, ["GET", "PUT"])
    assert router().find("GET", "/nowhere") == (None, {}, [])


@pytest.mark.parametrize(
    ("path", "rest"),
    [("/v1/x", "/x"), ("/api/V1/x", "/x"), ("/v1", "/"), ("/x", "/x"), ("/v10/x", "/v10/x")],
)
def test_the_base_of_a_path_is_left_away(path: str, rest: str) -> None:
    assert without_prefix(path) == rest


def test_every_operation_has_a_name_of_its_own() -> None:
    operations = [operation for resource in RESOURCES for operation in resource]
    names = [operation.operation_id for operation in operations]
    assert sorted(names) == sorted(set(names))
    Router(operations)
