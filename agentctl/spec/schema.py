"""The JSON Schema of the team file, for editors: made from the models, in draft-07, which is all that editors know."""

from __future__ import annotations

from typing import Any

from agentctl.spec.document import Document

DRAFT = "http://json-schema.org/draft-07/schema#"

_VARIABLE = {"type": "string", "pattern": r"\$\{"}
_NULL = {"type": "null"}
_OWN_KEYS: dict[str, object] = {"^x-": {}}
_REQUIRED_WITHOUT_A_BASE = ("version", "name", "agents")

Json = dict[str, Any]


def team_schema() -> Json:
    """Return the schema; a fresh copy each time."""
    made = Document.model_json_schema(ref_template="#/definitions/{model}", by_alias=True)
    definitions = {name: _model(model) for name, model in made.pop("$defs").items()}
    team = _model(made)
    team["properties"] = {
        "$schema": {"type": "string", "description": "Path of this schema, for editors."},
        "extends": {
            "type": "string",
            "description": "A file to start from, from this file's own folder: maps merge, lists and values replace, "
            "null removes.",
        },
        **team["properties"],
    }
    team.pop("required", None)
    team["if"] = {"not": {"required": ["extends"]}}
    team["then"] = {"required": list(_REQUIRED_WITHOUT_A_BASE)}
    return {"$schema": DRAFT, "title": "agentctl team file", **team, "definitions": definitions}


def _model(model: Json) -> Json:
    """Return the schema of one map of keys: the user's own are allowed, and a file may leave out what its base says."""
    properties = {name: _property(schema) for name, schema in model.get("properties", {}).items()}
    kept = {key: value for key, value in model.items() if key not in ("title", "properties", "required")}
    return {**kept, "properties": properties, "patternProperties": _OWN_KEYS}


def _property(schema: Json) -> Json:
    """Return *schema* with every typed value also given by a variable, and null to take it away."""
    description = schema.get("description")
    bare = {key: value for key, value in schema.items() if key not in ("description", "title", "default")}
    options = [_value(option) for option in bare.pop("anyOf", [])] or [_value(bare)]
    flat = [inner for option in options for inner in option.get("anyOf", [option])]
    for extra in (_VARIABLE if _typed(flat) else None, _NULL):
        if extra is not None and extra not in flat:
            flat.append(extra)
    return {**({"description": description} if description else {}), "anyOf": flat}


def _value(schema: Json) -> Json:
    schema = {
        key: value for key, value in schema.items() if key not in ("title", "default", "propertyNames", "minProperties")
    }
    if "anyOf" in schema:
        return {**schema, "anyOf": [_value(option) for option in schema["anyOf"]]}
    if isinstance(schema.get("items"), dict):
        schema["items"] = _or_variable(_value(schema["items"]))
    if isinstance(schema.get("additionalProperties"), dict):
        schema["additionalProperties"] = _property(schema["additionalProperties"])
    if "patternProperties" in schema:
        schema["patternProperties"] = {name: _property(inner) for name, inner in schema["patternProperties"].items()}
        schema["additionalProperties"] = False
    return schema


def _or_variable(schema: Json) -> Json:
    return {"anyOf": [schema, _VARIABLE]} if _typed([schema]) else schema


def _typed(options: list[Json]) -> bool:
    """Tell whether text from a variable may be right and would be refused by all of *options*."""
    values = [option for option in options if option.get("type") not in ("object", "array", "null", None)]
    return bool(values) and not any(option["type"] == "string" and option.keys() == {"type"} for option in values)
