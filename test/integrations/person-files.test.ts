import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { openAreasSocket, type PersonsFiles } from '../../gateway/integrations/jupyterhub/areas-socket.ts';
import { choosePorts } from '../../gateway/integrations/jupyterhub/children.ts';
import { launchFolderOf, writeLaunch } from '../../gateway/integrations/jupyterhub/launch.ts';
import { createWays } from '../../gateway/integrations/jupyterhub/ways.ts';
import { silentLog } from '../../gateway/lib/index.ts';
import { findSandbox } from '../../gateway/process/index.ts';

/** The launcher of notebook servers with a program of its own: which files a person finds, as the gateway tells at that moment. */

const run = promisify(execFile);
const python = '/usr/bin/python3';
const isRoot = process.getuid?.() === 0;

async function openLauncher(t: Test) {
  const dataFolder = mkdtempSync(join(tmpdir(), 'knot-launch-'));
  t.teardown(() => rmSync(dataFolder, { recursive: true, force: true }));
  const folder = join(dataFolder, 'jupyterhub');
  const first = 61_000;
  const account = isRoot ? { account: { uid: first + 1, gid: first } } : {};
  const sandbox = await findSandbox({ searchPath: process.env['PATH'] ?? '', ...account });
  const facts = { sandbox, accounts: { first, count: 100 }, folder, dataFolder, basePrefix: '/usr', python };
  const hasAll = { asksForFiles: true, hubPort: 20_001, hasWayOut: false };
  writeLaunch({ ...facts, ...hasAll, venvFolder: join(folder, 'venv') }, 'https://localhost/');
  const ways = createWays({ folder, hubPort: 20_001, wayOut: undefined, log: silentLog });
  t.teardown(() => ways.close());
  const make = (name: string) => {
    const path = join(dataFolder, 'files', name);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  };
  const files: PersonsFiles = { private: make('private/ID-ANN'), shared: make('shared'), teams: [] };
  const asked: string[] = [];
  const started: [string, string[] | undefined][] = [];
  const launchFolder = launchFolderOf(folder);
  const server = await openAreasSocket({
    launchFolder,
    log: silentLog,
    filesOf: async (username) => {
      asked.push(username);
      return username === 'ann' ? files : undefined;
    },
    onStart: async (username, given) => {
      started.push([username, given?.teams.map(({ name }) => name)]);
      return ways.open(username);
    },
  });
  t.teardown(() => server.close());
  /** The whole way in with `script` instead of a notebook server; undefined for the shipped program. */
  const launch = async (script?: string, user = 'ann') => {
    const { public: port } = await choosePorts();
    const planFile = join(launchFolder, 'plan.json');
    const plan = JSON.parse(readFileSync(planFile, 'utf8')) as { program: string[] };
    if (script !== undefined) plan.program = [python, '-I', '-c', script];
    writeFileSync(planFile, JSON.stringify(plan));
    const JUPYTERHUB_SERVICE_URL = `http://127.0.0.1:${port}/user/${user}/`;
    const env = { PATH: process.env['PATH'] ?? '', JUPYTERHUB_USER: user, JUPYTERHUB_SERVICE_URL };
    return run(python, ['-I', join(launchFolder, 'spawn.py')], { env });
  };
  return { sandbox, files, asked, started, make, launch, home: join(folder, 'homes/ann') };
}

t.test('a person finds the folders of their teams of now, and nobody else’s', async (t) => {
  const { sandbox, files, asked, started, make, launch } = await openLauncher(t);
  const [physics, other] = [make('team/ID-PHYSICS'), make('team/ID-OTHER')];
  writeFileSync(join(physics, 'data'), 'team data');
  writeFileSync(join(files.private, 'own'), 'own data');
  files.teams = [{ name: 'physics', folder: physics }];
  const root = sandbox.isAvailable ? '/files' : undefined;
  const script = `
import json, os, sys
# As enter.py does: the person's account, before anything is touched.
if sys.argv[1] != "same":
    uid, gid = map(int, sys.argv[1].split(":"))
    os.setgroups([]); os.setresgid(gid, gid, gid); os.setresuid(uid, uid, uid)
teams = json.loads(os.environ["KNOT_TEAM_DIRS"])
def read(path):
    try: return open(path).read()
    except OSError as error: return type(error).__name__
print(json.dumps([teams, read(teams.get("physics", "/none") + "/data"), read(os.environ["KNOT_PRIVATE_DIR"] + "/own"), os.path.exists(${JSON.stringify(other)})]))`;
  const first = JSON.parse((await launch(script)).stdout) as unknown[];
  t.same(first.slice(0, 3), [{ physics: root ? `${root}/team/physics` : physics }, 'team data', 'own data']);
  if (sandbox.isAvailable) t.equal(first[3], false, 'the folder of another team is not there');
  files.teams = [];
  t.same(
    JSON.parse((await launch(script)).stdout).slice(0, 2),
    [{}, 'FileNotFoundError'],
    'who left has lost it at the next start',
  );
  t.same(asked, ['ann', 'ann']);
  t.same(started[0], ['ann', ['physics']], 'and it is known what it was started with');
  t.match(await launch(script, 'bob').catch((error: unknown) => error), {
    stderr: /does not know where this person's files are/,
  });
});

t.test('links in the home lead to the teams of now', async (t) => {
  const { files, make, launch, home } = await openLauncher(t);
  files.teams = [{ name: 'physics', folder: make('team/ID-PHYSICS') }];
  // The system's Python has no JupyterHub: it ends after everything was prepared.
  t.match(await launch().catch((error: unknown) => error), { stderr: /No module named/ });
  t.match(readlinkSync(join(home, 'files/team/physics')), /physics|ID-PHYSICS/);
  files.teams = [{ name: 'chemistry', folder: make('team/ID-CHEMISTRY') }];
  t.match(await launch().catch((error: unknown) => error), { stderr: /No module named/ });
  t.notOk(existsSync(join(home, 'files/team/physics')));
  t.match(readlinkSync(join(home, 'files/team/chemistry')), /chemistry|ID-CHEMISTRY/);
});
