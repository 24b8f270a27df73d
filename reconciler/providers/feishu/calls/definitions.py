"""Calls for approval definitions."""

from __future__ import annotations

from reconciler.errors import ConflictError
from reconciler.providers.feishu.api import OPEN_IDS, FeishuApi
from reconciler.providers.feishu.codes import ALREADY_SUBSCRIBED
from reconciler.providers.feishu.endpoints import GET_DEFINITION, PUT_DEFINITION, SUBSCRIBE, UNSUBSCRIBE
from reconciler.providers.feishu.errors import code_of
from reconciler.providers.feishu.wire.base import Nothing
from reconciler.providers.feishu.wire.definitions import DefinitionBody, PutDefinitionAnswer, ReadDefinition


class DefinitionCalls:
    """Create, overwrite, read and subscribe definitions. There is no list, no disable and no delete."""

    def __init__(self, api: FeishuApi) -> None:
        self._api = api

    async def put(self, body: DefinitionBody) -> str:
        """Create a definition (no `approval_code`; can never be undone) or overwrite one; returns its code."""
        answer = await self._api.call(
            PUT_DEFINITION,
            PutDefinitionAnswer,
            query=[OPEN_IDS, ("department_id_type", "open_department_id")],
            body=body,
            where=body.approval_code or body.approval_name,
        )
        return answer.approval_code

    async def get(self, code: str, *, locale: str) -> ReadDefinition:
        """Read a definition, its texts in one language. NotFoundError when there is none or it was deleted."""
        return await self._api.call(
            GET_DEFINITION,
            ReadDefinition,
            path={"approval_code": code},
            query=[("locale", locale), OPEN_IDS],
            where=code,
        )

    async def subscribe(self, code: str) -> bool:
        """Have this app receive the definition's events; False when it did already."""
        return await self._set(code, subscribed=True)

    async def unsubscribe(self, code: str) -> bool:
        """Stop this app receiving the definition's events; False when it did not."""
        return await self._set(code, subscribed=False)

    async def _set(self, code: str, *, subscribed: bool) -> bool:
        endpoint = SUBSCRIBE if subscribed else UNSUBSCRIBE
        try:
            await self._api.call(endpoint, Nothing, path={"approval_code": code}, where=code)
        except ConflictError as error:
            if code_of(error) in ALREADY_SUBSCRIBED:
                return False
            raise
        return True
