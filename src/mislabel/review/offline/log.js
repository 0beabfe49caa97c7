// Decisions kept in the browser: events are added and never changed, and what holds is what replaying them gives.
/** @import { Decision, Kind } from '../page/types.js' */
import { ServerError } from '../page/server-error.js';
import { file } from './file.js';

/**
 * @typedef {object} LoggedEvent
 * @property {number} number Grows from 1.
 * @property {number} action The number of the first event of the same go.
 * @property {string} key Of the request.
 * @property {string} time
 * @property {number} row
 * @property {Kind} [kind]
 * @property {number | null} [label]
 * @property {string | null} [note]
 * @property {number} [undoes] Of an undo: the number of the event that no longer holds.
 */

/** @typedef {Pick<LoggedEvent, 'row' | 'kind' | 'label' | 'note' | 'undoes'>} Addition */

const STORE_KEY = `mislabel ${file.key}`;
const NOT_KEPT = 507; // as a server with a full disk says

/** @returns {LoggedEvent[]} */
export function readLog() {
  try {
    return JSON.parse(localStorage.getItem(STORE_KEY) ?? '[]');
  } catch (error) {
    throw new ServerError(`this browser keeps nothing for this page (${error}): open it in another one`, NOT_KEPT);
  }
}

const KEYS_KEY = 'mislabel keys'; // of all files that this browser opens

/** @returns {Record<string, string>} */
export function readKeys() {
  try {
    return JSON.parse(localStorage.getItem(KEYS_KEY) ?? '{}');
  } catch {
    return {}; // a forbidden store costs the keys; a decision says so
  }
}

/** @param {Record<string, string>} keys */
export function keepKeys(keys) {
  localStorage.setItem(KEYS_KEY, JSON.stringify(keys));
  return keys;
}

/**
 * Add events as one action, which is kept when this returns.
 * @param {string} key
 * @param {(log: LoggedEvent[]) => Addition[]} additions
 * @returns {Promise<LoggedEvent[]>} What was added, or was before for the same key.
 */
export const addToLog = (key, additions) => alone(() => add(key, additions));

/**
 * @param {string} key
 * @param {(log: LoggedEvent[]) => Addition[]} additions
 */
function add(key, additions) {
  const log = readLog();
  const before = log.filter((event) => event.key === key);
  if (before.length) return before;
  const [action, time] = [log.length + 1, new Date().toISOString()];
  const added = additions(log).map((addition, at) => ({ number: action + at, action, key, time, ...addition }));
  try {
    localStorage.setItem(STORE_KEY, JSON.stringify([...log, ...added]));
  } catch (error) {
    throw new ServerError(`this browser has no room for more (${error})`, NOT_KEPT);
  }
  return added;
}

/**
 * One window after another, where the browser can tell them apart.
 * @template T
 * @param {() => T} act
 * @returns {Promise<T>}
 */
const alone = async (act) => (navigator.locks ? navigator.locks.request(STORE_KEY, act) : act());

/**
 * The events that hold for each row, the last on top.
 * @param {LoggedEvent[]} log
 */
export function replay(log) {
  /** @type {Map<number, LoggedEvent[]>} */
  const stacks = new Map();
  for (const event of log) {
    const stack = stacks.get(event.row) ?? [];
    const left = stack.filter(({ number }) => number !== event.undoes);
    stacks.set(event.row, event.undoes ? left : [...stack, event]);
  }
  return stacks;
}

/**
 * @param {LoggedEvent | undefined} event
 * @returns {Decision | null}
 */
export function decisionIn(event) {
  if (!event?.kind) return null;
  const { kind, number, action, time, label, note } = event;
  return {
    kind,
    number,
    action,
    time,
    label: label ?? null,
    note: note ?? null,
    source: 'page',
    reviewer: file.reviewer,
  };
}
