"""A request as a client of the open API makes it: a definition in two languages, and one question to some approvers."""

from __future__ import annotations

import json

import httpx

APPROVAL = "/open-apis/approval/v4"
TEXTS = {
    "zh-CN": {"name": "数据库变更", "node": "审批", "change": "变更", "sql": "SQL"},
    "en-US": {"name": "Database change", "node": "Decision", "change": "Change", "sql": "SQL"},
}
SQL = "ALTER TABLE orders ADD COLUMN note text;\nUPDATE orders SET note = '<b>x</b>';"


class Asker:
    """An app of the tenant."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._token = ""

    async def call(self, method, path, *, query=None, body=None):
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        answer = await self._client.request(method, path, params=query, json=body, headers=headers)
        content = answer.json()
        assert content["code"] == 0, content
        return content

    async def ask(self, *, submitter: str, approvers: list[str]) -> str:
        """Make a definition and a request; the request's code."""
        login = {"app_id": "cli_sandbox", "app_secret": "sandbox"}
        answer = await self.call("POST", "/open-apis/auth/v3/tenant_access_token/internal", body=login)
        self._token = answer["tenant_access_token"]
        definition = (await self.call("POST", f"{APPROVAL}/approvals", body=_definition()))["data"]["approval_code"]
        form = [
            {"id": "change", "type": "input", "value": "#101 Add a column"},
            {"id": "sql", "type": "textarea", "value": SQL},
        ]
        body = {
            "approval_code": definition,
            "open_id": submitter,
            "form": json.dumps(form),
            "node_approver_open_id_list": [{"key": "gate", "value": approvers}],
        }
        return (await self.call("POST", f"{APPROVAL}/instances", body=body))["data"]["instance_code"]

    async def read(self, code: str):
        return (await self.call("GET", f"{APPROVAL}/instances/{code}"))["data"]


def _definition():
    resources = [
        {
            "locale": locale,
            "is_default": locale == "en-US",
            "texts": [{"key": f"@i18n@{key}_text", "value": value} for key, value in texts.items()],
        }
        for locale, texts in TEXTS.items()
    ]
    widgets = [
        {"id": "change", "name": "@i18n@change_text", "type": "input", "required": True},
        {"id": "sql", "name": "@i18n@sql_text", "type": "textarea", "required": True},
    ]
    return {
        "approval_name": "@i18n@name_text",
        "viewers": [{"viewer_type": "NONE"}],
        "form": {"form_content": json.dumps(widgets)},
        "node_list": [
            {"id": "START"},
            {
                "id": "gate",
                "name": "@i18n@node_text",
                "node_type": "OR",
                "approver": [{"type": "Free"}],
                "approver_chosen_multi": True,
                "starter_assignee": "STARTER",
            },
            {"id": "END"},
        ],
        "settings": {"revert_interval": 0, "reject_option": 0, "revert_option": 1},
        "i18n_resources": resources,
    }
