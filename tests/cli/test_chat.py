"""`lathe chat`, as lines through a pipe and as a person at a terminal."""

import asyncio
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pytest

from promptlathe.cli.conversation import Conversation
from promptlathe.cli.main import main
from promptlathe.engines.engine import Request, Sampling
from promptlathe.errors import EngineError
from promptlathe.messages import Message
from promptlathe.models.reference import Model
from promptlathe.prompts import Prompt, parse
from tests.fakes import ScriptedEngine, write_engine_plugin

Chat = Callable[..., tuple[int, str, str]]
MakeEngine = Callable[..., ScriptedEngine]


def echo(request: Request) -> str:
    return f"re: {request.messages[-1].content}"


def spoken(request: Request) -> list[str]:
    return [f"{message.role[0]}:{message.content}" for message in request.messages]


@pytest.fixture
def model_file(tmp_path: Path, make_gguf: Callable[..., bytes]) -> Path:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(make_gguf())
    return path


@pytest.fixture
def chat(
    model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Chat:
    """Runs `lathe chat ...` on the scripted engine with `lines` as standard input."""
    workspace = tmp_path / "workspace"
    (workspace / "prompts").mkdir(parents=True)
    (workspace / "lathe.toml").write_text("")
    monkeypatch.chdir(workspace)
    monkeypatch.setenv("LATHE_HOME", str(tmp_path / "home"))

    def run(*arguments: str, lines: str | bytes = "") -> tuple[int, str, str]:
        data = lines.encode() if isinstance(lines, str) else lines
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        engine = [] if "--engine" in arguments else ["--engine", "scripted"]
        monkeypatch.setattr(sys, "argv", ["lathe", "chat", "--model", str(model_file), *engine, *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        assert isinstance(ended.value.code, int)
        return (ended.value.code, *capsys.readouterr())

    return run


def test_each_line_is_answered_in_one_conversation(chat: Chat, scripted_engine: MakeEngine) -> None:
    engine = scripted_engine(echo)
    assert chat("--system", "Be brief.", lines="\ufeff你好 😀\n\n /new\n") == (
        0,
        "re: 你好 😀\nre: /new\n",
        "",
    )
    assert [spoken(request) for request in engine.requests] == [
        ["s:Be brief.", "u:你好 😀"],
        ["s:Be brief.", "u:你好 😀", "a:re: 你好 😀", "u:/new"],
    ]
    assert engine.closed == 1


def test_no_system_message_is_none(chat: Chat, scripted_engine: MakeEngine) -> None:
    engine = scripted_engine(echo)
    chat(lines="a")
    assert spoken(engine.requests[0]) == ["u:a"]


def test_prompts_come_from_the_library_the_workspace_or_a_path(
    chat: Chat, scripted_engine: MakeEngine, tmp_path: Path
) -> None:
    examples = "---\nexamples: messages\n---\nMine.\n\n## Examples\n\nUser: 1 or 2?\nAssistant: 2\n"
    (tmp_path / "workspace/prompts/mine.md").write_text(examples)
    (tmp_path / "other.md").write_text("Other.")
    engine = scripted_engine(echo)
    for reference in ("decimal-expert", "mine", str(tmp_path / "other.md")):
        assert chat("--prompt", reference, lines="a\nb") == (0, "re: a\nre: b\n", "")
    starts = [spoken(request)[0] for request in engine.requests]
    assert "数学逻辑专家" in starts[0]
    assert spoken(engine.requests[3]) == ["s:Mine.", "u:1 or 2?", "a:2", "u:a", "a:re: a", "u:b"]
    assert starts[4] == "s:Other."


def test_flags_go_before_the_prompt_and_the_prompt_before_the_defaults(
    chat: Chat, scripted_engine: MakeEngine, tmp_path: Path
) -> None:
    path = tmp_path / "sampled.md"
    path.write_text("---\nsampling:\n  temperature: 0.5\n  max_tokens: 7\n  seed: 3\n---\nHello.")
    engine = scripted_engine(echo)
    chat("--prompt", str(path), lines="a")
    chat("--prompt", str(path), "--temperature", "0", "--max-tokens", "9", lines="a")
    chat(lines="a")
    first, second, third = (request.sampling for request in engine.requests)
    assert first == Sampling(max_tokens=7, temperature=0.5, seed=3)
    assert second == Sampling(max_tokens=9, temperature=0, seed=3)
    assert (third.max_tokens, third.temperature) == (512, 0)


def test_an_empty_answer_is_said(chat: Chat, scripted_engine: MakeEngine) -> None:
    scripted_engine({"a": "", "b": "c"})
    assert chat(lines="a\nb\n") == (0, "\nc\n", "the answer to line 1 is empty\n")


@pytest.mark.parametrize(
    ("arguments", "lines", "code", "said"),
    [
        (["--prompt", "a", "--system", "b"], "", 2, "--prompt and --system are both the system message"),
        (["--prompt", "decimal-exprt"], "", 2, "did you mean 'decimal-expert'?"),
        (["--prompt", "no/such.md"], "", 2, "no prompt file named 'no/such.md'"),
        (["--engine", "scriptd"], "", 2, "did you mean 'scripted'?"),
        (["--model", "no-such"], "", 2, "no model named 'no-such'"),
        (["--system", "{{name}}"], "", 1, "needs a value for {{name}}"),
        (["--system", "\udcff"], "", 1, "--system is not UTF-8 text"),
        (["--max-tokens", "0"], "", 2, "--max-tokens"),
        (["--engine", "openvino"], "a", 1, "OpenVINO cannot load"),
        ([], "good\nbad\nnever asked\n", 1, "no answer to 'bad'"),
        ([], b"good\n\xff\n", 1, "line 2 of standard input is not UTF-8 text"),
    ],
)
def test_mistakes_are_one_line_and_a_hint(
    chat: Chat, scripted_engine: MakeEngine, arguments: list[str], lines: str | bytes, code: int, said: str
) -> None:
    engine = scripted_engine(echo, fails_on={"bad"})
    ended, out, err = chat(*arguments, lines=lines)
    assert (ended, out) == (code, "re: good\n" if "good" in str(lines) else "")
    assert said in err
    assert "Traceback" not in err
    assert "never asked" not in engine.asked


async def test_a_failed_turn_is_no_part_of_the_conversation_but_a_broken_off_one_is() -> None:
    engine = ScriptedEngine(echo, fails_on={"bad"}, dies_after=1)
    conversation = Conversation(engine, Prompt("none", parse("")), Sampling(), clock=iter(range(99)).__next__)
    shown: list[str] = []
    speed = await conversation.ask("one two", shown.append)
    assert (speed.tokens, speed.first_token_s, speed.tokens_per_s) == (3, 1, 2)
    assert shown == ["re: ", "one ", "two"]
    with pytest.raises(EngineError, match="died"):
        await conversation.ask("b", shown.append)
    with pytest.raises(EngineError, match="no answer"):
        await conversation.ask("bad", shown.append)
    assert conversation.turns == [Message("user", "one two"), Message("assistant", "re: one two")]

    def stop(_: str) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await conversation.ask("c d", stop)
    assert conversation.turns[2:] == [Message("user", "c d"), Message("assistant", "re: ")]
    assert engine.cancelled == 2


READY = r">[^\r\n]*\x1b\[\?25h"
"""The line editor's prompt, painted: from here on keys are the editor's."""


@contextmanager
def terminal(model: Path | str, folder: Path, *arguments: str) -> Iterator[pexpect.spawn]:
    """`lathe chat` on a pseudo-terminal, with the scripted engine of `terminal_engine` beside it."""
    environment = os.environ | {"TERM": "xterm", "NO_COLOR": "1", "PROMPT_TOOLKIT_NO_CPR": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(folder / "plugins"), str(Path(__file__).parents[2])])
    command = [
        "-c",
        "from promptlathe.cli.main import main; main()",
        "chat",
        "--model",
        str(model),
        *arguments,
    ]
    child = pexpect.spawn(
        sys.executable,
        command,
        env=environment,
        cwd=folder,
        encoding="utf-8",
        timeout=20,
        dimensions=(40, 200),
    )
    try:
        yield child
    finally:
        child.close(force=True)


def ends(child: pexpect.spawn) -> int:
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus is not None, f"killed by signal {child.signalstatus}"
    return int(child.exitstatus)


def test_a_person_at_a_terminal(model_file: Path, tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/scripted_terminal.py").write_text(
        "from tests.fakes import ScriptedEngine\n"
        "def said(request):\n"
        "    text = request.messages[-1].content\n"
        "    return '' if text == 'empty' else f'{len(request.messages)} messages: \\x1b]0;{text}'\n"
        "def make(model):\n"
        "    return ScriptedEngine(said, fails_on={'bad'})\n"
    )
    write_engine_plugin(tmp_path / "plugins", "scripted_terminal:make")
    with terminal(model_file, tmp_path, "--engine", "scripted") as child:
        for typed, shown in [
            ("你好", r"1 messages: \]0;你好\r\n.*3 tokens, first after \d+\.\d\d s"),
            ("again", r"3 messages: \]0;again"),
            ("bad", r"error:\S* no answer to 'bad'"),
            ("empty", r"\(empty answer\)"),
            ("/hlp", r"no command named '/hlp'.*did you mean '/help'"),
            ("/help", "/save FILE"),
            ("/save", "/save needs a file"),
            ("/save talk.md", "saved to talk.md"),
            ("/save talk.md", "saved to talk.md"),
            ("/save plugins/scripted_terminal.py", "is there already"),
            ("/prompt nothing", "no prompt named 'nothing'"),
            ("/prompt decimal-expert", "a new conversation, prompt decimal-expert"),
            ("after", r"2 messages: \]0;after"),
            ("/new", "a new conversation"),
            ("fresh", r"2 messages: \]0;fresh"),
        ]:
            child.expect(READY)
            child.send(f"{typed}\r")
            child.expect(shown)
        child.expect(READY)
        child.send("\x04")
        assert ends(child) == 0
    saved = (tmp_path / "talk.md").read_text(encoding="utf-8")
    assert saved.startswith("## User\n\n你好\n\n## Assistant\n\n1 messages: ")


@pytest.mark.model
def test_ctrl_c_stops_the_answer_and_at_the_empty_prompt_leaves(
    embedded_model: Model, tmp_path: Path
) -> None:
    with terminal(embedded_model.path, tmp_path, "--max-tokens", "4000") as child:
        child.expect(READY)
        child.send("discarded\x03Tell me a very long story about a fox, in many chapters.\r")
        child.expect("chapters")
        child.expect(
            r"\?2004l"
        )  # the line editor has let go of the terminal: Ctrl-C is a signal from here on
        child.expect(r"\w+ \w+ \w+")
        child.sendintr()
        child.expect(r"\(stopped\)")
        child.expect(READY)
        child.send("/save talk.md\r")
        child.expect("saved to talk.md")
        child.expect(READY)
        child.send("\x03")
        assert ends(child) == 0
    turns = (tmp_path / "talk.md").read_text(encoding="utf-8")
    assert turns.startswith("## User\n\nTell me a very long story")
    assert turns.partition("## Assistant")[2].strip()
