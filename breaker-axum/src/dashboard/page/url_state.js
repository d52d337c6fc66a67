// Place: filter, order and the open breaker, as they stand behind the `#` of the address, so that a reload or a link keeps them.

export const ORDERS = {
    trouble: 'trouble first',
    name: 'name',
    failures: 'failures',
    rejected: 'rejected calls',
};

export class Place {
    // `moved()` is told when the address changes by itself: the back button, a link.
    constructor(moved) {
        this.read();
        addEventListener('hashchange', () => {
            this.read();
            moved();
        });
    }

    read() {
        const values = new URLSearchParams(location.hash.slice(1));
        this.filter = values.get('filter') ?? '';
        this.state = values.get('state') ?? '';
        this.sort = values.get('sort') in ORDERS ? values.get('sort') : 'trouble';
        this.breaker = values.get('breaker') ?? '';
    }

    // What is as usual does not stand in the address.
    change(values) {
        Object.assign(this, values);
        const kept = new URLSearchParams();
        if (this.filter) kept.set('filter', this.filter);
        if (this.state) kept.set('state', this.state);
        if (this.sort !== 'trouble') kept.set('sort', this.sort);
        if (this.breaker) kept.set('breaker', this.breaker);
        const hash = kept.toString();
        const address = location.pathname + location.search + (hash && `#${hash}`);
        // Typing in the filter makes no history; opening a breaker does, so that "back" closes it.
        if (values.breaker) history.pushState(null, '', address);
        else history.replaceState(null, '', address);
    }
}
