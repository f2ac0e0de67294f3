import t from 'tap';
import type { AuditRecord } from '../cluster/audit.ts';
import { callsOfGateways, leaveCalls, readLeftCalls, testAgent } from '../cluster/left-calls.ts';
import { rightsOfRun, verdictOf } from './rights-of-run.ts';
import type { Rule } from './rights-used.ts';

const rules: Rule[] = [
  { apiGroups: [''], resources: ['namespaces'], verbs: ['create', 'patch', 'delete'] },
  { apiGroups: [''], resources: ['secrets'], resourceNames: ['knot-x', 'knot-y'], verbs: ['get'] },
  { apiGroups: [''], resources: ['serviceaccounts'], resourceNames: ['knot-user'], verbs: ['impersonate'] },
];

/** What the API server writes of a request of a gateway in some namespace. */
function record(verb: string, resource: string, name: string, more: Partial<AuditRecord> = {}): AuditRecord {
  const requestURI = `/api/v1/${resource}/${name}?fieldManager=knot`;
  const user = { username: 'system:serviceaccount:somewhere:knot-gateway' };
  const annotations = { 'authorization.k8s.io/decision': 'allow' };
  return { verb, user, requestURI, objectRef: { resource, name }, responseStatus: { code: 200 }, annotations, ...more };
}
const refused = { responseStatus: { code: 403 }, annotations: { 'authorization.k8s.io/decision': 'forbid' } };
const runOf = (...files: [string, AuditRecord[]][]) =>
  rightsOfRun(
    files.map(([file, records]) => ({ file, records: callsOfGateways(records) })),
    rules,
  );

t.test('a right is used when one of the files used it; a whole run has to use each', async (t) => {
  const first = runOf(['a', [record('patch', 'namespaces', 'knot-ann'), record('get', 'secrets', 'knot-x')]]);
  t.strictSame(first.neverUsed, [
    ...['create namespaces', 'delete namespaces', 'get secrets=knot-y', 'impersonate serviceaccounts=knot-user'],
  ]);
  t.match(verdictOf(first, true), { isFit: false, text: /used by no test:\n +create namespaces\n/ });
  t.match(verdictOf(first, false), { isFit: true, text: /^rights {2}partial: 1 files used 2 rights of the chart$/ });

  const user = 'system:serviceaccount:knot-ann:knot-user';
  const both = runOf(
    ['a', [record('patch', 'namespaces', 'knot-ann'), record('get', 'secrets', 'knot-x')]],
    [
      'b',
      [
        record('delete', 'namespaces', 'knot-ann'),
        // Applied, and not there before.
        record('patch', 'namespaces', 'knot-ann', { responseStatus: { code: 201 } }),
        record('get', 'secrets', 'knot-y'),
        record('list', 'pods', '', { impersonatedUser: { username: user } }),
      ],
    ],
  );
  t.strictSame(both.neverUsed, []);
  t.match(verdictOf(both, true), { isFit: true, text: /^rights {2}whole: 2 files used 6 rights of the chart$/ });
  t.strictSame(both.used.get('delete namespaces'), { call: 'delete /api/v1/namespaces/knot-ann', files: ['b'] });
  t.match(both.used.get('impersonate serviceaccounts=knot-user'), { call: `Impersonate-User: ${user}` });
});

t.test('of names that are one row or take turns, one of them is enough', async (t) => {
  const named: Rule[] = [
    { apiGroups: [''], resources: ['secrets'], resourceNames: ['knot-a', 'knot-b'], verbs: ['get', 'patch'] },
    { apiGroups: [''], resources: ['policies'], resourceNames: ['knot-x', 'knot-y'], verbs: ['patch', 'delete'] },
  ];
  const records = callsOfGateways([record('get', 'secrets', 'knot-b'), record('delete', 'policies', 'knot-x')]);
  const { neverUsed } = rightsOfRun([{ file: 'a', records }], named);
  t.strictSame(neverUsed, [
    ...['patch secrets=knot-a', 'patch secrets=knot-b', 'patch policies=knot-x', 'patch policies=knot-y'],
  ]);
});

t.test('a call that no rule of the chart allows is told with its file, in a part of a run too', async (t) => {
  const basic = 'RBAC: allowed by ClusterRoleBinding "system:basic-user" of ClusterRole "system:basic-user" to Group';
  const run = runOf(
    ['a', [record('list', 'nodes', '', refused)]],
    [
      'b',
      [
        record('delete', 'secrets', 'knot-x'),
        record('create', 'selfsubjectaccessreviews', '', { annotations: { 'authorization.k8s.io/reason': basic } }),
        // The rule is there, and an API server that has just begun does not know it yet.
        record('patch', 'namespaces', 'knot-ann', refused),
        // Admission answers so too.
        record('patch', 'namespaces', 'default', { responseStatus: { code: 403 } }),
      ],
    ],
  );
  t.strictSame(run.unfit, ['a: list /api/v1/nodes/', 'b: delete /api/v1/secrets/knot-x']);
  t.match(verdictOf(run, false), { isFit: false, text: /in no rule of the chart:\n +a: list/ });
});

t.test('what a test asks with the token of a gateway is not the gateway’s', async (t) => {
  const calls = [record('delete', 'namespaces', 'knot-x'), record('delete', 'namespaces', 'knot-y', refused)];
  t.equal(callsOfGateways(calls.map((call) => ({ ...call, userAgent: testAgent }))).length, 0);
  t.equal(callsOfGateways(calls.map((call) => ({ ...call, user: { username: 'admin' } }))).length, 0);
  t.equal(callsOfGateways([...calls, ...calls]).length, 2, 'each kind once');
});

t.test('without a gateway nothing is said of a part, and a whole run has failed', async (t) => {
  t.equal(verdictOf(runOf(), false).isFit, true);
  t.equal(verdictOf(runOf(), true).isFit, false);
});

t.test('a file leaves its calls where the run says, and nothing elsewhere', async (t) => {
  const before = process.env['CALLS_OF_RUN'];
  t.teardown(() => {
    if (before === undefined) delete process.env['CALLS_OF_RUN'];
    else process.env['CALLS_OF_RUN'] = before;
  });
  const line = (call: AuditRecord) => `${JSON.stringify(call)}\n`;
  const [patch, mine] = [record('patch', 'namespaces', 'knot-ann'), record('get', 'secrets', 'knot-x')];
  const folder = t.testdir({
    left: {},
    'audit.log': line(patch) + line({ ...mine, userAgent: testAgent }),
    'none.log': line({ ...mine, userAgent: testAgent }),
  });
  process.env['CALLS_OF_RUN'] = `${folder}/left`;
  await leaveCalls(`${folder}/none.log`);
  t.strictSame(readLeftCalls(`${folder}/left`), []);
  await leaveCalls(`${folder}/audit.log`);
  t.match(readLeftCalls(`${folder}/left`), [
    { file: 'test/charts/rights-of-run.test.ts', records: [{ verb: 'patch', user: { username: 'knot-gateway' } }] },
  ]);
  delete process.env['CALLS_OF_RUN'];
  await leaveCalls(`${folder}/audit.log`);
  t.equal(readLeftCalls(`${folder}/left`).length, 1);
});
