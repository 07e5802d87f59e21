"""`manage.py serve`: first start, sharing, deaths of its processes, and the ways to stop it."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator

import pytest

from embedsite.postgres import answers, socket_folder
from tests.serve.instances import TIMEOUT_S, Instance, gone, running

pytestmark = pytest.mark.serve

COUNT_USERS = "from accounts.models import User; print('users:', User.objects.count())"
SHOW_AUDIT = (
    "from accounts.models import AuditEntry as A;"
    " print(*A.objects.order_by('id').values_list('event', flat=True))"
)


@pytest.fixture(scope="module")
def service() -> Iterator[Instance]:
    with running() as service:
        yield service


def test_first_start_introduces_the_first_user(service: Instance) -> None:
    said = service.log.read_text()

    assert re.search(r"First user: admin, password \S{20,}", said)
    assert f"curl -s http://127.0.0.1:{service.port}/v1/search" in said
    assert service.get("/v1/collection", service.token) == 200
    assert service.get("/v1/collection") == 401


def test_a_first_start_that_is_stopped_while_the_model_loads_still_tells_the_password() -> None:
    with running(until="model_converting", EMBED_DEFAULT_MODEL="all-MiniLM-L6-v2") as service:
        service.wait(lambda: "live_settings" in service.log.read_text())  # past the gate
        assert service.stop() == 0
        said = service.log.read_text()

    assert "ready: http" not in said
    assert len(re.findall(r"First user: admin, password \S{20,}", said)) == 1


def test_first_search_can_be_pasted(service: Instance) -> None:
    commands = [line for line in service.log.read_text().splitlines() if line.startswith("  ")]

    done = subprocess.run(
        ["/bin/sh", "-e", "-c", "\n".join(commands)],
        capture_output=True,
        check=True,
        timeout=TIMEOUT_S,
        text=True,
    )

    answers = re.findall(r"\{.*?\}(?=\{|$)", done.stdout, re.DOTALL)
    assert json.loads(answers[-1])["hits"][0]["id"] in {"1", "2"}, done.stdout


def test_commands_beside_it_share_its_database(service: Instance) -> None:
    server = min(service.postgres())

    done = service.manage("shell", "--no-imports", "-c", COUNT_USERS)

    assert done.stdout.splitlines()[-1:] == ["users: 1"], done.stderr
    assert min(service.postgres()) == server


def test_refusals_and_the_first_user_are_on_record(service: Instance) -> None:
    service.get("/v1/collection/absent", service.token)

    def events() -> list[str]:
        done = service.manage("shell", "--no-imports", "-c", SHOW_AUDIT)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()[-1].split()

    assert events()[:2] == ["user.create", "token.create"]
    service.wait(lambda: "request.deny" in events())  # a thread of the web process writes it
    verified = service.manage("verify_audit", "--json")
    assert json.loads(verified.stdout)["whole"], verified.stderr


def test_demo_is_loaded_once(service: Instance) -> None:
    first, second = service.manage("load_demo"), service.manage("load_demo")

    assert re.fullmatch(r"demo: [1-9]\d+ documents\n", first.stdout), first.stderr
    assert second.stdout == first.stdout


def test_taken_port_is_said_before_anything_is_started(service: Instance) -> None:
    done = service.manage("serve", "--port", str(service.port))

    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{service.port} (Address already in use)" in done.stderr


@pytest.mark.parametrize("name", ["web", "worker"])
def test_killed_process_is_restarted(name: str, service: Instance) -> None:
    before = service.child(name)

    os.kill(before, signal.SIGKILL)

    service.wait(lambda: service.child(name) not in {0, before})
    service.wait(service.ready)


def test_killed_database_is_restarted(service: Instance) -> None:
    for pid in service.postgres():
        os.kill(pid, signal.SIGKILL)

    service.wait(lambda: answers(socket_folder(service.data_dir)))
    service.wait(service.ready)


def test_children_end_with_a_killed_parent_and_the_next_start_recovers(service: Instance) -> None:
    assert service.process
    processes = [service.child("web"), service.child("worker")]
    service.process.kill()
    service.process.wait()
    service.process = None
    service.wait(lambda: all(map(gone, processes)))

    service.start()

    assert "First user" not in service.log.read_text()
    assert service.ready()


def test_stop_leaves_nothing_running(service: Instance) -> None:
    processes = [service.child("web"), service.child("worker")]

    status = service.stop()

    assert status == 0
    assert all(map(gone, processes))
    assert service.postgres() == []
    assert not (service.data_dir / "postgres/postmaster.pid").exists()
    assert '"event":"stopped"' in service.log.read_text().splitlines()[-1]
    assert "Traceback" not in service.log.read_text()
