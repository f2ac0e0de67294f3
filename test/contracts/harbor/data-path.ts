import { createHash } from 'node:crypto';
import { request as send, type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import { tokenService } from './registry.ts';
import { HarborError, type State } from './state.ts';
import { allowedOf, nameOf, type RepositoryAccess, type TokenService } from './tokens.ts';
import type { Who } from './who.ts';

/** Largest manifest that is read; the registry's own bound is 4 MiB (distribution, `maxManifestBodySize`). */
const maxManifest = 4 * 1024 * 1024;

/** `/v2/…`: Harbor's core judges each request, then its registry answers. */
export function createDataPath(state: State, { registry, tokens, externalUrl }: DataPathOptions) {
  /** What a request needs: distribution spec, "Endpoints". */
  function needed(method: string, url: URL): RepositoryAccess[] {
    const name = /^\/v2\/(.+)\/(?:manifests|blobs|tags|referrers)\//.exec(url.pathname)?.[1];
    if (name === undefined) return [];
    const action = method === 'GET' || method === 'HEAD' ? 'pull' : method === 'DELETE' ? 'delete' : 'push';
    const access = [{ type: 'repository', name, actions: action === 'push' ? ['pull', 'push'] : [action] }];
    const from = url.searchParams.get('from');
    return from === null ? access : [...access, { type: 'repository', name: from, actions: ['pull'] }];
  }

  const projectOf = (name: string) => state.projects.find((one) => one.name === name.split('/')[0]);

  /** `access`: undefined where a sign-in would change nothing. */
  function challenge(
    request: IncomingMessage,
    access: RepositoryAccess[] | undefined,
    response: ServerResponse,
  ): never {
    const scope = (access ?? []).map(({ name, actions }) => `repository:${name}:${actions.join(',')}`).join(' ');
    // The scheme that it was told, and the host that it was asked as.
    const service = `${new URL(externalUrl()).protocol}//${request.headers.host}/service/token`;
    const bearer = `Bearer realm="${service}",service="${tokenService}"` + (scope && `,scope="${scope}"`);
    response.setHeader('docker-distribution-api-version', 'registry/2.0');
    // Whoever came with something that does not suffice is asked for a password.
    const asked = request.headers.authorization === undefined ? bearer : 'Basic realm="harbor"';
    response.setHeader('www-authenticate', access === undefined ? '' : asked);
    throw new HarborError(401, 'UNAUTHORIZED', 'unauthorized to access repository');
  }

  return async function answer(request: IncomingMessage, response: ServerResponse, url: URL, who: Who): Promise<void> {
    const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    const given = bearer === undefined ? undefined : await tokens.read(bearer);
    const access = needed(request.method!, url);
    const allowed =
      given ??
      allowedOf(
        state,
        who,
        access.map(({ name, actions }) => `repository:${name}:${actions.join(',')}`),
      );
    // Where there is no such project there is nothing to sign in for.
    if (access.some(({ name }) => projectOf(name) === undefined)) return challenge(request, undefined, response);
    const isAllowed = access.every(({ name, actions }) =>
      actions.every((action) => allowed.some((one) => one.name === name && one.actions.includes(action))),
    );
    const isKnown = given !== undefined || who.kind !== 'nobody';
    // Clients find out that they must sign in by reading, also where everybody may (harbor#11271).
    const isBare = ['GET', 'HEAD'].includes(request.method!) && request.headers.authorization === undefined;
    if (!isAllowed || (isBare && access.length > 0) || (access.length === 0 && !isKnown))
      return challenge(request, access, response);
    const token = await tokens.sign(nameOf(who), access);
    const manifest = request.method === 'PUT' ? /^\/v2\/(.+)\/manifests\/([^/]+)$/.exec(url.pathname) : null;
    if (manifest)
      return await pushManifest(request, response, url, token, manifest[1]!, decodeURIComponent(manifest[2]!));
    forward(request, response, url, token);
  };

  function forward(request: IncomingMessage, response: ServerResponse, url: URL, token: string, body?: Buffer): void {
    const upstream = send(
      `${registry}${url.pathname}${url.search}`,
      { method: request.method!, headers: { ...request.headers, authorization: `Bearer ${token}` } },
      (answer) => {
        response.writeHead(answer.statusCode!, answer.headers);
        pipeline(answer, response, () => undefined);
      },
    );
    upstream.on('error', () => response.destroy());
    if (body) upstream.end(body);
    else pipeline(request, upstream, () => undefined);
  }

  /** What a manifest brings counts against the project's quota, and is listed once the registry has it. */
  async function pushManifest(
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    token: string,
    repository: string,
    reference: string,
  ): Promise<void> {
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of request as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > maxManifest) throw new HarborError(413, 'SIZE_INVALID', 'manifest is too large');
      chunks.push(chunk);
    }
    const body = Buffer.concat(chunks);
    const project = projectOf(repository)!;
    const parsed = JSON.parse(body.toString()) as { config?: Sized; layers?: Sized[]; mediaType?: string };
    const size = [parsed.config, ...(parsed.layers ?? [])].reduce((sum, part) => sum + (part?.size ?? 0), body.length);
    const used = usedBy(state, project.id);
    if (project.storageLimit !== -1 && used + size > project.storageLimit) {
      const message = `adding ${size} bytes of storage resource, which when updated to current usage of ${used} will exceed the configured upper limit of ${project.storageLimit}.`;
      throw new HarborError(403, 'DENIED', message);
    }
    response.on('finish', () => {
      if (response.statusCode !== 201) return;
      const digest = `sha256:${createHash('sha256').update(body).digest('hex')}`;
      const isSame = (one: { repository: string; digest: string }) =>
        one.repository === repository && one.digest === digest;
      const tag = reference.startsWith('sha256:') ? [] : [reference];
      const before = state.artifacts.find(isSame);
      for (const one of state.artifacts)
        if (one.repository === repository) one.tags = one.tags.filter((name) => !tag.includes(name));
      if (before) before.tags.push(...tag);
      else
        state.artifacts.push({
          ...{ projectId: project.id, repository, digest, size, tags: tag, pushedAt: new Date().toISOString() },
          mediaType: request.headers['content-type'] ?? parsed.mediaType ?? '',
          configMediaType: parsed.config?.mediaType ?? '',
        });
    });
    forward(request, response, url, token, body);
  }
}

type Sized = { size?: number; mediaType?: string };

export type DataPathOptions = { registry: string; tokens: TokenService; externalUrl(): string };

/** Bytes that a project holds. */
export const usedBy = (state: State, projectId: number): number =>
  state.artifacts.filter((one) => one.projectId === projectId).reduce((sum, { size }) => sum + size, 0);
