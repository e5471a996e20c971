"""What a tool takes: one value a parameter, from which come the JSON Schema and the reading of arguments. Pure.

Of our own, because pydantic would take 8 MB in each agent's server.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from actors.frozen import frozen
from supervisor.text.words import shown
from supervisor.wire.errors import CommandError

Kind = Literal["text", "texts", "whole", "truth"]
Arguments = Mapping[str, Any]

LONGEST = 900_000  # characters of a text: what a prompt may have
MOST = 64  # texts of a list


@frozen(kw_only=True)
class Parameter:
    """One argument. `choices`: the only texts. `least`, `most`: of a whole number. `default`: where it is left out."""

    name: str
    kind: Kind = "text"
    told: str
    required: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    least: int = 0
    most: int = 0

    def schema(self) -> dict[str, Any]:
        match self.kind:
            case "text":
                limits: dict[str, Any] = {"enum": list(self.choices)} if self.choices else {"maxLength": LONGEST}
                found = {"type": "string", **limits}
            case "texts":
                item = {"type": "string", "maxLength": LONGEST}
                found = {"type": "array", "items": item, "minItems": 1, "maxItems": MOST}
            case "whole":
                found = {"type": "integer", "minimum": self.least, "maximum": self.most}
            case "truth":
                found = {"type": "boolean"}
        default = {} if self.default is None else {"default": self.default}
        return {**found, "description": self.told, **default}

    def read(self, value: object) -> Any:
        """Return the value; raises ValueError with a predicate."""
        match self.kind:
            case "text":
                if not isinstance(value, str) or len(value) > LONGEST or "\0" in value:
                    raise ValueError(f"must be text of at most {LONGEST:,} characters")
                if self.choices and value not in self.choices:
                    raise ValueError(f"must be one of {', '.join(self.choices)}, not {shown(value)}")
            case "texts":
                if not isinstance(value, list) or not 1 <= len(value) <= MOST or not all(map(_is_text, value)):
                    raise ValueError(f"must be a list of 1 to {MOST} texts")
            case "whole":
                if isinstance(value, float) and value.is_integer():
                    value = int(value)  # JSON knows no difference
                if isinstance(value, bool) or not isinstance(value, int) or not self.least <= value <= self.most:
                    raise ValueError(f"must be a whole number from {self.least} to {self.most}, not {shown(value)}")
            case "truth":
                if not isinstance(value, bool):
                    raise ValueError(f"must be true or false, not {shown(value)}")
        return value


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST and "\0" not in value


def schema_of(parameters: Sequence[Parameter]) -> dict[str, Any]:
    """Return the JSON Schema of a tool's arguments."""
    required = [parameter.name for parameter in parameters if parameter.required]
    return {
        "type": "object",
        "properties": {parameter.name: parameter.schema() for parameter in parameters},
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def read(parameters: Sequence[Parameter], given: object) -> Arguments:
    """Return the arguments, with defaults; raises CommandError("usage") that names the first one that is wrong."""
    if not isinstance(given, Mapping):
        raise CommandError("usage", "arguments must be an object")
    known = [parameter.name for parameter in parameters]
    for key in given:
        if key not in known:
            raise CommandError("usage", f"unknown argument {shown(key)}; known are: {', '.join(known) or 'none'}")
    found = {}
    for parameter in parameters:
        value = given.get(parameter.name)
        if value is None:
            if parameter.required:
                raise CommandError("usage", f"argument {parameter.name} is missing: {parameter.told}")
            found[parameter.name] = parameter.default
            continue
        try:
            found[parameter.name] = parameter.read(value)
        except ValueError as error:
            raise CommandError("usage", f"argument {parameter.name} {error}") from None
    return found
