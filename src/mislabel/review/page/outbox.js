// Decisions on their way: sent one after another, the next one when the server has answered the one before.
/** @import { DecideRequest, Decided, Undone, UndoRequest } from './types.js' */
/** @import { DecideJob, Job, UndoJob } from './session.js' */
import { isRefusal, postDecision, postUndo, statusOf } from './api.js';
import { reportTrouble } from './banner.js';
import { byId } from './elements.js';
import { known } from './known.js';
import { saveSession, session } from './session.js';

const FIRST_PAUSE = 500; // milliseconds before what failed is sent again; twice as long each time
const LONGEST_PAUSE = 15_000;

/**
 * What becomes of the server's answers.
 * @typedef {object} Outcomes
 * @property {(job: DecideJob, answer: Decided) => Promise<void>} decided
 * @property {(job: UndoJob, answer: Undone) => Promise<void>} undone
 * @property {(job: Job, error: unknown) => void} refused
 */

export const outbox = {
  outcomes: /** @type {Outcomes} */ ({}), // filled at the start
  sending: false,
  unheard: false, // whether what was sent last got no answer at all
  wake: () => {}, // ends the pause
  /** @type {(() => void)[]} */
  onceSaved: [], // what waits until nothing waits
};

/**
 * At once, or when all that was decided is saved.
 * @param {() => void} act
 */
export function whenSaved(act) {
  if (session.outbox.length) outbox.onceSaved.push(act);
  else act();
}

/** @param {number} time */
export function pause(time) {
  return new Promise((resolve) => {
    outbox.wake = () => resolve(undefined);
    setTimeout(resolve, time);
  });
}

/** A name for a request. (`crypto.randomUUID` is not there where a page came without TLS from another machine.) */
export const newKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');

/** @param {Omit<DecideJob, 'key' | 'since'> & { key: string } | Omit<UndoJob, 'key' | 'since'>} job */
export function post(job) {
  session.outbox.push({ key: newKey(), since: known.lastEvent, ...job });
  saveSession();
  sendAll();
}

export async function sendAll() {
  if (outbox.sending) return;
  outbox.sending = true;
  for (let tries = 0; session.outbox.length;) {
    const job = session.outbox[0];
    if (!tries) byId('saved').textContent = 'saving …';
    try {
      await send(job);
      tries = 0;
    } catch (error) {
      // Refused for good, or not heard at all: then the same key is sent again, which the server counts once.
      if (isRefusal(error)) {
        session.outbox.shift();
        tries = 0;
        outbox.outcomes.refused(job, error);
      } else {
        outbox.unheard = !statusOf(error);
        reportTrouble(error, 'send');
        await pause(Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** tries++));
      }
    }
    saveSession();
  }
  outbox.sending = false;
  for (const act of outbox.onceSaved.splice(0)) act();
}

/** @param {Job} job */
async function send(job) {
  if (job.undo) {
    const answer = await postUndo(undoRequest(job));
    session.outbox.shift();
    await outbox.outcomes.undone(job, answer);
  } else {
    const answer = await postDecision(decideRequest(job));
    session.outbox.shift();
    await outbox.outcomes.decided(job, answer);
  }
}

// The answer tells what changed since the job was made here: its own rows are always among that, after a reload too.

/**
 * @param {DecideJob} job
 * @returns {DecideRequest}
 */
function decideRequest({ key, kind, label, since, rows, filter, digest, place, note }) {
  return { key, kind, label: label ?? null, since, rows, filter, digest, place, note };
}

/**
 * @param {UndoJob} job
 * @returns {UndoRequest}
 */
const undoRequest = ({ key, undo, since }) => ({ key, action: undo.action ?? null, since });
