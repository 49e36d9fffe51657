// Puts the report together: the answer, and below it a section for each thing that is known.

const { report, stacks } = JSON.parse(document.getElementById('data').textContent);
const { killed, handled, averted, observed, rows, remarks, unread } = report;
const total = averted.count + observed.count;
const deaths = sum(killed, ({ count }) => count);

function verdict() {
  if (deaths > 0) return `SIGPIPE killed ${plural(deaths, 'process', 'processes')}`;
  if (observed.kills > 0) return `SIGPIPE was deadly ${plural(observed.kills, 'time', 'times')}`;
  if (averted.kills > 0) return `SIGPIPE would have killed ${plural(averted.kills, 'time', 'times')}`;
  return total + handled.length > 0 ? 'No SIGPIPE was deadly' : 'No SIGPIPE';
}

const kinds = new Map(Object.entries({
  pipe: 'a pipe that nobody reads, as any pipeline may have',
  fifo: 'a FIFO that nobody reads',
  socketpair: 'a socketpair that nobody reads',
  signal: 'a signal',
  runaway: 'nosigpipe, which ended a runaway',
  earlier: 'what was written earlier',
}));

const strong = (text) => element('b', {}, printable(text));
const sentence = (link, ...words) =>
  element('p', { class: 'culprit' }, ...words, ' ', element('a', { href: link }, 'Details'));

function killer(passed) {
  const { exe, kind, call, from, module } = passed;
  const by = [kinds.get(kind) ?? kind, from, call && `in ${call}`].filter(Boolean).join(', ');
  const where = module ? [', at ', ...place(passed)] : '';
  const words = killed.length > 1 ? 'Killed, among others: ' : 'Killed: ';
  return sentence('#killed', words, strong(exe ?? 'unknown'), by ? ` by ${printable(by)}` : '', where, '.');
}

function deadliest(row) {
  const words = averted.kills > 0 ? 'Would have killed most: ' : 'Deadly most: ';
  const what = [row.call && `, in ${row.call}`, row.exe && ` of ${row.exe}`].filter(Boolean).join('');
  const name = row.name === undefined ? place(row) : strong(row.name);
  return sentence('#sites', words, name, printable(what), `, ${plural(row.kills, 'time', 'times')}.`);
}

// What has killed, and where most would have died.
function culprits() {
  const most = rows.reduce((all, row) => (row.kills > (all?.kills ?? 0) ? row : all), undefined);
  return [killed.length > 0 ? killer(killed[0]) : '', most ? deadliest(most) : ''];
}

const tile = (name, number, kind) =>
  element('div', { class: number > 0 ? kind : 'none' }, element('dt', {}, name), element('dd', {}, grouped(number)));

const namedRow = ({ name, count, kills }, whole) =>
  element(
    'div',
    { class: 'named' },
    cell('name', printable(name)),
    cell('share', bar(count, whole), percentage(count, whole)),
    cell('count', `${grouped(count)}×`),
    cell('deadly', kills ? `${grouped(kills)} deadly` : ''),
  );

function listed(make, first, label, items) {
  const list = pagedList(make, first, label);
  list.replace(items);
  return list.node;
}

const bars = (items, whole, label) => listed((item) => namedRow(item, whole), 10, label, items);
const passed = (items, name, label) => listed((item) => passedRow(item, name), 20, label, items);
const remark = (text) => element('p', { class: 'quiet' }, text);
const bullets = (texts) => element('ul', {}, texts.map((text) => element('li', {}, printable(text))));

function peers() {
  const counts = new Map();
  for (const row of rows)
    for (const { peer, count } of row.peers ?? []) counts.set(peer, (counts.get(peer) ?? 0) + count);
  const all = [...counts].map(([name, count]) => ({ name, count })).sort((a, b) => b.count - a.count);
  const what = remark('The three most frequent of each row, at least so often.');
  return all.length > 0 && [what, bars(all, total, 'Peers')];
}

function causes() {
  const known = report.causes.filter(({ cause }) => cause).map(({ cause, ...rest }) => ({ name: cause, ...rest }));
  const all = sum(known, ({ count }) => count);
  const untold = sum(report.causes, ({ count }) => count) - all;
  const rest = untold > 0 ? remark(`Of ${grouped(untold)} more, which the log held back, no line says the cause.`) : '';
  return known.length > 0 && [bars(known, all, 'Causes'), rest];
}

const list = sites(report, total);
// In their order: identifier, heading, and what stands in it, or nothing.
const sections = [
  ['killed', 'Killed by', killed.length > 0 && passed(killed, 'deadly', 'Killed by')],
  ['sites', report.by === 'site' ? 'Call sites' : `By ${report.by}`, rows.length > 0 && list.nodes],
  ['timeline', 'Timeline', report.timeline.length > 0 && timeline(report.timeline, report.timeline_seconds)],
  ['flames', 'Flame graph', stacks && flameGraph(stacks, list.filter)],
  ['peers', 'Peers', report.by !== 'peer' && peers()],
  ['causes', 'Causes', report.by !== 'cause' && causes()],
  ['handled', 'Handled by the program', handled.length > 0 && passed(handled, '', 'Handled by the program')],
  ['log', 'About this log', remarks.length + unread.length > 0 && bullets([...remarks, ...unread])],
].filter(([, , content]) => content);

const severity = deaths + observed.kills > 0 ? 'deadly' : averted.kills > 0 ? 'warning' : '';
const tiles = [
  tile('Killed', deaths, 'deadly'),
  observed.count > 0 ? tile('Deadly, only observed', observed.kills, 'deadly') : '',
  tile('Would have killed', averted.kills, 'warning'),
  tile('Averted', averted.count, 'plain'),
  observed.count > 0 ? tile('Observed', observed.count, 'plain') : '',
  tile('Handled', sum(handled, ({ count }) => count), 'plain'),
  tile('Processes', report.processes, 'plain'),
];
const link = ([id, heading]) => element('a', { href: `#${id}` }, heading);
const section = ([id, heading, content]) =>
  element(
    'section',
    { id, 'aria-labelledby': `${id}-heading`, tabindex: '-1' },
    element('h2', { id: `${id}-heading` }, heading),
    content,
  );

document.body.append(
  element(
    'header',
    {},
    element('p', { class: 'brand' }, 'nosigpipe report'),
    element('h1', { class: severity }, verdict()),
    culprits(),
    remark(printable(report.summary)),
    element('dl', { class: 'tiles' }, tiles),
    element('nav', { 'aria-label': 'Sections' }, sections.map(link)),
  ),
  element('main', {}, sections.map(section)),
);
