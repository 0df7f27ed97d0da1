"""What one call asks for."""

from __future__ import annotations

import pytest

from meshsim.core.streams import Stream
from meshsim.workloads.request import http_request
from tests.workloads.load_world import spec_of


def asked(**words: object) -> list[tuple[str, str, dict[str, object]]]:
    spec, stream = spec_of(count=1, **words), Stream(5)
    return [http_request(spec, stream) for _ in range(300)]


@pytest.mark.parametrize(
    ("params", "paths"),
    [
        ({"id": 7}, {"/items/7"}),
        ({"id": ["a", "b c"]}, {"/items/a", "/items/b%20c"}),
        ({"id": "3..5"}, {"/items/3", "/items/4", "/items/5"}),
        ({"id": "5..3"}, {"/items/5..3"}),
        ({}, {f"/items/{number}" for number in range(1, 101)}),
    ],
)
def test_what_a_path_names_is_drawn(params: dict[str, object], paths: set[str]) -> None:
    """A list is a choice, `3..5` a number between, and what nothing says is one of 1 to 100."""
    found = {path for _, path, _ in asked(call="shop GET /items/:id", params=params)}
    assert found <= paths
    assert len(found) > 0.9 * len(paths)


def test_the_rest_of_the_parameters_is_the_query() -> None:
    """What the path does not name goes into the query."""
    method, path, options = asked(call="shop GET /items/{id}", params={"id": 1, "color": "red"})[0]
    assert (method, path, options["params"]) == ("GET", "/items/1", {"color": "red"})


def test_a_body_is_json_or_a_form_or_as_it_is() -> None:
    """A mapping travels as JSON, as a form where the headers say so, and a text as it is."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert asked(call="shop POST /buy", body={"sku": "a"})[0][2]["json"] == {"sku": "a"}
    assert asked(call="shop POST /buy", json=[1])[0][2]["json"] == [1]
    assert asked(call="shop POST /buy", body={"sku": "a"}, headers=form)[0][2]["data"] == {"sku": "a"}
    assert asked(call="shop POST /buy", body="<xml/>")[0][2]["data"] == "<xml/>"


def test_a_body_given_as_text_of_json_stays_text() -> None:
    """`json:` with a text is a JSON text, `body:` is those very characters."""
    assert asked(call="shop POST /buy", json="x")[0][2]["json"] == "x"
    assert "json" not in asked(call="shop POST /buy", body="x")[0][2]
