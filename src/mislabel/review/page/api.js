// What the server is asked. Paths are relative to the page's address, which holds the token.
/** @import { DecideRequest, Decided, Estimate, KeysRequest, ListPage, MapLayout, Neighbours, NextLook, NoLook, Progress, Row, Run, State, Undone, UndoRequest, Words } from './types.js' */
import { ask, askBytes, LONG_TIMEOUT } from './ask.js';
import { ServerError } from './server-error.js';

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

/** @returns {Promise<Run>} */
export const getRun = () => ask('api/run');

/**
 * @param {number} since Number of the last event that is known.
 * @returns {Promise<State>}
 */
export const getState = (since) => ask(`api/state?since=${since}`);

/** @returns {Promise<Estimate>} */
export const getEstimate = () => ask('api/estimate');

/** @returns {Promise<Progress>} */
export const getProgress = () => ask('api/progress');

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
export const getPoints = (layout) => askBytes(`api/map/${layout}/points`);

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
 * @param {KeysRequest} request
 * @returns {Promise<Record<string, string>>}
 */
export const postKeys = (request) => ask('api/keys', request);

/**
 * @param {UndoRequest} request
 * @returns {Promise<Undone>}
 */
export const postUndo = (request) => ask('api/undo', request);
