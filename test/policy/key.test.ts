import fc from 'fast-check';
import t from 'tap';
import { type Action, type AuthorizationRequest, type ResourceType, shareRights } from '../../gateway/lib/index.ts';
import type { RuleFacts } from '../../gateway/policy/facts.ts';
import { keyOf } from '../../gateway/policy/key.ts';

/** A cached decision is found by its key alone, so requests that a rule can tell apart must never share one. */

// Few letters, the marks of the key among them: what two texts put together could look like one.
const text = fc.string({ unit: fc.constantFrom('a', 'o', '1', ':', '-', '^', ' '), maxLength: 4 });
const request = fc.record({
  principal: fc.record({ id: text, version: fc.nat(3) }),
  action: fc.constantFrom<Action>('open', 'view'),
  resource: fc.record(
    {
      type: fc.constantFrom<ResourceType>('Service', 'Integration'),
      id: text,
      attributes: fc.record({ owner: text, audience: text, name: text, title: text, team: text }, { requiredKeys: [] }),
      parent: fc.record({ type: fc.constant<ResourceType>('Integration'), id: text }),
    },
    { requiredKeys: ['type', 'id', 'attributes'] },
  ),
  context: fc.record({ method: text, host: text, path: text, address: text, isUpgrade: fc.boolean() }),
  shared: fc.option(fc.subarray([...shareRights]), { nil: undefined }),
}) as unknown as fc.Arbitrary<AuthorizationRequest>;

const all: RuleFacts = {
  attributes: new Set(['owner', 'audience', 'name', 'title', 'method', 'host', 'path', 'address', 'isUpgrade']),
  usesWholeContext: true,
  teams: new Set(),
  usesNamespaces: true,
  patternSteps: 0,
};

t.test('two requests share a key only when no rule can tell them apart', (t) => {
  const seen = new Map<string, string>();
  fc.assert(
    fc.property(request, (one) => {
      const facts = JSON.stringify([
        ...[one.principal.id, one.principal.version, one.action, one.resource.type, one.resource.id],
        ...[one.resource.parent?.type ?? null, one.resource.parent?.id ?? null],
        ...(['owner', 'audience', 'name', 'title', 'team'] as const).map(
          (name) => one.resource.attributes[name] ?? null,
        ),
        one.shared ?? null,
        ...[one.context.method, one.context.host, one.context.path, one.context.address, one.context.isUpgrade],
      ]);
      const key = keyOf(one, all);
      const before = seen.get(key);
      seen.set(key, facts);
      return before === undefined || before === facts;
    }),
    { numRuns: 20_000 },
  );
  t.pass('20,000 requests');
  t.end();
});

const plain: AuthorizationRequest = {
  principal: { id: 'u', version: 1 } as AuthorizationRequest['principal'],
  action: 'open',
  resource: { type: 'Integration', id: 'i', attributes: {} },
  context: { method: 'GET', host: 'h', path: '/', address: '127.0.0.1', isUpgrade: false },
};

t.test('each fact a rule mentions is part of the key, and no other', (t) => {
  const none: RuleFacts = {
    attributes: new Set(),
    usesWholeContext: false,
    teams: new Set(),
    usesNamespaces: false,
    patternSteps: 0,
  };
  const changed: Record<string, AuthorizationRequest> = {
    owner: { ...plain, resource: { ...plain.resource, attributes: { owner: 'x' } } },
    audience: { ...plain, resource: { ...plain.resource, attributes: { audience: 'x' } } },
    name: { ...plain, resource: { ...plain.resource, attributes: { name: 'x' } } },
    title: { ...plain, resource: { ...plain.resource, attributes: { title: 'x' } } },
    method: { ...plain, context: { ...plain.context, method: 'PUT' } },
    host: { ...plain, context: { ...plain.context, host: 'x' } },
    path: { ...plain, context: { ...plain.context, path: '/x' } },
    address: { ...plain, context: { ...plain.context, address: '::1' } },
    isUpgrade: { ...plain, context: { ...plain.context, isUpgrade: true } },
  };
  const { resource } = plain;
  const always: Record<string, AuthorizationRequest> = {
    person: { ...plain, principal: { ...plain.principal, id: 'x' } },
    'what the person is': { ...plain, principal: { ...plain.principal, version: 2 } },
    action: { ...plain, action: 'view' },
    type: { ...plain, resource: { ...resource, type: 'Service' } },
    resource: { ...plain, resource: { ...resource, id: 'x' } },
    parent: { ...plain, resource: { ...resource, parent: { type: 'Integration', id: 'x' } } },
    team: { ...plain, resource: { ...resource, attributes: { team: 'x' } } },
    shares: { ...plain, shared: [shareRights[0]] },
  };
  for (const [name, other] of Object.entries(always)) {
    t.not(keyOf(other, none), keyOf(plain, none), `${name} is told apart whatever the rules mention`);
  }
  const parents = (['Integration', 'Service'] as const).flatMap((type) => ['x', 'y'].map((id) => ({ type, id })));
  const keys = parents.map((parent) => keyOf({ ...plain, resource: { ...resource, parent } }, none));
  t.equal(new Set(keys).size, parents.length, 'and so are two parents');
  for (const [name, other] of Object.entries(changed)) {
    const mentioned = { ...none, attributes: new Set([name]) };
    t.not(keyOf(other, mentioned), keyOf(plain, mentioned), `${name} is told apart`);
    t.equal(keyOf(other, none), keyOf(plain, none), `${name} is left out where no rule mentions it`);
  }
  t.end();
});

t.test('texts that hold the marks of the key are not mistaken for them', (t) => {
  const texts = [''];
  for (const start of texts)
    if (start.length < 3) for (const letter of ['o', 'a', '1', ':']) texts.push(start + letter);
  const seen = new Map<string, string>();
  for (const owner of texts) {
    for (const audience of texts) {
      const key = keyOf({ ...plain, resource: { ...plain.resource, attributes: { owner, audience } } }, all);
      const before = seen.get(key);
      if (before !== undefined) return t.fail(`${owner}|${audience} and ${before} share ${key}`);
      seen.set(key, `${owner}|${audience}`);
    }
  }
  t.equal(seen.size, texts.length ** 2);
  t.end();
});
