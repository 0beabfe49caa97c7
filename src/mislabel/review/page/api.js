// What the server is asked. Paths are relative to the page's address, which holds the token.
/** @import { DecideRequest, Decided, Estimate, ListPage, MapLayout, Neighbours, NextLook, NoLook, Row, Run, State, Undone, UndoRequest, Words } from './types.js' */

const ANSWER_TIMEOUT = 15_000; // milliseconds after which a server is said not to answer
const LONG_TIMEOUT = 60_000; // for what it may have to do for a million rows

/** What the server answers instead of what it was asked. */
export class ServerError extends Error {
  /**
   * @param {string} message
   * @param {number} status
   */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/**
 * The status of an answer; 0 where none was heard.
 * @param {unknown} error
 */
export const statusOf = (error) => (error instanceof ServerError ? error.status : 0);

/**
 * Whether the server will never answer otherwise. It is not so for 404: another server has no such path.
 * @param {unknown} error
 */
export function isRefusal(error) {
  const status = statusOf(error);
  return status >= 400 && status < 500 && status !== 404;
}

/** @param {unknown} error */
export const messageOf = (error) => (error instanceof Error ? error.message : String(error));

/**
 * @param {string} path
 * @param {object} [body] Sent as JSON by POST.
 * @param {number} timeout In milliseconds.
 * @returns {Promise<any>}
 */
async function ask(path, body, timeout = body ? LONG_TIMEOUT : ANSWER_TIMEOUT) {
  const post = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(path, { ...(body && post), signal: AbortSignal.timeout(timeout) });
  // No JSON at all, a server that died within its answer, or one that became silent in it.
  const answer = await response.json().catch(() => null);
  if (response.ok && answer) return answer;
  if (response.ok) throw new Error('the answer came only in part');
  throw new ServerError(answer?.error || `the server answered ${response.status}`, response.status);
}

/** @returns {Promise<Run>} */
export const getRun = () => ask('api/run');

/**
 * @param {number} since Number of the last event that is known.
 * @returns {Promise<State>}
 */
export const getState = (since) => ask(`api/state?since=${since}`);

/** @returns {Promise<Estimate>} */
export const getEstimate = () => ask('api/estimate');

/**
 * The first look of the queue, from place `after` on, whose row is not decided.
 * @param {number} after
 * @returns {Promise<NextLook | NoLook>}
 */
export const getNext = (after) => ask(`api/next?after=${after}`);

/**
 * @param {number} row
 * @returns {Promise<Row>}
 */
export const getRow = (row) => ask(`api/rows/${row}`);

/**
 * @param {number} row
 * @returns {Promise<Neighbours>}
 */
export const getNeighbours = (row) => ask(`api/rows/${row}/neighbours`);

/**
 * @param {number} row
 * @returns {Promise<Words>}
 */
export const getWords = (row) => ask(`api/rows/${row}/words`, undefined, LONG_TIMEOUT);

/**
 * @param {string} layout
 * @returns {Promise<MapLayout>}
 */
export const getMap = (layout) => ask(`api/map/${layout}`);

/**
 * @param {string} layout One that is ready.
 * @returns {Promise<ArrayBuffer>}
 */
export async function getPoints(layout) {
  const response = await fetch(`api/map/${layout}/points`, { signal: AbortSignal.timeout(LONG_TIMEOUT) });
  if (!response.ok) throw new ServerError(`the server answered ${response.status}`, response.status);
  return response.arrayBuffer();
}

/**
 * @param {string} query
 * @returns {Promise<ListPage>}
 */
export const getList = (query) => ask(`api/list?${query}`, undefined, LONG_TIMEOUT);

/**
 * @param {DecideRequest} request
 * @returns {Promise<Decided>}
 */
export const postDecision = (request) => ask('api/decide', request);

/**
 * @param {UndoRequest} request
 * @returns {Promise<Undone>}
 */
export const postUndo = (request) => ask('api/undo', request);
