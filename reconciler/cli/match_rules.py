"""The spec's mapping of people -> the rules by which Feishu people are found."""

from __future__ import annotations

from reconciler.providers.feishu.people import MatchRules
from reconciler.spec.models.users import EmailOverride, OpenIdOverride, Users


def match_rules(users: Users) -> MatchRules:
    """The spec's mapping of people, in lower case."""
    return MatchRules(
        match=users.match,
        open_ids={each.bytebase.lower(): each.open_id for each in users.overrides if isinstance(each, OpenIdOverride)},
        emails={
            each.bytebase.lower(): each.feishu.lower() for each in users.overrides if isinstance(each, EmailOverride)
        },
        domains={each.bytebase.lower(): each.feishu.lower() for each in users.domains},
    )
