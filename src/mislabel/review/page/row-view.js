// The row view: it shows the row that the way leads to, the end of the queue, or that it waits for one of them.
/** @import { Look } from './session.js' */
import { messageOf, statusOf } from './api.js';
import { endTrouble, reportRefusal, reportTrouble } from './banner.js';
import { showButtons } from './buttons.js';
import { aimChooser, closeAimlessChooser, isChooserOpen } from './chooser.js';
import { display } from './display.js';
import { byId, currentDialog, setBusy } from './elements.js';
import { fillEnd } from './end.js';
import { fetchRow } from './known.js';
import { nextLook, queue, restartQueue } from './look-ahead.js';
import { showNeighbours } from './neighbours.js';
import { progress } from './progress.js';
import { fillRow, isNoteTyped, showDecision } from './row-card.js';
import { saveSession, session } from './session.js';
import { currentTarget } from './target.js';
import { markWords } from './words.js';
import { currentLook, hasBefore, stepAside, stepBack, stepForward } from './trail.js';

const WAITING_AFTER = 150; // milliseconds after which the page says that it waits
const RETRY_AFTER = 1500;

/** @param {boolean} sudden Whether no key asked for it, so that one pressed right then is meant for what was there before. */
export async function showRow(sudden = false) {
  const request = ++display.request;
  const isLate = () => request !== display.request;
  saveSession();
  display.shown = null;
  setBusy('row-view', true);
  showButtons();
  const waiting = setTimeout(() => isLate() || showPart('waiting'), WAITING_AFTER);
  try {
    const look = currentLook() || (await nextLook());
    const row = look && (await fetchRow(look.row));
    if (isLate()) return;
    endTrouble('row');
    if (!currentLook()) {
      const { looks, atEnd } = queue.ahead;
      if (look ? look !== looks[0] : !atEnd) return showRow(sudden); // the queue begins anew
      if (look) takeNext(look);
    }
    if (!look || !row) return showEnd();
    display.shown = { row, look, time: performance.now(), sudden: sudden || isChooserOpen() };
    showPart('row');
    fillRow(row, look);
    showButtons();
    showDecision(row);
    setBusy('row-view', false);
    showNearest();
    markWords();
    aimChooser(currentTarget()); // it waited for this row
    queue.ahead.fill().catch(() => {});
  } catch (error) {
    if (isLate()) return;
    if (statusOf(error) && session.detours.pop()) {
      reportRefusal(messageOf(error)); // an address of a row that is not there
      return showRow(sudden);
    }
    reportTrouble(error, 'row');
    showButtons(); // it may be passed over
    setTimeout(() => isLate() || showRow(sudden), RETRY_AFTER);
  } finally {
    clearTimeout(waiting);
  }
}

/** @param {Look} look The first one of the look-ahead. */
function takeNext(look) {
  queue.ahead.looks.shift();
  session.trail.push(look);
  session.after = (look.place ?? 0) + 1;
  saveSession();
}

/** @param {'row' | 'end' | 'waiting'} name */
function showPart(name) {
  display.part = name;
  for (const part of ['row', 'end', 'waiting']) byId(part).hidden = part !== name;
}

export const showNearest = () => showNeighbours((row) => lookAside({ row, place: null }));

export function showEnd() {
  showPart('end');
  display.shown = null;
  setBusy('row-view', false);
  closeAimlessChooser();
  showButtons();
  fillEnd(progress.state, () => {
    Object.assign(session, { trail: [], position: 0, detours: [], after: 0 });
    restartQueue();
    showRow();
  });
}

export function goForward(decided = false) {
  stepForward(decided);
  showRow();
}

export function goBack() {
  if (!hasBefore()) return;
  stepBack();
  showRow();
}

/**
 * @param {Look} look
 * @param {boolean} [sudden]
 */
function lookAside(look, sudden) {
  stepAside(look);
  showRow(sudden);
}

/**
 * The page goes to a row by itself, but never behind a dialog, nor under the hand of somebody who types a note.
 * @param {number | null} row Null to look at what is on the screen again.
 */
export function jumpTo(row) {
  const { shown } = display;
  if (currentDialog() || isNoteTyped()) {
    if (shown) showDecision(shown.row);
  } else if (row === null || row === currentLook()?.row) {
    showRow();
  } else {
    lookAside(session.trail.find((look) => look.row === row) || { row, place: null }, true);
  }
}
