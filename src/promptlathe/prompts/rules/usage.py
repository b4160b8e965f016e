"""Rules about what a prompt is for: an API, a small model, versions."""

import re
from collections.abc import Callable, Iterator

from promptlathe.prompts.document import PromptDocument
from promptlathe.prompts.findings import Edit, Finding, Rule
from promptlathe.prompts.items import first_deeper
from promptlathe.prompts.rules.source import LintSource
from promptlathe.prompts.rules.structure import meant_name

GREETING = Rule(
    "LG401",
    "greeting-initialization",
    "warning",
    "a prompt called through an API greets nobody",
    "通过接口调用的提示词不该打招呼",
)
TOO_DEEP = Rule(
    "LG402", "too-deep", "warning", "nested deeper than a small model follows", "层次太深，小模型跟不上"
)
TOO_LONG = Rule("LG403", "too-long", "warning", "longer than a small model follows", "太长，小模型跟不上")
NOT_SEMVER = Rule(
    "LG404", "version-not-semver", "warning", "a version is MAJOR.MINOR.PATCH", "版本号应为 主.次.修订"
)

_GREETING = re.compile(
    r"\b(?:greet|introduce (?:yourself|itself)|self-introduction|welcome the user|say hello)\b"
    r"|^[\s\"“]*(?:hello|hi|welcome)\b"
    r"|自我介绍|介绍自己|介绍你自己|打招呼|问候|欢迎语|开场白|您好|你好|欢迎(?:使用|来到|光临|用户)|友好地?欢迎",
    re.IGNORECASE | re.MULTILINE,
)
_SENTENCE_END = re.compile(r"(?<=[。！？!?])|(?<=\.)\s+|\n+")
_OPENING = re.compile(
    _GREETING.pattern
    + r"|<[^>\n]{1,40}>|\bas an? |\bfirst (?:message|conversation|turn|reply)\b|\bhow (?:can|may) I\b"
    r"|\b(?:I am|I'm|I can|tell me|let me)\b|\b(?:ask|invite|guide|prompt) (?:the )?user\b"
    r"|第一次|首次|首轮|作为|我是|我可以|我能|我会|我将|告诉我|请问|请输入|请提供|以下[:：]|(?:引导|询问|邀请|提示)用户",
    re.IGNORECASE | re.MULTILINE,
)
"""A sentence of a conversation's beginning: said to a person, or about whom to be and what to follow."""
_NO_GREETING = re.compile(
    r"(?:do not|don't|never|no need to|without)\b[^.!?\n]{0,30}$"
    r"|(?:不要|不必|无需|不用|别|不做|不|勿)[^。！？\n]{0,8}$",
    re.IGNORECASE,
)
SEMVER = re.compile(
    r"(?P<major>0|[1-9]\d{0,8})\.(?P<minor>0|[1-9]\d{0,8})\.(?P<patch>0|[1-9]\d{0,8})"
    r"(?:-(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*)?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
"""As semver.org gives it."""
_NEARLY_SEMVER = re.compile(r"[vV]?[ ]?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?")
_FRONT_MATTER_VERSION = re.compile(
    r"^version[ \t]*:[ \t]*(?P<quote>['\"]?)(?P<value>[^'\"#\r\n]*?)(?P=quote)[ \t]*(?:#.*)?$", re.MULTILINE
)
_PROFILE_VERSION = re.compile(
    r"^[ \t]*[-*+•·]?[ \t]*\*{0,2}(?:version|版本号?)\*{0,2}[ \t]*[:：]\*{0,2}[ \t]*(?P<value>[^\r\n]*?)[ \t]*$",
    re.MULTILINE | re.IGNORECASE,
)


def greeting(source: LintSource) -> Iterator[Finding]:
    section = source.document.section("Initialization")
    if section is None or not source.options.is_api:
        return
    content, offset = source.masked_content(section)
    body = api_initialization(source, section.body)
    for match in _GREETING.finditer(content):
        if _NO_GREETING.search(content[max(0, match.start() - 60) : match.start()]):
            continue
        yield Finding(
            GREETING,
            "an API prompt has nobody to greet: say what to do with the user's message",
            "接口调用时没有人要问候：请写明如何处理用户的消息",
            offset + match.start(),
            offset + match.end(),
            source.edits_to(_initialization_change(body)),
        )
        return


def _initialization_change(body: str) -> Callable[[PromptDocument], PromptDocument]:
    return lambda document: document.with_section("Initialization", body)


def api_initialization(source: LintSource, old: str) -> str:
    """What Initialization says in a prompt that is called by programs, in the prompt's language.

    Of the old text, what is no part of a conversation's beginning stays.
    """
    wanted = ("Workflow", "Constraints", "Rules", "OutputFormat")
    sections = filter(None, map(source.document.section, wanted))
    names = [f"<{meant_name(section) or section.written}>" for section in sections]
    language = next(iter(re.findall(r"<(?:language|语言)>", old, re.IGNORECASE)), "")
    if source.language == "zh":
        following = f"遵循{'、'.join(names)}，" if names else ""
        new = f"不要自我介绍。{following}直接{f'用{language}' if language else ''}回答用户的消息。"
    else:
        following = f", following {_listed(names)}" if names else ""
        new = f"Do not introduce yourself. Answer the user's message directly{f' in {language}' if language else ''}"
        new += f"{following}."
    kept = [
        text.strip()
        for text in _SENTENCE_END.split(old)
        if re.search(r"\w", text) and not _OPENING.search(text)
    ]
    return "\n".join([new, *kept])


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def too_deep(source: LintSource) -> Iterator[Finding]:
    """One finding for each section, at its first item that is too deep. A nested heading is a level as well."""
    limit = source.options.max_depth
    far_in = re.compile(rf"^(?:[ ]{{{limit}}}|[ ]*\t)", re.MULTILINE)
    for section in source.document.sections:
        line = first_deeper(section.body, limit) if far_in.search(section.content) else None
        if line is None:
            continue
        content, offset = section.content, section.start + len(section.header)
        at = _body_line_offset(content, line)
        yield Finding(
            TOO_DEEP,
            f"{section.written}: nested more than {limit} levels deep, which a small model does not follow",
            f"{section.written}：嵌套超过 {limit} 层，小模型跟不上",
            offset + at,
            offset + at + len(content[at:].split("\n", 1)[0].rstrip()),
        )


def _body_line_offset(content: str, line: int) -> int:
    """Where line `line` (from 1) of a section's body begins in its content; indentation is passed over."""
    lines = re.findall(r"[^\r\n]*(?:\r\n?|\n|\Z)", content)
    skipped = 0
    while skipped < len(lines) and not lines[skipped].strip():
        skipped += 1
    before = "".join(lines[: skipped + line - 1])
    return len(before) + len(content[len(before) :]) - len(content[len(before) :].lstrip())


def too_long(source: LintSource) -> Iterator[Finding]:
    text, limit, count = source.document.instructions, source.options.max_tokens, source.options.count
    tokens = count(text) if count else estimated_tokens(text)
    if tokens <= limit:
        return
    about, about_zh = ("", "") if count else ("about ", "约 ")
    yield Finding(
        TOO_LONG,
        f"the prompt is {about}{tokens} tokens long; a small model follows at most {limit}",
        f"提示词长 {about_zh}{tokens} 个 token；小模型最多能跟上 {limit} 个",
        0,
        0,
    )


def estimated_tokens(text: str) -> int:
    """What common tokenizers make of a text, roughly: a token for each Chinese character or four others."""
    chinese = sum(map(len, re.findall(r"[\u3000-\u9fff\uff00-\uffef]+", text)))
    return chinese + (len(text) - chinese + 3) // 4


def not_semver(source: LintSource) -> Iterator[Finding]:
    """The version in the front matter, and the one in Profile."""
    front = _FRONT_MATTER_VERSION.search(source.prompt.front_matter)
    if front and source.prompt.version:
        yield from _version_finding(front, -source.file_offset)
    profile = source.document.section("Profile")
    if profile:
        content, offset = source.masked_content(profile)
        for match in _PROFILE_VERSION.finditer(content):
            yield from _version_finding(match, offset)


def _version_finding(match: re.Match[str], offset: int) -> Iterator[Finding]:
    value = match["value"]
    if not value or SEMVER.fullmatch(value) or "{{" in value:
        return
    start, end = offset + match.start("value"), offset + match.end("value")
    near = _NEARLY_SEMVER.fullmatch(value)
    wanted = ".".join(str(int(part or 0)) for part in near.groups()) if near else None
    yield Finding(
        NOT_SEMVER,
        f"version {value!r} is not MAJOR.MINOR.PATCH" + (f": write {wanted}" if wanted else ""),
        f"版本号“{value}”不是 主.次.修订 的形式" + (f"，应写成 {wanted}" if wanted else ""),
        start,
        end,
        (Edit(start, end, wanted),) if wanted else (),
    )
