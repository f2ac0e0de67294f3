import fc from 'fast-check';
import t from 'tap';
import type { Resource } from '../../gateway/lib/index.ts';
import { resourceAt } from '../../gateway/routes/resource.ts';
import { hub, route } from './support.ts';
import { anyCharacter } from '../support/any-character.ts';

const itself: Resource = {
  type: 'Integration',
  id: 'jupyterhub',
  attributes: { name: 'jupyterhub', title: 'Notebooks', audience: 'everyone' },
};

function servedTo(owner: string): Resource {
  return {
    type: 'Service',
    id: `jupyterhub/${owner}`,
    attributes: { name: 'jupyterhub', title: 'Notebooks', audience: 'everyone', owner },
    parent: { type: 'Integration', id: 'jupyterhub' },
  };
}

t.test('a path below an owned prefix is a part of the person who is named there', async (t) => {
  for (const path of [
    '/user/ann/',
    '/user/ann',
    '/user/ann/lab/tree/x.ipynb',
    '/hub/user/ann/lab',
    '/hub/api/users/ann/server',
    '/user/ann/files/Größe 100%.txt',
    '/user/ann//api',
    '/user/ann/a;b/.hidden/...',
  ]) {
    t.strictSame(resourceAt(hub, path), servedTo('ann'), path);
  }
});

t.test('everything else is the tool itself', async (t) => {
  for (const path of [
    '/',
    '',
    '/user/',
    '/user',
    '/hub/',
    '/hub/home',
    '/hub/user/',
    '/hub/user-redirect/lab',
    '/users/ann',
    '/static/user/ann',
    '/Hub/Home',
    '/a%b',
    '/hub/static/a.b-C.js',
    '/user//',
  ]) {
    t.strictSame(resourceAt(hub, path), itself, path);
  }
  t.match(resourceAt(route('echo', { audience: 'admins' }), '/user/../x%00;Y'), {
    type: 'Integration',
    id: 'echo',
    attributes: { audience: 'admins' },
  });
});

t.test('what some upstream might read as an owned path belongs to nobody', async (t) => {
  const paths = [
    '/User/ann/lab',
    '/USER/ann',
    '/uſer/ann',
    '/ｕser/ann',
    '/HUB/user/ann',
    '//user/ann',
    '/user//ann',
    '/hub//user/ann',
    '\\user\\ann',
    '/user\\ann',
    '/user;x/ann',
    '/user;x=1/ann/',
    '/;/user/ann',
    '/%75ser/ann',
    '/user%2fann',
    '/user%252fann',
    '/us%2565r/ann',
    '/./user/ann',
    '/x/../user/ann',
    '/x/%2e%2e/user/ann',
    '/x/..;/user/ann',
    '/hub/./user/ann',
    '/user\u0000/ann',
    '/us\u0009er/ann',
    ' /user/ann',
    '/user/ann/../bob',
    '/user/ann/..',
    '/user/ann/./x',
    '/user/ann/%2e%2e/bob',
    '/user/ann\\..\\bob',
    '/user/ann/..;x/bob',
    '/user/ann/\u2024\u2024/bob',
    '/user/Ann',
    '/user/ann.',
    '/user/ann;x/lab',
    '/user/an n',
    '/user/%61nn',
    '/user/ann%2F',
    '/user/../ann',
    '/user/./ann',
    '/user/1ann',
    '/user/änn',
    '/user/ann@x',
    '/user/*',
    '/user/;x',
    `/user/${'a'.repeat(31)}`,
    '/user/ann\u0000',
    '/user/-',
  ];
  for (const path of paths) {
    t.strictSame(resourceAt(hub, path), servedTo(''), JSON.stringify(path));
  }
});

t.test('the longest prefix wins', async (t) => {
  const nested = route('n', { ownedPrefixes: ['/a/', '/a/b/'] });
  t.equal(resourceAt(nested, '/a/b/ann/x').attributes.owner, 'ann');
  t.equal(resourceAt(nested, '/a/ann').attributes.owner, 'ann');
});

const username = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
const tail = fc
  .array(
    fc.constantFrom(
      '/',
      '..',
      '.',
      '%2e',
      '%2F',
      ';',
      '\\',
      'bob',
      'user',
      'A',
      'ä',
      '%',
      '%25',
      ' ',
      '\u0000',
      '//',
      'lab',
    ),
  )
  .map((parts) => parts.join(''));

t.test('no path below /user/<x>/ ever belongs to anyone but x', async () => {
  fc.assert(
    fc.property(username, tail, (name, rest) => {
      const { type, attributes } = resourceAt(hub, `/user/${name}/${rest}`);
      return type === 'Service' && (attributes.owner === name || attributes.owner === '');
    }),
    { numRuns: 3000 },
  );
});

t.test('no variant of an owned path is the tool itself, or another person’s', async () => {
  const slash = fc.constantFrom('/', '//', '\\', '/./', '%2f', '%252F', '/;p/', ';a=b/', '/\\', '\u0000/');
  const spelled = fc.constantFrom(
    'user',
    'User',
    'USER',
    'uSer',
    '%75ser',
    'us%65r',
    '%2575ser',
    'ｕｓｅｒ',
    'user;v=1',
    'user ',
  );
  fc.assert(
    fc.property(slash, spelled, slash, username, tail, (lead, prefix, middle, name, rest) => {
      const path = `${lead}${prefix}${middle}${name}${rest === '' ? '' : `/${rest}`}`;
      const { type, attributes, id } = resourceAt(hub, path);
      if (type !== 'Service') return false;
      return id === `jupyterhub/${attributes.owner ?? '?'}` && [name, ''].includes(attributes.owner ?? '?');
    }),
    { numRuns: 3000 },
  );
});

t.test('the same path always stands for the same resource, whatever it contains', async () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: anyCharacter }), tail, fc.webPath()), (path) => {
      const one = resourceAt(hub, path);
      const two = resourceAt(structuredClone(hub), path);
      const shape =
        one.type === 'Integration' ? one.id === 'jupyterhub' : /^jupyterhub\/([a-z][a-z0-9]{0,29})?$/.test(one.id);
      return shape && JSON.stringify(one) === JSON.stringify(two);
    }),
    { numRuns: 2000 },
  );
});
