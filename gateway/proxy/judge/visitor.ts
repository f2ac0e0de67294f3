import type { AuthorizationRequest, CanonicalRequest, Decision, Principal, Session } from '../../lib/index.ts';

/** Who is behind a request: the session of this host, and the person. `isProgram`: by a credential of theirs for programs. */
export type Visitor = { session: Session; principal: Principal; isProgram?: true };

/** A decision with the question it answers. */
export type Verdict = { question: AuthorizationRequest; decision: Decision };

/** What is asked for, apart from who asks: the facts a decision needs, kept for judging a long stream again. */
export type Asked = Pick<CanonicalRequest, 'method' | 'host' | 'decodedPath' | 'query' | 'address' | 'isUpgrade'>;
