"""Which requests does a server take, as an OpenAPI document? The columns exactly as the decoder checks them."""

from typing import Any

from serving.columns import FLOAT32
from serving.release import Column, Schema
from serving.scoring import Limits
from serving.tensors import KEYS, NUMBERS, TEXTS

Json = dict[str, Any]

HEADERS = {
    "x-request-id": "The key of this request in the prediction log; made up when absent.",
    "x-entity-id": "The entity of all rows that do not name their own.",
    "x-event-time": "When all rows happened that do not name their own moment; never later than now.",
}


def document(schema: Schema, digest: str, limits: Limits) -> Json:
    """The OpenAPI 3.1 document of a server for `schema`."""
    model = f"/v2/models/{schema.name}"
    versioned = f"{model}/versions/{digest}"
    infer = scored(
        "Predict (Open Inference Protocol v2)", {"application/json": request_schema(schema, limits)}, answer(schema)
    )
    frames = {"application/json": invocation(schema, limits), "text/csv": {"type": "string"}}
    invoke = scored("Predict (MLflow's scoring protocol)", frames, predictions(schema))
    paths = {
        f"{model}/infer": infer,
        f"{versioned}/infer": infer,
        "/invocations": invoke,
        **{path: told("The model's metadata.") for path in (model, versioned)},
        **{f"{path}/ready": told("Is the model ready?") for path in (model, versioned)},
        "/v2": told("The server's metadata."),
        "/v2/health/live": told("Is the process alive?"),
        "/v2/health/ready": told("Is the server ready?"),
        "/ping": told("Is the server ready, as MLflow asks?"),
        "/health": told("Is the server ready, as MLflow asks?"),
        "/version": told("The release that answers.", "text/plain"),
        "/metrics": told("Metrics for Prometheus.", "text/plain"),
        "/openapi.json": told("This document."),
    }
    about = f"Release {digest}. At most {limits.rows} rows and {limits.bytes} bytes in one request."
    return {
        "openapi": "3.1.0",
        "info": {"title": schema.name, "version": digest, "description": about},
        "paths": paths,
        "components": {"schemas": {"Problem": problem()}},
    }


def told(summary: str, media_type: str = "application/json") -> Json:
    """A path that only tells."""
    answered = {"description": summary, "content": {media_type: {}}}
    return {"get": {"summary": summary, "responses": {"200": answered, "405": refused("Wrong method.")}}}


def scored(summary: str, bodies: dict[str, Json], answered: Json) -> Json:
    """A path that takes rows."""
    parameters = [
        {"name": name, "in": "header", "required": False, "description": text, "schema": header(name)}
        for name, text in HEADERS.items()
    ]
    responses = {
        "200": {"description": "Predictions.", "content": {"application/json": {"schema": answered}}},
        "400": refused("The request is not as this document says; the answer names field, value and limit."),
        "405": refused("Wrong method."),
        "413": refused("Too many rows or bytes."),
        "415": refused("Wrong content type or encoding."),
        "500": refused("The model failed on valid values."),
        "503": refused("The prediction log cannot be written."),
    }
    content = {media_type: {"schema": body} for media_type, body in bodies.items()}
    body = {"required": True, "content": content}
    return {"post": {"summary": summary, "parameters": parameters, "requestBody": body, "responses": responses}}


def header(name: str) -> Json:
    """What a header may hold."""
    return {"type": "string", "format": "date-time"} if name == "x-event-time" else {"type": "string", "maxLength": 256}


def refused(description: str) -> Json:
    """An answer to bad input."""
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": description, "content": content}


def problem() -> Json:
    """What an error's answer holds."""
    return {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {"type": "string"},
            "field": {"type": "string"},
            "row": {"type": "integer"},
            "value": {},
            "limit": {},
        },
    }


def value(column: Column) -> Json:
    """What one cell of a column may hold."""
    if column.type == "text":
        found: Json = {"type": "string"}
    else:
        low = -FLOAT32 if column.minimum is None else column.minimum
        found = {"type": "number", "minimum": low, "maximum": FLOAT32 if column.maximum is None else column.maximum}
    if column.unit:
        found["description"] = f"in {column.unit}"
    if column.values is not None:
        found["enum"] = [*column.values, None] if column.nullable else column.values
    if column.nullable:
        found["type"] = [found["type"], "null"]
    return found


def keys(schema: Schema) -> dict[str, Json]:
    """The two optional columns."""
    entity = {"type": ["string", "integer"], "minLength": 1, "maxLength": 256, "description": "the entity's key"}
    return {schema.entity: entity, schema.event_time: {"type": "string", "format": "date-time"}}


def record(schema: Schema) -> Json:
    """One row as an object."""
    return {
        "type": "object",
        "required": [column.name for column in schema.columns],
        "properties": {**{column.name: value(column) for column in schema.columns}, **keys(schema)},
        "additionalProperties": False,
    }


def rows(item: Json, limits: Limits) -> Json:
    """Some rows."""
    return {"type": "array", "minItems": 1, "maxItems": limits.rows, "items": item}


def column(cell: Json, limits: Limits) -> Json:
    """The cells of a column, [n] or [n, 1]."""
    return {"anyOf": [rows(cell, limits), rows({"type": "array", "minItems": 1, "maxItems": 1, "items": cell}, limits)]}


def invocation(schema: Schema, limits: Limits) -> Json:
    """A request of MLflow's protocol: one of four formats."""
    names = [column.name for column in schema.columns]
    cells = [value(column) for column in schema.columns]
    row = {"type": "array", "minItems": len(names), "maxItems": len(names), "prefixItems": cells}
    split = {
        "type": "object",
        "required": ["columns", "data"],
        "properties": {"columns": {"const": names}, "data": rows(row, limits), "index": {"type": "array"}},
        "additionalProperties": False,
    }
    named = record(schema)
    columns = {**named, "properties": {name: column(cell, limits) for name, cell in named["properties"].items()}}
    formats = {
        "dataframe_split": split,
        "dataframe_records": rows(named, limits),
        "inputs": {"anyOf": [columns, named, rows(named, limits), rows(row, limits)]},
        "instances": {"anyOf": [rows(named, limits), rows(row, limits)]},
    }
    params = {"type": ["object", "null"], "maxProperties": 0}
    return {
        "oneOf": [
            {
                "type": "object",
                "required": [name],
                "properties": {name: body, "params": params},
                "additionalProperties": False,
            }
            for name, body in formats.items()
        ]
    }


def tensor(name: str, datatypes: tuple[str, ...], cell: Json, limits: Limits) -> Json:
    """An input of the Open Inference Protocol."""
    count = {"type": "integer", "minimum": 1, "maximum": limits.rows}
    shape = {"type": "array", "minItems": 1, "maxItems": 2, "prefixItems": [count, {"const": 1}], "items": False}
    return {
        "type": "object",
        "required": ["name", "shape", "datatype", "data"],
        "properties": {
            "name": {"const": name},
            "shape": shape,
            "datatype": {"enum": list(datatypes)},
            "data": column(cell, limits),
            "parameters": {"type": ["object", "null"]},
        },
    }


def request_schema(schema: Schema, limits: Limits) -> Json:
    """A request of the Open Inference Protocol; all inputs have the same number of rows."""
    inputs = [tensor(c.name, NUMBERS if c.type == "number" else TEXTS, value(c), limits) for c in schema.columns]
    optional = keys(schema)
    inputs.append(tensor(schema.entity, KEYS, optional[schema.entity], limits))
    inputs.append(tensor(schema.event_time, TEXTS, optional[schema.event_time], limits))
    least = len(schema.columns)
    flag = {"type": ["boolean", "null"]}
    output = {
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"enum": ["score", "decision"]},
            "parameters": {"type": ["object", "null"], "properties": {"binary_data": flag, "classification": False}},
        },
    }
    return {
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": {"type": ["string", "null"]},
            "inputs": {"type": "array", "minItems": least, "maxItems": least + 2, "items": {"oneOf": inputs}},
            "outputs": {"type": ["array", "null"], "maxItems": 2, "items": output},
            "parameters": {"type": ["object", "null"], "properties": {"binary_data_output": flag}},
        },
    }


def answer(schema: Schema) -> Json:
    """An answer of the Open Inference Protocol."""
    output = {
        "type": "object",
        "required": ["name", "datatype", "shape"],
        "properties": {"name": {"enum": ["score", "decision"]}, "data": {"type": "array"}},
    }
    return {
        "type": "object",
        "required": ["model_name", "model_version", "outputs"],
        "properties": {"model_name": {"const": schema.name}, "outputs": {"type": "array", "items": output}},
    }


def predictions(schema: Schema) -> Json:
    """An answer of MLflow's protocol."""
    width = max(1, len(schema.classes))
    scores = {"type": "array", "minItems": width, "maxItems": width, "items": {"type": "number"}}
    decision: Json = {"type": "number"} if schema.task == "regression" else {"enum": schema.classes}
    return {
        "type": "object",
        "required": ["predictions", "decisions"],
        "properties": {
            "predictions": {
                "type": "object",
                "required": ["score"],
                "properties": {"score": {"type": "array", "items": scores}},
            },
            "decisions": {"type": "array", "items": decision},
        },
    }
