import pytest

from promptlathe.prompts import Command, parse

HEAD = "# Role: X\n## Goals\ng\n"


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        (
            '## Commands\n- Prefix: "/"\n- Commands:\n    - help: explain: all\n    - continue: go on\n',
            [Command("/", "help", "explain: all"), Command("/", "continue", "go on")],
        ),
        ("## Commands\n- Prefix: “!”\n- help\n", [Command("!", "help", "")]),
        (
            "## 命令\n- 前缀：#\n- 帮助：说明用法\n- /停止：停下\n",
            [Command("#", "帮助", "说明用法"), Command("/", "停止", "停下")],
        ),
        (
            "## Commands\n1. **help**: say more\n2. `/stop`: end\n",
            [Command("/", "help", "say more"), Command("/", "stop", "end")],
        ),
        ("## Commands\nType what you like.\n- a sentence with no name\n", []),
        ("## Rules\n- help: x\n", []),
    ],
)
def test_commands_are_read_with_their_prefix(section: str, expected: list[Command]) -> None:
    assert list(parse(HEAD + section).commands) == expected


def test_commands_of_json() -> None:
    text = '{"Role": "X", "Goals": ["g"], "Commands": {"Prefix": "/", "help": "say more"}}'
    assert parse(text).commands == (Command("/", "help", "say more"),)
