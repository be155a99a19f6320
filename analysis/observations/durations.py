"""Figures out of a text: a number is read whole or not at all, and names, paths and identifiers are none.

Texts of events differ by language and by who wrote them, so nothing is taken that could be read in two ways.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

GROUPING = "'\N{RIGHT SINGLE QUOTATION MARK}\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}"
"""What only sets thousands apart; a plain blank may also stand between two numbers."""
ARABIC = str.maketrans({"\N{ARABIC DECIMAL SEPARATOR}": ".", "\N{ARABIC THOUSANDS SEPARATOR}": "'"})
LARGEST = 1e12
RUN = rf"\d(?:[.,:{GROUPING}\u066b\u066c/_\u2013-]{{0,2}}\d|[eE][+\N{{MINUS SIGN}}-]?\d)*"
"""Digits and what may stand between them: the whole of what could be one number."""
UNITS = {
    86400.0: "days? tage?n? d",
    3600.0: "hours? hrs? stunden? std h",
    60.0: "minutes? minuten? min",
    1.0: "seconds? sekunden? secs? s",
    1e-3: "milliseconds? millisekunden? msec ms",
    1e-6: "microseconds? mikrosekunden? us \N{MICRO SIGN}s \N{GREEK SMALL LETTER MU}s",
}
"""Seconds of a unit, and its words in English and German."""
ENGLISH = re.compile(r"(day|hour|minute|(milli|micro)?second)s?", re.IGNORECASE)
"""Words by which a language is known to have a decimal point."""
_WORD = "|".join(word for words in UNITS.values() for word in words.split())
_PART = rf"(?:{RUN})\s*(?:{_WORD}|m)(?![^\W\d])"
_JOIN = r"\s*,?\s*(?:(?:and|und)\s+)?"
NOT_BEFORE = r"(?<![\w.,])(?<!\w[-\u2013_/\\#@])"
"""A number that hangs on a word is a part of a name."""
DURATION = re.compile(rf"{NOT_BEFORE}(?:{_PART}{_JOIN})*(?P<last>{RUN}\s*(?:{_WORD}))(?!\w)", re.IGNORECASE)
_EACH = re.compile(rf"(?P<number>{RUN})\s*(?P<unit>{_WORD}|m)(?![^\W\d])", re.IGNORECASE)
COUNT_OF_PAGES = re.compile(rf"{NOT_BEFORE}({RUN})\s+(?:dirty\s+)?pages(?!\w)", re.IGNORECASE)
BEGUN = re.compile(
    r"(\d[ \N{THIN SPACE}]|(^|[\s(:=])[-\N{MINUS SIGN}]|[+*^<>~\N{PLUS-MINUS SIGN}\N{ALMOST EQUAL TO}"
    r"\N{LESS-THAN OR EQUAL TO}\N{GREATER-THAN OR EQUAL TO}\N{MULTIPLICATION SIGN}\ufffc]\s*"
    r"|\d\s*(to|and|or|bis|und|oder|\.\.+|\N{HORIZONTAL ELLIPSIS}|\N{EN DASH}|\N{EM DASH}|-)\s+)$",
    re.IGNORECASE,
)
"""What before a number makes it a part of something: a group of thousands, a sign, a range, a name."""
WORDS_BETWEEN = "in|for|after|within|of|took|is|was|at|nach|von|f\N{LATIN SMALL LETTER U WITH DIAERESIS}r|war"
STRANGE = re.compile(rf"(?:^|\W){RUN}\s*(?!(?:{WORDS_BETWEEN})\W)[^\W\d_]+\.?,?\s+$", re.IGNORECASE)
"""A number with a word that is no known unit, right before: perhaps the larger part of a duration."""
REMOVED = "\N{OBJECT REPLACEMENT CHARACTER}"
GUID = re.compile(r"\{?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\}?", re.IGNORECASE)
_PATHS = re.compile(
    r"\w+://\S+|(?:(?<!\w)[A-Za-z]:\\|\\\\)(?:[^\\/:*?\"<>|\r\n]+\\)*[^\\/:*?\"<>|\s]*"
    r"|(?<![\w/])/(?:[^\s/]+/)+[^\s,;]*|\b0x[0-9a-f]+\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(
    r"(?<!\w)'[^'\n]{1,200}'(?!\w)|\"[^\"\n]{1,200}\"|\u201c[^\u201d\n]{1,200}\u201d"
    r"|\u201e[^\u201c\u201d\n]{1,200}[\u201c\u201d]|\u00ab[^\u00bb\n]{1,200}\u00bb"
    r"|\u2018[^\n\u2018]{1,200}?\u2019(?!\w)"
)


@dataclass(frozen=True)
class Duration:
    """A duration as it stands in a text; ``seconds`` is NaN, with ``why``, where it cannot be read whole."""

    text: str
    seconds: float
    why: str = ""


def without_names(text: str, names: Iterable[str] = ()) -> str:
    """A text less what is quoted, identifiers, paths, and the names given: none of them tells a figure."""
    bare = _PATHS.sub(REMOVED, GUID.sub(REMOVED, _QUOTED.sub(REMOVED, text)))
    for name in sorted((n.strip() for n in names), key=len, reverse=True):
        if re.search(r"\d", name) and not _is_quoted(name, text):
            bare = re.sub(rf"(?<![\w.,]){re.escape(name)}(?![\w.,]*\w)", REMOVED, bare, flags=re.IGNORECASE)
    return bare


def _is_quoted(name: str, text: str) -> bool:
    return any(name in match[0] for match in _QUOTED.finditer(text))


def durations(text: str) -> Iterator[Duration]:
    """The durations in a text from which names were taken out, compound ones (``1 min 5 s``) as one."""
    for match in DURATION.finditer(text):
        before = text[: match.start()]
        strange = STRANGE.search(before)
        if strange:
            yield Duration(match[0], math.nan, f"stands right behind {strange[0].strip()!r}")
        elif BEGUN.search(before):
            yield Duration(match[0], math.nan, "can be read in two ways")
        else:
            yield _whole(match[0])


def _whole(text: str) -> Duration:
    """The seconds of one duration, each of its parts read whole and smaller in unit than the one before."""
    parts = [(m["number"], m["unit"]) for m in _EACH.finditer(text)]
    units = [_seconds_of(unit) for _, unit in parts]
    values = [_value(number, unit, one) for (number, unit), one in zip(parts, units, strict=True)]
    whole = all(value == int(value) for value in values[:-1] if math.isfinite(value))
    falling = all(a > b for a, b in pairwise(units))
    if not (whole and falling) or any(map(math.isnan, values)):
        return Duration(text, math.nan, "can be read in two ways")
    return Duration(text, math.fsum(v * u for v, u in zip(values, units, strict=True)))


def _seconds_of(word: str) -> float:
    if word.lower() == "m":
        return 60.0
    return next(
        one
        for one, words in UNITS.items()
        if any(re.fullmatch(known, word, re.IGNORECASE) for known in words.split())
    )


def _value(text: str, unit: str, one: float) -> float:
    """A number before its unit; ``1:05`` is minutes and seconds before a unit of seconds."""
    clock = re.fullmatch(r"(?:(\d+):)?(\d+):(\d\d(?:[.,]\d+)?)", text)
    if clock:
        hours, minutes, seconds = int(clock[1] or 0), int(clock[2]), number_of(clock[3])
        sound = seconds < 60 and (clock[1] is None or minutes < 60) and one == 1
        return 3600 * hours + 60 * minutes + seconds if sound else math.nan
    return number_of(text, comma=not ENGLISH.fullmatch(unit))


def number_of(text: str, *, comma: bool = False) -> float:
    """A number in the writing of any culture; NaN where it could be read in two ways.

    >>> [number_of(t) for t in ("19.43", "19,43", "1,234.5", "1.234,5", "1,234", "12.5.3")]
    [19.43, 19.43, 1234.5, 1234.5, nan, nan]
    >>> [number_of(t) for t in ("1'234", "12,34,567", "1.234.567", "5E-05", "0,234", "1'23")]
    [1234.0, 1234567.0, 1234567.0, 5e-05, 0.234, nan]

    ``comma``: the words around it may be those of a language with a decimal comma, so a point followed by
    three digits could separate thousands.
    """
    parts = re.fullmatch(
        rf"([\d.,{GROUPING}]+)(?:[eE]([+\N{{MINUS SIGN}}-]?\d{{1,3}}))?", text.translate(ARABIC)
    )
    if not parts:
        return math.nan
    power = (parts[2] or "0").replace("\N{MINUS SIGN}", "-")
    plain = _plain(parts[1], comma)
    return _float(f"{plain}e{power}") if plain else math.nan


def _plain(text: str, comma: bool) -> str:
    """Digits with a decimal point and without groups; empty where they can be read in two ways."""
    groups = {mark for mark in GROUPING if mark in text}
    if groups or ("," in text and "." in text):
        decimal = ("," if text.rfind(",") > text.rfind(".") else ".") if {",", "."} & set(text) else "."
        whole, _, part = text.partition(decimal)
        mark = groups.pop() if groups else {",": ".", ".": ","}[decimal]
        return f"{whole.replace(mark, '')}.{part or 0}" if not groups and _grouped(whole, mark) else ""
    mark = "," if "," in text else "."
    if text.count(mark) > 1:
        return text.replace(mark, "") if _grouped(text, mark) else ""
    if (mark == "," or comma) and re.fullmatch(r"[1-9]\d{0,2}[.,]\d{3}", text):
        return ""
    return text.replace(",", ".")


def _grouped(whole: str, mark: str) -> bool:
    """True for digits in groups of three, or in India's of two before the last three."""
    dot = re.escape(mark)
    return re.fullmatch(rf"\d{{1,3}}({dot}\d{{3}})*|\d{{1,2}}({dot}\d\d)+{dot}\d{{3}}", whole) is not None


def _float(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if value < LARGEST else math.nan
