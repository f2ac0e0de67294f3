import type { ComponentHealth, Principal, Resource, TileStatus } from '../lib/index.ts';
import type { Route } from '../routes/index.ts';
import type { Older } from './older.ts';
import type { OwnSession } from './own-session.ts';
import type { Registry } from './registry.ts';
import type { Workflows } from './argo/workflows.ts';

export type IntegrationClient = {
  clientId: string;
  title: string;
  secret: string;
  redirectUris: string[];
  postLogoutRedirectUris: string[];
  /** Days that offline access lasts, of a tool whose programs stop when it ends. */
  offlineDays?: number;
};

/** Somebody who has something in tools: a person or a team. */
export type ToolOwner = {
  kind: 'user' | 'team';
  id: string;
  /** Unique among people and teams. */
  name: string;
  title: string;
  /** Of a person. */
  email?: string;
  /** Of a team: names of those in it, and of its managers among them. */
  members?: readonly string[];
  managers?: readonly string[];
  /** Bytes of storage that the plan gives; undefined without a bound. */
  storage?: number | undefined;
  /** Disabled: what they have stays, and lets nobody in. */
  isPaused: boolean;
  /** Deleted. */
  isGone?: true;
};

export type Integration = {
  name: string;
  title: string;
  /** Where its tile leads: absolute address. */
  url: string;
  /** The same for one person, where it leads to their own part of the tool. */
  urlOf?(username: string): string;
  route: Route;
  /** What it keeps of sign-ins of its own, and how each ends with that at Knot; empty where it keeps none that Knot knows of. */
  ownSessions: readonly OwnSession[];
  /** How it signs people in at Knot; absent where Knot tells it who asks with each request. */
  client?: IntegrationClient;
  /**
   * What the tool is told in place of who asks, by each request that the policies let through: names (lower case) and values in turn.
   * Asked about once a minute for each session and resource, never by each request. The names are among the route's `withheld`.
   * `isProgram`: a program of theirs comes, with a token. `refused` hears that the tool did not know what it was told.
   */
  credentials?: {
    (principal: Principal, resource: Resource, visit: { isProgram: boolean }): Promise<readonly string[]>;
    refused?(principal: Principal, resource: Resource): void;
  };
  /**
   * Whom credentials of the tool's own name, on paths that go by unnamed: the name of a person, or of anybody else it knows. Believed only
   * to refuse, and to cut what is open when they may not come any more.
   */
  claimedBy?(authorization: string): string | undefined;
  /**
   * Brings what a person or a team has in the tool to what is wanted (projects, folders, rights); twice is as once. Where something of
   * somebody who is gone is left, it is asked with `isGone`. `unknown`: of a person whom the tool only knows once they have come to it.
   */
  provide?(owner: ToolOwner): Promise<void | 'unknown'>;
  /** Of a registry of images: what Knot shows of it on pages of its own, and gives to pods. */
  registry?: Registry;
  /** Of a tool that nobody here runs: the path at which it can be asked whether it answers. */
  probePath?: string;
  /** Starts what is to be started; returns at once, work goes on in the background. */
  start(): void;
  /** `handsOver`: what people have running stays for the next run of Knot, where the tool can do that. */
  stop(options?: { handsOver?: boolean }): Promise<void>;
  /** People with something running here that ends when Knot stops: usernames, sorted. */
  people?(): string[];
  /**
   * Whether this person has something running in a tool that runs elsewhere: what Knot itself runs is told by `people`. Asked beside their
   * tiles, which do not wait for it.
   * @throws what the tool answers
   */
  runsFor?(username: string): Promise<boolean>;
  /**
   * Ends what this person runs here, and resolves when it has ended or nothing ran; absent where Knot cannot.
   * @throws KNOT_INTEGRATIONS_NOT_STOPPED
   */
  stopOf?(username: string): Promise<void>;
  /** Names of the teams whose folders somebody's running server still has, as it was started. */
  teamsOf?(username: string): readonly string[];
  /** Why what people have running would not survive a restart of Knot now, for an operator; undefined when it would. */
  endsOnRestart?(): string | undefined;
  /** Whether what people run in it shares the network of this machine, because nothing keeps it apart; false while it is not known. */
  sharesNetwork?(): boolean;
  tile(): TileStatus;
  health(): ComponentHealth[];
  /** Hears each change of tile or health. */
  onChange(listener: () => void): () => void;
  /** Knot runs and configures it: there is nothing to paste anywhere. */
  isManaged?: true;
  /** What people run in it as workflows, for pages of Knot's own. */
  workflows?: Workflows;
  /** What an operator pastes into the tool's own configuration (`knot integrations show NAME`). */
  settings(): string;
  /** Asks the running tool for its version; undefined where that is new enough, or it does not say. */
  older?(): Promise<Older | undefined>;
  /** Asks the running tool whether it is set up as it must be: what is right and what is not (`knot integrations check NAME`). */
  check?(): Promise<ComponentHealth[]>;
};
