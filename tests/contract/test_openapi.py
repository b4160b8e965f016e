"""What `/openapi.json` promises, held against requests that schemathesis makes of it: right ones and wrong ones."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from promptlathe.models.reference import Model
from tests.contract.conftest import KEY, serving
from tests.contract.differences import MISSING

pytestmark = pytest.mark.model

CONTEXT = "96"
"""Bounds the answers of requests that say nothing of their length."""
READING = ("GET /health", "GET /metrics", "GET /v1/models")
ASKING = (
    "GET /v1/models/{model}", "POST /tokenize", "POST /detokenize", "POST /v1/embeddings",
    "POST /v1/completions", "POST /v1/chat/completions",
)  # fmt: skip
CHANCY = (
    "tools", "functions", "logit_bias", "suffix", "best_of", "stream_options", "logprobs", "top_logprobs",
    "response_format", "structured_outputs", "guided_regex", "guided_choice", "guided_json", "guided_grammar",
)  # fmt: skip
"""Fields that nearly always are refused with what comes to schemathesis's mind."""
LEFT_OUT = {
    "POST /v1/completions": CHANCY,
    "POST /v1/chat/completions": CHANCY,
    "POST /tokenize": ("content", "messages"),
    "POST /detokenize": (),
}
"""For half of the requests to these, so that some come to an answer."""
RIGHT, WRONG = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
KINDS = [*((one, RIGHT) for one in (*READING, *ASKING)), *((one, WRONG) for one in ASKING)]
PROMISES = [
    status_code_conformance, content_type_conformance, response_headers_conformance, response_schema_conformance
]  # fmt: skip


@dataclass(frozen=True)
class Described:
    document: BaseSchema
    model: str

    def hold(self, operation: str, *, examples: int, mode: GenerationMode) -> None:
        method, path = operation.split()
        described = self.document[path][method]
        statuses = set()

        @settings(
            max_examples=examples, deadline=None, derandomize=True, database=None,
            phases=[Phase.generate], suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(described.as_strategy(generation_mode=mode), st.booleans())
        def ask(case: Case, is_plain: bool) -> None:
            left_out = LEFT_OUT.get(operation, ()) if is_plain else ()
            case.body = little(case.body, self.model, left_out)
            response = case.call(headers={"Authorization": f"Bearer {KEY}"}, timeout=60)
            assert response.status_code != 500, response.text
            case.validate_response(response, checks=PROMISES)
            statuses.add(response.status_code)

        ask()
        assert 200 in statuses or mode is WRONG or operation not in LEFT_OUT


@pytest.fixture(scope="module", params=list(MISSING))
def described(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, embedded_model: Model
) -> Iterator[Described]:
    folder = tmp_path_factory.mktemp("described")
    arguments = (embedded_model.name, "--engine", request.param, "--ctx", CONTEXT)
    with serving(folder, *arguments, LATHE_API_KEY=KEY) as (_, url):
        document = schemathesis.openapi.from_url(f"{url.removesuffix('/v1')}/openapi.json")
        yield Described(document, embedded_model.name)


def little(body: object, model: str, left_out: Collection[str]) -> object:
    """The model that is there, so that a request comes to an answer; a short one, which is no less of a test."""
    if not isinstance(body, dict):
        return body
    asked = {name: value for name, value in body.items() if name not in left_out}
    if isinstance(asked.get("model"), str):
        asked["model"] = model
    for name, most in (("max_tokens", 8), ("max_completion_tokens", 8), ("n", 2)):
        if isinstance(asked.get(name), int) and asked[name] > most:
            asked[name] = most
    return asked


def test_every_operation_is_asked(described: Described) -> None:
    found = {result.ok().label for result in described.document.get_all_operations()}
    assert found == {*READING, *ASKING}


@pytest.mark.parametrize(("operation", "mode"), KINDS)
def test_the_server_keeps_its_document(described: Described, operation: str, mode: GenerationMode) -> None:
    described.hold(operation, examples=10, mode=mode)


@pytest.mark.slow
@pytest.mark.parametrize(("operation", "mode"), KINDS)
def test_the_server_keeps_its_document_at_length(
    described: Described, operation: str, mode: GenerationMode
) -> None:
    described.hold(operation, examples=500, mode=mode)
