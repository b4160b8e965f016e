"""How likely given answers are, with OpenVINO: each is put after the prompt and computed in one pass.

The engine gives back the probability of every prompt token that it computes (`echo` with `logprobs`), but of none
that it finds in its prefix cache. So all choices of a request start in the same step, before one of them can put
the end of the prompt into the cache; the beginning that they share with other requests is found there as ever.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from promptlathe.engines.admission import Candidate, TokenIds
from promptlathe.engines.engine import Failure, Request, Sampling, Scored
from promptlathe.engines.openvino_pipeline import Flight, Pipeline

if TYPE_CHECKING:
    import openvino_genai


@dataclass(frozen=True, slots=True)
class _Sequences:
    """A request's prompt with each of its choices behind it, and the token that ends an answer."""

    prompt_tokens: int
    with_choice: tuple[TokenIds, ...]


@dataclass(slots=True, eq=False)
class _Group:
    """The choices of one request, in the batch together."""

    request: Request
    sequences: _Sequences
    flights: list[Flight]
    is_blocked: bool = False


async def score(
    pipeline: Pipeline, requests: Iterable[Request], blocked: list[Request]
) -> AsyncGenerator[Scored | Failure, None]:
    """See `Engine.score`. `blocked` gets those that this pipeline's cache does not let be scored: the very prompt
    or the choice is in it already. With an empty cache at least the first of them succeeds."""
    waiting: dict[Candidate[Request], _Sequences] = {}
    failures: list[Failure] = []
    source = _candidates(pipeline, requests, waiting, failures)
    groups: list[_Group] = []
    try:
        while True:
            admitted = pipeline.admission.admit(source)
            groups.extend(_start(pipeline, candidate, waiting.pop(candidate)) for candidate in admitted)
            for failure in failures:
                yield failure
            failures.clear()
            if not groups:
                return
            pipeline.step()
            for group in [group for group in groups if _is_finished(pipeline, group)]:
                groups.remove(group)
                result = _result(group)
                if result is None:
                    blocked.append(group.request)
                else:
                    yield result
            await asyncio.sleep(0)
    finally:
        pipeline.abandon(flight for group in groups for flight in group.flights)


def _candidates(
    pipeline: Pipeline,
    requests: Iterable[Request],
    waiting: dict[Candidate[Request], _Sequences],
    failures: list[Failure],
) -> Iterator[Candidate[Request]]:
    """The first choice of each request; those that cannot fit the context become failures instead."""
    for request in requests:
        text = pipeline.prompt(request.messages)
        sequences = _sequences(pipeline, text, request.choices)
        longest = max(sequences.with_choice, key=len)
        error = pipeline.too_long(text, longest, 1)
        if error is not None:
            failures.append(Failure(request.id, error))
        else:
            candidate = pipeline.admission.candidate(request, sequences.with_choice[0])
            waiting[candidate] = sequences
            yield candidate


def _sequences(pipeline: Pipeline, text: str, choices: Iterable[str]) -> _Sequences:
    """Tokenized with the prompt where that leaves the prompt's own tokens alone: a tokenizer may treat the
    beginning of a text on its own differently."""
    prompt = pipeline.encode(text)
    made = []
    for choice in choices:
        whole = pipeline.encode(text + choice)
        if not np.array_equal(whole[: len(prompt)], prompt):
            whole = np.concatenate([prompt, pipeline.encode(choice)])
        made.append(np.append(whole, pipeline.end_token))
    return _Sequences(len(prompt), tuple(made))


def _start(pipeline: Pipeline, candidate: Candidate[Request], sequences: _Sequences) -> _Group:
    config = _config(pipeline)
    group = _Group(candidate.item, sequences, [pipeline.start(candidate, config)])
    for token_ids in sequences.with_choice[1:]:
        other = pipeline.admission.candidate(candidate.item, token_ids)
        if not pipeline.admission.join(other):
            group.is_blocked = True
            break
        group.flights.append(pipeline.start(other, config))
    return group


def _config(pipeline: Pipeline) -> "openvino_genai.GenerationConfig":
    config = pipeline.config(Sampling(max_tokens=1))
    config.echo = True
    config.logprobs = 1
    return config


def _is_finished(pipeline: Pipeline, group: _Group) -> bool:
    for flight in group.flights:
        if not flight.is_over:
            pipeline.read(flight)
    return all(flight.is_over for flight in group.flights)


def _result(group: _Group) -> Scored | Failure | None:
    """None if a probability that is wanted was not computed."""
    prompt_tokens = group.sequences.prompt_tokens
    log_likelihoods = []
    for flight in group.flights:
        if flight.error:
            return Failure(group.request.id, flight.error)
        # The last number is that of the one token that had to be generated.
        wanted = len(flight.candidate.token_ids) - prompt_tokens
        found = flight.log_probabilities[:-1][-wanted:]
        if group.is_blocked or len(found) < wanted:
            return None
        log_likelihoods.append(math.fsum(found))
    seconds = max(flight.seconds for flight in group.flights)
    return Scored(group.request.id, tuple(log_likelihoods), prompt_tokens, seconds)
