// How the server is asked. A review that is one file has a module of this name of its own.
import { ServerError } from './server-error.js';

const ANSWER_TIMEOUT = 15_000; // milliseconds after which a server is said not to answer
export const LONG_TIMEOUT = 60_000; // for what it may have to do for a million rows

/**
 * @param {string} path
 * @returns {Promise<ArrayBuffer>}
 */
export async function askBytes(path) {
  const response = await fetch(path, { signal: AbortSignal.timeout(LONG_TIMEOUT) });
  if (!response.ok) throw new ServerError(`the server answered ${response.status}`, response.status);
  return response.arrayBuffer();
}

/**
 * @param {string} path
 * @param {object} [body] Sent as JSON by POST.
 * @param {number} timeout In milliseconds.
 * @returns {Promise<any>}
 */
export async function ask(path, body, timeout = body ? LONG_TIMEOUT : ANSWER_TIMEOUT) {
  const post = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(path, { ...(body && post), signal: AbortSignal.timeout(timeout) });
  // No JSON at all, a server that died within its answer, or one that became silent in it.
  const answer = await response.json().catch(() => null);
  if (response.ok && answer) return answer;
  if (response.ok) throw new Error('the answer came only in part');
  throw new ServerError(answer?.error || `the server answered ${response.status}`, response.status);
}
