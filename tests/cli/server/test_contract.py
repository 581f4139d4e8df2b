"""The OpenAPI document, and whether the answers of the server are those that it promises."""

import os

import pytest
import schemathesis
from schemathesis import checks as all_checks

EXAMPLES = int(os.environ.get("IMGAE_EXAMPLES", "3"))
"""Calls of each kind; .ci/run makes more."""
KEPT = (
    all_checks.not_a_server_error,
    all_checks.status_code_conformance,
    all_checks.content_type_conformance,
    all_checks.response_schema_conformance,
)


@pytest.fixture(scope="session")
def document(server):
    return schemathesis.openapi.from_url(f"{server.url}/openapi.json")
