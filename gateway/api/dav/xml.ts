import type { FastifyRequest } from 'fastify';
import sax, { type QualifiedTag } from 'sax';
import { knotError } from '../../lib/index.ts';

/** An element of a request's body, with the namespace that its prefix stands for. */
export type Element = { uri: string; local: string; children: Element[]; text: string };

/** The namespace of everything that RFC 4918 defines. */
export const davNamespace = 'DAV:';

const mostBytes = 64 * 1024;
const mostElements = 1000;
const mostDepth = 20;

/**
 * The body of a request as XML; undefined when there is none. Small, shallow and without a document type: so there is no entity to
 * expand, nothing outside to fetch, and no cost beyond the bytes that came (RFC 4918 section 20.6).
 * @throws KNOT_API_DAV_XML (400, 413, 415)
 */
export async function readXml(request: FastifyRequest): Promise<Element | undefined> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request.raw as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > mostBytes) throw refusedXml('is larger than 64 KiB', 413);
    pieces.push(piece);
  }
  if (bytes === 0) return undefined;
  let text: string;
  try {
    // Leaves out a byte order mark.
    text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(pieces));
  } catch {
    throw refusedXml('is not UTF-8', 415);
  }
  return parseXml(text);
}

/** @throws KNOT_API_DAV_XML */
export function parseXml(text: string): Element {
  const parser = new sax.SAXParser(true, { xmlns: true });
  const outermost: Element = { uri: '', local: '', children: [], text: '' };
  const open = [outermost];
  let count = 0;
  const refuse = (why: string): never => {
    throw refusedXml(why);
  };
  parser.onerror = () => refuse('is not well-formed');
  parser.ondoctype = () => refuse('has a document type');
  parser.onsgmldeclaration = () => refuse('has a declaration');
  parser.onprocessinginstruction = ({ name, body }) => {
    const encoding = /encoding\s*=\s*["']([^"']*)["']/.exec(body)?.[1];
    if (name !== 'xml') refuse('has a processing instruction');
    if (encoding !== undefined && !/^utf-?8$/i.test(encoding)) throw refusedXml('is not UTF-8', 415);
  };
  parser.onopentag = (tag) => {
    const { uri, local } = tag as QualifiedTag;
    count += 1;
    if (count > mostElements) refuse('has too many elements');
    if (open.length > mostDepth) refuse('is too deep');
    if (open.length === 1 && outermost.children.length > 0) refuse('has two outermost elements');
    // A prefix that stands for nothing (Namespaces in XML 1.0 section 2.2).
    if ((tag as QualifiedTag).prefix !== '' && uri === '') refuse('has a prefix without a namespace');
    const element: Element = { uri, local, children: [], text: '' };
    open.at(-1)!.children.push(element);
    open.push(element);
  };
  parser.onclosetag = () => void open.pop();
  parser.ontext = (piece) => void (open.at(-1)!.text += piece);
  parser.oncdata = (piece) => void (open.at(-1)!.text += piece);
  parser.write(text).close();
  const root = outermost.children[0];
  return root ?? refuse('is empty');
}

const refusedXml = (why: string, status = 400) =>
  knotError('KNOT_API_DAV_XML', status, `The body ${why}.`, {
    remedy: 'Send the small XML of RFC 4918, in UTF-8 and without a document type.',
  });

export const childOf = (element: Element | undefined, local: string): Element | undefined =>
  element?.children.find((child) => child.uri === davNamespace && child.local === local);

/** As content of an element or an attribute. What XML cannot hold (XML 1.0 section 2.2) is a sign that something was there. */
export const escapeXml = (text: string): string =>
  text
    // eslint-disable-next-line no-control-regex
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Cs}/gu, '\ufffd')
    .replace(/[&<>"'\r\n\t]/g, (character) => `&#${character.charCodeAt(0)};`);

const declaration = '<?xml version="1.0" encoding="utf-8"?>\n';
export const xmlType = 'application/xml; charset=utf-8';

/** A document whose outermost element is of RFC 4918. */
export const documentOf = (local: string, content: string): string =>
  `${declaration}<D:${local} xmlns:D="DAV:">${content}</D:${local}>\n`;

/** The same whose content comes bit by bit. */
export async function* documentFrom(local: string, content: AsyncIterable<string>): AsyncGenerator<string> {
  yield `${declaration}<D:${local} xmlns:D="DAV:">\n`;
  let waiting = '';
  for await (const piece of content) {
    waiting += piece;
    if (waiting.length < 16_384) continue;
    yield waiting;
    waiting = '';
  }
  yield `${waiting}</D:${local}>\n`;
}
