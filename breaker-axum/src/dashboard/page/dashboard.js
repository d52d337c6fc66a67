// Dashboard: the page's door. It hands what the feed hears to the parts of the page, and what people do to the server.

import { Detail } from './detail.js';
import { setText, show } from './elements.js';
import { Feed } from './event_source.js';
import { List } from './list.js';
import { Login } from './login.js';
import { Overview } from './overview.js';
import { Place } from './url_state.js';
import { Session } from './session.js';
import { Store } from './store.js';
import { span, timeOfDay } from './labels.js';

const store = new Store();
const session = new Session();
const place = new Place(() => followPlace());
const overview = new Overview(store, open);
const list = new List(store, place, open);
const detail = new Detail(store, session, closed, () => login.open());
const feed = new Feed(heard, lost, found);
const login = new Login(session, () => feed.again());
const banner = document.getElementById('banner');
const live = document.getElementById('live');
// The names of those that are to be drawn again, and the timer for it.
const waiting = new Set();
let drawing = null;
let lostAt = null;

function open(name) {
    place.change({ breaker: name });
    detail.open(name);
}

function closed() {
    const { breaker } = place;
    if (!breaker) return;
    place.change({ breaker: '' });
    list.rows.get(breaker)?.button.focus({ preventScroll: true });
}

function followPlace() {
    list.fromPlace();
    list.arrange();
    if (place.breaker) detail.open(place.breaker);
    else detail.close();
}

function heard(kind, data) {
    switch (kind) {
        case 'hello':
            store.hello(data);
            login.update(store.actions);
            break;
        case 'full':
            store.full(data);
            document.body.classList.remove('loading');
            everything();
            break;
        case 'tick':
            changed(store.tick(data));
            break;
        case 'transition':
            store.transition(data);
            overview.say(data.name, data.transition);
            changed([data.name]);
            if (detail.name === data.name) detail.fetch();
            break;
        case 'audit':
            if (detail.name === data.name) detail.fetch();
            break;
    }
}

function everything() {
    list.update();
    list.tick();
    overview.update();
    detail.update();
    if (place.breaker && !detail.name) detail.open(place.breaker);
    else if (detail.name) detail.fetch();
}

// What comes at one moment is drawn at once: an outage may open a hundred breakers together.
function changed(names) {
    for (const name of names) waiting.add(name);
    drawing ??= setTimeout(draw, 16);
}

function draw() {
    drawing = null;
    const names = [...waiting];
    waiting.clear();
    list.update(names);
    overview.update();
    if (names.includes(detail.name) || !store.breakers.has(detail.name)) detail.update();
    second();
}

// The clocks go on between two events, and stand still while nothing is heard.
function second() {
    if (document.hidden) return;
    if (lostAt === null) {
        list.tick();
        detail.tick();
    } else {
        tellLost();
    }
}

function lost(heardLast) {
    lostAt = heardLast;
    store.freeze();
    document.body.classList.add('stale');
    setText(live, 'Not connected');
    overview.tabSays('lost', 'Connection lost · Circuit breakers');
    tellLost();
    show(banner, true);
}

// What a screen reader is told of it stays the same; only the eye needs the seconds.
function tellLost() {
    const known = store.breakers.size > 0;
    setText(document.getElementById('banner-text'), known
        ? `Connection lost since ${timeOfDay(store.now(), store.now())}. Trying again. What is shown is as it was then.`
        : 'The server cannot be reached. Trying again.');
    setText(document.getElementById('banner-time'), span(performance.now() - lostAt));
}

function found() {
    lostAt = null;
    document.body.classList.remove('stale');
    setText(live, 'Live');
    show(banner, false);
    overview.update();
}

document.getElementById('try-now').addEventListener('click', () => feed.again());
document.addEventListener('keydown', (event) => {
    const typing = event.target.closest?.('input, textarea, select') || document.querySelector('dialog[open]');
    if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    list.filter.focus();
    list.filter.select();
});
document.addEventListener('visibilitychange', second);
setInterval(second, 250);
