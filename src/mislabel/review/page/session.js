// What survives a reload of this window.
/** @import { Kind, ListFilter } from './types.js' */
/** @import { KnownDecision } from './known.js' */

/**
 * A row and how one comes to it.
 * @typedef {object} Look
 * @property {number} row
 * @property {number | null} place In the queue; null for a row that was opened beside it.
 * @property {boolean} [probe] Whether chance chose it.
 * @property {number} [nth] In the list that it was opened from, from 1 on.
 * @property {number} [of] Rows of that list.
 */

/**
 * A decision that U takes back.
 * @typedef {object} Undoable
 * @property {string} [key] That of its job.
 * @property {string} [what] The rows in words.
 * @property {number} [action] As the server numbers it.
 * @property {number[]} [rows] Of a decision of one row: that row,
 * @property {KnownDecision | null} [before] what was known of it before,
 * @property {Look} [look] and how one came to it.
 * @property {boolean} [shown] Whether that row was on the screen again before the server had answered.
 */

/**
 * @typedef {object} DecideJob
 * @property {string} key The same however often it is sent.
 * @property {number} since The last event that this page knew.
 * @property {Kind} kind
 * @property {number | null} label
 * @property {number[]} [rows]
 * @property {ListFilter} [filter]
 * @property {string} [digest]
 * @property {number} [place]
 * @property {string | null} [note]
 * @property {string} what The rows in words.
 * @property {undefined} [undo]
 */

/**
 * @typedef {object} UndoJob
 * @property {string} key
 * @property {number} since
 * @property {Undoable} undo Empty for the last decision of any window.
 * @property {() => boolean} [isAwaited] Whether the person has not gone elsewhere since.
 * @property {undefined} [rows]
 */

/** @typedef {DecideJob | UndoJob} Job */

/**
 * @typedef {object} Session
 * @property {Look[]} trail The rows gone through.
 * @property {number} position Of the one shown in the trail, or behind the last one for what the queue gives next.
 * @property {Look[]} detours Rows looked at beside the way, neighbours say.
 * @property {number} after The place of the queue from which on the next look is asked for.
 * @property {Undoable[]} done What U takes back.
 * @property {Job[]} outbox What the server has not confirmed yet, oldest first.
 * @property {string} listHash The address of the list as it was seen last.
 * @property {boolean} grid Whether a list of pictures is a grid.
 * @property {boolean} words Whether words that speak for a label are marked.
 */

// The address holds the token: another server's rows are never mixed with this one's, nor those of two files.
const STORE_KEY = `mislabel ${location.pathname} ${document.documentElement.dataset.file ?? ''}`;

/** @type {Session} */
export const session = {
  trail: [],
  position: 0,
  detours: [],
  after: 0,
  done: [],
  outbox: [],
  listHash: 'list',
  grid: false,
  words: true,
};

// At once, before anything is pressed: what is kept must not be written over by an empty session.
try {
  const kept = JSON.parse(sessionStorage.getItem(STORE_KEY) ?? 'null') || {};
  const fits = Object.entries(session).every(
    ([name, value]) => typeof kept[name] === typeof value && Array.isArray(kept[name]) === Array.isArray(value),
  );
  if (fits) Object.assign(session, kept);
} catch {
  // A forbidden store, or one that holds something else, costs what was kept; the page works.
}

export function saveSession() {
  if (session.trail.length > 1000) {
    const before = Math.min(session.position, session.trail.length - 500);
    session.trail.splice(0, before);
    session.position -= before;
  }
  session.done = session.done.slice(-500);
  try {
    sessionStorage.setItem(STORE_KEY, JSON.stringify(session));
  } catch {
    // A full or forbidden store costs the place after a reload, no decision.
  }
}
