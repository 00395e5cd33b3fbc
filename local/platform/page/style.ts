/** Colours have a contrast of at least 4.5 on their ground, in both schemes. */
export const STYLE = `
:root { color-scheme: light dark; --ink: #1a1a1a; --soft: #595959; --line: #8a8a8a; --ground: #fff; --box: #f6f6f4; --ok: #0a6b2d; --bad: #a4161a; --link: #0b57d0 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8e8; --soft: #a8a8a8; --line: #6d6d6d; --ground: #161616; --box: #202020; --ok: #6fd08c; --bad: #ff8a8a; --link: #8ab4f8 }
}
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: var(--ink); background: var(--ground); overflow-wrap: anywhere }
h1 { line-height: 1.2 } h2 { margin: 2rem 0 .5rem; border-bottom: 1px solid var(--line) } h3 { margin: 1.2rem 0 .4rem; font-size: 1rem }
small { color: var(--soft); font-weight: normal } a { color: var(--link) } code { font-size: .875rem }
.ok { color: var(--ok) } .bad { color: var(--bad); font-weight: 600 }
.boxes { list-style: none; padding: 0; margin: 0; display: grid; gap: .8rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 17rem), 1fr)) }
.boxes li { border: 1px solid var(--line); border-radius: .4rem; padding: .5rem .8rem; background: var(--box); display: flex; flex-direction: column }
dl { margin: 0; columns: 17rem auto; column-gap: 2rem } dl div { display: flex; justify-content: space-between; gap: 1rem; break-inside: avoid } dd { margin: 0; font-variant-numeric: tabular-nums }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .2rem .8rem .2rem 0; vertical-align: top } th, td:first-child, td:last-child { white-space: nowrap } td:nth-child(3) { overflow-wrap: normal }
svg { width: 100%; height: auto; margin: .5rem 0 } svg text { fill: var(--ink); font-size: 14px } svg .soft { fill: var(--soft); font-size: 12px } svg .ill { fill: var(--bad) }
svg rect { fill: var(--box); stroke: var(--line) } svg rect.ill { stroke: var(--bad); stroke-dasharray: 4 3 } svg path { fill: none; stroke: var(--soft); stroke-width: 1.5 }
@media (max-width: 44rem) { svg { display: none } td { font-size: .875rem } }
`;
