// How amounts, times and the texts of others are written. Knows no address and no view.
import {html} from './vendor/lit-html.js';

// Decimal digits of ISO 4217's minor units where they are not two; a browser's own list differs from it.
const DIGITS = {
  ...of(0, 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF'),
  ...of(3, 'BHD IQD JOD KWD LYD OMR TND'),
  ...of(4, 'CLF UYW'),
};

function of(digits, codes) {
  return Object.fromEntries(codes.split(' ').map((code) => [code, digits]));
}

export function money({amount_minor: minor, currency}) {
  if (minor === null || minor === undefined || !currency) return '';
  const digits = DIGITS[currency] ?? 2;
  const text = String(Math.abs(minor)).padStart(digits + 1, '0');
  const whole = text.slice(0, text.length - digits);
  return `${minor < 0 ? '-' : ''}${whole}${digits ? `.${text.slice(-digits)}` : ''} ${currency}`;
}

export function sums(list) {
  return list.map(money).join(', ') || 'none';
}

// Sums by currency of rows that may have an amount; a payment counts once.
export function worth(rows) {
  const payments = new Map(rows.filter((row) => row.currency).map((row) => [row.payment_id ?? row.id, row]));
  const totals = new Map();
  for (const row of payments.values()) totals.set(row.currency, (totals.get(row.currency) ?? 0) + row.amount_minor);
  return [...totals].sort().map(([currency, amount_minor]) => ({currency, amount_minor}));
}

// Controls would break a line, and others turn the direction of writing: they are shown as escapes.
const ODD = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu;

export function plain(text) {
  return String(text ?? '').replace(ODD, (each) => {
    const code = each.codePointAt(0).toString(16);
    return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, '0')}`;
  });
}

// What somebody else has written: text, in a place of its own, so that it turns nothing around it.
export function theirs(text) {
  return html`<bdi class="theirs">${plain(text)}</bdi>`;
}

export function duration(s) {
  if (s === null || s === undefined || Number.isNaN(s)) return '–';
  if (s < 0) return '0 s';
  if (s < 1) return `${Math.round(s * 1000)} ms`;
  if (s < 10) return `${s.toFixed(1)} s`;
  if (s < 120) return `${Math.round(s)} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  if (s < 172800) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86400)} d`;
}

let skew = 0;

// The clock of the app, which may not be that of this machine.
export function now() {
  return Date.now() + skew;
}

export function heardDate(header) {
  const said = Date.parse(header ?? '');
  if (!Number.isNaN(said)) skew = Math.abs(said - Date.now()) > 2000 ? said - Date.now() : 0;
}

export function seconds(from, to = now()) {
  return (to - Date.parse(from)) / 1000;
}

export function ago(moment) {
  return html`<time datetime=${moment} title=${moment}>${duration(seconds(moment))} ago</time>`;
}

export function clock(moment) {
  return html`<time datetime=${moment} title=${moment}>${moment.slice(11, 19)}<span class="quiet">Z</span></time>`;
}

export function count(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}

// A step without which refund or notice of the payment it is about.
export function bare(step) {
  return step.replace(/:.*/, '').replaceAll('_', ' ');
}

// What a letter is about: a payment, or a refund of it. '?': of a refund whose amount an older letter does not have.
export function atStake(letter) {
  const whole = money(letter);
  if (letter.step !== 'refund' || !whole) return whole;
  const minor = letter.refund_minor;
  return `${minor ? money({amount_minor: minor, currency: letter.currency}) : '?'} of ${whole}`;
}

export function options(words, chosen) {
  const shown = (each) => each.replaceAll('_', ' ');
  return words.map((each) => html`<option value=${each} ?selected=${each === chosen}>${shown(each)}</option>`);
}

const SIGNS = {
  initiated: '○',
  created: '◐',
  settled: '◕',
  completed: '✓',
  failed: '✕',
  voided: '↶',
  unknown: '?',
  running: '▸',
  retrying: '↻',
  ending: '↓',
  parked: '‖',
  done: '✓',
  told: '✓',
  open: '!',
  taken_up: '↻',
  closed: '✓',
  delivered: '✓',
  undelivered: '✕',
  waiting: '↻',
  not_wanted: '–',
  pending: '▸',
  refunded: '✓',
  won: '✓',
  lost: '✕',
  high: '▲',
  normal: '■',
  low: '▽',
  replayed: '↻',
  discarded: '↓',
  nothing_to_do: '–',
  cannot: '✕',
  left_out: '–',
  gone: '–',
  no_longer_open: '–',
  not_begun: '–',
  died_again: '✕',
  under_way: '↻',
  up: '●',
  ok: '●',
  broken: '✕',
  down: '✕',
  frozen: '‖',
  starting: '▸',
  died: '✕',
};

// A sign, a word and a colour together: none of them alone says it.
export function mark(word, shown = word.replaceAll('_', ' ')) {
  const known = Object.hasOwn(SIGNS, word) ? word : 'unknown';
  return html`<span class="mark ${known}"><span aria-hidden="true">${SIGNS[known]}</span> ${plain(shown)}</span>`;
}
