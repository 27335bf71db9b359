// node calls.mjs URL LINK TRANSFORMER METHOD VERSION: make the same calls with one kind of client, print what each saw.
import { makeClient, refusal, spell } from './links.mjs';

const [url, link, transformerName, method, version] = process.argv.slice(2);
const transformer = transformerName === 'superjson';
const requests = [];
const options = {
  methodOverride: method === 'POST' ? 'POST' : undefined,
  headers: () => ({ cookie: 'app_session_id=abc', authorization: 'Bearer t' }),
  fetch: (target, options) => {
    requests.push(options.method);
    return fetch(target, options);
  },
};
const { client, close } = makeClient({
  version,
  url,
  link,
  transformer: transformerName,
  ...(link === 'wsLink' ? {} : options),
});

const rich = {
  at: new Date('2026-01-02T03:04:05.678Z'),
  'dotted.key\\': new Date(0),
  none: null,
  gone: undefined,
  nan: NaN,
  big: 5n,
  set: new Set([1]),
  map: new Map([['k', new Date(0)]]),
  pattern: /x/g,
  page: new URL('https://a.b/'),
  bytes: new Uint8Array([1, 2]),
};
const long = 'é\u{1F680}'.repeat(20_000);

async function outcome(promise) {
  try {
    return spell(await promise);
  } catch (error) {
    return refusal(error);
  }
}

async function all(calls) {
  const outcomes = await Promise.all(Object.entries(calls).map(async ([name, promise]) => [name, await outcome(promise)]));
  return Object.fromEntries(outcomes);
}

const queries = await all({
  hello: client.hello.query('a'),
  helloWorld: client.hello.query(),
  noInput: client.noInput.query(),
  nul: client.nul.query(),
  byId: client.post.byId.query({ id: 7 }),
  invalid: client.post.byId.query({ id: '7' }),
  missing: client.post.byId.query(),
  falsy: client.echo.query([0, '', false, null, []]),
  echoNull: client.echo.query(null),
  echoUndefined: client.echo.query(undefined),
  rich: transformer ? client.echo.query(rich) : null,
  conflict: client.fail.query('CONFLICT'),
  boom: client.boom.query(),
  unknown: client.nope.nada.query(),
  whoami: client.whoami.query(),
  slow: client.slow.query(10),
});
const queryRequests = requests.splice(0);
const mutations = await all({
  ping: client.ping.mutate(),
  voidMut: client.voidMut.mutate(),
  add: client.post.add.mutate({ title: 'héllo \u{1F680}' }),
  invalidAdd: client.post.add.mutate({ title: 5 }),
  rich: transformer ? client.echoMut.mutate(rich) : null,
  echoUndefined: client.echoMut.mutate(undefined),
  unknown: client.post.remove.mutate({ id: 1 }),
  long: client.echoMut.mutate(long).then((text) => text === long),
});
const mutationRequests = requests.splice(0);
const alone = await outcome(client.hello.query('alone'));

process.stdout.write(JSON.stringify({ queries, queryRequests, mutations, mutationRequests, alone }));
close();
process.exit(0);
