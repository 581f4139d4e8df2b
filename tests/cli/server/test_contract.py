"""The OpenAPI document, and whether the answers of the server are those that it promises."""

import os

import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import checks

from imgae.cli.server import openapi

EXAMPLES = int(os.environ.get("IMGAE_EXAMPLES", "2"))
"""Calls of each kind; .ci/run makes more."""
HELD = ("not_a_server_error", "status_code_conformance", "content_type_conformance")
HELD = (*HELD, "response_schema_conformance", "response_headers_conformance")
checks.load_all_checks()


schema = schemathesis.openapi.from_dict(openapi.document())


def test_the_server_gives_its_document(client):
    models = client.get("/v1/models").json()["models"]
    assert client.get("/openapi.json").json() == openapi.document(models)


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_one_that_the_document_promises(case, server):
    case.call_and_validate(base_url=server.url, checks=checks.CHECKS.get_by_names(HELD))
