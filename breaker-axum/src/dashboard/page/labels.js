// Words: states, spans of time and numbers as a person says them.

// In the order of trouble. `word` is for people who have never heard of circuit breakers, `technical` for logs and metrics.
export const STATES = {
    open: {
        word: 'Down', technical: 'open', says: 'is down', rank: 0,
        means: 'It failed too often, so it is left alone: calls are not made, and users get the fallbacks at once.',
    },
    forced_open: {
        word: 'Blocked', technical: 'forced open', says: 'is blocked by hand', rank: 1,
        means: 'Somebody blocked it: calls are not made, whatever its health, and users get the fallbacks.',
    },
    half_open: {
        word: 'On trial', technical: 'half-open', says: 'is being tried again', rank: 2,
        means: 'A few calls are let through to see whether it is back; all others still get the fallbacks.',
    },
    disabled: {
        word: 'Unguarded', technical: 'disabled', says: 'is no longer guarded', rank: 3,
        means: 'Somebody switched the breaker off: every call is made, however often it fails.',
    },
    shadow: {
        word: 'Watched', technical: 'shadow', says: 'is only watched', rank: 4,
        means: 'The breaker counts and tells what it would do, but rejects nobody.',
    },
    closed: {
        word: 'Working', technical: 'closed', says: 'is working', rank: 5,
        means: 'Calls go through, and their failures are counted.',
    },
};

export function stateOf(name) {
    return STATES[name] ?? { word: name, technical: name, says: `is ${name}`, rank: 0, means: '' };
}

export function isDown(state) {
    return state === 'open' || state === 'forced_open';
}

// A span in milliseconds in at most two units: "12 s", "1 min 05 s", "2 h 07 min", "3 d 4 h".
export function span(milliseconds) {
    const seconds = Math.max(0, Math.floor(milliseconds / 1000));
    const two = (number) => String(number).padStart(2, '0');
    if (seconds < 60) return `${seconds} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
    if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${two(Math.floor(seconds / 60) % 60)} min`;
    return `${Math.floor(seconds / 86400)} d ${Math.floor(seconds / 3600) % 24} h`;
}

// A countdown ends at 1 s and not at 0 s, so it rounds up.
export function countdown(milliseconds) {
    return span(Math.ceil(milliseconds / 1000) * 1000);
}

const numbers = new Intl.NumberFormat('en');
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit' });

export const count = (number) => numbers.format(number);
export const shortCount = (number) => (number < 10000 ? numbers.format(number) : compact.format(number));
export const percent = (share) => (share > 0 && share < 0.01 ? '<1 %' : share < 1 && share > 0.99 ? '>99 %' : `${Math.round(share * 100)} %`);

// The time of day; with the date where it was not within the last 12 hours.
export function timeOfDay(at, now) {
    return (Math.abs(now - at) < 43200000 ? clock : day).format(at);
}

export function plural(number, one, many) {
    return `${count(number)} ${number === 1 ? one : many}`;
}

// For announcements and labels: a name of 10 kB is nothing to listen to.
export function brief(text, most = 80) {
    const flat = text.replace(/\s+/gu, ' ');
    return flat.length > most ? `${flat.slice(0, most - 1)}…` : flat;
}

export function total(counts) {
    return counts.success + counts.failure + counts.rejected + counts.busy + counts.ignored + counts.cancelled;
}

// The time until calls are let in again, of breakers that know it: `null` where none is running.
export function untilRetry(breaker, now) {
    if (breaker.retry_at === null || breaker.retry_at === undefined || breaker.state === 'closed') return null;
    return Math.max(0, breaker.retry_at - now);
}

// Since when it has been in its state, and why; an outage, with its attempts that failed, counts as one. `atLeast`: it is older than what is known.
export function outage(breaker) {
    const out = (state) => state === 'open' || state === 'half_open';
    if (!out(breaker.state)) return { from: breaker.state_changed_at, because: breaker.opened_because, atLeast: false, attempts: 0 };
    const changes = (breaker.transitions ?? []).filter(({ shadow }) => !shadow);
    let attempts = 0;
    for (let at = changes.length - 1; at >= 0; at -= 1) {
        const { at: from, old, new: state, because } = changes[at];
        if (!out(old)) return { from, because: because ?? breaker.opened_because, atLeast: false, attempts };
        if (old === 'half_open' && state === 'open') attempts += 1;
    }
    const from = Math.min(breaker.state_changed_at, changes[0]?.at ?? breaker.state_changed_at);
    return { from, because: breaker.opened_because, atLeast: changes.length > 0, attempts };
}

// Whether calls fail at the moment: within the two minutes of the chart, and since the last change of state. A single success does not end
// it, so that nothing comes and goes with each call.
export function failing(breaker) {
    return breaker.consecutive_failures > 0
        || (breaker.points ?? []).some(([at, , failure]) => failure > 0 && at > breaker.state_changed_at + 1000);
}

// Whether calls found no place within the two minutes of the chart.
export function crowded(breaker) {
    return (breaker.points ?? []).some(([, , , , , busy]) => busy > 0);
}

// What happens next, in words; empty where nothing is awaited.
export function next(breaker, now) {
    const left = untilRetry(breaker, now);
    switch (breaker.state) {
        case 'open':
            if (left === null) return '';
            return left > 0 ? `next attempt in ${countdown(left)}` : 'the next call is the attempt';
        case 'half_open':
            return left > 0 ? `next attempt in ${countdown(left)} at the latest` : 'the next call is the attempt';
        case 'forced_open':
            return left > 0 ? `for another ${countdown(left)}` : 'until somebody releases it';
        case 'disabled':
        case 'shadow':
            return 'until somebody releases it';
        default:
            return breaker.ramp_share === null || breaker.ramp_share === undefined
                ? '' : `${percent(breaker.ramp_share)} of the calls are let in, and more and more`;
    }
}

// The whole as one sentence: what an operator wants to know first.
export function verdict(breakers) {
    const all = breakers.length;
    if (all === 0) return { text: 'No dependency is guarded yet', tone: 'idle' };
    const down = breakers.filter((breaker) => isDown(breaker.state)).length;
    const trial = breakers.filter((breaker) => breaker.state === 'half_open').length;
    const noun = all === 1 ? 'dependency' : 'dependencies';
    const be = (number) => (number === 1 ? 'is' : 'are');
    if (down > 0) {
        const tried = trial > 0 ? `, ${count(trial)} ${be(trial)} being tried again` : '';
        return { text: `${count(down)} of ${count(all)} ${noun} ${be(down)} down${tried}`, tone: 'down' };
    }
    if (trial > 0) return { text: `${count(trial)} of ${count(all)} ${noun} ${be(trial)} being tried again`, tone: 'trial' };
    return { text: all === 1 ? 'The one dependency is working' : `All ${count(all)} dependencies are working`, tone: 'working' };
}
