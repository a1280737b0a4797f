// Replay and discard, of one letter or of all that a filter finds: what would happen to each, and then what did.
// Knows the operators' endpoints and no view.
import {get, post, query, Refused} from './api.js';

export const LETTERS = '/api/ops/dead-letters';
const MOST = 200;
const SLICE = 50;
const AT_ONCE = 8;
const ALREADY = 'dealt with since it was listed, by somebody else';
const MONEY_TO_GIVE_BACK = new Set(['charged_twice', 'captured_late', 'captured_after_failure']);

// All open letters that the filter finds, as they were at one moment: what comes later is no part of what is asked for.
export async function found(filter, progress) {
  const letters = [];
  let [asOf, next] = [null, null];
  do {
    const page = await get(query(LETTERS, {...filter, status: 'open', limit: MOST, page: next}));
    letters.push(...page.dead_letters);
    asOf ??= page.as_of;
    next = page.next_page;
    progress(letters.length);
  } while (next);
  return {letters, asOf};
}

export function pathOf(letterId) {
  return `${LETTERS}/${encodeURIComponent(letterId)}`;
}

// {letter, word, why, cause} of each. one: it is meant by itself and not found by a filter.
export async function replayed({filter, letters, asOf, isDry, one = false, progress = () => {}}) {
  if (one) {
    const path = query(`${pathOf(letters[0].id)}/replay`, {dry_run: isDry ? 'true' : ''});
    return [resultOf(await post(path), letters)];
  }
  const limit = isDry ? MOST : SLICE;
  const body = {...filter, recorded_before: asOf, dry_run: isDry, limit};
  const results = [];
  let next = null;
  do {
    try {
      const page = await post(`${LETTERS}/replay`, {...body, ...(next ? {page: next} : {})});
      results.push(...page.results.map((each) => resultOf(each, letters)));
      next = page.next_page;
      progress(results.length);
    } catch (fault) {
      if (isDry || !(fault instanceof Refused)) throw fault;
      return [...results, ...unheard(letters, results, {limit, why: fault.words})];
    }
  } while (next);
  return [...results, ...rest(letters, results).map((letter) => ({letter, word: 'no_longer_open', why: ALREADY}))];
}

function rest(letters, results) {
  const known = new Set(results.map((each) => each.letter.id));
  return letters.filter((each) => !known.has(each.id));
}

// After a fault nothing more is begun. Of what was asked for last nobody knows: the app goes through the list in order.
function unheard(letters, results, {limit, why}) {
  return rest(letters, results).map((letter, at) =>
    at < limit ? {letter, word: 'not_known', why} : notBegun(letter, why),
  );
}

function notBegun(letter, why) {
  return {letter, word: 'not_begun', why: `this ended before its turn: ${why}`};
}

function resultOf({letter_id: id, verdict, why, cause}, letters) {
  const letter = letters.find((each) => each.id === id) ?? {id, step: '', reason: '', payment_id: null};
  return {letter, word: verdict, why, cause};
}

// As `replayed`. Payments go side by side, the letters of one payment one after another; one that fails stops no other.
export async function discarded({filter, letters, reason, isDry, one = false, progress = () => {}}) {
  const results = new Map();
  const own = new Map();
  for (const letter of letters) {
    const why = one ? '' : whyLeftOut(letter, filter);
    if (why) results.set(letter.id, {letter, word: 'left_out', why});
    else own.set(letter.payment_id ?? letter.id, [...(own.get(letter.payment_id ?? letter.id) ?? []), letter]);
  }
  const waiting = [...own.values()];
  let ended = null; // why nothing more is begun
  const worker = async () => {
    for (let each = waiting.shift(); each; each = waiting.shift()) {
      for (const letter of each) {
        const result = ended ? notBegun(letter, ended) : await discardedOne(letter, {reason, isDry});
        if (result.isEnd) ended = result.why;
        results.set(letter.id, result);
        progress(results.size);
      }
    }
  };
  await Promise.all(Array.from({length: AT_ONCE}, worker));
  return letters.map((letter) => results.get(letter.id));
}

async function discardedOne(letter, {reason, isDry}) {
  const body = {reason, ...(isDry ? {dry_run: true} : {})};
  try {
    const said = await post(`${pathOf(letter.id)}/discard`, body, {accept: 409});
    if (said.discarded === undefined) return {letter, word: 'failed', why: said.title ?? 'it was refused'};
    return {
      letter,
      word: said.discarded ? 'discarded' : 'cannot',
      why: said.why,
      cause: said.cause,
      money: said.money,
    };
  } catch (fault) {
    if (!(fault instanceof Refused) || isDry) throw fault;
    const isEnd = fault.status === 0 || fault.status === 401 || fault.status === 403;
    const isKnown = fault.status >= 400 && fault.status < 500;
    return {letter, word: isKnown ? 'failed' : 'not_known', why: fault.words, isEnd};
  }
}

// Money is no by-catch: to note it as given back, or to end what nobody has looked at, needs the reason in the filter.
function whyLeftOut({reason, severity}, filter) {
  if (filter.reason === reason) return '';
  if (MONEY_TO_GIVE_BACK.has(reason))
    return `it would say that money was given back: do that first, then choose the reason ${reason}`;
  return severity === 'high' ? `money may be wrong: look at it, then choose the reason ${reason}` : '';
}
