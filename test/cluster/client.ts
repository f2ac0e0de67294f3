import { execFile } from 'node:child_process';
import { Agent, request as send } from 'undici';
import type { Programs } from './build.ts';
import type { Credentials } from './credentials.ts';
import { testAgent } from './left-calls.ts';

export type Answer = {
  status: number;
  /** What its JSON holds, or text. */
  body: ReturnType<typeof JSON.parse>;
  headers: Record<string, string | string[] | undefined>;
};

export type RequestOptions = {
  method?: string;
  /** Sent as JSON. */
  body?: unknown;
  /** `application/json`; a patch says which (`application/apply-patch+yaml` takes JSON too). */
  contentType?: string;
  /** A bearer token; default: the admin's. */
  token?: string;
  headers?: Record<string, string>;
};

type Applied = { apiVersion: string; kind: string; metadata: { name: string; namespace?: string } };

/** How a test asks the API server and acts on it. */
export type Client = {
  /** One request to the API server. Some milliseconds, where a kubectl takes a good part of a second. */
  request(path: string, options?: RequestOptions): Promise<Answer>;
  /** Resolves with standard output. @throws with standard error. */
  kubectl(...args: string[]): Promise<string>;
  /** The same with something on standard input, or as somebody else. */
  kubectlWith(options: { input?: string; kubeconfig?: string }, ...args: string[]): Promise<string>;
  /** Server-side apply of any objects, by field manager `test`, forced. */
  apply(...objects: object[]): Promise<void>;
  /** TokenRequest, for an hour. */
  serviceAccountToken(namespace: string, name: string, audiences?: readonly string[]): Promise<string>;
};

export function openClient(
  { server, folder, programs }: { server: string; folder: string; programs: Programs },
  { authority, tokenOf, kubeconfig }: Credentials,
): Client & { close(): Promise<void> } {
  const agent = new Agent({ connect: { ca: authority.cert } });

  async function request(path: string, asked: RequestOptions = {}): Promise<Answer> {
    const { method = 'GET', body, contentType = 'application/json', token = tokenOf('admin'), headers } = asked;
    const answer = await send(`${server}${path}`, {
      dispatcher: agent,
      method: method as 'GET',
      headers: {
        authorization: `Bearer ${token}`,
        'user-agent': testAgent,
        ...(body !== undefined && { 'content-type': contentType }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await answer.body.text();
    const isJson = String(answer.headers['content-type']).includes('json');
    return { status: answer.statusCode, body: isJson ? JSON.parse(text) : text, headers: answer.headers };
  }

  type Resource = { name: string; kind: string; namespaced: boolean };
  /** What the API server offers of a group, as it was last read. */
  const offers = new Map<string, Resource[]>();

  /** @throws when there is no such kind, or not yet */
  async function pathOf({ apiVersion, kind, metadata: { name, namespace = 'default' } }: Applied): Promise<string> {
    const base = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const find = () => offers.get(base)?.find((one) => one.kind === kind && !one.name.includes('/'));
    if (find() === undefined) offers.set(base, ((await request(base)).body.resources ?? []) as Resource[]);
    const found = find();
    if (found === undefined) throw new Error(`no matches for kind ${kind} in ${apiVersion}`);
    return `${base}/${found.namespaced ? `namespaces/${namespace}/` : ''}${found.name}/${name}`;
  }

  function kubectlWith(
    { input, kubeconfig: as = kubeconfig }: { input?: string; kubeconfig?: string },
    ...args: string[]
  ): Promise<string> {
    const [program, ...before] = programs.kubectl;
    return new Promise((resolve, reject) => {
      const child = execFile(
        program,
        [...before, `--kubeconfig=${as}`, ...args],
        // Its cache of what the server offers lies in the home folder.
        { env: { PATH: process.env['PATH'], HOME: folder }, cwd: folder, maxBuffer: 64 * 1024 * 1024 },
        (error, stdout, stderr) => (error ? reject(new Error(stderr || error.message)) : resolve(stdout)),
      );
      child.stdin!.on('error', () => undefined);
      child.stdin!.end(input ?? '');
    });
  }

  return {
    request,
    kubectlWith,
    kubectl: (...args) => kubectlWith({}, ...args),
    async apply(...objects) {
      for (const object of objects as Applied[]) {
        const path = `${await pathOf(object)}?fieldManager=test&force=true`;
        const asked = { method: 'PATCH', body: object, contentType: 'application/apply-patch+yaml' };
        const { status, body } = await request(path, asked);
        if (status >= 300) throw new Error(`${object.kind} ${object.metadata.name}: ${body.message ?? body}`);
      }
    },
    async serviceAccountToken(namespace, name, audiences) {
      const { status, body } = await request(`/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`, {
        method: 'POST',
        body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences } },
      });
      if (status !== 201) throw new Error(`no token: ${JSON.stringify(body)}`);
      return body.status.token as string;
    },
    close: () => agent.destroy(),
  };
}
