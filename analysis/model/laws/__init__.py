"""The laws of one migration as plain functions of numbers: the one text of each law.

They run as they stand for a few scenarios, are compiled for tables, and are translated for the page
(:mod:`analysis.explorer.translation`). So they keep to what all three understand: numbers, tuples, lists that
are given to be filled, ``if``, ``while`` and ``for`` over a range, and functions of :mod:`math`. Where a
quotient or an exponential could overflow they ask first, for Python raises where the others have infinity.

Words are codes: the place of the word among the parameter's choices. A scenario ``p`` has each parameter as
an attribute, a host's factors on it; see :mod:`.scenario`.
"""
