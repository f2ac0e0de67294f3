import { closeSync, openSync, ftruncateSync, mkdirSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { freePort, startServer } from './servers.ts';

export type Upstream = {
  /** nginx with static bodies: `/1k`, `/100k`, `/1g`, `/128m`. */
  filesPort: number;
  /** Node: WebSocket echo, and `/upload`, which swallows a body. */
  echoPort: number;
  echoPid: number;
  /** How many requests nginx answered so far. */
  countRequests(): Promise<number>;
};

const mebibyte = 1024 * 1024;

/** The same back end for every proxy: plain HTTP, keep-alive, as cheap as it gets. */
export async function startUpstream(folder: string): Promise<Upstream> {
  const [filesPort, echoPort] = [await freePort(), await freePort()];
  const files = join(folder, 'files');
  mkdirSync(files, { recursive: true });
  writeFileSync(join(files, '1k'), randomBytes(1024));
  writeFileSync(join(files, '100k'), randomBytes(100 * 1024));
  makeSparse(join(files, '128m'), 128 * mebibyte);
  makeSparse(join(files, '1g'), 1024 * mebibyte);
  const config = join(folder, 'upstream.conf');
  writeFileSync(config, nginxUpstream(folder, files, filesPort));
  startServer('nginx', ['-c', config, '-e', join(folder, 'upstream.log'), '-p', folder]);
  const script = join(import.meta.dirname, 'echo-upstream.ts');
  const echo = startServer(process.execPath, [script, String(echoPort)], { logFile: join(folder, 'echo.log') });
  return {
    filesPort,
    echoPort,
    echoPid: echo.pid!,
    async countRequests() {
      const answer = await fetch(`http://127.0.0.1:${filesPort}/status`);
      const numbers = /\n\s*(\d+) (\d+) (\d+)/.exec(await answer.text());
      statusRequests += 1;
      return Number(numbers?.[3] ?? NaN) - statusRequests;
    },
  };
}

/** Our own questions are no load. */
let statusRequests = 0;

function makeSparse(file: string, bytes: number): void {
  const descriptor = openSync(file, 'w');
  ftruncateSync(descriptor, bytes);
  closeSync(descriptor);
}

function nginxUpstream(folder: string, files: string, port: number): string {
  return `daemon off;
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes 1;
pid ${folder}/upstream.pid;
events { worker_connections 8192; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 100000000;
  keepalive_timeout 600s;
  open_file_cache max=16 inactive=600s;
  client_body_temp_path ${folder}/upstream-body; proxy_temp_path ${folder}/upstream-proxy;
  fastcgi_temp_path ${folder}/upstream-fastcgi; uwsgi_temp_path ${folder}/upstream-uwsgi; scgi_temp_path ${folder}/upstream-scgi;
  default_type application/octet-stream;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    root ${files};
    location = /status { stub_status; }
  }
}
`;
}
