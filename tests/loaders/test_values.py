"""What fits a column and how it is serialized for LOAD DATA, beside what the notebook's pandas made of the same text.

The notebook read a file with `pd.read_csv` and a step with `pd.to_numeric(errors="coerce")`. Three answers are the
same answer in other words: a number is that number; what pandas takes for missing is NULL; a text that pandas coerces
to missing is rejected with its row and a reason, whose row the notebook silently never found in its joins. Every other
difference is listed with its reason in `DIFFERENT_AS_INT` and `DIFFERENT_AS_DOUBLE`, and must really be one.
"""

from __future__ import annotations

import csv
import math
import struct
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from loaders.values import DOUBLE, INTEGER, LONG_TEXT, OP_STATE, TIME_US, ColumnType, InvalidValue, quote, text_type
from tests.loaders.helpers import csv_text, fuzz, pandas_table

REJECTED = "rejected"

# text: (as INT, as DOUBLE); None is NULL
NUMBERS: dict[str, tuple[Any, Any]] = {
    "21": (21, 21.0),
    "21.0": (21, 21.0),
    "21.": (21, 21.0),
    " 21 ": (21, 21.0),
    "\t21": (21, 21.0),
    "+21": (21, 21.0),
    "00021": (21, 21.0),
    "2.1e1": (21, 21.0),
    "1E5": (100000, 100000.0),
    "1e9": (10**9, 1e9),
    "-0": (0, 0.0),
    "-0.0": (0, 0.0),
    "-2147483648": (-(2**31), -(2.0**31)),
    "2147483647.0": (2**31 - 1, 2.0**31 - 1),
    "2147483648": (REJECTED, 2.0**31),
    "-2147483649": (REJECTED, -(2.0**31) - 1),
    "1e10": (REJECTED, 1e10),
    "21.5": (REJECTED, 21.5),
    ".5": (REJECTED, 0.5),
    "2e-1": (REJECTED, 0.2),
    "21.000000000000000000001": (REJECTED, 21.0),
    "5e-324": (REJECTED, 5e-324),
    "1e-400": (REJECTED, REJECTED),
    "-0.0000e5": (0, 0.0),
    "2.2250738585072011e-308": (REJECTED, 2.2250738585072011e-308),
    "1.7976931348623157e308": (REJECTED, 1.7976931348623157e308),
    "123456789012345678901234567890": (REJECTED, 123456789012345678901234567890.0),
    "1e400": (REJECTED, REJECTED),
    "0e999999999": (0, 0.0),
    "": (None, None),
    "nan": (None, None),
    "NaN": (None, None),
    **dict.fromkeys(
        [
            *("NAN", "NONE", "abc", ".", "-", "--1", "- 1", "1e", ".e1", "3 4", "1f", "1d5", " ", " nan", "nan "),
            *(
                "1_000",
                "1,000",
                "21,0",
                "0x10",
                "\u0661\u0662\u0663",
                "\u0663.\u0665",
                "\uff13",
                "\u00a021",
                "\u300021",
            ),
            *("NA", "N/A", "n/a", "#N/A", "NULL", "null", "None", "-nan", "inf", "-inf", "Infinity", "True", "TRUE"),
            *("\x0b21", "21\n"),
        ],
        (REJECTED, REJECTED),
    ),
}

_A_VALUE = "the texts NA, NULL, None are values (design section 3, rule 2), and no number"
_BEYOND = "the column cannot hold it, and another number would be an alteration (rule 2)"
_TRUTH = "pandas guesses a truth value; a number was expected, and 1 is not what stands there"
_CONTROL = "pandas skips control characters before and after a number; only blanks and tabs can be meant"
_ROUNDED = "pandas rounds before it looks; what stands there is not a whole number (rule 4)"
_OVERFLOW = "pandas gives up on a huge exponent although the number is 0"
_BOTH = {
    **dict.fromkeys(["NA", "N/A", "n/a", "#N/A", "NULL", "null", "None", "-nan"], _A_VALUE),
    **dict.fromkeys(["True", "TRUE"], _TRUTH),
    **dict.fromkeys(["\x0b21", "21\n"], _CONTROL),
    "0e999999999": _OVERFLOW,
}
DIFFERENT_AS_INT = {
    **_BOTH,
    **dict.fromkeys(["2147483648", "-2147483649", "1e10"], _BEYOND),
    **dict.fromkeys(["21.000000000000000000001", "1e-400"], _ROUNDED),
}
DIFFERENT_AS_DOUBLE = {**_BOTH, **dict.fromkeys(["inf", "-inf", "Infinity", "1e-400"], _BEYOND)}


def ours(column: ColumnType, text: str) -> Any:
    """Return what lands: the number that stands in LOAD DATA's line, None for NULL, REJECTED."""
    values, reasons = column.serialize_all(pa.array([text]), is_filled=False)
    if reasons:
        return REJECTED
    [value] = values.to_pylist()
    return None if value is None else float(value)


def the_notebooks(text: str, whole: bool) -> Any:
    """Return what the notebook worked with: a number, None where pandas read none, REJECTED where it stopped."""
    read = pandas_table(csv_text(["run_id", "x"], [["r", text]]))["x"]
    number = pd.to_numeric(read, errors="coerce")
    if number.isna()[0]:
        return None if read.isna()[0] else REJECTED
    if whole:
        try:
            with np.errstate(invalid="ignore"):
                return float(number.astype("Int64")[0])
        except (TypeError, ValueError, OverflowError):  # the notebook stops here
            return REJECTED
    return float(number[0])


@pytest.mark.parametrize(("text", "expected"), NUMBERS.items(), ids=[ascii(text) for text in NUMBERS])
def test_numbers(text: str, expected: tuple[Any, Any]) -> None:
    """Prevents a value that is silently converted, lost, or read otherwise than the notebook read it."""
    for column, want, different in (
        (INTEGER, expected[0], DIFFERENT_AS_INT),
        (DOUBLE, expected[1], DIFFERENT_AS_DOUBLE),
    ):
        assert ours(column, text) == want
        same = the_notebooks(text, whole=column is INTEGER) == want
        assert same is (text not in different), f"listed as different: {text in different}, is the same: {same}"


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("21.5", "not a whole number"),
        ("abc", "not a number"),
        ("4294967296", "outside INT, -2147483648 to 2147483647"),
        ("1e400", "beyond DOUBLE"),
        ("1e-9999999999999999999", "exponent"),
    ],
)
def test_reasons(text: str, pattern: str) -> None:
    """Prevents a reject that does not say what is wrong; the value itself is in a column of its own."""
    with pytest.raises(InvalidValue, match=pattern) as caught:
        INTEGER.serialize(text)
    assert text not in str(caught.value)


def test_absurd_numbers_take_no_time() -> None:
    """Prevents one field that stops all landing: 1e999999999 as an exact integer has a billion digits.

    In a process of its own, because such arithmetic cannot be interrupted.
    """
    fields = ["1e999999999", "-1e999999999", "0e999999999", "1e-999999999", "1e-9999999999999999999"]
    fields += ["0e9999999999999999999", "1e9999999999999999999", "1" * 1_000_000, "21." + "0" * 1_000_000]
    script = (
        "import sys\n"
        "import pyarrow as pa\n"
        "from loaders.values import DOUBLE, INTEGER\n"
        "fields = pa.array(sys.stdin.read().split())\n"
        "for column in (INTEGER, DOUBLE):\n"
        "    values, reasons = column.serialize_all(fields, is_filled=True)\n"
        "    print(*('rejected' if at in reasons else text for at, text in enumerate(values)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], input=" ".join(fields), capture_output=True, text=True, timeout=20, check=True
    )
    integers, doubles = (line.split() for line in done.stdout.splitlines())
    assert integers == [REJECTED, REJECTED, "0", REJECTED, REJECTED, REJECTED, REJECTED, REJECTED, "21"]
    assert doubles == [REJECTED, REJECTED, "0.0", REJECTED, REJECTED, "0.0", REJECTED, REJECTED, "21.0"]


@pytest.mark.parametrize(
    ("column", "texts", "misfits"),
    [
        (text_type(64), ["", "x", ""], [0, 2]),
        (INTEGER, ["", "1", "nan", "NaN", "2"], [0, 2, 3]),
    ],
)
def test_a_key_is_never_null(column: ColumnType, texts: list[str], misfits: list[int]) -> None:
    """Prevents rows without an identity, and reasons that are given to the wrong row of a batch."""
    values, reasons = column.serialize_all(pa.array(texts), is_filled=True)
    assert len(values) == len(texts)
    assert sorted(reasons) == misfits
    assert all("the column is required" in reason for reason in reasons.values())
    assert column.serialize_all(pa.array(texts), is_filled=False)[1] == {}


@pytest.mark.parametrize("text", ["NA", "N/A", "NULL", "null", "None", "nan", "NaN", "-nan", "#N/A", "n/a"])
def test_words_for_nothing_are_texts(text: str) -> None:
    """Prevents `NULL` in a text column from becoming NULL: rule 2 wants it kept, pandas reads it as missing."""
    assert text_type(64).serialize_all(pa.array([text]), is_filled=False)[0].to_pylist() == [text]
    assert pandas_table(csv_text(["run_id", "x"], [["r", text]]))["x"].isna()[0]


def test_none_is_a_status() -> None:
    """Prevents the status NONE from getting lost; here the notebook agrees: pandas does not know NONE."""
    assert text_type(64).serialize_all(pa.array(["NONE"]), is_filled=False)[0].to_pylist() == ["NONE"]
    assert pandas_table(csv_text(["run_id", "x"], [["r", "NONE"]]))["x"][0] == "NONE"


@pytest.mark.parametrize("character", ["x", "한", "🧬", '"', "\\", " "])
def test_texts_are_measured_in_characters(character: str) -> None:
    """Prevents Korean and emoji from being refused at 64 bytes, and a text of 65 characters from being cut."""
    column = text_type(64)
    assert column.serialize_all(pa.array([character * 64, character * 65]), is_filled=False)[1] == {
        1: "has 65 characters, at most 64 fit"
    }


@fuzz(300)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_quote_doubles_quotes_and_nothing_else(text: str) -> None:
    """Prevents a text from ending its field early, or a backslash from escaping something."""
    assert next(csv.reader([quote(text)], doublequote=True)) == [text]
    assert quote(text)[1:-1].replace('""', '"') == text


@fuzz(500)
@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["{!r}", "{:.17g}", " {:.25e} ", "{:+.17E}"]))
def test_doubles_keep_every_bit(number: float, form: str) -> None:
    """Prevents the last digit from being lost between a file and LOAD DATA, as the notebook's FLOAT columns did."""
    text = form.format(number)
    for value in (DOUBLE.serialize(text), DOUBLE.serialize_all(pa.array([text]), is_filled=True)[0][0].as_py()):
        assert struct.pack("<d", float(value)) == struct.pack("<d", number + 0.0)  # -0 is 0
    # pandas' default parser may be off by the last digit; the exact one agrees
    exact = pandas_table(f"x\n{text}\n", float_precision="round_trip")["x"][0]
    assert exact == number


@fuzz(300)
@given(
    st.integers(-(2**33), 2**33) | st.integers(-(10**30), 10**30) | st.sampled_from([-(2**31) - 1, 2**31 - 1, 2**31]),
    st.sampled_from(["{}", "{}.0", " {} ", "{}e0", "{}.000000", "{}0e-1"]),
)
def test_integers_are_exact_or_rejected(number: int, value: str) -> None:
    """Prevents a step that is clipped to 2147483647, as LOAD DATA LOCAL would do, or rounded through a float."""
    text = value.format(number)
    if -(2**31) <= number < 2**31:
        assert INTEGER.serialize(text) == str(number)
    else:
        with pytest.raises(InvalidValue, match="outside INT"):
            INTEGER.serialize(text)


@fuzz(1000)
@given(st.text("0123456789+-.eExXnaN_ \tif\u0663", max_size=12) | st.text(max_size=6))
def test_whatever_stands_there(text: str) -> None:
    """Prevents a text that stops the landing, or a number that pandas reads as another."""
    assume(text)
    pandas_number = pd.to_numeric(pd.Series([text]), errors="coerce")[0]
    for column in (INTEGER, DOUBLE):
        number = ours(column, text)
        if isinstance(number, float):
            assert number == float(text)
            assert pd.isna(pandas_number) or math.isclose(pandas_number, number, rel_tol=1e-14, abs_tol=5e-323)
        elif number is None:
            assert text in ("nan", "NaN")
        elif column is DOUBLE:
            assert not math.isfinite(pandas_number) or text.strip(" \t") != text.strip()


def by_the_rule(column: ColumnType, text: str) -> Any:
    """Return what a value is by the rule for one value, the reason where it is none."""
    try:
        value = column.serialize(text) if text else None
    except InvalidValue as error:
        return str(error)
    return value if value is None or column.is_text else float(value)


NUMBERLIKE = (
    st.floats().map(repr) | st.integers(-(2**33), 2**33).map(str) | st.text("0123456789+-.eExXnaN _", max_size=8)
)
STATELIKE = st.sampled_from(["READ.ISSUE", "READ.END", "READ", ".X", "A.B.C", "한." + "x" * 126, "한." + "x" * 127])


@pytest.mark.parametrize(
    "column",
    [INTEGER, DOUBLE, TIME_US, OP_STATE, LONG_TEXT, text_type(8)],
    ids=["INTEGER", "DOUBLE", "TIME_US", "OP_STATE", "LONG_TEXT", "text"],
)
@fuzz(500)
@given(texts=st.lists(st.sampled_from(list(NUMBERS)) | NUMBERLIKE | STATELIKE | st.text(max_size=10), max_size=8))
def test_a_column_at_once_is_each_value_by_the_rule(column: ColumnType, texts: list[str]) -> None:
    """Prevents the shortcut for a column from taking, refusing or changing what the rule for one value does not."""
    values, reasons = column.serialize_all(pa.array(texts, pa.string()), is_filled=False)
    found = [
        reasons.get(at, value if value is None or column.is_text else float(value))
        for at, value in enumerate(values.to_pylist())
    ]
    assert found == [by_the_rule(column, text) for text in texts]
