"""Every code of the table becomes the error a reader can act on, with code, log id and next step."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from reconciler.errors import (
    ConflictError,
    CredentialsError,
    ForbiddenError,
    NotFoundError,
    ReconcilerError,
    SpecError,
    ThrottledError,
    UnavailableError,
)
from reconciler.providers.feishu import codes
from reconciler.providers.feishu.codes import TOKEN_REFUSED, Kind, known_codes, meaning_of
from reconciler.providers.feishu.endpoints import CREATE_INSTANCE, GET_INSTANCE
from reconciler.providers.feishu.envelope import open_envelope
from reconciler.providers.feishu.errors import Caller, code_of
from reconciler.providers.feishu.platform import FEISHU
from reconciler.providers.feishu.wire.base import Nothing
from reconciler.providers.feishu.wire.instances import CreateInstanceAnswer
from reconciler.providers.http import HttpResponse

CALLER = Caller(FEISHU, "cli_a")
ERRORS = {
    Kind.CREDENTIALS: CredentialsError,
    Kind.FORBIDDEN: ForbiddenError,
    Kind.NOT_FOUND: NotFoundError,
    Kind.CONFLICT: ConflictError,
    Kind.INPUT: SpecError,
    Kind.THROTTLED: ThrottledError,
    Kind.UNAVAILABLE: UnavailableError,
}
DOCUMENTED = {
    10003: CredentialsError,
    10014: CredentialsError,
    99991663: CredentialsError,
    99991662: CredentialsError,
    99991672: ForbiddenError,
    99991679: ForbiddenError,
    99991401: ForbiddenError,
    99991400: ThrottledError,
    99991403: ThrottledError,
    1390014: ThrottledError,
    230020: ThrottledError,
    1390001: SpecError,
    99992402: SpecError,
    99992361: SpecError,
    1390002: NotFoundError,
    1390003: NotFoundError,
    1390004: NotFoundError,
    1390009: ForbiddenError,
    1390010: ConflictError,
    1390015: ForbiddenError,
    1390018: ConflictError,
    60012: ConflictError,
    1390012: ConflictError,
    1395001: UnavailableError,
    65001: UnavailableError,
    41050: ForbiddenError,
    210040: ConflictError,
    230013: ForbiddenError,
}


def answer(
    code: int | None, *, status: int = 400, msg: str = "no", error: object = None, **headers: str
) -> HttpResponse:
    body: dict[str, object] = {"msg": msg}
    if code is not None:
        body["code"] = code
    if error is not None:
        body["error"] = error
    response = httpx.Response(status, json=body)
    return HttpResponse(status, httpx.Headers({"X-Tt-Logid": "log-1", **headers}), response.content)


def error_for(response: HttpResponse, *, create: bool = False) -> ReconcilerError:
    payload = CreateInstanceAnswer if create else Nothing
    endpoint = CREATE_INSTANCE if create else GET_INSTANCE
    with pytest.raises(ReconcilerError) as caught:
        open_envelope(response, payload, endpoint=endpoint, caller=CALLER, where="AEE5")
    return caught.value


@pytest.mark.parametrize("code", known_codes())
def test_every_known_code_has_its_error_its_log_id_and_a_next_step(code: int) -> None:
    meaning = meaning_of(code)
    assert meaning is not None
    error = error_for(answer(code))
    assert type(error) is ERRORS[meaning.kind]
    assert f"code {code}" in error.why
    assert "log-1" in error.why
    assert error.where == "AEE5"
    assert error.next_step
    assert code_of(error) == code


@pytest.mark.parametrize(("code", "kind"), DOCUMENTED.items())
def test_the_codes_that_decide_what_the_loop_does(code: int, kind: type[ReconcilerError]) -> None:
    assert type(error_for(answer(code))) is kind


@pytest.mark.parametrize("status", [200, 400, 403, 404])
def test_the_code_decides_whatever_the_status(status: int) -> None:
    assert type(error_for(answer(1390003, status=status))) is NotFoundError


def test_a_missing_scope_names_scopes_and_console_link_from_the_violations() -> None:
    msg = "Access denied. One of the following scopes is required: [a:b, c:d].应用尚未开通:[a:b, c:d],点击链接申请:https://open.feishu.cn/app/cli_a/auth?q=a:b,c:d&op_from=openapi&token_type=tenant"
    violations = {"permission_violations": [{"type": "action_scope_required", "subject": "approval:definition"}]}
    error = error_for(answer(99991672, msg=msg, error=violations))
    assert error.why == "the app lacks the scope approval:definition (code 99991672, log id log-1)"
    assert "https://open.feishu.cn/app/cli_a/auth?q=a:b,c:d&op_from=openapi&token_type=tenant" in error.next_step


def test_a_missing_scope_is_found_in_the_message_or_in_the_documentation() -> None:
    msg = "Access denied. One of the following scopes is required: [approval:approval, approval:instance]."
    assert "approval:approval, approval:instance" in error_for(answer(99991672, msg=msg)).why
    silent = error_for(answer(99991672, msg="denied"))
    assert "approval:approval:readonly" in silent.why
    assert "https://open.feishu.cn/app/cli_a/auth?q=approval:approval," in silent.next_step


def test_a_documented_violation_shape_is_understood_too() -> None:
    violations = {"permission_violations": [{"scope": "contact:user.id:readonly", "url": "https://x.example"}]}
    assert "contact:user.id:readonly" in error_for(answer(99991672, error=violations)).why


def test_a_hostile_scope_name_does_not_reach_the_reader() -> None:
    violations = {"permission_violations": [{"subject": "<script>\u202e evil"}, {"subject": "a:b"}]}
    error = error_for(answer(99991672, error=violations))
    assert "script" not in error.why
    assert "a:b" in error.why


@pytest.mark.parametrize("code", [99991400, None])
def test_a_limit_says_how_long(code: int | None) -> None:
    error = error_for(answer(code, status=429, **{"x-ogw-ratelimit-reset": "7"}))
    assert isinstance(error, ThrottledError)
    assert error.retry_after == 7


@pytest.mark.parametrize("reset", ["soon", "-1", "nan", "999999999", ""])
def test_a_senseless_reset_is_not_obeyed(reset: str) -> None:
    error = error_for(answer(99991400, status=429, **{"x-ogw-ratelimit-reset": reset}))
    assert isinstance(error, ThrottledError)
    assert error.retry_after is None


def test_the_older_limit_answer_is_understood() -> None:
    error = error_for(answer(99991400, status=400, **{"Retry-After": "3"}))
    assert isinstance(error, ThrottledError)
    assert error.retry_after == 3


def test_a_used_up_quota_pauses_for_long() -> None:
    error = error_for(answer(99991403))
    assert isinstance(error, ThrottledError)
    assert error.retry_after == 3600


@pytest.mark.parametrize(
    "content", [b"", b"<html>502 Bad Gateway</html>", b"[]", b"null", b'{"code": "x"}', b"\xff\xfe", b"[" * 50_000]
)
@pytest.mark.parametrize("status", [200, 400, 404, 502])
def test_what_is_no_envelope_is_unavailable_and_never_not_found(content: bytes, status: int) -> None:
    error = error_for(HttpResponse(status, httpx.Headers({"X-Tt-Logid": "log-1"}), content))
    assert type(error) is UnavailableError
    assert not error.ambiguous
    assert "log-1" in error.why
    assert "Bad Gateway" not in f"{error} {error.next_step}"


def test_a_failed_status_with_code_zero_is_no_success() -> None:
    assert type(error_for(answer(0, status=500))) is UnavailableError


def test_a_success_without_its_payload_is_unavailable() -> None:
    response = HttpResponse(200, httpx.Headers({"X-Tt-Logid": "log-1"}), b'{"code":0,"data":{}}')
    error = error_for(response, create=True)
    assert type(error) is UnavailableError
    assert error.ambiguous
    assert "instance_code" in error.why
    assert "log-1" in error.why


@pytest.mark.parametrize(("status", "kind"), [(400, ForbiddenError), (404, ForbiddenError), (500, UnavailableError)])
def test_an_unknown_code_is_permanent_below_500_and_never_not_found(status: int, kind: type[ReconcilerError]) -> None:
    error = error_for(answer(424242, status=status))
    assert type(error) is kind
    assert "424242" in error.why


@pytest.mark.parametrize(("code", "status"), [(1395001, 400), (424242, 503), (1390001, 500)])
def test_a_failure_of_a_create_may_have_created(code: int, status: int) -> None:
    error = error_for(answer(code, status=status), create=True)
    assert isinstance(error, UnavailableError)
    assert error.ambiguous


def test_feishus_message_is_cut_to_one_clean_line() -> None:
    error = error_for(answer(1390001, msg="bad\nvalue \u202e<b> https://x.example/?ticket=s3cret " + "y" * 5000))
    assert "\n" not in error.why
    assert "\u202e" not in error.why
    assert "ticket" not in error.why
    assert len(error.why) < 400


def test_a_token_code_is_a_credentials_error() -> None:
    for code in TOKEN_REFUSED:
        assert type(error_for(answer(code))) is CredentialsError


def test_no_code_stands_in_two_rows() -> None:
    rows = re.findall(r"_row\(\s*(\[[^\]]*\]|[A-Z_]+)", Path(codes.__file__).read_text(encoding="utf-8"))
    listed: list[int] = []
    for row in rows:
        value = eval(row, dict(vars(codes)))
        listed += sorted(value)
    assert len(rows) > 40
    assert sorted(listed) == list(known_codes())
