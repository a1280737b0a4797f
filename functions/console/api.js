// The only way to the app: its own addresses, and what it may answer. Knows no view.
import {heardDate} from './words.js';

const PATIENCE_MS = 30_000;
const MOST_KEPT = 60;
const kept = new Map();

// An answer that is no success. status 0: there was none. needsSignIn: nobody has signed in.
export class Refused extends Error {
  constructor({status, said = {}, retryAfterS = 0}) {
    super(said.title ?? (status ? `the app answered ${status}` : 'the app does not answer'));
    Object.assign(this, {status, code: said.code, detail: said.detail, errors: said.errors ?? [], retryAfterS});
    this.needsSignIn = status === 401;
  }

  get words() {
    const fields = this.errors.map((each) => `${each.field}: ${each.message}`);
    return [this.message, this.detail, ...fields].filter(Boolean).join(' ');
  }
}

// The JSON of a GET. What has not changed is not sent again, and is then the same object.
export async function get(path) {
  const known = kept.get(path);
  const answer = await send(path, {headers: known ? {'If-None-Match': known.etag} : {}});
  if (answer.status === 304 && known) return known.body;
  const body = await read(answer);
  const etag = answer.headers.get('etag');
  kept.delete(path);
  if (etag) kept.set(path, {etag, body});
  if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value);
  return body;
}

// The JSON of a POST; null where there is none. body: left out, or an object. accept: a status that is none of success.
export async function post(path, body, {headers = {}, accept = 0} = {}) {
  const typed = body === undefined ? {} : {'Content-Type': 'application/json'};
  const sent = body === undefined ? undefined : JSON.stringify(body);
  const answer = await send(path, {method: 'POST', headers: {...typed, ...headers}, body: sent});
  if (answer.status === accept) return answer.json();
  return read(answer);
}

// As many rows as are shown already, from the first one on: {rows, next, first}, first being the first page as it came.
export async function rowsOf(path, fields, {name, many, most}) {
  const rows = new Map();
  let [first, next] = [null, null];
  do {
    const limit = Math.min(most, many - rows.size);
    const found = await get(query(path, {...fields, limit, page: next}));
    for (const row of found[name]) rows.set(row.id, row);
    first ??= found;
    next = found.next_page;
  } while (next && rows.size < many);
  return {rows: [...rows.values()], next, first};
}

export function query(path, fields) {
  const given = Object.entries(fields).filter(([, value]) => value !== '' && value !== null && value !== undefined);
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}

// An Idempotency-Key; also where a page without TLS may not ask for a UUID.
export function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((each) => each.toString(16).padStart(2, '0')).join('');
}

async function send(path, options) {
  try {
    const limit = AbortSignal.timeout(PATIENCE_MS);
    // Nothing of a payment is kept by the browser, and a redirect to a sign-in is none that a script may follow.
    const answer = await fetch(path, {...options, cache: 'no-store', redirect: 'manual', signal: limit});
    if (answer.type === 'opaqueredirect') throw new Refused({status: 401});
    heardDate(answer.headers.get('date'));
    return answer;
  } catch (fault) {
    throw fault instanceof Refused ? fault : new Refused({status: 0});
  }
}

async function read(answer) {
  let said = null;
  try {
    const text = await answer.text();
    said = text ? JSON.parse(text) : null;
  } catch {
    // Nothing is known of it: half an answer is none, and is not kept as if it were one.
    if (answer.ok) throw new Refused({status: 0, said: {title: "the app's answer cannot be read"}});
  }
  if (answer.ok) return said;
  const retryAfterS = Number(answer.headers.get('retry-after')) || 0;
  throw new Refused({status: answer.status, said: said ?? undefined, retryAfterS});
}
