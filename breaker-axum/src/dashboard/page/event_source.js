// Feed: the server's events, for as long as the page is open. It connects again by itself, and says when it cannot.

const LONGEST_WAIT = 5000;

// `heard(kind, data)` gets every event, `lost(since)` and `found()` the fate of the connection.
export class Feed {
    constructor(heard, lost, found) {
        Object.assign(this, { heard, lost, found });
        this.tick = 1000;
        this.lastHeard = performance.now();
        this.wait = 500;
        this.stumbled = false;
        this.down = false;
        this.source = null;
        this.retrying = 0;
        this.connect();
        setInterval(() => this.watch(), 500);
        // A network that is back, or a page that was frozen in a pocket, need not wait for the next attempt.
        addEventListener('online', () => this.again());
        document.addEventListener('visibilitychange', () => {
            if (!document.hidden && this.down) this.again();
        });
    }

    connect() {
        clearTimeout(this.retrying);
        this.retrying = 0;
        this.source?.close();
        this.started = performance.now();
        this.source = new EventSource('events');
        for (const kind of ['hello', 'full', 'tick', 'transition', 'audit']) {
            this.source.addEventListener(kind, (event) => this.take(kind, event.data));
        }
        // The server ends each stream now and then, and asks to be called again.
        this.source.addEventListener('again', () => this.again());
        this.source.onerror = () => this.fail();
    }

    // At once, for instance after a login, when the server has something new to say of what is allowed.
    again() {
        this.wait = 500;
        this.connect();
    }

    take(kind, data) {
        let parsed;
        try {
            parsed = JSON.parse(data);
        } catch {
            return this.fail();
        }
        this.lastHeard = performance.now();
        if (kind === 'hello') this.tick = parsed.tick_ms ?? 1000;
        this.heard(kind, parsed);
        if (kind === 'full') {
            this.wait = 500;
            this.stumbled = false;
            if (this.down) {
                this.down = false;
                this.found();
            }
        }
    }

    // Three heartbeats that are missing are a lost connection, even when nobody has closed it.
    watch() {
        const now = performance.now();
        const patience = this.tick * 3 + 500;
        if (this.retrying || now - this.lastHeard < patience || now - this.started < patience) return;
        this.stumbled = true;
        this.fail();
    }

    fail() {
        this.source?.close();
        // The first failure may be an end in peace; only when the next attempt fails too is it worth a word.
        if (this.stumbled && !this.down) {
            this.down = true;
            this.lost(this.lastHeard);
        }
        this.stumbled = true;
        if (this.retrying) return;
        const wait = this.wait * (0.75 + Math.random() / 2);
        this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
        this.retrying = setTimeout(() => this.connect(), wait);
    }
}
