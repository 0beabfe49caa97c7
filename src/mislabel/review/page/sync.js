// What the server says: its answers to decisions, and what other windows decided.
/** @import { Decided, State, Undone } from './types.js' */
/** @import { DecideJob, Job, Undoable, UndoJob } from './session.js' */
import { getState, messageOf } from './api.js';
import { endTrouble, reportRefusal, reportTrouble } from './banner.js';
import { display, isAtEnd } from './display.js';
import { byId } from './elements.js';
import { estimateSoon } from './estimate.js';
import { formatRows, formatTime } from './format.js';
import { fetchRow, forgetRows, isElsewhere, known } from './known.js';
import { keyName } from './key-names.js';
import { fillList } from './list-view.js';
import { markList } from './list-marks.js';
import { restartQueue } from './look-ahead.js';
import { refreshMap } from './map-view.js';
import { outbox } from './outbox.js';
import { fillParts } from './parts.js';
import { showProgress } from './progress.js';
import { jumpTo, showEnd, showNearest, showRow } from './row-view.js';
import { showDecision } from './row-card.js';
import { jobName } from './run.js';
import { session } from './session.js';

let isPolling = false;

/** Ask what changed since, unless nobody looks at this window. */
export async function poll() {
  if (document.hidden || isPolling) return;
  isPolling = true;
  try {
    applyState(await getState(known.lastEvent));
    endTrouble('poll');
    if (outbox.unheard) outbox.wake();
  } catch (error) {
    reportTrouble(error, 'poll');
  }
  isPolling = false;
}

/**
 * @param {State} state
 * @param {boolean} isOwn Whether it is the answer to a decision of this window.
 */
function applyState(state, isOwn = false) {
  if (state.number < known.lastEvent) return poll();
  if (state.reset) forgetAll();
  const isComplete = takeChanges(state);
  const isNew = state.number > known.lastEvent;
  if (isComplete) known.lastEvent = state.number;
  showProgress(state);
  if (isNew) {
    estimateSoon();
    fillParts();
  }
  if (isNew && display.view === 'row' && isAtEnd()) showEnd();
  if (state.changed.length || state.reset) showChanges(state, isOwn);
}

/** Rows whose decisions are not saved yet: what was pressed here comes after what the server says. */
const waitingRows = () => new Set(session.outbox.flatMap((job) => job.rows || job.undo?.rows || []));

function forgetAll() {
  const waiting = waitingRows();
  for (const row of known.decisions.keys()) if (!waiting.has(row)) known.decisions.delete(row);
  forgetRows();
  restartQueue();
}

/**
 * @param {State} state
 * @returns {boolean} Whether none was left out.
 */
function takeChanges(state) {
  const waiting = waitingRows();
  for (const { row, decision } of state.changed) {
    if (waiting.has(row)) continue;
    known.decisions.set(row, decision && { ...decision, elsewhere: isElsewhere(decision) });
  }
  return !state.changed.some(({ row }) => waiting.has(row));
}

/**
 * @param {State} state
 * @param {boolean} isOwn
 */
function showChanges(state, isOwn) {
  const { shown, view } = display;
  if (shown && state.reset) showRow();
  else if (shown) {
    showDecision(shown.row);
    showNearest();
  }
  if (view === 'map') refreshMap();
  if (view !== 'list' || isOwn) return;
  if (state.reset) fillList();
  else markList();
}

/**
 * @param {DecideJob} job
 * @param {Decided} answer
 */
async function acceptDecision(job, answer) {
  endTrouble('send');
  known.ownActions.add(answer.action);
  const undoables = session.outbox.flatMap((other) => other.undo ?? []);
  for (const undoable of [...session.done, ...undoables]) {
    if (undoable.key === job.key) undoable.action = answer.action;
  }
  applyState(answer.state, true);
  if (display.view === 'list') fillList();
  byId('saved').textContent = `saved ${formatTime()} · ${jobName(job)} — ${keyName('undo')} undoes`;
}

/**
 * @param {UndoJob} job
 * @param {Undone} answer
 */
async function acceptUndo(job, answer) {
  endTrouble('send');
  const isAwaited = job.isAwaited?.();
  applyState(answer.state, true);
  if (isAwaited && !job.undo.shown && answer.undone.length) jumpTo(answer.undone[0]);
  if (display.view === 'list') fillList();
  const what = job.undo.what || (await describeRows(answer.undone));
  byId('saved').textContent = `${formatTime()} · undone: ${what}`;
}

/** @param {number[]} rows */
async function describeRows(rows) {
  const row = rows.length === 1 && (await fetchRow(rows[0]).catch(() => null));
  return row ? row.id : formatRows(rows.length);
}

/**
 * @param {Job} job
 * @param {unknown} error
 */
function acceptRefusal(job, error) {
  endTrouble('send');
  /** @type {Undoable} */
  const undoable = job.undo || session.done.find((other) => other.key === job.key) || {};
  session.done = session.done.filter((other) => other.key !== job.key);
  session.outbox = session.outbox.filter((other) => other.undo?.key !== job.key);
  byId('saved').textContent = '';
  const what = job.undo ? `not undone: ${undoable.what || 'the last decision'}` : `not saved: ${jobName(job)}`;
  reportRefusal(`${what}: ${messageOf(error)}`);
  for (const row of job.rows || undoable.rows || []) {
    known.decisions.delete(row);
    known.rows.delete(row);
  }
  restartQueue(); // it may have passed over what counted as decided
  if (display.view === 'list') fillList();
  else if (display.view === 'row') jumpTo(job.rows?.length === 1 ? job.rows[0] : null);
}

export const outcomes = { decided: acceptDecision, undone: acceptUndo, refused: acceptRefusal };
