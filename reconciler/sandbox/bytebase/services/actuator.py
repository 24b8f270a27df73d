"""Who the server is: version, workspace, subscription."""

from __future__ import annotations

from reconciler.sandbox.bytebase.call import INVALID, UNIMPLEMENTED, Call, Handlers, Message, RpcError
from reconciler.sandbox.bytebase.services import Deps
from reconciler.sandbox.bytebase.times import stamp

VERSION = "development"
"""A development build of 3.21.1, as the recorded one: clients must cope with a version that is no number (facts §6)."""


def handlers(_: Deps) -> Handlers:
    """Read, and the licence."""
    return {
        "ActuatorService/GetActuatorInfo": info,
        "SubscriptionService/GetSubscription": subscription,
        "SubscriptionService/UploadLicense": upload_licence,
        "SubscriptionService/CreatePurchase": purchase,
        "SubscriptionService/UpdatePurchase": purchase,
        "SubscriptionService/CancelPurchase": purchase,
        "WorkspaceService/GetWorkspace": workspace,
    }


def info(call: Call) -> Message:
    """What anybody may know of the server."""
    world = call.world
    active = [user for user in world.users.values() if user.is_active]
    bound = {m for b in world.iam.bindings for m in b.members if m.startswith("user:")}
    return {
        "version": VERSION,
        "gitCommit": "b7e5c4f1c1f4a2d3e6f7a8b9c0d1e2f3a4b5c6d7",
        "externalUrl": world.external_url,
        "lastActiveTime": stamp(call.now),
        "workspace": world.workspace,
        "defaultProject": f"projects/{world.default_project}",
        "userCountInIam": len(bound),
        "activatedUserCount": len(active),
        "totalInstanceCount": len(world.instances),
        "activatedInstanceCount": sum(i.activation for i in world.instances.values()),
        "externalUrlFromFlag": bool(world.seed.external_url),
        "replicaCount": 1,
        "restriction": {"passwordRestriction": {"minLength": 8}},
    }


def subscription(call: Call) -> Message:
    """The plan; what a licence grants beside it."""
    if call.world.licence == "FREE":
        return {"plan": "FREE"}
    return {
        "plan": call.world.licence,
        "activeInstances": 999,
        "expiresTime": "2222-09-20T00:00:00Z",
        "orgName": "bb",
    }


def upload_licence(call: Call) -> Message:
    """An empty text removes the licence; only one signed by the vendor could add any, so every other text is malformed."""
    if call.text("license"):
        raise RpcError(INVALID, "failed to store license: failed to parse license: token is malformed")
    call.world.licence = "FREE"
    return subscription(call)


def purchase(_: Call) -> Message:
    """Not where one hosts the server oneself."""
    raise RpcError(UNIMPLEMENTED, "purchase is only available in SaaS mode")


def workspace(call: Call) -> Message:
    """The workspace behind `workspaces/-`."""
    return {"name": call.world.workspace, "title": "Default workspace"}
