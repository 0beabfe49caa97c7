// How numbers, shares and times are written.

/** @param {number} value */
export const formatNumber = (value) => value.toLocaleString('en');

/** @param {number | null} share */
export function formatPercent(share) {
  if (share === null) return '–';
  const fine = (share >= 0.0005 && share < 0.1) || (share > 0.9 && share < 0.9995);
  return `${(share * 100).toFixed(fine ? 1 : 0)}%`;
}

/**
 * @param {number} count
 * @param {string} noun
 */
export const formatCount = (count, noun) => `${formatNumber(count)} ${noun}${count === 1 ? '' : 's'}`;

/** @param {number} count */
export const formatRows = (count) => formatCount(count, 'row');

export const formatTime = (time = new Date()) => time.toLocaleTimeString('en-GB');

/**
 * @template {number | null} Bound
 * @param {{ low: Bound, high: Bound }} interval
 * @param {(bound: Bound) => string} format
 */
export const formatInterval = (interval, format) => `${format(interval.low)} to ${format(interval.high)}`;
