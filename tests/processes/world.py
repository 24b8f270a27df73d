"""A sandbox as a process, people who act on it through the upstream APIs alone, and `sync` as a process that can be killed."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import httpx

from reconciler.cli.demo_stage import SECRETS, SPEC

HERE = Path(__file__).parent


@contextmanager
def sandbox(time_scale: float = 20.0) -> Iterator[dict[str, str]]:
    """`reconciler sandbox` as a process with the demo's world; yields its addresses."""
    world = resources.files("reconciler.sandbox").joinpath("demo.yaml").read_text(encoding="utf-8")
    # People here also look at lists of requests, so that they do not use up the product's share of slower calls.
    world = world.replace('"im:message:send_as_bot"]', '"im:message:send_as_bot", "approval:approval.list:readonly"]')
    with tempfile.TemporaryDirectory() as folder:
        seed = Path(folder) / "seed.yaml"
        seed.write_text(world, encoding="utf-8")
        command = [sys.executable, "-m", "reconciler", "sandbox", "--format", "json", "--seed", str(seed)]
        command += ["--time-scale", str(time_scale)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
            process.send_signal(signal.SIGTERM)
            assert process.wait(15) == 0
        finally:
            process.kill()
            process.wait()


@dataclass
class People:
    """Everybody, acting through Bytebase's and Feishu's own APIs."""

    bytebase_url: str
    feishu_url: str

    def __post_init__(self) -> None:
        self.http = httpx.Client(timeout=20)
        self.tokens: dict[str, str] = {}
        body = {"app_id": "cli_sandbox", "app_secret": "sandbox"}
        answer = self.http.post(f"{self.feishu_url}/open-apis/auth/v3/tenant_access_token/internal", json=body)
        self.feishu_token = answer.json()["tenant_access_token"]

    def bytebase(self, who: str, method: str, path: str, body: object = None) -> dict[str, Any]:
        if who not in self.tokens:
            login = {"email": f"{who}@example.com", "password": "Passw0rd!"}
            self.tokens[who] = self.http.post(f"{self.bytebase_url}/v1/auth/login", json=login).json()["token"]
        headers = {"Authorization": f"Bearer {self.tokens[who]}"}
        answer = self.http.request(method, f"{self.bytebase_url}/v1/{path}", json=body, headers=headers)
        assert answer.status_code == 200, (method, path, answer.text)
        return answer.json()

    def feishu(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.feishu_token}"}
        url = f"{self.feishu_url}/open-apis/{path}"
        while True:
            answer = self.http.request(method, url, json=body, headers=headers).json()
            if answer.get("code") == 99991400:
                time.sleep(1)
                continue
            assert answer.get("code") == 0, (method, path, answer)
            return answer.get("data") or {}

    def change(self, number: int) -> str:
        """Alice writes a change over test and prod; returns the plan's name."""
        spec = self._spec(f"ALTER TABLE t{number} ADD COLUMN c int;")
        plan = self.bytebase("alice", "POST", "projects/demo/plans", {"title": f"Change {number}", "specs": [spec]})
        issue = {"type": "DATABASE_CHANGE", "title": f"Change {number}", "plan": plan["name"]}
        self.bytebase("alice", "POST", "projects/demo/issues", issue)
        return str(plan["name"])

    def edit(self, plan: str, sql: str) -> None:
        """Alice changes what a plan without a rollout would run."""
        spec = {**self._spec(sql), "id": self.bytebase("alice", "GET", plan)["specs"][0]["id"]}
        self.bytebase("alice", "PATCH", f"{plan}?update_mask=specs", {"name": plan, "specs": [spec]})

    def _spec(self, sql: str) -> dict[str, Any]:
        content = base64.b64encode(sql.encode()).decode()
        sheet = self.bytebase("alice", "POST", "projects/demo/sheets", {"content": content})["name"]
        targets = [f"instances/inst-{place}/databases/shop_{place}" for place in ("test", "prod")]
        return {"id": str(uuid.uuid4()), "changeDatabaseConfig": {"targets": targets, "sheet": sheet}}

    def open_id(self, who: str) -> str:
        body = {"emails": [f"{who}@example.com"]}
        found = self.feishu("POST", "contact/v3/users/batch_get_id?user_id_type=open_id", body)
        return str(found["user_list"][0]["user_id"])

    def instances(self, definition: str) -> list[dict[str, Any]]:
        """Every request ever made from a definition."""
        now = int(time.time() * 1000)
        codes: list[str] = []
        token = ""
        while True:
            window = f"start_time={now - 3_600_000}&end_time={now + 60_000}&page_size=100&page_token={token}"
            page = self.feishu("GET", f"approval/v4/instances?approval_code={definition}&{window}")
            codes += page.get("instance_code_list", [])
            token = page.get("page_token", "")
            if not page.get("has_more"):
                break
        return [self.feishu("GET", f"approval/v4/instances/{code}?locale=en-US") for code in codes]

    def pending(self, definition: str) -> list[str]:
        """Codes of the requests that wait, as Feishu's own search finds them."""
        now = int(time.time() * 1000)
        body = {
            "approval_code": definition,
            "instance_status": "PENDING",
            "instance_start_time_from": str(now - 3_600_000),
            "instance_start_time_to": str(now + 60_000),
        }
        found = self.feishu("POST", "approval/v4/instances/query?user_id_type=open_id&page_size=200", body)
        return [each["instance"]["code"] for each in found.get("instance_list", [])]

    def instance(self, code: str) -> dict[str, Any]:
        return self.feishu("GET", f"approval/v4/instances/{code}?locale=en-US")

    def approve(self, instance: dict[str, Any], who: str) -> None:
        self.decide(instance, who, approve=True)

    def decide(self, instance: dict[str, Any], who: str, *, approve: bool, comment: str = "") -> None:
        """The person with this open id clicks."""
        task = next(t for t in instance["task_list"] if t["open_id"] == who and t["status"] == "PENDING")
        body = {
            "approval_code": instance["approval_code"],
            "instance_code": instance["instance_code"],
            "user_id": who,
            "task_id": task["id"],
            "comment": comment,
        }
        self.feishu("POST", f"approval/v4/tasks/{'approve' if approve else 'reject'}?user_id_type=open_id", body)

    def statuses(self, plan: str) -> dict[str, list[str]]:
        rollout = self.bytebase("carol", "GET", f"{plan}/rollout")
        return {stage["id"]: [task["status"] for task in stage["tasks"]] for stage in rollout["stages"]}

    def runs(self, plan: str) -> Counter[str]:
        """How many runs each task has had, by task."""
        listed = self.bytebase("carol", "GET", f"{plan}/rollout/stages/-/tasks/-/taskRuns")
        return Counter(run["name"].rsplit("/taskRuns/", 1)[0] for run in listed.get("taskRuns", []))


def digest_of(instance: dict[str, Any]) -> str:
    """The digest line of a request."""
    fields = json.loads(instance["form"])
    return next(field["value"] for field in fields if field.get("custom_id") == "digest")


class Place:
    """A folder with the demo's spec and a store, and the environment that commands run in."""

    def __init__(self, folder: Path, urls: dict[str, str]) -> None:
        self.folder = folder
        spec = folder / "specs" / "demo.yaml"
        spec.parent.mkdir(parents=True)
        spec.write_text(SPEC.format(bytebase=urls["bytebase"], feishu=urls["feishu"]), encoding="utf-8")
        self.spec = spec
        self.store = folder / "store.db"
        self.environment = {**os.environ, **SECRETS, "RECONCILER_STORE": f"sqlite:///{self.store}"}

    def run(self, *arguments: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "reconciler", *arguments, "-f", str(self.spec.parent)]
        done = subprocess.run(
            command, env=self.environment, cwd=self.folder, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == expect, (arguments, done.returncode, done.stdout, done.stderr)
        return done

    @property
    def definition(self) -> str:
        """The code that apply wrote back into the spec."""
        line = next(
            line for line in self.spec.read_text(encoding="utf-8").splitlines() if line.strip().startswith("code:")
        )
        return line.split(":", 1)[1].strip().strip("'\"")


class Zygote:
    """Forks `reconciler` processes; one child at a time."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._ready_before = 0
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "zygote.py")],
            env=place.environment,
            cwd=place.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @property
    def _log(self) -> Path:
        return self._place.folder / "sync.log"

    def _times_ready(self) -> int:
        return self._log.read_text(encoding="utf-8").count("ready") if self._log.exists() else 0

    def wait_until_ready(self, patience: float = 20.0) -> None:
        """Wait until the child says that it has read both upstreams."""
        end = time.monotonic() + patience
        while self._times_ready() <= self._ready_before and time.monotonic() < end:
            time.sleep(0.02)

    def start(self, *arguments: str) -> int:
        """Fork `reconciler ARGUMENTS`; returns its process id."""
        self._ready_before = self._times_ready()
        given = [*arguments, "-f", str(self._place.spec.parent)]
        self._tell(json.dumps({"arguments": given, "log": str(self._log)}))
        return int(self._hear())

    def kill(self, process: int, number: int = signal.SIGKILL) -> int:
        """Signal the child and reap it; returns its exit code."""
        os.kill(process, number)
        self._tell("reap")
        return int(self._hear())

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def _tell(self, text: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(text + "\n")
        self._process.stdin.flush()

    def _hear(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()
