// node subscriptions.mjs URL LINK TRANSFORMER VERSION: subscribe in every way, print what was heard.
import { makeClient, refusal, spell } from './links.mjs';

const [url, link, transformer, version] = process.argv.slice(2);
const { client, close } = makeClient({ version, url, link, transformer });
const asker = makeClient({ version, url, link: 'httpLink', transformer }).client;

function hear(procedure, input, { until } = {}) {
  return new Promise((resolve) => {
    const heard = [];
    const finish = (how) => resolve({ heard, ...how });
    const subscription = procedure.subscribe(input, {
      onStarted: () => heard.push('started'),
      onData: (value) => {
        heard.push(spell(value));
        if (until !== undefined && heard.length > until) {
          subscription.unsubscribe();
          finish({ end: 'unsubscribed' });
        }
      },
      onError: (error) => finish({ error: refusal(error) }),
      onComplete: () => finish({ end: 'complete' }),
    });
  });
}

async function settled() {
  for (let tries = 0; tries < 100; tries++) {
    if ((await asker.openStreams.query()) === 0) return 0;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return asker.openStreams.query();
}

const [plainSub, one, count, resumed, dated, failed, invalid, unknown, forever] = await Promise.all([
  hear(client.plainSub, 3),
  hear(client.plainSub, 1),
  hear(client.count, { to: 3 }),
  hear(client.count, { to: 3, lastEventId: '1' }),
  hear(client.dated, undefined),
  hear(client.failSub, undefined),
  hear(client.count, { to: 'three' }),
  hear(client.nope, undefined),
  hear(client.forever, undefined, { until: 3 }),
]);
const stillOpen = await settled();
process.stdout.write(
  JSON.stringify({ plainSub, one, count, resumed, dated, failed, invalid, unknown, forever, stillOpen }),
);
close();
process.exit(0);
