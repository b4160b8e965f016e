"""benchmarks/optimizers.py on one GPU: many searches at a time, against LMDeploy servers that share the card.

    python benchmarks/gpu/optimizers.py FOLDER --results FILE [--servers 6] [--at-once 18] [--minutes 9]
        [options of benchmarks/optimizers.py]

FOLDER has the model as checkpoint.py writes it. Each search asks one server. What is done is added to FILE and not
done again; no search begins when the minutes are over, and one that has not ended two minutes later is given up.
`--keep` leaves the servers running, for the next call to use.
"""

import argparse
import itertools
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
TASKS = ("decimal-comparison", "letter-count", "school-math", "address", "person-json")
METHODS = ("gepa", "miprov2", "capo", "race", "few-shot")
"""The slow ones first."""
MODEL = "smollm2-135m-instruct"
READY_S, GRACE_S = 240.0, 95.0


def start(folder: Path, number: int, logs: Path) -> tuple[subprocess.Popen[bytes] | None, str]:
    port = 24000 + number
    if answers(url := f"http://127.0.0.1:{port}"):
        return None, url
    with (logs / f"server-{number}.log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "lmdeploy", "serve", "api_server", folder, "--backend", "pytorch"),
                *("--server-port", str(port), "--enable-prefix-caching", "--max-batch-size", "128"),
                *("--num-gpu-blocks", "2000", "--model-name", MODEL, "--session-len", "8192"),
                *("--logprobs-mode", "raw_logprobs", "--log-level", "ERROR"),
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"},
            start_new_session=True,
        )
    return process, url


def answers(url: str) -> bool:
    try:
        urllib.request.urlopen(f"{url}/v1/models", timeout=2).close()  # noqa: S310 - our own server
    except OSError:
        return False
    return True


def await_ready(process: subprocess.Popen[bytes] | None, url: str) -> None:
    began = time.monotonic()
    while time.monotonic() - began < READY_S and not (process and process.poll() is not None):
        if answers(url):
            return
        time.sleep(1)
    raise SystemExit(f"the server at {url} did not start: see its log")


def check(url: str) -> None:
    """A checkpoint that was read wrongly still answers something."""
    body = {"model": MODEL, "temperature": 0, "max_tokens": 4, "prompt": "The capital of France is"}
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/v1/completions", json.dumps(body).encode(), headers)  # noqa: S310
    with urllib.request.urlopen(request) as response:  # noqa: S310
        text = json.load(response)["choices"][0]["text"]
    if "Paris" not in text:
        raise SystemExit(f"the server at {url} computes another model: {text!r}")


def jobs(results: Path, seeds: list[int]) -> Iterator[tuple[int, str, str]]:
    lines = results.read_text("utf-8").splitlines() if results.exists() else []
    done = {(one["seed"], one["task"], one["method"]) for one in map(json.loads, lines)}
    return (job for job in itertools.product(seeds, TASKS, METHODS) if job not in done)


def work(waiting: queue.Queue[tuple[int, str, str]], url: str, given: argparse.Namespace, end: float) -> None:
    while time.monotonic() < end:
        try:
            seed, task, method = waiting.get_nowait()
        except queue.Empty:
            return
        with tempfile.TemporaryDirectory() as folder:
            own = Path(folder) / "results.jsonl"
            command = [
                sys.executable,
                HERE.parent / "optimizers.py",
                "--results",
                own,
                "--endpoint",
                f"{url}/v1",
            ]
            command += ["--seeds", str(seed), "--tasks", task, "--methods", method, *given.options]
            began = time.monotonic()
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
            )
            try:
                output, _ = process.communicate(timeout=end + GRACE_S - began)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                output = b"given up: out of time"
            if process.returncode == 0 and own.exists():
                with LOCK, given.results.open("a", encoding="utf-8") as file:
                    file.write(own.read_text("utf-8"))
            said = "" if process.returncode == 0 else output.decode(errors="replace")[-1500:]
            seconds = time.monotonic() - began
            print(f"seed {seed} {task} {method}: {seconds:.0f} s {process.returncode} {said}", flush=True)


LOCK = threading.Lock()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--servers", type=int, default=6)
    parser.add_argument("--at-once", type=int, default=18, help="searches")
    parser.add_argument("--minutes", type=float, default=9)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(5)))
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--logs", type=Path, default=Path(tempfile.gettempdir()))
    given, given.options = parser.parse_known_args()
    end = time.monotonic() + 60 * given.minutes
    servers = [start(given.folder, number, given.logs) for number in range(given.servers)]
    try:
        began = time.monotonic()
        for process, url in servers:
            await_ready(process, url)
        print(f"{len(servers)} servers ready after {time.monotonic() - began:.0f} s", flush=True)
        for _, url in servers:
            check(url)
        waiting: queue.Queue[tuple[int, str, str]] = queue.Queue()
        for job in jobs(given.results, given.seeds):
            waiting.put(job)
        threads = [
            threading.Thread(target=work, args=(waiting, servers[number % len(servers)][1], given, end))
            for number in range(given.at_once)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(f"{waiting.qsize()} searches not begun")
    finally:
        for process, _ in servers:
            if process and not given.keep:
                os.killpg(process.pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
