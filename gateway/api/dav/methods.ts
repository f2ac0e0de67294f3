/** What WebDAV has beyond the methods of HTTP (RFC 4918 section 9). */
const beyondHttp = ['PROPFIND', 'PROPPATCH', 'MKCOL', 'COPY', 'MOVE', 'LOCK', 'UNLOCK'] as const;

/** For the edge: understood below this path of the main host alone. */
export const davMethods = { below: '/dav', methods: beyondHttp };

export const allMethods = ['OPTIONS', 'GET', 'HEAD', 'PUT', 'DELETE', ...beyondHttp] as const;
export type DavMethod = (typeof allMethods)[number];
