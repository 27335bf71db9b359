// Each statement is wrong, and says so itself: where tsc found nothing to expect, this file would not compile.
import { createTRPCClient, httpBatchLink } from '@trpc/client';
import superjson from 'superjson';
import type { AppRouter, PlainAppRouter } from './trpc-types.js';

const api = createTRPCClient<AppRouter>({ links: [httpBatchLink({ url: '/', transformer: superjson })] });
const plain = createTRPCClient<PlainAppRouter>({ links: [httpBatchLink({ url: '/' })] });

export async function allWrong(): Promise<void> {
  const [device] = await api.devices.list.query({});
  // @ts-expect-error -- no such field in an answer
  device?.colour;
  // @ts-expect-error -- a Date is no text
  const text: string | undefined = device?.createdAt;
  // @ts-expect-error -- a status that does not exist
  await api.devices.list.query({ status: 'asleep' });
  // @ts-expect-error -- a field that the input does not have
  await api.devices.list.query({ colour: 'red' });
  // @ts-expect-error -- a field that has to be there is missing
  await api.devices.create.mutate({ deviceId: 'press-7', name: 'Press 7' });
  // @ts-expect-error -- a number is no text
  await api.devices.create.mutate({ deviceId: 'press-7', name: 7, type: 'sensor' });
  // @ts-expect-error -- a query does not write
  await api.devices.list.mutate({});
  // @ts-expect-error -- no such procedure
  await api.devices.paint.mutate({});
  // @ts-expect-error -- null is one of the answers
  (await api.readings.getLatest.query({ deviceId: 1 })).temperature;
  // @ts-expect-error -- without a transformer a date is text
  const date: Date | undefined = (await plain.devices.list.query())[0]?.createdAt;
  console.log(text, date);
}

// @ts-expect-error -- AppRouter's dates take a transformer
createTRPCClient<AppRouter>({ links: [httpBatchLink({ url: '/' })] });
