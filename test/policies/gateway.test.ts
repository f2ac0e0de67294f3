import { unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { startEcho } from '../support/net/echo.ts';
import { eventually } from '../support/eventually.ts';
import { openPeople } from '../support/process/people.ts';

/** What app.ts builds, with hostile policy files under it and with the id of a refusal in an admin's hand. */

const hostile: readonly [name: string, text: string, where: RegExp][] = [
  [
    'hostile.cedar',
    `permit (principal, action, resource)\nwhen { ${'('.repeat(200)}true${')'.repeat(200)} };`,
    /hostile\.cedar:2:/,
  ],
  [
    'hostile.cedar',
    `permit (principal, action, resource)\nwhen { ${Array(1500).fill('principal.username == "x"').join(' || ')} };`,
    /hostile\.cedar:2:/,
  ],
  [
    'hostile.cases.yaml',
    `people: { ann: {} }\nresources: { hub: { type: Integration } }\ncases:\n  - { who: [${Array(20_000).fill('ann').join()}], action: [${Array(500).fill('open').join()}], resource: [${Array(5_000).fill('hub').join()}], expect: allow }\n`,
    /hostile\.cases\.yaml:4:/,
  ],
];

const echo = await startEcho();
t.teardown(() => echo.close());
const { gateway, ann, person } = await openPeople(t, {
  others: ['bob'],
  config: {
    apps: [{ name: 'console', upstream: echo.address, title: 'Console', audience: 'admins' }],
  },
});
const consoleOrigin = `https://console.localhost:${gateway.port}`;

t.test('hostile files, saved while people work, cost nobody anything and are told with their place', async (t) => {
  type Status = {
    isCurrent: boolean;
    version: string;
    casesPassed: number;
    loadedAt: number;
    problems: { file: string }[];
  };
  const status = async (): Promise<Status> => (await ann.api('GET', '/policies')).json<Status>();
  const before = await status();
  for (const [index, [name, text, where]] of hostile.entries()) {
    writeFileSync(join(gateway.policies, name), text);
    await eventually('the file is refused', async () => {
      const { isCurrent, problems } = await status();
      return !isCurrent && problems[0]?.file === name;
    });
    const { version, casesPassed, loadedAt } = await status();
    t.match(
      { version, casesPassed, loadedAt },
      { version: before.version, casesPassed: before.casesPassed, loadedAt: before.loadedAt },
    );
    const health = (await ann.api('GET', '/health')).text;
    t.match(health, where, 'health names file and line');
    t.equal(
      (await ann.visit(`${consoleOrigin}/never-asked-${index}`)).status,
      200,
      'a question nobody asked before is decided',
    );
    const check = await gateway.knot(['policy', 'check']);
    t.equal(check.status, 1);
    t.match(check.stderr, where, 'the command survives it too');
    unlinkSync(join(gateway.policies, name));
    await eventually('the mended folder is taken', async () => (await status()).isCurrent);
  }
  t.equal((await status()).loadedAt, before.loadedAt, '"in force since" has not moved');
});

t.test(
  'the id on a 403 leads to who, what and which rule, on the API and the command line, for admins only',
  async (t) => {
    const bob = await person('bob');
    const page = await bob.visit(`${consoleOrigin}/reports/7`);
    t.equal(page.status, 403);
    const id = /<dd>([0-9a-z]{16})<\/dd>/.exec(page.text)?.[1] ?? '';
    const answer = await ann.api('GET', `/policies/refusals/${id}`);
    t.match(answer.json(), {
      id,
      username: 'bob',
      url: `${consoleOrigin}/reports/7`,
      route: 'Console',
      resource: 'Integration::"console"',
      decision: { effect: 'deny' },
      now: { effect: 'deny', hint: /`tools-for-admins` \(default\.cedar:\d+\) would permit it if/ },
    });
    const refused = await bob.api('GET', `/policies/refusals/${id}`);
    t.equal(refused.status, 403, 'not for whom it was refused');
    const { details } = refused.json<{ details: { decisionId: string } }>();
    t.match((await ann.api('GET', `/policies/refusals/${details.decisionId}`)).json(), {
      username: 'bob',
      url: `${gateway.origin}/api/v1/policies/refusals/${id}`,
      route: 'Knot',
    });
    let told = '';
    await eventually('it is written', async () => {
      const { status, stdout } = await gateway.knot(['explain', id]);
      told = stdout;
      return status === 0;
    });
    t.match(told, /DENY {2}bob GET https:\/\/console\.localhost:\d+\/reports\/7/);
    t.match(told, /person\.username = "bob"/);
    t.match(told, /tools-for-admins/);
    const forged = await bob.visit(`${consoleOrigin}/%1b[2J%0d%0aALLOW%20%20bob%E2%80%AE`);
    const forgedId = /<dd>([0-9a-z]{16})<\/dd>/.exec(forged.text)?.[1] ?? '';
    await eventually('it is written as well', async () => {
      told = (await gateway.knot(['explain', forgedId])).stdout;
      return told.startsWith('DENY');
    });
    t.notMatch(told.replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u, 'an address moves no cursor');
    t.notMatch(told, /^ALLOW/m, 'and forges no line');
    const unknown = await gateway.knot(['explain', '0000000000000000']);
    t.equal(unknown.status, 1);
    t.match(unknown.stderr, /kept for a day/);
  },
);
