"""Where the demo plays: its folder with spec and store, and the real commands, run as a user would run them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import click

SPEC = """\
apiVersion: reconciler/v1
kind: Integration
metadata: {{name: demo}}
spec:
  bytebase:
    url: {bytebase}
    identity: sandbox
    credentials:
      plan: {{serviceAccount: planner@service.bytebase.com, key: {{env: DEMO_PLANNER_KEY}}}}
      apply: {{serviceAccount: gitops@service.bytebase.com, key: {{env: DEMO_GITOPS_KEY}}}}
      sync: {{serviceAccount: sync@service.bytebase.com, key: {{env: DEMO_SYNC_KEY}}}}
    poll: {{every: 200ms, callsPerMinute: 6000}}
    im:
      settings: [{{type: FEISHU, from: feishu}}]
    environments:
      - {{name: test, rolloutPolicy: {{automatic: false, roles: [roles/projectReleaser]}}}}
      - {{name: prod, rolloutPolicy: {{automatic: false, roles: [roles/projectReleaser]}}}}
    projects:
      - {{name: demo, requireIssueApproval: true}}
  feishu:
    platform: {{openApi: {feishu}}}
    app: {{id: cli_sandbox, secret: {{env: DEMO_FEISHU_SECRET}}}}
    events: {{transport: longConnection}}
    poll: {{every: 200ms}}
    definitions:
      - name: stage-gate
        mode: managed
        code: null
        title: {{en-US: Database change, zh-CN: 数据库变更}}
  gates:
    - name: every-stage
      at: stage
      match: {{projects: [demo]}}
      decide: {{definition: stage-gate}}
"""
SECRETS = {
    "DEMO_PLANNER_KEY": "bbs_demo_planner",
    "DEMO_GITOPS_KEY": "bbs_demo_gitops",
    "DEMO_SYNC_KEY": "bbs_demo_sync",
    "DEMO_FEISHU_SECRET": "sandbox",
}
"""Good for nothing but the sandbox."""


class StepFailedError(Exception):
    """A step of the story did not truly happen."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that ended: its exit code and what it printed."""

    code: int
    out: str
    err: str

    def json(self) -> dict[str, object]:
        """The JSON document on standard output."""
        document: dict[str, object] = json.loads(self.out)
        return document


class DemoStage:
    """The folder, the narration, and the commands."""

    def __init__(self, place: Path, *, bytebase: str, feishu: str, color: bool) -> None:
        self._place = place
        self._color = color
        self.spec = place / "specs" / "demo.yaml"
        self.spec.parent.mkdir(parents=True, exist_ok=True)
        self.spec.write_text(SPEC.format(bytebase=bytebase, feishu=feishu), encoding="utf-8")
        self._environment = {**os.environ, **SECRETS, "RECONCILER_STORE": f"sqlite:///{place / 'store.db'}"}

    def chapter(self, text: str) -> None:
        """A heading."""
        click.echo("\n" + self._styled(text, bold=True))

    def say(self, text: str) -> None:
        """Something that was seen to be true."""
        click.echo(f"  {self._styled('✓', fg='green')} {text}")

    def _styled(self, text: str, *, bold: bool = False, fg: str | None = None) -> str:
        return click.style(text, bold=bold, fg=fg) if self._color else text

    async def run(self, *arguments: str, expect: Sequence[int] = (0,)) -> Ran:
        """Run a command to its end; any exit code but the expected ones ends the story."""
        process = await self._start(arguments)
        out, err = await process.communicate()
        ran = Ran(process.returncode or 0, out.decode(), err.decode())
        if ran.code not in expect:
            shown = " ".join(arguments)
            raise StepFailedError(f"`reconciler {shown}` ended with {ran.code}\n{ran.out[-2000:]}{ran.err[-2000:]}")
        return ran

    @asynccontextmanager
    async def sync(self) -> AsyncIterator[None]:
        """`reconciler sync`, ready when this is entered, stopped with SIGTERM when it is left."""
        process = await self._start(("sync", "--http-port", "0", "--format", "json"), log=self._place / "sync.log")
        try:
            assert process.stdout is not None  # noqa: S101  # it was asked for
            with suppress(TimeoutError):
                async with asyncio.timeout(15):
                    line = await process.stdout.readline()
            if not line.strip() or json.loads(line).get("ready") is not True:
                log = (self._place / "sync.log").read_text(encoding="utf-8")
                raise StepFailedError(f"`reconciler sync` did not get ready\n{log[-2000:]}")
            yield
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(15):
                code = await process.wait()
            if code != 0:
                raise StepFailedError(f"`reconciler sync` ended with {code} when it was asked to stop")
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def _start(self, arguments: Sequence[str], log: Path | None = None) -> asyncio.subprocess.Process:
        command = [sys.executable, "-m", "reconciler", *arguments, "-f", str(self.spec.parent)]
        return await asyncio.create_subprocess_exec(
            *command,
            env=self._environment,
            cwd=self._place,
            stdout=asyncio.subprocess.PIPE,
            stderr=log.open("wb") if log is not None else asyncio.subprocess.PIPE,
        )
