"""Specs for the declarative tests, as targets."""

from __future__ import annotations

from reconciler.spec.parse import parse_documents
from reconciler.spec.source import SpecText
from reconciler.spec.target import Target

FULL = """\
apiVersion: reconciler/v1
kind: Integration
metadata: {name: acme}
spec:
  bytebase:
    url: https://bytebase.acme.example
    identity: acme-prod
    credentials: {serviceAccount: gitops@service.bytebase.com, key: {env: BYTEBASE_KEY}}
    im:
      settings:
        - {type: FEISHU, from: feishu}
        - {type: SLACK, token: {env: SLACK_TOKEN}, version: 2}
    environments:
      - {name: prod, rolloutPolicy: {automatic: false, roles: [roles/projectReleaser]}}
    projects:
      - name: demo
        requireIssueApproval: true
        webhooks:
          - {title: changes, type: FEISHU, url: {env: HOOK}, version: 1, events: [ISSUE_APPROVAL_REQUESTED]}
    approvalRules:
      - {source: CHANGE_DATABASE, condition: 'resource.environment_id == "prod"', title: Prod, roles: [roles/projectOwner, roles/oa]}
      - {condition: 'true', title: Fallback, roles: [roles/projectOwner]}
    roles: [{id: oa, title: OA, permissions: []}]
    bindings: [{role: roles/oa, member: "serviceAccount:oa@service.bytebase.com", project: demo}]
  feishu:
    app: {id: cli_a1b2, secret: {env: FEISHU_APP_SECRET}, version: 1}
    definitions:
      - name: stage-gate
        code: null
  gates:
    - {name: prod, at: stage, match: {environments: [prod]}, decide: {definition: stage-gate}, approvers: {users: [alice@acme.example]}}
"""

SMALL = """\
apiVersion: reconciler/v1
kind: Integration
metadata: {name: acme}
spec:
  bytebase:
    url: https://bytebase.acme.example
    identity: acme-prod
    credentials: {serviceAccount: gitops@service.bytebase.com, key: {env: BYTEBASE_KEY}}
    environments:
      - {name: prod, rolloutPolicy: {automatic: false, roles: [roles/projectReleaser]}}
      - {name: test, rolloutPolicy: {automatic: true}}
"""


def target_of(text: str, file: str = "specs/acme.yaml") -> Target:
    parsed = parse_documents([SpecText.of(file, text)])
    (target,) = parsed.require()
    return target
