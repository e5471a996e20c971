"""The document of the API (OpenAPI 3.1), made from the table of routes: `python -m supervisor.page.openapi`."""

import json
import re
from collections.abc import Iterator
from functools import cache
from http import HTTPStatus
from typing import Any

from pydantic import TypeAdapter

from supervisor.page import bodies
from supervisor.page.answers.problems import KIND
from supervisor.page.routes import API, ROUTES, Route
from supervisor.version import VERSION

_PART = re.compile(r"\{(\w+)\}")
_PARTS = {
    "name": ("The name of a worker.", "^[A-Za-z0-9_-]{1,64}$"),
    "view": ("The page's own id.", "^[A-Za-z0-9_-]{8,64}$"),
    "lease": ("What taking the keyboard gave.", "^[A-Za-z0-9_-]{1,64}$"),
}
_ABOUT = """\
What `panevisor web` serves. Each request needs a token: `Authorization: Bearer TOKEN`, or the cookie of a login. A
write by cookie needs `X-Panevisor: 1` and the right Origin. Every refusal is problem+json."""
_STREAM = """\
What happens, as server-sent events: snapshot, delta, rows, screen, activity, contact, keyboard, closed."""
_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "With the same key an order is carried out once, and answered alike for ten minutes.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{8,64}$"},
}

Schema = dict[str, Any]


@cache
def document() -> Schema:
    """Return the document."""
    schemas: Schema = {}
    paths: Schema = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    paths[f"{API}/stream"] = {"get": _stream(schemas)}
    problem = {"description": "Why it was refused.", "content": {KIND: {"schema": _schema(bodies.Problem, schemas)}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Panevisor", "version": VERSION, "description": _ABOUT},
        "security": [{"token": []}, {"login": []}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "responses": {"Problem": problem},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "login": {"type": "apiKey", "in": "cookie", "name": "panevisor_ID"},
            },
        },
    }


def text() -> str:
    """Return the document as the file has it."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def _operation(route: Route, schemas: Schema) -> Schema:
    found: Schema = {
        "summary": route.about,
        "operationId": _id_of(route),
        "x-role": route.role or "none",
        "parameters": [*_parts_of(route.path), *_queries(route.query, schemas)],
        "responses": _responses(route, schemas),
    }
    if route.role is None:
        found["security"] = []
    if route.rate == "orders":
        found["parameters"].append(_KEY)
    if route.body is not None:
        content = {"application/json": {"schema": _schema(route.body, schemas)}}
        found["requestBody"] = {"content": content, "required": bool(_required(route.body))}
    return found


def _responses(route: Route, schemas: Schema) -> Schema:
    good: Schema = {"description": HTTPStatus(route.status).phrase}
    if route.status != 204:
        schema = {"type": "string"} if route.answer is None else _schema(route.answer, schemas)
        by_kind = {kind: {"type": "string"} if kind.startswith("text/") else schema for kind in route.kinds}
        good["content"] = {kind: {"schema": each} for kind, each in by_kind.items()}
    more = {str(status): good if status != 202 else {"description": "Accepted"} for status in route.also}
    return {str(route.status): good, **more, "default": {"$ref": "#/components/responses/Problem"}}


def _stream(schemas: Schema) -> Schema:
    events = {"text/event-stream": {"schema": {"type": "string"}}}
    return {
        "summary": _STREAM,
        "operationId": "stream",
        "x-role": "read",
        "parameters": list(_queries(bodies.StreamOf, schemas)),
        "responses": {
            "200": {"description": "OK", "content": events},
            "default": {"$ref": "#/components/responses/Problem"},
        },
    }


def _id_of(route: Route) -> str:
    words = [word for word in re.split(r"[/{}]+", route.path.removeprefix(API)) if word not in ("", "name")]
    return "-".join([route.method.lower(), *words])


def _parts_of(path: str) -> Iterator[Schema]:
    for name in _PART.findall(path):
        about, pattern = _PARTS[name]
        schema = {"type": "string", "pattern": pattern}
        yield {"name": name, "in": "path", "required": True, "description": about, "schema": schema}


def _queries(kind: type | None, schemas: Schema) -> Iterator[Schema]:
    """Yield the parameters of a query. A list is given as the same key several times."""
    if kind is None:
        return
    whole = TypeAdapter(kind).json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(whole.pop("$defs", {}))
    for name, schema in whole["properties"].items():
        yield {"name": name, "in": "query", "required": name in whole.get("required", ()), "schema": _bare(schema)}


def _bare(schema: Schema) -> Schema:
    """Return the schema of a value that may be left out, but cannot be null in a query."""
    some = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    kept = some[0] if len(some) == 1 else schema
    return {key: value for key, value in kept.items() if key not in ("title", "default")}


def _required(kind: type) -> list[str]:
    return list(TypeAdapter(kind).json_schema().get("required", []))


def _schema(kind: Any, schemas: Schema) -> Schema:
    """Return a reference to the schema of a class, which goes with the others; that of anything else as it is."""
    found = TypeAdapter(kind).json_schema(ref_template="#/components/schemas/{model}")
    schemas.update({name: _untitled(schema) for name, schema in found.pop("$defs", {}).items()})
    if "properties" not in found:
        return _untitled(found)
    schemas[kind.__name__] = _untitled(found)
    return {"$ref": f"#/components/schemas/{kind.__name__}"}


def _untitled(schema: Schema) -> Schema:
    """Drop the titles that pydantic makes of names."""
    return {key: _without_titles(value) for key, value in schema.items() if key != "title" or isinstance(value, dict)}


def _without_titles(value: Any) -> Any:
    if isinstance(value, dict):
        return _untitled(value)
    return [_without_titles(each) for each in value] if isinstance(value, list) else value


if __name__ == "__main__":
    print(text(), end="")
