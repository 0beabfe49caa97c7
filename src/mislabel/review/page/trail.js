// The way through the rows: the trail of those gone through, and detours from it.
/** @import { Look } from './session.js' */
import { isDecided } from './known.js';
import { session } from './session.js';

/** @returns {Look | null} Null where the queue says what is next. */
export const currentLook = () => session.detours.at(-1) || session.trail[session.position] || null;

/** @param {boolean} decided Whether the row was decided: then decided ones are passed over. */
export function stepForward(decided) {
  if (session.detours.pop()) {
    const look = currentLook();
    if (look && !(decided && isDecided(look))) return;
  }
  do session.position++;
  while (decided && session.position < session.trail.length && isDecided(session.trail[session.position]));
  session.position = Math.min(session.position, session.trail.length);
}

/** Whether there was a row before. */
export const hasBefore = () => session.detours.length > 0 || session.position > 0;

export function stepBack() {
  if (session.detours.length) session.detours.pop();
  else session.position--;
}

/** @param {Look} look */
export function stepAside(look) {
  if (currentLook()?.row !== look.row) session.detours.push(look);
}

/**
 * Go to the place in the trail where a row stands, else beside it.
 * @param {Look} look
 */
export function stepTo(look) {
  const position = session.trail.findIndex((other) => other.row === look.row);
  session.detours = position < 0 ? [look] : [];
  if (position >= 0) session.position = position;
}
