import type { FastifyRequest } from 'fastify';
import type { Accounts } from '../accounts/index.ts';
import type { Audit } from '../audit/index.ts';
import type { Catalogue } from '../catalogue/index.ts';
import type { Config, PublicAddress } from '../config/index.ts';
import type { Addresses } from '../discovery/index.ts';
import type { Files, FilesSettings } from '../files/index.ts';
import type { Integration } from '../integrations/index.ts';
import type { DockerLogin } from './contract/images.ts';
import type { Denials } from '../denials/index.ts';
import type { Clock, ComponentHealth, Decision, Identify, IdentifyBearer, Log, TileStatus } from '../lib/index.ts';
import type { Live } from '../live/index.ts';
import type { Throttle } from '../login/index.ts';
import type { Mail } from '../mail/index.ts';
import type { Grants, Metrics } from '../metrics/index.ts';
import type { Clients, Connections } from '../oidc/index.ts';
import type { Owners, Plans } from '../owners/index.ts';
import type { Explanation, Policy } from '../policy/index.ts';
import type { Places } from '../provisioning/index.ts';
import type { Route, Routes } from '../routes/index.ts';
import type { Services, Size } from '../services/index.ts';
import type { Sessions } from '../sessions/index.ts';
import type { Shares } from '../shares/index.ts';
import type { Tokens } from '../tokens/index.ts';
import type { Store } from '../store/index.ts';

/** The login of a person's pull robot in the configuration file of docker among their files. */
export type DockerLogins = {
  /** @throws KNOT_APP_DOCKER_CONFIG, as both others do */
  look(person: { id: string; username: string }): Promise<DockerLogin>;
  /** @throws KNOT_APP_DOCKER_LOGIN_TAKEN, KNOT_INTEGRATIONS_HARBOR_NOT_READY */
  write(person: { id: string; username: string }): Promise<DockerLogin>;
  /** Only what was written by `write`. */
  remove(person: { id: string; username: string }): Promise<DockerLogin>;
};

/** What the gateway would do with a request: `title` says what is asked for, `resource` is its type and id in Cedar's words. */
export type UrlExplanation = {
  route: string;
  title: string;
  action: string;
  resource: string;
  explanation: Explanation;
};

/**
 * Maps an address to the question the proxy would ask. Given by `app.ts`, because the proxy owns the mapping.
 * @throws a KnotError (4xx) for an address that leads nowhere or a person who does not exist
 */
export type ExplainUrl = (question: { username: string; method: string; url: string }) => Promise<UrlExplanation>;

/** A refusal that was, with what was known then, and what would be said to the same request now. */
export type DecisionExplanation = {
  id: string;
  /** Epoch milliseconds. */
  at: number;
  username: string;
  /** Attributes of the person, the thing and the request, as the rules saw them. */
  facts: { about: 'person' | 'resource' | 'request'; name: string; value: string }[];
  method: string;
  url: string;
  route: string;
  action: string;
  resource: string;
  decision: Decision;
  now: Explanation;
};

/** @throws KNOT_APP_DECISION_UNKNOWN (404) for an id that is unknown, too old or was not kept */
export type ExplainDecision = (id: string) => Promise<DecisionExplanation>;

/** What the API is given by `app.ts`. */
export type ApiOptions = {
  identify: Identify;
  /** Who shows a personal token. */
  identifyBearer: IdentifyBearer;
  tokens: Pick<Tokens, 'create' | 'list' | 'revoke'>;
  accounts: Accounts;
  /** What things can belong to. */
  owners: Pick<Owners, 'of' | 'find' | 'area' | 'areasOf'>;
  shares: Pick<
    Shares,
    | 'create'
    | 'find'
    | 'of'
    | 'givenTo'
    | 'usesOf'
    | 'revoke'
    | 'findRevoked'
    | 'restore'
    | 'setEnd'
    | 'rightsOn'
    | 'endBelow'
    | 'restoreBelow'
    | 'isThere'
    | 'noteUse'
    | 'onChange'
  >;
  plans: Pick<Plans, 'list' | 'of' | 'ofAll' | 'give'>;
  /** Undefined on systems where files are not available. */
  files: Files | undefined;
  catalogue: Pick<Catalogue, 'list' | 'find'>;
  /** What services may take, smallest first. */
  sizes: readonly Size[];
  /** Undefined on systems where services cannot run. */
  services: Services | undefined;
  /** Undefined where there is no cluster. */
  places?: Pick<Places, 'find' | 'all' | 'ask'> | undefined;
  /** What people made reachable in the cluster by hand; undefined where there is none. */
  addresses?: Addresses | undefined;
  /** Undefined where no Prometheus is configured. */
  metrics?: (Pick<Metrics, 'ask' | 'usageOf'> & Pick<Grants, 'identify'>) | undefined;
  /** Undefined where there is no registry of images, or there are no files. */
  dockerLogins?: DockerLogins | undefined;
  fileSettings: Pick<FilesSettings, 'uploadMaxBytes' | 'trashDays'>;
  /** Clients of the OpenID Provider. */
  clients: Clients;
  /** Connected applications. */
  connections: () => Promise<Connections>;
  sessions: Pick<Sessions, 'living' | 'list' | 'end' | 'endAll' | 'onEnded' | 'clearCookie'>;
  policy: Pick<Policy, 'decide' | 'status' | 'looksAt' | 'onReload'>;
  routes: Pick<Routes, 'find' | 'list' | 'resourceAt' | 'onChange'>;
  audit: Pick<Audit, 'append' | 'list' | 'counts' | 'verify'>;
  live: Pick<Live, 'open'>;
  integrations: () => readonly Integration[];
  publicAddress: PublicAddress;
  config: Pick<Config, 'login' | 'engine' | 'kubernetes' | 'integrations' | 'metrics'>;
  /** The state of every part, with the warnings that stay until they are cured. */
  health: () => Promise<ComponentHealth[]>;
  explainUrl: ExplainUrl;
  explainDecision: ExplainDecision;
  /** Keeps a refusal of the API itself, so that its id can be explained. */
  noteDenial: Denials['note'];
  /** Version of the gateway. */
  version: string;
  /** The change feed: what another process did also reaches the event stream. */
  onChange: Store['onChange'];
  /** What the tile of a plain application says. */
  appStatus: (route: Route) => TileStatus;
  /** Hears each change of what `appStatus` says. */
  onAppChange: (listener: (route: Route) => void) => () => void;
  /** Slows down guessing the current password. */
  throttle: Throttle;
  mail: Mail;
  /** Client address of a request, through trusted proxies. */
  addressOf: (request: FastifyRequest) => string;
  clock: Clock;
  log: Log;
};
