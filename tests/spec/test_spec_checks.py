"""What is checked between fields: each rule speaks when broken and is silent when kept."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.spec import SpecText, parse_documents
from reconciler.spec.checks.overlap import can_overlap, covers
from reconciler.spec.models.gates import Gate

MINIMAL = (Path(__file__).parent / "minimal.yaml").read_text()
NODE = "  externalNodes: [{name: oa, endpoint: https://oa.acme.example, dialect: v1}]\n"
APP = "app: {id: cli_1, secret: {env: S}}"


def errors(text: str) -> list[str]:
    return [error.sentence() for error in parse_documents([SpecText.of("f", text)]).errors]


def warnings(text: str) -> list[str]:
    parsed = parse_documents([SpecText.of("f", text)])
    assert [error.render("error") for error in parsed.errors] == []
    return [warning.sentence() for warning in parsed.warnings]


def bytebase(*lines: str) -> str:
    return MINIMAL.replace("    url:", "".join(f"    {line}\n" for line in lines) + "    url:")


@pytest.mark.parametrize(
    ("addition", "said"),
    [
        ("  feishu: {definitions: [{name: d}]}\n", "a definition needs the app that owns it"),
        (f"  feishu: {{{APP}, definitions: [{{name: d}}, {{name: d}}]}}\n", "a second definition 'd'"),
        (f"  feishu: {{{APP}, definitions: [{{name: d, mode: adopted, form: {{digest: w}}}}]}}\n", "needs its code"),
        (f"  feishu: {{{APP}, definitions: [{{name: d, mode: adopted, code: c}}]}}\n", "needs its form"),
        (f"  feishu: {{{APP}, definitions: [{{name: d, mode: adopted, code: c, form: {{}}}}]}}\n", "missing field 'digest'"),
        (f"  feishu: {{{APP}, definitions: [{{name: d, form: {{digest: w}}}}]}}\n", "only for adopted definitions"),
        (f"  feishu: {{{APP}, events: {{transport: callback}}}}\n", "cannot be verified without a secret"),
        (f"  feishu: {{{APP}, events: {{transport: none, encryptKey: {{env: K}}}}}}\n", "no use with transport none"),
        ("  externalNodes:\n" + "    - {name: oa, endpoint: https://x.example, dialect: v1}\n" * 2, "a second external node"),
        (NODE + "  gates:\n" + "    - {name: g, at: stage, decide: {externalNode: oa}}\n" * 2, "a second gate 'g'"),
        (NODE + "  gates: [{name: g, at: stage, decide: {externalNode: ao}}]\n", "no external node is called 'ao'"),
        ("  gates: [{name: g, at: stage, decide: {definition: d}}]\n", "no definition is called 'd'"),
        (NODE + "  gates: [{name: g, at: stage, decide: {externalNode: oa}, approvers: {from: flow}}]\n", "a stage has no"),
        (NODE + "  gates: [{name: g, at: review, decide: {externalNode: oa}, approvers: {from: rolloutPolicy}}]\n",
         "a review step has no rollout policy"),
        (NODE + "  gates: [{name: g, at: stage, decide: {externalNode: oa}, approvers: {users: [a@b], roles: [roles/x]}}]\n",
         "approvers come from one source"),
        ("  notify: [{to: requester, when: [ran]}]\n", "cards are sent by the Feishu app"),
        ("  users: {domains: [{bytebase: a, feishu: c}, {bytebase: b, feishu: C}]}\n", "two people to one address"),
        ("  users: {domains: [{bytebase: a, feishu: c}, {bytebase: A, feishu: d}]}\n", "a second rule for domain 'a'"),
    ],
)  # fmt: skip
def test_a_broken_rule_is_an_error(addition: str, said: str) -> None:
    (found,) = errors(MINIMAL + addition)
    assert said in found


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "im: {settings: [{type: SLACK, token: {env: A}}, {type: SLACK, token: {env: B}}]}",
            "a second setting of type",
        ),
        ("im: {settings: [{type: FEISHU, from: feishu}]}", "there is no Feishu app"),
        ("im: {settings: [{type: FEISHU, appId: x}]}", "credentials are missing"),
        ("im: {settings: [{type: FEISHU}]}", "credentials are missing"),
        ("environments: [{name: a}, {name: a}]", "a second environment 'a'"),
        ("projects: [{name: a}, {name: a}]", "a second project 'a'"),
        (
            "projects: [{name: a, webhooks: [{title: t, type: LARK}, {title: t, type: LARK}]}]",
            "a second webhook 't (LARK)'",
        ),
        ("roles: [{id: a}, {id: a}]", "a second role 'a'"),
        ("bindings: [{role: roles/a, member: allUsers}, {role: roles/a, member: allUsers}]", "a second binding"),
    ],
)
def test_a_broken_rule_in_bytebase_is_an_error(line: str, said: str) -> None:
    (found,) = errors(bytebase(line))
    assert said in found


@pytest.mark.parametrize(
    ("kind", "platform", "said"),
    [
        ("FEISHU", "feishu", None),
        ("LARK", "lark", None),
        ("FEISHU", "lark", "needs type LARK"),
        ("LARK", "feishu", "needs type FEISHU"),
        ("FEISHU", "{openApi: https://f.example}", None),
        ("LARK", "{openApi: https://f.example}", None),
    ],
)
def test_borrowed_credentials_have_the_type_of_their_platform(kind: str, platform: str, said: str | None) -> None:
    im = f"im: {{settings: [{{type: {kind}, from: feishu}}], verify: false}}"
    found = errors(bytebase(im) + f"  feishu: {{platform: {platform}, {APP}}}\n")
    assert [said in sentence for sentence in found] == ([True] if said else [])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("poll: {callsPerMinute: 0}", "must be at least 1, got 0"),
        ("poll: {callsPerMinute: 1000000}", "must be at most 100000, got 1000000"),
        ("poll: {every: 0s}", "must be longer than nothing, got '0s'"),
        ("poll: {every: 99999d}", "a duration is at most ten years, got '99999d'"),
        ("identity: ''", "must not be empty"),
        (f"identity: '{'x' * 201}'", "must not be longer than 200"),
        ("identity: 12", 'expected text, got 12 (write "12" in quotes)'),
        ("identity: true", 'expected text, got true (write "true" in quotes)'),
        ("environments: [{name: environments/prod}]", "expected an id without '/' and spaces, such as prod"),
        ("roles: [{id: oa, permissions: [' ']}]", "expected text that is not empty"),
        ("bindings: [{role: owner, member: allUsers}]", "expected a role such as roles/projectOwner, got 'owner'"),
        ("bindings: [{role: roles/a, member: bob@acme.example}]", "expected a member such as user:bob@acme.example"),
    ],
)
def test_a_value_out_of_bounds_is_explained(line: str, said: str) -> None:
    (found,) = errors(bytebase(line))
    assert said in found


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x.example",
        "https://",
        "https://x y",
        "https://x.example/?q=1",
        "https://x.example/#f",
        "https://x.example:port",
        "https://[::1",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    (found,) = errors(MINIMAL.replace("https://bytebase.acme.example", f"'{url}'"))
    assert "URL" in found


def test_more_gates_than_anybody_writes_are_refused() -> None:
    many = "".join(f"    - {{name: g{n}, at: stage, decide: {{externalNode: oa}}}}\n" for n in range(501))
    (found,) = errors(MINIMAL + NODE + "  gates:\n" + many)
    assert found == "spec.gates: must not be longer than 500"


def test_own_and_borrowed_credentials_exclude_each_other() -> None:
    im = "im: {settings: [{type: FEISHU, from: feishu, appId: x, appSecret: {env: X}}]}"
    (found,) = errors(bytebase(im) + f"  feishu: {{{APP}}}\n")
    assert "exclude each other" in found


def test_errors_in_single_values_do_not_hide_errors_between_fields() -> None:
    text = (
        MINIMAL
        + NODE
        + "  gates: [{name: g, at: stage, settle: soon, decide: {externalNode: ao}}]\n  users: {mtch: email}\n"
    )
    found = errors(text)
    assert len(found) == 3
    assert sum("no external node is called" in sentence for sentence in found) == 1


def test_an_incomplete_target_is_no_target() -> None:
    parsed = parse_documents([SpecText.of("f", MINIMAL + "  users: {match: soon}\n")])
    assert parsed.targets == ()


def two_targets(
    first: str, second: str, *, url: str = "https://BYTEBASE.acme.example:443/", gate: str = ""
) -> list[str]:
    one = MINIMAL + NODE + f"  gates: [{{name: one, {first}, decide: {{externalNode: oa}}}}]\n"
    other = MINIMAL.replace("name: acme", "name: zeta").replace("https://bytebase.acme.example", url)
    return errors(
        one + "---\n" + other + NODE + f"  gates: [{{name: two, {second}, decide: {{externalNode: oa}}}}{gate}]\n"
    )


STAGE, REVIEW = "at: stage, match: ", "at: review, match: "


@pytest.mark.parametrize(
    ("first", "second", "overlap"),
    [
        (STAGE + "{}", STAGE + "{environments: [prod]}", True),
        (STAGE + "{environments: [prod]}", STAGE + "{environments: [dev]}", False),
        (STAGE + "{projects: [a, b]}", STAGE + "{projects: [b]}", True),
        (STAGE + "{projects: [a]}", STAGE + "{projects: [b]}", False),
        (STAGE + "{projects: ['pay-*']}", STAGE + "{projects: ['*-prod']}", True),
        (STAGE + "{projects: ['pay-*']}", STAGE + "{projects: ['web-*']}", False),
        (STAGE + "{projects: [a]}", STAGE + "{projects: ['*']}", True),
        (STAGE + "{issueLabels: [x]}", STAGE + "{issueLabels: [y]}", True),
        (STAGE + "{projectLabels: {tier: a}}", STAGE + "{projectLabels: {tier: b}}", False),
        (STAGE + "{projectLabels: {tier: a}}", STAGE + "{projectLabels: {team: b}}", True),
        (STAGE + "{}", REVIEW + "{}", False),
        (REVIEW + "{roles: [roles/a]}", REVIEW + "{roles: [roles/b]}", False),
        (REVIEW + "{environments: [prod]}", REVIEW + "{environments: [dev]}", True),
    ],
)
def test_gates_of_two_targets_on_one_bytebase_must_not_hold_the_same(first: str, second: str, overlap: bool) -> None:
    assert any("overlaps with gate 'one' of target 'acme'" in found for found in two_targets(first, second)) is overlap


def test_targets_on_different_bytebases_may_hold_what_they_like() -> None:
    assert two_targets(STAGE + "{}", STAGE + "{}", url="https://other.example") == []


def test_one_label_means_one_bytebase_at_any_address() -> None:
    text = MINIMAL + NODE + "  gates: [{name: one, at: stage, decide: {externalNode: oa}}]\n"
    text = text.replace("    url:", "    identity: same\n    url:")
    other = text.replace("name: acme", "name: zeta").replace("https://bytebase", "https://alias")
    assert any("overlaps" in found for found in errors(text + "---\n" + other))


GATED = NODE + "  gates: [{name: g, at: stage, match: %s, decide: {externalNode: oa}}]\n"


@pytest.mark.parametrize(
    ("environments", "match", "warned"),
    [
        ("[{name: a}, {name: b, rolloutPolicy: {automatic: true}}]", "{environments: [a]}", True),
        ("[{name: a}, {name: b, rolloutPolicy: {automatic: true}}]", "{}", True),
        ("[{name: a}, {name: b, rolloutPolicy: {automatic: false}}]", "{environments: [a]}", False),
        ("[{name: b, rolloutPolicy: {automatic: true}}, {name: a}]", "{environments: [a]}", False),
        ("[{name: a}, {name: b, rolloutPolicy: {automatic: true}}]", "{environments: [c]}", False),
    ],
)
def test_an_automatic_environment_behind_a_gated_one_is_doubtful(environments: str, match: str, warned: bool) -> None:
    found = warnings(bytebase(f"environments: {environments}") + GATED % match)
    assert any("so it runs first" in sentence for sentence in found) is warned


def test_a_gate_of_automatic_environments_alone_can_never_match() -> None:
    found = warnings(
        bytebase("environments: [{name: a, rolloutPolicy: {automatic: true}}]") + GATED % "{environments: [a]}"
    )
    assert any("can never match" in sentence for sentence in found)


@pytest.mark.parametrize(
    ("rules", "warned"),
    [
        ("[]", True),
        ("[{condition: 'true', title: t, roles: []}]", False),
        ("[{source: CHANGE_DATABASE, condition: 'true', title: t, roles: []}]", True),
        ("[{condition: 'resource.project_id == \"a\"', title: t, roles: []}]", True),
    ],
)
def test_rules_without_a_catch_all_are_doubtful(rules: str, warned: bool) -> None:
    assert any("passes by itself" in found for found in warnings(bytebase(f"approvalRules: {rules}"))) is warned


def test_no_rules_declared_is_no_doubt() -> None:
    assert warnings(MINIMAL) == []


@pytest.mark.parametrize(
    ("project", "match", "warned"),
    [
        ("{name: a}", "{}", True),
        ("{name: a}", "{projects: ['*']}", True),
        ("{name: a, requireIssueApproval: false}", "{projects: [a]}", True),
        ("{name: a, requireIssueApproval: true}", "{projects: [a]}", False),
        ("{name: a}", "{projects: [b]}", False),
    ],
)
def test_a_gated_project_without_required_approval_is_doubtful(project: str, match: str, warned: bool) -> None:
    found = warnings(bytebase(f"projects: [{project}]") + GATED % match)
    assert any("without requireIssueApproval" in sentence for sentence in found) is warned


@pytest.mark.parametrize(
    ("platform", "verify", "warned"),
    [
        ("{openApi: https://feishu.acme.example}", "true", True),
        ("{openApi: https://feishu.acme.example}", "false", False),
        ("{openApi: https://open.feishu.cn}", "true", False),
        ("feishu", "true", False),
    ],
)
def test_verification_of_a_private_host_is_doubtful(platform: str, verify: str, warned: bool) -> None:
    im = f"im: {{settings: [{{type: FEISHU, from: feishu}}], verify: {verify}}}"
    found = warnings(bytebase(im) + f"  feishu: {{platform: {platform}, {APP}}}\n")
    assert any("write verify: false" in sentence for sentence in found) is warned


NAMES = st.lists(st.sampled_from(["a", "ab", "a*", "*b", "*"]), max_size=2)
ENVIRONMENTS = st.lists(st.sampled_from(["prod", "dev"]), max_size=2)
LABELS = st.lists(st.sampled_from(["x", "y"]), max_size=2)
TIERS = st.dictionaries(st.just("tier"), st.sampled_from(["1", "2"]))
MATCHES = st.fixed_dictionaries(
    {"projects": NAMES, "environments": ENVIRONMENTS, "issueLabels": LABELS, "projectLabels": TIERS}
)
SUBJECTS = list(
    itertools.product(["a", "ab", "b", "axb"], ["prod", "dev"], [set(), {"x"}, {"y"}, {"x", "y"}], [{}, {"tier": "1"}, {"tier": "2"}])
)  # fmt: skip


def gate(match: dict[str, object]) -> Gate:
    return Gate.model_validate({"name": "g", "at": "stage", "decide": {"externalNode": "oa"}, "match": match})


def held(gate: Gate) -> list[int]:
    """Which of the subjects the gate holds, by the words of the contract."""
    from fnmatch import fnmatchcase

    match = gate.match
    return [
        number
        for number, (project, environment, labels, tier) in enumerate(SUBJECTS)
        if (not match.projects or any(fnmatchcase(project, pattern) for pattern in match.projects))
        and (not match.environments or environment in match.environments)
        and (not match.issue_labels or labels & set(match.issue_labels))
        and match.project_labels.items() <= tier.items()
    ]


@given(MATCHES, MATCHES)
def test_gates_that_hold_a_common_subject_overlap(one: dict[str, object], other: dict[str, object]) -> None:
    first, second = gate(one), gate(other)
    if set(held(first)) & set(held(second)):
        assert can_overlap(first, second)
        assert can_overlap(second, first)


@given(MATCHES, MATCHES)
def test_a_gate_that_covers_another_holds_all_it_holds(one: dict[str, object], other: dict[str, object]) -> None:
    wide, narrow = gate(one), gate(other)
    if covers(wide, narrow):
        assert set(held(narrow)) <= set(held(wide))


def test_a_gate_covers_itself() -> None:
    assert covers(gate({"projects": ["a*"], "issueLabels": ["x"]}), gate({"projects": ["a*"], "issueLabels": ["x"]}))
