import { type Static, Type } from 'typebox';
import { checkNetwork, networkConfig } from './network.ts';
import { checkAmount } from './plans.ts';
import { type AddProblem, checkNames, object } from './section.ts';

/** What a service may take, under a name that people choose it by. */
const SizeConfig = object(
  {
    name: Type.String({ pattern: '^[a-z][a-z0-9-]{0,29}$', description: 'What values of services hold.' }),
    title: Type.Optional(
      Type.String({ minLength: 1, maxLength: 60, description: 'What people read; the name by default.' }),
    ),
    cpu: Type.Number({
      exclusiveMinimum: 0,
      maximum: 10_000,
      description: 'Processors; cut to those of the machine.',
    }),
    memory: Type.String({
      minLength: 1,
      description: 'For example 4 GiB; cut to what services may have of the machine.',
    }),
  },
  'What a service may take.',
);

/** What runs services. */
export const EngineConfig = Type.Union([Type.Literal('process'), Type.Literal('kubernetes')], {
  default: 'process',
  description:
    'What runs services: `process` is programs of this machine; `kubernetes` is a cluster, see `kubernetes`.',
});

/** What people launch from templates. */
export const ServicesConfig = object(
  {
    templates: Type.Array(Type.String({ minLength: 1, description: 'A folder.' }), {
      default: [],
      description: 'Folders of templates beside those that Knot ships; each folder in them is a Helm chart.',
    }),
    packages: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'Folder for the packages that templates need, each set of versions once; by default in the data folder. Gateways of one machine may share it.',
      }),
    ),
    ownTemplates: Type.Boolean({
      default: true,
      description: 'People and teams may keep templates of their own, in `services/` of their files.',
    }),
    ownTemplatePackages: Type.Boolean({
      default: true,
      description: 'Templates of people and teams may need packages, which are installed for them.',
    }),
    sizes: Type.Array(SizeConfig, {
      default: [
        { name: 'small', title: 'Small', cpu: 1, memory: '1 GiB' },
        { name: 'medium', title: 'Medium', cpu: 2, memory: '4 GiB' },
        { name: 'large', title: 'Large', cpu: 4, memory: '16 GiB' },
      ],
      minItems: 1,
      description: 'What a service may take. Where a template asks for none, the smallest that it fits in.',
    }),
    machine: object(
      {
        cpu: Type.Optional(
          Type.Number({
            exclusiveMinimum: 0,
            description: 'Processors of all services that run, together; eight for each of the machine by default.',
          }),
        ),
        memory: Type.Optional(
          Type.String({
            minLength: 1,
            description: 'Memory of all services that run, together; four fifths of the machine by default.',
          }),
        ),
      },
      'How much of the machine services may be promised.',
    ),
    sandbox: Type.Union([Type.Literal('required'), Type.Literal('off')], {
      default: 'required',
      description:
        '`required`: where programs cannot be kept apart from this machine, only administrators launch services. `off`: everybody ' +
        'does, and whoever does can do what Knot can do.',
    }),
    outputMaxBytes: Type.Integer({
      default: 10 * 1024 * 1024,
      minimum: 64 * 1024,
      description: 'How much of what a service says is kept, in bytes; the oldest lines go first.',
    }),
    network: networkConfig(
      [],
      'Hosts that every service reaches, beside those its template names, through the gateway.',
    ),
    idleSeconds: Type.Integer({
      minimum: 0,
      default: 0,
      description:
        'How long nobody need use a service before it is put to sleep, from which the next visit wakes it; 0: for ever. A template and the plan of its owner may say less.',
    }),
  },
  'Services that people and teams launch from templates.',
);

/** Sizes that have a name of their own, amounts that are some, hosts that are ones. */
export function checkServices({ sizes, machine, network }: Static<typeof ServicesConfig>, add: AddProblem): void {
  checkNames('services.sizes', sizes, add);
  sizes.forEach(({ memory }, index) => checkAmount(`services.sizes[${index}].memory`, memory, add));
  checkAmount('services.machine.memory', machine.memory, add);
  checkNetwork('services.network', network, add);
}
