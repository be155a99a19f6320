"""The face of a page's address: what stands behind ``#`` of the calculator, and what is left out of it.

Without an equals sign it is a place in the page, and nothing is said of it.
"""

MANY = "&".join(f"x{k}=1" for k in range(2000))
ADDRESSES = [
    ("memory_gib=64", []),
    ("memory_gib=", ["memory_gib"]),
    ("memory_gib=x", ["memory_gib"]),
    ("memory_gib=-1", ["memory_gib"]),
    ("memory_gib=nan", ["memory_gib"]),
    ("memory_gib=NaN", ["memory_gib"]),
    ("memory_gib=Infinity", ["memory_gib"]),
    ("memory_gib=1e308", ["memory_gib"]),
    ("memory_gib=1e999", ["memory_gib"]),
    ("memory_gib=0", ["memory_gib"]),
    ("memory_gib=1;2", ["memory_gib"]),
    ("memory_gib=64&memory_gib=x", ["memory_gib"]),
    ("nonsense=1", ["nonsense"]),
    ("=1", [""]),
    ("memory_gib", []),
    ("__proto__=1", ["__proto__"]),
    ("constructor=1", ["constructor"]),
    ("toString=1", ["toString"]),
    ("hasOwnProperty=1", ["hasOwnProperty"]),
    ("transport=rdma", ["transport"]),
    ("transport=__proto__", ["transport"]),
    ("transport=%3Cscript%3Ewindow.ran=1%3C/script%3E", ["transport"]),
    ("%3Cscript%3Ewindow.ran=1%3C/script%3E=1", ["<script>window.ran"]),
    ("%3Cimg%20src=x%20onerror=window.ran=1%3E", ["<img src"]),
    ("javascript:window.ran=1", ["javascript:window.ran"]),
    ("send_buffers=1.5", ["send_buffers"]),
    ("bandwidth_gbps=0", ["bandwidth_gbps"]),
    ("%", []),
    ("%E0%A4%A", []),
    ("a=%00", ["a"]),
    ("\u202e=1", ["\u202e"]),
    (MANY, [f"x{k}" for k in range(2000)]),
    ("memory_gib=" + "9" * 5000, ["memory_gib"]),
    ("memory_gib=64&" + "a" * 20000, ["a" * 20000]),
]
"""What stands behind ``#``, and the names that are told to have been left out."""
