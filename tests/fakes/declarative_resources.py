"""Generated resources of every kind, for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

from reconciler.desired.declared import Declared
from reconciler.resources.adopted_definition import AdoptedDefinition
from reconciler.resources.app import App
from reconciler.resources.approval_rules import ApprovalRule, ApprovalRules
from reconciler.resources.base import Origin, Resource
from reconciler.resources.binding import Binding
from reconciler.resources.definition import Definition
from reconciler.resources.im import Im, ImSetting
from reconciler.resources.project import Project
from reconciler.resources.role import Role
from reconciler.resources.rollout_policy import RolloutPolicy
from reconciler.resources.subscription import Subscription
from reconciler.resources.webhook import Webhook

IDS = st.text("abcdefgh-", min_size=1, max_size=8)
TEXTS = st.text(st.characters(blacklist_categories=("Cs",)), max_size=20)
NAMES = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=20)
ROLES = IDS.map("roles/{}".format)
TOKENS = st.integers(1, 9).map("version {}".format)
FLAGS = st.none() | st.booleans()


def tuples_of(items: st.SearchStrategy[str], *, smallest: int = 0) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(items, min_size=smallest, max_size=5).map(tuple)


IM_TYPES = st.sampled_from(["SLACK", "FEISHU", "WECOM", "LARK", "DINGTALK", "TEAMS"])

rollout_policies = st.builds(RolloutPolicy, IDS, automatic=FLAGS, roles=st.none() | tuples_of(ROLES))
ims = st.builds(
    lambda entries, verify: Im(tuple(ImSetting(type_, token) for type_, token in entries.items()), verify),
    st.dictionaries(IM_TYPES, TOKENS, max_size=4),
    st.booleans(),
)
projects = st.builds(Project, IDS, require_issue_approval=st.booleans(), allow_self_approval=FLAGS)
webhooks = st.builds(
    Webhook,
    IDS,
    NAMES,
    st.sampled_from(["FEISHU", "SLACK"]),
    direct_message=FLAGS,
    events=st.none() | tuples_of(st.sampled_from(["ISSUE_CREATED", "PIPELINE_FAILED", "ISSUE_APPROVED"])),
    url_token=st.none() | TOKENS,
)
rules = st.builds(
    ApprovalRule,
    source=st.sampled_from(["", "CHANGE_DATABASE", "REQUEST_ROLE"]),
    condition=TEXTS,
    title=st.none() | NAMES,
    description=st.none() | TEXTS,
    roles=tuples_of(ROLES),
)
approval_rules = st.builds(ApprovalRules, st.lists(rules, max_size=4).map(tuple))
roles = st.builds(
    Role, IDS, title=st.none() | TEXTS, description=st.none() | TEXTS, permissions=st.none() | tuples_of(IDS)
)
bindings = st.builds(Binding, ROLES, IDS.map("serviceAccount:{}@x".format), st.none() | IDS)
definitions = st.builds(
    Definition,
    IDS,
    st.just("acme"),
    st.builds(lambda en, zh: (("en-US", en), ("zh-CN", zh)), NAMES, NAMES),
    st.sampled_from(["any", "all", "sequential"]),
    st.none() | IDS,
)
adopted_definitions = st.builds(
    AdoptedDefinition,
    IDS,
    IDS,
    IDS,
    st.dictionaries(st.sampled_from(["change", "link", "sql", "digest"]), IDS).map(lambda form: tuple(form.items())),
    st.sampled_from(["any", "all"]),
)
subscriptions = st.builds(Subscription, IDS, IDS)
apps = st.builds(
    App,
    IDS,
    bot=st.booleans(),
    published=FLAGS,
    scopes=st.none() | tuples_of(IDS),
    events=st.none() | tuples_of(IDS),
    is_managed=st.booleans(),
)

KINDS: dict[str, st.SearchStrategy[Resource]] = {
    "bytebase/rolloutPolicy": rollout_policies,
    "bytebase/im": ims,
    "bytebase/project": projects,
    "bytebase/webhook": webhooks,
    "bytebase/approvalRules": approval_rules,
    "bytebase/role": roles,
    "bytebase/binding": bindings,
    "feishu/definition": definitions,
    "feishu/definition (adopted)": adopted_definitions,
    "feishu/subscription": subscriptions,
    "feishu/app": apps,
}

resources = st.one_of(*KINDS.values())
origins = st.builds(Origin, IDS.map("specs/{}.yaml".format), st.integers(1, 999))
declarations = st.builds(Declared, resources, origins)
worlds = st.lists(declarations, max_size=8, unique_by=lambda one: one.key)
