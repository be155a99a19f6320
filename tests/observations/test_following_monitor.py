"""A session with QEMU's monitor: what is asked of it, what is kept, and every way in which it can fail."""

import json
import socket
import threading
from contextlib import contextmanager

import pytest

from analysis.errors import UserError
from analysis.observations import following

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no sockets in files here")
GREETING = {"QMP": {"version": {}, "capabilities": []}}


@contextmanager
def monitor(path, answers, greeting=GREETING):
    """One that answers ``query-migrate`` with these in turn, the last again and again, and ends at None."""
    asked, todo = [], list(answers)

    def serve():
        session = listener.accept()[0]
        with session, session.makefile("rb") as lines, session.makefile("wb", 0) as out:
            out.write(json.dumps(greeting).encode() + b"\n")
            for line in lines:
                asked.append(json.loads(line)["execute"])
                out.write(b'{"event": "MIGRATION_PASS", "data": {"pass": 1}}\n')
                told = {"return": {"downtime-limit": 300} if asked[-1].endswith("parameters") else {}}
                if asked[-1] == "query-migrate":
                    answer = todo.pop(0) if len(todo) > 1 else todo[0]
                    if answer is None:
                        return
                    told = answer if "error" in answer else {"return": answer}
                out.write(json.dumps(told).encode() + b"\n")

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        server = threading.Thread(target=serve, daemon=True)
        server.start()
        yield asked
        server.join(10)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Where the socket is: by a short name, as a system takes some hundred letters."""
    monkeypatch.chdir(tmp_path)
    return following.Path("q")


def spooled(path):
    """What was kept, by line."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_migration_is_kept_from_its_begin_to_its_end(place, tmp_path):
    """One that was over before is not taken for it; the limit in force is told once, before what it rules."""
    old = {"status": "completed", "total-time": 7}
    new = [{"status": "setup"}, {"status": "active", "ram": {}}, {"status": "completed", "total-time": 9}]
    with monitor(place, [old, old, {}, *new]) as asked:
        looks = list(following.follow_qmp(place, tmp_path / "spool", 0.0))
    assert following.is_socket(place)
    assert looks == [tmp_path / "spool"] * 3
    assert spooled(tmp_path / "spool") == [
        {"known": {"blackout_target_ms": 300.0}},
        *({"return": each} for each in new),
    ]
    assert asked[0] == "qmp_capabilities"
    assert asked.count("query-migrate-parameters") == 3


def test_one_that_is_under_way_is_followed_at_once(place, tmp_path):
    """Its first look is kept."""
    with monitor(place, [{"status": "active"}, {"status": "active"}, {"status": "failed"}]):
        assert len(list(following.follow_qmp(place, tmp_path / "spool", 0.0))) == 2
    assert [each["return"]["status"] for each in spooled(tmp_path / "spool")[1:]] == ["active", "failed"]


@pytest.mark.parametrize(
    ("answers", "greeting", "said"),
    [
        ([{"error": {"desc": "not now"}}], GREETING, "QEMU refused query-migrate: .*not now"),
        ([{"status": "active"}, None], GREETING, "ended the session before the migration did"),
        ([{}], {"hello": 1}, "is not QEMU's monitor"),
        ([{}], [1], "is not QEMU's monitor"),
    ],
)
def test_what_goes_wrong_is_told(place, tmp_path, answers, greeting, said):
    """A refusal, a session that ends, another program."""
    with monitor(place, answers, greeting), pytest.raises(UserError, match=said):
        list(following.follow_qmp(place, tmp_path / "spool", 0.0))


def test_silence_is_told(place, monkeypatch):
    """Of what listens and says nothing."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        listener.listen()
        with pytest.raises(UserError, match="does not answer"), following._Monitor(place, timeout_s=0.05):
            pass


def test_a_system_without_such_sockets_is_told(monkeypatch):
    """Windows: a file or a command is watched there."""
    monkeypatch.delattr(socket, "AF_UNIX")
    with pytest.raises(UserError, match="watch a file or a command"):
        following._Monitor(following.Path("q"))
