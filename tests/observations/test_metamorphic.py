"""A valid recording changed in a way whose right answer is known: every reader must find that answer.

A few random changes of each relation in the ordinary run; ``make fuzz`` takes 10,000 (``FUZZ_CASES``).
"""

import os
import random

import pytest

from tests.observations import relations_samples, relations_tables, relations_windows
from tests.observations.relations import RELATIONS, same

PARTS = (relations_samples, relations_windows, relations_tables)
"""Where relations are entered, beside those of every form."""

CASES = int(os.environ.get("FUZZ_CASES", "8"))
SEED = int(os.environ.get("FUZZ_SEED", "20261130"))


@pytest.mark.parametrize("name", RELATIONS)
def test_relation(name, tmp_path):
    """What the relation's name says holds for every random recording and every random change."""
    for case in range(CASES):
        rng = random.Random(f"{SEED} {name} {case}")
        right, found = RELATIONS[name](rng, tmp_path)
        assert same(right, found), f"case {case} of seed {SEED}: {found} instead of {right}"


def test_relations_are_many():
    """At least 40 relations, so that none is lost unnoticed."""
    assert len(RELATIONS) >= 40
    assert {function.__module__ for function in RELATIONS.values()} >= {part.__name__ for part in PARTS}
