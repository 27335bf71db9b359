// A client as an integrator writes one. It compiles under --strict, or the types are wrong.
import { createTRPCClient, httpBatchLink, httpLink, splitLink, TRPCClientError } from '@trpc/client';
import type { inferRouterInputs, inferRouterOutputs } from '@trpc/server';
import superjson from 'superjson';
import type { AlertRow, AppRouter, DeviceRow, PlainAppRouter, RefusalCode } from './trpc-types.js';

const url = '/api/trpc';
const api = createTRPCClient<AppRouter>({
  links: [
    splitLink({
      condition: (op) => op.context['alone'] === true,
      true: httpLink({ url, transformer: superjson }),
      false: httpBatchLink({ url, transformer: superjson, maxURLLength: 2083 }),
    }),
  ],
});
const plain = createTRPCClient<PlainAppRouter>({ links: [httpBatchLink({ url })] });

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <_T extends true>(): void => {};

export async function everyDay(): Promise<void> {
  const { token, user } = await api.auth.login.mutate({ email: 'mira@example.com', password: '...' });
  holds<Same<typeof token, string>>();
  const signedIn: Date | null = user.lastSignedIn;

  const everything = await api.devices.list.query();
  const some = await api.devices.list.query({ status: 'online', limit: 10 });
  holds<Same<typeof everything, DeviceRow[]>>();
  const created: Date | undefined = some[0]?.createdAt;
  holds<Same<DeviceRow['status'], 'online' | 'offline' | 'maintenance' | 'error'>>();

  const device = await api.devices.create.mutate({ deviceId: 'press-7', name: 'Press 7', type: 'sensor' });
  const shownOnce: string = device.token;

  const latest = await api.readings.getLatest.query({ deviceId: device.id });
  const temperature: number | null | undefined = latest?.temperature;
  await api.readings.getForDevice.query({ deviceId: 'press-7', startTime: Date.now() - 60_000, endTime: new Date() });
  await api.readings.create.mutate({ deviceId: 'press-7', data: { temperature: 21.5 } });

  const alerts: AlertRow[] = await api.alerts.list.query({ startTime: new Date(), severity: 'critical' });
  const me = await api.auth.me.query();
  holds<Same<typeof me, inferRouterOutputs<AppRouter>['auth']['me']>>();

  // Without a transformer the same dates are text.
  const [first] = await plain.devices.list.query();
  const text: string | undefined = first?.createdAt;

  console.log(signedIn, created, shownOnce, temperature, alerts, text);
}

export function whatWentWrong(cause: unknown): string {
  if (!(cause instanceof TRPCClientError)) throw cause;
  const refusal = cause as TRPCClientError<AppRouter>;
  const word: RefusalCode | undefined = refusal.data?.code;
  const reasons: string[] = refusal.data?.fieldErrors?.['deviceId'] ?? [];
  return [word, ...reasons].join(' ');
}

export const asked: inferRouterInputs<AppRouter>['ota']['deploy'] = { deviceId: 1, firmwareVersionId: 2 };
