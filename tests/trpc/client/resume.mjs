// node resume.mjs URL LINK VERSION: say when the first events are here, then count on over a restart of the server.
import { makeClient } from './links.mjs';

const [url, link, version] = process.argv.slice(2);
const { client } = makeClient({ version, url, link, transformer: 'plain' });
const numbers = [];
let cut = false;

client.ticks.subscribe(undefined, {
  onData: ({ data }) => {
    numbers.push(data.n);
    if (numbers.length === 3) process.stdout.write('first\n');
    if (cut && numbers.length >= cut + 3) {
      process.stdout.write(JSON.stringify(numbers) + '\n');
      process.exit(0);
    }
  },
  onError: (error) => process.stderr.write(`${error.message}\n`),
});
// Longer apart than any two ticks: there was no server meanwhile.
let last = Date.now();
let count = 0;
setInterval(() => {
  if (numbers.length !== count) [last, count] = [Date.now(), numbers.length];
  else if (count >= 3 && Date.now() - last > 300) cut ||= count;
}, 20);
