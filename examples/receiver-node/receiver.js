// Receives what Regis Pay tells a merchant: verifies it, keeps it, answers, and only then acts on it.
//
// A start for your own: put your work into `act`. Must never hold the answer back for what `act` does, since whoever
// answers late is told again. One process alone may have a folder.

import { createHash, randomUUID } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { HTTP } from 'cloudevents';
import { Webhook } from 'standardwebhooks';

const ADDRESS = '/notifications';
const LARGEST_BYTES = 256 * 1024;
const ACT_AGAIN_MS = 5000;
const FOLDERS = ['inbox', 'done', 'payments', 'shipments'];

// Your work. A crash between it and its tick makes it run again with the same event, so it has to bear that: what it
// writes here has the same name each time. Hand the event's id on to others, so that they know a repeat by it.
async function act(event, folder) {
  const { payment_id: id, version, status, reference } = event.data;
  const path = join(folder, 'payments', `${encodeURIComponent(id)}.json`);
  const known = JSON.parse((await readOrNull(path)) ?? '{"version": 0}');
  if (version > known.version) { // notifications may overtake each other: an older one changes nothing
    await write(path, JSON.stringify({ version, status }), rename);
  }
  if (event.type === 'regispay.payment.settled.v1') {
    await once(join(folder, 'shipments', `${encodeURIComponent(id)}.json`), JSON.stringify({ reference }));
  }
}

class Refused extends Error {}

// What was received, each notification once: a file per id, which stays there so that a repeat is known.
class Inbox {
  #folder;
  #webhooks;
  #isWorking = false;
  #isMore = false;

  constructor(folder, secrets) {
    this.#folder = folder;
    this.#webhooks = secrets.map((secret) => new Webhook(secret));
  }

  async open() {
    for (const each of FOLDERS) {
      await mkdir(join(this.#folder, each), { recursive: true });
      for (const name of await readdir(join(this.#folder, each))) {
        if (name.endsWith('.draft')) await rm(join(this.#folder, each, name)); // of a run that was killed
      }
    }
  }

  // Whether it is new. When it returns, it is on the disk. Throws Refused, and what the disk throws.
  async take(headers, body) {
    this.#verify(headers, body);
    const kept = { 'content-type': headers['content-type'], body: body.toString() };
    eventOf(kept);
    const name = `${createHash('sha256').update(headers['webhook-id']).digest('hex')}.json`;
    const isNew = await once(join(this.#folder, 'inbox', name), JSON.stringify(kept));
    this.work();
    return isNew;
  }

  // Acts on what was kept and not acted on yet, also what an earlier run left. One pass at a time.
  work() {
    this.#isMore = true;
    if (!this.#isWorking) this.#workThrough().catch((error) => console.error(error));
  }

  async #workThrough() {
    this.#isWorking = true;
    try {
      while (this.#isMore) {
        this.#isMore = false;
        const done = new Set(await readdir(join(this.#folder, 'done')));
        const kept = await readdir(join(this.#folder, 'inbox'));
        for (const name of kept.filter((each) => each.endsWith('.json') && !done.has(each))) await this.#actOn(name);
      }
    } finally {
      this.#isWorking = false;
    }
  }

  async #actOn(name) {
    try {
      await act(eventOf(JSON.parse(await readFile(join(this.#folder, 'inbox', name), 'utf8'))), this.#folder);
      await once(join(this.#folder, 'done', name), '');
      console.log(`${name}: acted on`);
    } catch (error) {
      console.error(error); // whatever goes wrong, the others have their turn, and this one another
    }
  }

  // The secrets are tried one after another: while one is changed, the new and the old one both count.
  #verify(headers, body) {
    let reason = 'no secret';
    for (const webhook of this.#webhooks) {
      try {
        return webhook.verify(body, headers, { jsonParse: false });
      } catch (error) {
        reason = error.name === 'WebhookVerificationError' ? error.message : 'malformed';
      }
    }
    throw new Refused(reason);
  }
}

function eventOf({ 'content-type': type, body }) {
  try {
    const event = HTTP.toEvent({ headers: { 'content-type': type }, body });
    event.validate();
    return event;
  } catch (error) {
    throw new Refused(`no CloudEvent (${error.name})`);
  }
}

// Writes all of a file or nothing, whenever the process is killed. `put`: how it gets its name.
async function write(path, text, put) {
  const draft = `${path}.${randomUUID()}.draft`;
  const file = await open(draft, 'wx');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await put(draft, path);
  } finally {
    await rm(draft, { force: true });
  }
  if (process.platform !== 'win32') {
    const folder = await open(join(path, '..'));
    await folder.sync().finally(() => folder.close());
  }
}

// Whether the file was not there before; an existing one stays as it is.
async function once(path, text) {
  try {
    await write(path, text, link);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

async function readOrNull(path) {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}

// The body, or null when it is larger than it may be.
async function bodyOf(request) {
  const parts = [];
  let bytes = 0;
  for await (const part of request) {
    bytes += part.length;
    if (bytes > LARGEST_BYTES) return null;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

// The status code, and what to say of it here. 503 makes the sender come again.
async function answerTo(request, inbox) {
  if (request.method !== 'POST' || request.url !== ADDRESS) return [404, 'no notification goes there'];
  const body = await bodyOf(request);
  if (body === null) return [413, 'too large'];
  try {
    const isNew = await inbox.take(request.headers, body);
    return [204, `${request.headers['webhook-id']}: ${isNew ? 'kept' : 'known already'}`];
  } catch (error) {
    return error instanceof Refused ? [400, `refused: ${error.message}`] : [503, `not kept: ${error.code}`];
  }
}

async function main() {
  const { values } = parseArgs({
    options: {
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string', default: '4243' },
      folder: { type: 'string', default: 'received' },
    },
  });
  const secrets = (process.env.WEBHOOK_SECRETS ?? '').split(/\s+/).filter(Boolean);
  if (secrets.length === 0) {
    console.error('WEBHOOK_SECRETS is not set: the secret, or the new and the old one with a blank between');
    process.exit(2);
  }
  let inbox;
  try {
    inbox = new Inbox(values.folder, secrets);
  } catch {
    console.error('WEBHOOK_SECRETS holds something that is no secret: whsec_ and base64 after it');
    process.exit(2);
  }
  await inbox.open();
  inbox.work();
  setInterval(() => inbox.work(), ACT_AGAIN_MS);
  const server = createServer({ requestTimeout: 10_000 }, async (request, response) => {
    const [status, words] = await answerTo(request, inbox).catch((error) => [400, `not read: ${error.code}`]);
    response.writeHead(status, status === 413 ? { Connection: 'close' } : {}).end();
    console.log(`${status} ${words}`);
  });
  server.listen(Number(values.port), values.host, () => {
    console.log(`listening at http://${values.host}:${server.address().port}${ADDRESS}`);
  });
}

await main();
