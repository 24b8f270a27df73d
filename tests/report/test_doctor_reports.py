"""What doctor and bootstrap print: nothing foreign is read as markup, every fix is said once, links can be followed."""

from __future__ import annotations

from reconciler.plan.change import BytebaseTarget, Target
from reconciler.plan.failed import FailedTarget
from reconciler.plan.outcome import Outcome, Result
from reconciler.report.bootstrap_document import bootstrap_document
from reconciler.report.bootstrap_markdown import bootstrap_markdown
from reconciler.report.bootstrap_text import bootstrap_text
from reconciler.report.doctor_document import doctor_document
from reconciler.report.doctor_markdown import doctor_markdown
from reconciler.report.doctor_text import doctor_text
from reconciler.setup.check import Examination, Item
from reconciler.setup.walkthrough import Step, StepState, Walkthrough

TARGET = Target("acme", BytebaseTarget("https://b.example", "acme-prod", "workspaces/w"))
LINK = "https://open.feishu.cn/app/cli_a/auth?q=approval:approval&op_from=openapi"
SECRET = Item("credentials", "Credentials", 7).failed("wrong @all <b>\x1b[31m", fix="correct it", link=LINK)
BOT = Item("bot", "Bot", 3).after(SECRET)
ICON = Item("icon", "Icon", 2).unverifiable("not seen", fix="grant it", link="<script>")
EVENTS = Item("events", "Events").unverifiable("not seen either", fix="grant it", link="<script>")
APP = Item("app", "Custom app", 1).ok("Feishu knows it")
EXAMINED = Examination(TARGET, (APP, ICON, BOT, SECRET, EVENTS))
WALK = Walkthrough(
    (
        Step("access", "1, 7", "Custom app", StepState.BY_HAND, "wrong", "correct it", LINK),
        Step("bytebase", "8", "Bytebase side", StepState.DONE, outcomes=(Outcome("bytebase/im", "w", Result.APPLIED),)),
    ),
    EXAMINED,
)


def test_the_text_says_each_fix_once_and_what_waits_names_what_failed() -> None:
    assert doctor_text(EXAMINED, color=False) == (
        "acme  Bytebase https://b.example (workspaces/w)\n"
        "  ok                  1  Custom app   Feishu knows it\n"
        "  cannot be verified  2  Icon         not seen\n"
        "                        fix:  grant it\n"
        "                        link: <script>\n"
        "  cannot be verified  3  Bot          known once this is in order: step 7 (Credentials)\n"
        "  failed              7  Credentials  wrong @all <b>␛[31m\n"
        "                        fix:  correct it\n"
        f"                        link: {LINK}\n"
        "  cannot be verified     Events       not seen either\n"
        "                        fix:  as for Icon\n"
        "Doctor: 1 ok, 1 failed, 3 cannot be verified.\n"
    )


def test_markdown_escapes_what_is_foreign_and_names_failed_targets_first() -> None:
    text = doctor_markdown([EXAMINED], [FailedTarget("globex", "refused", "no", next="ask")])
    assert text.index("globex") < text.index("acme")
    assert "<b>" not in text
    assert "@all" not in text
    assert "\x1b" not in text
    assert f"(<{LINK}>)" in text
    assert "`<script>`" in text
    assert text.count("correct it") == 1


def test_the_document_has_what_the_contract_names() -> None:
    document = doctor_document(EXAMINED)
    assert document["formatVersion"] == "1"
    assert document["checks"][0] == {
        "id": "app",
        "step": 1,
        "status": "ok",
        "title": "Custom app",
        "cause": "Feishu knows it",
        "fix": None,
        "link": None,
    }
    assert EXAMINED.exit_code == 1
    assert Examination(TARGET, (APP, ICON)).exit_code == 0


def test_a_walk_is_told_in_every_format() -> None:
    assert bootstrap_text(WALK, color=False).startswith(
        "  to do by hand  1, 7     Custom app: wrong\n"
        "                          next: correct it\n"
        f"                          link: {LINK}\n"
        "  done           8        Bytebase side: \n"
    )
    assert f"- **to do by hand** Custom app (step 1, 7): wrong. *Next:* correct it (<{LINK}>)" in bootstrap_markdown(
        [WALK]
    )
    steps = bootstrap_document(WALK)["steps"]
    assert [step["steps"] for step in steps] == [[1, 7], [8]]
    assert steps[1]["outcomes"] == [{"id": "bytebase/im/w", "outcome": "applied", "reason": None, "code": None}]
