// One client of any version over any link, made the way its users make it.
import { createRequire } from 'node:module';
import { EventSource } from 'eventsource';
import superjson from 'superjson';
import { WebSocket } from 'ws';

globalThis.EventSource ??= EventSource; // 11.0 looks for it there when a stream fails

const FOLDERS = { '11.25': '.', '11.0': 'v11_0', '10.45': 'v10' };

export function makeClient({ version, url, link, transformer: transformerName, ...http }) {
  const trpc = createRequire(new URL(`./${FOLDERS[version]}/`, import.meta.url))('@trpc/client');
  const transformer = transformerName === 'superjson' ? superjson : undefined;
  const wsUrl = url.replace('http:', 'ws:').replace('/api/trpc', '/ws-trpc');
  const isOld = version === '10.45'; // there the transformer is the client's, not the link's
  const common = isOld ? {} : { transformer };
  const sockets = [];
  const make = {
    httpLink: () => trpc.httpLink({ url, ...common, ...http }),
    httpBatchLink: () => trpc.httpBatchLink({ url, ...common, ...http }),
    httpBatchStreamLink: () =>
      (trpc.httpBatchStreamLink ?? trpc.unstable_httpBatchStreamLink)({ url, ...common, ...http }),
    httpSubscriptionLink: () => trpc.httpSubscriptionLink({ url, EventSource, ...common, ...http }),
    wsLink: () => {
      const client = trpc.createWSClient({ url: wsUrl, WebSocket, retryDelayMs: () => 100, ...http });
      sockets.push(client);
      return trpc.wsLink({ client, ...common });
    },
    splitLink: () =>
      trpc.splitLink({
        condition: (op) => op.type === 'subscription',
        true: make[isOld ? 'wsLink' : 'httpSubscriptionLink'](),
        false: make.httpBatchLink(),
      }),
  };
  const create = trpc.createTRPCClient && !isOld ? trpc.createTRPCClient : trpc.createTRPCProxyClient;
  const client = create({ links: [make[link]()], ...(isOld ? { transformer } : {}) });
  return { client, close: () => sockets.forEach((socket) => socket.close()) };
}

// What JSON cannot say is spelled out, so that the reader can compare with equality.
export function spell(value) {
  if (value === undefined) return '<undefined>';
  if (value instanceof Date) return `<Date ${value.toISOString()}>`;
  if (typeof value === 'number' && !Number.isFinite(value)) return `<${value}>`;
  if (Array.isArray(value)) return value.map(spell);
  if (value && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, spell(inner)]));
  return value;
}

export function refusal(error) {
  return { message: error.message, code: error.shape?.code ?? null, data: error.data ?? null };
}
