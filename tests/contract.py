"""The OpenAPI document of the server, and whether an answer is one that it promises."""

import re

import schemathesis

from imgae.cli.server import openapi

OPERATIONS = [
    found.ok() for found in schemathesis.openapi.from_dict(openapi.document()).get_all_operations()
]


def operation_of(method, path):
    """The operation that a request is of, or None."""
    for operation in OPERATIONS:
        pattern = re.sub(r"\{\w+\}", "[^/]+", operation.path)
        if operation.method.upper() == method and re.fullmatch(pattern, path):
            return operation
    return None


def hold(answer):
    """Raise an error for an answer to httpx that the document does not promise."""
    operation = operation_of(answer.request.method, answer.request.url.path)
    if operation is None or answer.request.url.path.endswith("/events"):  # which has no end yet
        return
    answer.request.read()  # told where an answer is wrong
    answer.read()
    operation.validate_response(answer)
