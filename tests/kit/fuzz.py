"""Requests made from an OpenAPI document, valid and nearly valid ones: no answer is a failure of the server."""

import re
from typing import Any

import httpx
import jsonschema
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

Schema = dict[str, Any]
WORKERS = ("fuzzed", "safe", "nobody", "a b", "%00")  # the others are looked at by other tests
_LEFT_OUT = (
    "/stream",
    "/login",
    "/logout",
    "/apply",
    "/complete",
    "/remove",
    "/orders",
    "/mcp",
)  # they would end the rest
_KNOWN: dict[str, st.SearchStrategy[Any]] = {
    "wait": st.sampled_from([0.01, 0.05, -1, "soon"]),  # 0 means the service's own time
    "keys": st.lists(st.sampled_from(["Enter", "C-c", "Up", "Entre", "x"]), max_size=3),
    "signal": st.sampled_from(["USR1", "WINCH", "", "SIGUSR1"]),
    "kill": st.just(False),
    "patterns": st.lists(st.sampled_from(WORKERS), max_size=2),
}


def requests_of(document: Schema, client: httpx.Client, examples: int = 60) -> None:
    """Send requests; each answer is one that the document has, with a body that fits, and no 5xx."""
    operations = [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if not path.endswith(_LEFT_OUT)
    ]

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @given(st.data())
    def send(data: st.DataObject) -> None:
        method, path, operation = data.draw(st.sampled_from(operations))
        response = _sent(client, method, path, operation, document, data)
        said = (method, str(response.request.url), response.request.content, response.status_code, response.text[:500])
        assert response.status_code < 500, said
        _fits(response, operation, document, said)

    send()


def _sent(
    client: httpx.Client, method: str, path: str, operation: Schema, document: Schema, data: st.DataObject
) -> httpx.Response:
    for name in re.findall(r"\{(\w+)\}", path):
        value = data.draw(
            st.sampled_from(WORKERS) if name == "name" else st.text("abcXYZ019_-", min_size=8, max_size=9)
        )
        path = path.replace(f"{{{name}}}", httpx.URL("http://x").copy_with(path=f"/{value}").raw_path.decode()[1:])
    queries = [one for one in operation["parameters"] if one["in"] == "query"]
    query = {
        one["name"]: data.draw(_value(one["schema"], document, one["name"]))
        for one in queries
        if one["required"] or data.draw(st.booleans())
    }
    query = {key: value for key, value in query.items() if value is not None}
    if "requestBody" not in operation:
        return client.request(method, path, params=query)
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    body = data.draw(
        _value(schema, document) | _value(schema, document) | st.none() | st.integers() | st.text(max_size=5)
    )
    return client.request(method, path, params=query, json=body)


def _fits(response: httpx.Response, operation: Schema, document: Schema, said: object) -> None:
    answers = operation["responses"]
    answer = answers.get(str(response.status_code), answers["default"])
    if "$ref" in answer:
        answer = document["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    kind = response.headers.get("content-type", "").partition(";")[0]
    contents = {key.partition(";")[0]: value for key, value in answer.get("content", {}).items()}
    assert (kind in contents) if contents else not response.content, said
    if kind.endswith("json"):
        whole = {**contents[kind]["schema"], "components": document["components"]}
        jsonschema.Draft202012Validator(whole).validate(response.json())


def _value(schema: Schema, document: Schema, name: str = "") -> st.SearchStrategy[Any]:
    """Return values of a schema, and a few that are none."""
    if name in _KNOWN:
        return _KNOWN[name]
    if "$ref" in schema:
        return _value(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document)
    if "enum" in schema or "const" in schema:
        return st.sampled_from([*schema.get("enum", [schema.get("const")]), "other"])
    if "anyOf" in schema:
        return st.one_of([_value(each, document) for each in schema["anyOf"]])
    match schema.get("type"):
        case "object" if "properties" in schema:
            needed = {*schema.get("required", []), "wait"}
            values = {key: _value(each, document, key) for key, each in schema["properties"].items()}
            return st.fixed_dictionaries(
                {key: value for key, value in values.items() if key in needed},
                optional={key: value for key, value in values.items() if key not in needed},
            )
        case "array":
            return st.lists(_value(schema["items"], document), max_size=min(3, schema.get("maxItems", 3)))
        case "integer":
            return st.integers(-1, 1 << 54)
        case "number":
            return st.floats(allow_nan=False, allow_infinity=False)
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
    return st.sampled_from(WORKERS) | st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
