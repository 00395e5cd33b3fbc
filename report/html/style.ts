/** The style of reports, for small and large screens, dark mode and print. Text has a contrast of at least 4.5, lines of at least 3. */
export const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --line: #d5dae0; --edge: #818b96; --ground: #fbfbfa; --box: #fff; --sunk: #f3f4f2;
  --danger: #a5121f; --danger-box: #fdecec; --care: #7a4b00; --care-box: #fff4dc; --routine: #174ea6; --routine-box: #eaf1fd; --none: #57606a; --none-box: #f0f1f3;
  --good: #0b6430; --good-box: #e6f5ea; --gone: #a5121f; --come: #0b6430;
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --soft: #a3abb5; --line: #343a41; --edge: #7b858f; --ground: #131517; --box: #1b1e21; --sunk: #23272b;
  --danger: #ff9a96; --danger-box: #3a1a1c; --care: #f0c161; --care-box: #33270f; --routine: #9dc2ff; --routine-box: #182741; --none: #a3abb5; --none-box: #25292e;
  --good: #7ad79a; --good-box: #14301f; --gone: #ff9a96; --come: #7ad79a } }
* { box-sizing: border-box }
html { scroll-behavior: smooth; scroll-padding-top: 1rem }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto } }
body { margin: 0; color: var(--ink); background: var(--ground); font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; overflow-wrap: anywhere; text-wrap: pretty }
main, .top > div { max-width: 66rem; margin: 0 auto; padding: 0 1.25rem }
main { padding-bottom: 4rem }
h1, h2, h3 { line-height: 1.2; text-wrap: balance; margin: 0 } h1 { font-size: clamp(1.9rem, 6vw, 2.75rem); letter-spacing: -.02em }
h2 { font-size: 1.5rem; letter-spacing: -.01em } h3 { font-size: 1.0625rem; margin: 2rem 0 .6rem } h2 small, h3 small { font-weight: 400; font-size: 1rem; letter-spacing: 0; color: var(--soft) } main > h2, .part > h2 { margin: 2.25rem 0 .8rem }
p { margin: .4rem 0 } a { color: var(--routine); text-underline-offset: .15em } small, .soft { color: var(--soft) } ul, ol { margin: 0; padding: 0; list-style: none }
code, pre { font-family: var(--mono); font-size: .875em } pre { background: var(--sunk); border-radius: .5rem; padding: .8rem 1rem; margin: .6rem 0; white-space: pre-wrap }
:focus-visible { outline: 3px solid var(--routine); outline-offset: 2px; border-radius: .25rem }
.skip { position: absolute; left: -99rem } .skip:focus { left: 1rem; top: 1rem; background: var(--box); padding: .5rem 1rem }
.top { border-bottom: 1px solid var(--line); border-top: .5rem solid var(--none); background: var(--none-box); padding: 1.75rem 0 1.5rem; margin-bottom: 1.75rem }
.top.danger, .top.critical, .top.high { border-top-color: var(--danger); background: var(--danger-box) } .top.care, .top.medium { border-top-color: var(--care); background: var(--care-box) }
.top.routine, .top.low { border-top-color: var(--routine); background: var(--routine-box) } .top.good { border-top-color: var(--good); background: var(--good-box) }
.top.danger h1, .top.critical h1, .top.high h1 { color: var(--danger) } .top.care h1, .top.medium h1 { color: var(--care) } .top.routine h1 { color: var(--routine) } .top.good h1 { color: var(--good) }
.top p { max-width: 48rem } .over { font-size: .875rem; color: var(--soft); margin: 0 0 .35rem } .lead { font-size: 1.125rem; line-height: 1.45 }
.badge { display: inline-block; font-size: .8125rem; font-weight: 600; line-height: 1.5; padding: 0 .5em; border-radius: .35rem; border: 1px solid currentColor; max-width: 100%; color: var(--none); background: var(--none-box) }
.badge.danger, .badge.critical, .badge.high, .badge.error { color: var(--danger); background: var(--danger-box) } .badge.care, .badge.medium, .badge.warning { color: var(--care); background: var(--care-box) }
.badge.routine, .badge.low { color: var(--routine); background: var(--routine-box) } .badge.good { color: var(--good); background: var(--good-box) }
.cards { display: grid; gap: .75rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 15rem), 1fr)); margin: 0 0 1.5rem } .cards.short { grid-template-columns: repeat(auto-fill, minmax(min(100%, 10rem), 1fr)) }
.cards > li { background: var(--box); border: 1px solid var(--line); border-left: .3rem solid var(--edge); border-radius: .6rem; padding: .8rem 1rem } .cards strong { font-size: 1.0625rem } .cards p { margin: .3rem 0 0 }
.cards > .danger { border-left-color: var(--danger) } .cards > .care { border-left-color: var(--care) } .cards > .routine { border-left-color: var(--routine) } .cards > .good { border-left-color: var(--good) }
.filters { display: flex; flex-wrap: wrap; gap: .5rem 1.75rem; margin: 0 0 1.75rem; font-size: .9375rem } fieldset { border: 0; padding: 0; margin: 0; min-width: 0; display: flex; flex-wrap: wrap; gap: .3rem .4rem; align-items: center } legend { float: left; padding: 0 .5rem 0 0; color: var(--soft) }
.filters label { display: inline-flex; max-width: 100%; align-items: center; border: 1px solid var(--edge); border-radius: 2rem; padding: .15rem .8rem; min-height: 2rem; cursor: pointer; background: var(--box) }
.filters input { appearance: none; margin: 0; width: 0; height: 0; position: absolute } .filters label:has(:checked) { background: var(--ink); color: var(--ground); border-color: var(--ink) } .filters label:has(:focus-visible) { outline: 3px solid var(--routine); outline-offset: 2px }
.stack { border-top: 1px solid var(--line); padding-top: 1.75rem; margin-top: 2.25rem } .stack > h2 .badge { font-size: .875rem; vertical-align: .25em; margin-left: .4rem }
.reasons { margin: .9rem 0 } .reasons li { display: flex; gap: .7rem; align-items: baseline; padding: .3rem 0 } .reasons li:first-child { font-weight: 600 } .reasons .badge { flex: none }
.items > li { background: var(--box); border: 1px solid var(--line); border-radius: .6rem; padding: .7rem 1rem; margin: 0 0 .5rem } .items > .danger, .items > .critical, .items > .high { border-left: .3rem solid var(--danger) } .items > .care, .items > .medium { border-left: .3rem solid var(--care) } .items p { margin: .25rem 0 0 }
.head { display: flex; flex-wrap: wrap; gap: .2rem .6rem; align-items: baseline } .head > code { font-weight: 600 } .head > .at { margin-left: auto; font-weight: 400; color: var(--soft); font-size: .8125rem }
summary { cursor: pointer } summary .head { display: inline-flex; width: calc(100% - 1.6rem); vertical-align: top } details[open] > summary { margin-bottom: .4rem }
.fields { display: grid; gap: .5rem; margin: .6rem 0 .2rem } .fields > li { border-top: 1px solid var(--line); padding-top: .5rem } .fields code { font-size: .8125rem } .fields b { font-weight: 600; color: var(--danger) }
del, ins { display: block; font-family: var(--mono); font-size: .8125rem; text-decoration: none; padding: .05rem .6rem; border-left: 3px solid; white-space: pre-wrap } del { color: var(--gone) } ins { color: var(--come) } del::before { content: "− " } ins::before { content: "+ " }
table { border-collapse: collapse; width: 100%; font-size: .9375rem } th, td { text-align: left; padding: .4rem .9rem .4rem 0; border-bottom: 1px solid var(--line); vertical-align: top } th { font-weight: 600; color: var(--soft); font-size: .875rem } .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap } tfoot td { font-weight: 600; border-bottom: 0 } .number small { display: block }
.wide { overflow-x: auto; margin: .5rem 0 } .drawing { background: var(--box); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem } .drawing svg { display: block; height: auto; max-width: 100%; margin: 0 auto } .drawing svg.big { min-width: 46rem }
svg text { font-family: var(--mono); font-size: 12px; fill: var(--soft) } svg .name { font-size: 13px; font-weight: 600; fill: var(--ink) } svg rect { fill: var(--sunk); stroke: var(--edge) } svg path { fill: none; stroke: var(--edge); stroke-width: 1.25 } svg polygon { fill: var(--edge) }
svg .danger rect { fill: var(--danger-box); stroke: var(--danger); stroke-width: 2 } svg .danger .mark { fill: var(--danger) } svg .care rect { fill: var(--care-box); stroke: var(--care); stroke-width: 2 } svg .care .mark { fill: var(--care) }
svg .routine rect { fill: var(--routine-box); stroke: var(--routine); stroke-width: 2 } svg .routine .mark { fill: var(--routine) } svg .good rect { fill: var(--good-box); stroke: var(--good); stroke-width: 1.5 } svg .good .mark { fill: var(--good) } svg .mark { font-weight: 600 }
.way { margin: .7rem 0 .3rem; counter-reset: station } .way li { position: relative; padding: 0 0 .7rem 1.9rem } .way li::before { content: ""; position: absolute; left: .35rem; top: .4rem; width: .7rem; height: .7rem; border-radius: 50%; border: 2px solid var(--good); background: var(--box) } .way li:not(:last-child)::after { content: ""; position: absolute; left: .75rem; top: 1.2rem; bottom: -.35rem; border-left: 2px solid var(--edge) } .way li:last-child { padding-bottom: 0 } .way li:last-child::before { background: var(--good) } .way.leak li::before { border-color: var(--danger) } .way.leak li:last-child::before { background: var(--danger) } .way small { display: block }
footer { border-top: 1px solid var(--line); margin-top: 3rem; padding-top: 1rem; color: var(--soft); font-size: .875rem }
@media (max-width: 40rem) { .head > .at { margin-left: 0 } .items > li { padding: .65rem .8rem } main, .top > div { padding-left: 1rem; padding-right: 1rem } .costs td:nth-child(2), .costs th:nth-child(2) { display: none } th, td { padding-right: .6rem } }
@media print { :root { color-scheme: light; --ink: #000; --soft: #444; --line: #bbb; --edge: #777; --ground: #fff; --box: #fff; --sunk: #f5f5f5; --danger: #a5121f; --danger-box: #fdecec; --care: #7a4b00; --care-box: #fff4dc; --routine: #174ea6; --routine-box: #eaf1fd; --none: #444; --none-box: #f0f1f3; --good: #0b6430; --good-box: #e6f5ea; --gone: #a5121f; --come: #0b6430 }
  @page { margin: 16mm 14mm } body { font-size: 10pt; print-color-adjust: exact; -webkit-print-color-adjust: exact } .filters, .skip { display: none } .drawing svg.big { min-width: 0 } .drawing, .wide { overflow: visible } .items > li, .cards > li, tr, figure { break-inside: avoid } h2, h3 { break-after: avoid }
  details::details-content { content-visibility: visible; display: block; height: auto } details > summary { list-style: none } main, .top > div { max-width: none; padding: 0 } }
`;
