"""Socket Mode, the probes of the web process, the catalog read anew, and who may start on which Redis."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from accessbot.sandbox.processes import ROOT, clean_environment
from accessbot.sandbox.redis_server import RedisServer
from accessbot.sandbox.run import sandbox
from accessbot.sandbox.world import CATALOG
from tests.life.conftest import Life

PROCESSES = {
    "web": [sys.executable, "app.py"],
    "worker": [str(Path(sys.executable).parent / "accessbot"), "worker"],
    "clock": [str(Path(sys.executable).parent / "accessbot"), "clock"],
}
MORE = """
  - id: audit-reader
    account: staging
    permission_set: AdministratorAccess
    group: aws-audit-reader@example.com
    policy: usual
    description: Added while it ran
policies:"""


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the sandbox's catalog to where a test may change it."""
    path = tmp_path_factory.mktemp("catalog") / "catalog.yml"
    path.write_text(CATALOG.read_text(encoding="utf-8"), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def life(catalog: Path) -> Iterator[Life]:
    """Run a sandbox to which Slack delivers over a socket."""
    with sandbox(socket_mode=True, extra={"ACCESSBOT_CATALOG": str(catalog)}) as box:
        alive = Life(box)
        alive.wait("the socket", box.workspace.socket_mode.connected)
        yield alive


def probe(life: Life, path: str) -> tuple[int, str]:
    """Read one page of the web process."""
    url = f"http://127.0.0.1:{life.box.environment['PORT']}{path}"
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_grant_lives_over_a_socket(life: Life) -> None:
    """In Socket Mode asking, deciding and ending work as they do over HTTP."""
    maya = life.person("maya")
    life.granted(maya, "staging-admin 30m over a socket")
    maya.click(maya.command("/my-access").answers[0], "End access")
    life.wait("the end", lambda: life.grants()[-1]["state"] == "revoked")
    assert not any("maya@example.com" in side for side in life.members("staging-admin"))


def test_the_probes_answer_in_socket_mode_too(life: Life) -> None:
    """/healthz, /readyz and /metrics are on PORT; readyz names what is away; deliveries over HTTP are not taken."""
    assert probe(life, "/healthz") == (200, "ok\n")
    status, body = probe(life, "/readyz")
    assert (status, set(json.loads(body).values())) == (200, {"ok"})
    status, body = probe(life, "/metrics")
    assert status == 200
    assert 'accessbot_processes{role="clock"}' in body
    assert probe(life, "/slack/events")[0] == 404


def test_a_catalog_is_read_anew_without_a_restart(life: Life, catalog: Path) -> None:
    """SIGHUP brings a new entitlement to every process; a broken file after it changes nothing and says why."""
    noah = life.person("noah")
    life.box.world.google.directory.add_group("aws-audit-reader@example.com")
    life.box.world.aws.add_group("aws-audit-reader")
    life.box.world.aws.assign("333344445555", "AdministratorAccess", "aws-audit-reader")
    good = catalog.read_text(encoding="utf-8").replace("\npolicies:", MORE)
    catalog.write_text(good, encoding="utf-8")
    _hang_up(life)
    life.wait("the new entitlement", lambda: "audit-reader" in str(_offered(life)))
    life.granted(noah, "audit-reader 30m read anew")
    catalog.write_text(good.replace("approvals: 1", "approvals: none"), encoding="utf-8")
    _hang_up(life)
    life.wait("the mistake in the log", lambda: "catalog.yml:" in life.box.processes.tail("web", 50))
    life.granted(noah, "data-analyst 30m on the old one")
    catalog.write_text(good, encoding="utf-8")
    _hang_up(life)


def test_different_catalogs_are_noticed(life: Life, catalog: Path) -> None:
    """When one process works with another catalog than the others, the operators read it; and that it is over."""
    before = catalog.read_text(encoding="utf-8")
    catalog.write_text(before.replace("Query the data warehouse", "Query all the data"), encoding="utf-8")
    os.kill(life.box.processes.running["worker"].pid, signal.SIGHUP)
    ines = life.person("ines")
    ines.wait_for_message("alerts", "different catalogs", timeout=20)
    _hang_up(life)
    life.wait("one catalog", lambda: "accessbot_catalogs 1.0" in probe(life, "/metrics")[1])


def _hang_up(life: Life) -> None:
    for process in life.box.processes.running.values():
        os.kill(process.pid, signal.SIGHUP)


def _offered(life: Life) -> object:
    return life.person("noah").command("/request-aws", "audit-reader nonsense").ok and life.person("noah").views()


@pytest.mark.parametrize("name", sorted(PROCESSES))
def test_real_processes_refuse_a_sandbox_s_redis(life: Life, name: str) -> None:
    """Pointed at the sandbox's Redis, a real process leaves at once, with one line that says what to do."""
    environment = {key: value for key, value in life.box.environment.items() if key != "ACCESSBOT_SANDBOX"}
    ran = subprocess.run(
        PROCESSES[name], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert ran.returncode == 1
    assert len(ran.stderr.strip().splitlines()) == 1
    assert "set REDIS_URL to your own" in ran.stderr


@pytest.mark.parametrize("name", sorted(PROCESSES))
def test_missing_settings_are_named_a_line_each(tmp_path: Path, name: str) -> None:
    """With nothing set each process leaves with status 1 and a line for each variable that it cannot do without."""
    ran = subprocess.run(
        PROCESSES[name],
        cwd=ROOT,
        env=clean_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ran.returncode == 1
    assert any(line.startswith("REDIS_URL is not set: ") or "REDIS_URL" in line for line in ran.stderr.splitlines())
    assert ("SLACK_BOT_TOKEN" in ran.stderr) is (name != "clock")
    assert "Traceback" not in ran.stderr


def test_the_sandbox_refuses_a_redis_that_holds_something_else(tmp_path: Path) -> None:
    """A Redis of the sandbox's own has to be on this machine, and empty or a sandbox's already."""
    script = str(Path(sys.executable).parent / "accessbot")
    with RedisServer() as server:
        redis.Redis.from_url(server.url).set("somebody", "else's")
        for url, words in ((server.url, "holds something"), ("redis://192.0.2.1:6379/0", "this machine")):
            environment = clean_environment(tmp_path) | {"ACCESSBOT_SANDBOX_REDIS_URL": url}
            ran = subprocess.run(
                [script, "sandbox", "--play"], env=environment, capture_output=True, text=True, timeout=30, check=False
            )
            assert ran.returncode == 1
            assert words in ran.stderr


def test_the_minute_plays_whatever_the_machine_is_set_to(tmp_path: Path) -> None:
    """`accessbot sandbox --play` inherits nothing, tells the changes in order, and leaves with 0."""
    environment = clean_environment(tmp_path) | {
        "SLACK_BOT_TOKEN": "xoxb-real",
        "SLACK_API_URL": "https://slack.example.com/api/",
        "AWS_ENDPOINT_URL": "https://aws.example.com",
        "AWS_PROFILE": "production",
        "GOOGLE_API_URL": "https://google.example.com",
        "REDIS_URL": "redis://redis.example.com:6379/0",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }
    environment.pop("NO_PROXY")
    script = str(Path(sys.executable).parent / "accessbot")
    ran = subprocess.run(
        [script, "sandbox", "--play"], env=environment, capture_output=True, text=True, timeout=90, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    marks = ["/request-aws", "presses Approve", "Google group", "AWS group", "Your access is ready", "has ended"]
    places = [ran.stdout.index(mark) for mark in marks]
    assert places == sorted(places)
    assert ran.stdout.count("removed —") == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
def test_nothing_outlives_the_sandbox(tmp_path: Path, number: signal.Signals) -> None:
    """However the sandbox ends, none of its processes is left running."""
    script = str(Path(sys.executable).parent / "accessbot")
    running = subprocess.Popen(
        [script, "sandbox", "--port", "0"], env=clean_environment(tmp_path), stdout=subprocess.PIPE, text=True
    )
    with running:
        lines = running.stdout or ()
        assert any("is ready" in line for line in lines)
        family = _descendants(running.pid)
        running.send_signal(number)
        running.wait(30)
    assert len(family) > 8
    deadline = time.monotonic() + 15
    while left := [pid for pid in family if _runs(pid)]:
        assert time.monotonic() < deadline, f"still running: {left}"
        time.sleep(0.05)


def _descendants(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [each for child in children for each in (int(child), *_descendants(int(child)))]


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
