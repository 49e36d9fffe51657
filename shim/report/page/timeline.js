// How many there were when, in as many columns as can be told apart.

const kColumns = 96;

function columnsOf(bins, seconds) {
  const from = Date.parse(bins[0][0]);
  const number = (Date.parse(bins.at(-1)[0]) - from) / 1000 / seconds + 1;
  const each = Math.ceil(number / kColumns);
  const milliseconds = each * seconds * 1000;
  const columns = [];
  for (let i = 0; i < number / each; ++i) columns.push({ at: from + i * milliseconds, count: 0 });
  for (const [at, count] of bins) columns[Math.floor((Date.parse(at) - from) / milliseconds)].count += count;
  return { columns, seconds: each * seconds };
}

function span(seconds) {
  if (seconds < 120) return plural(seconds, 'second', 'seconds');
  if (seconds < 7200) return `${Math.round(seconds / 60)} minutes`;
  return seconds < 172800 ? `${Math.round(seconds / 3600)} hours` : `${Math.round(seconds / 86400)} days`;
}

function timeline(bins, binSeconds) {
  const { columns, seconds } = columnsOf(bins, binSeconds);
  const most = columns.reduce((all, { count }) => Math.max(all, count), 1);
  const nodes = columns.map(({ count }) => {
    const fill = element('i');
    fill.style.height = count ? `${Math.max(2, (100 * count) / most)}%` : '0';
    return element('span', {}, fill);
  });
  const told = element('p', { class: 'told', 'aria-live': 'polite' });
  const label = 'Timeline: arrow keys move from column to column';
  const chart = element('div', { class: 'timeline', tabindex: '0', role: 'group', 'aria-label': label }, nodes);
  let at = -1;
  const tell = (index) => {
    nodes[at]?.classList.remove('at');
    at = index;
    nodes[at]?.classList.add('at');
    told.textContent = columns[at]
      ? `${time(new Date(columns[at].at).toISOString())}: ${grouped(columns[at].count)} in ${span(seconds)}`
      : `At most ${grouped(most)} in ${span(seconds)}`;
  };
  chart.addEventListener('mouseover', ({ target }) => tell(nodes.indexOf(target.closest('span'))));
  chart.addEventListener('mouseleave', () => tell(-1));
  chart.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    tell(Math.max(0, Math.min(columns.length - 1, at + step)));
  });
  tell(-1);
  const ends = [bins[0], bins.at(-1)].map(([at]) => element('span', {}, time(at)));
  return [told, chart, element('p', { class: 'ends' }, ends)];
}
