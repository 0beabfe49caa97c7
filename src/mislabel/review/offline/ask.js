// The answers of a review that is one file: what its server would say, from the rows in it and the browser's store.
/** @import { Decided, DecideRequest, Estimate, Kind, NextLook, NoLook, Row, State, Undone, UndoRequest } from '../page/types.js' */
/** @import { Addition, LoggedEvent } from './log.js' */
import { ServerError } from '../page/server-error.js';
import { file, placeOf } from './file.js';
import { digestOf, listPage, matching } from './list.js';
import { addToLog, decisionIn, keepKeys, readKeys, readLog, replay } from './log.js';
import { advise, countParts } from './progress-answers.js';

export const LONG_TIMEOUT = 0; // nothing is waited for

const PACE_OVER = 300_000; // milliseconds
const FEW = 5; // decisions that tell no pace yet

/** @type {Record<string, (query: URLSearchParams, body: any) => unknown>} */
const ANSWERS = {
  'api/run': () => ({ ...file.run, keys: readKeys() }),
  'api/keys': (_, body) => keepKeys(body.keys),
  'api/state': (query) => stateSince(Number(query.get('since'))),
  'api/estimate': () => ({ ...NO_ESTIMATE, advice: advise(decisions()) }),
  'api/progress': () => countParts(decisions()),
  'api/next': (query) => nextLook(Number(query.get('after'))),
  'api/list': (query) => listPage(query, decisions()),
  'api/decide': (_, body) => decide(body),
  'api/undo': (_, body) => undo(body),
};

/** @type {Estimate} */
const NO_ESTIMATE = {
  probes: 0, estimate: null, low: 0, high: 0, rows: file.rows.length, decided: 0, wrong: 0, unsure: 0, at_least: null,
  curve: [], taught: null, agreement: [], advice: null,
}; // prettier-ignore

/**
 * @param {string} address
 * @param {object} [body]
 * @returns {Promise<any>}
 */
export async function ask(address, body) {
  const [path, query] = address.split('?');
  const row = /^api\/rows\/(\d+)(\/neighbours)?$/.exec(path);
  if (row) return row[2] ? nearest(Number(row[1])) : rowNow(Number(row[1]));
  const answer = ANSWERS[path];
  if (!answer) throw new ServerError('this file cannot tell that', 400);
  return answer(new URLSearchParams(query), body);
}

/**
 * @param {string} address
 * @returns {Promise<ArrayBuffer>}
 */
export async function askBytes(address) {
  throw new ServerError(`this file has no ${address}`, 400);
}

/** What holds for each row of the file. */
function decisions() {
  const stacks = replay(readLog());
  return (/** @type {Row} */ row) => decisionIn(stacks.get(row.row)?.at(-1));
}

/** @param {number} row */
function known(row) {
  const place = placeOf.get(row);
  if (place === undefined) throw new ServerError('this file has no such row', 404);
  return { place, row: file.rows[place] };
}

/** @param {number} number */
function rowNow(number) {
  const { row } = known(number);
  return { ...row, decision: decisions()(row) };
}

/** @param {number} number */
const nearest = (number) => ({
  neighbours: [],
  values: file.near[known(number).place],
  note: 'The nearest rows are not in this file.',
});

/**
 * @param {number} after
 * @returns {NextLook | NoLook}
 */
function nextLook(after) {
  const decisionOf = decisions();
  const place = file.rows.findIndex((row, at) => at >= after && !decisionOf(row));
  if (place < 0) return { place: null, row: null };
  return { place, row: { ...file.rows[place], decision: null }, probe: false };
}

/**
 * @param {number} since
 * @returns {State}
 */
function stateSince(since) {
  const log = readLog();
  const decisionOf = decisions();
  const changed = [...new Set(log.filter(({ number }) => number > since).map(({ row }) => row))];
  /** @type {Record<Kind, number>} */
  const kinds = { keep: 0, suggestion: 0, label: 0, unsure: 0, none: 0 };
  let decided = 0;
  for (const row of file.rows) {
    const decision = decisionOf(row);
    if (!decision) continue;
    kinds[decision.kind]++;
    decided++;
  }
  const looks = file.rows.length;
  return {
    number: log.at(-1)?.number ?? 0,
    decided,
    judged: looks,
    left: looks - decided,
    looks,
    kinds,
    per_minute: perMinute(log),
    changed: changed.map((row) => ({ row, decision: decisionOf(known(row).row) })),
    reset: false,
  };
}

/** @param {LoggedEvent[]} log */
function perMinute(log) {
  const undone = new Set(log.map(({ undoes }) => undoes));
  const times = log.filter((event) => event.kind && !undone.has(event.number)).map(({ time }) => Date.parse(time));
  const recent = [...new Set(times)].filter((time) => Date.now() - time <= PACE_OVER);
  return recent.length < FEW ? null : (recent.length * 60_000) / Math.max(Date.now() - recent[0], 1000);
}

/**
 * @param {DecideRequest} request
 * @returns {Promise<Decided>}
 */
async function decide({ key, kind, label, rows, filter, digest, note, since = 0 }) {
  const events = await addToLog(key, () => {
    const chosen = rows ? rows.map((row) => known(row).row) : matching(filter ?? {}, decisions());
    if (!rows && digestOf(chosen) !== digest)
      throw new ServerError('other rows match now: look at the list again', 400);
    return chosen.map((row) => ({ row: row.row, note, ...decided(row, kind, label ?? null) }));
  });
  const { action } = events[0];
  const numbers = events.map(({ row }) => row);
  return { saved: true, action, number: events[events.length - 1].number, rows: numbers, state: stateSince(since) };
}

/**
 * A digit or the chooser may name the given or the suggested class.
 * @param {Row} row
 * @param {Kind} kind
 * @param {number | null} code
 * @returns {{ kind: Kind, label: number | null }}
 */
function decided({ given, suggested, id }, kind, code) {
  if (kind === 'unsure' || kind === 'none') return { kind, label: null };
  const label = { keep: given, suggestion: suggested, label: code }[kind];
  if (label === null) throw new ServerError(`row ${id} has no such label: choose a class`, 400);
  return { kind: label === given ? 'keep' : label === suggested ? 'suggestion' : 'label', label };
}

/**
 * @param {UndoRequest} request
 * @returns {Promise<Undone>}
 */
async function undo({ key, action, since = 0 }) {
  const events = await addToLog(key, (log) => undoing(log, action ?? null));
  const rows = events.map(({ row }) => row);
  return { undone: rows, number: events[events.length - 1].number, state: stateSince(since) };
}

/**
 * @param {LoggedEvent[]} log
 * @param {number | null} action The last one that holds where it is null.
 * @returns {Addition[]}
 */
function undoing(log, action) {
  const undone = new Set(log.map(({ undoes }) => undoes));
  const last = log.findLast((event) => event.kind && !undone.has(event.number));
  const events = log.filter((event) => event.kind && event.action === (action ?? last?.action));
  if (!events.length) throw new ServerError('there is no decision to undo', 409);
  const stacks = replay(log);
  if (events.some(({ row, number }) => stacks.get(row)?.at(-1)?.number !== number)) {
    throw new ServerError('it is undone already, or was decided again later: undo the later one first', 409);
  }
  return events.map(({ row, number }) => ({ row, undoes: number }));
}
