import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { freePort, startServer } from './servers.ts';

/** The proxies Knot is compared with: each does TLS and a plain pass to one upstream, without logs, on one thread. */

export type ProxyName = 'knot' | 'nginx' | 'haproxy' | 'caddy' | 'chp';

/** A running proxy in front of one upstream. */
export type RunningProxy = {
  name: ProxyName;
  port: number;
  pid: number;
  /** Host and cookie of a visitor who may use it; the peers get the same bytes and do not care. */
  host: string;
  cookie: string;
};

export type Certificate = { cert: string; key: string };

type Peer = {
  command: string;
  version(): string;
  hasHttp2: boolean;
  start(place: Place): { args: string[]; environment?: Record<string, string> };
};

type Place = { port: number; spare: number; upstreamPort: number; folder: string; certificate: Certificate };

const root = join(import.meta.dirname, '..', '..');
const userLine = process.getuid?.() === 0 ? 'user root;' : '';

const nginx: Peer = {
  command: '/usr/sbin/nginx',
  hasHttp2: true,
  version: () => firstLine('/bin/sh', ['-c', '/usr/sbin/nginx -v 2>&1']).replace(/^.*nginx\//, ''),
  start({ port, upstreamPort, folder, certificate }) {
    const base = join(folder, `nginx-${port}`);
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((kind) => `${kind}_temp_path ${base}-${kind};`)
      .join(' ');
    writeFileSync(
      `${base}.conf`,
      `daemon off; ${userLine} worker_processes 1; pid ${base}.pid;
worker_rlimit_nofile 20000;
events { worker_connections 16384; }
http {
  access_log off; ${temporary}
  keepalive_requests 100000000; keepalive_timeout 600s; client_max_body_size 0;
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  upstream backend { server 127.0.0.1:${upstreamPort}; keepalive 256; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port} ssl http2 backlog=4096;
    ssl_certificate ${certificate.cert}; ssl_certificate_key ${certificate.key};
    ssl_protocols TLSv1.2 TLSv1.3;
    location / {
      proxy_pass http://backend; proxy_http_version 1.1;
      proxy_set_header Host $http_host; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto https;
      proxy_buffering on; proxy_max_temp_file_size 0; proxy_request_buffering off; proxy_read_timeout 600s;
    }
  }
}
`,
    );
    return { args: ['-c', `${base}.conf`, '-e', `${base}.log`, '-p', folder] };
  },
};

const haproxy: Peer = {
  command: '/usr/sbin/haproxy',
  hasHttp2: true,
  version: () => /version (\S+)/.exec(firstLine('/usr/sbin/haproxy', ['-v']))?.[1] ?? '',
  start({ port, upstreamPort, folder, certificate }) {
    const base = join(folder, `haproxy-${port}`);
    writeFileSync(`${base}.pem`, readFileSync(certificate.cert, 'utf8') + readFileSync(certificate.key, 'utf8'), {
      mode: 0o600,
    });
    writeFileSync(
      `${base}.cfg`,
      `global
  nbthread 1
  maxconn 8000
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  timeout tunnel 600s
  option forwardfor
frontend front
  bind 127.0.0.1:${port} ssl crt ${base}.pem alpn h2,http/1.1 backlog 4096
  http-request set-header X-Forwarded-Proto https
  default_backend back
backend back
  http-reuse always
  server upstream 127.0.0.1:${upstreamPort}
`,
    );
    return { args: ['-db', '-f', `${base}.cfg`] };
  },
};

const caddy: Peer = {
  command: '/usr/bin/caddy',
  hasHttp2: true,
  version: () => firstLine('/usr/bin/caddy', ['version']).split(' ')[0]!,
  start({ port, upstreamPort, folder, certificate }) {
    const file = join(folder, `caddy-${port}.conf`);
    writeFileSync(
      file,
      `{
  admin off
  auto_https off
  servers {
    protocols h1 h2
  }
  log {
    level ERROR
  }
}
https://:${port} {
  bind 127.0.0.1
  tls ${certificate.cert} ${certificate.key}
  reverse_proxy 127.0.0.1:${upstreamPort}
}
`,
    );
    const environment = { GOMAXPROCS: '1', XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
    return { args: ['run', '--config', file, '--adapter', 'caddyfile'], environment };
  },
};

const chp: Peer = {
  command: join(root, 'node_modules', '.bin', 'configurable-http-proxy'),
  hasHttp2: false,
  version: () =>
    (
      JSON.parse(readFileSync(join(root, 'node_modules/configurable-http-proxy/package.json'), 'utf8')) as {
        version: string;
      }
    ).version,
  start: ({ port, spare, upstreamPort, certificate }) => ({
    args: [
      ...['--ip', '127.0.0.1', '--port', String(port), '--api-ip', '127.0.0.1', '--api-port', String(spare)],
      ...['--ssl-key', certificate.key, '--ssl-cert', certificate.cert, '--log-level', 'error'],
      ...['--default-target', `http://127.0.0.1:${upstreamPort}`],
    ],
    // It is a script that looks its interpreter up: the same Node as the gateway's.
    environment: { PATH: `${join(root, 'node_modules', '.bin')}${delimiter}${process.env['PATH']}` },
  }),
};

const peers: Record<Exclude<ProxyName, 'knot'>, Peer> = { nginx, haproxy, caddy, chp };

/** Those that are installed, with their versions. */
export function installedPeers(): { name: Exclude<ProxyName, 'knot'>; version: string; hasHttp2: boolean }[] {
  return Object.entries(peers)
    .filter(([, peer]) => existsSync(peer.command))
    .map(([name, peer]) => ({
      name: name as Exclude<ProxyName, 'knot'>,
      version: peer.version(),
      hasHttp2: peer.hasHttp2,
    }));
}

export async function startPeer(
  name: Exclude<ProxyName, 'knot'>,
  place: Omit<Place, 'port' | 'spare'>,
  visitor: Pick<RunningProxy, 'host' | 'cookie'>,
): Promise<RunningProxy> {
  const port = await freePort();
  const peer = peers[name];
  const { args, environment = {} } = peer.start({ ...place, port, spare: await freePort() });
  const logFile = join(place.folder, `${name}-${port}.log`);
  const child = startServer(peer.command, args, { isProxy: true, logFile, environment });
  return { name, port, pid: child.pid!, ...visitor };
}

function firstLine(command: string, args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8' }).split('\n', 1)[0]!;
}
