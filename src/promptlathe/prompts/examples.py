"""The Examples section as pairs of turns, and pairs as an Examples section."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from promptlathe.errors import PromptError
from promptlathe.prompts.document import dedent
from promptlathe.prompts.sections import Language

_USER = r"user|human|question|query|input|q|用户|问题|提问|题目|输入|问"
_ASSISTANT = r"assistant|answer|output|response|a|助手|回答|解答|答案|回复|输出|答"
_NUMBER = r"[ \t]{0,2}[-#]?[ \t]{0,2}(?:\d{1,4}|[一二三四五六七八九十]{0,3})"
_EXAMPLE = rf"(?:examples?|case|示例|例子|样例|案例|例){_NUMBER}"
_MARKER = r"(?P<indent>[ \t]*)(?P<marker>(?:[-*+•·]|\d{1,4}[.)、．])[ \t]+|#{1,6}[ \t]+)?"
_LABEL = (
    rf"(?P<strong>\*\*)?(?:(?P<user>{_USER})|(?P<assistant>{_ASSISTANT}))[ \t]?\d{{0,4}}"
    r"(?(strong)(?:\*\*[ \t]?[:：]|[:：][ \t]?\*\*)|[ \t]?[:：])[ \t]*"
)
_TURN = re.compile(
    rf"{_MARKER}(?:\*{{0,2}}{_EXAMPLE}\*{{0,2}}[ \t]?[:：]\*{{0,2}}[ \t]*)?{_LABEL}", re.IGNORECASE
)
_TITLE = re.compile(
    rf"{_MARKER}\*{{0,2}}(?:{_EXAMPLE}[ \t]?[.:：]?|-{{3,}})\*{{0,2}}[ \t]{{0,4}}[:：]?[ \t]{{0,4}}",
    re.IGNORECASE,
)
_INNER_ANSWER = re.compile(
    rf"(?<=[\s。．.;；,，!！?？”\"」』）)])\*{{0,2}}(?:{_ASSISTANT})\*{{0,2}}[:：]\*{{0,2}}", re.IGNORECASE
)
_TURN_LABEL = re.compile(rf"(?:{_USER}|{_ASSISTANT})\d{{0,4}}", re.IGNORECASE)
_CLOSING_QUOTE = {'"': '"', "'": "'", "“": "”", "「": "」", "『": "』"}

# Deep enough that no line of an example is a heading, a fence or a list to Markdown.
_HANG = "    "


@dataclass(frozen=True, slots=True)
class Example:
    """One question and the answer wanted, without outer white space, lines ended by `\\n`."""

    user: str
    assistant: str


@dataclass(slots=True)
class _Turn:
    is_user: bool
    indent: int
    hang: int
    lines: list[str]
    number: int

    def text(self) -> str:
        first, *rest = self.lines
        indents = [len(line) - len(line.lstrip(" ")) for line in rest if line.strip()]
        if indents and min(indents) >= self.indent + self.hang:
            block = "\n".join(line[self.indent + self.hang :] for line in rest)
        else:
            block = dedent("\n".join(rest))
        return f"{first}\n{block}".strip()


def is_turn_label(written: str) -> bool:
    """Whether a label names the speaker of an example's turn ("Q", "Input", "解答"), and so is no section."""
    return _TURN_LABEL.fullmatch(written.strip()) is not None


def read_examples(body: str) -> tuple[Example, ...]:
    """The pairs in the text of an Examples section.

    A turn is what follows a label such as `User:` or `问题：`, to the next label. Question and answer stand
    on one line, on two, or as nested items; lines further in than the labels belong to the turn. Quotes
    around a turn that begins beside its label are layout. Text before the first label introduces the pairs.

    Raises PromptError if there is no labelled turn, or a question without an answer.
    """
    turns = _turns(re.sub(r"\r\n?", "\n", body).split("\n"))
    if not turns:
        raise PromptError(
            "the Examples section has no question with an answer to send as messages",
            hint="label each turn, for example 'Q: …' and 'A: …' on two lines, or use examples: text",
        )
    pairs: list[Example] = []
    position = 0
    while position < len(turns):
        turn = turns[position]
        user, assistant = turn.text(), ""
        if position + 1 < len(turns) and turn.is_user and not turns[position + 1].is_user:
            position += 1
            assistant = turns[position].text()
        elif turn.is_user:
            user, assistant = _one_line(user)
        if not (turn.is_user and user and assistant):
            what = "question has no answer" if turn.is_user else "answer has no question"
            raise PromptError(f"line {turn.number} of the Examples section: this {what}")
        pairs.append(Example(user, assistant))
        position += 1
    return tuple(pairs)


def examples_body(pairs: Iterable[Example], language: Language) -> str:
    """The text of an Examples section that `read_examples` reads back as `pairs`, sparing of tokens.

    Raises PromptError if a question or an answer is empty.
    """
    question, answer = ("Q", "A") if language == "en" else ("问", "答")
    colon = ": " if language == "en" else "："
    lines = []
    for number, pair in enumerate(pairs, start=1):
        for label, text in ((question, pair.user), (answer, pair.assistant)):
            if not text.strip():
                raise PromptError(
                    f"example {number} has an empty {'question' if label == question else 'answer'}"
                )
            lines.append(_written(label + colon, re.sub(r"\r\n?", "\n", text).strip()))
    return "\n".join(lines)


def _turns(lines: Sequence[str]) -> list[_Turn]:
    matches = [_TURN.match(line) for line in lines]
    user_indent = next((_indent(match) for match in matches if match and match["user"]), None)
    if user_indent is None:
        return []
    # Questions stand as far in as the first, answers as far as the outermost; what is further in is quoted.
    answers = [_indent(match) for match in matches if match and match["assistant"]]
    answer_indent = min(answers, default=user_indent)
    turns: list[_Turn] = []
    is_within = False
    for number, (line, match) in enumerate(zip(lines, matches, strict=True), start=1):
        if match and _indent(match) == (user_indent if match["user"] else answer_indent):
            hang = len(match["marker"]) if match["marker"] else len(_HANG)
            turns.append(_Turn(bool(match["user"]), _indent(match), hang, [line[match.end() :]], number))
            is_within = True
        elif _is_title(line, user_indent):
            is_within = False
        elif is_within:
            turns[-1].lines.append(line)
    for turn in turns:
        turn.lines[0] = _unquoted(turn.lines[0].strip()) if _is_single(turn.lines) else turn.lines[0]
    return turns


def _indent(match: re.Match[str]) -> int:
    return len(match["indent"])


def _is_title(line: str, indent: int) -> bool:
    """`Example 2:` or a rule between examples."""
    title = _TITLE.fullmatch(line)
    return title is not None and _indent(title) <= indent


def _is_single(lines: Sequence[str]) -> bool:
    return not any(line.strip() for line in lines[1:])


def _one_line(text: str) -> tuple[str, str]:
    """Question and answer of `“…” 解答：…`; the answer is empty if there is none."""
    match = _INNER_ANSWER.search(text)
    if not match:
        return text, ""
    return _unquoted(text[: match.start()].rstrip(" \t,，;；")), _unquoted(text[match.end() :].strip())


def _unquoted(text: str) -> str:
    closing = _CLOSING_QUOTE.get(text[:1])
    is_enclosed = closing and len(text) > 2 and text.endswith(closing) and closing not in text[1:-1]
    return text[1:-1].strip() if is_enclosed else text


def _written(label: str, text: str) -> str:
    if _unquoted(text) != text:
        # Beside the label, the reader would take these quotes for layout.
        label, text = label.rstrip(), "\n" + text
    return label + re.sub(r"\n(?=[^\n])", "\n" + _HANG, text)
