"""The entrance: `streamlit run app.py`. Navigation and language; the shell does the rest."""

import streamlit as st

from ui import live, preview, shell
from ui.lecture import HOME, TOPICS

if __name__ == "app":  # the server imports this file, and runs it for every visitor
    app = st.App(__file__, routes=preview.ROUTES)
else:
    live.warm_up()
    shell.restore()
    pages = {topic: shell.page(topic) for topic in (HOME, *TOPICS)}
    chosen = st.navigation(list(pages.values()), position="hidden")  # the shell has lighter links
    topic = next(topic for topic, page in pages.items() if page == chosen)
    shell.run(topic, pages)
