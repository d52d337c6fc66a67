// Theme: as the system has it, or as the reader chose it. It runs before the page is painted, so that nothing flashes.

const themes = ['auto', 'light', 'dark'];

function remembered() {
    try {
        return themes.includes(localStorage.getItem('breaker-theme')) ? localStorage.getItem('breaker-theme') : 'auto';
    } catch {
        return 'auto';
    }
}

function wear(theme) {
    document.documentElement.dataset.theme = theme;
    const button = document.getElementById('theme');
    if (button) button.textContent = `Theme: ${theme}`;
}

wear(remembered());
addEventListener('DOMContentLoaded', () => {
    wear(remembered());
    document.getElementById('theme').addEventListener('click', () => {
        const next = themes[(themes.indexOf(document.documentElement.dataset.theme) + 1) % themes.length];
        try {
            localStorage.setItem('breaker-theme', next);
        } catch {
            // It holds until the page is closed.
        }
        wear(next);
    });
});
