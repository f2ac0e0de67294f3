/** Questions about what I and my teams have in tools: workflows, images, and what was used. */
import { request, segment } from '#lib/api/request.ts';
import type { CliSecret, DockerLogin, ImageList, Usage, WorkflowInList, WorkflowList } from '#lib/contract.ts';
import { withQuery } from '#lib/urls.ts';

type OfOwner = { owner?: string | undefined };

export const toolsApi = {
  workflows: (query: OfOwner & { limit?: number }) => request<WorkflowList>('GET', withQuery('/workflows', query)),
  stopWorkflow: (name: string, query: OfOwner) =>
    request<WorkflowInList>('POST', withQuery(`/workflows/${segment(name)}/stop`, query)),
  resubmitWorkflow: (name: string, query: OfOwner) =>
    request<WorkflowInList>('POST', withQuery(`/workflows/${segment(name)}/resubmit`, query)),
  images: (query: OfOwner = {}) => request<ImageList>('GET', withQuery('/images', query)),
  /** What programs sign in with; `rotate` makes another one. */
  cliSecret: (body: { rotate?: boolean } = {}) => request<CliSecret>('POST', '/images/cli-secret', body),
  /** Whether docker among my files fetches my images. */
  dockerLogin: () => request<DockerLogin>('GET', '/images/docker-login'),
  writeDockerLogin: () => request<DockerLogin>('PUT', '/images/docker-login'),
  removeDockerLogin: () => request<DockerLogin>('DELETE', '/images/docker-login'),
  usage: (query: OfOwner & { month?: string | undefined }) => request<Usage>('GET', withQuery('/metrics/usage', query)),
};
