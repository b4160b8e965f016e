"""What one OpenVINO pipeline is answering: requests in, one token of each further, texts out."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from promptlathe.engines.admission import Candidate
from promptlathe.engines.engine import (
    Answer,
    Constraint,
    Delta,
    Failure,
    FinishReason,
    Output,
    Request,
    Sampling,
    ScoredToken,
)
from promptlathe.engines.openvino_constraint import constrain, constraint_of
from promptlathe.engines.openvino_pipeline import Flight, Pipeline, last_line
from promptlathe.errors import EngineError, InputError, LatheError

if TYPE_CHECKING:
    import openvino_genai

_MOST_REFUSED = 1000
_COMPANION_TOKENS = 512
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_WINDOW_TOKENS, _KEPT_TOKENS = 24, 4
_SOURCE_PLACE = re.compile(r"^.*\.(?:cc|cpp|hpp|h):\d+: (?:Check failed: \(.*\) is false: )?")


@dataclass(slots=True, eq=False)
class _Asked:
    """A request in the batch, and how much of its answer was shown.

    Only the last tokens are decoded while it grows, from `window_start` on; `window_shown` characters of these and
    `shown` characters in all were given out, and of its tokens those before `scored`.
    """

    flight: Flight
    constraint: Constraint | None
    window_start: int = 0
    window_shown: int = 0
    shown: int = 0
    scored: int = 0

    @property
    def request(self) -> Request:
        return self.flight.candidate.item

    @property
    def window(self) -> list[int]:
        return self.flight.token_ids[self.window_start :]


@dataclass(slots=True)
class Batch:
    """Answers requests side by side; what each is answered does not depend on the others (see `_keep_company`).

    To be driven by turns: `admit` what may start, then `step`, until it is empty and nothing more comes.
    """

    pipeline: Pipeline
    _asked: dict[str, _Asked] = field(default_factory=dict)
    _leaving: list[Flight] = field(default_factory=list)
    _proven: set[Constraint] = field(default_factory=set)
    _refused: dict[Constraint, str] = field(default_factory=dict)
    """Why, of constraints that broke a step: none does so twice."""
    _companion: "openvino_genai.GenerationHandle | None" = None

    @property
    def is_empty(self) -> bool:
        return not self._asked and not self._leaving

    @property
    def size(self) -> int:
        return len(self._asked)

    def admit(self, source: Iterator[Candidate[Request]]) -> list[Output]:
        """Start what may start: `Admission.admit` says how `source` is read. Gives what failed at once."""
        failed: list[Output] = []
        for candidate in self.pipeline.admission.admit(source):
            try:
                asked = self._start(candidate)
            except (RuntimeError, InputError) as error:
                self.pipeline.admission.finished(candidate, np.array([], dtype=np.int64))
                said = (
                    str(error)
                    if isinstance(error, InputError)
                    else f"OpenVINO refuses it: {last_line(error)}"
                )
                failed.append(Failure(candidate.item.id, InputError(said)))
            else:
                self._asked[asked.request.id] = asked
        return failed

    def step(self) -> list[Output]:
        """Compute the next token of everything, and what that brought. Raises EngineError: then close it."""
        self._keep_company()
        outputs: list[Output] = []
        try:
            self.pipeline.step()
        except EngineError as error:
            outputs += self._recovered(error)
        for flight in self._leaving:
            self.pipeline.leave(flight)
        self._leaving.clear()
        return [*outputs, *self._read()]

    def cancel(self, request_id: str) -> None:
        """Forget a request, running or waiting; it gets no further output. Unknown ones do not matter."""
        asked = self._asked.pop(request_id, None)
        if asked is None:
            self.pipeline.admission.withdraw(lambda request: request.id == request_id)
        else:
            asked.flight.handle.cancel()
            self._leaving.append(asked.flight)

    def close(self) -> None:
        """Leave the pipeline empty. Raises EngineError if it is broken."""
        self._dismiss_companion()
        flights = [*self._leaving, *(asked.flight for asked in self._asked.values())]
        self._leaving.clear()
        self._asked.clear()
        self.pipeline.abandon(flights)

    def _start(self, candidate: Candidate[Request]) -> _Asked:
        """Raises InputError for a constraint that broke a step before."""
        constraint = constraint_of(candidate.item)
        if constraint in self._refused:
            raise InputError(self._refused[constraint])
        return _Asked(self.pipeline.start(candidate, self._config(candidate.item, constraint)), constraint)

    def _config(self, request: Request, constraint: Constraint | None) -> "openvino_genai.GenerationConfig":
        config = self.pipeline.config(request.sampling)
        if constraint:
            constrain(config, constraint)
        if request.has_log_probabilities:
            config.logprobs = 1
        return config

    def _read(self) -> Iterator[Output]:
        """What the last step brought. All texts are decoded at once: a call costs more than its tokens."""
        news = [asked for asked in self._asked.values() if self._has_news(asked)]
        if not news:
            return
        texts = self.pipeline.decode_all(
            [asked.flight.token_ids if asked.flight.is_over else asked.window for asked in news]
        )
        for asked, text in zip(news, texts, strict=True):
            if asked.flight.is_over:
                del self._asked[asked.request.id]
                yield from self._end(asked, text)
            else:
                yield from self._go_on(asked, text)

    def _has_news(self, asked: _Asked) -> bool:
        flight, before = asked.flight, len(asked.flight.token_ids)
        self.pipeline.read(flight)
        if asked.constraint and flight.token_ids:
            self._proven.add(asked.constraint)
        return flight.is_over or (asked.request.is_streamed and len(flight.token_ids) > before)

    def _go_on(self, asked: _Asked, text: str) -> Iterator[Delta]:
        """The new part of `text`, which is that of the window. Half a character waits for its other half."""
        whole = text.rstrip(_REPLACEMENT)
        new = whole[asked.window_shown :]
        if new:
            asked.window_shown = len(whole)
            yield self._delta(asked, new)
        if len(whole) == len(text) and len(asked.window) >= _WINDOW_TOKENS:
            asked.window_start = len(asked.flight.token_ids) - _KEPT_TOKENS
            asked.window_shown = len(self.pipeline.decode(asked.window))

    def _end(self, asked: _Asked, text: str) -> Iterator[Output]:
        request, flight = asked.request, asked.flight
        if flight.error:
            yield Failure(request.id, flight.error)
            return
        text = _until_stop(text, request.sampling.stop)
        if request.is_streamed and len(text) > asked.shown:
            yield self._delta(asked, text[asked.shown :])
        yield Answer(
            request_id=request.id,
            text=text,
            finish_reason=_finish_reason(flight.reason),
            prompt_tokens=len(flight.candidate.token_ids),
            completion_tokens=len(flight.token_ids),
            seconds=flight.seconds,
            first_token_s=flight.first_token_s,
            cached_tokens=flight.cached_tokens,
            tokens=self._scored(asked, 0),
        )

    def _delta(self, asked: _Asked, text: str) -> Delta:
        asked.shown += len(text)
        tokens = self._scored(asked, asked.scored)
        asked.scored = len(asked.flight.token_ids)
        return Delta(asked.request.id, text, tokens)

    def _scored(self, asked: _Asked, start: int) -> tuple[ScoredToken, ...]:
        if not asked.request.has_log_probabilities:
            return ()
        flight, end_token = asked.flight, self.pipeline.end_token
        pairs = zip(flight.token_ids[start:], flight.log_probabilities[start:], strict=True)
        return tuple(
            ScoredToken(self.pipeline.token_bytes(token_id), log_probability)
            for token_id, log_probability in pairs
            if token_id != end_token
        )

    def _keep_company(self) -> None:
        """Never let the batch be one single token.

        For a batch of one, OpenVINO takes another matrix kernel, which rounds otherwise: measured, 37 % of the
        greedy answers to the same questions differed between alone and together. From two on, every batch gave
        bit-equal answers. So a lone request decodes beside a companion nobody reads. Its prompt (two end tokens)
        starts no real prompt, so they share no block.
        """
        from openvino_genai import GenerationStatus

        if len(self._asked) != 1:
            self._dismiss_companion()
        elif self._companion is None or self._companion.get_status() != GenerationStatus.RUNNING:
            config = self.pipeline.config(Sampling(max_tokens=_COMPANION_TOKENS, ignore_eos=True))
            prompt = np.full(2, self.pipeline.end_token, dtype=np.int64)
            self._companion = self.pipeline.add(prompt, config)

    def _dismiss_companion(self) -> None:
        if self._companion is not None:
            self._companion.cancel()
            self._companion = None

    def _recovered(self, error: EngineError) -> Iterable[Output]:
        """Go on after a step that broke on a constraint which OpenVINO cannot use: it compiles constraints while it
        steps, and a step that broke leaves everything in the batch unusable.

        So all leave the pipeline. Each new constraint is tried alone, then all others enter again, and go on behind
        their last token. A constraint must begin anew, and may come to another text: where some of it was shown, the
        answer has failed.
        Raises `error` if there was no new constraint to blame.
        """
        suspects = [
            one for one in self._asked.values() if one.constraint and one.constraint not in self._proven
        ]
        if not suspects:
            raise error
        self._dismiss_companion()
        for flight in (asked.flight for asked in self._asked.values()):
            flight.handle.cancel()
        self.pipeline.drain()
        refused = [failure for suspect in suspects if (failure := self._try(suspect))]
        for asked in list(self._asked.values()):
            if asked.constraint and asked.shown:
                refused.append(self._fail(asked, EngineError("the answer was interrupted", hint="ask again")))
            else:
                self._restart(asked)
        return refused

    def _try(self, suspect: _Asked) -> Failure | None:
        """One step of it in an empty pipeline, which is empty again afterwards."""
        if suspect.constraint in self._refused:
            return self._fail(suspect, InputError(self._refused[suspect.constraint]))
        self._restart(suspect)
        failure = None
        try:
            self.pipeline.step()
        except EngineError as error:
            what = suspect.constraint.kind.replace("_", " ") if suspect.constraint else "constraint"
            said = f"the {what} cannot be used: {_cause(error)}"
            if suspect.constraint and len(self._refused) < _MOST_REFUSED:
                self._refused[suspect.constraint] = said
            failure = self._fail(suspect, InputError(said))
        suspect.flight.handle.cancel()
        self.pipeline.drain()
        return failure

    def _fail(self, asked: _Asked, error: LatheError) -> Failure:
        del self._asked[asked.request.id]
        self.pipeline.leave(asked.flight)
        return Failure(asked.request.id, error)

    def _restart(self, asked: _Asked) -> None:
        flight, sampling = asked.flight, asked.request.sampling
        kept = 0 if asked.constraint else len(flight.token_ids)
        flight.token_ids, flight.log_probabilities = flight.token_ids[:kept], flight.log_probabilities[:kept]
        request = replace(asked.request, sampling=replace(sampling, max_tokens=sampling.max_tokens - kept))
        sequence = np.concatenate([flight.candidate.token_ids, flight.generated])
        flight.handle = self.pipeline.add(sequence, self._config(request, asked.constraint))


def _until_stop(text: str, stop: Iterable[str]) -> str:
    """The engine ends with the token that completes a stop string; the handle keeps back what may become one."""
    ends = [end for one in stop if (end := text.find(one)) >= 0]
    return text[: min(ends)] if ends else text


def _finish_reason(reason: "openvino_genai.GenerationFinishReason | None") -> FinishReason:
    from openvino_genai import GenerationFinishReason

    return "length" if reason == GenerationFinishReason.LENGTH else "stop"


def _cause(error: EngineError) -> str:
    return _SOURCE_PLACE.sub("", str(error))
