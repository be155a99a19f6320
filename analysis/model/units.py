"""Constants of units: memory in binary multiples, rates of links in decimal bits."""

PAGE_BYTES = 4096
"""Bytes in a page, the grain of dirty tracking on x86."""

MIB = 2**20
GIB = 2**30
PAGES_PER_GIB = GIB // PAGE_BYTES

GBIT = 1e9
"""Bits in a Gbit of link rate."""
