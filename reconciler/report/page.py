"""A page for a terminal: styled lines in which foreign text is never read as markup."""

from __future__ import annotations

import io
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from reconciler.plan.change import Target
from reconciler.report.values import plain
from reconciler.resources.finding import Finding


class Page:
    """Lines for a terminal; foreign text is put in as plain text and never read as markup."""

    def __init__(self, *, color: bool) -> None:
        self._buffer = io.StringIO()
        self._console = Console(
            file=self._buffer,
            force_terminal=color,
            no_color=not color,
            color_system="standard" if color else None,
            width=10_000,
            highlight=False,
            markup=False,
            emoji=False,
            legacy_windows=False,
        )

    def line(self, text: str, style: str = "", aside: str = "") -> None:
        """One line, with an aside in a dim tone behind it."""
        whole = Text(text, style=style)
        if aside:
            whole.append(f"  {aside.strip()}", style="dim")
        self._console.print(whole, soft_wrap=True)

    def target(self, target: Target) -> None:
        """The head of a section."""
        bytebase, feishu = target.bytebase, target.feishu
        place = f"Bytebase {plain(bytebase.url)} ({plain(bytebase.workspace) or plain(bytebase.identity)})"
        if feishu is not None:
            place += f", Feishu {plain(feishu.platform)} app {plain(feishu.app_id)}"
        self.line(plain(target.name), "bold", place)

    def findings(self, word: str, style: str, findings: Sequence[Finding]) -> None:
        """Findings with their next step."""
        for each in findings:
            where = f"  {each.origin}" if each.origin is not None else ""
            about = f"{each.kind}/{each.name}" if each.name else each.kind
            self.line(f"  {word}: {plain(about)}: {plain(each.message)}", style, plain(where))
            if each.next:
                self.line(f"      next: {plain(each.next)}")

    def text(self) -> str:
        """Everything written so far."""
        return self._buffer.getvalue()
