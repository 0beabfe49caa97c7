// How many labels are wrong: the estimate from rows that chance chose, and how precise the list is at each depth.
/** @import { CurvePoint, Estimate } from './types.js' */
import { getEstimate } from './api.js';
import { createCurve } from './curve.js';
import { byId, createText } from './elements.js';
import { formatCount, formatInterval, formatNumber, formatPercent, formatRows } from './format.js';
import { showAdvice } from './progress.js';
import { run } from './run.js';

const WIDEST_INTERVAL = 0.5; // above which the curve shows nothing
const FEW_PROBES = 10; // below which only an interval is shown

let timer = 0;

/** @param {number} wait In milliseconds. */
export function estimateSoon(wait = 500) {
  clearTimeout(timer);
  const own = setTimeout(async () => {
    const estimate = await getEstimate().catch(() => null);
    if (own !== timer) return; // a newer one is asked for
    if (estimate) showEstimate(estimate);
    else estimateSoon(2000);
  }, wait);
  timer = own;
}

/** @param {Estimate} estimate */
function showEstimate(estimate) {
  const points = estimate.curve.filter(isKnown);
  const { advice, agreement, at_least, taught } = estimate;
  const known = estimate.estimate !== null || at_least || points.length || taught || agreement.length || advice;
  byId('estimate').hidden = !known;
  byId('advice').hidden = !advice;
  byId('advice-words').replaceChildren(...(advice?.words ?? []).map((words) => createText('p', words)));
  showAdvice(advice);
  byId('agreement').hidden = !agreement.length;
  byId('agreement-words').replaceChildren(...agreement.map((words) => createText('p', words)));
  showNumber(estimate);
  const words = describeEstimate(estimate);
  byId('estimate-words').textContent = words;
  byId('estimate-part').hidden = estimate.estimate === null && !words;
  showTaught(estimate);
  byId('curve').hidden = !points.length;
  if (points.length) showCurve(estimate.curve, points);
}

/** @param {Estimate} estimate */
function showTaught({ taught }) {
  byId('taught').hidden = !taught;
  byId('taught-words').replaceChildren(...(taught?.words ?? []).map((words) => createText('p', words)));
  byId('taught-title').textContent = taught?.enough ? 'Enough answers' : 'What the answers teach';
}

/**
 * @typedef {CurvePoint & { precision: number }} KnownPoint
 * @param {CurvePoint | undefined} point
 * @returns {point is KnownPoint}
 */
function isKnown(point) {
  return point !== undefined && point.precision !== null && point.high - point.low <= WIDEST_INTERVAL;
}

/** @param {Estimate} estimate */
const hasFewProbes = ({ probes }) => probes > 0 && probes < FEW_PROBES; // a number would look surer than it is

/** @param {Estimate} estimate */
function showNumber(estimate) {
  const element = byId('estimate-number');
  if (estimate.estimate === null) return element.replaceChildren('', '');
  const interval = formatInterval(estimate, formatNumber);
  const few = hasFewProbes(estimate);
  const number = few ? interval : formatNumber(Math.round(estimate.estimate));
  const beside = !few && estimate.high > estimate.low ? createText('small', interval) : '';
  element.replaceChildren(`${number} of ${formatNumber(estimate.rows)} `, beside);
}

/** @param {Estimate} estimate */
function describeEstimate(estimate) {
  const { at_least, decided, unsure, wrong } = estimate;
  const known = estimate.estimate === null && at_least;
  const bound = known && `At least ${formatPercent(known)} are wrong, as far as the labels themselves tell.`;
  const untold = unsure ? ` and ${formatNumber(unsure)} could not be told` : '';
  const found = `Of ${formatRows(decided)} decided, ${formatNumber(wrong)} had a wrong label${untold}.`;
  return [bound, describeProbes(estimate), decided && found].filter(Boolean).join(' ');
}

/** @param {Estimate} estimate */
function describeProbes(estimate) {
  const probes = formatCount(estimate.probes, 'random check');
  if (hasFewProbes(estimate)) return `That much is sure from ${probes} (95% interval): too few for a number.`;
  if (estimate.probes) return `Estimated from ${probes}, with a 95% interval.`;
  if (estimate.estimate !== null) return 'Every row is decided.';
  if (run.probe || run.order === 'random') return 'No random check is decided yet.';
  return estimate.taught ? '' : 'For an estimate start the review with --order random.';
}

/**
 * @param {CurvePoint[]} curve
 * @param {KnownPoint[]} points
 */
function showCurve(curve, points) {
  /** @type {KnownPoint[][]} */
  const stretches = []; // of neighbouring depths: no line is drawn over what nobody knows
  for (const [index, point] of curve.entries()) {
    if (!isKnown(point)) continue;
    if (isKnown(curve[index - 1])) stretches.at(-1)?.push(point);
    else stretches.push([point]);
  }
  const caption = 'Share of truly wrong labels among the first rows of the list, with a 95% interval.';
  const values = points.map(
    (point) => `first ${point.depth}: ${formatPercent(point.precision)}, ${formatInterval(point, formatPercent)}`,
  );
  const picture = createCurve(stretches);
  picture.setAttribute('aria-label', `${caption} ${values.join('; ')}`);
  byId('curve').replaceChildren(picture, createText('figcaption', caption, 'muted'));
}
