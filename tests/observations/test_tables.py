"""A strict table says what is wrong with file, line, column and value."""

import pytest

from analysis.observations.tables import TableError, header, read_table

KINDS = {"name": "text", "time_s": "number", "limit": "number or empty"}


def write(folder, text, encoding="utf-8"):
    path = folder / "table.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_numbers_become_floats_and_other_columns_stay_text(tmp_path):
    """Named number columns are floats, an empty cell that may be empty is NaN, the rest stays as it is."""
    table = read_table(write(tmp_path, "name,time_s,limit,note\na,1.5,,007\n"), KINDS)
    assert table.time_s.tolist() == [1.5]
    assert table.limit.isna().all()
    assert table.note.tolist() == ["007"]


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path):
    """Excel's UTF-8 files begin with a mark that is not part of the header."""
    table = read_table(write(tmp_path, "name,time_s,limit\na,1,2\n", "utf-8-sig"), KINDS)
    assert table.columns[0] == "name"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty"),
        ("name,time_s,limit\n", "has a header but no rows"),
        ("name,time_s\na,1\n", "has no column limit"),
        ("name;time_s;limit\na;1.234;2.345\n", "line 2, column time_s: '1.234' can be read in two ways"),
        ("name;time_s;limit\na;1,5;2.5\n", "line 2, column limit: '2.5' is not a number"),
        ("name,time_s,limit\na,1,2\nb,fast,2\n", "line 3, column time_s: 'fast' is not a number"),
        ('name,time_s,limit\na,"1,5",2\n', "line 2, column time_s: '1,5' uses a decimal comma"),
        ("name,time_s,limit\na,,2\n", "line 2, column time_s: '' is not a number"),
        ("name,time_s,limit\na,1,2\nb\n", "line 3: the row has fewer cells than the header; was it cut off?"),
        ("name,time_s,limit\na,1,2,\nb,1,2,\n", "line 2: the row has more cells than the header"),
        ("name,time_s,time_s\na,1,2\n", "has two columns 'time_s'"),
        ("name,time_s,limit\na,1,2\nb,1,2,3,4\n", "not a well-formed CSV file"),
    ],
)
def test_a_damaged_table_is_told_in_a_sentence(tmp_path, text, sentence):
    """Whatever is wrong is said with the place and the value."""
    with pytest.raises(TableError, match=sentence):
        read_table(write(tmp_path, text), KINDS)


def test_a_code_page_of_windows_is_read(tmp_path):
    """What Excel saves as plain CSV in Western Europe: 0xE4 is an a with two dots."""
    table = read_table(write(tmp_path, "name,time_s,limit\nä,1,2\n", "cp1252"), KINDS)
    assert table.name.tolist() == ["ä"]


def test_what_is_no_text_is_told(tmp_path):
    """Bytes that no code page of Windows has, nor any text, are no table."""
    path = tmp_path / "t.csv"
    path.write_bytes(b"name,time_s\n\xff\x01\x02,1\n")
    with pytest.raises(TableError, match="is not UTF-8 text"):
        read_table(path, KINDS)


@pytest.mark.parametrize("mark", [";", "\t"])
def test_decimal_commas_are_read_where_they_cannot_separate(tmp_path, mark):
    """1,5 and 1.234,5 between semicolons or tabs; a lone 2.345 beside them parts thousands."""
    text = "name,time_s,limit\na,1#5,2\nb,1.234#5,2.345\n".replace(",", mark).replace("#", ",")
    table = read_table(write(tmp_path, text), KINDS)
    assert table.time_s.tolist() == [1.5, 1234.5]
    assert table.limit.tolist() == [2.0, 2345.0]


def test_a_table_of_two_hundred_thousand_columns_is_told(tmp_path):
    """Its columns are counted before anything is made of them."""
    path = write(tmp_path, ",".join(f"c{i}" for i in range(200_000)) + "\n")
    with pytest.raises(TableError, match="has 200,000 columns"):
        header(path)


def test_a_field_of_two_megabytes_is_told(tmp_path):
    """Also in the middle of a table; the line is named."""
    path = write(tmp_path, f"name,time_s,limit\na,1,2\n{'b' * 2_000_000},1,2\n")
    with pytest.raises(TableError, match="line 3: field larger than field limit"):
        read_table(path, KINDS)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("mark", [",", "\t"])
@pytest.mark.parametrize("before", ["", "\n\n", " \r\n"])
def test_forms_of_one_table(tmp_path, encoding, mark, before):
    """Tabs, UTF-16 with and without a mark, blank lines first: the same table, and the same line numbers."""
    text = before + "name,time_s,limit\na,1.5,\n".replace(",", mark)
    assert read_table(write(tmp_path, text, encoding), KINDS).time_s.tolist() == [1.5]
    line = 3 + before.count("\n")
    with pytest.raises(TableError, match=f"line {line}, column time_s: 'fast' is not a number"):
        read_table(write(tmp_path, f"{text}b{mark}fast{mark}\n", encoding), KINDS)


def test_a_missing_file_and_a_folder_are_told(tmp_path):
    """A path that is no file is named."""
    with pytest.raises(TableError, match="there is no file"):
        read_table(tmp_path / "none.csv", KINDS)
    with pytest.raises(TableError, match="is a folder"):
        read_table(tmp_path, KINDS)
