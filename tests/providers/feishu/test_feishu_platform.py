"""Hosts and the links people open."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from reconciler.providers.feishu.platform import FEISHU, LARK, Platform


def test_an_instance_opens_in_the_approval_app_of_its_brand() -> None:
    for platform, app in ((FEISHU, "cli_9cb844403dbb9108"), (LARK, "cli_9c7cc8a9a9edd105")):
        link = urlsplit(platform.instance_link("AEE5"))
        query = parse_qs(link.query)
        assert f"{link.scheme}://{link.netloc}" == platform.app_link
        assert query == {
            "mode": ["appCenter"],
            "appId": [app],
            "path": ["pc/pages/in-process/index?instanceId=AEE5"],
        }


def test_the_mobile_link_has_its_own_page() -> None:
    query = parse_qs(urlsplit(FEISHU.mobile_instance_link("AEE5")).query)
    assert query["path"] == ["pages/detail/index?instanceId=AEE5"]


def test_missing_hosts_of_a_private_platform_are_the_api_host() -> None:
    platform = Platform.private("http://127.0.0.1:8080/")
    assert (platform.open_api, platform.accounts, platform.app_link) == ("http://127.0.0.1:8080",) * 3
    other = Platform.private("https://a.example", accounts="https://b.example", app_link="https://c.example")
    assert (other.accounts, other.app_link) == ("https://b.example", "https://c.example")


def test_the_scopes_link_names_every_scope() -> None:
    assert FEISHU.scopes_link("cli_x", ["approval:approval", "contact:user.id:readonly"]) == (
        "https://open.feishu.cn/app/cli_x/auth?q=approval:approval,contact:user.id:readonly&op_from=openapi&token_type=tenant"
    )
