/** A workflow of one step. `fail.test/…` as its image fails; `test.knot/runs-for` as an annotation lets it take its time. */
export function hello(
  name: string,
  {
    image = 'registry.test/hello:1',
    annotations = {},
    ...spec
  }: { image?: string; annotations?: object } & object = {},
) {
  return {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Workflow',
    metadata: { name },
    spec: {
      entrypoint: 'main',
      podMetadata: { annotations },
      templates: [{ name: 'main', container: { image, command: ['/bin/echo', 'hello'] } }],
      ...spec,
    },
  };
}
