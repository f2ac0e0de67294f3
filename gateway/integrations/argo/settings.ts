/** What an operator gives the public chart `argo-workflows` (or the same as flags and a ConfigMap), as YAML. */
export function argoSettings(facts: {
  origin: string;
  issuer: string;
  caFile: string | undefined;
  namespace: string;
  /** Of the OpenID client; undefined where the server signs nobody in. */
  secret: string | undefined;
}): string {
  const { secret, namespace } = facts;
  return `# Values for the chart argo-workflows of https://argoproj.github.io/argo-helm, in the namespace ${namespace}.
# The server must be reachable from Knot only: whoever reaches it directly passes Knot's rules by.
server:
  # Knot ends TLS and speaks plainly to the server.
  secure: false
  authModes: [${secret === undefined ? 'client' : 'sso, client'}]
  extraArgs: [--x-frame-options=SAMEORIGIN]
  extraEnv:
    # Its limit of requests is for each person, not for all of them together.
    - { name: IP_KEY_FUNC_HEADERS, value: X-Forwarded-For }
${secret === undefined ? '' : signInSettings(facts, secret)}  ingress: { enabled: false }
controller:
  # Steps run as an account that may say how they ended, under the Pod Security level of people's namespaces.
  workflowDefaults:
    spec:
      serviceAccountName: knot-workflow
      securityContext: { runAsNonRoot: true, seccompProfile: { type: RuntimeDefault } }
mainContainer:
  securityContext: &restricted { allowPrivilegeEscalation: false, capabilities: { drop: [ALL] } }
executor:
  securityContext: *restricted
workflow:
  # Accounts and roles of people's namespaces are Knot's.
  serviceAccount: { create: false }
  rbac: { create: false }
`;
}

function signInSettings(
  { origin, issuer, caFile }: { origin: string; issuer: string; caFile: string | undefined },
  secret: string,
): string {
  const trust =
    caFile === undefined ? '' : `\n    # Knot uses a certificate of its own CA, ${caFile}: its content as rootCA here.`;
  return `    # Whose rights a person has is said by an account in the namespace that they ask for.
    - { name: SSO_DELEGATE_RBAC_TO_NAMESPACE, value: "true" }
  sso:
    enabled: true
    issuer: ${issuer}${trust}
    # kubectl create secret generic argo-knot --from-literal=client-id=argo --from-literal=client-secret=${secret}
    clientId: { name: argo-knot, key: client-id }
    clientSecret: { name: argo-knot, key: client-secret }
    redirectUrl: ${origin}/oauth2/callback
    scopes: [openid, profile, email, groups]
    rbac: { enabled: true }
  # The account of whoever is signed in and asks for no namespace: it has no rights.
  extraObjects: []
`;
}
