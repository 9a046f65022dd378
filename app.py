"""The entrance: `streamlit run app.py`. Navigation and language; the shell does the rest."""

import streamlit as st
from starlette.middleware import Middleware

from ui import live, serve, shell, sweeper
from ui.lecture import HOME, TOPICS

if __name__ == "app":  # the server imports this file, and runs it for every visitor
    live.check_settings()
    serve.keep_uploads_off_the_disk(st.get_option("server.maxUploadSize"))
    base = st.get_option("server.baseUrlPath")
    app = st.App(
        __file__,
        routes=serve.routes(base),
        middleware=[Middleware(serve.Lost, base)],
        on_script_error=shell.caught,
        lifespan=sweeper.lifespan,
    )
else:
    live.warm_up()
    shell.restore()
    pages = {topic: shell.page(topic) for topic in (HOME, *TOPICS)}
    chosen = st.navigation(list(pages.values()), position="hidden")  # the shell has lighter links
    topic = next(topic for topic, page in pages.items() if page == chosen)
    shell.run(topic, pages)
