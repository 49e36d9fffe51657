// Elements and texts. What comes from a log becomes text of an element and nothing else: no attribute, link or markup.

// Its children are elements and texts. The attributes are the page's own.
function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children.flat().filter((child) => child !== undefined && child !== ''));
  return node;
}

// As the table has it: bytes that are not printable by their number, and of what is too long the end.
function printable(text = '') {
  const end = text.length > 2000 ? `...${text.slice(-2000)}` : text;
  return end.replace(/[^ -~]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

const numbers = new Intl.NumberFormat('en');
const grouped = (number) => numbers.format(number);
const plural = (number, one, many) => `${grouped(number)} ${number === 1 ? one : many}`;
const percentage = (part, whole) => `${((100 * part) / Math.max(whole, 1)).toFixed(1)}%`;
const baseName = (path = '') => path.slice(path.lastIndexOf('/') + 1);
const time = (text) => `${text.slice(0, 19).replace('T', ' ')} UTC`;
const times = ({ first, last }) => (time(first) === time(last) ? time(first) : `${time(first)} to ${time(last)}`);
const sum = (list, of) => list.reduce((all, item) => all + of(item), 0);

function bar(part, whole) {
  const fill = element('span', { class: 'fill' });
  fill.style.width = `${Math.min(100, (100 * part) / Math.max(whole, 1))}%`;
  return element('span', { class: 'bar', 'aria-hidden': 'true' }, fill);
}

// A list that begins with some of its items and has a button for more: `replace` shows others in it.
function pagedList(make, first, label) {
  const list = element('ol', { class: 'rows', 'aria-label': label });
  const status = element('span', { role: 'status' });
  const button = element('button', { type: 'button' }, 'Show more');
  let items = [];
  const more = (number) => {
    const shown = list.childElementCount;
    list.append(...items.slice(shown, shown + number).map((item) => element('li', {}, make(item))));
    status.textContent = `${grouped(list.childElementCount)} of ${grouped(items.length)} shown`;
    button.hidden = list.childElementCount === items.length;
    status.hidden = items.length <= first && items.length > 0;
    return list.children[shown];
  };
  button.addEventListener('click', () => more(200)?.querySelector('summary, button')?.focus());
  const replace = (others) => {
    items = others;
    list.replaceChildren();
    more(first);
  };
  return { node: element('div', {}, list, element('p', { class: 'more' }, status, button)), replace };
}
