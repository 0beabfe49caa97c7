"""Write the types of what the review page and its server tell each other: `python tools/page_types.py`.

The models of `review/answers.py` and `review/requests.py` become `review/page/types.d.ts`, by which `tsc` checks the
page's modules. A test compares the two.
"""

from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from mislabel.decisions.events import KINDS
from mislabel.review import answers, requests

TARGET = Path(__file__).resolve().parents[1] / "src" / "mislabel" / "review" / "page" / "types.d.ts"
HEAD = (
    "// Made by tools/page_types.py from review/answers.py and review/requests.py: change those, then run it again.\n"
)
TYPES = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def page_types() -> str:
    """The text of types.d.ts, as prettier would format it."""
    schemas = definitions(answers, answers.Answer) | definitions(requests, requests.PageRequest)
    kind = f"export type Kind = {enumeration(KINDS)};\n"
    return "\n".join([HEAD, kind, *(interface(name, schema) for name, schema in schemas.items())])


def definitions(module: Any, base: type[BaseModel]) -> dict[str, dict[str, Any]]:
    """JSON schemas of the models that a module defines, by their names, in the order of the module."""
    models = [value for value in vars(module).values() if isinstance(value, type) and issubclass(value, base)]
    mode = "serialization" if module is answers else "validation"
    _, schema = models_json_schema([(model, mode) for model in models if model is not base])
    return {model.__name__: schema["$defs"][model.__name__] for model in models if model is not base}


def interface(name: str, schema: dict[str, Any]) -> str:
    lines = [*comment(schema, ""), f"export interface {name} {{"]
    for field, value in schema["properties"].items():
        mark = "" if field in schema.get("required", ()) else "?"
        lines += [*comment(value, "  "), f"  {field}{mark}: {type_of(value)};"]
    return "\n".join([*lines, "}", ""])


def comment(schema: dict[str, Any], indent: str) -> list[str]:
    return [f"{indent}/** {schema['description']} */"] if "description" in schema else []


def enumeration(values: Any) -> str:
    return " | ".join(f"'{value}'" for value in values)


def type_of(schema: dict[str, Any]) -> str:
    """The type in TypeScript of a part of a JSON schema.

    Raises
    ------
    KeyError
        If no model has held such a thing before.
    """
    if "$ref" in schema:
        return schema["$ref"].rsplit("/", 1)[1]
    if "anyOf" in schema:
        return " | ".join(type_of(option) for option in schema["anyOf"])
    if "enum" in schema:
        return "Kind" if tuple(schema["enum"]) == KINDS else enumeration(schema["enum"])
    if schema["type"] == "array":
        item = type_of(schema["items"])
        return f"({item})[]" if " " in item else f"{item}[]"
    if schema["type"] == "object":
        names = schema.get("propertyNames", {"type": "string"})
        return f"Record<{type_of(names)}, {type_of(schema['additionalProperties'])}>"
    return TYPES[schema["type"]]


if __name__ == "__main__":
    TARGET.write_text(page_types(), encoding="utf-8")
