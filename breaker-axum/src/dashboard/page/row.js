// Row: one breaker in the overview.

import { el, foreign, setAttribute, setText, show } from './elements.js';
import { FlowChart, HourChart, Shares } from './charts.js';
import { icon } from './icons.js';
import { count, crowded, failing, next, outage, plural, shortCount, span, stateOf, total, untilRetry } from './labels.js';

export class Row {
    // `open(name)` shows the details.
    constructor(name, open) {
        this.name = name;
        this.flow = new FlowChart();
        this.hour = new HourChart();
        this.shares = new Shares();
        this.build(open);
    }

    build(open) {
        this.mark = el('span', { class: 'mark' });
        this.word = el('span', { class: 'word' });
        this.technical = el('span', { class: 'technical' });
        this.button = el('button', { type: 'button', class: 'name', onclick: () => open(this.name) });
        this.critical = el('span', { class: 'tag', hidden: true, title: 'While it is not working, the whole service counts as degraded' }, 'critical');
        this.since = el('span', { class: 'since' });
        this.next = el('span', { class: 'next' });
        this.progress = el('progress', { class: 'countdown', max: '1', hidden: true, 'aria-hidden': 'true' });
        this.why = this.line('Why');
        this.error = this.line('Last error');
        this.users = this.line('Users get');
        this.run = this.line('Failures in a row');
        this.places = this.line('Under way');
        this.pips = el('span', { class: 'pips', 'aria-hidden': 'true' });
        this.story = el('dl', { class: 'story', hidden: true }, this.why.node, this.run.node, this.places.node, this.error.node, this.users.node);
        this.node = el('li', { class: 'row' },
            el('div', { class: 'status' }, this.mark, el('span', { class: 'words' }, this.word, ' ', this.technical)),
            el('div', { class: 'who' },
                el('h3', {}, this.button), this.critical,
                el('p', { class: 'times' }, this.since, this.next),
                this.progress),
            el('div', { class: 'recent' }, this.flow.node),
            this.shares.node,
            this.hour.node,
            this.story);
    }

    line(title) {
        const value = el('dd');
        return { value, node: el('div', { hidden: true }, el('dt', {}, title), value) };
    }

    // Everything but what only time changes.
    update(breaker, store) {
        this.breaker = breaker;
        const state = stateOf(breaker.state);
        if (this.state !== breaker.state) {
            this.state = breaker.state;
            this.mark.replaceChildren(icon(breaker.state));
            this.node.dataset.state = breaker.state;
            setText(this.word, state.word);
            setText(this.technical, state.technical);
        }
        if (this.label !== breaker.label) {
            this.label = breaker.label;
            this.button.replaceChildren(foreign(breaker.label || breaker.name));
            setAttribute(this.node, 'aria-label', null);
        }
        show(this.critical, breaker.critical);
        this.shares.draw(breaker.counts);
        this.tellStory(breaker);
        this.tick(store);
    }

    tellStory(breaker) {
        const troubled = breaker.state !== 'closed';
        const shaky = failing(breaker);
        const error = breaker.last_error;
        // What began the outage; that the last attempt has failed too is said by their number.
        const { because } = outage(breaker);
        this.tellLine(this.why, troubled && because, () => [foreign(because)]);
        this.tellLine(this.error, (troubled || shaky) && error && `${error.type} ${error.message}`, () => errorParts(error));
        const full = crowded(breaker);
        const served = breaker.fallbacks ?? [];
        const failed = breaker.failed_fallbacks ?? [];
        const key = [...served, ...failed].map(({ source, reason, times }) => `${source} ${reason} ${times}`).join();
        const turnedAway = breaker.counts.rejected + breaker.counts.busy > 0;
        this.tellLine(this.users, (troubled || shaky || full) && (key || (turnedAway && 'an error')), () => usersParts(served, failed));
        this.tellLine(this.places, full && breaker.places && `${breaker.places} ${breaker.counts.busy}`,
            () => placesParts(breaker.places, breaker.counts.busy));
        this.tellLine(this.run, shaky && !breaker.opened_because && `${breaker.consecutive_failures} ${breaker.fail_max}`,
            () => runParts(breaker.consecutive_failures, breaker.fail_max));
        show(this.story, [this.why, this.error, this.users, this.run, this.places].some(({ node }) => !node.hidden));
    }

    // The parts are made anew only when they say something else.
    tellLine(line, key, parts) {
        show(line.node, Boolean(key));
        if (!key || line.key === key) return;
        line.key = key;
        line.value.replaceChildren(...parts());
    }

    // What time changes, for rows that can be seen.
    tick(store) {
        const now = store.now();
        const { breaker } = this;
        setText(this.since, breaker.state === 'closed' && total(breaker.counts) === 0 ? 'no calls yet' : since(breaker, now));
        setText(this.next, next(breaker, now));
        const left = untilRetry(breaker, now);
        const whole = breaker.retry_at - breaker.state_changed_at;
        const running = left > 0 && whole > 0;
        show(this.progress, running);
        if (running) this.progress.value = Math.max(0, Math.min(1, 1 - left / whole));
        this.flow.draw(breaker.points ?? [], now, store.chart);
        this.hour.draw(breaker, now, store);
    }
}

// An outage is as old as its first opening, however often it has been tried since.
function since(breaker, now) {
    const { from, atLeast, attempts } = outage(breaker);
    const long = `for ${atLeast ? 'more than ' : ''}${span(now - from)}`;
    return attempts > 0 ? `${long}, ${plural(attempts, 'attempt', 'attempts')} failed` : long;
}

export function errorParts(error) {
    const type = foreign(error.type.split('::').at(-1), { class: 'type' });
    return error.message ? [foreign(error.message), ' ', type] : [type];
}

// What users are given instead: each source with its number, whatever it was asked for, and the errors where none helped.
export function usersParts(served, failed) {
    const errors = failed.filter(({ reason }) => reason !== 'cut_off').reduce((sum, { times }) => sum + times, 0);
    if (served.length + errors === 0) return ['an error: there is no fallback that could answer'];
    const sums = new Map();
    for (const { source, times } of served) sums.set(source, (sums.get(source) ?? 0) + times);
    const part = (source, times) => el('span', { class: 'source' }, source, ' ', el('b', {}, shortCount(times)));
    const parts = [...sums].sort((a, b) => b[1] - a[1]).map(([source, times]) => part(foreign(source), times));
    return errors > 0 ? [...parts, part('an error, since no fallback helped', errors)] : parts;
}

function placesParts([held, most], busy) {
    return [`${count(held)} of ${count(most)} calls at once; ${plural(busy, 'call', 'calls')} found no place`];
}

// `most` is null where no number of failures in a row opens it.
function runParts(run, most) {
    if (most === null) return [`${run}; another rule says when calls stop`];
    const pips = el('span', { class: 'pips', 'aria-hidden': 'true' });
    if (most <= 12) for (let at = 0; at < most; at += 1) pips.append(el('i', { class: at < run ? 'full' : null }));
    return [pips, `${run} of ${most}, then calls stop`];
}
