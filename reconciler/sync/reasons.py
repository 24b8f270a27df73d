"""Every reason that people are shown, in one catalogue: a stable code, a sentence in English and one in Chinese."""

from __future__ import annotations

from reconciler.subjects.entry import Reason

_TEXTS: dict[str, tuple[str, str]] = {
    # subject states
    "waiting": ("waits for a decision", "等待审批"),
    "asked": ("asked in Feishu: {who}", "已在飞书发起审批:{who}"),
    "askedNode": ("asked at the external node {node}", "已向外部节点 {node} 发起审批"),
    "running": ("approved by {who}; the stage is running", "已由 {who} 批准,阶段正在执行"),
    "ran": ("approved by {who}; the whole stage was run", "已由 {who} 批准,整个阶段已执行"),
    "ended": (
        "the stage no longer waits: its tasks are done, skipped or gone",
        "该阶段不再等待:任务已完成、跳过或不存在",
    ),
    "planClosed": ("the plan was closed", "变更计划已关闭"),
    "gone": ("the plan no longer exists", "变更计划已不存在"),
    "notFrontier": ("an earlier stage is not done yet", "前面的阶段尚未完成"),
    "notGated": ("no gate of the spec holds this stage any more", "规范中已没有关卡对应该阶段"),
    "inFlight": ("the stage is running", "阶段正在执行"),
    "runByHand": ("{who} runs the stage in Bytebase", "{who} 已在 Bytebase 中执行该阶段"),
    "issueClosed": ("the issue is {status}", "工单状态为 {status}"),
    "stepApproved": ("{who} approved the review step in Bytebase", "{who} 已在 Bytebase 中批准该评审步骤"),
    "stepRejected": ("{who} rejected the review step in Bytebase", "{who} 已在 Bytebase 中拒绝该评审步骤"),
    "stepNotReached": ("an earlier review step is to be answered first", "需先完成前面的评审步骤"),
    "stepEnded": ("the review no longer waits for this step", "评审不再等待该步骤"),
    "stepNotGated": ("no gate of the spec holds this review step any more", "规范中已没有关卡对应该评审步骤"),
    "answering": ("decided by {who}; being recorded in Bytebase", "已由 {who} 决定,正在记录到 Bytebase"),
    "reviewApproved": ("approved by {who}; recorded in Bytebase", "已由 {who} 批准,已记录到 Bytebase"),
    "reviewRejected": ("rejected by {who}; recorded in Bytebase", "已被 {who} 拒绝,已记录到 Bytebase"),
    "answeredTwice": (
        "one approval was recorded as two answers of the review; it is not mirrored any more, please check the issue",
        "一次批准被记录为两个评审步骤的答复;该工单不再同步,请检查",
    ),
    # why nothing is sent or run
    "readFailed": ("could not be read just now: {why}", "暂时无法读取:{why}"),
    "checksError": ("the plan checks report errors", "变更检查有错误"),
    "checksWarning": ("the plan checks report warnings", "变更检查有警告"),
    "checksRunning": ("the plan checks are still running", "变更检查仍在进行"),
    "reviewChecking": (
        "Bytebase has not found the approval flow yet; if it stays so, run the plan checks again",
        "Bytebase 尚未找到审批流程;若一直如此,请重新运行变更检查",
    ),
    "noReviewer": ("our account cannot answer the step of {role}: {why}", "我们的账号无法处理 {role} 的评审步骤:{why}"),
    "reviewMissing": ("the issue's review is not approved", "工单评审尚未通过"),
    "automatic": ("the environment runs by itself (automatic rollout policy)", "该环境自动执行(自动发布策略)"),
    "noApprover": ("nobody is entitled to decide this stage: {why}", "没有人有权审批该阶段:{why}"),
    "approverMissing": ("no approver was found in Feishu: {why}", "在飞书中找不到审批人:{why}"),
    "tooManyApprovers": (
        "more than {limit} people would be asked; name a smaller role or raise approvers.limit",
        "审批人超过 {limit} 人;请缩小角色或提高 approvers.limit",
    ),
    "requesterMissing": (
        "the requester is not known to Feishu and the spec says to hold",
        "飞书中找不到申请人,规范要求暂缓",
    ),
    "noPermission": ("our account may not do this in Bytebase: {why}", "我们的账号在 Bytebase 中没有权限:{why}"),
    "definition": ("the approval definition cannot be used: {why}", "审批定义不可用:{why}"),
    "paused": ("the gate is paused in the spec", "关卡已在规范中暂停"),
    "brokenUpstream": ("the connection is misconfigured: {why}", "连接配置有误:{why}"),
    "stageVanished": (
        "an earlier stage with unfinished tasks disappeared or moved ({stage}); ask with /feishu once that is intended",
        "前面未完成的阶段已消失或移动({stage});确认后用 /feishu 发起",
    ),
    "nodeAnswerLost": (
        "external node {node} may have been asked already and cannot tell; look there, then ask with /feishu",
        "可能已向外部节点 {node} 发起,但无法确认;请先查看,再用 /feishu 发起",
    ),
    # why nothing is sent by itself
    "beforeSince": (
        "the plan is older than the gate; ask with /feishu or `reconciler request`",
        "变更早于关卡启用时间;请用 /feishu 或 `reconciler request` 发起",
    ),
    "onRequest": (
        "sent on request only; ask with /feishu or `reconciler request`",
        "仅按请求发送;请用 /feishu 或 `reconciler request` 发起",
    ),
    "onRequestNoIssue": (
        "sent on request only, and this change has no issue to comment on; use `reconciler request`",
        "仅按请求发送,且该变更没有工单;请使用 `reconciler request`",
    ),
    "failedTasks": (
        "tasks failed or were cancelled; ask again with /feishu once they may be retried",
        "任务失败或已取消;可重试后请用 /feishu 再次发起",
    ),
    "expired": ("the request expired unanswered; ask again with /feishu", "审批已过期;请用 /feishu 再次发起"),
    "draining": ("the service is being drained: nothing new is sent", "服务正在清空:不再发送"),
    # the bell
    "ringTooOften": (
        "asked too often: once a minute and ten times a day count",
        "请求过于频繁:每分钟一次、每天十次有效",
    ),
    "ringNotEntitled": (
        "only the issue's creator or someone entitled to decide may ask",
        "只有工单创建者或有权审批的人可以发起",
    ),
    # answers
    "rejected": ("rejected by {who}: {comment}", "已被 {who} 拒绝:{comment}"),
    "sentBack": ("sent back by {who}: {comment}", "已被 {who} 退回:{comment}"),
    "withdrawnByPerson": (
        "withdrawn in Feishu by a person; ask again with /feishu",
        "已在飞书中被撤回;请用 /feishu 再次发起",
    ),
    "withdrawnAtNode": (
        "withdrawn at the external node; ask again with /feishu",
        "已在外部节点被撤回;请用 /feishu 再次发起",
    ),
    "definitionDeleted": (
        "ended by Feishu because the definition was disabled or deleted",
        "审批定义被停用或删除,审批已终止",
    ),
    "approvalRevoked": ("the approval was revoked in Feishu", "审批已在飞书中被撤销"),
    # what an approval is not worth
    "approvalOld": (
        "the approval is older than {hours} h; ask again with /feishu",
        "批准已超过 {hours} 小时;请用 /feishu 再次发起",
    ),
    "approvalSpent": (
        "the approval was already used for a run; ask again with /feishu",
        "批准已用于执行;请用 /feishu 再次发起",
    ),
    "unverified": (
        "the approval does not count: {why}; ask again with /feishu",
        "批准无效:{why};请用 /feishu 再次发起",
    ),
    # withdrawals and endings
    "contentChanged": ("what would run has changed since it was asked", "待执行内容在发起后已变更"),
    "definitionChanged": ("the spec now uses another approval definition", "规范已改用另一审批定义"),
    "approversChanged": ("the people entitled to decide have changed", "有权审批的人员已变更"),
    "approvedButChanged": (
        "it was approved, but what would run has changed since; a new request follows",
        "已批准,但待执行内容此后已变更;将重新发起",
    ),
    "approvedButEnded": ("it was approved, but nothing was run for it: {why}", "已批准,但未执行:{why}"),
    "revokedAfterRun": (
        "the approval was revoked after the stage had run; nothing is undone",
        "审批在执行后被撤销;不会回滚",
    ),
    "runFailed": ("the run ended with failed tasks: {why}", "执行后有任务失败:{why}"),
    "askedAgain": ("it is asked again on request", "已按请求重新发起"),
    "void": (
        "this request can no longer be withdrawn and no longer counts; do not decide it",
        "该审批无法撤回且已失效,请勿处理",
    ),
    "voidOver": ("the void request is left behind", "已放弃失效的审批"),
    "drained": ("withdrawn because the service is being drained", "服务正在清空,已撤回"),
    "withdrawing": ("being withdrawn: {why}", "正在撤回:{why}"),
    "crossed": ("a decision crossed the withdrawal and does not count", "审批与撤回同时发生,不计入"),
}


def reason(code: str, **values: object) -> Reason:
    """The reason of that code with its gaps filled; values are foreign text and must already be bounded."""
    english, chinese = _TEXTS[code]
    return Reason(code=code, text=english.format(**values), zh=chinese.format(**values))


def codes() -> frozenset[str]:
    """All codes of the catalogue."""
    return frozenset(_TEXTS)
