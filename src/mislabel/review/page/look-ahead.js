// What the queue gives next, fetched before it is asked for.
/** @import { Look } from './session.js' */
import { getNext } from './api.js';
import { isDecided, known } from './known.js';
import { session } from './session.js';

export const AHEAD = 3; // looks that are fetched ahead

class LookAhead {
  /** @type {Look[]} */
  looks = [];
  after = session.after; // the place of the queue from which on is asked
  atEnd = false; // whether there are no more
  /** @type {Promise<void> | null} */
  filling = null;

  fill() {
    this.filling ??= this.fetchLooks().finally(() => {
      this.filling = null;
    });
    return this.filling;
  }

  async fetchLooks() {
    while (this.looks.length < AHEAD && !this.atEnd) {
      const next = await getNext(this.after);
      if (next.place === null) this.atEnd = true;
      else {
        this.after = next.place + 1;
        known.rows.set(next.row.row, next.row);
        this.looks.push({ place: next.place, row: next.row.row, probe: next.probe });
        const { image, original } = next.row;
        for (const path of [image, original]) if (path) new Image().src = path;
      }
    }
  }
}

export const queue = { ahead: new LookAhead() };

/** A new look-ahead, so that answers to the one before end up nowhere. */
export function restartQueue() {
  queue.ahead = new LookAhead();
}

/**
 * The look that comes next, which stays where it is until its row is shown.
 * @returns {Promise<Look | undefined>}
 */
export async function nextLook() {
  for (;;) {
    const { looks, atEnd } = queue.ahead;
    while (looks.length && isDecided(looks[0])) looks.shift(); // in the list or another window
    if (looks.length || atEnd) return looks[0];
    await queue.ahead.fill();
  }
}
