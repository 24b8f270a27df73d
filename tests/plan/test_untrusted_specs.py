"""A proposal runs nothing, reads nothing outside, and points nothing elsewhere."""

from __future__ import annotations

import pytest
from fakes.declarative_specs import FULL, target_of

from reconciler.plan.trust import connection_fields, redirected, references

BASE = FULL.replace("  gates:", "  externalNodes: [{name: oa, endpoint: https://oa.example, dialect: relay}]\n  gates:")


def test_every_reference_of_a_spec_is_found() -> None:
    found = dict(references(target_of(FULL).spec))
    assert set(found) == {
        "spec.bytebase.credentials.key",
        "spec.bytebase.im.settings[1].token",
        "spec.bytebase.projects[0].webhooks[0].url",
        "spec.feishu.app.secret",
    }


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        ("https://bytebase.acme.example", "https://evil.example", "spec.bytebase.url"),
        ("key: {env: BYTEBASE_KEY}", "key: {env: OTHER}", "spec.bytebase.credentials"),
        ("gitops@service", "other@service", "spec.bytebase.credentials"),
        ("secret: {env: FEISHU_APP_SECRET}", "secret: {file: x}", "spec.feishu.app.secret"),
        ("cli_a1b2", "cli_evil", "spec.feishu.app.id"),
        ("  feishu:\n", "  feishu:\n    platform: {openApi: https://evil.example}\n", "spec.feishu.platform"),
        ("https://oa.example", "https://evil.example", "spec.externalNodes"),
    ],
)
def test_a_changed_connection_is_seen(before: str, after: str, field: str) -> None:
    assert redirected(target_of(BASE.replace(before, after)), target_of(BASE)) == (field,)


def test_other_changes_are_none_of_its_business() -> None:
    changed = BASE.replace("automatic: false", "automatic: true").replace("condition: 'true'", "condition: 'false'")
    assert redirected(target_of(changed), target_of(BASE)) == ()


def test_a_target_that_the_baseline_does_not_have_is_all_new() -> None:
    assert redirected(target_of(BASE), None) == tuple(sorted(connection_fields(target_of(BASE))))
