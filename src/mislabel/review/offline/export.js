// The decisions as a file to send back: the link in the header, and the button at the end.
import { byId } from '../page/elements.js';
import { whenSaved } from '../page/outbox.js';
import { file } from './file.js';
import { decisionIn, readLog, replay } from './log.js';

/** What import-decisions reads: an array of objects, as decisions/sending.py names their keys. */
function decisionsFile() {
  const stacks = replay(readLog());
  const lines = file.rows.flatMap((row, place) => {
    const decision = decisionIn(stacks.get(row.row)?.at(-1));
    if (!decision) return [];
    // Ids and labels as they were written: what JavaScript makes of a number need not be the same.
    const label = (/** @type {number | null} */ code) => (code === null ? 'null' : file.labels[code]);
    const said = {
      mislabel_decision: decision.kind,
      note: decision.note,
      reviewer: decision.reviewer,
      time: decision.time,
    };
    const named = `"mislabel_id": ${file.ids[place]}, "label_before": ${label(row.given)}, "label": ${label(decision.label)}`;
    return `{${named}, ${JSON.stringify(said).slice(1)}`;
  });
  return `[\n${lines.join(',\n')}\n]\n`;
}

/** What was just pressed is among it. */
export const sendBack = () => whenSaved(send);

function send() {
  if (![...replay(readLog()).values()].some((stack) => stack.length)) {
    byId('saved').textContent = 'Nothing is decided yet.';
    return;
  }
  const address = URL.createObjectURL(new Blob([decisionsFile()], { type: 'application/json' }));
  const name = [file.run.name, file.reviewer ?? '', 'decisions'].filter(Boolean).join('-');
  const link = Object.assign(document.createElement('a'), {
    href: address,
    download: `${name.replace(/[^\p{L}\p{N}._-]+/gu, '-')}.json`,
  });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000); // the browser may read it after this
  byId('saved').textContent = `${link.download} is among your downloads: send it to who gave you this page.`;
}

export function fillExport() {
  const link = byId('to-export');
  link.href = '#send-back';
  link.textContent = 'Send back';
  link.addEventListener('click', (event) => {
    event.preventDefault();
    sendBack();
  });
}
