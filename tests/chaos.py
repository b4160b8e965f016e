"""A server on its worst day: what can go wrong on the way to an answer, and a lot that does it all at once."""

import itertools
import random
from collections import Counter
from collections.abc import Callable

from tests.chat_server import Asked, Reply, completion, events, streamed

PIECE = {"choices": [{"delta": {"content": "13."}}]}
WHOLE = completion("13.8 is larger")
HALF = len(WHOLE.content) // 2

TRANSIENT = {
    "429": Reply("slow down", 429),
    "429 with seconds": Reply("slow down", 429, {"Retry-After": "0"}),
    "429 with a date": Reply("slow down", 429, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}),
    "429 with rubbish": Reply("slow down", 429, {"Retry-After": "soon"}),
    "500": Reply({"error": {"message": "CUDA out of memory", "code": 500}}, 500),
    "502 page": Reply("<html><title>502 Bad Gateway</title></html>", 502, content_type="text/html"),
    "503 loading": Reply({"error": {"message": "Loading model", "code": 503}}, 503),
    "529": Reply("overloaded", 529),
    "reset before the body": completion("13.8 is larger", breaks_after=0),
    "reset in the body": completion("13.8 is larger", breaks_after=HALF),
    "closed in the body": completion("13.8 is larger", breaks_after=HALF, is_reset=False),
    "closed in a chunk": completion("13.8 is larger", framing="chunked", breaks_after=40, is_reset=False),
    "half JSON": Reply(WHOLE.content[:HALF]),
    "half JSON that ends with the connection": Reply(WHOLE.content[:HALF], framing="close"),
    "an empty body": Reply(b""),
    "a body that is not compressed as it says": Reply(WHOLE.content, headers={"Content-Encoding": "gzip"}),
    "no choices": Reply({"choices": []}),
    "an error with status 200": Reply({"error": {"message": "worker died", "code": 500}}),
    "a page with status 200": Reply("<html>Welcome</html>", content_type="text/html"),
    "a stall": completion("13.8 is larger", stall_s=3),
}
"""What may pass: the next attempt can have an answer."""

CUT_STREAMS = {
    "closed before [DONE]": streamed("13.", "8", finish_reason=None, ends=False, framing="close"),
    "reset": streamed("13.", "8", breaks_after=160),
    "half an event": Reply(events(PIECE) + 'data: {"choi\n\n', content_type="text/event-stream"),
    "an error object": Reply(
        events(PIECE, {"error": {"message": "gone", "code": 500}}, "[DONE]"), content_type="text/event-stream"
    ),
}
"""Streams that end in the middle, after a part of the answer was shown."""


class Chaos:
    """Replies to chats: one in eight meets a fault, each kind in turn; every 40 of 400 requests are a storm of
    429; a `doomed` question meets nothing but faults. All other replies are `right(question)`, whole."""

    def __init__(
        self, right: Callable[[str], str], *, is_doomed: Callable[[str], bool], seed: int = 0
    ) -> None:
        self.right = right
        self.is_doomed = is_doomed
        self.is_calm = False
        self.met: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._faults = itertools.cycle(TRANSIENT)
        self._stream_faults = itertools.cycle((*CUT_STREAMS, *TRANSIENT))

    def __call__(self, asked: Asked) -> Reply:
        wants_stream = bool(asked.content.get("stream"))
        whole = (streamed if wants_stream else completion)(self.right(asked.question))
        if self.is_calm:
            return whole
        if asked.index % 400 >= 360:
            return self._fault("429")
        if self.is_doomed(asked.question) or self._random.random() < 1 / 8:
            return self._fault(next(self._stream_faults if wants_stream else self._faults))
        return whole

    def _fault(self, name: str) -> Reply:
        self.met[name] += 1
        return (TRANSIENT | CUT_STREAMS)[name]
