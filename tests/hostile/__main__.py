"""``make hostile``: every case of the table, those of the night too, and how many ended as they should."""

import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

# Before the package: small tables need no compiled kernel.
os.environ.setdefault("MIGRATION_STUDY_KERNEL", "plain")

from tests.hostile import table


def main() -> int:
    """Run all, tell what failed, and count by face."""
    home = Path.cwd()
    done: Counter[str] = Counter()
    good: Counter[str] = Counter()
    for case in table.cases():
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            case.lay(place)
            before = {path for path in place.rglob("*") if path.is_file()}
            os.chdir(place)
            result = table.run(case)
            os.chdir(home)
            after = {path for path in place.rglob("*") if path.is_file()}
        found = table.faults(case, result, before, after)
        done[case.face] += 1
        good[case.face] += not found
        for fault in found:
            print(f"{case.name}: {case.given[:100]!r}: {fault}", file=sys.stderr)
    for face in [*sorted(done), "all"]:
        right, count = (sum(good.values()), sum(done.values())) if face == "all" else (good[face], done[face])
        print(f"{face.replace('_', ' '):16} {right:5} of {count:5} ended in their sentence")
    return int(sum(good.values()) < sum(done.values()))


if __name__ == "__main__":
    sys.exit(main())
