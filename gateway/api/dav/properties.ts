import type { Entry, Lock } from '../../files/index.ts';
import { contentHeaders } from '../files/content.ts';
import { childOf, davNamespace, type Element, escapeXml } from './xml.ts';

/** A lock as one person sees it: its token is for who took it. `seconds` until it ends, `address` of what was locked. */
export type ShownLock = { lock: Lock; address: string; seconds: number; isOwn: boolean };

/** A thing as a client is told of it. */
export type Resource = {
  /** Percent-encoded; of a folder with a slash at its end. */
  address: string;
  /** Shown to people. */
  name: string;
  isFolder: boolean;
  /** Missing for the folder of areas and that of teams. */
  entry?: Entry;
  /** Those that hold for it. */
  locks: readonly ShownLock[];
  /** Of its area, in bytes; asked once a request, and only when somebody wants it. */
  quota?: () => Promise<{ used: number; available: number | undefined }>;
};

/** What is asked for: names of properties alone, everything that is cheap, or these. */
export type Asked = 'names' | 'all' | readonly { uri: string; local: string }[];

export function askedIn(body: Element | undefined): Asked {
  if (body === undefined || childOf(body, 'allprop')) return 'all';
  if (childOf(body, 'propname')) return 'names';
  return childOf(body, 'prop')?.children ?? 'all';
}

type Property = (resource: Resource) => string | undefined | Promise<string | undefined>;

const lockKind = (scope: string) =>
  `<D:lockentry><D:lockscope><D:${scope}/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>`;

/** Content of each property of RFC 4918 section 15 that Knot has; undefined where a resource has none. */
const common: Record<string, Property> = {
  resourcetype: ({ isFolder }) => (isFolder ? '<D:collection/>' : ''),
  displayname: ({ name }) => escapeXml(name),
  getcontentlength: ({ isFolder, entry }) => (isFolder ? undefined : String(entry!.size)),
  getcontenttype: ({ isFolder, name }) =>
    isFolder ? undefined : escapeXml(contentHeaders(name, true)['content-type'] ?? ''),
  getetag: ({ entry }) => entry && escapeXml(entry.etag),
  getlastmodified: ({ entry }) => entry && new Date(entry.modifiedAt).toUTCString(),
  supportedlock: ({ entry }) => (entry ? `${lockKind('exclusive')}${lockKind('shared')}` : ''),
  lockdiscovery: ({ locks }) => locks.map(activeLock).join(''),
};

/** RFC 4331: not among all, because they cost a look at the store. */
const onDemand: Record<string, Property> = {
  'quota-used-bytes': async ({ quota }) => quota && String((await quota()).used),
  'quota-available-bytes': async ({ quota }) => {
    const available = (await quota?.())?.available;
    return available === undefined ? undefined : String(available);
  },
};

/** One `response` of a multistatus. Properties that are not there are named as such (RFC 4918 section 9.1). */
export async function describeResource(resource: Resource, asked: Asked): Promise<string> {
  const found: string[] = [];
  const missing: string[] = [];
  const wanted = typeof asked === 'string' ? Object.keys(common).map((local) => ({ uri: davNamespace, local })) : asked;
  for (const { uri, local } of wanted) {
    const property = uri === davNamespace ? propertyNamed(local) : undefined;
    const content = await property?.(resource);
    if (content === undefined) missing.push(emptyElement(uri, local));
    else if (asked === 'names' || content === '') found.push(`<D:${local}/>`);
    else found.push(`<D:${local}>${content}</D:${local}>`);
  }
  const parts = [
    found.length > 0 || typeof asked === 'string' ? propstat(found, '200 OK') : '',
    missing.length > 0 && typeof asked !== 'string' ? propstat(missing, '404 Not Found') : '',
  ];
  return `<D:response><D:href>${escapeXml(resource.address)}</D:href>${parts.join('')}</D:response>\n`;
}

const propertyNamed = (local: string): Property | undefined =>
  Object.hasOwn(common, local) ? common[local] : Object.hasOwn(onDemand, local) ? onDemand[local] : undefined;

export const propstat = (properties: readonly string[], status: string): string =>
  `<D:propstat><D:prop>${properties.join('')}</D:prop><D:status>HTTP/1.1 ${status}</D:status></D:propstat>`;

/** A name that a client sent, given back. The parser took it for a name of XML. */
export const emptyElement = (uri: string, local: string): string =>
  uri === davNamespace ? `<D:${local}/>` : `<${local} xmlns="${escapeXml(uri)}"/>`;

export function activeLock({ lock, address, seconds, isOwn }: ShownLock): string {
  const { token, isDeep, isShared, owner } = lock;
  return (
    `<D:activelock><D:locktype><D:write/></D:locktype><D:lockscope><D:${isShared ? 'shared' : 'exclusive'}/></D:lockscope>` +
    `<D:depth>${isDeep ? 'infinity' : '0'}</D:depth>${owner === '' ? '' : `<D:owner>${owner}</D:owner>`}` +
    `<D:timeout>Second-${seconds}</D:timeout>` +
    `${isOwn ? `<D:locktoken><D:href>${token}</D:href></D:locktoken>` : ''}` +
    `<D:lockroot><D:href>${escapeXml(address)}</D:href></D:lockroot></D:activelock>`
  );
}
