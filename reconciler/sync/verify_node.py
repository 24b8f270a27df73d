"""What an external node's approval is worth. Pure.

The relay dialect names neither person nor content, so its word is taken; v1 must return the digest it was given, and name
somebody who is entitled today.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.subjects.entry import Entry
from reconciler.subjects.gate import node_of
from reconciler.subjects.instance import Dialect, Instance, InstanceStatus, NodeTaskStatus
from reconciler.sync.verdict import NotVerified, Verified


def verify_node(
    entry: Entry, instance: Instance, *, dialect: Dialect, entitled: Mapping[str, str]
) -> Verified | NotVerified:
    """Judge an approval by a node. `entitled` holds the e-mails entitled *now*."""
    request = entry.request
    if request is None or request.brief is None:
        return NotVerified("what was asked is not on record")
    if instance.status is not InstanceStatus.APPROVED:
        return NotVerified("it is not approved")
    if instance.code != entry.instance or instance.definition_code != request.definition_code:
        return NotVerified("it is another request than the one made")
    if dialect is Dialect.RELAY:
        return Verified((f"the external node {node_of(request.definition_code)}",))
    if dict(instance.form).get("digest") != request.brief.digest:
        return NotVerified("the node did not return the digest of what it was asked")
    actors = {task.open_id for task in instance.tasks if task.status is NodeTaskStatus.APPROVED and task.open_id}
    if not actors:
        return NotVerified("the node does not say who approved")
    if not actors <= set(entitled):
        return NotVerified("the person who approved is not entitled to decide this today")
    return Verified(tuple(sorted(actors)))
