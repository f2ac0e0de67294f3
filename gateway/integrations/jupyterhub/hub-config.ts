import { join } from 'node:path';
import type { ListenAddress, PublicAddress } from '../../config/index.ts';
import { cureOf } from '../../process/index.ts';
import { type Isolation, reasonOf } from './isolation.ts';
import { pageSettings } from './hub-pages.ts';
import { labFolderOf, launchFolderOf } from './launch.ts';

export type HubPorts = { public: number; hub: number; api: number };

export type HubFacts = {
  folder: string;
  python: string;
  ports: HubPorts;
  publicAddress: PublicAddress;
  listenAddress: ListenAddress;
  caFile: string | undefined;
  clientSecretFile: string;
  stopTokenFile: string;
  isRoot: boolean;
  isolation: Isolation;
};

/** A Python literal; JSON strings, numbers, arrays and objects are Python literals already, except the three words. */
function python(value: string | number | boolean | readonly string[]): string {
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return JSON.stringify(value);
}

/**
 * Sign-in through Knot, the same for a managed and an external hub. The subclass closes a gap of shared browsers: the hub's own
 * cookie outlives the sign-out of the person, so the next person on that browser would be taken for the first. The gateway
 * names the person in `X-Knot-User` and their groups in `X-Knot-Groups` (a client's own are never passed on); whoever differs
 * from the hub's cookie, or is no admin any more, signs in anew.
 */
export function signInSettings(facts: {
  publicAddress: PublicAddress;
  /** An expression of Python. */
  clientSecret: string;
  caFile: string | undefined;
}): string {
  const { publicAddress, clientSecret, caFile } = facts;
  const url = publicAddress.originOf(publicAddress.hostOf('jupyterhub'));
  return signInBy({
    callback: python(`${url}/hub/oauth_callback`),
    authorize: python(`${publicAddress.issuer}/auth`),
    token: python(`${publicAddress.issuer}/token`),
    person: python(`${publicAddress.issuer}/me`),
    signOut: python(`${publicAddress.origin}/logout`),
    publicUrl: python(`${url}/`),
    clientSecret,
    trust:
      caFile === undefined ? '' : `c.GenericOAuthenticator.http_request_kwargs = {"ca_certs": ${python(caFile)}}\n`,
  });
}

/** The same of a hub whose facts are not known yet: each is an expression of Python, `trust` a statement. */
export function signInBy(facts: {
  callback: string;
  authorize: string;
  token: string;
  person: string;
  signOut: string;
  publicUrl: string;
  clientSecret: string;
  trust: string;
}): string {
  return `from oauthenticator.generic import GenericOAuthenticator
from traitlets import Float


class KnotAuthenticator(GenericOAuthenticator):
    # Asked on every request instead of every five minutes; it costs a comparison, no request to Knot.
    auth_refresh_age = Float(0.000001)

    async def refresh_user(self, user, handler=None, **kwargs):
        person = handler.request.headers.get("X-Knot-User") if handler else None
        if person is None:
            return True
        groups = handler.request.headers.get("X-Knot-Groups")
        is_demoted = user.admin and groups is not None and "knot-admins" not in groups.split(",")
        return person == user.name and not is_demoted


c.JupyterHub.authenticator_class = KnotAuthenticator
c.GenericOAuthenticator.client_id = "jupyterhub"
c.GenericOAuthenticator.client_secret = ${facts.clientSecret}
c.GenericOAuthenticator.oauth_callback_url = ${facts.callback}
c.GenericOAuthenticator.authorize_url = ${facts.authorize}
c.GenericOAuthenticator.token_url = ${facts.token}
c.GenericOAuthenticator.userdata_url = ${facts.person}
c.GenericOAuthenticator.scope = ["openid", "profile", "email", "groups"]
c.GenericOAuthenticator.username_claim = "preferred_username"
c.GenericOAuthenticator.enable_pkce = True
c.GenericOAuthenticator.login_service = "Knot"
c.GenericOAuthenticator.auto_login = True
# Signing out here signs out of Knot: its page asks, because a link on any page may lead to the hub's, and says what it did.
c.GenericOAuthenticator.logout_redirect_url = ${facts.signOut}
# Who may come here at all is decided by Knot's policies, before the hub sees the request.
c.GenericOAuthenticator.allow_all = True
# Before the group settings: they are refused without it.
c.GenericOAuthenticator.manage_groups = True
c.GenericOAuthenticator.auth_state_groups_key = "oauth_user.groups"
c.GenericOAuthenticator.admin_groups = {"knot-admins"}
${facts.trust}
# Cookies get Secure, and links are built from this rather than from forwarded headers.
c.JupyterHub.public_url = ${facts.publicUrl}
`;
}

/** What lets Knot look for the servers of people in a hub that runs elsewhere, and stop them. `token`: an expression of Python. */
export const serviceBy = (token: string): string =>
  `# Knot shows people whether their server runs, and stops it when they ask it to; it may do nothing else here.
c.JupyterHub.services.append({"name": "knot", "api_token": ${token}})
c.JupyterHub.load_roles.append({"name": "knot", "services": ["knot"], "scopes": ["read:servers", "delete:servers"]})`;

/** The whole jupyterhub_config.py of a managed hub. Holds no secret: they are in files and in the hub's environment. */
export function hubConfig(facts: HubFacts): string {
  const { ports, folder } = facts;
  return `# Written by Knot at each start; changes are lost. Settings of your own belong into knot.yaml.
import asyncio
import os
import signal

from jupyterhub.spawner import SimpleLocalProcessSpawner
from tornado import web
from tornado.httpclient import AsyncHTTPClient

c = get_config()  # noqa: F821

${signInSettings({ ...facts, clientSecret: `open(${python(facts.clientSecretFile)}).read().strip()` })}
# Knot's listener is on this machine: its name need not resolve here (*.localhost never does), and no packet leaves.
AsyncHTTPClient.configure(
    "tornado.simple_httpclient.SimpleAsyncHTTPClient",
    hostname_mapping={(${python(facts.publicAddress.domain)}, ${facts.publicAddress.port}): (${python(dialHost(facts.listenAddress.host))}, ${facts.listenAddress.port})},
)


def began(pid):
    """When a process began, in ticks since the machine did (proc(5), field 22); None when there is none, or no /proc."""
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
            return file.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None


class KnotSpawner(SimpleLocalProcessSpawner):
    """One person's server, started by Knot's launcher, which knows homes, file areas and sandbox."""

    began = None

    # What the page of a starting server tells.
    async def progress(self):
        yield {"progress": 20, "message": "Preparing folders and sandbox"}
        while not self.pid:
            await asyncio.sleep(0.1)
        yield {"progress": 50, "message": "Loading JupyterLab"}

    def make_preexec_fn(self, name):
        return None

    def user_env(self, env):
        env["USER"] = env["LOGNAME"] = self.user.name
        env["SHELL"] = "/bin/bash"
        return env

    # A process number alone means nothing: after a run of the gateway its processes are ended or handed over to the next
    # one, and a number that is free again may belong to anything. So the run is kept beside it, and when the process began.
    def get_state(self):
        return {**super().get_state(), "run": os.environ["KNOT_RUN"], "began": began(self.pid)}

    def load_state(self, state):
        super().load_state(state)
        self.began = state.get("began")
        if state.get("run") != os.environ["KNOT_RUN"] or self.began != began(self.pid):
            self.pid = 0

    async def _signal(self, sig):
        # Of a server that an earlier hub started only the number is known, and nobody holds it.
        if self.proc is None and self.pid and self.began != began(self.pid):
            return False
        return await super()._signal(sig)
${facts.isolation.startsFor === 'admins' ? startForAdminsOnly(facts.isolation) : ''}

${pageSettings(folder)}
c.JupyterHub.bind_url = "http://127.0.0.1:${ports.public}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:${ports.hub}"
c.JupyterHub.db_url = ${python(`sqlite:///${join(folder, 'hub/jupyterhub.sqlite')}`)}
c.JupyterHub.cookie_secret_file = ${python(join(folder, 'cookie-secret'))}
# Knot stops a person's server when they ask it to, and may do nothing else here.
c.JupyterHub.services = [{"name": "knot", "api_token": open(${python(facts.stopTokenFile)}).read().strip()}]
c.JupyterHub.load_roles = [{"name": "knot", "services": ["knot"], "scopes": ["delete:servers"]}]
c.JupyterHub.log_level = "WARN"
c.JupyterHub.shutdown_on_logout = False
c.JupyterHub.cleanup_servers = True
# The proxy is a child of Knot, so that open connections survive a restart of the hub. After a restart of the proxy this
# interval (seconds) puts the routes back.
c.JupyterHub.last_activity_interval = 5
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:${ports.api}"
c.Authenticator.username_pattern = r"^[a-z][a-z0-9]{0,29}$"

c.JupyterHub.spawner_class = KnotSpawner
c.Spawner.cmd = ${python([facts.python, '-I', join(launchFolderOf(folder), 'spawn.py')])}
c.Spawner.args = [
${notebookArguments(facts.isRoot, labFolderOf(folder))
  .map((argument) => `    ${python(argument)},\n`)
  .join('')}]
c.Spawner.ip = "127.0.0.1"
c.Spawner.default_url = "/lab"
c.Spawner.env_keep = ["PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "KNOT_SUPERVISOR"]
c.Spawner.start_timeout = 240
c.Spawner.http_timeout = 240
c.LocalProcessSpawner.interrupt_timeout = 4
c.LocalProcessSpawner.term_timeout = 1
c.LocalProcessSpawner.kill_timeout = 2
`;
}

/**
 * Of the class `KnotSpawner`: nobody else's server starts, whoever asks (an admin too), and it ends with the right to it. What
 * is raised before the start is shown by the hub on a page, and by its API.
 */
function startForAdminsOnly({ sandbox }: Isolation): string {
  const refusal = `Your notebook server was not started: on this machine nothing would keep it from reading the files of others and the keys of Knot, because ${reasonOf(sandbox)}. For whoever runs this machine: ${cureOf(sandbox)}`;
  return `
    def run_pre_spawn_hook(self):
        if not self.user.admin:
            refusal = web.HTTPError(403, ${python(refusal)})
            # Shown again by the page that tells how the last attempt ended.
            refusal.jupyterhub_message = refusal.log_message
            raise refusal
        return super().run_pre_spawn_hook()

    async def poll(self):
        status = await super().poll()
        if status is None and not self.user.admin:
            await self._signal(signal.SIGTERM)
        return status
`;
}

function notebookArguments(isRoot: boolean, labFolder: string): string[] {
  return [
    `--LabApp.extra_labextensions_path=${labFolder}`,
    ...(isRoot ? ['--allow-root'] : []),
    '--log-level=WARN',
    // A kernel that listens on loopback can be read by every other server (see launch.ts).
    '--KernelManager.transport=ipc',
    // Stops at the hub's signal instead of asking nobody for five seconds whether it should.
    '--ServerApp.answer_yes=True',
    // A cookie the hub no longer accepts is refused after a second instead of five minutes.
    '--HubOAuth.cache_max_age=1',
    '--LabApp.news_url=None',
    '--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate',
    // Deleted files go to no hidden trash that fills the disk.
    '--FileContentsManager.delete_to_trash=False',
  ];
}

/** What to dial for an address that means "every interface". */
function dialHost(host: string): string {
  if (host === '0.0.0.0' || host === 'localhost') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}
