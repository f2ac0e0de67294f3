import { purposeOfToken } from './hub-api.ts';
import { serviceBy, signInBy } from './hub-config.ts';

/**
 * The whole jupyterhub_config.py of the hub that `charts/stack/jupyterhub` installs beside Knot: each person's server is a pod in the
 * namespace that Knot has made for them. What differs between installations is in the hub's environment. `npm run chart` writes it.
 */
export function clusterHubConfig(): string {
  return `# Written by Knot (npm run chart); what an installation decides is in the environment. Settings of your own: hub.extraConfig of the chart.
import hmac
import json
import os

from kubespawner import KubeSpawner
from traitlets import default

c = get_config()  # noqa: F821
knot = os.environ["KNOT_ORIGIN"]
issuer = f"{knot}/oidc"
here = os.environ["JUPYTERHUB_ORIGIN"]

${signInBy({
  callback: 'f"{here}/hub/oauth_callback"',
  authorize: 'f"{issuer}/auth"',
  token: 'f"{issuer}/token"',
  person: 'f"{issuer}/me"',
  signOut: 'f"{knot}/logout"',
  publicUrl: 'f"{here}/"',
  clientSecret: 'os.environ["JUPYTERHUB_CLIENT_SECRET"]',
  trust: `if os.environ.get("KNOT_CA_FILE"):
    c.GenericOAuthenticator.http_request_kwargs = {"ca_certs": os.environ["KNOT_CA_FILE"]}
`,
})}

class KnotSpawner(KubeSpawner):
    """One person's server in their own namespace: its files, limits and network are those Knot keeps there."""

    # Each namespace is watched for itself, so that the hub needs no right in the whole cluster.
    @default("namespace")
    def _namespace_of_person(self):
        return os.environ["KNOT_NAMESPACE_PREFIX"] + self.user.name


c.JupyterHub.spawner_class = KnotSpawner
c.KubeSpawner.image = os.environ["NOTEBOOK_IMAGE"]
c.KubeSpawner.image_pull_policy = os.environ.get("NOTEBOOK_PULL_POLICY", "IfNotPresent")
c.KubeSpawner.image_pull_secrets = json.loads(os.environ.get("NOTEBOOK_PULL_SECRETS", "[]"))
c.KubeSpawner.cmd = json.loads(os.environ.get("NOTEBOOK_COMMAND", '["jupyterhub-singleuser"]'))
# A cookie the hub no longer accepts is refused at once by the notebook servers too.
c.Spawner.args = ["--HubOAuth.cache_max_age=1"]
# Knot mounts the files of the person and their teams into every pod of the namespace.
c.KubeSpawner.notebook_dir = "/files/private"
c.KubeSpawner.default_url = "/lab"
c.KubeSpawner.environment = {"HOME": "/files/private/.notebook", "JUPYTERHUB_ADMIN_ACCESS": "0"}
c.KubeSpawner.service_account = "knot-notebook"
c.KubeSpawner.automount_service_account_token = False
c.KubeSpawner.uid = int(os.environ["NOTEBOOK_USER"])
c.KubeSpawner.gid = int(os.environ["NOTEBOOK_GROUP"])
c.KubeSpawner.fs_gid = int(os.environ["NOTEBOOK_GROUP"])
# What Pod Security calls restricted.
c.KubeSpawner.allow_privilege_escalation = False
c.KubeSpawner.container_security_context = {
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
c.KubeSpawner.cpu_guarantee = float(os.environ["NOTEBOOK_CPU_GUARANTEE"])
c.KubeSpawner.cpu_limit = float(os.environ["NOTEBOOK_CPU_LIMIT"])
c.KubeSpawner.mem_guarantee = os.environ["NOTEBOOK_MEMORY_GUARANTEE"]
c.KubeSpawner.mem_limit = os.environ["NOTEBOOK_MEMORY_LIMIT"]
c.KubeSpawner.common_labels = {"app": "jupyterhub", "app.kubernetes.io/managed-by": "jupyterhub"}
c.KubeSpawner.delete_grace_period = 5
c.KubeSpawner.start_timeout = int(os.environ.get("NOTEBOOK_START_SECONDS", "300"))
c.KubeSpawner.http_timeout = 240

c.JupyterHub.ip = "0.0.0.0"
c.JupyterHub.hub_bind_url = "http://0.0.0.0:8081"
c.JupyterHub.hub_connect_url = os.environ["HUB_URL"]
c.JupyterHub.db_url = "sqlite:////srv/jupyterhub/jupyterhub.sqlite"
c.JupyterHub.cookie_secret = bytes.fromhex(os.environ["JUPYTERHUB_COOKIE_SECRET"])
c.JupyterHub.shutdown_on_logout = False
# Servers and the proxy outlive the hub: open connections stay when it is replaced.
c.JupyterHub.cleanup_servers = False
c.JupyterHub.cleanup_proxy = False
# After a restart of the proxy this interval (seconds) puts the routes back.
c.JupyterHub.last_activity_interval = 5
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.api_url = os.environ["PROXY_API_URL"]
c.JupyterHub.log_level = "WARN"
${serviceBy(`hmac.new(os.environ["JUPYTERHUB_CLIENT_SECRET"].encode(), ${JSON.stringify(`${purposeOfToken}`)}.encode(), "sha256").hexdigest()`)}
`;
}
