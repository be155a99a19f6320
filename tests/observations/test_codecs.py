"""The reader of measured compressors."""

import pytest

from analysis.observations.codecs import HARD, read_codecs
from analysis.observations.tables import TableError

HEAD = (
    "image,compressor,block_bytes,ratio_nonzero_pages,compress_mb_per_cpu_s_median,"
    "decompress_mb_per_cpu_s_median"
)
ROWS = (
    "idle,lz4,4096,2.0,1073.741824,2147.483648",
    "redis,lz4,4096,3.0,536.870912,2147.483648",
    "numpy,lz4,4096,1.5,107.3741824,2147.483648",
    "encrypted,lz4,4096,1.1,1610.612736,4294.967296",
    "idle,lz4,65536,2.5,1073.741824,2147.483648",
    "idle,memcpy,4096,1.0,9000,9000",
)


@pytest.fixture
def table(tmp_path):
    """A small file of measurements, easy to follow by hand: 1073.741824 MB/s is 1 GiB/s."""
    path = tmp_path / "compression.csv"
    path.write_text("\n".join([HEAD, *ROWS]) + "\n", encoding="utf-8")
    return path


def test_medians_over_ordinary_images(table):
    """Of ratios 2, 3, 1.5 and speeds 1, 0.5, 0.1 GiB/s the median; memcpy and encrypted memory stay out."""
    codecs = read_codecs(table).set_index(["compressor", "block_kib"])
    assert list(codecs.index) == [("lz4", 4.0), ("lz4", 64.0)]
    row = codecs.loc[("lz4", 4.0)]
    assert row.compression_ratio == 2.0
    assert (row.ratio_low, row.ratio_high) == (1.5, 3.0)
    assert row.compress_gib_per_s_per_core == pytest.approx(0.5)
    assert row.decompress_gib_per_s_per_core == pytest.approx(2.0)


def test_hard_images_apart(table):
    """Encrypted and packed memory are asked for by themselves."""
    (row,) = read_codecs(table, hard=True).itertuples()
    assert row.compression_ratio == 1.1
    assert row.compress_gib_per_s_per_core == pytest.approx(1.5)


def test_the_studys_own_measurements():
    """Fifteen compressors; faster settings compress less; hard memory hardly at all."""
    codecs = read_codecs()
    assert codecs.compressor.nunique() == 15
    assert (codecs.compression_ratio > 1).all()
    assert codecs.ratio_low.le(codecs.compression_ratio).all()
    assert codecs.ratio_high.ge(codecs.compression_ratio).all()
    zstd = codecs[codecs.block_kib == 64].set_index("compressor").loc[["zstd-1", "zstd-3", "zstd-9"]]
    assert zstd.compression_ratio.is_monotonic_increasing
    assert zstd.compress_gib_per_s_per_core.is_monotonic_decreasing
    assert read_codecs(hard=True).compression_ratio.max() < codecs.compression_ratio.median()
    assert len(HARD) == 2


def test_the_default_compressor_is_a_measured_one():
    """The study's defaults are those of XPRESS LZ77 on blocks of 4 KiB, within the error of its speed."""
    from analysis.parameters import PARAMETERS

    codecs = read_codecs().set_index(["compressor", "block_kib"]).loc[("xpress-lz77-ms-0", 4.0)]
    for name, tolerance in (("compression_ratio", 0.05), ("compress_gib_per_s_per_core", 0.3)):
        assert PARAMETERS[name].default == pytest.approx(codecs[name], rel=tolerance)


def test_a_file_of_another_form(tmp_path):
    """A file without the columns is refused in a sentence that names them."""
    path = tmp_path / "other.csv"
    path.write_text("image,compressor\nidle,lz4\n", encoding="utf-8")
    with pytest.raises(TableError, match="block_bytes"):
        read_codecs(path)
