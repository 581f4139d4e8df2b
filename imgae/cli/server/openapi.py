"""The API's description of itself (OpenAPI 3.1)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import imgae
from imgae.cli.server.fields import OTHERS
from imgae.cli.server.schemas import FILE, Schema, fields_schema, stroke_schema
from imgae.cli.server.shown import OTHER, TYPES

PROBLEM: Final = "application/problem+json"
PROBLEMS: Final = {
    400: "The request is malformed.",
    401: "The server wants its token.",
    403: "The request comes from a page of another origin.",
    404: "There is nothing of this id, or no longer.",
    408: "The request sent nothing for too long.",
    409: "The work is not done, or was cancelled.",
    413: "There are more bytes or pixels than are allowed, or they need more memory.",
    415: "The body is of another type, or the file is no picture that imgae reads.",
    421: "The request names another host.",
    422: "A field, a mask or the picture is wrong.",
    429: "Too much waits already; Retry-After tells when to try again.",
    500: "imgae failed.",
    503: "The work took too long or too much memory, or the server is being ended.",
}
ALWAYS: Final = (400, 401, 403, 421, 500, 503)
SUMMARIES: Final = {
    "denoise": "Remove noise from a picture, or look at a part of it without noise.",
    "inpaint": "Fill the parts of a picture that are marked.",
    "mask": "Make a mask of what is marked: a black PNG, white there.",
}
TEXT: Final = {"type": "string"}
COUNT: Final = {"type": "integer", "minimum": 0}
RECORD: Final = {"type": "object", "description": "what there is to say of the result"}


def nullable(schema: Schema) -> Schema:
    return {"oneOf": [schema, {"type": "null"}]}


def thing(**properties: Schema) -> Schema:
    """Return an object that has just these properties, all of them."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


COMPONENTS: Final[dict[str, Schema]] = {
    "Problem": thing(title=TEXT, status={"type": "integer"}, detail=TEXT),
    "Health": thing(status={"const": "ok"}, version=TEXT, running=COUNT, waiting=COUNT),
    "Model": thing(
        name=TEXT,
        task=TEXT,
        default={"type": "boolean"},
        precision=TEXT,
        summary=TEXT,
        mib={"type": "number"},
        kmac_per_pixel={"type": "number"},
        scores={
            "type": "array",
            "items": thing(what=TEXT, value={"type": "number"}, unit=TEXT),
        },
        licence=TEXT,
    ),
    "Picture": thing(
        id=TEXT,
        name=TEXT,
        width=COUNT,
        height=COUNT,
        frames=COUNT,
        format=TEXT,
        dtype={"enum": ["uint8", "uint16", "float32"]},
        gray={"type": "boolean"},
        alpha={"type": "boolean"},
        bytes=COUNT,
        shown={"type": "boolean"},
        notes={"type": "array", "items": TEXT},
    ),
    "Job": thing(
        id=TEXT,
        kind={"enum": list(SUMMARIES)},
        status={"enum": ["waiting", "running", "done", "failed", "cancelled"]},
        progress={"type": "number", "minimum": 0, "maximum": 1},
        ahead=COUNT,
        record=nullable(RECORD),
        problem=nullable(ref("Problem")),
        name=nullable(TEXT),
        type=nullable(TEXT),
        bytes=nullable(COUNT),
    ),
    "Stroke": stroke_schema(),
}
PICTURES: Final[dict[str, Schema]] = {kind: {} for kind in (*sorted(set(TYPES.values())), OTHER)}
"""What results may be."""
HEADERS: Final = {
    "Imgae-Record": {
        "description": "what there is to say of the result, as JSON in ASCII; of a crop, what "
        "noise was `found`: its `kind` (white, camera, other or little), `sigma` and `text`",
        "schema": TEXT,
    },
    "Content-Disposition": {"description": "what to call the result", "schema": TEXT},
}
LOCATION: Final = {"Location": {"description": "where it is", "schema": TEXT}}
ID: Final = {"name": "id", "in": "path", "required": True, "schema": TEXT}


def of_json(schema: Schema, description: str, **more: Any) -> Schema:
    return {
        "description": description,
        "content": {"application/json": {"schema": schema}},
        **more,
    }


def operation(
    summary: str, answers: Mapping[int, Schema], problems: Sequence[int] = (), **more: Any
) -> Schema:
    """Return what can be done at an address."""
    refused = {
        status: {
            "description": PROBLEMS[status],
            "content": {PROBLEM: {"schema": ref("Problem")}},
            **({"headers": {"Retry-After": {"schema": TEXT}}} if status == 429 else {}),
        }
        for status in sorted({*ALWAYS, *problems})
    }
    responses = {str(status): answer for status, answer in {**answers, **refused}.items()}
    return {"summary": summary, "responses": responses, **more}


def restoring(kind: str, models: Sequence[Mapping[str, Any]]) -> Schema:
    """Return the operation that makes a result of a picture."""
    properties = {
        "image": {**FILE, "description": "the picture, in any format that imgae reads"},
        "picture": {
            **TEXT,
            "description": "instead of image: the id of one that is kept, "
            "or of a job, whose result is then the picture",
        },
        **fields_schema(kind, OTHERS[kind], models),
    }
    types = {"image/png": {}} if kind == "mask" else PICTURES
    prefer = {
        "name": "Prefer",
        "in": "header",
        "schema": {"const": "respond-async"},
        "description": "answer with a job at once, and do the work meanwhile; a part of a picture "
        "comes at once all the same",
    }
    body = {
        "type": "object",
        "properties": properties,
        "oneOf": [{"required": ["image"]}, {"required": ["picture"]}],
        "additionalProperties": False,
    }
    return operation(
        SUMMARIES[kind],
        {
            200: {"description": "The result.", "headers": HEADERS, "content": types},
            202: of_json(ref("Job"), "The job.", headers=LOCATION),
        },
        (404, 408, 409, 413, 415, 422, 429),
        operationId=kind,
        parameters=[prefer],
        requestBody={"required": True, "content": {"multipart/form-data": {"schema": body}}},
    )


def forget(summary: str) -> Schema:
    return operation(summary, {204: {"description": "It is forgotten."}}, (404,))


def document(models: Sequence[Mapping[str, Any]] = ()) -> Schema:
    """Return the document. models: as /v1/models tells them."""
    upload = thing(image=FILE)
    view = {"description": "What browsers show.", "content": PICTURES}
    listed = thing(models={"type": "array", "items": ref("Model")})
    archived = thing(jobs={"type": "array", "minItems": 1, "items": TEXT})
    events = {"description": "The job, at each change.", "content": {"text/event-stream": {}}}
    result = {"description": "The result.", "headers": HEADERS, "content": PICTURES}
    health = operation(
        "Tell whether the server answers.", {200: of_json(ref("Health"), "It does.")}, security=[]
    )
    paths = {
        "/healthz": {"get": health},
        "/v1/models": {"get": operation("List the models.", {200: of_json(listed, "The models.")})},
        "/v1/pictures": {
            "post": operation(
                "Keep a picture for what follows.",
                {201: of_json(ref("Picture"), "The picture.", headers=LOCATION)},
                (408, 413, 415, 422, 429),
                requestBody={
                    "required": True,
                    "content": {"multipart/form-data": {"schema": upload}},
                },
            )
        },
        "/v1/pictures/{id}": {
            "parameters": [ID],
            "get": operation(
                "Tell of a picture.", {200: of_json(ref("Picture"), "The picture.")}, (404,)
            ),
            "delete": forget("Forget a picture."),
        },
        "/v1/pictures/{id}/view": {
            "parameters": [ID],
            "get": operation("Show a picture.", {200: view}, (404, 413, 422, 429)),
        },
        **{f"/v1/{kind}": {"post": restoring(kind, models)} for kind in SUMMARIES},
        "/v1/jobs/{id}": {
            "parameters": [ID],
            "get": operation("Tell of a job.", {200: of_json(ref("Job"), "The job.")}, (404,)),
            "delete": forget("Cancel a job, and forget it."),
        },
        "/v1/jobs/{id}/events": {
            "parameters": [ID],
            "get": operation("Tell of a job as it changes.", {200: events}, (404,)),
        },
        "/v1/jobs/{id}/result": {
            "parameters": [ID],
            "get": operation("Get a result.", {200: result}, (404, 409, 413, 422)),
        },
        "/v1/jobs/{id}/view": {
            "parameters": [ID],
            "get": operation("Show a result.", {200: view}, (404, 409, 413, 422, 429)),
        },
        "/v1/archive": {
            "post": operation(
                "Get the results of several jobs as a ZIP file.",
                {200: {"description": "The file.", "content": {"application/zip": {}}}},
                (404, 408, 409, 413, 422, 429),
                requestBody={
                    "required": True,
                    "content": {"application/json": {"schema": archived}},
                },
            )
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "imgae", "version": imgae.__version__, "summary": SUMMARY},
        "security": [{}, {"token": []}],
        "paths": paths,
        "components": {
            "schemas": COMPONENTS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


SUMMARY: Final = "Removes noise from pictures, and fills holes in them, on this machine."
