// What this page knows of rows and decisions.
/** @import { Decision, Kind, Neighbours, Row } from './types.js' */
import { getNeighbours, getRow } from './api.js';
import { run } from './run.js';

const MOST_CACHED = 2000;

/**
 * A decision as the server told it, or as it was made here.
 * @typedef {object} KnownDecision
 * @property {Kind} kind
 * @property {number | null} label
 * @property {number} [number] Of the event; none before it is saved.
 * @property {string} [source]
 * @property {string | null} [reviewer]
 * @property {string} [time]
 * @property {string | null} [note]
 * @property {boolean} [waiting] Whether it is not saved yet.
 * @property {boolean} [elsewhere] Whether another window made it while this one was open.
 */

export const known = {
  lastEvent: 0, // the number of the last event that this page knows
  firstEvent: 0, // the last one when it was opened: what is newer and not its own, another window decided
  /** @type {Map<number, Row>} */
  rows: new Map(), // as the server gave them
  /** @type {Map<number, Neighbours>} */
  neighbours: new Map(),
  /** @type {Map<number, KnownDecision | null>} */
  decisions: new Map(), // heard of since, by row; they stand above what came with the row
  /** @type {Set<number>} */
  ownActions: new Set(), // of this window
};

export function forgetRows() {
  known.rows.clear();
  known.neighbours.clear();
}

/**
 * @param {number} row
 * @returns {Promise<Row>}
 */
export async function fetchRow(row) {
  const cached = known.rows.get(row);
  if (cached) return cached;
  if (known.rows.size + known.neighbours.size > MOST_CACHED) forgetRows();
  const answer = await getRow(row);
  known.rows.set(row, answer);
  return answer;
}

/**
 * @param {number} row
 * @returns {Promise<Neighbours>}
 */
export async function fetchNeighbours(row) {
  const cached = known.neighbours.get(row);
  if (cached) return cached;
  const answer = await getNeighbours(row);
  known.neighbours.set(row, answer);
  return answer;
}

/**
 * @param {{ row: number, decision?: Decision | null }} row
 * @returns {KnownDecision | null | undefined}
 */
export const decisionOf = (row) => (known.decisions.has(row.row) ? known.decisions.get(row.row) : row.decision);

/**
 * Whether a row is decided, or, where those in dispute are shown, settled since the server gave it.
 * @param {{ row: number, decision?: Decision | null }} look
 */
export function isDecided(look) {
  const row = known.rows.get(look.row) || look;
  const decision = decisionOf(row);
  if (!decision || run.order !== 'differ') return Boolean(decision);
  return decision.waiting || (decision.number ?? 0) > (row.decision?.number ?? 0);
}

/** @param {Decision} decision */
export const isElsewhere = (decision) =>
  decision.source === 'page' && decision.number > known.firstEvent && !known.ownActions.has(decision.action);
