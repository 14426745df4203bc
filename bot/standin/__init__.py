"""A small Slack for people without one: Web API, Socket Mode and a page in the browser.

Knows nothing of Assay: the real bot connects to it unchanged, and only `engine.clock` and `bot.blockkit` are shared.

In the demo, as a child process:

    python -m bot.standin.main --port 0 --port-file PATH --home DIR [--seed FILE] [--verbs FILE]

In a test:

    room = Room.open(":memory:")
    room.seed(users=[Person(...)], channels=[Channel(...)])
    app = build_standin(room, tour=Tour(...))       # an ASGI app; `bot.standin.main.serve` runs it on uvicorn

Point the bot at it with ASSAY_SLACK_API_URL=http://127.0.0.1:PORT/api/, SLACK_BOT_TOKEN=xoxb-standin and
SLACK_APP_TOKEN=xapp-standin. The modules, from the bottom up:

room       the SQLite file, the clock of timestamps, and the journal of changes that the page follows
people     who is here: persons, channels, direct conversations · seed: who is here at first, and what to try
messages   posts, threads, ephemerals · views: modals and Home · files: what was uploaded · fill: ids Slack would give
tickets    triggers and response_urls: things an app may use once, or five times
delivery   one envelope out, one acknowledgement back · socket: over a WebSocket · webhook: over signed HTTP
payloads   what Slack sends an app, word for word
api, call  the Web API; methods_* hold the methods themselves · faults: 429, 500, reset and slow, on request
deeds      what a person does on the page: say, press, drop a file · forms: submit and close · notices: what it says
state      form fields read into `view.state.values`
mrkdwn, rich, nodes, chart, render    JSON to nodes to HTML · page, stream   what the browser sees
"""
