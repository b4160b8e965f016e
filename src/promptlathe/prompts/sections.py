"""The canonical LangGPT sections and every name they are written under, in English and Chinese."""

import re
import unicodedata
from functools import lru_cache
from typing import Literal, get_args

CanonicalName = Literal[
    "Role",
    "Profile",
    "Skills",
    "Background",
    "Attention",
    "Goals",
    "Constraints",
    "Rules",
    "Workflow",
    "InputFormat",
    "OutputFormat",
    "Examples",
    "Suggestions",
    "Style",
    "Tone",
    "Definition",
    "Commands",
    "Reminder",
    "Tools",
    "Initialization",
]
Language = Literal["en", "zh"]

CANONICAL_NAMES: tuple[CanonicalName, ...] = get_args(CanonicalName)

# The first Chinese alias is the name a new section gets in a Chinese document. Keys and values are compared
# after `_key`: no case, no spaces or punctuation, no number in front or behind.
_ALIASES: dict[CanonicalName, tuple[str, ...]] = {
    "Role": ("角色", "角色设定", "角色定位", "Expert"),
    "Profile": ("简介", "角色简介", "个人简介"),
    "Skills": ("技能", "专业技能", "Skill"),
    "Background": ("背景", "背景信息"),
    "Attention": ("注意", "注意事项"),
    "Goals": ("目标", "任务目标", "Goal"),
    "Constraints": ("约束", "约束条件", "限制", "限制条件", "Constraint", "Constrains", "Constrain"),
    "Rules": ("规则", "Rule"),
    "Workflow": ("工作流程", "工作流", "Workflows"),
    "InputFormat": ("输入格式", "输入", "Input"),
    "OutputFormat": ("输出格式", "输出要求", "输出", "Output", "Output Formats", "Response Format"),
    "Examples": ("示例", "例子", "样例", "任务样例", "Example"),
    "Suggestions": ("建议", "Suggestion"),
    "Style": ("风格", "Styles"),
    "Tone": ("语气", "语调"),
    "Definition": ("名词定义", "定义", "Definitions"),
    "Commands": ("命令", "指令", "Command"),
    "Reminder": ("提醒", "Reminders"),
    "Tools": ("工具", "Tool"),
    "Initialization": ("初始化", "Init", "Initialisation", "Initializations"),
}

# Words that are everyday labels as well: "Input: 3" in a few-shot line does not make a LangGPT prompt.
EVERYDAY_NAMES: frozenset[CanonicalName] = frozenset({"InputFormat", "OutputFormat", "Examples"})

_NUMBER = re.compile(r"^\d+|(?:\d+|[一二三四五六七八九十]+)$")
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_BRACKETED = re.compile(r"[(\[【{（][^)\]】}）]*[)\]】}）]")


def _key(written: str) -> str:
    folded = written.casefold() if written.isascii() else unicodedata.normalize("NFKC", written).casefold()
    return _NOT_ALPHANUMERIC.sub("", folded)


_CANONICAL_BY_KEY: dict[str, CanonicalName] = {
    _key(alias): name for name, aliases in _ALIASES.items() for alias in (name, *aliases)
}


@lru_cache(maxsize=4096)
def canonical_name(written: str) -> CanonicalName | None:
    """The section a written name means, or None.

    Case, spaces, punctuation, emoji, numbering ("Skill-1", "例子一", "2. Goals") and a translation beside it
    ("目标 (Goals)", "Role 角色") do not matter.
    """
    if len(written) > 80:
        return None
    key = _key(written)
    found = _CANONICAL_BY_KEY.get(key) or _CANONICAL_BY_KEY.get(_NUMBER.sub("", key))
    if not found and (bare := _BRACKETED.sub("", written)) != written:
        found = _CANONICAL_BY_KEY.get(_NUMBER.sub("", _key(bare)))
    if found or key.isascii():
        return found
    latin = "".join(character for character in key if character.isascii() and not character.isdigit())
    other = "".join(character for character in key if not character.isascii())
    in_latin, in_other = _CANONICAL_BY_KEY.get(latin), _CANONICAL_BY_KEY.get(other)
    return in_latin if in_latin == in_other else None


def all_names() -> tuple[str, ...]:
    """Every name that a section is known under, canonical ones first in their group."""
    return tuple(name for canonical, aliases in _ALIASES.items() for name in (canonical, *aliases))


@lru_cache(maxsize=4096)
def is_numbered(written: str) -> bool:
    """Whether the name ends in a number: one of a series ("Skill-2"), not a section beginning anew."""
    key = _key(written)
    return not key[:1].isdigit() and _NUMBER.search(key) is not None


def section_name(canonical: CanonicalName, language: Language) -> str:
    """The name a new section is written under."""
    return canonical if language == "en" else _ALIASES[canonical][0]


def has_chinese(text: str) -> bool:
    return _CHINESE.search(text) is not None
