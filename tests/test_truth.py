"""Foreign truths: closed forms, another simulator, measurements; none is missed by more than was told."""

import pytest

from tests import documents, truth

pytestmark = pytest.mark.usefixtures("machine_code")


@pytest.mark.parametrize("row", truth.TRUTHS, ids=lambda row: f"{row.what}: {row.whose}")
def test_no_prediction_gets_worse(row):
    """How far the study is from a truth is at most what was written down when it was last looked at."""
    assert row.off() <= row.most


def test_the_page_shows_the_table():
    """docs/truth.md has the figures as they are now."""
    page = (documents.ROOT / "docs" / "truth.md").read_text(encoding="utf-8")
    assert documents.with_truths(page) == page
