import { readFileSync } from 'node:fs';
import type { Test } from 'tap';
import { Agent, request } from 'undici';
import { asGateway } from '../charts/as-gateway.ts';
import type { ControlPlane } from '../cluster/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/net/free-port.ts';
import { openPeople } from '../support/process/people.ts';
import type { Person } from '../support/process/person.ts';

export type Listed = {
  workflows: { name: string; state: string; acts: string[]; url: string; finishedAt?: number }[];
  url: string;
};

export type Stream = { status: number; text(): string; ended: Promise<void> };

export type ArgoHouse = Awaited<ReturnType<typeof openArgoHouse>>;

/**
 * A gateway on a cluster, with the rights of its own chart, in front of Argo Workflows; `ann` is its admin, and there are `joanna` and
 * `bob`. `listen`: where it listens, of a server that must know that beforehand.
 */
export async function openArgoHouse(
  t: Pick<Test, 'teardown'>,
  cluster: ControlPlane,
  { argo, listen }: { argo: { upstream: string; auth?: 'sso' }; listen?: string },
) {
  const { kubeconfig, rights } = await asGateway(cluster);
  const at = `127.0.0.1:${await freePort()}`;
  const people = await openPeople(t, {
    config: {
      ...(listen !== undefined && { listen }),
      engine: 'kubernetes',
      kubernetes: { kubeconfig, helm: cluster.programs.helm[0], admission: { listen: at, url: `https://${at}` } },
      integrations: { jupyterhub: { mode: 'off' }, argo },
    },
    others: ['joanna', 'bob'],
  });
  const { gateway, ann } = people;
  const origin = `https://argo.localhost:${gateway.port}`;

  /** As the page does: with its cookies, from its own origin. */
  const ask = (who: Person, method: string, path: string, body?: object, headers: Record<string, string> = {}) =>
    who.request(method, `${origin}${path}`, {
      headers: {
        accept: 'application/json',
        ...(method !== 'GET' && { origin, 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
    });
  const phaseOf = async (who: Person, namespace: string, name: string) =>
    (await ask(who, 'GET', `/api/v1/workflows/${namespace}/${name}`)).json<{ status: { phase?: string } }>().status
      .phase;
  const roleBindings = '/apis/rbac.authorization.k8s.io/v1/namespaces';
  /** The namespaces whose accounts have rights in one; undefined where there are none. */
  const accountsIn = async (namespace: string): Promise<string[] | undefined> => {
    const { status, body } = await cluster.request(`${roleBindings}/${namespace}/rolebindings/knot-argo`);
    if (status !== 200) return undefined;
    return (body.subjects as { namespace: string }[]).map((subject) => subject.namespace);
  };

  return {
    ...people,
    ...{ rights, origin, ask, accountsIn },
    idOf: async (username: string) => (await ann.api('GET', `/users/${username}`)).json<{ id: string }>().id,
    place: (namespace: string) =>
      eventually(`the place ${namespace}`, async () => (await accountsIn(namespace)) !== undefined),
    enter: (who: Person) => who.visit(`${origin}/`),
    submit: (who: Person, namespace: string, workflow: object) =>
      ask(who, 'POST', `/api/v1/workflows/${namespace}`, { workflow }),
    phaseOf,
    until: (who: Person, namespace: string, name: string, phase: string) =>
      eventually(`${name} is ${phase}`, async () => (await phaseOf(who, namespace, name)) === phase),
    list: async (who: Person, query = '') => (await who.api('GET', `/workflows${query}`)).json<Listed>(),
    openStream: (t: Pick<Test, 'teardown'>, who: Person, path: string) => openStream(t, gateway, who, path),
  };
}

/** An EventSource, as far as it matters here. */
async function openStream(
  t: Pick<Test, 'teardown'>,
  gateway: { port: number; caFile: string },
  who: Person,
  path: string,
): Promise<Stream> {
  const url = `https://argo.localhost:${gateway.port}${path}`;
  const agent = new Agent({
    connect: {
      ca: readFileSync(gateway.caFile),
      lookup: ((
        _host: string,
        options: { all?: boolean },
        done: (error: null, address: unknown, family?: number) => void,
      ) => (options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4))) as never,
    },
    bodyTimeout: 0,
  });
  t.teardown(() => agent.destroy());
  const cookie = [...who.cookiesFor(url)].map(([name, value]) => `${name}=${value}`).join('; ');
  const { statusCode, body } = await request(url, {
    dispatcher: agent,
    headers: { cookie, accept: 'text/event-stream' },
  });
  let text = '';
  const ended = (async () => {
    try {
      for await (const chunk of body) text += String(chunk);
    } catch {
      // Cut.
    }
  })();
  return { status: statusCode, text: () => text, ended };
}
