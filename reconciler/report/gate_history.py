"""The history as one JSON object or one sentence per line."""

from __future__ import annotations

import json

from reconciler.report.values import plain
from reconciler.subjects.entry import HistoryRow


def history_line(row: HistoryRow, *, target: str) -> str:
    """One row as JSON on one line: `{time, subject, generation, decision, reason, actor, instance, …}`."""
    document = {
        "time": row.time.isoformat().replace("+00:00", "Z"),
        "target": target,
        "subject": row.subject,
        "generation": row.generation,
        "decision": row.decision,
        "reason": {"code": row.reason.code, "text": row.reason.text},
        "actor": row.actor or None,
        "instance": row.instance or None,
        "fingerprint": row.fingerprint or None,
        "specDigest": row.spec_digest or None,
        "gate": row.gate or None,
        "evidence": dict(row.evidence),
    }
    return json.dumps(document, ensure_ascii=True, separators=(",", ":"))


def history_sentence(row: HistoryRow) -> str:
    """One row for people, on one line."""
    at = row.time.strftime("%Y-%m-%d %H:%M:%S UTC")
    who = f" by {row.actor}" if row.actor else ""
    through = f" [{row.instance}]" if row.instance else ""
    return plain(f"{at}  {row.subject}#{row.generation}  {row.decision}{who}{through}: {row.reason.text}", 4_000)
