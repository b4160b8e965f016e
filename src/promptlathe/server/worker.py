"""The process that holds the engine: `python -m promptlathe.server.worker FD`, FD one end of a socket pair.

A step of the engine keeps Python's global lock, so nothing else that must answer in time can live beside it. It ends
when the server's end of the socket closes, whatever became of the server.
"""

import contextlib
import select
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from promptlathe.engines.admission import Candidate, TokenIds
from promptlathe.engines.choices import sampling_of_choice
from promptlathe.engines.engine import Answer, Delta, Failure, Output, Request, ScoredToken
from promptlathe.engines.openvino_batch import Batch
from promptlathe.engines.openvino_pipeline import Pipeline
from promptlathe.errors import EngineError, InputError, LatheError
from promptlathe.server.backend import End, Load, Piece, Token
from promptlathe.server.frames import (
    Cancel,
    Detokenize,
    NotLoaded,
    Open,
    Ready,
    Results,
    Submit,
    Text,
    Tokenize,
    Tokens,
    ToServer,
    ToWorker,
    as_failed,
    packed,
    take_to_worker,
)

_SIGN_OF_LIFE_S = 1.0
_RECEIVED_BYTES = 1 << 20
_LEAST_LOG_PROBABILITY = -9999.0


class Disconnected(Exception):  # noqa: N818 - not an error: the server is gone, and so is the work
    """The other end of the socket is closed."""


class Channel:
    """The worker's end of the socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._received = bytearray()

    def receive(self, *, timeout_s: float | None) -> Iterator[ToWorker]:
        """What has come; waits for the first of it, at most `timeout_s`. Raises Disconnected."""
        while select.select([self._connection], [], [], timeout_s)[0]:
            data = self._connection.recv(_RECEIVED_BYTES)
            if not data:
                raise Disconnected
            self._received += data
            timeout_s = 0
        yield from take_to_worker(self._received)

    def send(self, frame: ToServer) -> None:
        try:
            self._connection.sendall(packed(frame))
        except OSError as error:
            raise Disconnected from error


class _Waiting(Iterator[Candidate[Request]]):
    """Requests that are not in the batch yet, in the order they came. More may come after it was empty."""

    def __init__(self) -> None:
        self.candidates: deque[Candidate[Request]] = deque()

    def __next__(self) -> Candidate[Request]:
        if not self.candidates:
            raise StopIteration
        return self.candidates.popleft()


class Worker:
    def __init__(self, channel: Channel, pipeline: Pipeline) -> None:
        self._channel = channel
        self._pipeline = pipeline
        self._batch = Batch(pipeline)
        self._waiting = _Waiting()
        self._is_streamed: dict[int, bool] = {}
        self._sent_at = 0.0
        self._reported = (0, 0)

    def run(self) -> None:
        """Until the server is gone. Raises EngineError when the engine is broken."""
        with contextlib.suppress(Disconnected):
            while True:
                self._turn()
        self._batch.close()

    def _turn(self) -> None:
        is_idle = (
            self._batch.is_empty and not self._waiting.candidates and not self._pipeline.admission.waiting
        )
        for frame in self._channel.receive(timeout_s=None if is_idle else 0):
            self._take(frame)
        outputs = self._batch.admit(self._waiting)
        if not self._batch.is_empty:
            outputs += self._batch.step()
        self._report(outputs)

    def _take(self, frame: ToWorker) -> None:
        match frame:
            case Submit():
                self._is_streamed[frame.id] = frame.asked.is_streamed
                try:
                    self._waiting.candidates.append(self._candidate(frame))
                except LatheError as error:
                    self._report([Failure(str(frame.id), error)])
            case Cancel():
                self._is_streamed.pop(frame.id, None)
                kept = [one for one in self._waiting.candidates if one.item.id != str(frame.id)]
                self._waiting.candidates = deque(kept)
                self._batch.cancel(str(frame.id))
            case Tokenize():
                prompt = (
                    frame.prompt if isinstance(frame.prompt, str) else self._pipeline.prompt(frame.prompt)
                )
                self._channel.send(Tokens(frame.id, tuple(self._pipeline.encode_whole(prompt))))
            case Detokenize():
                try:
                    text = self._pipeline.decode(self._checked(frame.token_ids).tolist())
                except LatheError as error:
                    self._report([Failure(str(frame.id), error)])
                else:
                    self._channel.send(Text(frame.id, text))

    def _candidate(self, frame: Submit) -> Candidate[Request]:
        """The request as token ids, with its share of the context. Raises InputError and ContextLengthError."""
        asked = frame.asked
        if isinstance(asked.prompt, str):
            text, token_ids = asked.prompt, self._pipeline.encode(asked.prompt)
        elif asked.prompt and isinstance(asked.prompt[0], int):
            token_ids = self._checked([one for one in asked.prompt if isinstance(one, int)])
            text = ""
        else:
            text = self._pipeline.prompt(one for one in asked.prompt if not isinstance(one, int))
            token_ids = self._pipeline.encode(text)
        if not len(token_ids):
            raise InputError("the prompt is empty")
        request = Request(
            str(frame.id),
            (),
            replace(asked.sampling, max_tokens=asked.max_tokens or self._pipeline.room(token_ids)),
            asked.is_streamed,
            asked.choices,
            asked.constraint,
            asked.has_log_probabilities,
        )
        if request.choices:
            request = replace(request, sampling=sampling_of_choice(request))
        if error := self._pipeline.too_long(text, token_ids, request.sampling.max_tokens):
            raise error
        return self._pipeline.admission.candidate(request, token_ids)

    def _checked(self, token_ids: "list[int] | tuple[int, ...]") -> TokenIds:
        """Raises InputError for what is no token: the engine would read beyond its table of them."""
        size = self._pipeline.vocabulary_size
        for token_id in token_ids:
            if not 0 <= token_id < size:
                raise InputError(f"there is no token {token_id}: this model has {size}, from 0 on")
        return np.array(token_ids, dtype=np.int64)

    def _report(self, outputs: list[Output]) -> None:
        """What is new. How busy this is counts as new: when the last answer was given up, nothing else will tell."""
        results = Results(Load())
        for output in outputs:
            number = int(output.request_id)
            match output:
                case Delta():
                    results.pieces.append((number, Piece(output.text, _tokens(output.tokens))))
                case Failure():
                    results.failures.append((number, as_failed(output.error)))
                    self._is_streamed.pop(number, None)
                case Answer():
                    if not self._is_streamed.pop(number, True):
                        results.pieces.append((number, Piece(output.text, _tokens(output.tokens))))
                    results.ends.append((number, _end(output)))
        now, running = time.monotonic(), self._batch.size
        busy = running, max(0, len(self._is_streamed) - running)
        if outputs or busy != self._reported or now - self._sent_at >= _SIGN_OF_LIFE_S:
            self._sent_at, self._reported = now, busy
            self._channel.send(replace(results, load=Load(*busy, self._pipeline.cache_usage())))


def _end(answer: Answer) -> End:
    return End(
        answer.finish_reason,
        answer.prompt_tokens,
        answer.completion_tokens,
        answer.cached_tokens,
        answer.first_token_s,
    )


def _tokens(tokens: tuple[ScoredToken, ...]) -> tuple[Token, ...]:
    return tuple(
        Token(token.data.decode("latin-1"), max(token.log_probability, _LEAST_LOG_PROBABILITY))
        for token in tokens
    )


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = Channel(socket.socket(fileno=int(sys.argv[1])))
    with contextlib.suppress(Disconnected):
        for frame in channel.receive(timeout_s=None):
            if isinstance(frame, Open):
                _serve(channel, frame)


def _serve(channel: Channel, opened: Open) -> None:
    try:
        pipeline = Pipeline(opened.model, window=opened.window, kv_cache_gb=opened.kv_cache_gb)
        pipeline.encode("")
    except LatheError as error:
        channel.send(NotLoaded(as_failed(error)))
        return
    channel.send(Ready(opened.model.context_length))
    try:
        Worker(channel, pipeline).run()
    except EngineError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
