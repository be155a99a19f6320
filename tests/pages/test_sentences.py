"""The answer of a text: whole sentences, few words, no number cut."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.pages import sentences

WORDS = st.sampled_from(
    "it takes **820\N{NO-BREAK SPACE}ms** 1,250.5 s, or; less. So 2.8% 10\N{NO-BREAK SPACE}Gbit/s of:".split(
        " "
    )
)


@given(st.lists(WORDS, min_size=1, max_size=80).map(" ".join), st.integers(3, 30))
def test_brief_is_brief_and_begins_the_text(text, most):
    """No more than so many words, nothing that the text does not begin with, bold type closed."""
    told = sentences.brief(text, most)
    assert sentences.words(told) <= most
    assert told.count("**") % 2 == text.count("**") % 2 == 0
    plain = told.removesuffix("…").replace("**", "").strip()
    assert text.replace("**", "").startswith(plain)


@given(st.lists(WORDS, min_size=1, max_size=60).map(" ".join), st.integers(1, 30))
def test_answer_and_rest_are_the_text(text, most):
    """Nothing is lost between the answer and what follows it."""
    answer, rest = sentences.answer(text, most)
    assert f"{answer} {rest}".split() == text.split()
    assert answer


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("It takes 2.5 s. That is all.", "It takes 2.5 s. …"),
        ("It takes a while: 1,250.5 s in all, and more", "It takes a while …"),
        ("In one of 9.5 cases it", "In one …"),
    ],
)
def test_number_and_unit_stay_together(text, told):
    """A text that is too long ends at a sentence or clause, not inside a number."""
    assert re.sub(r" …$", "", sentences.brief(text, 5)) == re.sub(r" …$", "", told)
