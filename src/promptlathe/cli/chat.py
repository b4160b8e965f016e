"""`lathe chat`: talk to a model in the terminal, or answer the lines of a file one by one."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from promptlathe.cli.console import err, escape_markup, out, print_error, without_control
from promptlathe.cli.models import complete_name
from promptlathe.cli.opening import KeyFileOption, open_model
from promptlathe.errors import InputError, LatheError, UnknownNameError, UsageError
from promptlathe.models.catalog import EMBEDDED_MODEL

if TYPE_CHECKING:
    from promptlathe.cli.conversation import Conversation, Speed
    from promptlathe.engines.engine import Sampling
    from promptlathe.prompts import Prompt

_MAX_TOKENS = 512

_HELP = """\
/new            forget the conversation
/prompt NAME    start again under another prompt: a name or a file
/save FILE      write the conversation to a new file, as Markdown
/quit           leave (also Ctrl-D, or Ctrl-C on an empty line)
Ctrl-C stops an answer; what came of it stays. Alt-Enter begins a new line."""


def complete_prompt(incomplete: str) -> list[str]:
    from promptlathe.workspace.workspace import Workspace

    return [name for name in Workspace.find().prompt_names() if name.startswith(incomplete)]


def chat(
    prompt: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH",
            help="A prompt to talk under.",
            autocompletion=complete_prompt,
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str, typer.Option(metavar="NAME|PATH|URL", help="The model to talk to.", autocompletion=complete_name)
    ] = EMBEDDED_MODEL,
    engine: Annotated[str, typer.Option(metavar="NAME", help="The engine that runs it.")] = "auto",
    max_tokens: Annotated[
        int | None, typer.Option(min=1, help="Most new tokens of an answer.", show_default=str(_MAX_TOKENS))
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(min=0.0, max=10.0, help="0 always takes the likeliest token.", show_default="0"),
    ] = None,
    system: Annotated[
        str | None, typer.Option(metavar="TEXT", help="A system message, instead of --prompt.")
    ] = None,
    api_key_file: KeyFileOption = None,
) -> None:
    """Talk to a model. Without a terminal, each line of standard input is one message."""
    from promptlathe.cli.conversation import Conversation
    from promptlathe.prompts import render_messages

    if prompt is not None and system is not None:
        raise UsageError("--prompt and --system are both the system message", hint="give one of them")
    first = _system_prompt(system or "") if prompt is None else _read_prompt(prompt)
    opened = open_model(model, engine=engine, api_key_file=api_key_file)

    def start(under: "Prompt") -> Conversation:
        render_messages(under, "")  # what is wrong with it should be said now, not at the first message
        return Conversation(opened, under, _sampling(under, max_tokens, temperature))

    try:
        conversation = start(first)
        opened.tokens("")  # loads the model: its errors come now, and the first answer does not wait for it
        with asyncio.Runner() as runner:
            if sys.stdin.isatty() and sys.stdout.isatty():
                out.print(f"[dim]{escape_markup(model)}, prompt {escape_markup(first.name)}; /help helps[/]")
                _Terminal(conversation, start, runner).run()
            else:
                _answer_lines(conversation, runner)
    finally:
        opened.close()


def _read_prompt(reference: str) -> "Prompt":
    from promptlathe.workspace.workspace import Workspace

    return Workspace.find().prompt(reference)


def _system_prompt(text: str) -> "Prompt":
    from promptlathe.cli.conversation import checked_text
    from promptlathe.prompts import Prompt, parse

    return Prompt("system" if text else "none", parse(checked_text(text, "--system")))


def _sampling(prompt: "Prompt", max_tokens: int | None, temperature: float | None) -> "Sampling":
    """Flags go before what the prompt's author wants; a seed is drawn, so that two chats differ if they may."""
    import secrets
    from dataclasses import asdict

    from promptlathe.engines.engine import Sampling

    wanted = asdict(prompt.sampling) | {"max_tokens": max_tokens or prompt.sampling.max_tokens or _MAX_TOKENS}
    if temperature is not None:
        wanted["temperature"] = temperature
    if wanted["seed"] is None:
        wanted["seed"] = secrets.randbits(31)
    return Sampling(**{name: value for name, value in wanted.items() if value is not None})


def _answer_lines(conversation: "Conversation", runner: asyncio.Runner) -> None:
    """One answer to stdout for each line that is not empty, all in one conversation."""
    for number, line in _lines():
        pieces: list[str] = []
        runner.run(conversation.ask(line, pieces.append))
        text = "".join(pieces)
        if not text.strip():
            err.print(f"the answer to line {number} is empty")
        typer.echo(text)


def _lines() -> Iterator[tuple[int, str]]:
    for number, data in enumerate(sys.stdin.buffer, 1):
        try:
            line = data.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        except UnicodeDecodeError:
            raise InputError(f"line {number} of standard input is not UTF-8 text") from None
        if line:
            yield number, line


@dataclass(slots=True)
class _Terminal:
    """The conversation on a screen."""

    conversation: "Conversation"
    start: Callable[["Prompt"], "Conversation"]
    runner: asyncio.Runner
    saved: set[Path] = field(default_factory=set)

    def run(self) -> None:
        read_line = _line_editor()
        while True:
            try:
                line = read_line().strip()
                if line in ("/quit", "/exit"):
                    return
                if line.startswith("/"):
                    self._command(line)
                elif line:
                    self._ask(line)
            except (EOFError, KeyboardInterrupt):
                return
            except LatheError as error:
                print_error(str(error), error.hint)

    def _ask(self, line: str) -> None:
        from promptlathe.cli.conversation import checked_text

        shown: list[str] = []

        def show(text: str) -> None:
            shown.append(text)
            sys.stdout.write(without_control(text))
            sys.stdout.flush()

        try:
            speed = self.runner.run(self.conversation.ask(checked_text(line, "the message"), show))
        except KeyboardInterrupt:
            out.print("\n[dim](stopped)[/]")
            return
        except LatheError:
            if shown:
                out.print()
            raise
        if not "".join(shown).strip():
            out.print("[dim](empty answer)[/]", end="")
        out.print(f"\n[dim]{_speed_line(speed)}[/]")

    def _command(self, line: str) -> None:
        name, _, argument = line.partition(" ")
        commands: dict[str, Callable[[str], str]] = {
            "/help": lambda _: _HELP,
            "/new": self._start_anew,
            "/prompt": self._change_prompt,
            "/save": self._save,
        }
        if name not in commands:
            raise UnknownNameError("command", name, {*commands, "/quit"})
        out.print(escape_markup(commands[name](argument.strip())), style="dim", soft_wrap=True)

    def _start_anew(self, _: str) -> str:
        self.conversation = self.start(self.conversation.prompt)
        return "a new conversation"

    def _change_prompt(self, reference: str) -> str:
        if not reference:
            raise UsageError("/prompt needs a name or a file", hint="for example: /prompt decimal-expert")
        self.conversation = self.start(_read_prompt(reference))
        return f"a new conversation, prompt {self.conversation.prompt.name}"

    def _save(self, name: str) -> str:
        from promptlathe.cli.conversation import as_markdown
        from promptlathe.workspace.workspace import write_text

        if not name:
            raise UsageError("/save needs a file", hint="for example: /save chat.md")
        path = Path(name)
        if path.exists() and path not in self.saved:
            raise UsageError(f"{path} is there already", hint="give a name that is free")
        write_text(path, as_markdown(self.conversation.turns))
        self.saved.add(path)
        return f"saved to {path}"


def _speed_line(speed: "Speed") -> str:
    rate = f", {speed.tokens_per_s:.1f} tokens/s" if speed.tokens_per_s is not None else ""
    cut = "; cut at --max-tokens" if speed.is_cut else ""
    return f"{speed.tokens} tokens, first after {speed.first_token_s:.2f} s{rate}{cut}"


def _line_editor() -> Callable[[], str]:
    """Asks for a line: history, pasted lines as one message, characters of double width.

    Ctrl-C empties the line, and on an empty line ends the input as Ctrl-D does.
    """
    from prompt_toolkit import PromptSession
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

    keys = KeyBindings()

    @keys.add("c-c")
    def _(event: KeyPressEvent) -> None:
        if event.current_buffer.text:
            event.current_buffer.reset()
        else:
            event.app.exit(exception=EOFError)

    @keys.add("escape", "enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    session: PromptSession[str] = PromptSession("> ", key_bindings=keys)
    return session.prompt
