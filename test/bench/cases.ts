import { join } from 'node:path';
import { atRate, type Load, saturate, saturateAsMany } from './generators.ts';
import type { RunningKnot } from './knot.ts';
import type { ProxyName, RunningProxy } from './peers.ts';
import { residentKiB } from './process-facts.ts';
import { signInMany } from './sign-in.ts';
import { churn, echo, idle } from './sockets.ts';
import { transfer } from './transfers.ts';
import type { Upstream } from './upstream.ts';

/** What is measured. Each figure is one number of one round; the report takes medians and ratios. */

export type Figures = Record<string, number>;

/** Who is measured: a proxy, the gateway with a large population, or another checkout of the gateway. */
export type SubjectName = ProxyName | 'knot-large' | 'knot-apart' | 'knot-before' | 'knot-people';

export type Column = { figure: string; title: string; digits: number };

export type Setting = {
  upstream: Upstream;
  folder: string;
  /** Of each measured window; shorter with `--quick`. */
  seconds: number;
  isQuick: boolean;
};

export type Case = {
  id: string;
  title: string;
  subjects: readonly SubjectName[];
  /** Fewer with `--quick`, where a case takes long and no bar compares. */
  quickSubjects?: readonly SubjectName[];
  /** Which of the two upstreams. */
  upstream: 'files' | 'echo';
  columns: readonly Column[];
  /** How often at most, where one round says enough. */
  mostRounds?: number;
  /** A run that is thrown away, so that code is compiled and connections to the upstream are open. */
  warmUp?(subject: RunningProxy, setting: Setting): Promise<unknown>;
  measure(subject: RunningProxy, setting: Setting): Promise<Figures>;
};

const everyone: readonly SubjectName[] = ['knot', 'nginx', 'haproxy', 'caddy', 'chp'];

const few: readonly SubjectName[] = ['knot', 'nginx', 'caddy'];

const requestColumns: readonly Column[] = [
  { figure: 'cpu', title: 'µs CPU/request', digits: 1 },
  { figure: 'perSecond', title: 'requests/s', digits: 0 },
  { figure: 'cpuAtRate', title: 'µs CPU/request at rate', digits: 1 },
  { figure: 'p50', title: 'p50 ms at rate', digits: 2 },
  { figure: 'p99', title: 'p99 ms at rate', digits: 2 },
  { figure: 'resident', title: 'RSS MiB', digits: 0 },
];

type Shape = Pick<Load, 'path' | 'protocol' | 'connections' | 'streams'> & { rate: number };

function requestCase(id: string, title: string, subjects: readonly SubjectName[], shape: Shape): Case {
  const { rate, ...load } = shape;
  return {
    id,
    ...(id === '100k' && { quickSubjects: few }),
    title: `${title}; fixed rate: ${rate}/s`,
    subjects,
    upstream: 'files',
    columns: requestColumns,
    // What is compiled while it runs gets as long as that takes; what is compiled before loses nothing.
    warmUp: (proxy, { upstream, seconds }) => saturate({ ...load, proxy, seconds: seconds * 2 }, upstream),
    async measure(proxy, { upstream, folder, seconds }) {
      const full = await saturate({ ...load, proxy, seconds }, upstream);
      const paced = await atRate({ ...load, streams: 1, connections: 20, proxy, seconds }, rate, upstream, folder);
      return {
        cpu: full.cpuMicrosecondsPerRequest,
        perSecond: full.requestsPerSecond,
        cpuAtRate: paced.cost.cpuMicrosecondsPerRequest,
        p50: paced.latency.p50Ms,
        p99: paced.latency.p99Ms,
        resident: residentKiB(proxy.pid) / 1024,
      };
    },
  };
}

const transferColumns: readonly Column[] = [
  { figure: 'mebibytesPerSecond', title: 'MiB/s', digits: 0 },
  { figure: 'cpuMicrosecondsPerMebibyte', title: 'µs CPU/MiB', digits: 0 },
  { figure: 'grownKiB', title: 'memory grown KiB', digits: 0 },
];

const messageColumns: readonly Column[] = [
  { figure: 'cpuMicrosecondsPerMessage', title: 'µs CPU/message', digits: 1 },
  { figure: 'messagesPerSecond', title: 'messages/s', digits: 0 },
  { figure: 'p50Ms', title: 'p50 ms', digits: 2 },
  { figure: 'p99Ms', title: 'p99 ms', digits: 2 },
];

function bodySize(setting: Setting): { path: string; bytes: number } {
  const mebibytes = setting.isQuick ? 128 : 1024;
  return { path: setting.isQuick ? '/128m' : '/1g', bytes: mebibytes * 1024 * 1024 };
}

/** Active visitors of the large population: so many people at once, each with an own session and tool. */
const activeVisitors = 500;

export const cases: readonly Case[] = [
  requestCase('1k-h1', '1 KiB over HTTP/1.1, 50 connections', everyone, {
    path: '/1k',
    protocol: 'h1',
    connections: 50,
    streams: 1,
    rate: 1000,
  }),
  requestCase('1k-h2', '1 KiB over HTTP/2, 10 connections of 10 streams', everyone.slice(0, 4), {
    path: '/1k',
    protocol: 'h2',
    connections: 10,
    streams: 10,
    rate: 1000,
  }),
  requestCase('100k', '100 KiB over HTTP/1.1, 20 connections', everyone, {
    path: '/100k',
    protocol: 'h1',
    connections: 20,
    streams: 1,
    rate: 300,
  }),
  {
    id: '1g-down',
    title: '1 GiB down, one connection',
    subjects: everyone,
    upstream: 'files',
    columns: transferColumns,
    mostRounds: 3,
    warmUp: (proxy) => transfer(proxy, '/128m', 128 * 1024 * 1024),
    measure: async (proxy, setting) => {
      const { path, bytes } = bodySize(setting);
      return transfer(proxy, path, bytes);
    },
  },
  {
    id: '1g-up',
    title: '1 GiB up, one connection',
    subjects: everyone,
    upstream: 'echo',
    columns: transferColumns,
    mostRounds: 3,
    warmUp: (proxy, { folder }) => transfer(proxy, '/upload', 128 * 1024 * 1024, join(folder, 'files', '128m')),
    measure: async (proxy, setting) => {
      const { path, bytes } = bodySize(setting);
      return transfer(proxy, '/upload', bytes, join(setting.folder, 'files', path));
    },
  },
  {
    id: 'ws-small',
    title: 'WebSocket echo of 64 bytes, 50 sockets, each waiting for its echo',
    subjects: everyone,
    upstream: 'echo',
    columns: messageColumns,
    warmUp: (proxy, { seconds }) => echo(proxy, { sockets: 50, messageBytes: 64, seconds: Math.min(1, seconds) }),
    measure: async (proxy, { seconds }) => echo(proxy, { sockets: 50, messageBytes: 64, seconds }),
  },
  {
    id: 'ws-1m',
    title: 'WebSocket echo of 1 MiB, 4 sockets, each waiting for its echo',
    subjects: everyone,
    upstream: 'echo',
    quickSubjects: few,
    columns: messageColumns,
    mostRounds: 3,
    measure: async (proxy, { seconds }) => echo(proxy, { sockets: 4, messageBytes: 1024 * 1024, seconds }),
  },
  {
    id: 'churn',
    title: 'new connection for every request, full TLS 1.3 handshake, 16 at once',
    subjects: everyone,
    upstream: 'files',
    columns: [
      { figure: 'cpuMicrosecondsPerHandshake', title: 'µs CPU/connection', digits: 0 },
      { figure: 'perSecond', title: 'connections/s', digits: 0 },
    ],
    mostRounds: 3,
    quickSubjects: few,
    warmUp: (proxy, { seconds }) => churn(proxy, Math.min(1, seconds)),
    measure: async (proxy, { seconds }) => churn(proxy, seconds),
  },
  {
    id: 'idle',
    quickSubjects: ['knot'],
    title: 'idle WebSockets (5,000; 300 with --quick), then a sample of them asked',
    subjects: everyone,
    upstream: 'echo',
    columns: [
      { figure: 'kibibytesEach', title: 'KiB each', digits: 1 },
      { figure: 'isAnswering', title: 'all answer', digits: 0 },
      { figure: 'p50Ms', title: 'new connection and request p50 ms', digits: 2 },
      { figure: 'p99Ms', title: 'p99 ms', digits: 2 },
    ],
    mostRounds: 1,
    warmUp: (proxy) => echo(proxy, { sockets: 20, messageBytes: 64, seconds: 0.5 }),
    measure: async (proxy, { isQuick }) => {
      const result = await idle(proxy, isQuick ? 300 : 5000);
      return { ...result, isAnswering: Number(result.isAnswering) };
    },
  },
  {
    id: 'many',
    title: `1 KiB over HTTP/1.1 with 10,000 routes, 10,000 sessions, 1,000 users, 200 policies (knot-apart), and 1,000 teams, 10,000 shares besides (knot-large); ${activeVisitors} visitors active, half of them in services, theirs or shared with them`,
    subjects: ['knot', 'knot-large', 'knot-apart'],
    upstream: 'files',
    columns: requestColumns.filter(({ figure }) => ['cpu', 'perSecond', 'resident'].includes(figure)),
    // The small one may have been under load for minutes, the large one has just started; code is compiled after some ten seconds.
    warmUp: (proxy, setting) => measureMany(proxy, { ...setting, seconds: setting.isQuick ? 1.5 : 15 }),
    measure: measureMany,
  },
  signInCase('sign-in', '1,000 people sign in within a minute (250 in 15 s with --quick)', 60),
  signInCase('sign-in-at-once', '1,000 people sign in at once, and again when asked to wait (250 with --quick)', 0),
];

function signInCase(id: string, title: string, spreadSeconds: number): Case {
  return {
    id,
    title: `${title}; 100 requests a second are forwarded meanwhile`,
    subjects: ['knot-people'],
    upstream: 'files',
    columns: [
      { figure: 'perSecond', title: 'sign-ins/s', digits: 0 },
      { figure: 'p50Ms', title: 'p50 ms', digits: 0 },
      { figure: 'p99Ms', title: 'p99 ms', digits: 0 },
      { figure: 'askedToWait', title: 'asked to wait', digits: 0 },
      { figure: 'lagP99Ms', title: 'event loop p99 ms', digits: 1 },
      { figure: 'lagMostMs', title: 'most ms', digits: 1 },
      { figure: 'idleP99Ms', title: 'forwarded p99 ms, quiet', digits: 2 },
      { figure: 'forwardedP99Ms', title: 'meanwhile', digits: 2 },
      { figure: 'slower', title: 'ratio', digits: 2 },
      { figure: 'burstP99Ms', title: 'first 5 s', digits: 2 },
      { figure: 'burstSlower', title: 'ratio', digits: 2 },
      { figure: 'directP99Ms', title: 'past the gateway', digits: 2 },
    ],
    mostRounds: 3,
    warmUp: (knot, { upstream, folder }) =>
      signInMany(knot as RunningKnot, { upstream, folder, people: 50, spreadSeconds: 2 }),
    measure: (knot, { upstream, folder, isQuick }) =>
      signInMany(knot as RunningKnot, {
        upstream,
        folder,
        people: isQuick ? 250 : 1000,
        spreadSeconds: isQuick ? spreadSeconds / 4 : spreadSeconds,
      }),
  };
}

async function measureMany(proxy: RunningProxy, { upstream, folder, seconds }: Setting): Promise<Figures> {
  const visitors = (proxy as RunningKnot).visitors.slice(0, activeVisitors);
  const cost = await saturateAsMany(proxy, visitors, '/1k', seconds, upstream, folder);
  return {
    cpu: cost.cpuMicrosecondsPerRequest,
    perSecond: cost.requestsPerSecond,
    resident: residentKiB(proxy.pid) / 1024,
  };
}
