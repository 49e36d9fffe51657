// The rows: what has killed, what was handled, and the call sites, each with its details behind it.

const address = ({ module, offset }) => [baseName(module) || 'unknown', offset].filter(Boolean).join('+');

// The function and the line, or else the address.
function place(site) {
  const where = site.source ? baseName(site.source) : address(site);
  return [
    site.function ? element('b', {}, printable(site.function)) : '',
    site.function ? ' ' : '',
    element('span', { class: site.function ? 'source' : 'source alone' }, printable(where)),
  ];
}

const definition = (name, ...value) => [element('dt', {}, name), element('dd', {}, ...value)];
const definitionOf = (name, text) => (text ? definition(name, printable(text)) : []);

const peerItem = ({ peer, count }) =>
  element('li', {}, printable(peer), ' ', element('small', {}, `at least ${grouped(count)}`));

const frameItem = (frame) =>
  element('li', {}, place(frame), element('small', {}, printable(frame.source ?? frame.module ?? '')));

function details(row) {
  const binary = row.module && `${row.module}${row.offset ? `+${row.offset}` : ''}`;
  return element(
    'dl',
    {},
    definition('When', times(row)),
    definitionOf('Program', row.exe),
    definitionOf('From', row.from),
    definitionOf('Source', row.source),
    definitionOf('Binary', binary),
    definitionOf('Through', row.through),
    definitionOf('For', row.for),
    definitionOf('Build ID', row.build_id),
    definitionOf('Note', row.note),
    row.peers ? definition('Peers', element('ul', {}, row.peers.map(peerItem))) : [],
    row.chain ? definition('Callers', element('ol', { class: 'chain' }, row.chain.map(frameItem))) : [],
  );
}

// The details are made when they are first asked for.
function row(of, ...line) {
  const node = element('details', {}, element('summary', {}, ...line));
  node.addEventListener('toggle', () => node.childElementCount === 1 && node.append(details(of)));
  return node;
}

const cell = (name, ...children) => element('span', { class: name }, ...children);

const passedRow = (passed, name) =>
  row(
    passed,
    cell(`count ${name}`, `${grouped(passed.count)}×`),
    cell('name', element('b', {}, printable(passed.exe ?? 'unknown'))),
    cell('notes', printable(passed.from ?? ''), ' ', passed.module ? place(passed) : ''),
    cell('call', printable(passed.call ?? '')),
    cell('tag', printable(passed.kind ?? '')),
  );

function siteRow(site, total) {
  const notes = [baseName(site.exe), site.through && `through ${baseName(site.through)}`];
  return row(
    site,
    cell('count', `${grouped(site.count)}×`),
    cell('share', bar(site.count, total), percentage(site.count, total)),
    cell(site.kills > 0 ? 'deadly' : 'harmless', site.kills > 0 ? `${grouped(site.kills)} deadly` : 'none deadly'),
    cell('call', printable(site.call ?? '')),
    cell('name', site.name === undefined ? place(site) : element('b', {}, printable(site.name))),
    cell('notes', printable(notes.filter(Boolean).join(' '))),
  );
}

const orders = {
  'most frequent': (a, b) => b.count - a.count,
  'most deadly': (a, b) => b.kills - a.kills,
  latest: (a, b) => (a.last < b.last ? 1 : a.last > b.last ? -1 : 0),
};

// Whether one of the row's texts has these words.
function matches(site, pattern) {
  const has = (text) => text !== undefined && pattern.test(text);
  const { name, exe, call, through, for: program, build_id: build, chain = [], peers = [] } = site;
  return (
    [name, exe, call, through, program, build].some(has) ||
    [site, ...chain].some((frame) => has(frame.function) || has(frame.source) || has(address(frame))) ||
    peers.some(({ peer }) => has(peer))
  );
}

// The list, with a filter: `filter(text)` sets it from elsewhere.
function sites({ rows, others, by }, total) {
  const list = pagedList((site) => siteRow(site, total), 20, by === 'site' ? 'Call sites' : `By ${by}`);
  const placeholder = 'function, file, program, peer';
  const field = { type: 'search', id: 'filter', placeholder, autocomplete: 'off', spellcheck: 'false' };
  const search = element('input', field);
  const order = element(
    'select',
    { id: 'order' },
    Object.keys(orders).map((name) => element('option', {}, name)),
  );
  const show = () => {
    const pattern = new RegExp(search.value.trim().replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'i');
    list.replace(rows.filter((site) => matches(site, pattern)).sort(orders[order.value]));
  };
  search.addEventListener('input', show);
  order.addEventListener('change', show);
  show();
  const filter = (text) => {
    search.value = text;
    show();
    search.focus();
  };
  const controls = element(
    'div',
    { class: 'controls', role: 'search' },
    element('label', { for: 'filter' }, 'Filter'),
    search,
    element('label', { for: 'order' }, 'Order'),
    order,
  );
  const sums = others && `${grouped(others.count)}×, ${grouped(others.kills)} deadly`;
  const rest = others ? `Not in the list: ${plural(others.rows, 'row', 'rows')}, ${sums}.` : '';
  return { nodes: [rows.length > 1 ? controls : '', list.node, element('p', { class: 'quiet' }, rest)], filter };
}
