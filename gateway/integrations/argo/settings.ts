/** The Secrets in which a server that signs people in finds the token of the account of a namespace; one of both is in use there. */
export const argoSecretNames = ['knot-argo-a', 'knot-argo-b'] as const;

/** What an operator gives the public chart `argo-workflows` (or the same as flags and a ConfigMap), as YAML. */
export function argoSettings(facts: {
  origin: string;
  issuer: string;
  /** Of Knot's own CA, and the file it is in; undefined where its certificate is one that everybody trusts. */
  caPem?: string | undefined;
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
${secret === undefined ? '' : signInSettings(facts)}  ingress: { enabled: false }
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
${secret === undefined ? '' : signInObjects(facts, secret)}`;
}

type Facts = Parameters<typeof argoSettings>[0];

/** The Secret with the client, and the account of whoever is signed in and asks for no namespace, with what its token lies in. */
const [clientSecretName, loginAccount] = ['argo-knot', 'knot-login'];
const loginSecret = `${loginAccount}.service-account-token`;

function signInSettings({ origin, issuer, caPem, caFile }: Facts): string {
  const rootCa =
    caPem === undefined
      ? caFile === undefined
        ? ''
        : `\n    # Knot uses a certificate of its own CA: the content of ${caFile} as rootCA here.`
      : `\n    # Of Knot's own CA. Where the chart does not pass it on, the server has it in a file that SSL_CERT_FILE names.\n    rootCA: ${JSON.stringify(caPem)}`;
  return `    # Whose rights a person has is said by the account knot-argo in the namespace that they ask for, which Knot keeps.
    - { name: SSO_DELEGATE_RBAC_TO_NAMESPACE, value: "true" }
  sso:
    enabled: true
    issuer: ${issuer}${rootCa}
    clientId: { name: ${clientSecretName}, key: client-id }
    clientSecret: { name: ${clientSecretName}, key: client-secret }
    redirectUrl: ${origin}/oauth2/callback
    # Without groups: accounts go by who somebody is, and in a cookie there is no room for two hundred of them.
    scopes: [profile, email]
    sessionExpiry: 10h
    rbac:
      enabled: true
      # All other Secrets of the cluster are nothing to it.
      secretWhitelist: [sso, ${clientSecretName}, ${loginSecret}, ${argoSecretNames.join(', ')}]
`;
}

const signInObjects = ({ namespace }: Facts, secret: string): string => `extraObjects:
  - apiVersion: v1
    kind: Secret
    metadata: { name: ${clientSecretName}, namespace: ${namespace} }
    stringData: { client-id: argo, client-secret: ${JSON.stringify(secret)} }
  # The account of whoever is signed in and asks for no namespace. It has no rights, and its token no others.
  - apiVersion: v1
    kind: ServiceAccount
    metadata:
      name: ${loginAccount}
      namespace: ${namespace}
      annotations:
        workflows.argoproj.io/rbac-rule: "true"
        workflows.argoproj.io/rbac-rule-precedence: "0"
    automountServiceAccountToken: false
  - apiVersion: v1
    kind: Secret
    type: kubernetes.io/service-account-token
    metadata:
      name: ${loginSecret}
      namespace: ${namespace}
      annotations: { kubernetes.io/service-account.name: ${loginAccount} }
`;
