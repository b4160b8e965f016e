"""How fast is `lathe eval`? 1,000 cases that share the seed's ~1,000-token prompt, 32 new tokens.

Beside it, in one run on the same machine, each in a process of its own:
  raw-warm   the bare OpenVINO pipeline, given the same cases in batches of 128 after their prefix was computed
  raw-cold   the same, all at once, without computing the prefix first
  llama.cpp  xllamacpp's HTTP server, prefix warmed, with the best slot count of a short calibration
Printed: cases/s of the whole process and of the answers alone (model loaded), peak memory, and ratios.

    make bench        or, smaller:   python benchmarks/evaluation_speed.py --cases 200

The slow ones, raw-cold and llama.cpp, are asked fewer cases (--peer-cases): their speed is known by then.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

MAX_TOKENS = 32
SLOT_COUNTS = (1, 2, 4, 8)
CALIBRATION_CASES = 16
WARM_BATCH = 128
SLOW = ("raw-cold", "llama.cpp")


@dataclass(frozen=True, slots=True)
class Measured:
    """`answers_seconds` is without loading; `tokens` are new tokens in all."""

    cases: int
    answers_seconds: float
    tokens: int
    peak_mb: float
    note: str = ""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--cases", type=int, default=1000)
    arguments.add_argument("--peer-cases", type=int, default=150)
    arguments.add_argument("--only", choices=sorted(MEASURES), help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.only:
        print(json.dumps(asdict(MEASURES[given.only](given.cases))))
        return
    results = {
        name: measure_apart(name, given.peer_cases if name in SLOW else given.cases) for name in MEASURES
    }
    show(results)


def measure_apart(name: str, cases: int) -> tuple[Measured, float]:
    """One way, in a fresh process; with the seconds of the whole process."""
    print(f"{name} …", file=sys.stderr, flush=True)
    started = time.monotonic()
    command = [sys.executable, __file__, "--only", name, "--cases", str(cases)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    seconds = time.monotonic() - started
    measured = Measured(**json.loads(done.stdout.splitlines()[-1]))
    print(f"  {measured.cases / measured.answers_seconds:.2f} answers/s", file=sys.stderr, flush=True)
    return measured, seconds


def show(results: dict[str, tuple[Measured, float]]) -> None:
    print(f"{'':12}{'answers/s':>10}{'whole/s':>9}{'tokens':>8}{'peak MB':>9}  ours is faster by (answers)")
    ours = results["lathe"][0]
    for name, (measured, seconds) in results.items():
        speed = measured.cases / measured.answers_seconds
        ratio = ours.cases / ours.answers_seconds / speed
        print(
            f"{name:12}{speed:10.2f}{measured.cases / seconds:9.2f}{measured.tokens:8}{measured.peak_mb:9.0f}"
            f"  {ratio:.2f} x  {measured.note}"
        )
    _, seconds = results["lathe-eval"]
    print(
        f"whole `lathe eval` command against the whole raw-warm process: {results['raw-warm'][1] / seconds:.2f} x"
    )


def requests(count: int) -> list[list[dict[str, str]]]:
    from promptlathe.prompts import library_prompt, render_messages
    from promptlathe.tasks.task import get_task

    cases = get_task("decimal-comparison").cases("select", count)
    prompt = library_prompt("decimal-expert")
    return [[message.as_dict() for message in render_messages(prompt, case.question)] for case in cases]


def measure_lathe_eval(count: int) -> Measured:
    """The command itself; its answers' seconds are those of the whole process."""
    with tempfile.TemporaryDirectory() as workspace:
        command = [
            Path(sys.executable).with_name("lathe"),
            "eval",
            "decimal-comparison",
            "--prompt",
            "decimal-expert",
        ]
        command += ["--cases", str(count), "--max-tokens", str(MAX_TOKENS), "--json"]
        started = time.monotonic()
        done = subprocess.run(
            command, check=True, cwd=workspace, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        seconds = time.monotonic() - started
        (prompt,) = json.loads(done.stdout)["prompts"]
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        return Measured(count, seconds, round(prompt["completion_tokens"] * count), peak)


def measure_lathe(count: int) -> Measured:
    """What `lathe eval` does between loading the model and the report, recorded in a database as there."""
    import asyncio

    from promptlathe.engines.engine import Sampling
    from promptlathe.engines.openvino import OpenVinoEngine
    from promptlathe.evaluation.run import Evaluator
    from promptlathe.models.reference import ensure
    from promptlathe.prompts import library_prompt
    from promptlathe.tasks.task import get_task
    from promptlathe.workspace.database import Database, RunRecorder

    async def evaluate(folder: str) -> Measured:
        engine = OpenVinoEngine(ensure("smollm2-135m-instruct"))
        engine.tokens("load the model")
        database = Database(Path(folder) / "lathe.db")
        database.start_run("benchmark", "eval", {})
        task = get_task("decimal-comparison")
        recorder = RunRecorder(database, "benchmark")
        evaluator = Evaluator(
            task, engine, "smollm2-135m-instruct", recorder, Sampling(max_tokens=MAX_TOKENS)
        )
        cases = task.cases("select", count)
        started = time.monotonic()
        rows = [row async for row in evaluator.evaluate([library_prompt("decimal-expert")], cases)]
        seconds = time.monotonic() - started
        tokens = sum(row.response.completion_tokens for row in rows if row.response)
        database.close()
        return Measured(len(rows), seconds, tokens, own_peak_mb())

    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(evaluate(folder))


def measure_raw(count: int, *, is_warm: bool) -> Measured:
    """With the best settings found. Warm: given all 1,000 at once it is only half as fast as in batches of 128.
    Cold: every running case holds a whole prompt of its own in the cache, so fewer run, in more memory.
    """
    import openvino_genai
    from openvino import Tensor

    scheduler = openvino_genai.SchedulerConfig()
    scheduler.enable_prefix_caching = True
    scheduler.cache_size, scheduler.max_num_seqs = (1, WARM_BATCH) if is_warm else (2, 64)
    scheduler.max_num_batched_tokens = 4096
    properties = {"KV_CACHE_PRECISION": "bf16"}
    pipeline = openvino_genai.ContinuousBatchingPipeline(saved_model(), scheduler, "CPU", properties)
    tokenizer = pipeline.get_tokenizer()
    config = openvino_genai.GenerationConfig()
    config.max_new_tokens = MAX_TOKENS
    config.apply_chat_template = False
    config.eos_token_id = tokenizer.get_eos_token_id()
    batch = requests(count)
    started = time.monotonic()
    inputs = [
        Tensor(
            tokenizer.encode(
                tokenizer.apply_chat_template(messages, True), add_special_tokens=False
            ).input_ids.data
        )
        for messages in batch
    ]
    answers = []
    if is_warm:
        answers += pipeline.generate(inputs[:1], [config])
        inputs = inputs[1:]
    size = WARM_BATCH if is_warm else len(inputs)
    for start in range(0, len(inputs), size):
        part = inputs[start : start + size]
        answers += pipeline.generate(part, [config] * len(part))
    seconds = time.monotonic() - started
    tokens = sum(len(answer.m_generation_ids[0]) for answer in answers)
    return Measured(len(answers), seconds, tokens, own_peak_mb())


def saved_model() -> str:
    """The form in which lathe has OpenVINO read the model, saved when lathe's own turn loaded it."""
    from promptlathe.engines.openvino_saved import SavedModel
    from promptlathe.models.gguf import read_gguf_header
    from promptlathe.models.reference import ensure

    model = ensure("smollm2-135m-instruct")
    saved = SavedModel.of(model, read_gguf_header(model.path).tensor_types)
    assert saved
    assert saved.is_there
    return str(saved.folder)


def measure_llamacpp(count: int) -> Measured:
    """The best slot count is looked for on a few cases, then all are asked."""
    import xllamacpp

    from promptlathe.models.reference import ensure

    model = str(ensure("smollm2-135m-instruct").path)
    batch = requests(count)
    speeds: dict[int, float] = {}
    for slots in SLOT_COUNTS:
        server = xllamacpp.Server(llamacpp_settings(model, slots))
        ask_llamacpp(server.listening_address, batch[:1], 1)
        started = time.monotonic()
        ask_llamacpp(server.listening_address, batch[1 : 1 + CALIBRATION_CASES], slots)
        speeds[slots] = CALIBRATION_CASES / (time.monotonic() - started)
        print(f"  {slots} slots: {speeds[slots]:.2f} cases/s", file=sys.stderr, flush=True)
        del server
    best = max(speeds, key=lambda slots: speeds[slots])
    server = xllamacpp.Server(llamacpp_settings(model, best))
    started = time.monotonic()
    tokens = ask_llamacpp(server.listening_address, batch[:1], 1)
    tokens += ask_llamacpp(server.listening_address, batch[1:], best)
    seconds = time.monotonic() - started
    return Measured(count, seconds, tokens, own_peak_mb(), note=f"{best} slots")


def llamacpp_settings(model: str, slots: int) -> object:
    """Unified KV cache in f16 with room for each slot's prompt, one thread a core, prompts cached in slots."""
    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path = model
    settings.n_parallel = slots
    settings.n_ctx = slots * 1536
    settings.kv_unified = True
    settings.cont_batching = True
    settings.cache_prompt = True
    settings.cpuparams.n_threads = os.cpu_count()
    settings.cpuparams_batch.n_threads = os.cpu_count()
    settings.sampling.temp = 0.0
    settings.hostnames = ["127.0.0.1"]
    settings.port = 0
    settings.verbosity = 0
    return settings


def ask_llamacpp(address: str, batch: list[list[dict[str, str]]], at_once: int) -> int:
    """New tokens in all. `at_once` requests wait for an answer at any time."""
    import httpx

    with httpx.Client(base_url=address, timeout=600) as client, ThreadPoolExecutor(at_once) as pool:

        def ask(messages: list[dict[str, str]]) -> int:
            body = {"messages": messages, "max_tokens": MAX_TOKENS, "temperature": 0, "cache_prompt": True}
            answer = client.post("/v1/chat/completions", json=body)
            answer.raise_for_status()
            tokens: int = answer.json()["usage"]["completion_tokens"]
            return tokens

        return sum(pool.map(ask, batch))


def own_peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


MEASURES: dict[str, Callable[[int], Measured]] = {
    "lathe": measure_lathe,
    "lathe-eval": measure_lathe_eval,
    "raw-warm": lambda count: measure_raw(count, is_warm=True),
    "raw-cold": lambda count: measure_raw(count, is_warm=False),
    "llama.cpp": measure_llamacpp,
}


if __name__ == "__main__":
    main()
