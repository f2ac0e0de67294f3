/** Why services cannot be tried here, or false. */
export const servicesSkipReason = (): string | false => process.platform !== 'linux' && 'services need Linux';
