"""The answer of a text: its first sentences that a person reads at a glance, and what follows them.

Sentences are never cut in a number: one that is too long ends at the end of a clause.
"""

import re

MOST_WORDS = 30
"""Words of an answer on a card of the index; a number and its unit are two."""

_END = re.compile(r"(?:(?<=[.!?])|(?<=[.!?]\*\*))[ \t\n]+(?=\**[A-Z0-9\"(])")
_SHORT = ("e.g.", "i.e.", "cf.", "ca.", "approx.", "vs.", "no.", "fig.")
_CLAUSE = re.compile(r"[;:,](?=\s)")
# A blank beside a digit belongs to a number and its unit; so does the one after a word such as "of".
_GAP = re.compile(r"(?<![\d.,])[ \t\n](?!\S*\d)")


def words(text: str) -> int:
    """How many words a text in Markdown has.

    >>> words("Frozen for **820 ms**.")
    4
    """
    return len(text.replace("**", "").split())


def sentences(text: str) -> list[str]:
    """The sentences of a paragraph in Markdown; bold type is never torn apart.

    >>> sentences("It takes 1.5 s. **5 passes.** Of e.g. Hyper-V, **one. Two.**")
    ['It takes 1.5 s.', '**5 passes.**', 'Of e.g. Hyper-V, **one. Two.**']
    """
    found: list[str] = []
    for piece in _END.split(text.strip()):
        whole = found and found[-1].count("**") % 2 == 0 and not found[-1].lower().endswith(_SHORT)
        if whole or not found:
            found.append(piece)
        else:
            found[-1] += f" {piece}"
    return found


def answer(text: str, most: int = MOST_WORDS) -> tuple[str, str]:
    """The first sentences with no more than so many words, at least one, and the sentences after them.

    >>> answer("Take SMB. It is quick. Or wait.", most=5)
    ('Take SMB. It is quick.', 'Or wait.')
    """
    every, taken = sentences(text), 1
    while taken < len(every) and words(" ".join(every[: taken + 1])) <= most:
        taken += 1
    return " ".join(every[:taken]), " ".join(every[taken:])


def brief(text: str, most: int = MOST_WORDS) -> str:
    """The answer in at most so many words; a longer first sentence ends at a clause, with an ellipsis.

    >>> brief("It takes 2,500.5 s, which is long. Wait.", most=5)
    'It takes 2,500.5 s …'
    >>> brief("One and two and 3 s more", most=6)
    'One and two …'
    """
    told = answer(text, most)[0]
    if words(told) <= most:
        return told
    start = _first_words(told, most - 1)
    ends = [match.start() for match in _CLAUSE.finditer(start + " ")] or [
        match.start() for match in _GAP.finditer(start)
    ]
    cut = start[: ends[-1]] if ends else start
    return f"{cut.rstrip(' ,;:')}{'**' if cut.count('**') % 2 else ''} …"


def _first_words(text: str, count: int) -> str:
    """The beginning of a text with that many words."""
    found = re.match(rf"\s*(?:\S+\s+){{0,{count - 1}}}\S+", text)
    return found[0] if found else text
