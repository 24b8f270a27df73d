"""A whole sandbox in a thread of its own, so that commands can be run against it in this one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from reconciler.sandbox.seed import load_seed
from reconciler.sandbox.server import Sandbox

SEED = """\
bytebase:
  licence: ENTERPRISE
  externalUrl: http://bytebase.example
  users:
    - {email: admin@example.com, password: Passw0rd!, title: Admin}
    - {email: alice@example.com, password: Passw0rd!, title: Alice}
    - {email: bob@example.com, password: Passw0rd!, title: Bob}
  serviceAccounts:
    - {id: gitops, key: bbs_sandbox, title: GitOps}
    - {id: reader, key: bbs_reader, title: Reader}
  workspaceIam:
    - {role: roles/workspaceAdmin, members: ["user:admin@example.com", "serviceAccount:gitops@service.bytebase.com"]}
    - {role: roles/workspaceDBA, members: ["serviceAccount:reader@service.bytebase.com"]}
  environments: [{id: test, title: Test}, {id: prod, title: Prod}]
  projects:
    - id: demo
      title: Demo
      iam:
        - {role: roles/projectOwner, members: ["user:bob@example.com"]}
        - {role: roles/projectReleaser, members: ["user:alice@example.com"]}
feishu:
  apps:
    - id: cli_sandbox
      secret: sandbox
      bot: true
      published: true
      scopes: ["approval:approval", "approval:approval:readonly", "contact:user.id:readonly"]
      events: [approval_instance, approval_task]
  users:
    - {email: alice@example.com, openId: ou_00000000000000000000000000000001, name: Alice, visible: true}
"""

SPEC = """\
apiVersion: reconciler/v1
kind: Integration
metadata: {{name: {name}}}
spec:
  bytebase:
    url: {bytebase}
    identity: {name}-bytebase
    credentials: {{serviceAccount: gitops@service.bytebase.com, key: {{env: BYTEBASE_KEY}}}}
    im:
      settings: [{{type: FEISHU, from: feishu}}]
    environments:
      - {{name: prod, rolloutPolicy: {{automatic: false, roles: [roles/projectReleaser]}}}}
    projects:
      - name: demo
        requireIssueApproval: true
        webhooks:
          - {{title: changes, type: FEISHU, url: {{env: HOOK}}, directMessage: true, events: [ISSUE_CREATED]}}
    approvalRules:
      - {{source: CHANGE_DATABASE, condition: 'resource.environment_id == "prod"', title: Prod, roles: [roles/projectOwner, roles/oa]}}
      - {{condition: 'true', title: Fallback, roles: [roles/projectOwner]}}
    roles: [{{id: oa, title: OA, permissions: []}}]
    bindings: [{{role: roles/oa, member: "serviceAccount:gitops@service.bytebase.com", project: demo}}]
  feishu:
    platform: {{openApi: {feishu}}}
    app: {{id: cli_sandbox, secret: {{env: FEISHU_APP_SECRET}}}}
    definitions:
      - name: stage-gate
        code: null # written by apply
  gates:
    - {{name: prod, at: stage, match: {{projects: [demo], environments: [prod]}}, decide: {{definition: stage-gate}}}}
"""

SECRETS = {
    "BYTEBASE_KEY": "bbs_sandbox",
    "FEISHU_APP_SECRET": "sandbox",
    "HOOK": "https://open.feishu.cn/open-apis/bot/v2/hook/canary-hook",
}


@dataclass
class Served:
    """A running sandbox: its addresses, its request log, faults, and both upstreams as an administrator."""

    bytebase: str
    feishu: str
    page: str

    def spec(self, name: str = "acme") -> str:
        return SPEC.format(name=name, bytebase=self.bytebase, feishu=self.feishu)

    def write_spec(self, folder: Path, name: str = "acme") -> Path:
        file = folder / f"{name}.yaml"
        file.write_text(self.spec(name), encoding="utf-8")
        return file

    def requests(self, since: int = 0) -> list[dict[str, Any]]:
        answer = httpx.get(f"{self.page}/sandbox/requests", params={"since": since})
        requests: list[dict[str, Any]] = answer.raise_for_status().json()["requests"]
        return requests

    def seen(self) -> int:
        return max((request["n"] for request in self.requests()), default=0)

    def fault(self, **fault: Any) -> None:
        httpx.post(f"{self.page}/sandbox/faults", json=fault).raise_for_status()

    def heal(self) -> None:
        httpx.delete(f"{self.page}/sandbox/faults").raise_for_status()

    def admin(self) -> httpx.Client:
        body = {"email": "admin@example.com", "password": "Passw0rd!"}
        token = httpx.post(f"{self.bytebase}/v1/auth/login", json=body).raise_for_status().json()["token"]
        return httpx.Client(base_url=self.bytebase, headers={"Authorization": f"Bearer {token}"})


@contextmanager
def served(seed: str = SEED) -> Iterator[Served]:
    """Serve until the block ends."""
    ready = threading.Event()
    found: list[Served] = []
    failure: list[BaseException] = []
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with Sandbox(load_seed(seed, "seed.yaml"), time_scale=100) as sandbox:
            found.append(Served(sandbox.bytebase_url, sandbox.feishu_url, sandbox.page_url))
            ready.set()
            await stop.wait()

    def run() -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(serve())
        except BaseException as error:
            failure.append(error)
            ready.set()
        finally:
            loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait(30)
    if failure:
        raise failure[0]
    try:
        yield found[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
