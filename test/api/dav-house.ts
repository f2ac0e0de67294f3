import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openHouse } from './house.ts';

type Test = Parameters<typeof openHouse>[0];

export async function openDav(t: Test, more: Parameters<typeof openHouse>[1] = {}) {
  const house = await openHouse(t, more);
  const ann = await house.person('ann');
  const bob = await house.person('bob');
  const root = join(house.folderOfFiles, 'private', ann.id);
  mkdirSync(root, { recursive: true });
  const tokenOf = async (userId: string, ...scopes: string[]) =>
    (await house.tokens.create({ userId, name: 'dav', scopes, days: 1 }, { actor: 'test' })).secret;
  const by = (user: string, secret: string) => {
    const authorization = `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;
    return async (method: string, path: string, headers: Record<string, string> = {}, body?: string) => {
      const answer = await house.app.inject({
        method: method as 'GET',
        url: `/dav${path}`,
        headers: { host: 'localhost:8443', authorization, ...headers },
        ...(body !== undefined && { payload: body }),
      });
      return { status: answer.statusCode, text: answer.payload, headers: answer.headers };
    };
  };
  const asAnn = by('ann', await tokenOf(ann.id, 'files:write'));
  const asBob = by('bob', await tokenOf(bob.id, 'files:write'));
  const to = (path: string) => ({ destination: `https://localhost:8443/dav${path}` });
  return { ...house, ann, bob, root, by, tokenOf, asAnn, asBob, to };
}

export const hrefs = ({ text }: { text: string }) =>
  [...text.matchAll(/<D:href>([^<]*)<\/D:href>/g)].map(([, href]) => href);
export const lockBody = (scope = 'exclusive', owner = '<D:owner><D:href>mailto:ann</D:href></D:owner>') =>
  `<?xml version="1.0"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:${scope}/></D:lockscope><D:locktype><D:write/></D:locktype>${owner}</D:lockinfo>`;
export const tokenIn = ({ headers }: { headers: Record<string, unknown> }) =>
  /<(.*)>/.exec(String(headers['lock-token']))![1]!;
