"""Holding the real embedded model to choices, and scoring them."""

from collections.abc import Iterable
from contextlib import aclosing
from pathlib import Path

import numpy as np
import openvino
import openvino_genai
import pytest
from scipy.special import log_softmax

from promptlathe.engines import openvino as openvino_engine
from promptlathe.engines import openvino_pipeline
from promptlathe.engines.choices import choice_grammar
from promptlathe.engines.engine import Answer, Constraint, Delta, Failure, Request, Sampling, Scored
from promptlathe.engines.openvino import OpenVinoEngine
from promptlathe.engines.openvino_constraint import constrain
from promptlathe.engines.openvino_pipeline import Pipeline
from promptlathe.errors import ContextLengthError
from promptlathe.messages import Message
from promptlathe.models.reference import Model

pytestmark = pytest.mark.model

PREFIX = "You compare numbers. Answer with the larger number and nothing else. " * 12
PAIRS = [
    (f"{whole}.{left}", f"{whole}.{right}")
    for whole in (3, 13)
    for left, right in [(9, 11), (8, 13), (1, 11)]
]


def ask(question: str, *choices: str, system: str = PREFIX, **sampling: object) -> Request:
    messages = (Message("system", system), Message("user", question))
    return Request(f"{question} {choices}", messages, Sampling(**sampling), choices=choices)


QUESTIONS = [ask(f"Which is larger, {left} or {right}?", left, right) for left, right in PAIRS] + [
    ask(f"{left}和{right}哪个大？", left, right, "相等") for left, right in PAIRS
]


async def chosen(engine: OpenVinoEngine, requests: Iterable[Request]) -> dict[str, str]:
    got = [output async for output in engine.generate(requests)]
    assert all(isinstance(output, Answer) and output.finish_reason == "stop" for output in got)
    return {output.request_id: output.text for output in got}


async def scores(engine: OpenVinoEngine, requests: Iterable[Request]) -> dict[str, tuple[float, ...]]:
    got = [output async for output in engine.score(requests)]
    assert all(isinstance(output, Scored) for output in got)
    return {output.request_id: output.log_likelihoods for output in got}


@pytest.mark.parametrize(
    "choices",
    [
        ("13.1", "13.11"),
        ("13.11", "13.1"),
        ("相等", "13.8"),
        ("相等",),
        (" 13.8", " 13.11"),
        ('say "no" \\ [x] (y)*\n.', "|"),
        ("a", "ab", "abc", "abcd"),
        ("-3.05", "- 3.05", "−3.05"),
        ("😀", "👩‍👩‍👧"),
        ("tab\there", "don 't ."),
    ],
)
async def test_the_answer_is_one_of_the_choices_to_the_letter(
    engine: OpenVinoEngine, choices: tuple[str, ...]
) -> None:
    for only in [(choice,) for choice in choices] + [choices]:
        ((_, answer),) = (
            await chosen(engine, [ask("Which one?", *only, max_tokens=1, stop=("1", "a"))])
        ).items()
        assert answer in only


async def test_a_choice_does_not_depend_on_the_batch(engine: OpenVinoEngine, embedded_model: Model) -> None:
    free = [ask(f"Count to {number}.", max_tokens=20) for number in range(4)]
    together = [output async for output in engine.generate([*QUESTIONS, *free])]
    texts = {output.request_id: output.text for output in together if isinstance(output, Answer)}
    assert {texts[request.id] in request.choices for request in QUESTIONS} == {True}
    assert len({texts[request.id] for request in QUESTIONS}) > 2
    for request in QUESTIONS:
        assert (await chosen(engine, [request]))[request.id] == texts[request.id]


async def test_a_choice_can_be_streamed_and_drawn(engine: OpenVinoEngine) -> None:
    drawn = set()
    for seed in range(8):
        request = ask("Name a number.", "13.8", "13.11", "7", temperature=2.0, seed=seed)
        *deltas, answer = [
            o
            async for o in engine.generate(
                [Request(request.id, request.messages, request.sampling, True, request.choices)]
            )
        ]
        assert isinstance(answer, Answer)
        assert "".join(delta.text for delta in deltas if isinstance(delta, Delta)) == answer.text
        drawn.add(answer.text)
    assert 1 < len(drawn) <= 3


async def test_a_score_does_not_depend_on_the_batch_or_on_what_was_asked_before(
    embedded_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the cache has a prompt already, its probabilities are not to be had: then it is emptied."""
    loads = []

    def load(*arguments: object, **options: object) -> Pipeline:
        loads.append(arguments)
        return Pipeline(*arguments, **options)

    monkeypatch.setattr(openvino_engine, "Pipeline", load)
    fresh = OpenVinoEngine(embedded_model)
    together = await scores(fresh, QUESTIONS)
    assert len(set(together.values())) == len(QUESTIONS)
    assert len(loads) == 1, "no two of them stand in each other's way"
    await chosen(fresh, [QUESTIONS[2]])
    assert await scores(fresh, [QUESTIONS[2]]) == {QUESTIONS[2].id: together[QUESTIONS[2].id]}
    assert len(loads) == 2
    for request in QUESTIONS[3:5]:
        assert await scores(fresh, [request]) == {request.id: together[request.id]}
    assert len(loads) == 2


async def test_a_likelier_choice_is_one_the_model_says(engine: OpenVinoEngine) -> None:
    turns = [Message("user", "Repeat: 13.8"), Message("assistant", "13.8"), Message("user", "Repeat: 13.11")]
    turns += [Message("assistant", "13.11"), Message("user", "Repeat: 7.25")]
    request = Request("echo", tuple(turns), choices=("13.8", "7.25", "7.2", "7.253", "相等"))
    found = (await scores(engine, [request]))["echo"]
    assert max(found) == found[1] > -1
    assert all(value < 0 for value in found)


async def test_a_score_is_what_the_sampler_finds_on_its_way(engine: OpenVinoEngine) -> None:
    """Held to one number, whose digits are its tokens, the model takes the very path that is scored; other kernels
    compute it, so it is rounded otherwise."""
    request = QUESTIONS[2]
    found = (await scores(engine, [request]))[request.id]
    pipeline = engine._load()
    prompt = pipeline.encode(pipeline.prompt(request.messages))
    for choice, log_likelihood in zip(request.choices, found, strict=True):
        config = pipeline.config(Sampling(max_tokens=len(choice) + 1))
        config.logprobs = 1
        constrain(config, Constraint("grammar", choice_grammar([choice])))
        handle = pipeline.add(prompt, config)
        while handle.get_status() != openvino_genai.GenerationStatus.FINISHED:
            pipeline.step()
        (said,) = handle.read_all()
        assert pipeline.decode(said.generated_ids) == choice
        assert log_likelihood == pytest.approx(sum(said.generated_log_probs), abs=1)
        assert said.generated_log_probs[-1] < -2.5, "the end is part of it, and would be missed"


async def test_a_prompt_too_long_to_score_fails_alone(engine: OpenVinoEngine) -> None:
    long = ask("number " * 9000, "1", "2")
    got = {output.request_id: output async for output in engine.score([long, QUESTIONS[5]])}
    failure = got[long.id]
    assert isinstance(failure, Failure)
    assert isinstance(failure.error, ContextLengthError)
    assert isinstance(got[QUESTIONS[5].id], Scored)


async def test_choices_that_cannot_stand_side_by_side_fail(engine: OpenVinoEngine) -> None:
    """The second has the token that ends the first one's answer inside: it would go on from what is computed."""
    request = ask("Which one?", "a", "a<|im_end|>b")
    (failure,) = [output async for output in engine.score([request])]
    assert isinstance(failure, Failure)
    assert "goes on from the end of another" in failure.error.message


async def test_closing_early_leaves_the_engine_usable(engine: OpenVinoEngine) -> None:
    requests = [ask(f"Is {number} even?", "yes", "no") for number in range(40)]
    async with aclosing(engine.score(requests)) as outputs:
        async for _ in outputs:
            break
    late = ask("Is 99 even?", "yes", "no")
    assert set(await scores(engine, [late])) == {late.id}


@pytest.mark.slow
async def test_scores_equal_those_of_the_plain_model(
    embedded_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same weights without batching, cache or sampler: all logits of one sequence, straight from the graph.

    Both in 32-bit floats; as the engine runs by default it rounds more, by about 0.3 nats for an option.
    """
    exact = {
        "INFERENCE_PRECISION_HINT": "f32",
        "KV_CACHE_PRECISION": "f32",
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0,
    }
    monkeypatch.setattr(openvino_pipeline, "_properties", lambda: exact)
    found = await scores(OpenVinoEngine(embedded_model), QUESTIONS)

    (tmp_path / "model.gguf").symlink_to(embedded_model.path)
    whole = openvino_genai.LLMPipeline(str(tmp_path / "model.gguf"), "CPU", enable_save_ov_model=True)
    tokenizer = whole.get_tokenizer()
    graph = openvino.Core().compile_model(tmp_path / "openvino_model.xml", "CPU", exact)
    state = graph.create_infer_request()
    for request in QUESTIONS:
        text = tokenizer.apply_chat_template(
            [message.as_dict() for message in request.messages], add_generation_prompt=True
        )
        prompt = tokenizer.encode(text, add_special_tokens=False).input_ids.data[0]
        for choice, log_likelihood in zip(request.choices, found[request.id], strict=True):
            own = tokenizer.encode(choice, add_special_tokens=False).input_ids.data[0]
            tokens = np.concatenate([prompt, own, [tokenizer.get_eos_token_id()]])
            state.reset_state()
            row = np.arange(len(tokens))[np.newaxis]
            inputs = {
                "input_ids": tokens[np.newaxis],
                "attention_mask": np.ones_like(row),
                "position_ids": row,
            }
            logits = state.infer(inputs | {"beam_idx": np.zeros(1, np.int32)})[graph.outputs[0]][0]
            log_p = log_softmax(logits.astype(np.float64), axis=-1)
            expected = sum(log_p[place - 1, tokens[place]] for place in range(len(prompt), len(tokens)))
            assert log_likelihood == pytest.approx(expected, abs=2e-3)
