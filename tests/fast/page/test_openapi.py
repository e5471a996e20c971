"""The document of the API is made from the table of routes, and names all that it refers to."""

import json
from typing import Any

from kit import ROOT

from supervisor.page.openapi import document, text
from supervisor.page.routes import ROUTES


def test_the_document_is_made_from_the_table() -> None:
    written = (ROOT / "config/openapi.json").read_text()
    assert written == text(), "run: python -m supervisor.page.openapi > config/openapi.json"


def test_every_reference_leads_somewhere() -> None:
    whole = document()

    def look(value: Any) -> None:
        if isinstance(value, dict):
            if "$ref" in value:
                found: Any = whole
                for part in value["$ref"].removeprefix("#/").split("/"):
                    found = found[part]
            for inner in value.values():
                look(inner)
        elif isinstance(value, list):
            for inner in value:
                look(inner)

    look(json.loads(text()))


def test_whatever_changes_something_needs_the_role_to_operate() -> None:
    free = {"/api/v1/login", "/api/v1/logout", "/api/v1/views/{view}", "/mcp"}
    assert {route.path for route in ROUTES if route.method != "GET" and route.role != "operate"} == free
