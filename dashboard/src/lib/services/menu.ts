import AlarmClock from '@lucide/svelte/icons/alarm-clock';
import CircleStop from '@lucide/svelte/icons/circle-stop';
import Copy from '@lucide/svelte/icons/copy';
import Play from '@lucide/svelte/icons/play';
import Sun from '@lucide/svelte/icons/sun';
import Trash from '@lucide/svelte/icons/trash-2';
import type { Service } from '#lib/contract.ts';
import { copyAddress } from '#lib/copy.ts';
import { serviceActs } from '#lib/services/acts.ts';
import { firstAct, isUp, sleepsByItself } from '#lib/services/states.ts';
import type { Act } from '#lib/ui/list/columns.ts';

/**
 * What can be done with services besides opening them, by the menu of one (beside its FirstAct) and by the bar above many; without
 * somebody who asks first, nothing that cannot come back.
 */
export function actsOn(askRemoval?: (service: Service) => void): Act<Service>[] {
  return [
    {
      label: 'Start',
      icon: Play,
      isForMany: true,
      fits: (service) => firstAct(service) === 'start',
      act: serviceActs.start,
    },
    {
      label: 'Wake up',
      icon: Sun,
      isForMany: true,
      fits: (service) => firstAct(service) === 'wake',
      act: serviceActs.wake,
    },
    { label: 'Stop', icon: CircleStop, fits: (service) => service.canStop && isUp(service), act: serviceActs.stop },
    ...[1, 8].map((hours): Act<Service> => ({
      label: `Keep awake ${hours} h more`,
      icon: AlarmClock,
      isForOne: true,
      fits: (service) => service.canManage && sleepsByItself(service),
      act: ([service]) => serviceActs.extend(service!, hours),
    })),
    {
      label: 'Copy address',
      icon: Copy,
      isForOne: true,
      fits: ({ canView }) => canView,
      act: ([service]) => copyAddress(service!.name, service!.url),
    },
    {
      label: 'Remove…',
      icon: Trash,
      isForOne: true,
      isDangerous: true,
      fits: ({ canRemove, wish }) => askRemoval !== undefined && canRemove && wish !== 'removed',
      act: ([service]) => askRemoval?.(service!),
    },
  ];
}
