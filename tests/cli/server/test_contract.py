"""Whether the answers of the server to anything are those that its OpenAPI document promises.

The clients of the other tests hold each answer against it, too (tests/contract.py).
"""

import os

import pytest

pytest.importorskip("uvicorn", reason="the extra web is not installed")

from contract import OPERATIONS
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode, checks
from schemathesis.core.failures import FailureGroup

from imgae.cli.server import openapi

EXAMPLES = int(os.environ.get("IMGAE_EXAMPLES", "0"))
"""Calls of each kind that are made up; .ci/run sets it."""
HELD = ("not_a_server_error", "status_code_conformance", "content_type_conformance")
HELD = (*HELD, "response_schema_conformance", "response_headers_conformance")
checks.load_all_checks()


def test_the_server_gives_its_document(client):
    models = client.get("/v1/models").json()["models"]
    assert client.get("/openapi.json").json() == openapi.document(models)


MADE_UP = [
    (operation, mode)
    for operation in OPERATIONS
    for mode in GenerationMode
    if mode == GenerationMode.POSITIVE or operation.body  # nothing else of a call can be wrong
]


@pytest.mark.skipif(not EXAMPLES, reason="takes a minute; IMGAE_EXAMPLES says how many calls")
@pytest.mark.parametrize(
    ("operation", "mode"), MADE_UP, ids=lambda value: getattr(value, "label", str(value))
)
def test_every_answer_is_one_that_the_document_promises(operation, mode, server):
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,  # schemathesis itself fails at some of the calls it could make up
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def hold(case):
        case.call_and_validate(base_url=server.url, checks=checks.CHECKS.get_by_names(HELD))

    hold()


def test_an_answer_that_is_not_promised_would_be_found(client):
    answer = client.get("/healthz")
    answer._content = b'{"status": "ill"}'
    with pytest.raises(FailureGroup):
        next(each for each in OPERATIONS if each.path == "/healthz").validate_response(answer)
