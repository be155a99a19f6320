"""The laboratory: QEMU moves a machine between two network namespaces over a limited link; tables come out.

    python3 -m data.collect.laboratory LIST.csv --out FOLDER

Needs root on Debian (or a Linux like it) on x86, QEMU, gcc, iproute2, and Python 3.11 with click, rich and
PyYAML. How it works and what it writes: ``docs/laboratory.md``.
"""
