"""What happens when things break: no spent token is good twice, no revocation is forgotten, and each caller is told."""

import http.client
import os
import resource
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.faults.servers import Answer, Server, opened, serving, until
from tests.stores.servers import Valkey

CLIENTS = 4
KILLS = 3


class StormyClient:
    """A client that refreshes without a pause, asks again where it got no answer, and keeps book."""

    def __init__(self, server: Server, token: str) -> None:
        self._server = server
        self._token = token
        self.successors: Counter[str] = Counter()
        self.odd: list[Answer] = []
        self.newest = token
        self.has_lost_its_answer = False

    def run(self, ended: threading.Event) -> None:
        """Go on until the storm is over, or an answer with the next token got lost."""
        while not ended.is_set() and not self.has_lost_its_answer:
            try:
                answer = self._server.refresh(self.newest)
            except (OSError, http.client.HTTPException):
                ended.wait(0.1)
                continue
            if answer.status == 200 and "refresh_token" in answer.document:
                self.successors[self.newest] += 1
                self.newest = answer.document["refresh_token"]
            elif answer.status == 200:
                self.has_lost_its_answer = True
            elif answer.status != 503:
                self.odd.append(answer)


def has_gone_on(clients: Sequence[StormyClient], seen: int) -> bool:
    """Tell whether five more refreshes have been answered, or nobody is left to ask for one."""
    answered = sum(sum(client.successors.values()) for client in clients)
    return answered > seen + 5 or all(client.has_lost_its_answer for client in clients)


def test_a_server_that_is_killed_in_a_storm_of_refreshes_spends_each_token_once(store_url: str, tmp_path: Path) -> None:
    """RFC 9700, section 4.14.2, also where nobody knows whether an answer was on its way."""
    ended = threading.Event()
    with serving(tmp_path, store_url) as server, opened(store_url) as store:
        clients = [StormyClient(server, server.pair(store).refresh_token or "") for _ in range(CLIENTS)]
        threads = [threading.Thread(target=client.run, args=(ended,)) for client in clients]
        for thread in threads:
            thread.start()
        for _ in range(KILLS):
            seen = sum(sum(client.successors.values()) for client in clients)
            until(partial(has_gone_on, clients, seen))
            server.kill()
            server.start()
        server.wait()
        ended.set()
        for thread in threads:
            thread.join()
        alive = [client for client in clients if not client.has_lost_its_answer]

        assert [client.odd for client in clients] == [[]] * CLIENTS
        assert {count for client in clients for count in client.successors.values()} <= {1}
        assert [server.refresh(client.newest).status for client in alive] == [200] * len(alive)
        spent = [token for client in clients for token in list(client.successors)[:1]]
        assert ["refresh_token" in server.refresh(token).document for token in spent] == [False] * len(spent)


def test_redis_that_is_killed_and_started_again_forgets_nothing(valkey: Valkey, tmp_path: Path) -> None:
    """Our choice: what was answered with 200 is there, and in between each caller gets a clear answer."""
    with (
        serving(tmp_path, valkey.url, MCP_STORE_STALE_SECS="3") as server,
        opened(valkey.url) as store,
    ):
        revoked, good = server.pair(store), server.pair(store)
        taken_back = server.post_form("/revoke", token=revoked.access_token)
        newest = server.refresh(good.refresh_token or "").document["refresh_token"]
        valkey.kill()
        until(lambda: server.ready() == 503)
        during = [server.refresh(newest), server.call(good.access_token)]
        valkey.start()
        server.wait()
        after = server.refresh(newest)
        with serving(tmp_path, valkey.url, public=server.origin) as fresh:
            statuses = [fresh.call(each).status for each in (revoked.access_token, good.access_token)]

        assert taken_back.status == 200
        assert [(each.status, each.headers["retry-after"]) for each in during] == [(503, "5")] * 2
        assert [during[0].document["error"], during[1].document["code"]] == ["store_unavailable"] * 2
        assert (after.status, "refresh_token" in after.document) == (200, True)
        assert server.call(revoked.access_token).document["code"] == "token_revoked"
        assert statuses == [401, 200]


def test_a_redis_that_hangs_holds_neither_its_callers_for_long_nor_anybody_else(valkey: Valkey, tmp_path: Path) -> None:
    """Our choice: the store is waited for in threads, for a second or two."""
    with serving(tmp_path, valkey.url) as server, opened(valkey.url) as store, ThreadPoolExecutor(40) as pool:
        pairs = [server.pair(store) for _ in range(40)]
        valkey.send(signal.SIGSTOP)
        waiting = [pool.submit(server.refresh, pair.refresh_token or "") for pair in pairs]
        health = server.ask("GET", "/health").status
        call = server.call(pairs[0].access_token).status
        still_waiting = [each for each in waiting if not each.done()]
        answers = [each.result() for each in waiting]
        valkey.send(signal.SIGCONT)
        server.wait()
        again = [server.refresh(pair.refresh_token or "").status for pair in pairs[:3]]

        assert (health, call, len(still_waiting) > 0) == (200, 200, True)
        assert {(each.status, each.document["error"]) for each in answers} == {(503, "store_unavailable")}
        assert again == [200] * 3


def test_a_slow_store_makes_callers_wait_and_nobody_else(valkey: Valkey, tmp_path: Path) -> None:
    """Our choice: what comes late is still right."""
    with serving(tmp_path, valkey.url) as server, opened(valkey.url) as store, ThreadPoolExecutor(5) as pool:
        pairs = [server.pair(store) for _ in range(5)]
        valkey.pause(milliseconds=500)
        waiting = [pool.submit(server.refresh, pair.refresh_token or "") for pair in pairs]
        health = server.ask("GET", "/health").status
        answers = [each.result() for each in waiting]

        assert health == 200
        assert [(each.status, "refresh_token" in each.document) for each in answers] == [(200, True)] * 5


@contextmanager
def limited(server: Server, folder: Path) -> Iterator[None]:
    """Let no file of the server grow, as on a full disk."""
    size = max(path.stat().st_size for path in folder.glob("store.db*"))
    _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (min(4096, size), hard))
    yield
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (hard, hard))


@contextmanager
def filled(_: Server, folder: Path) -> Iterator[None]:
    """Fill the disk."""
    with (folder / "filler").open("wb", buffering=0) as filler:
        for size in (65536, 4096, 512):
            try:
                while True:
                    filler.write(bytes(size))
            except OSError:
                continue
    yield
    (folder / "filler").unlink()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a disk of two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("only root may mount a small disk, and not everywhere")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("fault", ["a disk that is full", "a file that must not grow"])
def test_a_full_disk_refuses_to_write_and_loses_nothing(
    fault: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Our choice: 503 until there is room, and what was written before is still known."""
    is_disk = fault == "a disk that is full"
    folder: Path = request.getfixturevalue("small_disk") if is_disk else tmp_path
    url = f"sqlite:///{folder}/store.db"
    with serving(tmp_path, url) as server, opened(url) as store:
        first, second, third = (server.pair(store) for _ in range(3))
        server.post_form("/revoke", token=first.access_token)
        with (filled if is_disk else limited)(server, folder):
            refused = [
                server.refresh(second.refresh_token or ""),
                server.post_form("/revoke", token=second.access_token),
            ]
            during = [server.call(each.access_token).status for each in (first, second)]
        answers = [server.refresh(second.refresh_token or ""), server.refresh(third.refresh_token or "")]

        assert [(each.status, each.document["error"]) for each in refused] == [(503, "store_unavailable")] * 2
        assert during == [401, 200]
        assert [("refresh_token" in each.document) for each in answers] == [True, True]
        assert server.call(first.access_token).document["code"] == "token_revoked"


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_jumps_by_an_hour_revives_nothing(hours: int, tmp_path: Path) -> None:
    """Our choice: how long the store has been silent is counted on another clock, and turns are counted on none."""
    url = f"sqlite:///{tmp_path}/store.db"
    with serving(tmp_path, url, clocked=True, MCP_JWT_EXPIRY_HOURS="3") as server, opened(url) as store:
        first, other = server.pair(store), server.pair(store)
        server.post_form("/revoke", token=other.access_token)
        second = server.refresh(first.refresh_token or "").document
        server.move_clock(3600 * hours)
        revoked = server.call(other.access_token)
        ready = server.ready()
        third = server.refresh(second["refresh_token"])
        server.move_clock(0)
        spent = server.refresh(first.refresh_token or "")

        assert ready == 200
        assert revoked.document["code"] in {"token_revoked", "token_not_yet_valid"}
        assert (third.status, "refresh_token" in third.document) == (200, True)
        assert spent.document["error"] == "invalid_grant"
        assert server.refresh(third.document["refresh_token"]).document["error"] == "invalid_grant"


def test_three_replicas_on_one_redis_share_what_is_revoked_and_what_is_spent(valkey: Valkey, tmp_path: Path) -> None:
    """Our choice: a replica is no place to hide. One name for all of them, as behind a proxy."""
    with (
        opened(valkey.url) as store,
        serving(tmp_path, valkey.url) as first,
        serving(tmp_path, valkey.url, public=first.origin) as second,
        serving(tmp_path, valkey.url, public=first.origin) as third,
        ThreadPoolExecutor(12) as pool,
    ):
        servers = (first, second, third)
        revoked, raced = first.pair(store), first.pair(store)
        before = [server.call(revoked.access_token).status for server in servers]
        first.post_form("/revoke", token=revoked.access_token)
        for server in servers:
            until(partial(is_refused, server, revoked.access_token))
        answers = list(pool.map(lambda number: servers[number % 3].refresh(raced.refresh_token or ""), range(12)))

        assert before == [200] * 3
        assert [each.status for each in answers] == [200] * 12
        assert sum("refresh_token" in each.document for each in answers) == 1


def is_refused(server: Server, token: str) -> bool:
    return server.call(token).status == 401
