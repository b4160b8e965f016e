from decimal import Decimal

import pytest

from promptlathe.prompts.rules.numbers import numbers_in, other_readings


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("13.8 or 13.11?", ["13.8", "13.11"]),
        ("１３．８", ["13.8"]),
        ("13.80", ["13.8"]),
        ("1,234.5 and 1,2", ["1234.5", "1", "2"]),
        ("1.38e1", ["13.8"]),
        ("-4.5, −4.5, 3-4", ["-4.5", "-4.5", "3", "4"]),
        ("十三点八和负二百零五", ["13.8", "-205"]),
        ("一万二千三百", ["12300"]),
        ("二〇二四", ["2024"]),
        ("一个", []),
        ("thirteen point eight, minus twenty-five", ["13.8", "-25"]),
        ("two hundred and five", ["205"]),
        ("one of them", []),
        ("no numbers", []),
    ],
)
def test_values(text: str, values: list[str]) -> None:
    assert sorted(numbers_in(text)) == sorted(Decimal(value) for value in values)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("3/4 and 1/0", ["0.75"]),
        ("½", ["0.5"]),
        ("2026/11/23 and a/b", []),
        ("8 %, 12.5%", ["0.08", "0.125"]),
        ("13,8 but 1,234.5", ["13.8"]),
        ("四分之三，百分之十二点五", ["0.75", "0.125"]),
    ],
)
def test_other_readings(text: str, values: list[str]) -> None:
    assert sorted(other_readings(text)) == sorted(Decimal(value) for value in values)
