/**
 * What the edge does with each request header, by name. `pass` forwards it untouched; `drop` never reaches an upstream;
 * `refuse` ends the request; the others are read by name and then forwarded or replaced.
 */
export const headerKind = {
  pass: 0,
  drop: 1,
  refuse: 2,
  pseudo: 3,
  host: 4,
  cookie: 5,
  connection: 6,
  upgrade: 7,
  transferEncoding: 8,
  contentLength: 9,
  expect: 10,
  origin: 11,
  fetchSite: 12,
  fetchMode: 13,
  accept: 14,
  forwardedFor: 15,
  authorization: 16,
  userAgent: 17,
  webSocketVersion: 18,
  webSocketKey: 19,
  traceParent: 20,
  traceState: 21,
  baggage: 22,
  purpose: 23,
} as const;

export type HeaderKind = (typeof headerKind)[keyof typeof headerKind];

const kindByName: Record<string, HeaderKind> = {
  host: headerKind.host,
  cookie: headerKind.cookie,
  connection: headerKind.connection,
  upgrade: headerKind.upgrade,
  'transfer-encoding': headerKind.transferEncoding,
  'content-length': headerKind.contentLength,
  expect: headerKind.expect,
  origin: headerKind.origin,
  'sec-fetch-site': headerKind.fetchSite,
  'sec-fetch-mode': headerKind.fetchMode,
  accept: headerKind.accept,
  'x-forwarded-for': headerKind.forwardedFor,
  authorization: headerKind.authorization,
  'user-agent': headerKind.userAgent,
  'sec-websocket-version': headerKind.webSocketVersion,
  'sec-websocket-key': headerKind.webSocketKey,
  traceparent: headerKind.traceParent,
  tracestate: headerKind.traceState,
  baggage: headerKind.baggage,
  'sec-purpose': headerKind.purpose,
  purpose: headerKind.purpose,
  'x-purpose': headerKind.purpose,
  'x-moz': headerKind.purpose,
};

/**
 * Never forwarded from a client. Hop-by-hop fields (RFC 9110 section 7.6.1), what other proxies say about a client (catalogue
 * H8), what back ends take for an identity (H1, H5, H19), and method overrides, which would make the judged method a lie (P16).
 */
const droppedNames = new Set(
  (
    'keep-alive proxy-connection proxy-authorization proxy-authenticate te trailer http2-settings alt-used ' +
    'forwarded via x-real-ip x-client-ip x-cluster-client-ip x-original-host x-original-url x-original-uri x-original-method ' +
    'x-rewrite-url x-host x-scheme x-url-scheme x-proxyuser-ip true-client-ip cf-connecting-ip fastly-client-ip ' +
    'front-end-https x-http-method x-http-method-override x-method-override ' +
    'x-user x-userid x-username x-email x-groups x-roles auth-user auth-email auth-groups x-auth-user x-auth-email x-auth-groups ' +
    'x-authenticated-user x-authenticated-email x-authenticated-groups x-client-cert x-client-verify x-client-dn'
  ).split(' '),
);
const droppedPrefixes = [
  'x-knot-',
  'x-forwarded-',
  'remote-',
  'impersonate-',
  'x-remote-',
  'x-webauth-',
  'x-auth-request-',
  'x-ssl-client-',
  'ssl-client-',
];

/** RFC 9110 token, without `_` and `.`: back ends fold both into `-` (catalogue H2, H3). */
const acceptedName = /^[!#$%&'*+\-^`|~0-9A-Za-z]+$/;

const remembered = new Map<string, HeaderKind>();
const rememberedLimit = 2000;
const rememberedLength = 64;

/** The kind of a header name in any casing. Answers are remembered: a browser sends the same two dozen names each time. */
export function headerKindOf(name: string): HeaderKind {
  const known = remembered.get(name);
  if (known !== undefined) return known;
  const kind = classify(name);
  if (name.length <= rememberedLength) {
    if (remembered.size >= rememberedLimit) remembered.clear();
    remembered.set(name, kind);
  }
  return kind;
}

function classify(name: string): HeaderKind {
  if (name.charCodeAt(0) === 0x3a) return headerKind.pseudo;
  if (!acceptedName.test(name)) return headerKind.refuse;
  const lower = name.toLowerCase();
  if (Object.hasOwn(kindByName, lower)) return kindByName[lower]!;
  if (droppedNames.has(lower)) return headerKind.drop;
  return droppedPrefixes.some((prefix) => lower.startsWith(prefix)) ? headerKind.drop : headerKind.pass;
}

/** Fields of an upstream's answer that end at the gateway: hop-by-hop, and what would speak for other hosts (H17, H18). */
export const droppedResponseHeaders: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'http2-settings',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authentication-info',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'alt-svc',
  'strict-transport-security',
  'public-key-pins',
  'x-accel-redirect',
  'x-sendfile',
]);

/** Lower-case names listed in a `Connection` field, without the two that only speak of the connection itself. */
export function connectionOptions(connection: string): string[] {
  return connection
    .toLowerCase()
    .split(',')
    .map((option) => option.trim())
    .filter((option) => option !== '' && option !== 'close' && option !== 'keep-alive');
}
