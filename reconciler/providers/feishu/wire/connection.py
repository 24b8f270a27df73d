"""The long connection's start, outbound addresses, and the registration of an app on the wire (facts §4.4, §4.5, §6.4)."""

from __future__ import annotations

from pydantic import Field

from reconciler.providers.feishu.wire.base import Body, Wire


class OpenConnectionBody(Body):
    """Names the app; the secret travels here instead of a token."""

    app_id: str = Field(serialization_alias="AppID")
    app_secret: str = Field(serialization_alias="AppSecret", repr=False)


class Pacing(Wire):
    """The server's pacing, in seconds: between pings, before reconnecting (jitter up to `reconnect_nonce`) and between attempts."""

    reconnect_interval: int = Field(default=120, alias="ReconnectInterval")
    reconnect_nonce: int = Field(default=30, alias="ReconnectNonce")
    ping_interval: int = Field(default=120, alias="PingInterval")


class ConnectionOffer(Wire):
    """Where to connect; the URL holds secrets."""

    url: str = Field(alias="URL", min_length=1, repr=False)
    pacing: Pacing = Field(default_factory=Pacing, alias="ClientConfig")


class OutboundAddresses(Wire):
    """One page of the addresses Feishu's callbacks come from."""

    ip_list: list[str] = Field(default_factory=list)
    has_more: bool = False
    page_token: str = ""


class OpenConnections(Wire):
    """How many long connections of the app are open."""

    online_instance_cnt: int = 0


class RegistrationUser(Wire):
    """Who confirmed; `tenant_brand` says feishu or lark."""

    open_id: str = ""
    tenant_brand: str = ""


class RegistrationAnswer(Wire):
    """One answer of the device flow; which fields are set depends on the step, or on `error`."""

    error: str = ""
    supported_auth_methods: list[str] = Field(default_factory=list)
    device_code: str = Field(default="", repr=False)
    user_code: str = ""
    verification_uri_complete: str = ""
    interval: int = 5
    expires_in: int = 600
    client_id: str = ""
    client_secret: str = Field(default="", repr=False)
    user_info: RegistrationUser = Field(default_factory=RegistrationUser)
