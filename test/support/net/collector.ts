import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type ReceivedSpan = {
  traceId: string;
  spanId: string;
  /** '' for the first span of a trace. */
  parentSpanId: string;
  traceState: string;
  name: string;
  kind: number;
  attributes: Record<string, string | number>;
  /** 2 is an error. */
  status: number;
  milliseconds: number;
  /** Of the service that sent it. */
  resource: Record<string, string | number>;
};

export type Collector = {
  /** `http://127.0.0.1:PORT`, without a path. */
  endpoint: string;
  port: number;
  spans: ReceivedSpan[];
  /** Path and headers of each batch. */
  batches: { path: string; headers: IncomingHttpHeaders }[];
  /** Every byte of every batch. */
  text(): string;
  /** Replaces the answer, which is 200 with an empty object; the batch is not kept then. */
  answerWith(answer: (response: ServerResponse) => void): void;
  reset(): void;
  close(): Promise<void>;
};

type Value = { stringValue?: string; intValue?: number | string; doubleValue?: number };
type Attribute = { key: string; value: Value };
type Span = {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  traceState?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: Attribute[];
  status?: { code?: number };
};
type Batch = { resourceSpans: { resource: { attributes: Attribute[] }; scopeSpans: { spans: Span[] }[] }[] };

/** A collector of traces: takes OTLP in JSON over HTTP and keeps what it got. */
export async function startCollector(port = 0): Promise<Collector> {
  const spans: ReceivedSpan[] = [];
  const batches: Collector['batches'] = [];
  let text = '';
  let answer: ((response: ServerResponse) => void) | undefined;
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      if (answer !== undefined) return answer(response);
      text += body;
      batches.push({ path: request.url ?? '', headers: request.headers });
      spans.push(...spansOf(JSON.parse(body) as Batch));
      response.setHeader('content-type', 'application/json');
      return response.end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const { port: actual } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${actual}`,
    port: actual,
    spans,
    batches,
    text: () => text,
    answerWith: (next) => void (answer = next),
    reset() {
      answer = undefined;
      text = '';
      spans.length = batches.length = 0;
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function spansOf({ resourceSpans }: Batch): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId ?? '',
        traceState: span.traceState ?? '',
        name: span.name,
        kind: span.kind,
        attributes: plain(span.attributes),
        status: span.status?.code ?? 0,
        milliseconds: Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)) / 1e6,
        resource: plain(resource.attributes),
      })),
    ),
  );
}

function plain(attributes: readonly Attribute[]): Record<string, string | number> {
  return Object.fromEntries(
    attributes.map(({ key, value: { stringValue, intValue, doubleValue } }) => [
      key,
      stringValue ?? Number(intValue ?? doubleValue),
    ]),
  );
}
