import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';

/** Makes the file of a package: `tiny-1.0-py3-none-any.whl`, whose module says its version. */
const makeWheels = `
import base64, hashlib, json, os, sys, zipfile
for name, version, tag, size in json.loads(sys.argv[2]):
    info = f"{name}-{version}.dist-info"
    files = {f"{name}.py": f"version = '{version}'\\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: {tag}\\n"}
    if size > 0: files[f"{name}.txt"] = os.urandom(size // 2).hex()
    digest = lambda text: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    record = "".join(f"{path},sha256={digest(text)},{len(text)}\\n" for path, text in files.items()) + f"{info}/RECORD,,\\n"
    with zipfile.ZipFile(os.path.join(sys.argv[1], f"{name}-{version}-{tag}.whl"), "w") as wheel:
        for path, text in {**files, f"{info}/RECORD": record}.items(): wheel.writestr(path, text)
`;

/** `bytes`: of a file in it that nothing makes smaller than half of that. */
export type Wheel = [name: string, version: string, tag?: string, bytes?: number];

/** A package index on loopback (PEP 503) and the settings of pip that lead to it, while the test runs. */
export async function openIndex(
  t: Test,
  wheels: readonly Wheel[],
): Promise<{
  /** Addresses that were asked for. */
  asked: string[];
  /** Until it is called off, whoever asks for something like this waits. */
  hold(like: string): () => void;
}> {
  const folder = mkdtempSync(join(tmpdir(), 'knot-index-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const all = wheels.map(([name, version, tag = 'py3-none-any', bytes = 0]) => [name, version, tag, bytes]);
  execFileSync('python3', ['-c', makeWheels, folder, JSON.stringify(all)]);
  const asked: string[] = [];
  const held = new Map<string, ServerResponse[]>();
  const server = createServer((request, response) => {
    const url = request.url ?? '';
    asked.push(url);
    const waiting = [...held].find(([like]) => url.includes(like))?.[1];
    if (waiting) waiting.push(response);
    else answer(url, response);
  });
  function answer(url: string, response: ServerResponse): void {
    const [, kind, name = ''] = url.split('/');
    const files = readdirSync(folder);
    if (kind === 'files' && files.includes(name)) {
      response.setHeader('cache-control', 'max-age=600');
      return void response.end(readFileSync(join(folder, name)));
    }
    const own = kind === 'simple' ? files.filter((file) => file.startsWith(`${name}-`)) : [];
    response.writeHead(own.length > 0 ? 200 : 404, { 'content-type': 'text/html' });
    response.end(`<!doctype html>${own.map((file) => `<a href="/files/${file}">${file}</a>`).join('')}`);
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  settings(t, {
    // Only what comes from somewhere that is trusted is kept by pip.
    PIP_TRUSTED_HOST: '127.0.0.1',
    PIP_INDEX_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple`,
    PIP_DEFAULT_TIMEOUT: '1',
    PIP_RETRIES: '0',
    PIP_FIND_LINKS: '',
  });
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    asked,
    hold(like) {
      const waiting: ServerResponse[] = [];
      held.set(like, waiting);
      return () => {
        held.delete(like);
        for (const response of waiting) answer(response.req.url ?? '', response);
      };
    },
  };
}

/** These variables of the environment are as they are here until the test is over. */
export function settings(t: Test, wanted: Record<string, string>): void {
  const before = Object.keys(wanted).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, wanted);
  t.teardown(() => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });
}
