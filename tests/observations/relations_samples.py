"""Relations of answers of QEMU and libvirt."""

import json
import re
from itertools import pairwise

from tests.observations import forms
from tests.observations.relations import answer, migration, read, relation

# --- QEMU ------------------------------------------------------------------------------------------


def qmp_pair(rng, folder, change):
    """The answer of a migration in QMP's form, and after ``change`` of its answers."""
    m = migration(rng)
    answers = json.loads(json.dumps(forms.qmp(m)))
    changed = change(answers)
    text = changed if isinstance(changed, str) else forms.json_lines(changed)
    return answer(read(folder, forms.json_lines(forms.qmp(m)))), answer(read(folder, text))


def shuffled(rng, value):
    """JSON with the names of every object in another order."""
    if isinstance(value, dict):
        items = [(k, shuffled(rng, v)) for k, v in value.items()]
        rng.shuffle(items)
        return dict(items)
    return [shuffled(rng, v) for v in value] if isinstance(value, list) else value


@relation
def names_in_another_order_change_nothing_of_qemu(rng, folder):
    return qmp_pair(rng, folder, lambda answers: shuffled(rng, answers))


@relation
def json_over_many_lines_changes_nothing(rng, folder):
    return qmp_pair(rng, folder, lambda a: "\n".join(json.dumps(x, indent=rng.randint(1, 4)) for x in a))


@relation
def one_list_of_answers_changes_nothing(rng, folder):
    return qmp_pair(rng, folder, json.dumps)


@relation
def greetings_and_events_between_answers_change_nothing(rng, folder):
    foreign = [
        {"QMP": {"version": {}}},
        {"event": "STOP"},
        {"return": {}},
        {"event": "MIGRATION", "data": {}},
    ]
    return qmp_pair(rng, folder, lambda a: inserted(rng, a, foreign))


@relation
def json_of_other_programs_between_answers_changes_nothing(rng, folder):
    foreign = [{"status": {"phase": "Running"}}, {"status": "Running"}, {"kind": "Pod"}, [], {"return": []}]
    foreign += [{"return": {"status": "running", "running": True}}, {"status": None}, {"status": 5}]
    return qmp_pair(rng, folder, lambda a: inserted(rng, a, foreign))


def inserted(rng, items, foreign):
    """Items with foreign ones at random places."""
    items = list(items)
    for _ in range(rng.randint(1, 4)):
        items.insert(rng.randint(0, len(items)), rng.choice(foreign))
    return items


@relation
def an_answer_asked_for_twice_changes_nothing(rng, folder):
    return qmp_pair(rng, folder, lambda a: [x for item in a for x in [item] * rng.randint(1, 3)])


@relation
def unknown_fields_of_qemu_change_nothing(rng, folder):
    def change(answers):
        for item in answers:
            item["return"] |= {"vfio": {"transferred": 0}, "blocked": False, "x-new": rng.random()}
            item["return"]["ram"] |= {"postcopy-requests": 0, "downtime-bytes": rng.randint(0, 9)}
        return answers

    return qmp_pair(rng, folder, change)


@relation
def larger_pages_change_nothing(rng, folder):
    def change(answers):
        for item in answers:
            ram = item["return"]["ram"]
            ram |= {"page-size": 4 * ram["page-size"], "normal": ram["normal"] / 4}
        return answers

    return qmp_pair(rng, folder, change)


@relation
def pages_sent_as_differences_change_nothing_of_qemu(rng, folder):
    share = rng.random()

    def change(answers):
        for item in answers:
            ram = item["return"]["ram"]
            other = int(share * ram["normal"])
            ram["normal"] -= other
            item["return"]["xbzrle-cache"] = {"pages": other, "bytes": 0}
        return answers

    return qmp_pair(rng, folder, change)


@relation
def storage_beside_memory_changes_nothing_of_the_memory(rng, folder):
    def change(answers):
        for item in answers:
            item["return"]["disk"] = {"transferred": rng.randint(1, 2**40), "remaining": 0, "total": 2**40}
        return answers

    return qmp_pair(rng, folder, change)


@relation
def more_samples_change_no_total(rng, folder):
    def change(answers):
        more = []
        for one, two in pairwise(answers):
            middle = json.loads(json.dumps(one))
            between = (one["return"]["total-time"] + two["return"]["total-time"]) // 2
            middle["return"]["total-time"] = between
            more += [one, middle]
        return [*more, answers[-1]]

    return qmp_pair(rng, folder, change)


@relation
def a_file_appended_to_itself_is_one_migration_of_qemu(rng, folder):
    return qmp_pair(rng, folder, lambda answers: answers * 2)


@relation
def two_migrations_in_one_file_or_in_two_are_the_same(rng, folder):
    first, second = migration(rng), migration(rng)
    tagged = forms.qmp(first, "a"), forms.qmp(second, "b")
    apart = read(folder, *(forms.json_lines(t) for t in tagged))
    mixed, queues = [], [list(t) for t in tagged]
    while any(queues):
        mixed.append(rng.choice([q for q in queues if q]).pop(0))
    both = [answer(found) for found in (apart, read(folder, forms.json_lines(mixed)))]
    return sorted(both[0][0], key=str), sorted(both[1][0], key=str)


@relation
def one_key_used_again_keeps_what_is_known_apart(rng, folder):
    parts, right = [], []
    for _ in range(rng.randint(2, 4)):
        rate = rng.choice([1, 10, 25, 40])
        right.append(rate)
        parts += [{"migration": "m", "known": {"bandwidth_gbps": rate}}, *forms.qmp(migration(rng), "m")]
    found = read(folder, forms.json_lines(parts)).migrations
    return right, found.bandwidth_gbps.tolist()


# --- libvirt ---------------------------------------------------------------------------------------


def job_pair(rng, folder, change, digits=3):
    """The answer of a migration in domjobinfo's form, and after ``change`` of its text."""
    m = migration(rng)
    text = forms.domjobinfo(m)
    return tuple(answer(read(folder, t), digits=digits) for t in (text, change(text)))


@relation
def other_units_of_size_change_nothing(rng, folder):
    unit, factor = rng.choice([("KiB", 2**10), ("B", 2**20), ("GiB", 2**-10)])

    def other(match):
        return f"{match[1]}{float(match[2]) * factor:.12f} {unit}"

    return job_pair(rng, folder, lambda t: re.sub(r"(: +)([\d.]+) *MiB$", other, t, flags=re.MULTILINE))


@relation
def seconds_instead_of_milliseconds_change_nothing(rng, folder):
    def other(match):
        return f"{match[1]}{int(match[2]) / 1000:.3f} s"

    return job_pair(rng, folder, lambda t: re.sub(r"(: +)(\d+) *ms$", other, t, flags=re.MULTILINE))


def each_answer(text, change):
    """A text of domjobinfo with the lines of each answer changed."""
    return "\n\n".join("\n".join(change(part.strip().split("\n"))) for part in text.split("\n\n")) + "\n"


@relation
def lines_of_an_answer_in_another_order_change_nothing(rng, folder):
    def change(lines):
        rest = lines[1:]
        rng.shuffle(rest)
        return [lines[0], *rest]

    return job_pair(rng, folder, lambda t: each_answer(t, change))


@relation
def another_job_between_answers_changes_nothing(rng, folder):
    job = rng.choice(["Dump", "Save", "Restore", "Snapshot", "Backup", "Snapshot revert"])
    other = f"Job type: {rng.choice(['Completed', 'Unbounded'])}\nOperation: {job}\nTime elapsed: 99000 ms\n"
    other += "Data processed: 777.000 MiB\nMemory total: 256.000 MiB\nTotal downtime: 5000 ms"

    def change(text):
        parts = text.split("\n\n")
        parts.insert(rng.randint(0, len(parts)), other)
        return "\n\n".join(parts)

    return job_pair(rng, folder, change)


@relation
def pages_sent_as_differences_change_nothing_of_libvirt(rng, folder):
    share = rng.random()

    def other(match):
        moved = int(share * int(match[1]))
        return f"Normal pages: {int(match[1]) - moved}\nCompressed pages: {moved}"

    return job_pair(rng, folder, lambda t: re.sub(r"Normal pages: +(\d+)", other, t))


@relation
def storage_of_libvirt_changes_nothing_of_the_memory(rng, folder):
    disk = rng.randint(1, 10**6)

    def other(match):
        size = float(match[1])
        both = f"Data processed: {size + disk:.3f} MiB\nMemory processed: {size:.3f} MiB"
        return f"{both}\nFile processed: {disk} MiB"

    m = migration(rng)
    text = forms.domjobinfo(m)
    changed = re.sub(r"Data processed: +([\d.]+) +MiB", other, text)
    return answer(read(folder, text), digits=4), answer(read(folder, changed), digits=4)


@relation
def foreign_lines_between_answers_change_nothing(rng, folder):
    def change(text):
        lines = text.split("\n")
        for _ in range(rng.randint(1, 4)):
            lines.insert(rng.randint(0, len(lines)), rng.choice(["", "error?", "# a remark", "---"]))
        return "\n".join(lines)

    return job_pair(rng, folder, change)


@relation
def a_file_appended_to_itself_is_one_migration_of_libvirt(rng, folder):
    return job_pair(rng, folder, lambda text: f"{text}\n{text}")
