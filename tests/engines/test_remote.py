"""The engine for served models, over real HTTP."""

import asyncio
import itertools
import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import aclosing

import pytest

from promptlathe.engines.endpoint import read_endpoint
from promptlathe.engines.engine import Answer, Delta, Failure, Output, Request, Sampling
from promptlathe.engines.patience import Patience
from promptlathe.engines.remote import RemoteEngine
from promptlathe.errors import ContextLengthError, EngineError, LatheError, UsageError
from promptlathe.messages import Message
from tests.chaos import CUT_STREAMS, TRANSIENT, Chaos
from tests.chat_server import Asked, ChatServer, Reply, completion, models, streamed

Serve = Callable[..., ChatServer]
QUICK = Patience(first_s=0.01, longest_s=0.05, total_s=5)


def engine_for(server: ChatServer, model: str = "", **options: object) -> RemoteEngine:
    endpoint = read_endpoint(server.url + model)
    assert endpoint is not None
    return RemoteEngine(endpoint, **{"patience": QUICK, "timeout_s": 10} | options)


def ask(text: str, *, system: str = "", is_streamed: bool = False, **sampling: object) -> Request:
    before = (Message("system", system),) if system else ()
    return Request(text, (*before, Message("user", text)), Sampling(**sampling), is_streamed=is_streamed)


async def outputs(engine: RemoteEngine, *requests: Request) -> list[Output]:
    return [output async for output in engine.generate(requests)]


async def only(engine: RemoteEngine, request: Request) -> Answer | Failure:
    *_, last = await outputs(engine, request)
    assert isinstance(last, Answer | Failure)
    return last


def echo(asked: Asked) -> Reply:
    return completion(f"re {asked.question}")


async def test_answers_come_with_their_ids_and_counts(serve: Serve) -> None:
    server = serve(echo)
    got = await outputs(engine_for(server), *(ask(str(number)) for number in range(200)))
    assert {output.request_id: output.text for output in got} == {str(n): f"re {n}" for n in range(200)}
    assert {(output.finish_reason, output.prompt_tokens, output.completion_tokens) for output in got} == {
        ("stop", 7, 3)
    }
    assert all(0 < output.seconds < 10 for output in got)
    assert Counter(asked.question for asked in server.asked) == Counter(str(number) for number in range(200))
    assert server.connections < 100  # they are used again


async def test_a_streamed_answer_comes_in_pieces_that_add_up(serve: Serve) -> None:
    server = serve(lambda _: streamed("13", ".8 是", "更大的"))
    got = await outputs(engine_for(server), ask("which?", is_streamed=True))
    assert got[:-1] == [Delta("which?", "13"), Delta("which?", ".8 是"), Delta("which?", "更大的")]
    assert isinstance(got[-1], Answer)
    assert (got[-1].text, got[-1].prompt_tokens, got[-1].completion_tokens) == ("13.8 是更大的", 7, 5)
    assert server.asked[0].content["stream"] is True


async def test_a_server_that_does_not_stream_still_answers_a_chat(serve: Serve) -> None:
    got = await outputs(engine_for(serve(echo)), ask("a", is_streamed=True))
    assert [type(output) for output in got] == [Delta, Answer]
    assert got[0].text == got[1].text == "re a"


@pytest.mark.parametrize(
    ("owner", "sampling", "sent"),
    [
        ("vllm", {}, {"top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0, "max_tokens": 64}),
        ("sglang", {"top_k": 5}, {"top_k": 5}),
        ("lmdeploy", {"repetition_penalty": 1.1}, {"top_k": 0, "repetition_penalty": 1.1}),
        ("llamacpp", {"repetition_penalty": 1.1}, {"top_k": 0, "repeat_penalty": 1.1}),
        ("somebody", {"top_k": 5}, {"top_k": 5, "repetition_penalty": None}),
        ("somebody", {}, {"top_k": None, "seed": None, "stop": None, "temperature": 0.0, "stream": None}),
        ("somebody", {"temperature": 0.5, "seed": 4}, {"temperature": 0.5, "seed": 4, "top_p": 1.0}),
        ("somebody", {"stop": ("a", "b"), "max_tokens": 9}, {"stop": ["a", "b"], "max_tokens": 9}),
    ],
)
async def test_the_sampling_is_said_so_that_no_default_of_the_server_applies(
    serve: Serve, owner: str, sampling: dict[str, object], sent: dict[str, object]
) -> None:
    server = serve(echo, {"/v1/models": models("tiny", owned_by=owner)})
    await only(engine_for(server), ask("q", system="be brief", **sampling))
    content = server.asked[0].content
    assert {name: content.get(name) for name in sent} == sent
    assert content["model"] == "tiny"
    assert content["messages"] == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "q"},
    ]


@pytest.mark.parametrize(
    ("reply", "text", "finish_reason"),
    [
        (completion("cut of", finish_reason="length", completion_tokens=2), "cut of", "length"),
        (completion("", finish_reason="length", completion_tokens=0), "", "length"),
        (completion("done", finish_reason="eos"), "done", "stop"),
        (completion("done", finish_reason=None), "done", "stop"),
        (completion(None), "", "stop"),
        (Reply({"choices": [{"message": {"content": "bare"}}]}), "bare", "stop"),
    ],
)
async def test_finish_reasons(serve: Serve, reply: Reply, text: str, finish_reason: str) -> None:
    answer = await only(engine_for(serve(lambda _: reply)), ask("q", max_tokens=400))
    assert isinstance(answer, Answer)
    assert (answer.text, answer.finish_reason) == (text, finish_reason)


async def test_an_answer_that_the_server_withholds_is_an_error(serve: Serve) -> None:
    server = serve(lambda _: completion("I ca", finish_reason="content_filter"))
    failure = await only(engine_for(server), ask("q"))
    assert isinstance(failure, Failure)
    assert failure.error.message == f"{server.url}: the server ended the answer with 'content_filter'"
    assert len(server.asked) == 1


def once(fault: Reply) -> Callable[[Asked], Reply]:
    """The fault first, then answers."""
    return lambda asked: fault if asked.index == 0 else echo(asked)


@pytest.mark.parametrize("fault", TRANSIENT.values(), ids=TRANSIENT.keys())
async def test_what_passes_is_asked_again(serve: Serve, fault: Reply) -> None:
    server = serve(once(fault))
    answer = await only(engine_for(server, timeout_s=0.3), ask("q"))
    assert isinstance(answer, Answer), answer
    assert (answer.text, len(server.asked)) == ("re q", 2)


@pytest.mark.parametrize("fault", TRANSIENT.values(), ids=TRANSIENT.keys())
async def test_what_does_not_pass_is_one_failure(serve: Serve, fault: Reply) -> None:
    server = serve(lambda _: fault)
    patience = Patience(attempts=2, first_s=0.01, total_s=0.05)
    failure = await only(engine_for(server, timeout_s=0.1, patience=patience), ask("q"))
    assert isinstance(failure, Failure)
    assert isinstance(failure.error, EngineError)
    assert failure.error.message.startswith((server.url, "the connection to"))


@pytest.mark.parametrize("fault", CUT_STREAMS.values(), ids=CUT_STREAMS.keys())
async def test_a_stream_that_is_cut_off_is_an_error_and_not_shown_twice(serve: Serve, fault: Reply) -> None:
    server = serve(lambda asked: fault if asked.index == 0 else streamed("a"))
    *deltas, failure = await outputs(engine_for(server), ask("q", is_streamed=True))
    assert "".join(delta.text for delta in deltas) in ("13.", "13.8")
    assert isinstance(failure, Failure)
    assert len(server.asked) == 1


async def test_through_chaos_each_request_has_one_result_and_no_text_is_wrong(serve: Serve) -> None:
    chaos = Chaos(lambda question: f"right {question}", is_doomed=lambda question: question.endswith("77"))
    engine = engine_for(serve(chaos), timeout_s=0.3)
    requests = [ask(str(number), is_streamed=number % 2 == 0) for number in range(300)]
    shown: dict[str, str] = defaultdict(str)
    results: dict[str, Answer | Failure] = {}
    async for output in engine.generate(requests):
        if isinstance(output, Delta):
            assert output.request_id not in results
            shown[output.request_id] += output.text
        else:
            assert output.request_id not in results
            results[output.request_id] = output
    assert results.keys() == {request.id for request in requests}
    for name, result in results.items():
        if isinstance(result, Answer):
            assert result.text == f"right {name}"
            assert not name.endswith("77")
            assert int(name) % 2 or shown[name] == result.text
    failed = [name for name, result in results.items() if isinstance(result, Failure)]
    # Cut streams cannot be asked for again, once a part of them was shown.
    assert all(name.endswith("77") or name in shown for name in failed)
    assert len(failed) < 30
    assert chaos.met.keys() == {*CUT_STREAMS, *TRANSIENT}


async def test_a_stream_that_breaks_before_its_first_text_is_asked_for_again(serve: Serve) -> None:
    cut = streamed(finish_reason=None, ends=False, framing="close")
    server = serve(lambda asked: cut if asked.index == 0 else streamed("a"))
    got = await outputs(engine_for(server), ask("q", is_streamed=True))
    assert [output.text for output in got] == ["a", "a"]


async def test_an_error_that_calls_itself_a_stream_is_read_as_an_error(serve: Serve) -> None:
    refusal = Reply({"error": "Unauthorized"}, 401, content_type="text/event-stream")
    server = serve(lambda asked: refusal if asked.index == 0 else streamed("a"))
    with pytest.raises(EngineError, match="wants a key"):
        await only(engine_for(server), ask("q", is_streamed=True))


async def test_a_stream_without_a_finish_reason_but_done_is_whole(serve: Serve) -> None:
    server = serve(lambda _: streamed("a", finish_reason=None))
    answer = await only(engine_for(server), ask("q", is_streamed=True))
    assert isinstance(answer, Answer)


async def test_a_request_that_is_wrong_fails_alone_and_at_once(serve: Serve) -> None:
    too_long = {"error": {"message": "This model's maximum context length is 2048 tokens.", "code": 400}}

    def answering(asked: Asked) -> Reply:
        return Reply(too_long, 400) if asked.question == "long" else echo(asked)

    server = serve(answering)
    got = await outputs(engine_for(server), ask("a"), ask("long"), ask("b"))
    by_id = {output.request_id: output for output in got}
    assert len(server.asked) == len(got) == 3
    assert isinstance(by_id["long"], Failure)
    assert isinstance(by_id["long"].error, ContextLengthError)
    assert by_id["b"].text == "re b"


async def test_a_key_that_is_refused_ends_the_run(serve: Serve) -> None:
    server = serve(lambda asked: echo(asked) if asked.index < 3 else Reply({"error": "Unauthorized"}, 401))
    with pytest.raises(EngineError, match="refuses the key"):
        await outputs(engine_for(server, api_key="sk-1"), *(ask(str(number)) for number in range(100)))
    assert len(server.asked) < 30


async def test_a_server_that_is_lost_ends_the_run(serve: Serve) -> None:
    server = serve(lambda asked: echo(asked) if asked.index < 20 else Reply("boom", 500))
    got: Counter[type] = Counter()
    engine = engine_for(server)

    async def count() -> None:
        async for output in engine.generate(ask(str(number)) for number in range(1000)):
            got[type(output)] += 1

    with pytest.raises(EngineError, match=r"^16 requests in a row had no answer, the last because .* boom$"):
        await count()
    assert got[Answer] == 20
    assert got[Failure] < 16
    assert len(server.asked) < 400


async def test_retry_after_is_kept_to_by_all_requests(serve: Serve) -> None:
    now = [100.0]
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds
        await asyncio.sleep(0)

    told: list[str] = []
    server = serve(
        lambda asked: Reply("busy", 429, {"Retry-After": "40"}) if asked.index == 0 else echo(asked)
    )
    patience = Patience(draw=lambda: 0.5)
    engine = engine_for(server, patience=patience, clock=lambda: now[0], sleep=sleep, on_waiting=told.append)
    got = await outputs(engine, *(ask(str(number)) for number in range(12)))
    assert [type(output) for output in got] == [Answer] * 12
    assert sum(slept) == pytest.approx(42)
    assert told == [f"{server.url} is overloaded (429): busy; going on in 42 s"]


async def test_backoff_doubles_with_jitter_and_gives_up(serve: Serve) -> None:
    now, slept = [0.0], []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    server = serve(lambda _: Reply("boom", 500))
    patience = Patience(draw=lambda: 0.5)
    failure = await only(engine_for(server, patience=patience, clock=lambda: now[0], sleep=sleep), ask("q"))
    assert isinstance(failure, Failure)
    assert slept == [0.375, 0.75, 1.5, 3.0]
    assert len(server.asked) == 5


async def test_requests_are_read_no_further_ahead_than_needed(serve: Serve) -> None:
    server = serve(echo)
    read = itertools.count()
    taken = 0

    def requests() -> Iterator[Request]:
        nonlocal taken
        for number in read:
            taken += 1
            yield ask(str(number))

    async with aclosing(engine_for(server).generate(requests())) as answers:
        async for _ in answers:
            if taken > 200:
                break
            assert taken <= len(server.asked) + 256
    assert taken < 600
    assert isinstance(await only(engine_for(server), ask("again")), Answer)


async def test_closing_ends_what_is_under_way(serve: Serve) -> None:
    server = serve(lambda asked: echo(asked) if asked.index == 0 else completion("late", stall_s=30))
    async with asyncio.timeout(8):
        async with aclosing(engine_for(server).generate(ask(str(number)) for number in range(50))) as answers:
            async for _ in answers:
                break
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    assert not tasks


@pytest.mark.parametrize(("owner", "is_alone"), [("vllm", True), ("somebody", False)])
async def test_the_first_request_of_a_new_long_prefix_goes_alone(
    serve: Serve, owner: str, is_alone: bool
) -> None:
    asked_at: dict[str, float] = {}

    def answering(asked: Asked) -> Reply:
        asked_at[asked.question] = time.monotonic()
        return completion("x", stall_s=0.05)

    def wait_s(name: str) -> float:
        """From the first request of a prefix to the second."""
        return asked_at[f"{name}1"] - asked_at[f"{name}0"]

    server = serve(answering, {"/v1/models": models("tiny", owned_by=owner)})
    engine = engine_for(server)
    requests = [
        ask(f"{system[0]}{n}", system=system)
        for system in ("A" * 2000, "B" * 2000, "short")
        for n in range(4)
    ]
    await outputs(engine, *requests)
    assert [wait_s(name) > 0.045 for name in "ABs"] == [is_alone, is_alone, False]
    await outputs(engine, *requests)  # they are known by now
    assert [wait_s(name) > 0.045 for name in "AB"] == [False, False]


async def test_it_says_what_answers_depend_on(serve: Serve) -> None:
    def described(server: ChatServer, model: str = "") -> object:
        return engine_for(server, model).describe()

    plain = serve()
    first = described(plain)
    assert (first.engine, first.version, first.model) == ("remote", "unknown", "tiny")
    assert first.settings == (("endpoint", plain.url),)
    assert first.capabilities == {"stream"}
    assert described(plain) == first == described(plain, "#tiny")
    vllm = {
        "/v1/models": models("tiny", "other", owned_by="vllm", root="/models/tiny"),
        "/version": Reply({"version": "0.11.2"}),
    }
    known = described(serve(routes=vllm), "#tiny")
    assert (known.version, known.capabilities) == (
        "vllm 0.11.2",
        {"stream", "seed", "prefix_cache", "choice"},
    )
    server = serve(routes={"/v1/models": models("tiny", meta={"n_params": 1, "size": 5})})
    digests = {first.model_digest, known.model_digest, described(server).model_digest}
    server.routes["/v1/models"] = models("tiny", meta={"n_params": 1, "size": 6})  # another file of that name
    assert len(digests | {described(server).model_digest}) == 4


@pytest.mark.parametrize(
    ("owner", "path", "reply"),
    [
        ("vllm", "/tokenize", {"count": 4, "max_model_len": 10, "tokens": [1, 2, 3, 4]}),
        ("llamacpp", "/tokenize", {"tokens": [1, 2, 3, 4]}),
        ("lmdeploy", "/v1/encode", {"input_ids": [1, 2, 3, 4], "length": 4}),
    ],
)
def test_tokens_are_counted_by_the_server(
    serve: Serve, owner: str, path: str, reply: dict[str, object]
) -> None:
    server = serve(routes={"/v1/models": models("tiny", owned_by=owner), path: Reply(reply)})
    assert engine_for(server).tokens("larger?") == 4
    sent = server.others[-1].content
    assert "larger?" in (sent.get("prompt"), sent.get("input"))


def test_a_server_that_does_not_count_tokens_says_so(serve: Serve) -> None:
    engine = engine_for(serve())
    assert engine.tokens("") == 0
    with pytest.raises(EngineError, match="does not count tokens"):
        engine.tokens("a")


async def test_the_key_is_sent_and_shown_nowhere(serve: Serve) -> None:
    key = "sk-secret-1"
    server = serve(lambda _: Reply({"error": {"message": f"bad request with {key}"}}, 400))
    engine = engine_for(server, api_key=key)
    failure = await only(engine, ask("q"))
    assert isinstance(failure, Failure)
    assert {asked.headers.get("authorization") for asked in (*server.asked, *server.others)} == {
        f"Bearer {key}"
    }
    shown = f"{failure.error} {failure.error.hint} {engine!r} {engine.describe()}"
    assert key not in shown
    assert "bad request with ***" in shown


async def test_the_environment_s_proxy_is_not_asked_for_this_machine(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert isinstance(await only(engine_for(serve(echo)), ask("q")), Answer)


def test_a_proxy_that_cannot_be_used_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "gopher://me:secret@proxy:1")
    endpoint = read_endpoint("https://model.example/v1")
    assert endpoint is not None
    with pytest.raises(UsageError, match="the proxy of the environment cannot be used: ") as caught:
        RemoteEngine(endpoint).describe()
    assert "secret" not in str(caught.value)


def test_json_of_the_wrong_kind_is_no_list_of_models(serve: Serve) -> None:
    server = serve(routes={"/v1/models": Reply(json.dumps(["tiny"]))})
    with pytest.raises(UsageError, match=r"its /models is no list of models"):
        engine_for(server).describe()


def test_a_model_that_loads_is_waited_for(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    loading = Reply({"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}, 503)
    replies = iter([loading, loading, models("tiny")])
    monkeypatch.setattr("promptlathe.engines.served._POLL_S", 0.01)
    told: list[str] = []
    server = serve(routes={"/v1/models": lambda _: next(replies)})
    assert engine_for(server, on_waiting=told.append).describe().model == "tiny"
    assert told == [f"{server.url} is not ready (503): Loading model; waiting for up to 600 s"]


def errors_of(engine: RemoteEngine) -> LatheError:
    with pytest.raises(LatheError) as caught:
        engine.describe()
    return caught.value


def test_what_is_wrong_at_opening_is_said_with_its_hint(serve: Serve) -> None:
    server = serve()
    bare = RemoteEngine(read_endpoint(server.url.removesuffix("/v1")))
    error = errors_of(bare)
    assert (str(error), error.hint) == (
        f"the API of {server.url.removesuffix('/v1')} is one level down",
        f"write {server.url}",
    )
    error = errors_of(engine_for(server, "#large"))
    assert (str(error), error.hint) == ("no model named 'large'", f"{server.url} serves tiny")
    server.routes["/v1/models"] = models("b", "a")
    error = errors_of(engine_for(server))
    assert (str(error), error.hint) == (f"{server.url} serves 2 models: a, b", f"name one: {server.url}#b")
    server.routes["/v1/models"] = models()
    assert "serves no model" in str(errors_of(engine_for(server)))
    del server.routes["/v1/models"]
    server.routes["/v1/models"] = Reply("nothing", 404)
    assert "lists no models (404)" in str(errors_of(engine_for(server)))
    assert engine_for(server, "#any").describe().model == "any"
    server.routes["/v1/models"] = Reply(b"", 307, {"Location": "https://elsewhere.example/v1/models"})
    error = errors_of(engine_for(server))
    assert error.hint == "if you trust it, give that address: https://elsewhere.example/v1"
    server.close()
    error = errors_of(engine_for(server))
    assert (str(error), error.hint) == (
        f"nothing listens at {server.url}",
        "is the server running, on this port? An SSH tunnel must be up, too",
    )
