import { type Static, Type } from 'typebox';
import { closed, oneOf, TimeSchema } from './common.ts';
import { ServiceSchema } from './services.ts';
import { CreatedShareSchema, NewShareSchema, ShareChangeSchema, ShareSchema } from './shares.ts';

const { id, with: whom, createdBy, createdAt, expiresAt, bindsBrowser, uses } = ShareSchema.properties;

/** A share of a service. `view`: requests that change nothing; `open`: all of it. */
export const ServiceShareSchema = closed({
  ...{ id, with: whom, createdBy, createdAt, expiresAt, bindsBrowser, uses },
  right: oneOf('view', 'open'),
});
export type ServiceShare = Static<typeof ServiceShareSchema>;

export const ServiceShareListSchema = closed({ shares: Type.Array(ServiceShareSchema) });
export type ServiceShareList = Static<typeof ServiceShareListSchema>;

const { days, bindsBrowser: binds } = NewShareSchema.properties;
export const NewServiceShareSchema = closed({
  with: NewShareSchema.properties.with,
  right: oneOf('view', 'open'),
  days,
  bindsBrowser: binds,
});
export type NewServiceShare = Static<typeof NewServiceShareSchema>;

export const CreatedServiceShareSchema = closed({
  share: ServiceShareSchema,
  url: CreatedShareSchema.properties.url,
});
export type CreatedServiceShare = Static<typeof CreatedServiceShareSchema>;

export const OneServiceShareSchema = closed({ share: ServiceShareSchema });
export const ChangedServiceShareSchema = closed({ share: ServiceShareSchema, undo: ShareChangeSchema });
export type ChangedServiceShare = Static<typeof ChangedServiceShareSchema>;

export const ServiceShareParamsSchema = closed({
  id: Type.String({ minLength: 1, maxLength: 120 }),
  share: Type.String({ minLength: 1, maxLength: 120 }),
});

export const ReceivedServicesSchema = closed({
  services: Type.Array(
    closed({
      service: ServiceSchema,
      right: oneOf('view', 'open'),
      expiresAt: Type.Union([TimeSchema, Type.Null()], { description: 'When the last share of it with me ends.' }),
    }),
  ),
});
export type ReceivedServices = Static<typeof ReceivedServicesSchema>;
