// The page's stylesheet, light and dark, without anything from elsewhere.

export const stylesheet = `:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0.25rem; }
h2 { margin-top: 2rem; font-size: 1.15rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 0.35rem 0.75rem 0.35rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
td { overflow-wrap: anywhere; }
pre { background: var(--soft); padding: 0.75rem; overflow-x: auto; border-radius: 4px; }
.listeners span { display: inline-block; margin-right: 1rem; }
.up::before { content: '\\25cf '; color: #2a8f3c; }
.down::before { content: '\\25cf '; color: #c62828; }
.down, .vanished { color: #c62828; }
.none td + td + td + td { opacity: 0.6; }
`
