import type { ServerResponse } from 'node:http';
import type { KubeObject } from '../../../gateway/kube/index.ts';
import type { Fault } from './fake.ts';
import type { Change, Objects, Place } from './objects.ts';

export type Watcher = { bookmark(): void };

/** Answers a watch: what happened since its version, then what happens (Kubernetes API concepts, "Efficient detection of changes"). */
export function serveWatch(parts: {
  response: ServerResponse;
  objects: Objects;
  place: Place;
  query: URLSearchParams;
  select: (object: KubeObject) => boolean;
  shape: (object: KubeObject) => KubeObject;
  fault: Fault | undefined;
  /** Versions before are forgotten. */
  oldest: number;
  watchers: Set<Watcher>;
}): void {
  const { response, objects, place, query, select, shape, fault, oldest, watchers } = parts;
  const since = Number(query.get('resourceVersion') ?? 0);
  response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
  if (typeof fault === 'object' && 'say' in fault) response.write(fault.say);
  let written = 0;
  let isSilent = fault === 'silent';

  function write(type: string, object: unknown): void {
    if (isSilent || response.destroyed) return;
    const line = `${JSON.stringify({ type, object })}\n`;
    if (typeof fault === 'object' && 'truncateAfter' in fault && written === fault.truncateAfter) {
      isSilent = true;
      response.write(line.slice(0, line.length / 2), () => response.destroy());
      return;
    }
    response.write(line);
    written += 1;
    if (typeof fault === 'object' && 'cutAfter' in fault && written === fault.cutAfter) {
      isSilent = true;
      response.write('', () => response.destroy());
    }
  }

  if (fault === 'gone' || since < oldest) {
    const message = `too old resource version: ${since} (${oldest})`;
    write('ERROR', { kind: 'Status', apiVersion: 'v1', status: 'Failure', message, reason: 'Expired', code: 410 });
    return void response.end();
  }

  /** An object that is selected no longer is gone for who watches, and one that is now is new. */
  function tell({ type, object, before }: Change): void {
    if (place.namespace !== undefined && object.metadata.namespace !== place.namespace) return;
    const was = before !== undefined && select(before);
    const is = type !== 'DELETED' && select(object);
    if (was || is) write(was && is ? 'MODIFIED' : is ? 'ADDED' : 'DELETED', shape(object));
  }
  const bookmark = () => {
    if (query.get('allowWatchBookmarks') !== 'true') return;
    const metadata = { name: '', resourceVersion: String(objects.version()) };
    write('BOOKMARK', { apiVersion: place.group, kind: 'Bookmark', metadata });
  };
  for (const change of objects.changesSince(place, since)) tell(change);
  const stop = objects.listen(place, tell);
  const watcher = { bookmark };
  watchers.add(watcher);
  const seconds = Number(query.get('timeoutSeconds') ?? 0);
  const end = setTimeout(() => response.end(), (seconds || 1800) * 1000).unref();
  response.once('close', () => {
    clearTimeout(end);
    stop();
    watchers.delete(watcher);
  });
}
