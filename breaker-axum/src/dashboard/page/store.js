// Keeps the state of all breakers that the server has sent, and the server's clock.

const MAX_CHANGES = 60;

export class Store {
    constructor() {
        this.breakers = new Map();
        // Grows with each change of the breakers.
        this.version = 0;
        this.status = 'healthy';
        this.actions = 'off';
        this.chart = { points: 120, step_ms: 1000 };
        this.history = 3600000;
        this.since = 0;
        // How many unhealthy values of keys the server has left out.
        this.leftOut = 0;
        // The last changes of all breakers, newest first: `{name, transition}`.
        this.changes = [];
        this.offset = Date.now() - performance.now();
        this.frozenAt = null;
    }

    // The server's time. The client's clock, which may be wrong, only counts on from the last
    // event.
    now() {
        return this.frozenAt ?? performance.now() + this.offset;
    }

    // Small differences come from the network. Following them would make the seconds jump.
    setClock(now) {
        const offset = now - performance.now();
        if (Math.abs(offset - this.offset) > 400) this.offset = offset;
        this.frozenAt = null;
    }

    // Stops the clock while the connection is lost, since the present state is unknown.
    freeze() {
        this.frozenAt ??= performance.now() + this.offset;
    }

    hello(hello) {
        this.actions = hello.actions;
        this.chart = hello.chart ?? this.chart;
        this.history = hello.history_ms ?? this.history;
        this.since = hello.history_since ?? this.since;
        this.setClock(hello.server_time);
    }

    full({ now, status, breakers, left_out: leftOut }) {
        this.setClock(now);
        this.leftOut = leftOut ?? 0;
        this.status = status;
        this.version += 1;
        this.breakers = new Map(breakers.map((breaker) => [breaker.name, breaker]));
        this.changes = breakers
            .flatMap(({ name, transitions }) => (transitions ?? []).map((transition) => ({ name, transition })))
            .sort((a, b) => b.transition.sequence - a.transition.sequence)
            .slice(0, MAX_CHANGES);
    }

    tick({ now, status, breakers, gone, left_out: leftOut }) {
        this.setClock(now);
        this.leftOut = leftOut ?? this.leftOut;
        this.status = status;
        this.version += 1;
        for (const breaker of breakers) this.merge(breaker);
        for (const name of gone ?? []) this.breakers.delete(name);
    }

    transition({ name, transition, breaker }) {
        this.version += 1;
        if (breaker) this.merge(breaker);
        const known = this.breakers.get(name);
        if (known && !known.transitions?.some(({ sequence }) => sequence === transition.sequence)) {
            this.merge({ name, transitions: [...(known.transitions ?? []), transition] });
        }
        if (!this.changes.some((change) => change.transition.sequence === transition.sequence)) {
            this.changes = [{ name, transition }, ...this.changes].slice(0, MAX_CHANGES);
        }
    }

    // Replaces a breaker's object, so that a view sees by the object whether anything has changed.
    merge(changes) {
        const known = this.breakers.get(changes.name);
        const points = known ? this.points(known.points ?? [], changes.points ?? []) : changes.points ?? [];
        this.breakers.set(changes.name, { ...known, ...changes, points });
    }

    // A step that has not ended is sent again with more in it.
    points(old, fresh) {
        if (fresh.length === 0) return old;
        const first = fresh[0][0];
        const oldest = fresh.at(-1)[0] - this.chart.points * this.chart.step_ms;
        return [...old.filter(([at]) => at < first && at > oldest), ...fresh];
    }
}
