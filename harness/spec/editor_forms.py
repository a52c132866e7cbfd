"""What editors are told that a key takes beside its own form."""

from __future__ import annotations

from pydantic import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


class OrText:
    """Tells editors that a text may stand for what is wanted; the model itself makes that of it."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return what either form has."""
        return {"anyOf": [{"minLength": 1, "type": "string"}, handler(schema)]}


class OrList:
    """Tells editors that a list of names may stand for a mapping that has them as keys."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return what either form has."""
        names = {"type": "array", "minItems": 2, "items": {"type": ["string", "integer"]}}
        return {"anyOf": [names, handler(schema)]}
