// Decisions and their undoing: shown at once, then handed to the outbox.
/** @import { Kind } from './types.js' */
/** @import { Undoable } from './session.js' */
/** @import { Target } from './target.js' */
import { display } from './display.js';
import { byId } from './elements.js';
import { formatRows } from './format.js';
import { decisionOf, known } from './known.js';
import { keyName } from './key-names.js';
import { chooseNone } from './list-marks.js';
import { choose } from './map-state.js';
import { newKey, post } from './outbox.js';
import { goForward, showRow } from './row-view.js';
import { decisionName, run } from './run.js';
import { session } from './session.js';
import { currentTarget, isPossible } from './target.js';
import { currentLook, stepTo } from './trail.js';

const CONFIRM_ABOVE = 20; // rows that one decision takes without asking first

/**
 * @param {Kind} kind
 * @param {number | null} code Of the class, where the kind is `label`.
 */
export function decide(kind, code = null, target = currentTarget()) {
  if (!run.may_decide || !target || (target.shown && !isPossible(kind, target.shown.row))) return;
  if (target.count > CONFIRM_ABOVE) confirmThenRecord(kind, code, target);
  else record(kind, code, target);
}

/**
 * @param {Kind} kind
 * @param {number | null} code
 * @param {Target} target
 */
function confirmThenRecord(kind, code, target) {
  const dialog = byId('confirm');
  byId('confirm-title').textContent = `Decide ${formatRows(target.count)} at once?`;
  byId('confirm-words').textContent =
    `“${decisionName(kind, code)}” for each of them. ${keyName('undo')} takes all of it back.`;
  byId('confirm-yes').textContent = `Decide ${formatRows(target.count)}`;
  byId('confirm-yes').onclick = () => {
    dialog.close();
    record(kind, code, target);
  };
  dialog.showModal();
}

/**
 * @param {Kind} kind
 * @param {number | null} code
 * @param {Target} target
 */
function record(kind, code, { rows, filter, digest, what, shown }) {
  const key = newKey();
  /** @type {Undoable} */
  const undoable = { key, what };
  if (shown) Object.assign(undoable, { rows, before: decisionOf(shown.row), look: shown.look });
  const note = (shown && byId('note').value.trim()) || null;
  for (const row of rows || []) known.decisions.set(row, { kind, label: code, note, waiting: true });
  session.done.push(undoable);
  post({ key, kind, label: code, rows, filter, digest, place: shown?.look.place ?? undefined, note, what });
  if (display.view === 'map') choose(null);
  else if (!shown) chooseNone();
  else if (currentLook() === shown.look) goForward(true);
}

export function undo() {
  if (!run.may_decide) return;
  const undoable = session.done.pop();
  if (undoable?.look && display.view === 'row') {
    known.decisions.set(undoable.look.row, undoable.before ?? null);
    undoable.shown = true;
    stepTo(undoable.look);
    showRow();
  }
  const request = display.view === 'row' && display.request;
  const isAwaited = () => display.view === 'row' && display.request === request;
  post({ undo: undoable || {}, isAwaited });
}
