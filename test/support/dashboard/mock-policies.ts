import type { Explanation, Policies, Refusal } from '../../../gateway/api/contract.ts';

/** Canned policy sets, explanations and refusals for looking at the dashboard. */

const minute = 60_000;
const day = 24 * 60 * minute;

const defaultCedar = `// Who may open what. Default: nobody. Every rule below adds something.

@id("active-users-open-tools")
permit (
  principal is User,
  action in [Action::"open", Action::"view"],
  resource is Integration
) when {
  principal.active && resource.audience == "everyone"
};

// A person's own part of a tool belongs to that person alone.
@id("own-services-only")
forbid (
  principal is User,
  action,
  resource is Service
) unless {
  resource.owner == principal.username
};

@id("admins-administer")
permit (
  principal in Role::"admin",
  action == Action::"administer",
  resource is Platform
);
`;

export function policies(now: number): Policies {
  return {
    version: '7f3a9c21d0',
    loadedAt: now - 4 * minute,
    isCurrent: true,
    files: [
      { name: 'default.cedar', text: defaultCedar, modifiedAt: now - 4 * minute, rules: 3 },
      {
        name: 'team-share.cedar',
        text: '@id("genomics-reads-grafana")\npermit (\n  principal in Team::"genomics",\n  action == Action::"view",\n  resource == Integration::"grafana"\n);\n',
        modifiedAt: now - 3 * day,
        rules: 1,
      },
      {
        name: 'default.cases.yaml',
        text: '- as: ann\n  action: open\n  resource: Integration::jupyterhub\n  expect: allow\n',
        modifiedAt: now - 9 * day,
        rules: 0,
      },
    ],
    problems: [],
    casesPassed: 14,
  };
}

/** The same files after an edit that does not hold. */
export function brokenPolicies(now: number): Policies {
  const good = policies(now);
  return {
    ...good,
    isCurrent: false,
    files: good.files.map((file) =>
      file.name === 'default.cedar'
        ? { ...file, text: file.text.replace('resource.audience', 'resource.audiance') }
        : file,
    ),
    problems: [
      {
        file: 'default.cedar',
        line: 9,
        column: 23,
        severity: 'error',
        kind: 'schema',
        message: 'attribute `audiance` on entity type `Integration` not found',
        help: 'did you mean `audience`?',
      },
      {
        file: 'default.cases.yaml',
        line: 1,
        column: 3,
        severity: 'error',
        kind: 'case',
        message: 'ann opens Integration::jupyterhub: expected allow, got deny',
      },
    ],
  };
}

export function explanationFor(as: string, url: string): Explanation {
  const isDenied = url.includes('/user/') && !url.includes(`/user/${as}`);
  const own = { rule: 'own-services-only', file: 'default.cedar', line: 12, effect: 'forbid' } as const;
  const open = { rule: 'active-users-open-tools', file: 'default.cedar', line: 3, effect: 'permit' } as const;
  return {
    sentence: isDenied ? `${as} may not open this.` : `${as} may open this.`,
    hint: isDenied
      ? "It is part of another person's notebook server. Only the owner may open it, unless the rule own-services-only is changed."
      : 'Allowed because the tool is meant for everyone and the account is active.',
    route: 'jupyterhub',
    action: 'open',
    resource: isDenied ? 'Service::"jupyterhub/bela"' : 'Integration::"jupyterhub"',
    decision: {
      effect: isDenied ? 'deny' : 'allow',
      reason: isDenied ? 'forbid' : 'permit',
      policyVersion: '7f3a9c21d0',
      rules: [isDenied ? own : open],
    },
    matched: isDenied ? [own, open] : [open],
    others: [{ rule: 'genomics-reads-grafana', file: 'team-share.cedar', line: 1, effect: 'permit' }],
  };
}

export const refusedId = '7k3m9q2x4v8n5tbc';

/** What bela was refused a while ago. */
export function refusalOf(now: number): Refusal {
  const { decision, hint } = explanationFor('bela', 'https://jupyterhub.localhost:8443/user/ann/lab');
  return {
    id: refusedId,
    at: now - 12 * minute,
    username: 'bela',
    method: 'GET',
    url: 'https://jupyterhub.localhost:8443/user/ann/lab',
    route: 'Notebooks',
    action: 'view',
    resource: 'Service::"jupyterhub/ann"',
    facts: [
      { about: 'person', name: 'username', value: 'bela' },
      { about: 'person', name: 'teams', value: 'genomics' },
      { about: 'resource', name: 'owner', value: 'ann' },
      { about: 'request', name: 'address', value: '192.0.2.7' },
    ],
    decision,
    now: { effect: 'deny', hint, policyVersion: decision.policyVersion },
  };
}
